// What an operator does with discrepancies, on the real database: payments and lines move with it, nothing is done
// against a state that was not looked at, and money is not written off by one person alone.

import { expect } from 'chai';
import type { Approval } from '../../../src/platform/approval-store.ts';
import { type ApprovalDeps, approve, type Decided, reject } from '../../../src/platform/approvals.ts';
import type { By } from '../../../src/platform/audit-store.ts';
import {
  type ActChoice,
  type Acted,
  actOnDiscrepancy,
  confirmSuggestion,
  type DiscrepancyActDeps,
} from '../../../src/reconciliation/act-on-discrepancies.ts';
import type { Discrepancy } from '../../../src/reconciliation/discrepancy.ts';
import { performDiscrepancyAct, requestDiscrepancyAct } from '../../../src/reconciliation/discrepancy-approvals.ts';
import { actInBulk, previewBulk } from '../../../src/reconciliation/discrepancy-bulk.ts';
import { closeDiscrepancy, listNotes } from '../../../src/reconciliation/discrepancy-close-store.ts';
import { countOpen, findDiscrepancy, openFindings } from '../../../src/reconciliation/discrepancy-store.ts';
import { matchDueLines, matchLinesOf } from '../../../src/reconciliation/match-lines.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginMatchStage, freshReceipt, type MatchStage, type Pushed } from '../../support/match-stage.ts';
import { days, minutes } from '../../support/payment-evidence.ts';

const wanjiru = { id: 'opr_wanjiru', name: 'wanjiru@example.com' };
const otieno = { id: 'opr_otieno', name: 'otieno@example.com' };

const byOf = (actor: typeof wanjiru): By => ({ actor, ip: null });

function agree(deps: ApprovalDeps & DiscrepancyActDeps, actor: typeof wanjiru, approvalId: string): Promise<Decided> {
  return approve(deps, byOf(actor), approvalId, performDiscrepancyAct(deps));
}

