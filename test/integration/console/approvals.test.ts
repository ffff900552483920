// Two persons settle a payment by hand: one asks, another one decides, within a day, against the state that was looked
// at. Who may see and decide it, what is written down, and what a merchant hears of it.

import { expect } from 'chai';
import { expireApprovals } from '../../../src/platform/approval-store.ts';
import { type AuditRow, listAudit } from '../../../src/platform/audit-store.ts';
import { type Answer, buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { flashOf, leadsTo, signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest, type Story, sendCallback } from '../../support/payment-story.ts';

const hour = 3_600_000;
const why = { code: 'in_statement', reason: 'The statement of 6 October shows it under this receipt.' };
const paid = { to: 'succeeded', receipt: 'UJ68K3W0QZ', ...why };

describe('console: settling by hand with two persons', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let story: Story;
  let asha: Visitor;
  let brian: Visitor;
  let receipts = 0;

  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  beforeEach(async () => {
    asha = await signedIn(app);
    brian = await signedIn(app);
    receipts += 1;
  });
  after(() => app.close());

  const freshReceipt = (): string => `UJ68K${String(receipts).padStart(5, '0')}`;
  const pathOf = (id: string, rest = ''): string => `/console/payments/${id}${rest}?mode=test`;
  const actsOn = async (target: string): Promise<AuditRow[]> =>
    (await listAudit(app.gateway.core.db, { tenantId: null, target, limit: 50 })).reverse();
  const approvalsOf = (subject: string) => app.gateway.core.db('approvals').where({ subject }).orderBy('created_at');

  /** A payment that M-PESA gave no clear answer about. */
  async function unsure(): Promise<Answer['body']> {
    const pending = await pendingPayment(app, story);
    await move(app, 310_000);
    return story.until(pending.id, 'unknown');
  }

  async function ask(id: string, fields: Record<string, string> = {}, who = asha): Promise<Visit> {
    const { version } = await story.read(id);
    return who.post(pathOf(id, '/resolve'), { ...paid, receipt: freshReceipt(), version: String(version), ...fields });
  }

  /** The page of the approval that was asked for, as a path without its query. */
  async function asked(id: string, fields: Record<string, string> = {}): Promise<string> {
    const answer = await ask(id, fields);
    expect(flashOf(answer)).to.equal('Asked for. Somebody else has to approve it within a day.');
    expect(leadsTo(answer)).to.match(/^\/console\/approvals\/apr_\w{26}\?mode=test$/);
    return leadsTo(answer).replace(/\?.*/, '');
  }

  const approve = (page: string, who = brian): Promise<Visit> => who.post(`${page}/approve?mode=test`);
  const reject = (page: string, note: string, who = brian): Promise<Visit> =>
    who.post(`${page}/reject?mode=test`, { note });

  it('nothing happens until another person approves; then it is paid, told and written down with both', async () => {
    const { id } = await unsure();
    const page = await asked(id, { amount: '90' });
    expect(await story.read(id)).to.include({ status: 'unknown', mpesa_receipt: null });
    const seen = await brian.get(`${page}?mode=test`);
    expect(seen.html).to.contain(`${asha.operator.email} asks to settle`).and.contain(freshReceipt());
    expect(seen.html).to.contain('KES\u00a090').and.contain(why.reason).and.contain('Approve: settle as “Paid”');
    const done = await approve(page);
    expect([flashOf(done), leadsTo(done)]).to.deep.equal(['Approved, and done.', pathOf(id)]);
    expect(await story.read(id)).to.include({
      status: 'succeeded',
      mpesa_receipt: freshReceipt(),
      confirmed_by: 'operator',
      amount_received: 90,
    });
    expect(await story.events(id)).to.include('payment.succeeded');
    const { db } = app.gateway.core;
    const moved = await db('payment_transitions').where({ payment_id: id }).orderBy('version', 'desc').first();
    expect(moved).to.include({ actor: brian.operator.id });
    expect(moved.cause).to.equal('an operator settled it as paid, approved by a second one');
    const acts = await actsOn(id);
    expect(acts.map(({ action, actor, ip }) => [action, actor, ip])).to.deep.equal([
      ['payment.resolve_requested', asha.operator.id, '127.0.0.1'],
      ['payment.resolve_approved', brian.operator.id, '127.0.0.1'],
    ]);
    expect(acts[0]).to.deep.include({ reason: why.reason });
    expect(acts[0]!.after).to.include({ to: 'succeeded', receipt: freshReceipt(), reason_code: why.code });
    expect((await brian.get(`${page}?mode=test`)).html).to.contain(`Approved, and done by ${brian.operator.email}`);
    expect(flashOf(await approve(page))).to.match(/decided already/);
  });

  it('as not paid: the merchant is told that it failed, and why', async () => {
    const { id } = await unsure();
    const page = await asked(id, { to: 'failed', receipt: '', code: 'not_in_statement' });
    await approve(page);
    expect(await story.read(id)).to.deep.include({ status: 'failed', mpesa_receipt: null });
    expect((await story.read(id)).failure.code).to.equal('closed_by_operator');
    expect(await story.events(id)).to.include('payment.failed');
  });

  it('refuses a form that says too little or speaks of another version, and keeps what was typed', async () => {
    const { id, version } = await unsure();
    const cases: [fields: Record<string, string>, words: RegExp][] = [
      [{ to: '' }, /Choose whether it was paid/],
      [{ code: 'toString' }, /Choose what you know it from/],
      [{ receipt: '' }, /Give the M-PESA receipt/],
      [{ amount: '1.5' }, /whole shillings/],
      [{ reason: 'saw it' }, /Say in a sentence/],
      [{ version: String(version - 1) }, /has changed since you opened this page/],
    ];
    for (const [fields, words] of cases) {
      const answer = await ask(id, { reason: why.reason, ...fields });
      expect(answer.status, answer.html).to.equal(400);
      expect(answer.html).to.match(words);
    }
    const typed = await ask(id, { to: '', reason: 'A <b>long</b> story' });
    expect(typed.html).to.contain('A &lt;b&gt;long&lt;/b&gt; story').and.contain(`value="${freshReceipt()}"`);
    expect(await approvalsOf(id)).to.have.length(0);
    expect(await actsOn(id)).to.have.length(0);
  });

  it('cannot be asked for what settles itself or is settled', async () => {
    const ended = await endPayment(app, story, '0');
    const pending = await pendingPayment(app, story);
    for (const { id } of [ended, pending]) {
      expect((await asha.get(pathOf(id))).html).not.to.contain('Settle by hand');
      expect((await ask(id)).html).to.contain('cannot be settled by hand');
      expect(await approvalsOf(id)).to.have.length(0);
    }
  });

  it('turned down: all stays as it is, the note is kept, and it may be asked again', async () => {
    const { id } = await unsure();
    const page = await asked(id);
    const said = await reject(page, 'The statement ends the day before.');
    expect(flashOf(said)).to.equal('Turned down. Nothing was changed.');
    expect((await story.read(id)).status).to.equal('unknown');
    expect((await actsOn(id)).at(-1)).to.include({ action: 'payment.resolve_rejected', actor: brian.operator.id });
    const { html } = await asha.get(`${page}?mode=test`);
    expect(html).to.contain('Turned down by').and.contain('The statement ends the day before.');
    expect(html).not.to.contain('/approve');
    expect(flashOf(await approve(page))).to.match(/decided already/);
    expect((await story.read(id)).status).to.equal('unknown');
    expect(await asked(id)).not.to.equal(page);
  });

  it('who asked may withdraw it and never approve it, an owner neither', async () => {
    for (const role of ['operator', 'owner'] as const) {
      asha = await signedIn(app, { role });
      const { id } = await unsure();
      const page = await asked(id);
      const { html } = await asha.get(`${page}?mode=test`);
      expect(html).to.contain('You asked for this yourself').and.contain('Withdraw').and.not.contain('/approve');
      const tried = await approve(page, asha);
      expect(flashOf(tried)).to.match(/somebody else has to approve it/);
      expect(leadsTo(tried)).to.equal(`${page}?mode=test`);
      expect((await story.read(id)).status, role).to.equal('unknown');
      expect(flashOf(await reject(page, '', asha))).to.equal('Withdrawn. Nothing was changed.');
      expect((await actsOn(id)).at(-1)!.action).to.equal('payment.resolve_withdrawn');
    }
  });

  it('only one request waits for a payment: a second one leads to it', async () => {
    const { id } = await unsure();
    const page = await asked(id);
    const again = await ask(id, {}, brian);
    expect(flashOf(again)).to.match(/waits for an approval already/);
    expect(leadsTo(again)).to.equal(`${page}?mode=test`);
    expect(await approvalsOf(id)).to.have.length(1);
    const { html } = await brian.get(pathOf(id));
    expect(html).to.contain(`href="${page}?mode`).and.contain('a second person decides');
  });

  it('waits for a day and no longer', async () => {
    const { id } = await unsure();
    const page = await asked(id);
    app.clock.set(app.clock.now() + 24 * hour - 1000);
    brian = await signedIn(app);
    expect((await brian.get(`${page}?mode=test`)).html).to.contain('/approve');
    app.clock.set(app.clock.now() + 1000);
    expect((await brian.get(`${page}?mode=test`)).html)
      .to.contain('nobody approved it within a day')
      .and.not.contain('/approve');
    expect(flashOf(await approve(page))).to.match(/longer than a day/);
    expect((await story.read(id)).status).not.to.equal('succeeded');
    expect((await brian.get('/console/attention?mode=test')).html).not.to.contain(page);
    const { db, now } = app.gateway.core;
    expect(await expireApprovals(db, now())).to.be.greaterThan(0);
    expect((await approvalsOf(id))[0]).to.include({ status: 'expired', open_key: null });
    asha = await signedIn(app);
    expect(await asked(id)).not.to.equal(page);
  });

  it('the payment changed while it waited: nothing is done, and the page says so beforehand', async () => {
    const { id, phone } = await unsure();
    const page = await asked(id, { to: 'failed', receipt: '' });
    await sendCallback(app, phone);
    await rest(app);
    const before = await story.until(id, 'succeeded');
    expect((await brian.get(`${page}?mode=test`)).html).to.contain('it is now “Paid”');
    expect(flashOf(await approve(page))).to.match(/It changed while it waited/);
    expect(await story.read(id)).to.deep.equal(before);
    expect((await actsOn(id)).at(-1)!.action).to.equal('payment.resolve_outdated');
    expect((await approvalsOf(id))[0]).to.include({ status: 'outdated', open_key: null });
  });

  it('that M-PESA is asked meanwhile and knows nothing changes nothing: it can be approved', async () => {
    const { id } = await unsure();
    const page = await asked(id);
    const askedBefore = (await story.verdicts(id, 'query')).length;
    await move(app, 10 * 60_000);
    expect((await story.verdicts(id, 'query')).length).to.be.greaterThan(askedBefore);
    expect((await story.read(id)).status).to.equal('unknown');
    brian = await signedIn(app);
    expect(flashOf(await approve(page))).to.equal('Approved, and done.');
  });

  it('a receipt that is another payment’s settles nothing', async () => {
    const other = await endPayment(app, story, '0');
    const { id } = await unsure();
    const page = await asked(id, { receipt: other.mpesa_receipt });
    expect(flashOf(await approve(page))).to.match(/the receipt belongs to another payment/);
    expect((await story.read(id)).status).to.equal('unknown');
  });

  it('two who approve at once settle it once', async () => {
    const { id } = await unsure();
    const page = await asked(id);
    const carol = await signedIn(app);
    const said = (await Promise.all([approve(page), approve(page, carol)])).map(flashOf);
    expect(said.filter((words) => words === 'Approved, and done.')).to.have.length(1);
    expect(said.filter((words) => /decided already/.test(words))).to.have.length(1);
    expect((await story.statuses(id)).filter((status) => status === 'succeeded')).to.have.length(1);
    expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
  });

  it('a number that somebody wrote into a reason or a note is masked wherever it is kept', async () => {
    const { id } = await unsure();
    const page = await asked(id, { reason: 'Called 0712345678, who showed the message.' });
    await reject(page, 'Ask +254712345678 again.');
    const { html } = await brian.get(`${page}?mode=test`);
    const log = await brian.get(`/console/audit?target=${id}&mode=test`);
    const stored = JSON.stringify([await approvalsOf(id), await actsOn(id)]);
    for (const text of [html, log.html, stored]) {
      expect(text).to.contain('2547*****678');
      expect(text).not.to.contain('12345678');
    }
  });

  describe('who may', () => {
    it('a viewer looks and decides nothing', async () => {
      const viewer = await signedIn(app, { role: 'viewer' });
      const { id } = await unsure();
      const page = await asked(id);
      const { status, html } = await viewer.get(`${page}?mode=test`);
      expect(status).to.equal(200);
      expect(html).not.to.contain(`action="${page}/`);
      for (const act of [approve, (where: string) => reject(where, '', viewer)])
        expect((await act(page, viewer)).status).to.equal(403);
      expect((await viewer.get(pathOf(id, '/resolve'))).status).to.equal(403);
      expect((await approvalsOf(id))[0].status).to.equal('waiting');
    });

    it('another tenant’s is as absent as one that never was; the tenant’s own operator may approve it', async () => {
      const stranger = await signedIn(app, { tenantId: app.tenant.id });
      const own = await signedIn(app, { tenantId: story.tenant.id });
      const { id } = await unsure();
      const page = await asked(id);
      expect((await stranger.get(`${page}?mode=test`)).status).to.equal(404);
      expect((await approve(page, stranger)).status).to.equal(404);
      expect((await reject(page, '', stranger)).status).to.equal(404);
      expect((await ask(id, {}, stranger)).status).to.equal(404);
      expect((await stranger.get('/console/attention?mode=test')).html).not.to.contain(page);
      expect((await own.get('/console/attention?mode=test')).html).to.contain(page);
      expect(flashOf(await approve(page, own))).to.equal('Approved, and done.');
    });

    it('asks for a fresh code before asking and before deciding', async () => {
      const { id } = await unsure();
      const page = await asked(id);
      const stale = await signedIn(app, { steppedUpAgo: 11 * 60_000 });
      expect(leadsTo(await stale.get(pathOf(id, '/resolve')))).to.match(/^\/console\/step-up\?next=/);
      expect((await approve(page, stale)).status).to.equal(401);
      expect((await approvalsOf(id))[0].status).to.equal('waiting');
    });

    it('says so when there is nobody else who could', async () => {
      const lonely = await buildGateway();
      try {
        const { db } = lonely.gateway.core;
        const tale = await beginStory(lonely);
        const alone = await signedIn(lonely, { role: 'owner' });
        await signedIn(lonely, { role: 'viewer' });
        const other = await signedIn(lonely, { tenantId: lonely.tenant.id });
        const pending = await pendingPayment(lonely, tale);
        await move(lonely, 310_000);
        const { version } = await tale.until(pending.id, 'unknown');
        const answer = await alone.post(pathOf(pending.id, '/resolve'), { ...paid, version: String(version) });
        expect((await alone.get(leadsTo(answer))).html).to.contain('There is nobody else yet who could');
        await db('operators').where({ id: other.operator.id }).update({ tenant_id: tale.tenant.id });
        expect((await alone.get(leadsTo(answer))).html).not.to.contain('There is nobody else yet');
      } finally {
        await lonely.close();
      }
    });
  });
});
