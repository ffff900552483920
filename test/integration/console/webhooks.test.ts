// The webhooks pages: endpoints and how they fare, the deliveries of one, one delivery, and what a person does about them:
// send again, replay a window, try, pause and enable, rotate the secret. Real receivers, and the audit log beside it.

import { expect } from 'chai';
import { type AuditRow, listAudit } from '../../../src/platform/audit-store.ts';
import { isProductionProfile } from '../../support/build-gateway.ts';
import { flashOf, leadsTo, signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

const textOf = (html: string): string =>
  html
    .slice(html.indexOf('<main'))
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#x3D;', '=')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ');

describe('console: webhooks', function () {
  this.timeout(60_000);
  let stage: Stage;
  let visitor: Visitor;
  before(async () => {
    // Only the test's own sweeps send: a worker that took nudges beside them would race.
    stage = await setStage({ env: isProductionProfile ? { ROLES: 'api,console' } : {} });
  });
  beforeEach(async () => {
    visitor = await signedIn(stage.app);
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const pathOf = ({ id }: Pick<Target, 'id'>, act = ''): string => `/console/webhooks/${id}${act}?mode=test`;
  const deliveryPath = (id: string, act = ''): string => `/console/deliveries/${id}${act}?mode=test`;
  const lastAct = async (): Promise<AuditRow> =>
    (await listAudit(stage.app.gateway.core.db, { tenantId: null, limit: 1 }))[0]!;
  const kill = (target: Target): Promise<number> =>
    stage.app.gateway.core
      .db('deliveries')
      .where({ endpoint_id: target.id })
      .whereNot({ status: 'delivered' })
      .update({ status: 'dead', due_at: null });

  /** Records so many events and sweeps until the last of them has arrived. */
  async function deliver(target: Target, count: number): Promise<void> {
    await stage.happen(count);
    for (let n = 0; n < count && target.requests.length < count; n += 1) await stage.sweep();
    expect(target.requests).to.have.length(count);
    await stage.sweep();
  }

  async function page(path: string, who = visitor): Promise<string> {
    const { status, html } = await who.get(path);
    expect(status, html).to.equal(200);
    return html;
  }
  /** The row of the list that leads to an endpoint. */
  async function rowOf({ id }: Target, who = visitor): Promise<string | null> {
    const html = await page('/console/webhooks?mode=test', who);
    const row = html.split('<tr role="row">').find((one) => one.includes(`/console/webhooks/${id}?`));
    return row === undefined
      ? null
      : textOf(row.replace(/^/, '<main'))
          .replace(/^\S* ?/, '')
          .trim();
  }

  describe('the list', () => {
    it('tells of each how many of its webhooks of a day arrived, how fast it answers, and what waits', async () => {
      const target = await stage.target();
      expect(await rowOf(target)).to.match(/Enabled – success – 0 0 waiting –$/);
      await stage.happen(3);
      await stage.sweep();
      const { db } = stage.app.gateway.core;
      const ids = (await target.deliveries()).map(({ id }) => id);
      for (const [n, id] of ids.entries())
        await db('attempts')
          .where({ delivery_id: id })
          .update({ duration_ms: 100 * (n + 1) });
      expect(await rowOf(target)).to.match(/Enabled 100\.0 % success 300 ms 0 0 waiting –$/);
      target.answerWith(answers.status(500));
      await stage.happen(1);
      await stage.sweep();
      await kill(target);
      await stage.happen(1);
      await stage.sweep();
      expect(await rowOf(target)).to.match(/Enabled 75\.0 % success 300 ms 1 1 waiting 0 s$/);
      await stage.app.clock.advance(25 * hour);
      visitor = await signedIn(stage.app);
      expect(await rowOf(target)).to.match(/Enabled – success – 0 1 waiting 25 h$/);
    });

    it('keeps nineteen of twenty answers in mind, not the slowest one, and waits that came to nothing', async () => {
      const target = await stage.target();
      await deliver(target, 40);
      const { db } = stage.app.gateway.core;
      const ids = (await target.deliveries()).map(({ id }) => id);
      expect(ids).to.have.length(40);
      for (const [n, id] of ids.entries())
        await db('attempts')
          .where({ delivery_id: id })
          .update({ duration_ms: n + 1 });
      expect(await rowOf(target)).to.contain('38 ms');
      await db('attempts')
        .whereIn('delivery_id', ids.slice(0, 3))
        .update({ duration_ms: 10_000, status_code: null, error: 'timeout' });
      expect(await rowOf(target)).to.contain('10.0 s');
      await db('attempts').whereIn('delivery_id', ids.slice(0, 3)).update({ error: 'resolver_failed' });
      expect(await rowOf(target)).to.contain('39 ms');
    });

    it('shows a scope its own: mode, tenant, and never a deleted one', async () => {
      const other = await stage.app.addTenant({ shortcode: '654321' });
      const [mine, theirs] = [await stage.target(), await stage.target(undefined, { tenant: other })];
      const limited = await signedIn(stage.app, { tenantId: stage.tenant.id });
      expect([await rowOf(mine), await rowOf(theirs)]).not.to.include(null);
      expect(await rowOf(mine, limited)).not.to.equal(null);
      expect(await rowOf(theirs, limited)).to.equal(null);
      expect(await page('/console/webhooks?mode=live')).not.to.contain(mine.id);
      await stage.call(`/v1/webhook-endpoints/${mine.id}`, { method: 'DELETE' });
      expect(await rowOf(mine)).to.equal(null);
      expect((await visitor.get(pathOf(mine))).status).to.equal(404);
      expect((await visitor.post(pathOf(mine, '/test'))).status).to.equal(404);
    });
  });

  describe('one endpoint', () => {
    it('says where it is, what it is told, how it fares, and how a receiver verifies', async () => {
      const target = await stage.target(answers.status(204), { types: ['payment.succeeded'] });
      await stage.happen(2);
      await stage.sweep();
      const text = textOf(await page(pathOf(target)));
      expect(text).to.contain(`${target.url}/hook`).and.contain('payment.succeeded').and.contain('Enabled');
      expect(text).to.contain('100.0 % success: 2 delivered, 0 given up, 0 waiting');
      expect(text).to.match(/Answers within \(p95\) [\d.]+ m?s/);
      expect(text).to.contain('webhook.verify(body, request.headers)');
    });

    it('lists its deliveries by state, fifty at a time', async () => {
      const target = await stage.target();
      await deliver(target, 60);
      const seen: string[] = [];
      const collect = (html: string): void => {
        for (const [, id] of html.matchAll(/href="\/console\/deliveries\/(whd_\w+)\?/g)) seen.push(id!);
      };
      const first = await page(`${pathOf(target)}&status=delivered`);
      collect(first);
      expect(seen).to.have.length(50);
      const older = /<a class="btn" href="([^"]+cursor[^"]+)">Older/.exec(first)![1]!;
      collect(await page(older.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=')));
      expect(new Set(seen).size).to.equal(60);
      expect(await page(`${pathOf(target)}&status=dead`)).to.contain('No deliveries here.');
      expect(await page(`${pathOf(target)}&status=nonsense`)).to.contain('/console/deliveries/');
    });
  });

  describe('one delivery', () => {
    it('shows what was sent and what came back, attempt by attempt, without the customer’s number', async () => {
      const target = await stage.target(answers.status(500, { 'x-shop': 'one' }, 'no: 254712345678 is unknown'));
      await stage.happen(1);
      await stage.sweep();
      await stage.pass(10 * second);
      const [delivery] = await target.deliveries();
      const html = await page(deliveryPath(delivery.id));
      const text = textOf(html);
      expect(text).to.match(/payment\.succeeded waits for its next attempt at 127\.0\.0\.1:\d+, after 2 attempts/);
      expect(text).to.contain('Attempt 2: HTTP 500').and.contain('Attempt 1: HTTP 500').and.contain('x-shop: one');
      expect(text).to.contain('webhook-id').and.contain(delivery.event).and.contain('2547*****678 is unknown');
      expect(html).not.to.contain('254712345678').and.not.contain(target.secret);
      expect(html).not.to.match(/v1,[A-Za-z0-9+/]{20}/);
    });

    it('says what became of it in every state', async () => {
      const target = await stage.target(answers.status(410));
      await stage.happen(1);
      await stage.sweep();
      const [{ id }] = await target.deliveries();
      expect(textOf(await page(deliveryPath(id)))).to.match(/is held: 127\.0\.0\.1:\d+ is switched off/);
      await kill(target);
      expect(textOf(await page(deliveryPath(id)))).to.match(/was given up after 1 attempt/);
      await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
      expect((await visitor.get(deliveryPath(id))).status, 'stays readable').to.equal(200);
      const refused = await visitor.post(deliveryPath(id, '/retry'));
      expect(refused.status).to.equal(409);
      expect(textOf(refused.html)).to.contain('Its endpoint was deleted');
    });
  });

  describe('sending again', () => {
    it('one that was given up goes out at once, once for two clicks, and is audited', async () => {
      const target = await stage.target(answers.status(500));
      await stage.happen(1);
      await stage.sweep();
      await kill(target);
      const [{ id }] = await target.deliveries();
      target.answerWith(answers.status(204));
      const before = target.requests.length;
      const answer = await visitor.post(deliveryPath(id, '/retry'));
      expect([flashOf(answer), leadsTo(answer)]).to.deep.equal([
        'It is sent again now; load the page in a moment to see the answer.',
        deliveryPath(id),
      ]);
      expect(await lastAct()).to.include({ action: 'delivery.retried', target: id, actor: visitor.operator.id });
      await visitor.post(deliveryPath(id, '/retry'));
      await stage.sweep();
      await stage.sweep();
      expect(target.requests.length).to.equal(before + 1);
      expect(textOf(await page(deliveryPath(id)))).to.match(/reached 127\.0\.0\.1:\d+ after 2 attempts/);
    });

    it('a test sends a ping to whoever is there, and leads to its delivery', async () => {
      const target = await stage.target(answers.status(204), { types: ['payment.failed'] });
      const answer = await visitor.post(pathOf(target, '/test'));
      expect(flashOf(answer)).to.equal('A ping is on its way.');
      await stage.sweep();
      expect(JSON.parse(target.requests[0]!.body).type).to.equal('ping');
      expect(await lastAct()).to.include({ action: 'endpoint.tested', target: target.id });
      expect(textOf(await page(leadsTo(answer)))).to.match(/ping reached 127\.0\.0\.1:\d+ after 1 attempt/);
    });

    it('paused, it is sent nothing and loses nothing; enabled, what was held goes out', async () => {
      const target = await stage.target();
      await visitor.post(pathOf(target, '/pause'));
      expect(await lastAct()).to.include({ action: 'endpoint.paused', target: target.id });
      await stage.happen(3);
      await stage.sweep();
      expect(target.requests).to.have.length(0);
      const paused = textOf(await page(pathOf(target)));
      expect(paused).to.contain('Paused').and.contain('3 waiting').and.contain('Enable');
      const answer = await visitor.post(pathOf(target, '/enable'));
      expect(flashOf(answer)).to.equal('Enabled; 3 held go out.');
      expect((await lastAct()).action).to.equal('endpoint.enabled');
      await stage.pass(second);
      await target.received(3);
    });
  });

  describe('a replay', () => {
    /** `2026-10-06T14:15`, as Nairobi's clocks show it. */
    const nairobi = (at: number): string => new Date(at + 3 * hour).toISOString().slice(0, 16);
    const replay = (target: Target, fields: Record<string, string>): Promise<Visit> =>
      visitor.post(pathOf(target, '/replay'), { window: 'day', only: 'failed', from: '', to: '', ...fields });

    it('of a preset sends what was given up in it, or everything', async () => {
      const tenant = await stage.app.addTenant({ shortcode: '600200' });
      const target = await stage.target(undefined, { tenant });
      await stage.happen(2, { tenant });
      await stage.sweep();
      await stage.app.clock.advance(2 * hour);
      visitor = await signedIn(stage.app);
      target.answerWith(answers.status(500));
      await stage.happen(1, { tenant });
      await stage.sweep();
      await kill(target);
      target.answerWith(answers.status(204));
      await stage.app.clock.advance(second);
      expect(flashOf(await replay(target, { window: 'hour' }))).to.equal('1 will be sent again, beside what is new.');
      expect(await lastAct()).to.include({ action: 'endpoint.replayed', target: target.id });
      await stage.pass(3 * second);
      expect(flashOf(await replay(target, { window: 'hour', only: 'all' }))).to.match(/^1 will/);
      expect(flashOf(await replay(target, { window: 'day', only: 'all' }))).to.match(/^3 will/);
      expect((await replay(target, { window: 'century' })).status).to.equal(400);
    });

    it('between two times of Nairobi sends what happened between them', async () => {
      const target = await stage.target();
      const begun = stage.app.clock.now();
      for (let n = 0; n < 4; n += 1) {
        await stage.happen(1);
        await stage.sweep();
        await stage.app.clock.advance(hour);
      }
      visitor = await signedIn(stage.app);
      const [, second_, third] = target.ids();
      const before = target.requests.length;
      const window = { only: 'all', from: nairobi(begun + 30 * minute), to: nairobi(begun + 150 * minute) };
      expect(flashOf(await replay(target, window))).to.match(/^2 will be sent again/);
      await stage.pass(3 * second);
      await stage.pass(3 * second);
      expect(target.ids().slice(before).sort()).to.deep.equal([second_, third].sort());
      const open = await replay(target, { only: 'all', from: nairobi(begun + 90 * minute) });
      expect(flashOf(open), 'to now').to.match(/^2 will/);
    });

    it('says what is wrong with a window, keeps what was typed, and plans nothing', async () => {
      const target = await stage.target();
      const now = stage.app.clock.now();
      const cases: [fields: Record<string, string>, words: RegExp][] = [
        [{ from: 'yesterday' }, /Write a day and a time/],
        [{ from: nairobi(now - hour), to: '31/10/2026' }, /Write a day and a time/],
        [{ to: nairobi(now) }, /Write a day and a time/],
        [{ from: nairobi(now - hour), to: nairobi(now - hour) }, /The end is later than the beginning/],
        [{ from: nairobi(now + day) }, /The end is later than the beginning/],
        [{ from: nairobi(now - 31 * day) }, /At most 30 days at once/],
      ];
      for (const [fields, words] of cases) {
        const { status, html } = await replay(target, { only: 'all', ...fields });
        expect(status, JSON.stringify(fields)).to.equal(400);
        expect(html)
          .to.match(words)
          .and.match(/<option value="all" selected>/);
        for (const typed of Object.values(fields)) expect(html).to.contain(`value="${typed}"`);
      }
      expect(await stage.app.gateway.core.db('replays').where({ endpoint_id: target.id })).to.have.length(0);
      expect(flashOf(await replay(target, { from: nairobi(now - 30 * day + 2 * minute) }))).to.match(/^0 will/);
    });

    it('is refused where five run already', async () => {
      const target = await stage.target();
      const begun = stage.app.clock.now();
      for (let n = 1; n <= 5; n += 1) await replay(target, { from: nairobi(begun - n * hour), to: nairobi(begun) });
      const sixth = await replay(target, { from: nairobi(begun - 6 * hour), to: nairobi(begun) });
      expect(sixth.status).to.equal(409);
      expect(textOf(sixth.html)).to.contain('5 replays of this endpoint run already');
      await stage.pass(minute);
    });
  });

  describe('rotating the secret', () => {
    it('shows the new one once; for a day both sign, then the new one alone', async () => {
      const target = await stage.target();
      const rotated = await visitor.post(pathOf(target, '/rotate'));
      expect(rotated.headers.get('cache-control')).to.equal('no-store');
      const secret = /whsec_[A-Za-z0-9+/=]+/.exec(rotated.html.replaceAll('&#x3D;', '='))![0];
      expect(secret).not.to.equal(target.secret);
      expect(await lastAct()).to.include({ action: 'endpoint.secret_rotated', target: target.id });
      expect(JSON.stringify(await stage.app.gateway.core.db('audit_log'))).not.to.contain(secret);
      expect(await page(pathOf(target)))
        .not.to.contain('whsec_A')
        .and.not.contain(secret);
      await stage.happen(1);
      await stage.sweep();
      for (const one of [secret, target.secret]) expect(target.verified(one, false)).to.have.length(1);
      await stage.app.clock.advance(25 * hour);
      await stage.happen(1);
      await stage.sweep();
      expect(target.verified(secret, false)).to.have.length(2);
      expect(() => target.verified(target.secret, false)).to.throw();
    });

    it('asks for a fresh code first, and changes nothing until then', async () => {
      const target = await stage.target();
      const stale = await signedIn(stage.app, { steppedUpAgo: 11 * minute });
      const refused = await stale.post(pathOf(target, '/rotate'));
      expect(refused.status).to.equal(401);
      expect(refused.html).to.contain('fresh code').and.not.contain('whsec_');
      const { db } = stage.app.gateway.core;
      expect(await db('endpoint_secrets').where({ endpoint_id: target.id })).to.have.length(1);
    });
  });

  it('a viewer sees all of it and no button', async () => {
    const viewer = await signedIn(stage.app, { role: 'viewer' });
    const target = await stage.target();
    await stage.happen(1);
    await stage.sweep();
    const [{ id }] = await target.deliveries();
    for (const path of [pathOf(target), deliveryPath(id)]) {
      const html = await page(path, viewer);
      expect(html.slice(html.indexOf('<main'))).not.to.contain('method="post"');
    }
    for (const act of ['/test', '/pause', '/enable', '/replay', '/rotate'])
      expect((await viewer.post(pathOf(target, act), { window: 'day' })).status, act).to.equal(403);
    expect((await viewer.post(deliveryPath(id, '/retry'))).status).to.equal(403);
  });
});
