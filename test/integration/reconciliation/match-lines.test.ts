// Matching on the real database: what each line comes to, that the payment moves with it, and that nothing is counted
// twice, whatever comes first.

import { expect } from 'chai';
import type { SourceLine } from '../../../src/mpesa/source-line.ts';
import { insertPayments } from '../../../src/payments/payment-store.ts';
import { newId } from '../../../src/platform/ids.ts';
import { matchDueLines, matchLinesOf } from '../../../src/reconciliation/match-lines.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginMatchStage, freshReceipt, type MatchStage } from '../../support/match-stage.ts';
import { days, minutes } from '../../support/payment-evidence.ts';

describe('matchLines', () => {
  let app: TestGateway;
  let stage: MatchStage;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    stage = await beginMatchStage(app);
  });
  after(() => app.close());

  const matchAll = async (): Promise<void> => {
    while ((await matchDueLines(stage.deps)) > 0);
  };
  /** Stores one line and matches it at once. */
  async function hear(line: SourceLine) {
    const [stored] = await stage.add(line);
    await matchLinesOf(stage.deps, [stored!.id]);
    return stage.readLine(stored!.id);
  }
  const types = async (): Promise<string[]> => (await stage.open()).map(({ type }) => type).sort();

  it('R1: a line with the receipt of a payment belongs to it, and adds no second receipt', async () => {
    const pushed = await stage.push();
    const receipt = freshReceipt();
    await stage.callback(pushed, receipt);
    const line = await hear(stage.lineOf(pushed, { receipt }));
    expect(line).to.include({ status: 'matched', rule: 'R1', paymentId: pushed.id, dueAt: null });
    expect(await stage.story.verdicts(pushed.id, 'c2b')).to.deep.equal(['repeated']);
    expect(await stage.deps.db('receipts').where({ receipt })).to.have.length(1);
    expect(await stage.open()).to.have.length(0);
  });

  it('R2: a line with the receipt and another amount is a critical discrepancy', async () => {
    const pushed = await stage.push();
    const receipt = freshReceipt();
    await stage.callback(pushed, receipt);
    const line = await hear(stage.lineOf(pushed, { receipt, amountCents: 120_000 }));
    expect(line).to.include({ status: 'mismatch', rule: 'R2', paymentId: pushed.id });
    const [found] = await stage.open();
    expect(found).to.include({
      type: 'amount_mismatch',
      severity: 'critical',
      atRiskCents: 30_000,
      paymentId: pushed.id,
    });
  });

  it('R3: a payment without a receipt gets it, and is settled by the line', async () => {
    const pushed = await stage.push();
    const line = await hear(stage.lineOf(pushed));
    expect(line).to.include({ status: 'matched', rule: 'R3', paymentId: pushed.id });
    const payment = await stage.read(pushed.id);
    expect(payment).to.include({
      status: 'succeeded',
      mpesaReceipt: line.receipt,
      confirmedBy: 'c2b',
      amountReceivedKes: 1500,
    });
    expect(await stage.story.events(pushed.id)).to.include('payment.succeeded');
    expect(stage.announced.at(-1)?.to).to.equal('succeeded');
  });

  it('R3: a success by query gets its receipt, and the merchant is told', async () => {
    const pushed = await stage.push();
    await stage.query(pushed);
    const line = await hear(stage.lineOf(pushed, { source: 'pull' }));
    const payment = await stage.read(pushed.id);
    expect(payment).to.include({ status: 'succeeded', mpesaReceipt: line.receipt, confirmedBy: 'pull' });
    expect(payment.flags).to.deep.equal([]);
    expect((await stage.story.events(pushed.id)).slice(-2)).to.deep.equal(['payment.succeeded', 'payment.updated']);
  });

  it('R4: two candidates inside one minute are never silently matched', async () => {
    const first = await stage.push();
    await app.clock.advance(30_000);
    const second = await stage.push({ phone: first.phone, allow_duplicate: true });
    const line = await hear(stage.lineOf(first, { completedAt: second.at + 10_000 }));
    expect(line).to.include({ status: 'ambiguous', rule: 'R4', paymentId: null });
    for (const { id } of [first, second]) expect((await stage.read(id)).status).to.equal('pending');
    const [found] = await stage.open();
    expect(found).to.include({ type: 'ambiguous', severity: 'medium', atRiskCents: 150_000 });
    expect(found!.candidates.map(({ paymentId }) => paymentId)).to.deep.equal([second.id, first.id]);
    // The callback of one of them names the receipt: the discrepancy closes itself.
    await stage.callback(second, line.receipt);
    await app.clock.advance(10 * minutes);
    await matchAll();
    expect(await stage.readLine(line.id)).to.include({ status: 'matched', rule: 'R1', paymentId: second.id });
    expect(await stage.open()).to.have.length(0);
  });

  it('R5: a line that shows no account is only suggested', async () => {
    const pushed = await stage.push();
    const line = await hear(stage.lineOf(pushed, { account: null }));
    expect(line).to.include({ status: 'suggested', rule: 'R5', paymentId: pushed.id });
    expect((await stage.read(pushed.id)).status).to.equal('pending');
    expect(await stage.open()).to.have.length(0);
  });

  it('R6: what M-PESA took back from a payment is a discrepancy of it, whichever line comes first', async () => {
    const pushed = await stage.push();
    const receipt = freshReceipt();
    const back = stage.lineOf(pushed, {
      source: 'statement',
      kind: 'reversal',
      amountCents: -150_000,
      linkedReceipt: receipt,
    });
    const reversal = await hear(back);
    expect(reversal).to.include({ status: 'reversal', rule: 'R6', paymentId: null });
    expect(await stage.open()).to.have.length(0);
    await stage.callback(pushed, receipt);
    await hear(stage.lineOf(pushed, { receipt }));
    await matchAll();
    expect(await stage.readLine(reversal.id)).to.include({ status: 'reversal', paymentId: pushed.id });
    expect(await types()).to.deep.equal(['reversed_externally']);
  });

  it('R6: money that nobody asked for and that went back is no orphan', async () => {
    const pushed = await stage.push();
    const stray = stage.lineOf(pushed, { account: 'NOBODY', completedAt: pushed.at - 30 * minutes });
    const line = await hear(stray);
    expect(line.status).to.equal('orphan');
    const back = {
      kind: 'reversal',
      amountCents: -150_000,
      linkedReceipt: line.receipt,
      receipt: freshReceipt(),
    } as const;
    await hear({ ...stray, ...back, source: 'statement' });
    await matchAll();
    expect(await stage.readLine(line.id)).to.include({ status: 'reversal', rule: 'R6' });
    expect(await stage.open()).to.have.length(0);
  });

  it('R8: money in of which nothing is known waits fifteen minutes and is then an orphan', async () => {
    const pushed = await stage.push();
    const line = await hear(stage.lineOf(pushed, { account: 'OTHER' }));
    expect(line).to.include({ status: 'new', rule: null });
    await app.clock.advance(14 * minutes);
    await matchAll();
    expect(await stage.open()).to.have.length(0);
    await app.clock.advance(2 * minutes);
    await matchAll();
    expect(await stage.readLine(line.id)).to.include({ status: 'orphan', rule: 'R8' });
    const [found] = await stage.open();
    expect(found).to.include({ type: 'orphan_receipt', severity: 'high', atRiskCents: 150_000, lineId: line.id });
    // Once a payment is known by its receipt, it closes itself.
    await stage.callback(pushed, line.receipt);
    await app.clock.advance(1 * days);
    await matchAll();
    expect(await stage.open()).to.have.length(0);
    expect((await stage.readLine(line.id)).paymentId).to.equal(pushed.id);
  });

  it('money for a payment that is paid already is a duplicate, and its payment stays as it is', async () => {
    const pushed = await stage.push();
    await stage.callback(pushed, freshReceipt());
    const line = await hear(stage.lineOf(pushed, { completedAt: pushed.at + 5 * minutes }));
    expect(line.status).to.equal('new');
    await app.clock.advance(30 * minutes);
    await matchAll();
    const [found] = await stage.open();
    expect(found).to.include({ type: 'duplicate_payment', paymentId: pushed.id, receipt: line.receipt });
    expect((await stage.read(pushed.id)).mpesaReceipt).not.to.equal(line.receipt);
  });

  it('a payment denied more than seven days ago is not overturned: the money is an orphan', async () => {
    const pushed = await stage.push();
    await stage.deny(pushed);
    await app.clock.advance(8 * days);
    const line = await hear(stage.lineOf(pushed, { source: 'statement' }));
    expect(line).to.include({ status: 'orphan', paymentId: null });
    const [found] = await stage.open();
    expect(found).to.include({ type: 'orphan_receipt', paymentId: pushed.id });
    expect((await stage.read(pushed.id)).status).to.equal('cancelled');
    expect(await stage.deps.db('receipts').where({ receipt: line.receipt }).first()).to.include({ payment_id: null });
  });

  it('money within seven days overturns a denial, and that is worth a word', async () => {
    const pushed = await stage.push();
    await stage.deny(pushed);
    await app.clock.advance(6 * days);
    await hear(stage.lineOf(pushed, { source: 'statement' }));
    const payment = await stage.read(pushed.id);
    expect(payment.status).to.equal('succeeded');
    expect(payment.flags).to.have.members(['late', 'contradicted']);
    expect(await types()).to.deep.equal(['contradiction', 'late_success']);
  });

  it('two lines for one payment: the earlier money is its money, whatever order they came in', async () => {
    const pushed = await stage.push();
    const lines = await stage.add(
      stage.lineOf(pushed, { completedAt: pushed.at + 60_000 }),
      stage.lineOf(pushed, { completedAt: pushed.at + 20_000 }),
    );
    await matchAll();
    const [later, earlier] = await Promise.all(lines.map(({ id }) => stage.readLine(id)));
    expect(earlier).to.include({ status: 'matched', rule: 'R3', paymentId: pushed.id });
    expect(later).to.include({ status: 'new', paymentId: null });
    expect((await stage.read(pushed.id)).mpesaReceipt).to.equal(earlier!.receipt);
  });

  it('a difference that several sources tell, again and again, is one discrepancy, and unchanged', async () => {
    const pushed = await stage.push();
    const receipt = freshReceipt();
    await stage.callback(pushed, receipt);
    const wrong = { receipt, amountCents: 120_000 };
    await hear(stage.lineOf(pushed, wrong));
    const [first] = await stage.open();
    await hear(stage.lineOf(pushed, { ...wrong, source: 'statement', account: null }));
    await matchAll();
    expect(await stage.open()).to.deep.equal([first]);
    // The same file once more adds nothing.
    expect(await stage.add(stage.lineOf(pushed, { ...wrong, source: 'statement' }))).to.have.length(0);
    const lines = await stage.deps.db('statement_lines').where({ receipt }).pluck('id');
    await matchLinesOf(stage.deps, lines);
    await matchLinesOf(stage.deps, lines);
    expect(await stage.open()).to.deep.equal([first]);
    expect(await stage.deps.db('evidence').where({ payment_id: pushed.id, verdict: 'amount_mismatch' })).to.have.length(
      2,
    );
  });

  it('R3 where hundreds of payments share a reference: still the one whose phone it is, in its time', async () => {
    const { db, sealer } = stage.deps;
    const pushed = await stage.push({ reference: 'DONATION' });
    const payment = await stage.read(pushed.id);
    const others = Array.from({ length: 210 }, (_, index) => {
      const phone = `25471${String(5_000_000 + index).padStart(7, '0')}`;
      const at = pushed.at - index * 60_000;
      const like = { ...payment, id: newId('pay'), phone, createdAt: at, submittedAt: null, checkoutRequestId: null };
      return { payment: like, idempotencyKey: `"${index}"`, phoneIndex: 'x', guardEven: null, guardOdd: null };
    });
    expect((await insertPayments(db, sealer, others)).size).to.equal(210);
    const line = await hear(stage.lineOf(pushed, { phone: pushed.phone }));
    expect(line).to.include({ status: 'matched', rule: 'R3', paymentId: pushed.id });
    const stranger = await hear(stage.lineOf(pushed, { phone: '254733000001' }));
    expect(stranger).to.include({ status: 'new', paymentId: null });
  });

  it('the same statement saying a receipt twice is told as a reused receipt', async () => {
    const pushed = await stage.push();
    const once = stage.lineOf(pushed, { source: 'statement', balanceCents: 500_000 });
    const [first, second] = await stage.add(once, { ...once, balanceCents: 650_000 });
    await matchAll();
    expect(await stage.readLine(first!.id)).to.include({ status: 'matched', paymentId: pushed.id });
    expect(await stage.readLine(second!.id)).to.include({ status: 'mismatch' });
    expect(await types()).to.deep.equal(['receipt_reused']);
  });
});
