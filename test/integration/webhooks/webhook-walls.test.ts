// Promise 7 on webhooks: an endpoint or a delivery of another tenant, or of the other mode, does not exist. The routes
// are taken from the API's description, which another test holds against the code, so a new route is inside these walls
// from its first day. Refusals are compared byte for byte; only the request's own id may differ.

import { expect } from 'chai';
import type { Operation } from '../../../src/openapi/operation.ts';
import { operations } from '../../../src/openapi/operations.ts';
import { newId } from '../../../src/platform/ids.ts';
import { scopes } from '../../../src/tenants/scopes.ts';
import type { Answer, CallOptions, TestTenant } from '../../support/build-gateway.ts';
import { addKey } from '../../support/payment-states.ts';
import { type Stage, setStage, type Target } from '../../support/webhook-stage.ts';

const routes = operations.filter(({ scope }) => scope === 'webhooks:manage');
const routesWithId = routes.filter(({ path }) => path.includes('{id}'));
const paths = [...new Set(routes.map(({ path }) => path))];
const emptyList = { object: 'list', data: [], has_more: false, next_cursor: null };

describe('the walls around webhooks', () => {
  let stage: Stage;
  let stranger: TestTenant;
  let otherModeKey: string;
  let target: Target;
  let event: string;
  let delivery: string;
  let atFirst: { endpoint: Answer['body']; delivery: Answer['body'] };

  const prefixOf = (path: string): 'whe' | 'whd' => (path.startsWith('/v1/deliveries') ? 'whd' : 'whe');
  const ownedId = (path: string): string => (prefixOf(path) === 'whd' ? delivery : target.id);
  const seen = async () => ({ endpoint: await target.shown(), delivery: await stage.delivery(delivery) });

  function ask({ method, path, body }: Operation, id: string, options: CallOptions): Promise<Answer> {
    return stage.app.call(path.replace('{id}', id), {
      method: method.toUpperCase(),
      ...(body === undefined ? {} : { body: body.example }),
      ...options,
      headers: { 'Request-Id': 'same-for-all', ...options.headers },
    });
  }

  before(async () => {
    stage = await setStage();
    stranger = await stage.app.addTenant();
    otherModeKey = (await addKey(stage.app, stage.tenant, { mode: 'live' })).key;
    target = await stage.target();
    [event = ''] = await stage.happen();
    await stage.sweep();
    delivery = (await target.deliveries())[0].id;
    atFirst = await seen();
    expect(atFirst.delivery.status).to.equal('delivered');
  });
  after(() => stage.close());

  it('are held to every route there is', () => {
    expect(routes.map(({ method, path }) => `${method} ${path}`)).to.include.members([
      'post /v1/webhook-endpoints',
      'delete /v1/webhook-endpoints/{id}',
      'post /v1/deliveries/{id}/retry',
    ]);
    expect(routes).to.have.length.greaterThan(11);
    const named = operations.filter(({ path }) => /webhook|deliver/.test(path));
    expect(named).to.deep.equal(routes);
  });

  for (const route of routesWithId) {
    const name = `${route.method.toUpperCase()} ${route.path}`;

    it(`${name}: another tenant's, the other mode's, a missing and an impossible id are the very same 404`, async () => {
      const id = ownedId(route.path);
      const missing = newId(prefixOf(route.path));
      const answers = await Promise.all([
        ask(route, id, { key: stranger.key }),
        ask(route, id, { key: otherModeKey }),
        ask(route, missing, { key: stranger.key }),
        ask(route, missing, {}),
        ask(route, '%00', {}),
        ask(route, 'x'.repeat(300), {}),
      ]);
      expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 404));
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      expect(answers[0]!.body).to.include({ code: 'not_found', request_id: 'same-for-all' });
      expect(answers[0]!.text).to.not.include(id);
    });

    it(`${name}: an id that only resembles one's own is no id`, async () => {
      const id = ownedId(route.path);
      const other = route.path.startsWith('/v1/deliveries') ? target.id : delivery;
      for (const bent of [id.toUpperCase(), `${id}%20`, `%20${id}`, id.slice(0, -1), `${id}0`, other, event, '%25'])
        expect((await ask(route, bent, {})).status, bent).to.equal(404);
    });
  }

  for (const route of routes) {
    const name = `${route.method.toUpperCase()} ${route.path}`;

    it(`${name}: without a valid key it is the very same 401`, async () => {
      const { key } = stage.tenant;
      const keys = ['', key.slice(0, -1), `${key}x`, key.replace('lango_test', 'lango_live')];
      const answers = await Promise.all(keys.map((one) => ask(route, ownedId(route.path), { key: one })));
      expect(answers.map(({ status }) => status)).to.deep.equal(keys.map(() => 401));
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      expect(answers[0]!.body.code).to.equal('unauthenticated');
    });

    it(`${name}: a key with every other scope is refused, whether the object is there or not`, async () => {
      const others = scopes.filter((scope) => scope !== 'webhooks:manage');
      const { key } = await addKey(stage.app, stage.tenant, { scopes: others });
      const there = await ask(route, ownedId(route.path), { key });
      const missing = await ask(route, newId('whe'), { key });
      expect(there.status).to.equal(403);
      expect(there.body.code).to.equal('scope_missing');
      expect(there.text).to.equal(missing.text);
    });
  }

  for (const path of paths) {
    it(`${path}: every method it does not have is a 405 that names those it has`, async () => {
      const has: string[] = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
      const lacks = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !has.includes(method));
      for (const method of lacks) {
        const answer = await stage.call(path.replace('{id}', ownedId(path)), { method });
        expect(answer.status, method).to.equal(405);
        expect(answer.body.code).to.equal('method_not_allowed');
        const allowed = (answer.headers.get('Allow') ?? '').split(', ').filter((name) => name !== 'HEAD');
        expect(allowed, method).to.have.members(has);
      }
    });
  }

  it('lists show a stranger and the other mode nothing, and their owner everything', async () => {
    const [mine, theirs, live] = await Promise.all(
      [stage.tenant.key, stranger.key, otherModeKey].map((key) => stage.app.call('/v1/webhook-endpoints', { key })),
    );
    expect(mine!.body.data.map(({ id }: { id: string }) => id)).to.include(target.id);
    expect(theirs!.body).to.deep.equal(emptyList);
    expect(live!.body).to.deep.equal(emptyList);
  });

  it('a cursor of one tenant shows another tenant nothing', async () => {
    await stage.target();
    const { body } = await stage.call('/v1/webhook-endpoints?limit=1');
    const path = `/v1/webhook-endpoints?cursor=${body.next_cursor}`;
    expect((await stage.call(path)).body.data).to.not.have.length(0);
    expect((await stage.call(path, { tenant: stranger })).body).to.deep.equal(emptyList);
  });

  it('an event reaches the endpoints of its own tenant and mode and no other', async () => {
    const foreign = await stage.target(undefined, { tenant: stranger });
    const live = await stage.app.call('/v1/webhook-endpoints', {
      key: otherModeKey,
      body: { url: 'https://shop.example.co.ke/lango' },
    });
    expect(live.status).to.equal(201);
    const [fresh = ''] = await stage.happen();
    await stage.sweep();
    expect(target.ids()).to.include(fresh);
    expect(foreign.requests).to.have.length(0);
    const ofForeign = await stage.call(`/v1/webhook-endpoints/${foreign.id}/deliveries?event=${fresh}`, {
      tenant: stranger,
    });
    expect(ofForeign.body).to.deep.equal(emptyList);
    const ofLive = await stage.app.call(`/v1/webhook-endpoints/${live.body.id}/deliveries`, { key: otherModeKey });
    expect(ofLive.body).to.deep.equal(emptyList);
  });

  it('a replay by a stranger sends nothing of this tenant', async () => {
    const foreign = await stage.target(undefined, { tenant: stranger });
    const now = stage.app.clock.now();
    const window = { since: new Date(now - 60_000), until: new Date(now + 60_000) };
    expect(await foreign.act('replay', { ...window, only: 'all' })).to.deep.equal({ count: 0 });
    await stage.sweep();
    expect(foreign.requests).to.have.length(0);
  });

  it('nothing that strangers tried has changed anything', async () => {
    const count = target.requests.length;
    for (const route of routesWithId) await ask(route, ownedId(route.path), { key: stranger.key });
    await stage.sweep();
    expect(await seen()).to.deep.equal(atFirst);
    expect(target.requests).to.have.length(count);
  });
});
