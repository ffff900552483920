// Registering a shortcode's sources at Safaricom: what was clearly said is written down, and nothing else is.

import { expect } from 'chai';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { feedRow, freshNumber, registerC2b, registerPull } from '../../support/feeds.ts';

describe('registering the sources of a shortcode', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  let number: string;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    number = freshNumber();
    tenant = await app.addTenant({ shortcode: number });
  });
  afterEach(() => {
    app.simulator.control.clearFaults();
    app.simulator.control.changeSettings({ reregisterUrls: true });
  });
  after(() => app.close());

  const audited = () => app.gateway.core.db('audit_log').where({ target: tenant.shortcodeId }).orderBy('seq');
  const change = (columns: Record<string, unknown>) =>
    app.gateway.core.db('shortcodes').where({ id: tenant.shortcodeId }).update(columns);

  it('writes a yes down with who asked, and a no without', async () => {
    app.simulator.control.changeSettings({ reregisterUrls: false });
    expect(await registerC2b(app, tenant.shortcodeId)).to.include({ outcome: 'registered' });
    const registeredAt = Number((await feedRow(app, tenant.shortcodeId))?.c2b_registered_at);
    expect(registeredAt).to.equal(app.clock.now());
    await app.clock.advance(1000);
    const again = await registerC2b(app, tenant.shortcodeId);
    expect(again.outcome).to.equal('alreadyRegistered');
    expect(again.words).to.match(/URL Management.*Urls are already registered/);
    expect(Number((await feedRow(app, tenant.shortcodeId))?.c2b_registered_at)).to.equal(registeredAt);
    const rows = await audited();
    expect(rows.map(({ action, actor, tenant_id }) => [action, actor, tenant_id])).to.deep.equal([
      ['shortcode.c2b_registered', 'cli', tenant.id],
      ['shortcode.c2b_refused', 'cli', tenant.id],
    ]);
  });

  for (const [source, register] of [
    ['c2b', registerC2b],
    ['pull', registerPull],
  ] as const) {
    it(`asks again with a fresh token for ${source}, and takes no unclear answer for a yes`, async () => {
      app.simulator.control.expireTokens();
      app.simulator.control.setFault({ group: source, fault: 'invalid_token', reach: 'next' });
      expect(await register(app, tenant.shortcodeId)).to.include({ outcome: 'registered' });
      const other = await app.addTenant({ shortcode: freshNumber() });
      for (const fault of ['outage', 'waf_503', 'lost', 'busy', 'spike_arrest']) {
        app.simulator.control.setFault({ group: source, fault, reach: 'next' });
        expect(await register(app, other.shortcodeId), fault).to.include({ outcome: 'unclear' });
      }
      app.simulator.control.setFault({ group: source, fault: 'no_product', reach: 'all' });
      const refused = await register(app, other.shortcodeId);
      expect([refused.outcome, /needs the product/.test(refused.words)]).to.deep.equal(['refused', true]);
      expect((await feedRow(app, other.shortcodeId)) ?? null).to.equal(null);
    });

    it(`says that credentials which cannot be read will not do for ${source}, and sends nothing`, async () => {
      await change({ credentials_sealed: 'x.y' });
      const refused = await register(app, tenant.shortcodeId);
      expect([refused.outcome, refused.words]).to.deep.equal([
        'refused',
        'The credentials of the shortcode cannot be read. Check the master key, or replace them. Nothing was sent.',
      ]);
      expect((await feedRow(app, tenant.shortcodeId)) ?? null).to.equal(null);
    });
  }

  it('refuses an address that Safaricom cannot reach before it is sent', async () => {
    await change({ environment: 'production', mode: 'live' });
    const { outcome, words } = await registerC2b(app, tenant.shortcodeId);
    expect(outcome).to.equal('refused');
    expect(words).to.match(/^PUBLIC_URL will not do: .*Nothing was sent\.$/);
  });

  it('knows no shortcode that does not exist, and no number that is none', async () => {
    const none = 'sc_00000000000000000000000000';
    expect(await registerC2b(app, none).catch((thrown) => thrown.code)).to.equal('not_found');
    expect(await registerPull(app, none).catch((thrown) => thrown.code)).to.equal('not_found');
    const wrong = await registerPull(app, tenant.shortcodeId, '999').catch((thrown) => thrown.code);
    expect(wrong).to.equal('invalid_request');
    expect(await audited()).to.deep.equal([]);
  });
});
