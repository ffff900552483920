// Who may call: scopes, ends, addresses and revocation of keys, disabled tenants, and what is noted of a key's use.

import { expect } from 'chai';
import { changeTenantStatus, createKey, revokeKey } from '../../../src/tenants/manage-tenants.ts';
import { scopes } from '../../../src/tenants/scopes.ts';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { addKey, endPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

describe('API keys', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
    story = await beginStory(app);
  });
  after(() => app.close());

  const account = (key: string, headers: Record<string, string> = {}) => app.call('/v1/account', { key, headers });

  it('say who they are at GET /v1/account', async () => {
    const { id, key } = await addKey(app, story.tenant, {
      name: 'till 4',
      scopes: ['payments:read'],
      expiresInDays: 2,
    });
    const { status, body } = await account(key);
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      object: 'account',
      tenant: { id: story.tenant.id, name: 'Duka la Majaribio' },
      mode: 'test',
      key: {
        id,
        name: 'till 4',
        scopes: ['payments:read'],
        expires_at: new Date(app.clock.now() + 2 * 86_400_000).toISOString(),
      },
    });
    const whole = await account(story.tenant.key);
    expect(whole.body.key).to.deep.include({ scopes: [...scopes], expires_at: null });
  });

  it('pick the mode: a live key makes and sees live objects only', async () => {
    const { key } = await addKey(app, story.tenant, { mode: 'live' });
    expect((await account(key)).body.mode).to.equal('live');
    expect((await app.call('/v1/shortcodes', { key })).body.data).to.deep.equal([]);
    const answer = await app.pay({}, { key });
    expect(answer.status).to.equal(400);
    expect(answer.body.errors[0]).to.include({ pointer: '/shortcode', code: 'required' });
  });

  describe('scopes', () => {
    let paid: { id: string; mpesa_receipt: string };
    before(async () => {
      paid = await endPayment(app, story, '0');
    });
    const needed: readonly [string, string, string][] = [
      ['payments:write', 'POST', '/v1/payments'],
      ['payments:write', 'POST', '/v1/payments/{id}/cancel'],
      ['payments:write', 'POST', '/v1/payments/{id}/retry'],
      ['payments:write', 'POST', '/v1/payments/{id}/check'],
      ['payments:read', 'GET', '/v1/payments'],
      ['payments:read', 'GET', '/v1/payments/{id}'],
      ['payments:read', 'GET', '/v1/payments/{id}/timeline'],
      ['payments:read', 'GET', '/v1/payments/{id}/stream'],
      ['payments:read', 'GET', '/v1/receipts/{receipt}'],
      ['payments:read', 'GET', '/v1/shortcodes'],
      ['events:read', 'GET', '/v1/events'],
      ['events:read', 'GET', '/v1/events/evt_x'],
    ];
    for (const [scope, method, route] of needed)
      it(`${method} ${route} needs ${scope} and nothing else`, async () => {
        const path = route.replace('{id}', paid.id).replace('{receipt}', paid.mpesa_receipt);
        const headers = { 'Idempotency-Key': `scope-${method}-${scope}` };
        const only = await addKey(app, story.tenant, { scopes: [scope] });
        const without = await addKey(app, story.tenant, { scopes: scopes.filter((one) => one !== scope) });
        const refused = await app.call(path, { method, key: without.key, headers });
        expect(refused.body).to.include({ status: 403, code: 'scope_missing' });
        expect(refused.body.detail).to.include(scope);
        expect([401, 403]).to.not.include((await app.call(path, { method, key: only.key, headers })).status);
      });

    it('a key without payments:write makes no payment', async () => {
      const { key } = await addKey(app, story.tenant, { scopes: ['payments:read'] });
      const phone = freshPhone();
      expect((await app.pay({ phone }, { key })).status).to.equal(403);
      expect((await story.call(`/v1/payments?phone=${phone}`)).body.data).to.deep.equal([]);
    });

    it('GET /v1/account needs none', async () => {
      const { key } = await addKey(app, story.tenant, { scopes: ['reports:read'] });
      expect((await account(key)).status).to.equal(200);
    });
  });

  it('end when they expire, to the millisecond, with the 401 of a wrong key', async () => {
    const { key } = await addKey(app, story.tenant, { expiresInDays: 1 });
    await app.clock.advance(86_400_000 - 1);
    expect((await account(key)).status).to.equal(200);
    await app.clock.advance(1);
    const headers = { 'Request-Id': 'same' };
    const [expired, wrong] = [await account(key, headers), await account('nonsense', headers)];
    expect(expired.status).to.equal(401);
    expect(expired.text).to.equal(wrong.text);
  });

  it('are refused within a second of being revoked, with the 401 of a wrong key', async () => {
    const { id, key } = await addKey(app, story.tenant);
    expect((await account(key)).status).to.equal(200);
    const { revokedAt } = await revokeKey(app.gateway.core, id);
    expect(revokedAt).to.equal(app.clock.now());
    await app.clock.advance(1000);
    expect((await account(key)).body).to.include({ status: 401, code: 'unauthenticated' });
    expect((await account(story.tenant.key)).status).to.equal(200);
  });

  it('revoked twice keep the first time', async () => {
    const { id } = await addKey(app, story.tenant);
    const first = await revokeKey(app.gateway.core, id);
    await app.clock.advance(5000);
    expect(await revokeKey(app.gateway.core, id)).to.deep.equal(first);
  });

  it('of a disabled tenant are 403 within a second, and work again within a second of its being enabled', async () => {
    const own = await beginStory(app);
    expect((await own.call('/v1/account')).status).to.equal(200);
    await changeTenantStatus(app.gateway.core, own.tenant.id, 'disabled');
    await app.clock.advance(1000);
    expect((await own.call('/v1/account')).body).to.include({ status: 403, code: 'tenant_disabled' });
    expect((await app.pay({}, { key: own.tenant.key })).status).to.equal(403);
    await changeTenantStatus(app.gateway.core, own.tenant.id, 'active');
    await app.clock.advance(1000);
    expect((await own.call('/v1/account')).status).to.equal(200);
  });

  it('with an address list work from its addresses only, as a trusted proxy saw them', async () => {
    const { key } = await addKey(app, story.tenant, { allowedIps: ['203.0.113.7', '10.9.0.0/16', '2001:db8::/32'] });
    for (const address of ['203.0.113.7', '10.9.255.1', '2001:db8::1', '6.6.6.6, 203.0.113.7'])
      expect((await account(key, { 'X-Forwarded-For': address })).status, address).to.equal(200);
    for (const address of ['203.0.113.8', '203.0.113.7, 6.6.6.6', 'rubbish'])
      expect((await account(key, { 'X-Forwarded-For': address })).body, address).to.include({
        status: 403,
        code: 'address_refused',
      });
    expect((await account(key)).status).to.equal(403);
  });

  it('note the last use of each scope, in one write for many', async () => {
    const { id, key } = await addKey(app, story.tenant);
    await app.call('/v1/payments', { key });
    await app.clock.advance(1000);
    await app.call('/v1/payments', { key });
    await app.call('/v1/events', { key });
    const lastUse = app.clock.now();
    // A gateway writes what it noted every five seconds, and when it closes.
    const other = await buildGateway({ beside: app, env: { ROLES: 'api,worker' } });
    await other.call('/v1/payments', { key });
    await other.close();
    const uses = await app.gateway.core.db('api_key_uses').where({ key_id: id });
    expect(uses).to.deep.equal([{ key_id: id, scope: 'payments:read', last_used_at: lastUse }]);
  });

  it('are made only with scopes, addresses, names and tenants that exist, and never shown again', async () => {
    const deps = { ...app.gateway.core, apiKeyPepper: app.gateway.core.dataKeys.apiKeys };
    const usual = {
      tenantId: story.tenant.id,
      mode: 'test' as const,
      name: 'x',
      scopes: [],
      allowedIps: [],
      expiresInDays: null,
    };
    for (const bad of [
      { scopes: ['payments:all'] },
      { allowedIps: ['home'] },
      { name: ' ' },
      { tenantId: 'ten_nobody' },
    ]) {
      const thrown = await createKey(deps, { ...usual, ...bad }).catch((error: unknown) => error);
      expect(thrown, JSON.stringify(bad)).to.include({ code: 'invalid_request' });
    }
    const { id, key } = await createKey(deps, usual);
    const row = JSON.stringify(await app.gateway.core.db('api_keys').where({ id }).first());
    expect(row).to.not.include(key.slice(-38, -6));
  });
});
