// The inverse pass on the real database: a success that M-PESA's record of its time does not have is told, and nothing is
// told before that record can have it.

import { expect } from 'chai';
import { resolvePayment } from '../../../src/payments/resolve-payment.ts';
import { settlePayment } from '../../../src/payments/settle-payments.ts';
import { addCoverage, isCovered } from '../../../src/reconciliation/coverage-store.ts';
import { nairobiDay, startOfDay } from '../../../src/reconciliation/line.ts';
import { matchLinesOf } from '../../../src/reconciliation/match-lines.ts';
import { reconcileDay } from '../../../src/reconciliation/reconcile-day.ts';
import { createReconcileWorker } from '../../../src/reconciliation/reconcile-worker.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginMatchStage, freshReceipt, type MatchStage, type Pushed } from '../../support/match-stage.ts';
import { days, hours, minutes } from '../../support/payment-evidence.ts';

describe('the inverse pass', () => {
  let app: TestGateway;
  let stage: MatchStage;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    // Each story begins at noon of a day of its own.
    const today = startOfDay(nairobiDay(app.clock.now()));
    app.clock.set(today + 1 * days + 12 * hours);
    stage = await beginMatchStage(app);
  });
  after(() => app.close());

  const today = (): string => nairobiDay(app.clock.now());
  const run = (day: string) => reconcileDay(stage.deps, { shortcodeId: stage.owner.shortcodeId, day });
  /** A statement of a whole day, imported now. */
  const cover = (day: string) => {
    const { shortcodeId } = stage.owner;
    const from = startOfDay(day);
    return addCoverage(stage.deps.db, {
      shortcodeId,
      source: 'statement',
      fromAt: from,
      toAt: from + days - 1000,
      now: app.clock.now(),
    });
  };
  async function paid(receipt: string): Promise<Pushed> {
    const pushed = await stage.push();
    await app.clock.advance(30_000);
    await stage.callback(pushed, receipt);
    return pushed;
  }
  const tamper = (paymentId: string, values: Record<string, unknown>) =>
    stage.deps.db('payments').where({ id: paymentId }).update(values);

  it('a success without a line is expected until a source has told its time and two hours more, then missing', async () => {
    const day = today();
    const receipt = freshReceipt();
    const pushed = await paid(receipt);
    await app.clock.advance(1 * hours);
    await cover(day);
    expect(await run(day)).to.deep.equal({ matched: 0, suggested: 0, expected: 1, discrepancies: {} });
    await app.clock.advance(2 * hours);
    await cover(day);
    const told = await run(day);
    expect(told).to.deep.equal({ matched: 0, suggested: 0, expected: 0, discrepancies: { missing_at_provider: 1 } });
    const [found] = await stage.open();
    expect(found).to.include({ severity: 'critical', paymentId: pushed.id, receipt, atRiskCents: 150_000, day });
    // Again, it is the same one.
    expect(await run(day)).to.deep.equal(told);
    expect((await stage.open())[0]).to.include({ id: found!.id, version: 1 });
    // Its line comes after all: it closes itself, and says why.
    const [line] = await stage.add(stage.lineOf(pushed, { source: 'statement', receipt }));
    await matchLinesOf(stage.deps, [line!.id]);
    expect(await stage.open()).to.have.length(0);
    const closed = await stage.deps.db('discrepancies').where({ id: found!.id }).first();
    expect(closed).to.include({ status: 'closed', resolution: 'cause_gone', closed_by: 'system' });
    expect(closed.closed_why).to.match(/line for it/);
    expect(await run(day)).to.deep.equal({ matched: 1, suggested: 0, expected: 0, discrepancies: {} });
  });

  it('a forged success shows up after the statement, beside those that are real', async () => {
    const day = today();
    const receipts = [freshReceipt(), freshReceipt()];
    const real = [await paid(receipts[0]!), await paid(receipts[1]!)];
    const forged = [await stage.push(), await stage.push()];
    const at = app.clock.now();
    const success = { status: 'succeeded', confirmed_by: 'callback', completed_at: at, amount_received_kes: 1500 };
    await tamper(forged[0]!.id, { ...success, mpesa_receipt: freshReceipt() });
    // One that borrows a real receipt is not believed either.
    await tamper(forged[1]!.id, { ...success, mpesa_receipt: receipts[0]! });
    await app.clock.advance(1 * days);
    const lines = await stage.add(
      ...real.map((pushed, index) => stage.lineOf(pushed, { source: 'statement', receipt: receipts[index]! })),
    );
    await cover(day);
    await matchLinesOf(
      stage.deps,
      lines.map(({ id }) => id),
    );
    expect(await run(day)).to.deep.equal({
      matched: 2,
      suggested: 0,
      expected: 0,
      discrepancies: { missing_at_provider: 2 },
    });
    expect((await stage.open()).map(({ paymentId }) => paymentId)).to.have.members(forged.map(({ id }) => id));
  });

  it('a forged success that says it was paid the day before is found with that day', async () => {
    const day = nairobiDay(app.clock.now() - days);
    const forged = await stage.push();
    const at = app.clock.now() - days;
    await tamper(forged.id, { status: 'succeeded', completed_at: at, mpesa_receipt: 'UFORGED001' });
    await cover(day);
    expect((await run(day)).discrepancies).to.deep.equal({ missing_at_provider: 1 });
  });

  it('a success by query whose receipt never comes is told as such, and closes itself when it comes', async () => {
    const day = today();
    const pushed = await stage.push();
    await stage.query(pushed);
    await app.clock.advance(1 * days);
    await cover(day);
    expect((await run(day)).discrepancies).to.deep.equal({ receipt_missing: 1 });
    const [line] = await stage.add(stage.lineOf(pushed, { source: 'pull' }));
    await matchLinesOf(stage.deps, [line!.id]);
    expect((await run(day)).discrepancies).to.deep.equal({});
  });

  it('what an operator settled with a receipt nobody knows is unproven', async () => {
    const day = today();
    const pushed = await stage.push();
    await app.clock.advance(10 * minutes);
    await settlePayment(stage.deps, { paymentId: pushed.id, news: { kind: 'timePassed' } });
    const { version } = await stage.read(pushed.id);
    const resolution = {
      to: 'succeeded',
      receipt: freshReceipt(),
      amountKes: null,
      reason: 'seen in the portal',
    } as const;
    await resolvePayment(stage.deps, { paymentId: pushed.id, version, actor: 'opr_x', isOnePerson: false }, resolution);
    await app.clock.advance(1 * days);
    await cover(day);
    expect((await run(day)).discrepancies).to.deep.equal({ late_success: 1, unproven_resolution: 1 });
  });

  it('only a source that has told all of it from the push on counts', async () => {
    const midnight = startOfDay(today()) + days;
    app.clock.set(midnight - 10_000);
    await paid(freshReceipt());
    const day = today();
    expect(day).to.equal(nairobiDay(midnight));
    await app.clock.advance(1 * days);
    await cover(day);
    // The customer may have paid before midnight, of which the statement says nothing.
    expect(await run(day)).to.include({ expected: 1 });
    await cover(nairobiDay(midnight - 1));
    expect((await run(day)).discrepancies).to.deep.equal({ missing_at_provider: 1 });
  });

  it('coverage: stretches that meet are one, and nothing is told ahead of its time', async () => {
    const { db } = stage.deps;
    const { shortcodeId } = stage.owner;
    const noon = app.clock.now();
    await cover(today());
    expect(await isCovered(db, shortcodeId, noon - 2 * hours)).to.equal(true);
    expect(await isCovered(db, shortcodeId, noon - 2 * hours + 1)).to.equal(false);
    const yesterday = nairobiDay(noon - days);
    await cover(yesterday);
    expect(await isCovered(db, shortcodeId, startOfDay(today()) - 1 * hours)).to.equal(true);
    const pull = { shortcodeId, source: 'pull', now: noon } as const;
    await addCoverage(db, { ...pull, fromAt: noon - 6 * hours, toAt: noon - 4 * hours });
    await addCoverage(db, { ...pull, fromAt: noon - 5 * hours, toAt: noon });
    const rows = await db('coverages').where({ shortcode_id: shortcodeId }).select('source', 'from_at', 'to_at');
    expect(rows).to.have.length(2);
  });

  it('every night the last two days are reconciled, by one worker', async () => {
    const day = today();
    const pushed = await paid(freshReceipt());
    await cover(day);
    const worker = createReconcileWorker(stage.deps);
    app.clock.set(startOfDay(day) + days + 3 * hours + 1 * minutes);
    await cover(day);
    await cover(today());
    const counts = await Promise.all([worker.reconcileNights(), createReconcileWorker(stage.deps).reconcileNights()]);
    const ownNight = await stage.deps.db('feeds').where({ shortcode_id: stage.owner.shortcodeId }).first();
    expect(ownNight.reconciled_day).to.equal(day);
    expect(counts[0] + counts[1]).to.equal((await stage.deps.db('shortcodes').select('id')).length);
    expect((await stage.open()).map(({ paymentId }) => paymentId)).to.deep.equal([pushed.id]);
    expect(await worker.reconcileNights()).to.equal(0);
  });

  it('what an operator settles closes its discrepancy by itself', async () => {
    const pushed = await stage.push();
    await stage.callback(pushed, freshReceipt(), 1200);
    await run(today());
    const [found] = await stage.open();
    expect(found).to.include({ type: 'amount_mismatch', paymentId: pushed.id, atRiskCents: 30_000 });
    await app.clock.advance(1 * minutes);
    const { version, mpesaReceipt } = await stage.read(pushed.id);
    const resolution = { to: 'succeeded', receipt: mpesaReceipt, amountKes: 1200, reason: 'agreed with them' } as const;
    await resolvePayment(stage.deps, { paymentId: pushed.id, version, actor: 'opr_x', isOnePerson: false }, resolution);
    await app.clock.advance(1 * minutes);
    await createReconcileWorker(stage.deps).review();
    expect(await stage.open()).to.have.length(0);
  });
});
