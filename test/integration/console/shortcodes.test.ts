// Shortcodes in the console: added, tested, paused, given other credentials. What goes in as a credential never comes out,
// and what M-PESA says of credentials is asked before they take the place of others.

import { expect } from 'chai';
import { openCredentials } from '../../../src/mpesa/manage-shortcodes.ts';
import { findShortcodeAcrossTenants } from '../../../src/mpesa/shortcode-store.ts';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, sandboxPasskey, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';

const reason = 'The portal gave new ones.';

describe('shortcodes in the console', () => {
  let app: TestGateway;
  let operator: Visitor;
  beforeEach(async () => {
    app = await buildGateway();
    operator = await signedIn(app, { role: 'operator' });
  });
  afterEach(() => app.close());

  const lastAct = async () => (await listAudit(app.gateway.core.db, { tenantId: null, limit: 1 }))[0]!;
  /** A second person says yes to what an answer leads to. */
  async function approve({ status, headers, html }: Visit): Promise<void> {
    expect(status, html).to.equal(302);
    const where = headers.get('location') ?? '';
    expect(where).to.match(/^\/console\/approvals\/apr_\w+\?/);
    const second = await signedIn(app, { role: 'operator' });
    expect((await second.post(where.replace('?', '/approve?'))).status).to.equal(302);
  }
  const lastOf = async (action: string) =>
    (await listAudit(app.gateway.core.db, { tenantId: null, action, limit: 1 }))[0]!;
  const pageOf = (id: string): Promise<Visit> => operator.get(`/console/shortcodes/${id}?mode=test`);
  const find = async (id: string) => (await findShortcodeAcrossTenants(app.gateway.core.db, id))!;
  const secrets = { consumer_key: 'consumer-of-ours', consumer_secret: 'secret-of-ours', passkey: sandboxPasskey };

  async function expectNoSecretIn(texts: readonly string[]): Promise<void> {
    const { db } = app.gateway.core;
    const stored = JSON.stringify([await db('audit_log'), await db('approvals')]);
    for (const text of [...texts, stored])
      for (const secret of Object.values(secrets)) expect(text).not.to.contain(secret);
  }

  it('adds one; its credentials are sealed and never shown', async () => {
    const fields = {
      tenant: app.tenant.id,
      kind: 'till',
      shortcode: '600100',
      till: '654322',
      environment: 'simulator',
      default: 'yes',
    };
    const added = await operator.post('/console/shortcodes?mode=test', { ...fields, ...secrets });
    const id = /shortcodes\/(sc_\w+)\?/.exec(added.headers.get('location') ?? '')![1]!;
    const shortcode = await find(id);
    expect(shortcode).to.include({ kind: 'till', till: '654322', environment: 'simulator', isDefault: true });
    expect(openCredentials(app.gateway.core.sealer, shortcode)).to.deep.equal(secrets);
    const act = await lastAct();
    expect(act).to.include({ action: 'shortcode.added', target: id, tenantId: app.tenant.id });
    expect(act.after).to.include({ fingerprint: shortcode.credentialId, shortcode: '600100' });
    const { html } = await pageOf(id);
    expect(html).to.contain(shortcode.credentialId).and.contain('Till 654322');
    await expectNoSecretIn([html, (await operator.get('/console/shortcodes?mode=test')).html]);
  });

  it('shows what is wrong with a new one, and not what was typed as a credential', async () => {
    const fields = { tenant: app.tenant.id, kind: 'paybill', shortcode: '12', environment: 'simulator' };
    const refused = await operator.post('/console/shortcodes?mode=test', { ...fields, ...secrets });
    expect(refused.status).to.equal(400);
    expect(refused.html).to.contain('5 to 7 digits');
    const empty = await operator.post('/console/shortcodes?mode=test', { ...fields, shortcode: '600100' });
    expect(empty.html).to.match(/consumer_key[\s\S]*aria-invalid/);
    const taken = await operator.post('/console/shortcodes?mode=test', { ...fields, shortcode: '174379', ...secrets });
    expect(taken.html).to.contain('registered already');
    await expectNoSecretIn([refused.html, taken.html]);
  });

  it('keeps live and test apart: a live one is of production', async () => {
    const fields = { tenant: app.tenant.id, kind: 'paybill', shortcode: '600100', environment: 'simulator' };
    const refused = await operator.post('/console/shortcodes?mode=live', { ...fields, ...secrets });
    expect(refused.status).to.equal(400);
    expect(refused.html).to.contain('A live shortcode is one of production');
  });

  it('pauses its prompts and resumes them, for a reason', async () => {
    const { shortcodeId } = app.tenant;
    const path = `/console/shortcodes/${shortcodeId}/status?mode=test`;
    expect((await operator.post(path, { status: 'paused', reason: '' })).status).to.equal(400);
    await operator.post(path, { status: 'paused', reason: 'Maintenance at Safaricom.' });
    expect((await find(shortcodeId)).status).to.equal('paused');
    expect((await pageOf(shortcodeId)).html)
      .to.contain('Paused')
      .and.contain('Resume its prompts');
    expect(await lastAct()).to.include({
      action: 'shortcode.paused',
      target: shortcodeId,
      reason: 'Maintenance at Safaricom.',
    });
    await operator.post(path, { status: 'active', reason: 'It is over.' });
    expect((await lastAct()).action).to.equal('shortcode.resumed');
  });

  it('tests its credentials with M-PESA and says what the answer means', async () => {
    const { shortcodeId } = app.tenant;
    const said = async (): Promise<string> => {
      const answer = await operator.post(`/console/shortcodes/${shortcodeId}/test?mode=test`);
      const flash = /lango-flash=([\w-]+)/.exec(answer.headers.getSetCookie().join())![1]!;
      return JSON.parse(Buffer.from(flash, 'base64url').toString()).text;
    };
    expect(await said()).to.contain('these credentials work');
    expect(await lastAct()).to.include({ action: 'shortcode.credentials_tested', target: shortcodeId });
    expect((await lastAct()).after).to.deep.equal({ outcome: 'accepted', shortcode: '174379' });
    await app.simulator.close();
    expect(await said())
      .to.contain('did not answer')
      .and.contain('says nothing about the credentials');
    expect((await lastAct()).after).to.include({ outcome: 'notAnswered' });
  });

  it('replaces its credentials once M-PESA takes the new ones and a second person agrees; the age begins anew', async () => {
    const { shortcodeId } = app.tenant;
    const before = await find(shortcodeId);
    app.clock.set(app.clock.now() + 40 * 86_400_000);
    operator = await signedIn(app, { role: 'operator' });
    expect((await pageOf(shortcodeId)).html).to.contain('40\u00a0d old');
    const path = `/console/shortcodes/${shortcodeId}/credentials?mode=test`;
    expect((await operator.post(path, { ...secrets, reason: '' })).status, 'without a reason').to.equal(400);
    const replaced = await operator.post(path, { ...secrets, reason });
    expect((await find(shortcodeId)).credentialsSealed, 'until it is approved').to.equal(before.credentialsSealed);
    await expectNoSecretIn([(await pageOf(shortcodeId)).html]);
    await approve(replaced);
    const after = await find(shortcodeId);
    expect(openCredentials(app.gateway.core.sealer, after)).to.deep.equal(secrets);
    expect(after.credentialId).not.to.equal(before.credentialId);
    const act = await lastOf('shortcode.credentials_replaced');
    expect(act).to.include({ target: shortcodeId, reason });
    expect(act.before).to.deep.equal({ fingerprint: before.credentialId });
    const how = { test: 'accepted', asked_by: operator.operator.email };
    expect(act.after).to.include({ fingerprint: after.credentialId, ...how });
    const { html } = await pageOf(shortcodeId);
    expect(html).to.contain('0\u00a0s old');
    await expectNoSecretIn([html, replaced.html]);
  });

  it('keeps the old credentials when M-PESA refuses the new ones, unless somebody insists', async () => {
    const { shortcodeId } = app.tenant;
    const before = await find(shortcodeId);
    const path = `/console/shortcodes/${shortcodeId}/credentials?mode=test`;
    const wrong = { ...secrets, passkey: 'this-is-not-the-passkey', reason };
    const refused = await operator.post(path, wrong);
    expect(refused.status).to.equal(400);
    expect(refused.html).to.contain('M-PESA refuses them').and.contain('Save them although');
    expect(refused.html).not.to.contain('this-is-not-the-passkey');
    expect((await find(shortcodeId)).credentialsSealed).to.equal(before.credentialsSealed);
    await approve(await operator.post(path, { ...wrong, anyway: 'yes' }));
    expect((await lastOf('shortcode.credentials_replaced')).after).to.include({ test: 'refused' });
    expect((await find(shortcodeId)).credentialsSealed).not.to.equal(before.credentialsSealed);
  });

  it('lists how each fares in the mode that is looked at', async () => {
    const { html } = await operator.get('/console/shortcodes?mode=test');
    expect(html).to.contain('Paybill 174379').and.contain('Up');
    expect((await operator.get('/console/shortcodes?mode=live')).html).to.contain('No shortcode here');
  });
});
