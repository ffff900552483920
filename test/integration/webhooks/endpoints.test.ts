// /v1/webhook-endpoints: what a merchant may ask for, what is refused and how it is told, and what each change means for
// the webhooks that follow. Webhooks arrive at a real server and signatures are judged by the official packages. Every
// test has endpoints, and where it counts them a tenant, of its own.

import { expect } from 'chai';
import { newId } from '../../../src/platform/ids.ts';
import { mostEndpoints } from '../../../src/webhooks/policy.ts';
import { type Answer, isProductionProfile, type TestTenant } from '../../support/build-gateway.ts';
import { addKey } from '../../support/payment-states.ts';
import { answers, type ReceivedWebhook } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, second, setStage } from '../../support/webhook-stage.ts';

type Body = Answer['body'];

const base = '/v1/webhook-endpoints';
const url = 'https://shop.example.co.ke/lango';

describe('webhook endpoints', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const post = (tenant: TestTenant, body: unknown = { url }): Promise<Answer> => stage.call(base, { tenant, body });

  /** An endpoint that nothing is ever sent to, of a tenant of its own. */
  async function quiet(body: object = {}): Promise<{ tenant: TestTenant; path: string; made: Body }> {
    const tenant = await stage.app.addTenant();
    const { status, body: made, text } = await post(tenant, { url, ...body });
    expect(status, text).to.equal(201);
    return { tenant, path: `${base}/${made.id}`, made };
  }

  /** `POINTER code` of each error, sorted. */
  const errorsOf = ({ body }: Answer): string[] =>
    body.errors.map((error: Body) => `${error.pointer ?? `?${error.parameter}`} ${error.code}`).sort();

  /** How many signatures a webhook has. */
  const signatures = ({ headers }: ReceivedWebhook): number => String(headers['webhook-signature']).split(' ').length;

  describe('are made', () => {
    it('with 201, the place they are at, and a secret of 32 bytes that nobody may keep on the way', async () => {
      const tenant = await stage.app.addTenant();
      const made = await post(tenant);
      expect(made.status).to.equal(201);
      expect(made.headers.get('Location')).to.equal(`${base}/${made.body.id}`);
      expect(made.headers.get('Cache-Control')).to.equal('no-store');
      const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]{43}=)$/.exec(made.body.secret) ?? [];
      expect(Buffer.from(encoded, 'base64')).to.have.length(32);
      const { secret: _secret, ...rest } = made.body;
      expect((await stage.call(made.headers.get('Location')!, { tenant })).body).to.deep.equal(rest);
    });

    it('with defaults for what is not said: all types, no description, enabled', async () => {
      const { made } = await quiet();
      expect(made).to.deep.equal({
        id: made.id,
        object: 'webhook_endpoint',
        mode: 'test',
        url,
        types: ['*'],
        description: null,
        status: 'enabled',
        disabled_reason: null,
        failing_since: null,
        last_success_at: null,
        created_at: new Date(stage.app.clock.now()).toISOString(),
        secret: made.secret,
      });
    });

    it('each with a secret of its own', async () => {
      const tenant = await stage.app.addTenant();
      const made = await Promise.all(Array.from({ length: 8 }, () => post(tenant)));
      expect(new Set(made.map(({ body }) => body.secret)).size).to.equal(8);
    });

    it('with each type once, in the order given, and with * alone where it stands beside others', async () => {
      const repeated = await quiet({ types: ['payment.succeeded', 'payment.failed', 'payment.succeeded'] });
      expect(repeated.made.types).to.deep.equal(['payment.succeeded', 'payment.failed']);
      const all = await quiet({ types: ['payment.succeeded', '*', 'ping'] });
      expect(all.made.types).to.deep.equal(['*']);
    });

    it('without the spaces around url and description; a description may be null or empty', async () => {
      const { made } = await quiet({ url: `  ${url} `, description: '  The shop ' });
      expect(made).to.include({ url, description: 'The shop' });
      expect((await quiet({ description: null })).made.description).to.equal(null);
      expect((await quiet({ description: '' })).made.description).to.equal('');
    });

    it('by a live key in live mode', async () => {
      const tenant = await stage.app.addTenant({ mode: 'live', shortcode: '601001' });
      expect((await post(tenant)).body).to.include({ mode: 'live' });
    });
  });

  describe('are refused', () => {
    const wrong: readonly [what: string, body: unknown, errors: string[]][] = [
      ['without a url', {}, ['/url required']],
      ['with a url that is no text', { url: 5 }, ['/url wrong_type']],
      ['with an empty url', { url: '  ' }, ['/url out_of_range']],
      ['with a url that is too long', { url: `${url}/${'x'.repeat(2048)}` }, ['/url out_of_range']],
      ['with types that are no list', { url, types: '*' }, ['/types wrong_type']],
      ['without any type', { url, types: [] }, ['/types out_of_range']],
      ['with null for types', { url, types: null }, ['/types wrong_type']],
      ['with types there are none of', { url, types: ['*', 'payment.paid', 7] }, ['/types/1 ', '/types/2 ']],
      ['with a description that is no text', { url, description: 5 }, ['/description wrong_type']],
      ['with a description that is too long', { url, description: 'x'.repeat(256) }, ['/description out_of_range']],
      ['with a description that a database would cut', { url, description: 'a\0b' }, ['/description wrong_format']],
      ['with fields there are none of', { url, secret: 'x', status: 'paused' }, ['/secret ', '/status ']],
      ['when the body is a list', [url], [' wrong_type']],
      ['when the body is null', 'null', [' wrong_type']],
    ];
    for (const [what, body, errors] of wrong)
      it(`${what}, and told where`, async () => {
        const answer = await post(stage.tenant, body);
        expect(answer.status, answer.text).to.equal(400);
        expect(answer.body.code).to.equal('invalid_request');
        const told = errorsOf(answer);
        expect(told, answer.text).to.have.length(errors.length);
        for (const [index, error] of errors.entries()) expect(told[index]).to.match(new RegExp(`^${error}`));
      });

    it('for all that is wrong at once: each field with its place, the rule for URLs among them', async () => {
      const answer = await post(stage.tenant, {
        url: 'ftp://shop.example.co.ke',
        types: ['payment.succeeded', 'payment.paid'],
        description: 5,
        'co/lour': 'blue',
      });
      expect(answer.status).to.equal(400);
      expect(errorsOf(answer)).to.deep.equal([
        '/co~1lour unknown_field',
        '/description wrong_type',
        '/types/1 wrong_format',
        '/url wrong_format',
      ]);
    });

    it('with a query: there is none', async () => {
      const answer = await stage.call(`${base}?mode=live`, { body: { url } });
      expect(errorsOf(answer)).to.deep.equal(['?mode unknown_field']);
    });

    const nowhere = [
      'shop.example.co.ke/lango',
      '//shop.example.co.ke',
      'ftp://shop.example.co.ke',
      'javascript:alert(1)',
      'https://user:pass@shop.example.co.ke',
      'https://shop.example.co.ke/#part',
      'https://shop example.co.ke',
      'https:\\\\shop.example.co.ke',
      'https://shop.example.co.ke:99999',
      'https://10.0.0.1/hook',
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]:8080/',
      'http://[::ffff:10.0.0.1]/',
      'http://168.63.129.16/',
      'http://2130706433.0.0.1.x_/..%00#',
    ];
    for (const target of nowhere)
      it(`for ${target}, in test mode too`, async () => {
        const answer = await post(stage.tenant, { url: target });
        expect(answer.status, answer.text).to.equal(400);
        expect(errorsOf(answer)).to.deep.equal(['/url wrong_format']);
        expect(answer.body.detail).to.match(/^[^{}]+\.$/);
      });

    it('for this gateway’s own address, by whatever name', async () => {
      const { port } = new URL(stage.app.url);
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST.:${port}`, `127.1:${port}`]) {
        const answer = await post(stage.tenant, { url: `http://${host}/callbacks` });
        expect(errorsOf(answer), host).to.deep.equal(['/url wrong_format']);
        expect(answer.body.detail, host).to.contain('this gateway itself');
      }
    });

    it('in live mode for http, and for an address instead of a name; in test mode neither', async () => {
      const live = await stage.app.addTenant({ mode: 'live', shortcode: '601002' });
      for (const target of ['http://shop.example.co.ke', 'https://203.0.113.10/hook', 'https://[2606:4700::1]/hook'])
        expect(errorsOf(await post(live, { url: target })), target).to.deep.equal(['/url wrong_format']);
      const test = await stage.app.addTenant();
      for (const target of ['http://shop.example.co.ke', 'https://8.8.8.8/hook'])
        expect((await post(test, { url: target })).status, target).to.equal(201);
    });

    it(`when there are ${mostEndpoints} already, test and live together; one deleted makes room`, async () => {
      const tenant = await stage.app.addTenant();
      const live = { ...tenant, key: (await addKey(stage.app, tenant, { mode: 'live' })).key };
      expect((await post(live)).status).to.equal(201);
      for (let made = 1; made < mostEndpoints; made += 1) expect((await post(tenant)).status).to.equal(201);
      for (const one of [tenant, live]) {
        const answer = await post(one);
        expect(answer.status).to.equal(409);
        expect(answer.body.code).to.equal('endpoint_limit_reached');
      }
      const { body } = await stage.call(`${base}?limit=100`, { tenant });
      expect(body.data).to.have.length(mostEndpoints - 1);
      await stage.call(`${base}/${body.data[0].id}`, { tenant, method: 'DELETE' });
      expect((await post(live)).status).to.equal(201);
      expect((await post(tenant)).status).to.equal(409);
    });

    it(`beyond ${mostEndpoints} of 25 at once: exactly ${mostEndpoints} are made`, async () => {
      const tenant = await stage.app.addTenant();
      const made = await Promise.all(Array.from({ length: 25 }, () => post(tenant)));
      const statuses = made.map(({ status }) => status).sort();
      expect(statuses).to.deep.equal([...Array(mostEndpoints).fill(201), ...Array(25 - mostEndpoints).fill(409)]);
      const { body } = await stage.call(`${base}?limit=100`, { tenant });
      expect(body.data).to.have.length(mostEndpoints);
    });
  });

  describe('are listed', () => {
    it('newest first and paged by keyset: each once, although one is made and one deleted meanwhile', async () => {
      const tenant = await stage.app.addTenant();
      const made: string[] = [];
      for (let index = 0; index < 6; index += 1) {
        if (index === 3) await stage.app.clock.advance(second);
        made.unshift((await post(tenant)).body.id);
      }
      const read = async (query: string): Promise<Body> => (await stage.call(`${base}?${query}`, { tenant })).body;
      const first = await read('limit=2');
      expect(first).to.include({ object: 'list', has_more: true }).and.have.property('next_cursor').a('string');
      const later = (await post(tenant)).body.id;
      await stage.call(`${base}/${made[1]}`, { tenant, method: 'DELETE' });
      const nextOne = await read(`limit=2&cursor=${first.next_cursor}`);
      const third = await read(`limit=2&cursor=${nextOne.next_cursor}`);
      expect(third).to.include({ has_more: false, next_cursor: null });
      const pages = [first, nextOne, third].flatMap(({ data }) => data.map(({ id }: Body) => id));
      expect(pages).to.deep.equal(made);
      expect((await read('')).data.map(({ id }: Body) => id)).to.deep.equal([
        later,
        ...made.filter((id) => id !== made[1]),
      ]);
    });

    it('inside a window of time: from the first moment on, before the last', async () => {
      const tenant = await stage.app.addTenant();
      const made = [];
      for (let index = 0; index < 3; index += 1) {
        made.push((await post(tenant)).body);
        await stage.app.clock.advance(minute);
      }
      const ids = async (query: string): Promise<string[]> =>
        (await stage.call(`${base}?${query}`, { tenant })).body.data.map(({ id }: Body) => id);
      const [first, middle, last] = made;
      expect(await ids(`created_after=${middle.created_at}`)).to.deep.equal([last.id, middle.id]);
      expect(await ids(`created_before=${middle.created_at}`)).to.deep.equal([first.id]);
    });

    it('and the query is refused where it is wrong', async () => {
      for (const [query, error] of [
        ['limit=0', '?limit out_of_range'],
        ['limit=101', '?limit out_of_range'],
        ['limit=ten', '?limit wrong_format'],
        ['cursor=x', '?cursor wrong_format'],
        ['created_after=yesterday', '?created_after wrong_format'],
        ['status=enabled', '?status unknown_field'],
      ]) {
        const answer = await stage.call(`${base}?${query}`);
        expect(answer.status, query).to.equal(400);
        expect(errorsOf(answer), query).to.deep.equal([error]);
      }
      const { path, tenant } = await quiet();
      expect(errorsOf(await stage.call(`${path}?expand=all`, { tenant }))).to.deep.equal(['?expand unknown_field']);
    });
  });

  describe('are changed', () => {
    const changes: readonly [field: string, change: object, shown: object][] = [
      ['url', { url: 'https://other.example.co.ke/' }, { url: 'https://other.example.co.ke/' }],
      ['types', { types: ['payment.failed', 'payment.failed'] }, { types: ['payment.failed'] }],
      ['description', { description: ' Another ' }, { description: 'Another' }],
      ['description to null', { description: null }, { description: null }],
      ['status', { status: 'paused' }, { status: 'paused' }],
      ['nothing', {}, {}],
    ];
    for (const [field, change, shown] of changes)
      it(`${field}: that and nothing else`, async () => {
        const { tenant, path, made } = await quiet({ types: ['payment.succeeded'], description: 'The shop' });
        const { secret: _secret, ...asBefore } = made;
        const changed = await stage.call(path, { tenant, method: 'PATCH', body: change });
        expect(changed.status, changed.text).to.equal(200);
        expect(changed.body).to.deep.equal({ ...asBefore, ...shown });
        expect((await stage.call(path, { tenant })).body).to.deep.equal(changed.body);
      });

    it('not at all when anything is wrong, and all that is wrong is told', async () => {
      const { tenant, path } = await quiet();
      const asBefore = (await stage.call(path, { tenant })).body;
      const body = { url: 'http://10.0.0.1', types: [], description: 7, status: 'disabled', mode: 'live' };
      const answer = await stage.call(path, { tenant, method: 'PATCH', body });
      expect(answer.status).to.equal(400);
      expect(errorsOf(answer)).to.deep.equal([
        '/description wrong_type',
        '/mode unknown_field',
        '/status wrong_format',
        '/types out_of_range',
        '/url wrong_format',
      ]);
      expect((await stage.call(path, { tenant })).body).to.deep.equal(asBefore);
    });

    it('to other types: what happens from then on follows them', async () => {
      const target = await stage.target(undefined, { types: ['payment.failed'] });
      await stage.happen(1, { type: 'payment.succeeded' });
      await stage.sweep();
      await target.change({ types: ['payment.succeeded'] });
      const [wanted] = await stage.happen(1, { type: 'payment.succeeded' });
      await stage.happen(1, { type: 'payment.failed' });
      await stage.sweep();
      expect(target.ids()).to.deep.equal([wanted]);
    });

    it('to another url: what waits goes there, and its record is clean', async () => {
      const broken = await stage.target(answers.status(500));
      const healthy = await stage.target(undefined, { types: ['payment.failed'] });
      const [event] = await stage.happen();
      await stage.sweep();
      expect((await broken.shown()).failing_since).to.be.a('string');
      const changed = await broken.change({ url: `${healthy.url}/moved` });
      expect(changed).to.include({ failing_since: null, status: 'enabled' });
      await stage.pass(5 * second);
      expect(broken.requests).to.have.length(1);
      expect(healthy.requests.map(({ path }) => path)).to.deep.equal(['/moved']);
      expect(healthy.ids()).to.deep.equal([event]);
    });
  });

  describe('are paused and enabled', () => {
    for (const how of ['PATCH', 'POST enable'] as const)
      it(`by ${how}: held meanwhile, released after it with their number, oldest first, each once`, async () => {
        const target = await stage.target();
        expect(await target.change({ status: 'paused' })).to.include({ status: 'paused', disabled_reason: null });
        const events = await stage.happen(4);
        await stage.pass(hour);
        expect(target.requests).to.have.length(0);
        const held = await target.deliveries();
        expect(held.map(({ status, next_attempt_at: next }) => [status, next])).to.deep.equal(
          events.map(() => ['held', null]),
        );
        const enabled = how === 'PATCH' ? await target.change({ status: 'enabled' }) : await target.act('enable');
        expect(enabled).to.include({ status: 'enabled', released: 4 });
        await stage.sweep();
        expect(target.ids()).to.deep.equal(events);
        expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(events.map(() => 'delivered'));
      });

    it('what waits for its next attempt is held too, and keeps its place in the schedule', async () => {
      const target = await stage.target(answers.status(500));
      await stage.happen();
      await stage.sweep();
      await target.change({ status: 'paused' });
      await stage.pass(hour);
      expect((await target.deliveries())[0]).to.include({ status: 'held', attempt_count: 1, next_attempt_at: null });
      expect((await target.act('enable')).released).to.equal(1);
      await stage.sweep();
      const [afterwards] = await target.deliveries();
      expect(afterwards).to.include({ status: 'pending', attempt_count: 2 });
      expect(Date.parse(afterwards.next_attempt_at) - stage.app.clock.now()).to.equal(30 * second);
    });

    it('beside what is held, what is new goes out', async () => {
      const target = await stage.target();
      await target.change({ status: 'paused' });
      const held = await stage.happen(3);
      await stage.sweep();
      await target.act('enable');
      const fresh = await stage.happen(1);
      await stage.sweep();
      expect(target.ids()).to.have.members([...held, ...fresh]);
    });

    it('an enabled one stays as it is, and nothing is said to be released', async () => {
      const target = await stage.target();
      const asBefore = await target.shown();
      expect(await target.act('enable')).to.deep.equal(asBefore);
      expect(await target.change({ status: 'enabled' })).to.deep.equal(asBefore);
    });

    it('one that was disabled by 410 is enabled with a clean record, and what it missed arrives', async () => {
      const target = await stage.target(answers.status(410));
      const [first] = await stage.happen();
      await stage.sweep();
      const [nextOne] = await stage.happen();
      await stage.sweep();
      expect(await target.shown()).to.include({ status: 'disabled', disabled_reason: 'gone' });
      target.answerWith(answers.status(204));
      const enabled = await target.act('enable');
      expect(enabled).to.include({ status: 'enabled', disabled_reason: null, failing_since: null, released: 2 });
      await stage.sweep();
      expect(target.ids()).to.deep.equal([first, first, nextOne]);
      expect((await target.shown()).last_success_at).to.equal(new Date(stage.app.clock.now()).toISOString());
    });

    it('by a body that says more: refused', async () => {
      const { tenant, path } = await quiet();
      const answer = await stage.call(`${path}/enable`, { tenant, body: { status: 'enabled' } });
      expect(answer.status).to.equal(400);
      expect(errorsOf(answer)).to.deep.equal(['/status unknown_field']);
      expect((await stage.call(`${path}/enable`, { tenant, method: 'POST', body: [] })).status).to.equal(400);
    });
  });

  describe('are deleted', () => {
    it('with 204 and no body; after that they are not there for any route', async () => {
      const { tenant, path, made } = await quiet();
      const gone = await stage.call(path, { tenant, method: 'DELETE' });
      expect([gone.status, gone.text]).to.deep.equal([204, '']);
      const window = { since: '2026-10-01T00:00:00Z', until: '2026-10-02T00:00:00Z', only: 'all' };
      const calls: readonly [string, string, object?][] = [
        ['GET', path],
        ['PATCH', path, { status: 'enabled' }],
        ['DELETE', path],
        ['POST', `${path}/enable`],
        ['POST', `${path}/rotate-secret`],
        ['POST', `${path}/test`],
        ['POST', `${path}/replay`, window],
        ['GET', `${path}/deliveries`],
      ];
      for (const [method, address, body] of calls) {
        const answer = await stage.call(address, { tenant, method, ...(body === undefined ? {} : { body }) });
        expect(answer.status, `${method} ${address}`).to.equal(404);
        expect(answer.text).to.not.include(made.id);
      }
      expect((await stage.call(base, { tenant })).body.data).to.deep.equal([]);
    });

    it('and what waits is cancelled and never sent; what was delivered stays readable', async () => {
      const target = await stage.target(answers.inTurn(answers.status(204), answers.status(500)));
      for (let index = 0; index < 2; index += 1) {
        await stage.happen();
        await stage.sweep();
      }
      await target.change({ status: 'paused' });
      await stage.happen();
      await stage.sweep();
      const asBefore = await target.deliveries();
      await stage.call(`${base}/${target.id}`, { method: 'DELETE' });
      await stage.happen();
      await stage.pass(4 * day);
      expect(target.requests).to.have.length(2);
      const afterwards = await Promise.all(asBefore.map(({ id }) => stage.delivery(id)));
      expect(afterwards.map(({ status }) => status)).to.deep.equal(['delivered', 'cancelled', 'cancelled']);
      expect(afterwards.map(({ attempts }) => attempts.length)).to.deep.equal([1, 1, 0]);
      expect(afterwards.map(({ next_attempt_at: next }) => next)).to.deep.equal([null, null, null]);
    });

    it('and so are their secrets', async () => {
      const { tenant, path, made } = await quiet();
      await stage.call(`${path}/rotate-secret`, { tenant, method: 'POST' });
      const secrets = () => stage.app.gateway.core.db('endpoint_secrets').where({ endpoint_id: made.id });
      expect(await secrets()).to.have.length(2);
      await stage.call(path, { tenant, method: 'DELETE' });
      expect(await secrets()).to.have.length(0);
    });
  });

  describe('keep their secrets', () => {
    it('to the answers that made them: no other answer has one', async () => {
      const target = await stage.target();
      await stage.happen();
      await stage.sweep();
      const path = `${base}/${target.id}`;
      const [delivery] = await target.deliveries();
      const calls = [
        stage.call(base),
        stage.call(path),
        stage.call(path, { method: 'PATCH', body: { description: 'x' } }),
        stage.call(`${path}/enable`, { method: 'POST' }),
        stage.call(`${path}/test`, { method: 'POST' }),
        stage.call(`${path}/deliveries`),
        stage.call(`/v1/deliveries/${delivery.id}`),
        stage.call('/v1/events'),
      ];
      for (const { status, text } of await Promise.all(calls)) {
        expect(status).to.be.within(200, 299);
        expect(text).to.not.contain('whsec_').and.not.contain(target.secret.slice(6, 30));
      }
    });

    it('sealed: none can be read in any row of the database', async () => {
      const target = await stage.target();
      const { secret } = await target.act('rotate-secret');
      await target.act('test');
      await stage.happen();
      await stage.sweep();
      const { db } = stage.app.gateway.core;
      const tables: string[] = isProductionProfile
        ? (await db.raw('show tables'))[0].map((row: object) => Object.values(row)[0])
        : await db('sqlite_master').where({ type: 'table' }).pluck('name');
      expect(tables).to.include.members(['endpoints', 'endpoint_secrets', 'attempts', 'events']);
      for (const table of tables) {
        const rows = JSON.stringify(await db(table).select('*'));
        for (const part of ['whsec_', target.secret.slice(6, 30), secret.slice(6, 30)])
          expect(rows.includes(part), table).to.equal(false);
      }
    });

    it('rotated without an overlap: the old one ends at once', async () => {
      const target = await stage.target();
      const { secret } = await target.act('rotate-secret', { overlap_seconds: 0 });
      expect(secret)
        .to.match(/^whsec_/)
        .and.not.equal(target.secret);
      await stage.happen();
      await stage.sweep();
      expect(signatures(target.requests[0]!)).to.equal(1);
      expect(target.verified(secret, false)).to.have.length(1);
      expect(() => target.verified(target.secret, false)).to.throw();
    });

    const overlaps: readonly [what: string, body: object | undefined, ms: number][] = [
      ['a day when nothing is said', undefined, day],
      ['a day when the body is empty', {}, day],
      ['as long as is said', { overlap_seconds: 60 }, minute],
      ['seven days at most', { overlap_seconds: 7 * 86_400 }, 7 * day],
    ];
    for (const [what, body, ms] of overlaps)
      it(`rotated with an overlap: receivers with the old one and with the new one both verify for ${what}`, async () => {
        const target = await stage.target();
        const rotated = await stage.call(`${base}/${target.id}/rotate-secret`, {
          method: 'POST',
          ...(body === undefined ? {} : { body }),
        });
        expect(rotated.status, rotated.text).to.equal(200);
        expect(rotated.headers.get('Cache-Control')).to.equal('no-store');
        const { secret, ...shown } = rotated.body;
        expect(shown).to.deep.equal(await target.shown());
        await stage.app.clock.advance(ms - 1);
        await stage.happen();
        await stage.sweep();
        expect(signatures(target.requests[0]!)).to.equal(2);
        for (const one of [secret, target.secret]) expect(target.verified(one, false)).to.have.length(1);
        await stage.app.clock.advance(1);
        await stage.happen();
        await stage.sweep();
        expect(signatures(target.requests[1]!)).to.equal(1);
        expect(target.verified(secret, false)).to.have.length(2);
        expect(() => target.verified(target.secret, false)).to.throw();
      });

    it('rotated again: each goes on until its own end, the newest first; no overlap ends them all', async () => {
      const target = await stage.target();
      const nextOne = (await target.act('rotate-secret', { overlap_seconds: 3600 })).secret;
      const third = (await target.act('rotate-secret')).secret;
      await stage.happen();
      await stage.sweep();
      expect(signatures(target.requests[0]!)).to.equal(3);
      for (const secret of [target.secret, nextOne, third]) target.verified(secret, false);
      await stage.app.clock.advance(hour);
      const fourth = (await target.act('rotate-secret')).secret;
      await stage.happen();
      await stage.sweep();
      expect(signatures(target.requests[1]!)).to.equal(3);
      expect(() => target.verified(target.secret, false)).to.throw();
      const [newest] = String(target.requests[1]!.headers['webhook-signature']).split(' ');
      const last = (await target.act('rotate-secret', { overlap_seconds: 0 })).secret;
      target.requests[1]!.headers['webhook-signature'] = newest;
      target.requests.splice(0, 1);
      expect(target.verified(fourth, false)).to.have.length(1);
      target.requests.splice(0, 1);
      await stage.happen();
      await stage.sweep();
      expect(signatures(target.requests[0]!)).to.equal(1);
      expect(target.verified(last, false)).to.have.length(1);
    });

    const wrong: readonly [unknown, string][] = [
      [{ overlap_seconds: 7 * 86_400 + 1 }, '/overlap_seconds out_of_range'],
      [{ overlap_seconds: -1 }, '/overlap_seconds out_of_range'],
      [{ overlap_seconds: 1.5 }, '/overlap_seconds wrong_type'],
      [{ overlap_seconds: '60' }, '/overlap_seconds wrong_type'],
      [{ overlap_seconds: null }, '/overlap_seconds wrong_type'],
      [{ overlap: 60 }, '/overlap unknown_field'],
    ];
    for (const [body, error] of wrong)
      it(`and are not rotated by ${JSON.stringify(body)}`, async () => {
        const { tenant, path, made } = await quiet();
        const answer = await stage.call(`${path}/rotate-secret`, { tenant, body });
        expect(answer.status, answer.text).to.equal(400);
        expect(errorsOf(answer)).to.deep.equal([error]);
        const rows = await stage.app.gateway.core.db('endpoint_secrets').where({ endpoint_id: made.id });
        expect(rows).to.have.length(1);
      });
  });

  describe('are tried', () => {
    it('with a ping that arrives signed, whatever their types, and is no event among what happened', async () => {
      const target = await stage.target(undefined, { types: ['payment.failed'] });
      const bystander = await stage.target();
      const tried = await stage.call(`${base}/${target.id}/test`, { method: 'POST' });
      expect(tried.status).to.equal(202);
      const now = new Date(stage.app.clock.now()).toISOString();
      expect(tried.body).to.deep.equal({
        id: tried.body.id,
        object: 'delivery',
        event: tried.body.event,
        endpoint: target.id,
        type: 'ping',
        status: 'pending',
        attempt_count: 0,
        next_attempt_at: now,
        last_status_code: null,
        last_error: null,
        created_at: now,
        delivered_at: null,
      });
      await stage.sweep();
      expect(target.ids()).to.deep.equal([tried.body.event]);
      const [body] = target.verified(target.secret, false) as [Body];
      expect(body).to.include({ type: 'ping', timestamp: now });
      expect(body.data.endpoint).to.equal(target.id);
      expect(bystander.requests).to.have.length(0);
      const delivery = await stage.delivery(tried.body.id);
      expect(delivery).to.include({ status: 'delivered', attempt_count: 1 });
      expect(delivery.attempts[0]).to.include({ trigger: 'test', status_code: 204 });
      const events = await stage.call('/v1/events?limit=100');
      expect(events.body.data.filter(({ type }: Body) => type === 'ping')).to.deep.equal([]);
      expect((await stage.call('/v1/events?type=ping')).status).to.equal(400);
      const one = await stage.call(`/v1/events/${tried.body.event}`);
      expect(one.body).to.deep.include({ type: 'ping', data: body.data });
    });

    it('each time anew, and at once although the endpoint is left alone for now', async () => {
      const target = await stage.target(answers.status(503, { 'Retry-After': '3600' }));
      await stage.happen();
      await stage.sweep();
      target.answerWith(answers.status(204));
      const [first, nextOne] = [await target.act('test'), await target.act('test')];
      expect(first.event).to.not.equal(nextOne.event);
      await stage.sweep();
      expect(target.ids()).to.include.members([first.event, nextOne.event]);
    });

    it('and while they are paused the ping is held', async () => {
      const target = await stage.target();
      await target.change({ status: 'paused' });
      expect(await target.act('test')).to.include({ status: 'held', next_attempt_at: null });
      await stage.sweep();
      expect(target.requests).to.have.length(0);
      expect((await target.act('enable')).released).to.equal(1);
      await stage.sweep();
      expect(target.requests).to.have.length(1);
    });

    it('by a body that says more: refused', async () => {
      const { tenant, path } = await quiet();
      const answer = await stage.call(`${path}/test`, { tenant, body: { type: 'ping' } });
      expect(errorsOf(answer)).to.deep.equal(['/type unknown_field']);
    });
  });

  describe('are sent a time again', () => {
    const at = (ms: number): string => new Date(stage.app.clock.now() + ms).toISOString();
    const window = (more: object = {}): object => ({ since: at(-hour), until: at(minute), only: 'all', ...more });

    const wrong: readonly [what: string, body: () => unknown, errors: string[]][] = [
      ['nothing', () => ({}), ['/only required', '/since required', '/until required']],
      ['no time', () => window({ since: 'yesterday' }), ['/since wrong_format']],
      ['a time without its zone', () => window({ until: '2026-10-06T00:00:00' }), ['/until wrong_format']],
      ['a number for a time', () => window({ since: 1_790_000_000 }), ['/since wrong_type']],
      ['an end before the beginning', () => window({ until: at(-2 * hour) }), ['/until wrong_format']],
      ['an end that is the beginning', () => window({ since: at(0), until: at(0) }), ['/until wrong_format']],
      ['more than 30 days', () => window({ since: at(-30 * day - 1), until: at(0) }), ['/since out_of_range']],
      [
        'what is older than what is kept',
        () => window({ since: at(-90 * day), until: at(-80 * day) }),
        ['/since out_'],
      ],
      ['something else than failed or all', () => window({ only: 'dead' }), ['/only wrong_format']],
      ['no type', () => window({ types: [] }), ['/types out_of_range']],
      ['all types by a star', () => window({ types: ['*'] }), ['/types/0 wrong_format']],
      ['pings', () => window({ types: ['ping'] }), ['/types/0 wrong_format']],
      ['a field there is none of', () => window({ limit: 5 }), ['/limit unknown_field']],
    ];
    for (const [what, body, errors] of wrong)
      it(`not by a request for ${what}`, async () => {
        const { tenant, path, made } = await quiet();
        const answer = await stage.call(`${path}/replay`, { tenant, body: body() });
        expect(answer.status, answer.text).to.equal(400);
        const told = errorsOf(answer);
        expect(told, answer.text).to.have.length(errors.length);
        for (const [index, error] of errors.entries()) expect(told[index]).to.match(new RegExp(`^${error}`));
        const rows = await stage.app.gateway.core.db('replays').where({ endpoint_id: made.id });
        expect(rows).to.have.length(0);
      });

    it('exactly 30 days are taken, and times in any zone', async () => {
      const { tenant, path } = await quiet();
      const body = { since: '2026-09-06T14:00:00+03:00', until: '2026-10-06T11:00:00Z', only: 'failed' };
      const answer = await stage.call(`${path}/replay`, { tenant, body });
      expect(answer.status, answer.text).to.equal(202);
      expect(answer.body).to.deep.equal({ count: 0 });
    });

    it('all: everything of the time that they subscribe to, under the same webhook-id, with its number', async () => {
      const tenant = await stage.app.addTenant();
      const missed = await stage.happen(2, { tenant });
      await stage.sweep();
      const target = await stage.target(undefined, { tenant, types: ['payment.succeeded'] });
      const seen = await stage.happen(2, { tenant });
      await stage.happen(1, { tenant, type: 'payment.failed' });
      await stage.sweep();
      expect(target.ids()).to.have.members(seen);
      await stage.app.clock.advance(minute);
      expect(await target.act('replay', window())).to.deep.equal({ count: 4 });
      await stage.sweep();
      expect(target.ids()).to.have.members([...seen, ...missed, ...seen]);
      const bodies = target.requests.filter(({ headers }) => headers['webhook-id'] === seen[0]).map(({ body }) => body);
      expect(bodies).to.have.length(2);
      expect(new Set(bodies).size).to.equal(1);
    });

    it('only the types that are asked for, and of those only what they subscribe to', async () => {
      const tenant = await stage.app.addTenant();
      const target = await stage.target(undefined, { tenant, types: ['payment.succeeded', 'payment.failed'] });
      await stage.happen(2, { tenant });
      const [failed] = await stage.happen(1, { tenant, type: 'payment.failed' });
      await stage.happen(1, { tenant, type: 'payment.expired' });
      await stage.pass(second);
      expect(await target.act('replay', window({ types: ['payment.failed'] }))).to.deep.equal({ count: 1 });
      expect(await target.act('replay', window({ types: ['payment.expired'] }))).to.deep.equal({ count: 0 });
      target.requests.length = 0;
      await stage.sweep();
      expect(target.ids()).to.deep.equal([failed]);
    });

    it('failed: what is dead or held is counted, what arrived is not; until is not part of the time', async () => {
      const tenant = await stage.app.addTenant();
      const target = await stage.target(undefined, { tenant });
      const delivered = await stage.happen(1, { tenant });
      const dead = await stage.happen(1, { tenant });
      await stage.app.clock.advance(minute);
      const later = await stage.happen(1, { tenant });
      await stage.sweep();
      const { db } = stage.app.gateway.core;
      const kill = { status: 'dead', due_at: null };
      await db('deliveries').whereIn('event_id', [dead[0]!, later[0]!]).update(kill);
      target.requests.length = 0;
      const until = at(0);
      expect(await target.act('replay', window({ only: 'failed', until }))).to.deep.equal({ count: 1 });
      await stage.sweep();
      expect(target.ids()).to.deep.equal(dead);
      await target.change({ status: 'paused' });
      await stage.happen(2, { tenant });
      await stage.pass(second);
      expect(await target.act('replay', window({ only: 'failed' }))).to.deep.equal({ count: 3 });
      expect(target.ids()).to.not.include(delivered[0]);
    });

    it('nothing that happened elsewhere: no ping and no event about the endpoint itself', async () => {
      const tenant = await stage.app.addTenant();
      const target = await stage.target(answers.status(410), { tenant });
      await stage.happen(1, { tenant });
      await target.act('test');
      await stage.sweep();
      expect((await target.shown()).status).to.equal('disabled');
      await stage.app.clock.advance(second);
      const { body } = await stage.call('/v1/events?type=webhook_endpoint.disabled', { tenant });
      expect(body.data).to.have.length(1);
      expect(await target.act('replay', window())).to.deep.equal({ count: 1 });
    });

    it('of an endpoint that is not there: 404', async () => {
      const answer = await stage.call(`${base}/${newId('whe')}/replay`, { body: window() });
      expect(answer.status).to.equal(404);
    });
  });
});
