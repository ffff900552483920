// API keys in the console: shown once, rolled without a gap, revoked for a reason; what each may do and when it last did.

import { expect } from 'chai';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';

const dayMs = 86_400_000;
const keyInPage = /lango_(?:test|live)_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}/;

describe('keys in the console', () => {
  let app: TestGateway;
  let operator: Visitor;
  before(async () => {
    app = await buildGateway();
    operator = await signedIn(app, { role: 'operator' });
  });
  after(() => app.close());

  const lastAct = async () => (await listAudit(app.gateway.core.db, { tenantId: null, limit: 1 }))[0]!;
  const works = async (key: string): Promise<boolean> => (await app.call('/v1/account', { key })).status === 200;

  async function make(fields: Record<string, string | readonly string[]> = {}): Promise<{ key: string; visit: Visit }> {
    const usual = { tenant: app.tenant.id, name: 'Booking app', scopes: ['payments:read', 'events:read'] };
    const visit = await operator.post('/console/keys?mode=test', { ...usual, ...fields });
    return { visit, key: keyInPage.exec(visit.html)?.[0] ?? '' };
  }

  const idOf = (visit: Visit): string => /keys\/(key_\w+)[^"]*">I have kept it/.exec(visit.html)![1]!;

  it('shows a new key once, on an answer that nobody keeps, and never again', async () => {
    const { key, visit } = await make();
    expect(visit.status).to.equal(200);
    expect(visit.headers.get('cache-control')).to.equal('no-store');
    expect(await works(key)).to.equal(true);
    const secret = key.split('_')[3]!;
    const id = idOf(visit);
    for (const page of [
      '/console/keys',
      `/console/keys/${id}`,
      `/console/keys/${id}/roll`,
      '/console/audit',
      '/console',
    ])
      expect((await operator.get(`${page}?mode=test`)).html, page)
        .not.to.contain(secret)
        .and.not.match(keyInPage);
    const { db } = app.gateway.core;
    for (const table of ['audit_log', 'api_keys']) expect(JSON.stringify(await db(table))).not.to.contain(secret);
    const act = await lastAct();
    expect(act).to.include({ action: 'key.created', target: id, tenantId: app.tenant.id });
    expect(act.after).to.deep.include({ scopes: 'payments:read events:read', addresses: 'any', mode: 'test' });
    expect(act.after!.key).to.equal(key.split('_').slice(0, 3).join('_'));
  });

  it('gives a key what was chosen: scopes, addresses, an end', async () => {
    const { key, visit } = await make({ 'allow-ip': '10.0.0.0/8, 127.0.0.1', 'expires-in-days': '30' });
    expect((await app.call('/v1/account', { key })).body.key.scopes).to.deep.equal(['payments:read', 'events:read']);
    expect((await app.call('/v1/payments', { key, method: 'POST', body: {} })).status).to.equal(403);
    const { html } = await operator.get(`/console/keys/${idOf(visit)}?mode=test`);
    expect(html).to.contain('10.0.0.0/8').and.contain('127.0.0.1').and.contain('Ends in 30');
  });

  it('says what is wrong, keeps what was typed, and makes none', async () => {
    const { db } = app.gateway.core;
    const before = (await db('api_keys')).length;
    const { visit } = await make({ name: 'Kept name', 'allow-ip': 'nonsense' });
    expect(visit.status).to.equal(400);
    expect(visit.html).to.contain('Kept name').and.contain('neither an address nor a CIDR');
    expect(visit.html).to.match(/value="events:read" checked/);
    for (const wrong of [
      { scopes: [] },
      { scopes: ['all:things'] },
      { name: '' },
      { 'expires-in-days': 'soon' },
      { tenant: '' },
    ])
      expect((await make(wrong)).visit.status, JSON.stringify(wrong)).to.equal(400);
    expect((await db('api_keys')).length).to.equal(before);
  });

  it('lists each scope with its last use', async () => {
    const { key, visit } = await make();
    await app.call('/v1/payments?limit=1', { key });
    await app.gateway.core.db('api_key_uses').insert({
      key_id: idOf(visit),
      scope: 'payments:read',
      last_used_at: app.clock.now() - 3 * 60_000,
    });
    const { html } = await operator.get(`/console/keys?mode=test&tenant=${app.tenant.id}`);
    const row = html.split('<tr ').find((text) => text.includes(idOf(visit)))!;
    expect(row)
      .to.match(/payments:read[\s\S]*?3\u00a0min ago/)
      .and.match(/events:read[\s\S]*?never used/);
  });

  it('rolls a key: both work, the old one ends by itself, the new one is shown once', async () => {
    const { key, visit } = await make({ 'allow-ip': '127.0.0.1' });
    const id = idOf(visit);
    const fields = { overlap: '2', 'expires-in-days': '', reason: 'Yearly.' };
    const rolled = await operator.post(`/console/keys/${id}/roll?mode=test`, fields);
    const next = keyInPage.exec(rolled.html)![0];
    expect(next).not.to.equal(key);
    expect([await works(key), await works(next)]).to.deep.equal([true, true]);
    const before = (await app.call('/v1/account', { key })).body.key.scopes;
    expect((await app.call('/v1/account', { key: next })).body.key.scopes).to.deep.equal(before);
    const row = await app.gateway.core
      .db('api_keys')
      .where({ id: idOf(rolled) })
      .first();
    expect(row).to.include({
      name: 'Booking app',
      mode: 'test',
      tenant_id: app.tenant.id,
      allowed_ips: '["127.0.0.1"]',
    });
    const act = await lastAct();
    expect(act).to.include({ action: 'key.rolled', target: id, reason: 'Yearly.' });
    expect(act.before).to.deep.equal({ expires_at: null });
    expect(act.after).to.include({ new_id: idOf(rolled) });
    expect(JSON.stringify(act)).not.to.contain(next.split('_')[3]);
    app.clock.set(app.clock.now() + 2 * dayMs + 2000);
    expect([await works(key), await works(next)]).to.deep.equal([false, true]);
    app.clock.set(app.clock.now() - 2 * dayMs - 2000);
  });

  it('never lengthens the life of a key by rolling it, and rolls none that has ended', async () => {
    const { visit } = await make({ 'expires-in-days': '1' });
    const id = idOf(visit);
    const { expires_at: end } = await app.gateway.core.db('api_keys').where({ id }).first('expires_at');
    await operator.post(`/console/keys/${id}/roll?mode=test`, { overlap: '7', 'expires-in-days': '30' });
    expect((await app.gateway.core.db('api_keys').where({ id }).first('expires_at')).expires_at).to.equal(end);
    const cut = await make();
    await operator.post(`/console/keys/${idOf(cut.visit)}/roll?mode=test`, { overlap: '0' });
    expect(await works(cut.key), 'no overlap').to.equal(false);
    const again = await operator.post(`/console/keys/${idOf(cut.visit)}/roll?mode=test`, { overlap: '1' });
    expect(again.status).to.equal(400);
    expect((await operator.post(`/console/keys/${id}/roll?mode=test`, { overlap: '8' })).status).to.equal(400);
  });

  it('revokes a key for a reason, once', async () => {
    const { key, visit } = await make();
    const path = `/console/keys/${idOf(visit)}/revoke?mode=test`;
    expect((await operator.post(path, { reason: '' })).status).to.equal(400);
    expect(await works(key)).to.equal(true);
    expect((await operator.post(path, { reason: 'Found in a public repository.' })).status).to.equal(302);
    await app.clock.advance(1001);
    expect(await works(key)).to.equal(false);
    const act = await lastAct();
    expect(act).to.include({ action: 'key.revoked', target: idOf(visit), reason: 'Found in a public repository.' });
    await operator.post(path, { reason: 'Once more.' });
    expect((await lastAct()).seq).to.equal(act.seq);
    const listed = async (show: string) => (await operator.get(`/console/keys?mode=test${show}`)).html;
    expect(await listed('')).not.to.contain(idOf(visit));
    expect(await listed('&show=ended'))
      .to.contain(idOf(visit))
      .and.contain('Revoked');
  });
});