describe('acts on discrepancies', () => {
  let app: TestGateway;
  let stage: MatchStage;
  let deps: DiscrepancyActDeps;
  let asked: string[];
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    stage = await beginMatchStage(app);
    asked = [];
    const { dataKeys, clock } = app.gateway.core;
    const nudge = (ids: readonly string[]): void => void asked.push(...ids);
    deps = { ...stage.deps, clock, nudge, blindIndexKey: dataKeys.blindIndex };
  });
  after(() => app.close());

  const act = (discrepancy: Discrepancy, choice: ActChoice, reason = 'seen in the portal'): Promise<Acted> =>
    actOnDiscrepancy(
      deps,
      { discrepancyId: discrepancy.id, version: discrepancy.version, actor: wanjiru, reason },
      choice,
    );
  const again = async (discrepancy: Discrepancy): Promise<Discrepancy> =>
    (await findDiscrepancy(stage.deps.db, discrepancy.id))!;
  const matchAll = async (): Promise<void> => {
    while ((await matchDueLines(stage.deps)) > 0);
  };

  /** Money for an account that no payment has. */
  async function orphan(values = {}, pushed?: Pushed) {
    const push = pushed ?? (await stage.push());
    await app.clock.advance(20 * minutes);
    const [line] = await stage.add(stage.lineOf(push, { account: 'HOUSE 12', ...values }));
    await matchLinesOf(stage.deps, [line!.id]);
    const [discrepancy] = await stage.open({ type: 'orphan_receipt' });
    return { push, line: await stage.readLine(line!.id), discrepancy: discrepancy! };
  }

  async function mismatch() {
    const push = await stage.push();
    const receipt = freshReceipt();
    const [line] = await stage.add(stage.lineOf(push, { receipt, amountCents: 120_000 }));
    await stage.callback(push, receipt, 1200);
    await matchLinesOf(stage.deps, [line!.id]);
    const [discrepancy] = await stage.open();
    expect(discrepancy).to.include({ type: 'amount_mismatch', lineId: line!.id });
    return { push, receipt, line: line!, discrepancy: discrepancy! };
  }

  it('links a line to a payment, which is settled by it', async () => {
    const { push, line, discrepancy } = await orphan();
    const acted = await act(discrepancy, { act: 'link', paymentId: push.id });
    expect(acted.outcome).to.equal('done');
    expect(await stage.readLine(line.id)).to.include({
      status: 'matched',
      rule: 'OP',
      paymentId: push.id,
      dueAt: null,
    });
    expect(await stage.read(push.id)).to.include({
      status: 'succeeded',
      mpesaReceipt: line.receipt,
      confirmedBy: 'c2b',
    });
    expect(await again(discrepancy)).to.include({ status: 'closed', resolution: 'linked', closedBy: wanjiru.id });
    const notes = await listNotes(stage.deps.db, discrepancy.id);
    expect(notes.map((note) => [note.act, note.text])).to.deep.equal([['linked', 'seen in the portal']]);
    const [change] = (await stage.deps.db('payment_transitions').where({ payment_id: push.id })).slice(-1);
    expect(change).to.include({ to_status: 'succeeded', actor: wanjiru.id });
    expect(stage.announced.at(-1)?.payment.id).to.equal(push.id);
    // Other sources of the same money are the payment's too, without a word.
    await stage.add(stage.lineOf(push, { receipt: line.receipt, source: 'statement', account: 'HOUSE 12' }));
    await matchAll();
    expect(await stage.open({ type: 'orphan_receipt' })).to.have.length(0);
  });

  it('does not link to a payment that has a receipt, another tenant’s, or nobody’s', async () => {
    const { line, discrepancy } = await orphan();
    const paid = await stage.push({ reference: 'OTHER-1' });
    await stage.callback(paid, freshReceipt());
    const other = await beginMatchStage(app);
    const foreign = await other.push();
    for (const paymentId of [paid.id, foreign.id, 'pay_01kahq8z2pf0rs6w5v2r7r3d4e'])
      expect((await act(discrepancy, { act: 'link', paymentId })).outcome).to.equal('refused');
    expect(await again(discrepancy)).to.include({ status: 'open', version: discrepancy.version });
    expect((await stage.readLine(line.id)).status).to.equal('orphan');
    expect((await other.read(foreign.id)).status).to.equal('pending');
  });

  it('a linked line with another amount needs a review, and says so', async () => {
    const { push, discrepancy } = await orphan({ amountCents: 140_000 });
    expect((await act(discrepancy, { act: 'link', paymentId: push.id })).outcome).to.equal('done');
    expect(await stage.read(push.id)).to.include({ status: 'needs_review', reviewReason: 'amount' });
    expect(await again(discrepancy)).to.include({ resolution: 'linked' });
    expect((await stage.open()).map(({ type }) => type)).to.deep.equal(['amount_mismatch']);
  });

  it('makes a payment of an orphan: the merchant hears of it, and it is one payment however often it is asked for', async () => {
    const { line, discrepancy } = await orphan();
    const acted = await act(discrepancy, { act: 'make_payment' });
    const payment = acted.outcome === 'done' ? acted.payment! : null;
    expect(payment).to.include({
      status: 'succeeded',
      mpesaReceipt: line.receipt,
      reference: 'HOUSE 12',
      amountKes: 1500,
    });
    const { body, status } = await stage.story.call(`/v1/receipts/${line.receipt}`);
    expect(status).to.equal(200);
    expect(body).to.include({ id: payment!.id, status: 'succeeded', amount_received: 1500, confirmed_by: 'c2b' });
    expect(body.phone).to.match(/^2547\*{5}\d{3}$/);
    expect(await stage.story.events(payment!.id)).to.deep.equal(['payment.succeeded']);
    const rows = await stage.deps.db('payments').where({ id: payment!.id });
    expect(rows[0]).to.include({ idempotency_key: JSON.stringify(`line-${line.id}`), due_at: null });
    expect(await stage.readLine(line.id)).to.include({ status: 'matched', rule: 'OP', paymentId: payment!.id });
    expect(await again(discrepancy)).to.include({ status: 'closed', resolution: 'payment_made' });
    expect((await act(discrepancy, { act: 'make_payment' })).outcome).to.equal('changed');
    // The same money from another source finds it by its receipt, though the phone is only partly known.
    await stage.add(
      stage.lineOf({ ...(await stage.push()), reference: 'HOUSE 12' }, { source: 'pull', receipt: line.receipt }),
    );
    await matchAll();
    expect(await stage.open()).to.have.length(0);
  });

  it('makes a payment of money that came after a denial could be overturned', async () => {
    const push = await stage.push();
    await stage.deny(push);
    await app.clock.advance(8 * days);
    const receipt = freshReceipt();
    await stage.callback(push, receipt);
    const { discrepancy } = await orphan({ account: push.reference, receipt }, push);
    expect(discrepancy.paymentId).to.equal(push.id);
    expect((await act(discrepancy, { act: 'link', paymentId: push.id })).outcome).to.equal('refused');
    const acted = await act(discrepancy, { act: 'make_payment' });
    expect(acted).to.nested.include({ outcome: 'done', 'payment.status': 'succeeded' });
    expect((await stage.read(push.id)).status).to.equal('cancelled');
    expect(await stage.deps.db('receipts').where({ receipt })).to.have.length(1);
  });

  it('accepts the amount that came: a payment under review needs a second person', async () => {
    const { push, receipt, line, discrepancy } = await mismatch();
    const approvals = { ...deps, auditKey: app.gateway.core.dataKeys.audit, needsTwoPersons: true };
    const { approval: waiting } = await requestDiscrepancyAct(
      approvals,
      byOf(wanjiru),
      'accept_amount',
      [discrepancy],
      'agreed with them',
    );
    expect(await agree(approvals, wanjiru, waiting.id)).to.equal('own');
    expect((await stage.read(push.id)).status).to.equal('needs_review');
    expect(await agree(approvals, otieno, waiting.id)).to.equal('approved');
    const payment = await stage.read(push.id);
    expect(payment).to.include({ status: 'succeeded', amountReceivedKes: 1200, mpesaReceipt: receipt });
    expect(await again(discrepancy)).to.include({
      status: 'closed',
      resolution: 'amount_accepted',
      closedBy: otieno.id,
    });
    expect(await stage.readLine(line.id)).to.include({ status: 'matched', rule: 'OP', paymentId: push.id });
    expect(stage.announced.at(-1)).to.include({ to: 'succeeded' });
  });

  it('writes off with two persons only, against the state it was asked for', async () => {
    const { line, discrepancy } = await orphan();
    const approvals = { ...deps, auditKey: app.gateway.core.dataKeys.audit, needsTwoPersons: true };
    const request = async (): Promise<Approval> =>
      (
        await requestDiscrepancyAct(
          approvals,
          byOf(wanjiru),
          'write_off',
          [await again(discrepancy)],
          'too small to chase',
        )
      ).approval;
    const first = await request();
    const twice = await requestDiscrepancyAct(approvals, byOf(otieno), 'write_off', [discrepancy], 'again');
    expect(twice.outcome).to.equal('busy');
    expect(await agree(approvals, wanjiru, first.id)).to.equal('own');
    // It changes while it waits: nothing is done.
    expect((await act(discrepancy, { act: 'assign', assignee: otieno })).outcome).to.equal('done');
    expect(await agree(approvals, otieno, first.id)).to.equal('outdated');
    expect((await again(discrepancy)).status).to.equal('open');
    expect((await stage.readLine(line.id)).status).to.equal('orphan');
    const second = await request();
    expect(await agree(approvals, otieno, second.id)).to.equal('approved');
    expect(await again(discrepancy)).to.include({ status: 'closed', resolution: 'written_off' });
    expect(await stage.readLine(line.id)).to.include({ status: 'settled', dueAt: null });
    const { approval: third } = await requestDiscrepancyAct(
      approvals,
      byOf(wanjiru),
      'write_off',
      [discrepancy],
      'once more',
    );
    expect(await agree(approvals, otieno, third.id)).to.equal('outdated');
    const { approval: fourth } = await requestDiscrepancyAct(
      approvals,
      byOf(wanjiru),
      'write_off',
      [discrepancy],
      'no, not this',
    );
    expect(await reject(approvals, byOf(otieno), fourth.id, 'no')).to.equal('rejected');
  });

  it('several are written off together, or none where one has changed', async () => {
    const one = await orphan({ account: 'A' });
    await orphan({ account: 'B' });
    const filter = { tenantIds: [stage.owner.tenantId], mode: null, types: ['orphan_receipt' as const] };
    const preview = await previewBulk(stage.deps.db, filter, 'write_off');
    expect(preview.items).to.have.length(2);
    expect(preview).to.include({ atRiskCents: 300_000, left: 0, hasMore: false });
    const approvals = { ...deps, auditKey: app.gateway.core.dataKeys.audit, needsTwoPersons: true };
    const ask = (items: readonly Discrepancy[], digest: string) =>
      requestDiscrepancyAct(approvals, byOf(wanjiru), 'write_off', items, 'all from one till', digest);
    const first = await ask(preview.items, preview.digest);
    await act(one.discrepancy, { act: 'assign', assignee: otieno });
    expect(await agree(approvals, otieno, first.approval.id)).to.equal('outdated');
    expect(await stage.open({ type: 'orphan_receipt' })).to.have.length(2);
    const fresh = await previewBulk(stage.deps.db, filter, 'write_off');
    const second = await ask(fresh.items, fresh.digest);
    expect(await agree(approvals, otieno, second.approval.id)).to.equal('approved');
    expect(await stage.open({ type: 'orphan_receipt' })).to.have.length(0);
  });

  it('in bulk by filter: done with exactly what the preview showed', async () => {
    await orphan({ account: 'A' });
    const filter = { tenantIds: [stage.owner.tenantId], mode: 'test' as const };
    const by = { actor: wanjiru, reason: 'refunded at the till' };
    const preview = await previewBulk(stage.deps.db, filter, 'mark_reversed');
    await orphan({ account: 'B' });
    const choice = { act: 'mark_reversed' } as const;
    expect((await actInBulk(deps, by, filter, preview.digest, choice)).outcome).to.equal('changed');
    const fresh = await previewBulk(stage.deps.db, filter, 'mark_reversed');
    const done = await actInBulk(deps, by, filter, fresh.digest, choice);
    expect(done.outcome === 'done' && done.done.length).to.equal(2);
    expect(await stage.open()).to.have.length(0);
    const other = await beginMatchStage(app);
    const foreign = { tenantIds: [other.owner.tenantId], mode: null, ids: fresh.items.map(({ id }) => id) };
    expect((await previewBulk(stage.deps.db, foreign, 'comment')).items).to.have.length(0);
  });

  it('confirms a suggested match once, as it was suggested', async () => {
    const push = await stage.push();
    const [line] = await stage.add(stage.lineOf(push, { account: null }));
    await matchLinesOf(stage.deps, [line!.id]);
    const confirm = (paymentId: string) => confirmSuggestion(deps, { lineId: line!.id, paymentId, actor: wanjiru });
    expect((await confirm((await stage.push()).id)).outcome).to.equal('changed');
    expect((await confirm(push.id)).outcome).to.equal('done');
    expect(await stage.readLine(line!.id)).to.include({ status: 'matched', rule: 'OP', paymentId: push.id });
    expect((await stage.read(push.id)).status).to.equal('succeeded');
    expect((await confirm(push.id)).outcome).to.equal('changed');
  });

  it('asks M-PESA again about the payments it may belong to', async () => {
    const first = await stage.push();
    const second = await stage.push({ phone: first.phone, allow_duplicate: true });
    const [line] = await stage.add(stage.lineOf(first));
    await matchLinesOf(stage.deps, [line!.id]);
    const [discrepancy] = await stage.open({ type: 'ambiguous' });
    expect((await act(discrepancy!, { act: 'ask_again' })).outcome).to.equal('done');
    expect(asked).to.have.members([first.id, second.id]);
  });

  it('an information is acknowledged, and is not told again; money cannot be acknowledged away', async () => {
    const push = await stage.push();
    await stage.deny(push);
    const [line] = await stage.add(stage.lineOf(push));
    await matchLinesOf(stage.deps, [line!.id]);
    const late = await stage.open({ type: 'late_success' });
    expect((await act(late[0]!, { act: 'acknowledge' })).outcome).to.equal('done');
    const { status: _status, ...finding } = late[0]!;
    await openFindings(stage.deps.db, [finding], app.clock.now());
    expect(await again(late[0]!)).to.include({ status: 'closed', resolution: 'acknowledged' });
    const { discrepancy } = await orphan();
    expect((await act(discrepancy, { act: 'acknowledge' })).outcome).to.equal('refused');
  });

  it('comments and assigns, and refuses what was looked at too long ago', async () => {
    const { discrepancy } = await orphan();
    expect((await act(discrepancy, { act: 'comment' }, 'called 0712345678')).outcome).to.equal('done');
    expect((await act(discrepancy, { act: 'assign', assignee: otieno })).outcome).to.equal('done');
    expect(await again(discrepancy)).to.include({ assigneeId: otieno.id, version: discrepancy.version + 1 });
    expect((await act(discrepancy, { act: 'mark_reversed' })).outcome).to.equal('changed');
    const notes = await listNotes(stage.deps.db, discrepancy.id);
    expect(notes.map((note) => note.act)).to.deep.equal(['comment', 'assign']);
    expect(notes[0]!.text).to.equal('called 2547*****678');
  });

  it('opens again what had closed itself, with a note, and counts what is open', async () => {
    const { discrepancy } = await orphan();
    const { db } = stage.deps;
    const gone = { id: 'system', name: 'Lango', resolution: 'cause_gone', why: 'gone', now: app.clock.now() } as const;
    expect(await closeDiscrepancy(db, discrepancy, gone)).to.equal(true);
    expect(await closeDiscrepancy(db, discrepancy, gone)).to.equal(false);
    expect(await openFindings(db, [discrepancy, discrepancy], app.clock.now())).to.deep.equal({
      opened: 0,
      reopened: 1,
    });
    const reopened = await again(discrepancy);
    expect(reopened).to.include({ status: 'open', version: discrepancy.version + 2, closedAt: null, resolution: null });
    expect((await listNotes(db, discrepancy.id)).map((note) => note.act)).to.deep.equal(['cause_gone', 'reopened']);
    const counts = await countOpen(db, { tenantIds: [stage.owner.tenantId], mode: null });
    expect(counts).to.deep.equal([
      { severity: 'critical', count: 0, atRiskCents: 0 },
      { severity: 'high', count: 1, atRiskCents: 150_000 },
      { severity: 'medium', count: 0, atRiskCents: 0 },
      { severity: 'info', count: 0, atRiskCents: 0 },
    ]);
  });
});
