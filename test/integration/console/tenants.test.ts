// Tenants in the console: made, renamed, disabled and enabled with a reason, each written down; and what the list says.

import { expect } from 'chai';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';

describe('tenants in the console', () => {
  let app: TestGateway;
  let operator: Visitor;
  before(async () => {
    app = await buildGateway();
    operator = await signedIn(app, { role: 'operator' });
  });
  after(() => app.close());

  const lastAct = async () => (await listAudit(app.gateway.core.db, { tenantId: null, limit: 1 }))[0]!;

  it('makes one and writes down who did', async () => {
    const made = await operator.post('/console/tenants?mode=test', { name: '  Tembo Hardware ' });
    const id = /\/console\/tenants\/(ten_\w+)\?/.exec(made.headers.get('location') ?? '')?.[1];
    expect(id).to.be.a('string');
    const act = await lastAct();
    expect(act).to.include({ action: 'tenant.created', tenantId: id, target: id, actor: operator.operator.id });
    expect(act).to.include({ actorName: operator.operator.email, ip: '127.0.0.1' });
    expect(act.after).to.deep.equal({ name: 'Tembo Hardware' });
    expect((await operator.get('/console/tenants')).html).to.contain('Tembo Hardware');
  });

  it('shows a wrong name beside its field, as it was typed, and writes nothing down', async () => {
    const { seq } = await lastAct();
    const long = 'x'.repeat(121);
    const refused = await operator.post('/console/tenants?mode=test', { name: long });
    expect(refused.status).to.equal(400);
    expect(refused.html).to.contain(long).and.contain('1 to 120 characters').and.contain('aria-invalid="true"');
    expect((await lastAct()).seq).to.equal(seq);
  });

  it('escapes what a name says', async () => {
    await operator.post('/console/tenants?mode=test', { name: '<script>alert(1)</script>' });
    const { html } = await operator.get('/console/tenants');
    expect(html).to.contain('&lt;script&gt;alert(1)').and.not.contain('<script>alert(1)');
  });

  it('renames one, with what it was called before', async () => {
    const { id } = await app.addTenant({ shortcode: '600001' });
    await operator.post(`/console/tenants/${id}/rename?mode=test`, { name: 'Pwani Clinic' });
    const act = await lastAct();
    expect(act).to.include({ action: 'tenant.renamed', target: id });
    expect(act.before).to.deep.equal({ name: 'Duka la Majaribio' });
    expect(act.after).to.deep.equal({ name: 'Pwani Clinic' });
    await operator.post(`/console/tenants/${id}/rename?mode=test`, { name: 'Pwani Clinic' });
    expect((await lastAct()).seq, 'the same name again').to.equal(act.seq);
  });

  it('disables one for a reason, which its keys notice, and enables it again', async () => {
    const tenant = await app.addTenant({ shortcode: '600002' });
    const path = `/console/tenants/${tenant.id}/status?mode=test`;
    const account = async (): Promise<number> => (await app.call('/v1/account', { key: tenant.key })).status;
    expect(await account()).to.equal(200);
    const silent = await operator.post(path, { status: 'disabled', reason: ' ' });
    expect(silent.status).to.equal(400);
    expect(silent.html).to.contain('Write why');
    expect(await account()).to.equal(200);
    await operator.post(path, { status: 'disabled', reason: 'Asked for by 0712345678.' });
    await app.clock.advance(1001);
    expect(await account()).to.equal(403);
    const act = await lastAct();
    expect(act).to.include({ action: 'tenant.disabled', target: tenant.id, reason: 'Asked for by 2547*****678.' });
    expect(act.before).to.deep.equal({ status: 'active' });
    await operator.post(path, { status: 'active', reason: 'It was a mistake.' });
    await app.clock.advance(1001);
    expect(await account()).to.equal(200);
    expect((await lastAct()).action).to.equal('tenant.enabled');
  });

  it('lists keys, shortcodes and the last payment in the mode that is looked at', async () => {
    const tenant = await app.addTenant({ shortcode: '600003' });
    const row = async (mode: string): Promise<string> => {
      const { html } = await operator.get(`/console/tenants?mode=${mode}&tenant=${tenant.id}`);
      return /<tbody[\s\S]*?<\/tbody>/.exec(html)![0];
    };
    expect(await row('test')).to.contain('none yet');
    await app.pay({}, { key: tenant.key });
    expect(await row('test')).to.match(/<time datetime="2026-10-06T11:/);
    expect(await row('live')).to.contain('none yet');
    expect((await row('test')).match(/<tr /g)).to.have.length(1);
  });

  it('finds by a part of the name, whatever its case, and takes no sign for a joker', async () => {
    await operator.post('/console/tenants?mode=test', { name: '100% Maziwa' });
    const found = async (name: string): Promise<number> => {
      const { html } = await operator.get(`/console/tenants?mode=test&name=${encodeURIComponent(name)}`);
      return (html.match(/class="row-link"/g) ?? []).length;
    };
    expect(await found('maziwa')).to.equal(1);
    expect(await found('100%')).to.equal(1);
    expect(await found('%')).to.equal(1);
    expect(await found('nobody')).to.equal(0);
  });

  it('goes on after fifty, each tenant once', async () => {
    for (let count = 0; count < 55; count += 1)
      await operator.post('/console/tenants?mode=test', { name: `Zebra ${String(count % 5)}` });
    const seen: string[] = [];
    let next: string | undefined = '/console/tenants?mode=test&name=zebra';
    while (next !== undefined) {
      const { html } = await operator.get(next);
      seen.push(...[...html.matchAll(/<code>(ten_\w+)<\/code>/g)].map((match) => match[1]!));
      next = /href="([^"]+)">Older/.exec(html)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
    }
    expect(seen).to.have.length(55);
    expect(new Set(seen).size).to.equal(55);
  });

  it('lets an operator of one tenant rename it, and neither make nor disable any', async () => {
    const tenant = await app.addTenant({ shortcode: '600004' });
    const own = await signedIn(app, { role: 'owner', tenantId: tenant.id });
    expect((await own.post(`/console/tenants/${tenant.id}/rename?mode=test`, { name: 'Ours' })).status).to.equal(302);
    expect((await own.post('/console/tenants?mode=test', { name: 'Another' })).status).to.equal(403);
    const fields = { status: 'disabled', reason: 'because' };
    expect((await own.post(`/console/tenants/${tenant.id}/status?mode=test`, fields)).status).to.equal(403);
    const { html } = await own.get('/console/tenants?mode=test');
    expect(html.match(/class="row-link"/g)).to.have.length(1);
  });
});
