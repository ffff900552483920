// The figures of a close, on plain values: each receipt once, what payments account for, and where the account stood.

import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalJson } from '../../../src/reconciliation/canonical-json.ts';
import { walkBalances } from '../../../src/reconciliation/close-balance.ts';
import { foldLines, type LineElsewhere, type OpenLine } from '../../../src/reconciliation/close-figures.ts';

const day = '2026-10-06';
let made = 0;

function line(values: Partial<OpenLine> = {}): OpenLine {
  made += 1;
  return {
    id: `lin_${made}`,
    source: 'statement',
    kind: 'payment',
    receipt: `R${made}`,
    amountCents: 100_00,
    balanceCents: null,
    isMain: true,
    completedAt: made * 1000,
    day,
    status: 'matched',
    payment: { status: 'succeeded', receivedKes: 100, receipt: values.receipt ?? `R${made}` },
    ...values,
  };
}

const orphan = (values: Partial<OpenLine> = {}): OpenLine => line({ status: 'orphan', payment: null, ...values });
const fold = (lines: OpenLine[], elsewhere: LineElsewhere[] = []) => foldLines(lines, elsewhere, day);

describe('the figures of a close', () => {
  it('count a receipt once, however many sources tell it', () => {
    const told = (['c2b', 'pull', 'statement'] as const).map((source) => line({ source, receipt: 'UJ1' }));
    const figures = fold([...told, line({ receipt: 'UJ2' })]);
    expect(figures.movements.payment).to.deep.equal({ count: 2, cents: 200_00 });
    expect(figures.matching).to.deep.include({ receipts: 2, matched: 2, rateBasisPoints: 10_000 });
    expect(figures.linesOfDay).to.deep.equal({ c2b: 1, pull: 1, statement: 2 });
    expect([figures.unexplainedCents, figures.unprovenCents]).to.deep.equal([0, 0]);
  });

  it('count a charge that repeats a receipt beside its payment, and each row of a sweep', () => {
    const charge = line({ receipt: 'UJ1', kind: 'charge', amountCents: -5_00, status: 'classified', payment: null });
    const sweep = { receipt: 'UJ9', kind: 'float', status: 'classified', payment: null } as const;
    const rows = [line({ receipt: 'UJ1' }), charge, line({ ...sweep, amountCents: -80_00 })];
    const { movements } = fold([...rows, line({ ...sweep, amountCents: 80_00 })]);
    expect(movements).to.deep.include({
      payment: { count: 1, cents: 100_00 },
      charge: { count: 1, cents: -5_00 },
      float: { count: 2, cents: 0 },
    });
  });

  it('do not set an orphan off against a payment that says too much', () => {
    const much = line({ receipt: 'UJ1', payment: { status: 'succeeded', receivedKes: 150, receipt: 'UJ1' } });
    const figures = fold([much, orphan({ amountCents: 50_00 })]);
    expect(figures).to.include({ unexplainedCents: 50_00, unprovenCents: 50_00 });
    expect(figures.matching.rateBasisPoints).to.equal(5000);
  });

  it('let a payment speak for its own receipt only, and only when it is paid', () => {
    const payment = { status: 'succeeded', receivedKes: 100, receipt: 'UJ1' };
    const twice = fold([line({ receipt: 'UJ1', payment }), line({ receipt: 'UJ2', payment })]);
    expect(twice.unexplainedCents).to.equal(100_00);
    const review = fold([
      line({ receipt: 'UJ3', status: 'mismatch', payment: { ...payment, status: 'needs_review' } }),
    ]);
    expect(review.unexplainedCents).to.equal(100_00);
    const found = fold([line({ receipt: 'UJ4', payment: { ...payment, receipt: null } })]);
    expect(found.unexplainedCents).to.equal(0);
  });

  it('let a payment agree with cents that it cannot know', () => {
    const cents = fold([line({ receipt: 'UJ1', amountCents: 100_50 })]);
    expect([cents.unexplainedCents, cents.unprovenCents]).to.deep.equal([0, 0]);
    const less = fold([line({ receipt: 'UJ1', amountCents: 99_50 })]);
    expect([less.unexplainedCents, less.unprovenCents]).to.deep.equal([0, 50]);
  });

  it('take what was only suggested for not matched', () => {
    const figures = fold([line({ status: 'suggested' })]);
    expect(figures.matching).to.deep.include({ matched: 0, byStatus: { suggested: 1 } });
    expect(figures.unexplainedCents).to.equal(100_00);
  });

  it('keep what was written off apart', () => {
    const figures = fold([orphan({ status: 'settled' })]);
    expect(figures).to.include({ unexplainedCents: 0, writtenOffCents: 100_00 });
  });

  it('expect no payment for money that went back, or that is another tenant’s', () => {
    const figures = fold([orphan({ status: 'reversal' }), orphan({ status: 'classified' }), line()]);
    expect(figures).to.include({ unexplainedCents: 0, returnedCents: 100_00 });
    expect(figures.matching).to.deep.include({ receipts: 1, matched: 1 });
  });

  it('tell lines of earlier days as prior-period, and not again what an earlier close has counted', () => {
    const late = orphan({ receipt: 'UJ1', day: '2026-10-05' });
    const again = line({ receipt: 'UJ2', day: '2026-10-05' });
    const elsewhere = { receipt: 'UJ2', kind: 'payment', source: 'c2b', isCounted: true } as const;
    const figures = fold([late, again, line()], [elsewhere]);
    expect(figures.movements.payment.count).to.equal(1);
    expect(figures.priorPeriod).to.deep.include({ count: 1 });
    const its = { cents: 100_00, day: '2026-10-05', kind: 'payment', receipt: 'UJ1', source: 'statement' };
    expect(figures.priorPeriod.lines).to.deep.equal([its]);
    expect(figures.toldAgain).to.equal(1);
    expect(figures.unexplainedCents).to.equal(100_00);
  });

  it('leave a receipt to the later day that a better source tells, and to no other', () => {
    const pulled = line({ source: 'pull', receipt: 'UJ1' });
    const tomorrow = { receipt: 'UJ1', kind: 'payment', source: 'statement', isCounted: false } as const;
    expect(fold([pulled], [tomorrow])).to.deep.include({ deferred: [pulled.id], toldAgain: 0 });
    expect(fold([pulled], [{ ...tomorrow, source: 'pull' }]).deferred).to.deep.equal([]);
    const stated = line({ receipt: 'UJ1' });
    expect(fold([stated], [{ ...tomorrow, source: 'c2b' }]).movements.payment.count).to.equal(1);
  });

  it('believe the day and the amount of the statement', () => {
    const pulled = line({ source: 'pull', receipt: 'UJ1', day: '2026-10-06', amountCents: 90_00 });
    const stated = line({ receipt: 'UJ1', day: '2026-10-05' });
    const figures = fold([pulled, stated]);
    expect(figures.movements.payment.count).to.equal(0);
    expect(figures.priorPeriod.movements.payment).to.deep.equal({ count: 1, cents: 100_00 });
  });

  it('say how many lines matching has not looked at', () => {
    expect(fold([line({ status: 'new', payment: null }), line()]).unmatched).to.equal(1);
  });

  it('are the same in whatever order the lines come', () => {
    const lines = [
      line({ receipt: 'UJ1' }),
      line({ receipt: 'UJ1', source: 'c2b' }),
      orphan(),
      orphan({ day: '2026-10-05' }),
    ];
    const { deferred: _, ...expected } = fold(lines);
    fc.assert(
      fc.property(fc.shuffledSubarray(lines, { minLength: lines.length }), (shuffled) => {
        const { deferred: __, ...figures } = fold(shuffled);
        expect(figures).to.deep.equal(expected);
      }),
    );
  });
});

