// However a day is cut into files, in whatever format, type and order they come, and however often: the lines are those of
// the day, each once, and no balance seems to break.

import { expect } from 'chai';
import fc from 'fast-check';
import type { LineKind } from '../../../src/mpesa/source-line.ts';
import { listDiscrepancies } from '../../../src/reconciliation/discrepancy-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import {
  classicRows,
  csvFile,
  type LedgerRow,
  ledgerOf,
  type Move,
  type MoveKind,
  nairobi,
  newerRows,
  workbookFile,
} from '../../support/statement-files.ts';
import { beginStatementStage } from '../../support/statement-stage.ts';

const begin = nairobi('2026-10-06 08:00:00');
const kindOf: Readonly<Record<MoveKind, LineKind>> = {
  payment: 'payment',
  charge: 'charge',
  withdrawal: 'withdrawal',
  sweepOut: 'float',
  sweepIn: 'float',
  reversal: 'reversal',
};

/** A day: mostly payments, some with a charge under their receipt, many in one second. */
const dayOf = fc
  .array(
    fc.record({
      kind: fc.constantFrom<MoveKind>('payment', 'payment', 'payment', 'withdrawal', 'sweepOut', 'reversal'),
      seconds: fc.constantFrom(0, 0, 1, 60),
      cents: fc.integer({ min: 100, max: 5_000_000 }),
      hasCharge: fc.boolean(),
      isDeclined: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((days) => {
    let at = begin;
    return ledgerOf(
      days.flatMap(({ kind, seconds, cents, hasCharge, isDeclined }, index): Move[] => {
        at += seconds * 1000;
        const receipt = `UJ6${String(index).padStart(7, '0')}`;
        const amountCents = kind === 'payment' ? cents : -cents;
        const payer = { account: `INV ${index}`, party: '25471****678 - JANE **** O’DOE' };
        const isNamed = kind === 'payment' || kind === 'reversal';
        const linked = kind === 'reversal' ? { linkedReceipt: 'UJ60000000' } : {};
        const status = isDeclined ? { status: 'Declined' } : {};
        const move: Move = { kind, receipt, at, amountCents, ...(isNamed ? payer : {}), ...linked, ...status };
        const charge: Move = { kind: 'charge', receipt, at, amountCents: -55 };
        return kind === 'payment' && hasCharge && !isDeclined ? [move, charge] : [move];
      }),
      1_000_000,
    );
  });

const cut = fc.record({
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.double({ min: 0, max: 1, noNaN: true }),
  format: fc.constantFrom('classic', 'newer'),
  type: fc.constantFrom('csv', 'csv', 'csv', 'csv', 'csv', 'csv', 'csv', 'csv', 'xls', 'xlsx'),
  isOldestFirst: fc.boolean(),
});
type Cut = typeof cut extends fc.Arbitrary<infer T> ? T : never;

describe('statements that overlap', function () {
  this.timeout(120_000);
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  function fileOf(rows: readonly LedgerRow[], { format, type, isOldestFirst }: Cut, shortcode: string): Buffer {
    const cells =
      format === 'newer'
        ? newerRows(rows, { isOldestFirst })
        : classicRows(rows, { shortcode, isOldestFirst, hasNumbers: type !== 'csv', columns: isOldestFirst ? 13 : 14 });
    return type === 'csv' ? csvFile(cells) : workbookFile(cells, type as 'xls' | 'xlsx');
  }

  it('tell the same lines, whichever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(dayOf, fc.array(cut, { minLength: 1, maxLength: 5 }), async (rows, cuts) => {
        const stage = await beginStatementStage(app);
        const told = new Set<LedgerRow>();
        for (const one of cuts) {
          const first = Math.min(rows.length - 1, Math.floor(one.from * rows.length));
          const part = rows.slice(first, first + 1 + Math.floor(one.length * rows.length));
          for (const row of part) told.add(row);
          await stage.import(fileOf(part, one, stage.shortcode.shortcode));
        }
        const wanted = rows.filter((row) => told.has(row) && row.status === undefined);
        const keys = (await stage.lines()).map(({ receipt, kind, amountCents, balanceCents, account, completedAt }) =>
          JSON.stringify([receipt, kind, amountCents, balanceCents, account, completedAt]),
        );
        const wantedKeys = wanted.map(({ receipt, kind, amountCents, balanceCents, account, at }) =>
          JSON.stringify([receipt, kindOf[kind], amountCents, balanceCents, account ?? null, at]),
        );
        expect(keys.sort()).to.deep.equal(wantedKeys.sort());
        const filter = { tenantIds: [stage.tenant.id], mode: null, types: ['balance_break'] as const };
        expect((await listDiscrepancies(app.gateway.core.db, filter, { limit: 5 })).items).to.deep.equal([]);
      }),
      { numRuns: 10 },
    );
  });
});
