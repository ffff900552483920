// SQL for the page of one day of one shortcode: sums over the lines and payments of that day and of no other, each receipt
// once however many sources tell of it.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import type { Db } from '../platform/database.ts';
import { covers } from '../reconciliation/coverage.ts';
import { readCoverage } from '../reconciliation/coverage-store.ts';
import { countPayments } from '../reconciliation/daily-report-store.ts';
import { type LineStatus, sources, startOfDay } from '../reconciliation/line.ts';
import { endOfDay } from '../reconciliation/nairobi-days.ts';

export interface Moved {
  count: number;
  cents: number;
}

export interface DayFigures {
  moved: Partial<Record<LineKind, Moved>>;
  /** Receipts of money in, by what matching made of them. */
  receipts: Partial<Record<LineStatus, number>>;
  paid: { count: number; kes: number };
  /** Paid payments of which no line is known. */
  withoutLine: { count: number; kes: number };
  told: Record<LineSource, { lines: number; coversDay: boolean }>;
}

export async function readDayFigures(db: Db, shortcode: Shortcode, day: string): Promise<DayFigures> {
  const { id: shortcodeId, tenantId, mode } = shortcode;
  const [from, to] = [startOfDay(day), endOfDay(day)];
  const [moved, receipts, lines, coverage, payments, withoutLine] = await Promise.all([
    readMoved(db, shortcodeId, day),
    readReceipts(db, shortcodeId, day),
    readLineCounts(db, shortcodeId, day),
    readCoverage(db, shortcodeId),
    countPayments(db, tenantId, mode, { from, to, shortcodeId }),
    sumWithoutLine(db, shortcode, day),
  ]);
  const paid = payments.filter(({ status }) => status === 'succeeded');
  const told = sources.map((source) => {
    const coversDay = covers([coverage.get(source) ?? []], from, to - 1);
    return [source, { lines: lines.get(source) ?? 0, coversDay }] as const;
  });
  return {
    moved,
    receipts,
    paid: {
      count: paid.reduce((sum, { count }) => sum + count, 0),
      kes: paid.reduce((sum, { receivedKes }) => sum + receivedKes, 0),
    },
    withoutLine,
    told: Object.fromEntries(told) as DayFigures['told'],
  };
}

const ofDay = (db: Db, shortcodeId: string, day: string) =>
  db('statement_lines').where({ shortcode_id: shortcodeId, day });

/** Payments and reversals are told by several sources, other rows by statements alone. */
async function readMoved(db: Db, shortcodeId: string, day: string): Promise<DayFigures['moved']> {
  const once = ofDay(db, shortcodeId, day)
    .select('kind', 'receipt')
    .max({ cents: 'amount_cents' })
    .whereIn('kind', ['payment', 'reversal'])
    .groupBy('kind', 'receipt');
  const told: Record<string, unknown>[] = await db
    .from(once.as('once'))
    .select('kind')
    .count({ count: '*' })
    .sum({ cents: 'cents' })
    .groupBy('kind');
  const others: Record<string, unknown>[] = await ofDay(db, shortcodeId, day)
    .select('kind')
    .count({ count: '*' })
    .sum({ cents: 'amount_cents' })
    .whereNotIn('kind', ['payment', 'reversal'])
    .groupBy('kind');
  return Object.fromEntries(
    [...told, ...others].map((row) => [row.kind, { count: Number(row.count), cents: Number(row.cents) }]),
  );
}

async function readReceipts(db: Db, shortcodeId: string, day: string): Promise<DayFigures['receipts']> {
  const rows: Record<string, unknown>[] = await ofDay(db, shortcodeId, day)
    .where({ kind: 'payment' })
    .select('status')
    .countDistinct({ count: 'receipt' })
    .groupBy('status');
  return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
}

async function readLineCounts(db: Db, shortcodeId: string, day: string): Promise<Map<LineSource, number>> {
  const rows: Record<string, unknown>[] = await ofDay(db, shortcodeId, day)
    .select('source')
    .count({ count: '*' })
    .groupBy('source');
  return new Map(rows.map(({ source, count }) => [source as LineSource, Number(count)]));
}

/** Payments that are paid and of which no line of M-PESA's record is known, of one day. Rides on the lines' payments. */
async function sumWithoutLine(
  db: Db,
  { tenantId, mode, id }: Pick<Shortcode, 'tenantId' | 'mode' | 'id'>,
  day: string,
): Promise<{ count: number; kes: number }> {
  const row: Record<string, unknown> | undefined = await db('payments as p')
    .where({ 'p.tenant_id': tenantId, 'p.mode': mode, 'p.status': 'succeeded', 'p.shortcode_id': id })
    .where('p.created_at', '>=', startOfDay(day))
    .where('p.created_at', '<', endOfDay(day))
    .whereNotExists((line) => {
      line
        .select(db.raw('1'))
        .from('statement_lines as l')
        .whereRaw('l.payment_id = p.id')
        .whereIn('l.status', ['matched', 'mismatch']);
    })
    .count({ count: '*' })
    .sum({ kes: db.raw('coalesce(p.amount_received_kes, p.amount_kes)') })
    .first();
  return { count: Number(row?.count ?? 0), kes: Number(row?.kes ?? 0) };
}