describe('the balance of a day', () => {
  const row = (completedAt: number, amountCents: number, balanceCents: number | null) => ({
    completedAt,
    amountCents,
    balanceCents,
  });
  const second = 1000;

  it('begins with what the first row began with, and ends with the last', () => {
    const rows = [row(3 * second, -20, 180), row(second, 100, 150), row(2 * second, 50, 200)];
    expect(walkBalances(rows, null)).to.deep.equal({
      opening: { at: second - 1, cents: 50 },
      openingFrom: 'statement',
      closing: { at: 3 * second, cents: 180 },
      movementsCents: 130,
      breaks: 0,
    });
  });

  it('begins with what the day before ended with, and shows what is missing between', () => {
    const rows = [row(2 * second, 100, 300)];
    const balance = walkBalances(rows, { at: second, cents: 150 })!;
    expect(balance).to.include({ openingFrom: 'close', movementsCents: 100, breaks: 1 });
    expect(balance.closing.cents - balance.opening.cents - balance.movementsCents).to.equal(50);
  });

  it('leaves out rows that the balance of the day before has already, and takes in those it has not', () => {
    const rows = [row(second, 70, 70), row(2 * second, 30, 180), row(3 * second, 20, 200)];
    const balance = walkBalances(rows, { at: second + 500, cents: 150 })!;
    expect(balance).to.include({ movementsCents: 50, breaks: 0 });
    expect(balance.closing.cents).to.equal(200);
  });

  it('puts rows of one second in order by their balances', () => {
    const payment = row(second, 100, 1100);
    const charge = row(second, -5, 1095);
    for (const rows of [
      [payment, charge],
      [charge, payment],
    ]) {
      const { opening, closing, breaks } = walkBalances(rows, null)!;
      expect([opening.cents, closing.cents, breaks]).to.deep.equal([1000, 1095, 0]);
    }
    const sweep = [row(second, 50, 50), row(2 * second, -50, 0), row(2 * second, 50, 50)];
    expect(walkBalances(sweep, null)).to.deep.include({ closing: { at: 2 * second, cents: 50 }, breaks: 0 });
  });

  it('stays where it was without a row, and is not known without any balance', () => {
    const opening = { at: second, cents: 150 };
    expect(walkBalances([], opening)).to.deep.include({ closing: opening, movementsCents: 0 });
    expect(walkBalances([], null)).to.equal(null);
    expect(walkBalances([row(second, 100, null)], null)).to.equal(null);
  });

  it('finds the end of a second in which a row is missing', () => {
    const rows = [
      row(second, 100, 1100),
      row(2 * second, 10, 1110),
      row(2 * second, 30, 1160),
      row(3 * second, 40, 1200),
    ];
    const balance = walkBalances(rows, null)!;
    expect(balance).to.deep.include({ breaks: 1, closing: { at: 3 * second, cents: 1200 } });
    expect(balance.closing.cents - balance.opening.cents - balance.movementsCents).to.equal(20);
  });

  it('agrees with any true account, in any order, and with none that lacks a row', () => {
    // Amounts differ by more than their sign: +x, −x, +x within a second may be read in two ways, and nobody can tell.
    const amounts = fc.uniqueArray(
      fc.integer({ min: -5000, max: 5000 }).filter((amount) => amount !== 0),
      { minLength: 3, maxLength: 20, selector: Math.abs },
    );
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 1_000_000 }), fc.nat(), (all, start, pick) => {
        let running = start;
        const rows = all.map((amount, index) => {
          running += amount;
          return row((1 + Math.floor(index / 2)) * second, amount, running);
        });
        const variance = (given: typeof rows): number => {
          const { closing, movementsCents } = walkBalances(given, { at: 0, cents: start })!;
          return closing.cents - start - movementsCents;
        };
        expect(variance([...rows].reverse())).to.equal(0);
        // What lies behind the last row that is there, the statement cannot know of.
        const missing = pick % (rows.length - 2);
        expect(variance(rows.filter((_, index) => index !== missing))).to.equal(all[missing]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('canonical JSON', () => {
  it('sorts keys at every depth and writes no blanks', () => {
    const value = { b: 1, a: { d: [true, null, 'x "y"'], c: -2 } };
    expect(canonicalJson(value)).to.equal('{"a":{"c":-2,"d":[true,null,"x \\"y\\""]},"b":1}');
    expect(JSON.parse(canonicalJson(value))).to.deep.equal(value);
  });

  it('refuses numbers that are not whole, or too large to be exact, and what is not there', () => {
    for (const number of [0.5, Number.NaN, 2 ** 53])
      expect(() => canonicalJson({ number })).to.throw('not a whole number');
    expect(() => canonicalJson({ a: undefined } as never)).to.throw('no JSON');
  });
});
