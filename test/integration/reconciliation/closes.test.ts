// Closing days on the real database: what a close says, the order of days, the second person, what comes later, and that
// a closed day never changes and shows when somebody changed it all the same.

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { approveClose, type CloseOutcome, closeDayAs } from '../../../src/console/close-acts.ts';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { AppError } from '../../../src/platform/errors.ts';
import { noHash, readBody } from '../../../src/reconciliation/close.ts';
import { closeDay } from '../../../src/reconciliation/close-day.ts';
import { addCoverage } from '../../../src/reconciliation/coverage-store.ts';
import { startOfDay } from '../../../src/reconciliation/line.ts';
import { endOfDay } from '../../../src/reconciliation/nairobi-days.ts';
import { verifyCloses } from '../../../src/reconciliation/verify-closes.ts';
import { type Books, boss, clerk, keepBooks } from '../../support/books-stage.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';

const [friday, saturday, sunday, monday, tuesday] = [
  '2026-10-02',
  '2026-10-03',
  '2026-10-04',
  '2026-10-05',
  '2026-10-06',
] as const;

/** What it was refused with. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown.publicMessage;
    throw thrown;
  }
  throw new Error('it was not refused');
}

describe('closing a day', () => {
  let app: TestGateway;
  let books: Books;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    books = await keepBooks(app);
  });
  after(() => app.close());

  const asked = (outcome: CloseOutcome) => {
    if (outcome.outcome !== 'asked') throw new Error(`it was ${outcome.outcome}`);
    return outcome.approval;
  };

  it('says what moved, what payments say, and how the account stood', async () => {
    await books.sold(`${monday} 09:00:00`, 1500, 'UJ1', 1_500_00);
    await books.sold(`${monday} 10:00:00`, 250, 'UJ2', 1_750_00);
    await books.ended(`${monday} 11:00:00`, 90, 'cancelled');
    const money = { kind: 'charge', receipt: 'UJ2', amountCents: -5_00, balanceCents: 1_745_00 } as const;
    await books.line({ at: `${monday} 10:00:01`, ...money });
    const out = { kind: 'withdrawal', receipt: 'UJ3', amountCents: -1_000_00, balanceCents: 745_00 } as const;
    await books.line({ at: `${monday} 18:00:00`, ...out });
    const c2b = { source: 'c2b', receipt: 'UJ1', amountCents: 1_500_00, status: 'matched' } as const;
    await books.line({ at: `${monday} 09:00:00`, ...c2b });
    const { close, body } = await books.close(monday);
    expect(body).to.deep.include({ day: monday, timezone: 'Africa/Nairobi', previousDay: null, previousHash: noHash });
    expect(body.movements).to.deep.equal({
      payment: { count: 2, cents: 1_750_00 },
      reversal: { count: 0, cents: 0 },
      charge: { count: 1, cents: -5_00 },
      withdrawal: { count: 1, cents: -1_000_00 },
      float: { count: 0, cents: 0 },
      other: { count: 0, cents: 0 },
    });
    expect(body.balance).to.deep.include({ openingFrom: 'statement', movementsCents: 745_00, breaks: 0 });
    expect(body.balance!.opening.cents).to.equal(0);
    expect(body.balance!.closing.cents).to.equal(745_00);
    expect(body.matching).to.deep.equal({ receipts: 2, matched: 2, rateBasisPoints: 10_000, byStatus: { matched: 2 } });
    expect(body.payments).to.deep.include({ succeeded: { count: 2, kes: 1750 }, cancelled: { count: 1, kes: 90 } });
    expect(body.sources).to.deep.include({
      c2b: { lines: 1, coversDay: false },
      statement: { lines: 4, coversDay: false },
    });
    expect(body.variance.totalCents).to.equal(0);
    expect(body).to.include({ isClean: true, closedBy: clerk.actor.id, approvedBy: null, closedAt: app.clock.now() });
    expect(close.hash).to.equal(createHash('sha256').update(close.body).digest('hex'));
    const keys = [...close.body.matchAll(/"(\w+)":/g)].map(([, key]) => key!);
    expect(keys.slice(0, 3)).to.deep.equal(['approvedBy', 'balance', 'breaks']);
    expect(close.body).not.to.match(/: |, |2547/);
  });

  it('walks the balance of the account that customers pay into, whatever the organisation’s others have', async () => {
    await books.sold(`${monday} 09:00:00`, 700, 'UJ1', 700_00);
    const sweep = { kind: 'float', receipt: 'UJ2', amountCents: -500_00, balanceCents: 200_00 } as const;
    await books.line({ at: `${monday} 10:00:00`, ...sweep, status: 'classified' });
    const arrived = { ...sweep, amountCents: 500_00, balanceCents: 90_500_00, isMain: false };
    await books.line({ at: `${monday} 10:00:00`, ...arrived, status: 'classified' });
    const { balance, variance } = (await books.preview(monday)).draft;
    expect(balance).to.deep.include({ movementsCents: 200_00, breaks: 0 });
    expect(balance!.closing.cents).to.equal(200_00);
    expect(variance.totalCents).to.equal(0);
  });

  it('is linked to the day before, and goes on where its account ended', async () => {
    await books.sold(`${sunday} 09:00:00`, 100, 'UJ1', 600_00);
    await books.sold(`${monday} 09:00:00`, 100, 'UJ2', 700_00);
    const first = await books.close(sunday);
    const { close, body } = await books.close(monday);
    expect(close.previousHash).to.equal(first.close.hash);
    expect(body).to.include({ previousDay: sunday, previousHash: first.close.hash });
    expect(body.balance).to.deep.include({ openingFrom: 'close', opening: first.body.balance!.closing, breaks: 0 });
    expect(await verifyCloses(app.gateway.core.db, books.tenant.shortcodeId)).to.deep.equal({
      isIntact: true,
      days: 2,
    });
  });

  it('knows a day without rows that the statement covers, and begins anew after one that it does not', async () => {
    const { db } = app.gateway.core;
    await books.sold(`${friday} 09:00:00`, 100, 'UJ1', 600_00);
    const { shortcodeId } = books.tenant;
    const [fromAt, toAt] = [startOfDay(saturday), endOfDay(saturday) - 1000];
    await addCoverage(db, { shortcodeId, source: 'statement', fromAt, toAt, now: app.clock.now() });
    await books.sold(`${monday} 09:00:00`, 100, 'UJ2', 950_00);
    await books.close(friday);
    const covered = (await books.close(saturday)).body;
    expect(covered.sources.statement.coversDay).to.equal(true);
    expect(covered.balance!.closing.cents).to.equal(600_00);
    expect((await books.close(sunday)).body.balance).to.equal(null);
    expect((await books.close(monday)).body.balance).to.deep.include({
      openingFrom: 'statement',
      movementsCents: 100_00,
    });
  });

  describe('is refused', () => {
    it('before it is over in Nairobi, and at once afterwards', async () => {
      expect(await refusal(books.ask(tuesday))).to.contain('is not over yet');
      expect(await refusal(books.ask('2026-10-07'))).to.contain('is not over yet');
      const now = app.clock.now();
      app.clock.set(endOfDay(tuesday) - 1);
      expect(await refusal(books.ask(tuesday))).to.contain('is not over yet');
      app.clock.set(endOfDay(tuesday));
      await books.close(tuesday);
      app.clock.set(now);
    });

    it('while a day before it is open, which it names', async () => {
      await books.sold(`${saturday} 09:00:00`, 100, 'UJ1');
      await books.sold(`${monday} 09:00:00`, 100, 'UJ2');
      expect(await refusal(books.ask(monday))).to.contain(`Close ${saturday} first`);
      await books.close(saturday);
      expect(await refusal(books.ask(monday))).to.contain(`Close ${sunday} first`);
      await books.close(sunday);
      await books.close(monday);
    });

    it('twice, and before the books begin', async () => {
      await books.close(sunday);
      expect(await refusal(books.ask(sunday))).to.contain('is closed already');
      expect(await refusal(books.ask(saturday))).to.contain(`begin on ${sunday}`);
    });

    it('while lines wait to be matched', async () => {
      await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1', status: 'new' });
      expect(await refusal(books.ask(monday))).to.contain('1 line waits to be matched');
    });

    it('for what is no day of the calendar, and for no shortcode', async () => {
      for (const day of ['2026-02-30', 'yesterday', '2026-10-5'])
        expect(await refusal(books.preview(day))).to.contain('YYYY-MM-DD');
      const { db, now } = books.deps;
      expect(await refusal(closeDay({ db, now }, { ...emptyRequest, shortcodeId: 'sc_none', day: monday }))).to.contain(
        'no such',
      );
    });
  });

  const emptyRequest = { stateKey: '', closedBy: clerk.actor, approvedBy: null, reason: null };

  describe('with a variance', () => {
    it('needs a reason, and a second person who is not the first', async () => {
      await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1' });
      const { draft } = await books.preview(monday);
      expect(draft).to.deep.include({ isClean: false });
      expect(draft.variance).to.deep.include({ unexplainedCents: 100_00, unprovenCents: 0, totalCents: 100_00 });
      expect(await refusal(books.ask(monday, ' '))).to.contain('Write why');
      const approval = asked(await books.ask(monday, 'The customer 0712345678 paid twice.'));
      expect(approval).to.deep.include({ kind: 'day.close', reason: 'The customer 2547*****678 paid twice.' });
      expect((await books.ask(monday, 'Once more.')).outcome).to.equal('waiting');
      expect(await approveClose(books.deps, clerk, approval.id)).to.equal('own');
      expect(await approveClose(books.deps, boss, approval.id)).to.equal('approved');
      const [close] = await closesOf();
      const body = readBody(close!);
      expect(body).to.include({ isClean: false, closedBy: clerk.actor.id, approvedBy: boss.actor.id });
      expect(body.reason).to.equal('The customer 2547*****678 paid twice.');
      expect(await approveClose(books.deps, boss, approval.id)).to.equal('ended');
      expect(await actions()).to.deep.equal(['day.close_requested', 'day.closed', 'day.close_approved']);
    });

    it('is the same while something critical is open, though every shilling agrees', async () => {
      await books.sold(`${monday} 09:00:00`, 100, 'UJ1');
      const id = await books.discrepancy('balance_break', monday, 77_00);
      const { draft } = await books.preview(monday);
      expect(draft).to.deep.include({ isClean: false, criticalOpen: 1 });
      expect(draft.variance.totalCents).to.equal(0);
      expect(draft.discrepancies).to.deep.equal({
        balance_break: { severity: 'critical', count: 1, atRiskCents: 77_00 },
      });
      asked(await books.ask(monday, 'The bank says so.'));
      await books.deps.db('discrepancies').where({ id }).update({ status: 'closed' });
      expect((await books.preview(monday)).draft.isClean).to.equal(true);
    });

    it('does nothing when the day has changed since it was asked for, and says so', async () => {
      await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1' });
      const approval = asked(await books.ask(monday, 'We know of it.'));
      await books.line({ at: `${monday} 09:05:00`, receipt: 'UJ2' });
      expect(await approveClose(books.deps, boss, approval.id)).to.equal('outdated');
      expect(await closesOf()).to.deep.equal([]);
      const taken = await books.deps
        .db('statement_lines')
        .where({ shortcode_id: books.tenant.shortcodeId })
        .whereNotNull('close_id');
      expect(taken).to.deep.equal([]);
      expect(await actions()).to.deep.equal(['day.close_requested', 'day.close_outdated']);
    });

    it('is closed by one person where the installation has only one', async () => {
      await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1' });
      const deps = { ...books.deps, needsTwoPersons: false };
      const closed = await closeDayAs(deps, clerk, await books.preview(monday), 'We know of it.');
      expect(closed.outcome).to.equal('closed');
      const rows = await listAudit(deps.db, { tenantId: books.tenant.id, limit: 1 });
      expect(rows[0]!.after!.note).to.contain('one-person installation');
    });
  });

  it('is not clean where a payment says that money came and no line does, whoever wrote that', async () => {
    await books.sold(`${monday} 09:00:00`, 100, 'UJ1');
    const forged = await books.ended(`${monday} 10:00:00`, 340, 'expired');
    expect((await books.preview(monday)).draft.isClean).to.equal(true);
    const { db } = app.gateway.core;
    await db('payments')
      .where({ id: forged })
      .update({ status: 'succeeded', mpesa_receipt: 'UJ9', completed_at: null });
    expect((await books.preview(monday)).draft.variance).to.deep.include({ unprovenCents: 340_00, totalCents: 340_00 });
    const id = await books.discrepancy('missing_at_provider', monday, 340_00, forged);
    await db('discrepancies').where({ id }).update({ status: 'closed', resolution: 'written_off' });
    const { variance, isClean } = (await books.preview(monday)).draft;
    expect({ ...variance, isClean }).to.deep.include({ unprovenCents: 0, writtenOffCents: 340_00, isClean: true });
    await db('discrepancies').where({ id }).update({ resolution: 'cause_gone' });
    expect((await books.preview(monday)).draft.variance.unprovenCents).to.equal(340_00);
  });

  it('counts a payment where its line is: made before midnight, paid after it', async () => {
    const paymentId = await books.paid(`${sunday} 23:59:50`, 100, 'UJ1');
    await books.line({ at: `${monday} 00:00:02`, receipt: 'UJ1', status: 'matched', paymentId });
    for (const day of [sunday, monday]) expect((await books.preview(day)).draft.variance.totalCents, day).to.equal(0);
    const { body } = await books.close(sunday);
    expect([body.movements.payment.count, body.payments.succeeded.count]).to.deep.equal([0, 1]);
    expect((await books.close(monday)).body.movements.payment.count).to.equal(1);
  });

  it('shows a hole in the statement between two days', async () => {
    await books.sold(`${sunday} 09:00:00`, 100, 'UJ1', 600_00);
    await books.close(sunday);
    await books.sold(`${monday} 09:00:00`, 100, 'UJ2', 900_00);
    const { variance, balance } = (await books.preview(monday)).draft;
    expect(variance).to.deep.include({ balanceCents: 200_00, totalCents: 200_00 });
    expect(balance).to.include({ breaks: 1 });
    // The row was there, late: the closed day stays, the next one has it as prior-period, and all agrees.
    const late = await books.paid(`${sunday} 20:00:00`, 200, 'UJ3');
    const row = { receipt: 'UJ3', amountCents: 200_00, balanceCents: 800_00 };
    await books.line({ at: `${sunday} 20:00:00`, ...row, status: 'matched', paymentId: late });
    const { body } = await books.close(monday);
    expect(body.variance.totalCents).to.equal(0);
    expect(body.movements.payment.cents).to.equal(100_00);
    expect(body.priorPeriod).to.deep.include({ count: 1 });
    const told = { cents: 200_00, day: sunday, kind: 'payment', receipt: 'UJ3', source: 'statement' };
    expect(body.priorPeriod.lines).to.deep.equal([told]);
  });

  it('tells a late line once, in the next close and in no other', async () => {
    await books.close(saturday);
    const before = (await closesOf())[0]!;
    await books.line({ at: `${saturday} 12:00:00`, receipt: 'UJ1', status: 'settled' });
    const { body } = await books.close(sunday);
    expect(body.priorPeriod.count).to.equal(1);
    expect(body.variance).to.deep.include({ writtenOffCents: 100_00, totalCents: 0 });
    expect((await books.close(monday)).body.priorPeriod.count).to.equal(0);
    expect((await closesOf())[0]).to.deep.equal(before);
  });

  it('does not count again what an earlier close has from another source', async () => {
    const paymentId = await books.paid(`${sunday} 09:00:00`, 100, 'UJ1');
    const told = { at: `${sunday} 09:00:00`, receipt: 'UJ1', status: 'matched', paymentId } as const;
    await books.line({ ...told, source: 'c2b' });
    await books.close(sunday);
    await books.line({ ...told, source: 'statement', balanceCents: 500_00 });
    const charge = { kind: 'charge', receipt: 'UJ1', amountCents: -5_00, balanceCents: 495_00 } as const;
    await books.line({ at: `${sunday} 09:00:01`, ...charge });
    const { body } = await books.close(monday);
    expect(body).to.include({ toldAgain: 1 });
    expect(body.priorPeriod.movements).to.deep.include({
      payment: { count: 0, cents: 0 },
      charge: { count: 1, cents: -5_00 },
    });
    expect(body.variance.totalCents).to.equal(0);
  });

  it('leaves a receipt to the day that the statement tells, and counts it there', async () => {
    const paymentId = await books.paid(`${monday} 01:00:00`, 100, 'UJ1');
    const told = { receipt: 'UJ1', status: 'matched', paymentId } as const;
    await books.line({ ...told, source: 'pull', at: `${sunday} 22:00:00` });
    await books.line({ ...told, at: `${monday} 01:00:00` });
    expect((await books.close(sunday)).body.movements.payment.count).to.equal(0);
    const { body } = await books.close(monday);
    expect(body.movements.payment.count).to.equal(1);
    expect(body.priorPeriod.count).to.equal(0);
  });

  it('looks at a day beyond the next without the open days before it', async () => {
    await books.close(friday);
    await books.line({ at: `${friday} 12:00:00`, receipt: 'UJ1' });
    await books.line({ at: `${sunday} 12:00:00`, receipt: 'UJ2' });
    await books.line({ at: `${monday} 12:00:00`, receipt: 'UJ3', amountCents: 70_00 });
    await books.discrepancy('orphan_receipt', sunday, 100_00);
    const { draft, obstacle } = await books.preview(monday);
    expect(obstacle).to.contain(`Close ${saturday} first`);
    expect(draft.movements.payment).to.deep.equal({ count: 1, cents: 70_00 });
    expect(draft.priorPeriod.lines.map(({ receipt }) => receipt)).to.deep.equal(['UJ1']);
    expect([draft.variance.totalCents, draft.discrepancies]).to.deep.equal([170_00, {}]);
  });

  it('is done once when two do it at the same time, and takes every line once', async () => {
    await books.sold(`${monday} 09:00:00`, 100, 'UJ1');
    const preview = await books.preview(monday);
    const both = await Promise.allSettled([clerk, boss].map((by) => closeDayAs(books.deps, by, preview, '')));
    const done = both.filter((one) => one.status === 'fulfilled' && one.value.outcome === 'closed');
    expect(done).to.have.length(1);
    expect(await closesOf()).to.have.length(1);
    const lines = await books.deps.db('statement_lines').where({ shortcode_id: books.tenant.shortcodeId });
    expect(lines.map(({ close_id }) => close_id)).to.deep.equal([(await closesOf())[0]!.id]);
  });

  const closesOf = () =>
    app.gateway.core.db('daily_closes').where({ shortcode_id: books.tenant.shortcodeId }).orderBy('day');
  const actions = async () =>
    (await listAudit(app.gateway.core.db, { tenantId: books.tenant.id, limit: 20 }))
      .map(({ action }) => action)
      .reverse();
});

describe('closed days', () => {
  let app: TestGateway;
  let books: Books;
  before(async () => {
    app = await buildGateway();
    books = await keepBooks(app);
    for (const [index, day] of [saturday, sunday, monday].entries()) {
      await books.sold(`${day} 09:00:00`, 100, `UJ${index}`);
      await books.close(day);
    }
  });
  after(() => app.close());

  const verify = () => verifyCloses(app.gateway.core.db);

  it('are refused to every change by the database itself', async () => {
    const { db } = app.gateway.core;
    const its = () => db('daily_closes').where({ day: sunday });
    for (const change of [() => its().update({ variance_cents: 0 }), () => its().delete()]) {
      const failure = await change().then(
        () => 'it was done',
        (thrown: Error) => thrown.message,
      );
      expect(failure).to.contain('a closed day never changes');
    }
    expect(await verify()).to.deep.equal({ isIntact: true, days: 3 });
  });

  it('show the first day that was changed behind the database’s back, and how', async () => {
    const { db } = app.gateway.core;
    for (const act of ['update', 'delete']) await db.raw(`DROP TRIGGER daily_closes_no_${act}`);
    const all = await db('daily_closes').orderBy('day');
    const broken = { isIntact: false, shortcodeId: books.tenant.shortcodeId };
    const change = (day: string, values: object) => db('daily_closes').where({ day }).update(values);
    async function restore(): Promise<void> {
      await db('daily_closes').delete();
      await db('daily_closes').insert(all);
      expect(await verify()).to.deep.include({ isIntact: true });
    }
    const sundays = all.find(({ day }) => day === sunday);
    const forgedBody = sundays.body.replace('"cents":10000', '"cents":90000');
    const forgedHash = createHash('sha256').update(forgedBody).digest('hex');

    await change(sunday, { body: forgedBody });
    expect(await verify()).to.deep.equal({ ...broken, day: sunday, why: 'its body does not fit its hash' });
    await restore();

    await change(sunday, { body: forgedBody, hash: forgedHash });
    expect(await verify()).to.deep.equal({ ...broken, day: sunday, why: 'the audit log has another hash for it' });
    await restore();

    await change(sunday, { is_clean: false });
    expect(await verify()).to.deep.equal({ ...broken, day: sunday, why: 'its row says something else than its body' });
    await restore();

    await db('daily_closes').where({ day: sunday }).delete();
    expect(await verify()).to.deep.equal({ ...broken, day: sunday, why: 'the day is missing' });
    await restore();

    await db('daily_closes').where({ day: saturday }).delete();
    expect(await verify()).to.deep.equal({ ...broken, day: sunday, why: 'it does not follow the day before it' });
    await restore();

    await db('daily_closes').where({ day: monday }).delete();
    expect(await verify()).to.deep.equal({ ...broken, day: monday, why: 'the day was taken out' });
    await db('daily_closes').delete();
    expect(await verify()).to.deep.equal({ ...broken, day: saturday, why: 'the day was taken out' });
  });
});
