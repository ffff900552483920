// Two persons for what would let somebody take the money or the console: other credentials of a shortcode, a new owner.
// And the installation in which one person is enough: it says so, does it at once, and marks it.

import { expect } from 'chai';
import { createOperator } from '../../../src/console/manage-operators.ts';
import { findOperatorByEmail } from '../../../src/console/operator-store.ts';
import { openCredentials, replaceCredentials, sealCredentials } from '../../../src/mpesa/manage-shortcodes.ts';
import { findShortcodeAcrossTenants } from '../../../src/mpesa/shortcode-store.ts';
import { expireApprovals } from '../../../src/platform/approval-store.ts';
import { type AuditRow, listAudit, verifyAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, sandboxPasskey, type TestGateway } from '../../support/build-gateway.ts';
import { openBrowser } from '../../support/console-browser.ts';
import { flashOf, leadsTo, signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { pendingPayment } from '../../support/payment-states.ts';
import { move, tellStory } from '../../support/payment-story.ts';

const reason = 'Safaricom gave new ones.';
const secrets = { consumer_key: 'consumer-of-ours', consumer_secret: 'secret-of-ours', passkey: sandboxPasskey };

describe('console: setting up with two persons', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let asha: Visitor;
  let brian: Visitor;

  beforeEach(async () => {
    app = await buildGateway();
    asha = await signedIn(app, { role: 'owner' });
    brian = await signedIn(app, { role: 'operator' });
  });
  afterEach(() => app.close());

  const actsOn = async (target: string): Promise<AuditRow[]> =>
    (await listAudit(app.gateway.core.db, { tenantId: null, target, limit: 50 })).reverse();
  /** The approval that an answer leads to, as a path without its query. */
  function waitingAt(answer: Visit): string {
    expect(flashOf(answer), answer.html).to.equal('Asked for. Somebody else has to approve it within a day.');
    return leadsTo(answer).replace(/\?.*/, '');
  }
  const approve = async (page: string, who = brian): Promise<string> =>
    flashOf(await who.post(`${page}/approve?mode=test`));
  const reject = async (page: string, who = brian): Promise<string> =>
    flashOf(await who.post(`${page}/reject?mode=test`, { note: 'Not now.' }));

  describe('a shortcode’s credentials', () => {
    const current = async () => (await findShortcodeAcrossTenants(app.gateway.core.db, app.tenant.shortcodeId))!;
    const opened = async () => openCredentials(app.gateway.core.sealer, await current());
    const path = (): string => `/console/shortcodes/${app.tenant.shortcodeId}/credentials?mode=test`;
    const ask = (who = asha, given: Record<string, string> = secrets): Promise<Visit> =>
      who.post(path(), { ...given, reason });
    const kept = async (): Promise<string | null> =>
      (await app.gateway.core.db('approvals').orderBy('created_at', 'desc').first('secret_sealed')).secret_sealed;

    it('wait sealed, and the page names their fingerprints and what M-PESA said, never themselves', async () => {
      const before = await current();
      const page = waitingAt(await ask());
      expect(await kept()).to.match(/^[\w-]{6}\./);
      const { html } = await brian.get(`${page}?mode=test`);
      expect(html).to.contain('asks to replace the credentials of Paybill 174379').and.contain('M-PESA took them');
      expect(html).to.contain(before.credentialId).and.contain(reason);
      const stored = JSON.stringify([await app.gateway.core.db('approvals'), await app.gateway.core.db('audit_log')]);
      for (const secret of Object.values(secrets))
        for (const text of [html, stored]) expect(text).not.to.contain(secret);
      expect((await current()).credentialsSealed).to.equal(before.credentialsSealed);
      expect(await approve(page)).to.equal('Approved, and done.');
      expect(await opened()).to.deep.equal(secrets);
      expect(await kept()).to.equal(null);
    });

    it('are not replaced by who asked, an owner neither; turned down, they are forgotten', async () => {
      const before = await current();
      const page = waitingAt(await ask());
      expect(await approve(page, asha)).to.match(/somebody else has to approve it/);
      expect(await reject(page)).to.equal('Turned down. Nothing was changed.');
      expect((await current()).credentialsSealed).to.equal(before.credentialsSealed);
      expect(await kept()).to.equal(null);
      const again = waitingAt(await ask());
      app.clock.set(app.clock.now() + 24 * 3_600_000);
      brian = await signedIn(app);
      expect(await approve(again)).to.match(/longer than a day/);
      await expireApprovals(app.gateway.core.db, app.gateway.core.now());
      expect(await kept()).to.equal(null);
      expect((await current()).credentialsSealed).to.equal(before.credentialsSealed);
    });

    it('are not replaced when others came meanwhile, though only the passkey differs', async () => {
      const { core } = app.gateway;
      const page = waitingAt(await ask());
      const known = await opened();
      const deps = { ...core, blindIndexKey: core.dataKeys.blindIndex };
      const other = sealCredentials(deps, await current(), { ...known, passkey: 'another-passkey' });
      await replaceCredentials(core, app.tenant.shortcodeId, other);
      expect((await brian.get(`${page}?mode=test`)).html).to.contain('were replaced since this was asked for');
      expect(await approve(page)).to.match(/were replaced while this waited/);
      expect(await opened()).to.deep.equal({ ...known, passkey: 'another-passkey' });
      expect((await actsOn(app.tenant.shortcodeId)).map(({ action }) => action)).to.deep.equal([
        'shortcode.credentials_requested',
        'shortcode.credentials_outdated',
      ]);
    });

    it('of another tenant: neither seen nor decided', async () => {
      const stranger = await signedIn(app, { tenantId: (await app.addTenant({ shortcode: '654321' })).id });
      const page = waitingAt(await ask());
      expect((await stranger.get(`${page}?mode=test`)).status).to.equal(404);
      expect((await stranger.post(`${page}/approve?mode=test`)).status).to.equal(404);
      expect((await stranger.get('/console/attention?mode=test')).html).not.to.contain(page);
      expect((await brian.get('/console/attention?mode=test')).html)
        .to.contain(`${page}?`)
        .and.contain('credentials of Paybill 174379');
      expect((await brian.get(`/console/shortcodes/${app.tenant.shortcodeId}?mode=test`)).html).to.contain(`${page}?`);
    });
  });

  describe('an owner', () => {
    const email = 'carol@lango.example';
    const find = (address = email) => findOperatorByEmail(app.gateway.core.db, app.gateway.core.sealer, address);
    const letIn = (fields: Record<string, string> = {}, who = asha): Promise<Visit> =>
      who.post('/console/operators', { email, role: 'owner', tenant: '', reason: 'A second owner.', ...fields });

    it('does not exist before a second person approves, and comes in by a link that an owner makes', async () => {
      expect((await letIn({ reason: '' })).html).to.contain('Write why');
      const page = waitingAt(await letIn());
      expect(await find()).to.equal(undefined);
      expect((await brian.get(`${page}?mode=test`)).html).to.contain(`asks to make ${email} an owner of all tenants`);
      expect((await brian.get('/console/attention?mode=live')).html)
        .to.contain(`${page}?`)
        .and.contain(email);
      expect(await approve(page, asha)).to.match(/somebody else/);
      expect(await approve(page)).to.equal('Approved, and done.');
      const made = (await find())!;
      expect(made).to.include({ role: 'owner', tenantId: null, status: 'active', signedInAt: null });
      expect((await actsOn(made.id)).map(({ action, actor }) => [action, actor])).to.deep.equal([
        ['operator.owner_requested', asha.operator.id],
        ['operator.created', brian.operator.id],
        ['operator.owner_approved', brian.operator.id],
      ]);
      const link = /\/console\/welcome\/[\w-]+/.exec((await asha.post(`/console/operators/${made.id}/link`)).html)![0];
      const browser = openBrowser(app);
      await browser.get(link);
      expect((await browser.submit(link, { password: 'correct horse battery staple' })).status).to.equal(302);
      expect((await browser.get('/console/operators')).status).to.equal(200);
    });

    it('is asked for once, and not where the address is taken, then or meanwhile', async () => {
      expect((await letIn({ email: brian.operator.email })).html).to.contain('with this e-mail address already');
      const page = waitingAt(await letIn());
      const again = await letIn({ email: email.toUpperCase() });
      expect(flashOf(again)).to.match(/waits for an approval already/);
      expect(leadsTo(again)).to.contain(page);
      await letIn({ role: 'viewer' });
      expect(await approve(page)).to.match(/the address is taken/);
      expect((await find())!.role).to.equal('viewer');
    });

    it('by promotion: nothing changes until it is approved, and then what was open ends', async () => {
      const viewer = await signedIn(app, { role: 'viewer' });
      const path = `/console/operators/${viewer.operator.id}`;
      const fields = { role: 'owner', tenant: '', status: 'active' };
      expect((await asha.post(path, fields)).html).to.contain('Write why');
      const page = waitingAt(await asha.post(path, { ...fields, reason: 'Runs the server now.' }));
      expect((await find(viewer.operator.email))!.role).to.equal('viewer');
      expect((await viewer.get('/console/me')).status).to.equal(200);
      expect((await asha.get(path)).html).to.contain(`${page}?`);
      expect(await approve(page)).to.equal('Approved, and done.');
      expect((await find(viewer.operator.email))!.role).to.equal('owner');
      expect((await viewer.get('/console/me')).status).to.equal(302);
    });

    it('is not made of somebody who was shut out meanwhile', async () => {
      const viewer = await signedIn(app, { role: 'viewer' });
      const path = `/console/operators/${viewer.operator.id}`;
      const fields = { role: 'owner', tenant: '', status: 'active', reason: 'Runs the server now.' };
      const page = waitingAt(await asha.post(path, fields));
      await asha.post(path, { role: 'viewer', tenant: '', status: 'disabled' });
      expect((await brian.get(`${page}?mode=test`)).html).to.contain('was changed since this was asked for');
      expect(await approve(page)).to.match(/was changed while this waited/);
      expect((await find(viewer.operator.email))!).to.include({ role: 'viewer', status: 'disabled' });
    });

    it('on the command line is made by one person, and the audit log says so', async () => {
      const { core } = app.gateway;
      const deps = { ...core, consoleKey: core.dataKeys.console, auditKey: core.dataKeys.audit };
      const byCommand = { actor: { id: 'cli', name: 'root on the command line' }, ip: null };
      const wanted = { email, role: 'owner', tenantId: null, password: null };
      const { operator } = await createOperator(deps, byCommand, wanted);
      expect(operator).to.include({ role: 'owner', status: 'active' });
      const [act] = await actsOn(operator.id);
      expect(act).to.include({ action: 'operator.created', actor: 'cli' });
      expect(act!.after).to.include({ role: 'owner', one_person: 'command line' });
    });

    it('of one tenant: its own people decide; to all tenants, and back from being shut out, needs it anew', async () => {
      const own = await signedIn(app, { role: 'operator', tenantId: app.tenant.id });
      const other = await signedIn(app, { tenantId: (await app.addTenant({ shortcode: '654321' })).id });
      const page = waitingAt(await letIn({ tenant: app.tenant.id }));
      expect((await other.get(`${page}?mode=test`)).status).to.equal(404);
      expect(await approve(page, own)).to.equal('Approved, and done.');
      const { id } = (await find())!;
      const why = { reason: 'Looks after all of them now.' };
      const wider = waitingAt(
        await asha.post(`/console/operators/${id}`, { role: 'owner', tenant: '', status: 'active', ...why }),
      );
      expect((await own.get(`${wider}?mode=test`)).status, 'about the whole server').to.equal(404);
      expect((await own.get('/console/attention?mode=test')).html).not.to.contain(wider);
      expect((await find())!.tenantId).to.equal(app.tenant.id);
      await reject(wider);
      const change = { role: 'owner', tenant: app.tenant.id };
      await asha.post(`/console/operators/${id}`, { ...change, status: 'disabled' });
      expect((await find())!.status).to.equal('disabled');
      waitingAt(await asha.post(`/console/operators/${id}`, { ...change, status: 'active', ...why }));
      expect((await find())!.status).to.equal('disabled');
    });
  });

  describe('where one person is enough (TWO_PERSONS=false)', () => {
    beforeEach(async () => {
      await app.close();
      app = await buildGateway({ env: { TWO_PERSONS: 'false' } });
      asha = await signedIn(app, { role: 'owner' });
    });

    const markOf = (acts: readonly AuditRow[], action: string): unknown =>
      acts.find((act) => act.action === action)?.after?.note;
    const marked = 'by who asked for it (one-person installation)';

    it('every page says so, and none does otherwise', async () => {
      for (const path of ['/console', '/console/attention', '/console/payments', '/console/me'])
        expect((await asha.get(`${path}?mode=test`)).html, path).to.contain('One person is enough here');
      const usual = await buildGateway();
      try {
        const { html } = await (await signedIn(usual)).get('/console?mode=test');
        expect(html).not.to.contain('One person is enough');
      } finally {
        await usual.close();
      }
    });

    it('a payment is settled at once, and its timeline and the audit log say by one', async () => {
      const story = tellStory(app, app.tenant);
      const pending = await pendingPayment(app, story);
      await move(app, 310_000);
      const { version } = await story.until(pending.id, 'unknown');
      const page = (await asha.get(`/console/payments/${pending.id}?mode=test`)).html;
      expect(page).to.contain('Settle by hand').and.not.contain('a second person approves it');
      const form = { to: 'succeeded', receipt: 'UJ68K3W0QZ', code: 'in_statement', version: String(version) };
      const answer = await asha.post(`/console/payments/${pending.id}/resolve?mode=test`, {
        ...form,
        reason: 'The portal shows it.',
      });
      expect(flashOf(answer)).to.equal('Done, and marked as done by one person.');
      expect(leadsTo(answer)).to.contain(`/console/payments/${pending.id}`);
      expect(await story.read(pending.id)).to.include({ status: 'succeeded', confirmed_by: 'operator' });
      expect(await story.events(pending.id)).to.include('payment.succeeded');
      const causes = (await story.timeline(pending.id)).map(({ cause }) => cause);
      expect(causes).to.include('an operator settled it as paid, alone (one-person installation)');
      const acts = await actsOn(pending.id);
      expect(markOf(acts, 'payment.resolve_approved')).to.equal(marked);
      const { html } = await asha.get(`/console/audit?target=${pending.id}&mode=test`);
      expect(html).to.contain('one-person installation');
    });

    it('credentials and an owner too', async () => {
      const { shortcodeId } = app.tenant;
      const { db, sealer, dataKeys } = app.gateway.core;
      await asha.post(`/console/shortcodes/${shortcodeId}/credentials?mode=test`, { ...secrets, reason });
      expect(openCredentials(sealer, (await findShortcodeAcrossTenants(db, shortcodeId))!)).to.deep.equal(secrets);
      expect((await db('approvals').first()).secret_sealed).to.equal(null);
      const acts = await actsOn(shortcodeId);
      expect(markOf(acts, 'shortcode.credentials_approved')).to.equal(marked);
      expect(acts.find(({ action }) => action === 'shortcode.credentials_replaced')!.after).to.include({
        one_person: true,
      });
      const fields = { email: 'carol@lango.example', role: 'owner', tenant: '', reason: 'A second owner.' };
      const answer = await asha.post('/console/operators', fields);
      const made = (await findOperatorByEmail(db, sealer, fields.email))!;
      expect(made.role).to.equal('owner');
      expect(leadsTo(answer)).to.contain(`/console/operators/${made.id}`);
      expect(markOf(await actsOn(made.id), 'operator.owner_approved')).to.equal(marked);
      expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: true });
    });

    it('what waited before it was switched off may be decided by who asked', async () => {
      const strict = await buildGateway({ beside: app, env: { TWO_PERSONS: 'true' } });
      try {
        const owner = await signedIn(strict, { role: 'owner' });
        const { shortcodeId } = app.tenant;
        const path = `/console/shortcodes/${shortcodeId}/credentials?mode=test`;
        const page = waitingAt(await owner.post(path, { ...secrets, reason }));
        expect(await approve(page, owner)).to.match(/somebody else/);
        const answer = await fetch(`${app.url}${page}?mode=test`, { headers: { cookie: owner.cookie } });
        expect(await answer.text()).to.contain('Approve: replace them');
      } finally {
        await strict.close();
      }
    });
  });
});
