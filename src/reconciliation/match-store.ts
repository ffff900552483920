// SQL of matching on the lines of M-PESA's record: claiming those that are due, what other lines say of the same receipt,
// and writing down what became of each. All else on a line never changes.

import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import { type Db, forUpdate, forUpdateOfFree, updateRows } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Line, LineStatus, Rule } from './line.ts';
import { toLine } from './line-store.ts';

/**
 * Locks lines that are due, half of them the longest due and half the latest, passing over those another worker is at:
 * a file of a hundred thousand lines delays nobody's single one. Rides on `(due_at)`.
 */
export async function claimDueAcrossTenants(trx: Db, now: number, limit: number): Promise<string[]> {
  const ids = new Set<string>();
  for (const order of ['asc', 'desc'] as const) {
    const query = trx('statement_lines')
      .select('id')
      .where('due_at', '<=', now)
      .orderBy([
        { column: 'due_at', order },
        { column: 'id', order },
      ])
      .limit(Math.ceil(limit / 2));
    const rows: { id: string }[] = await forUpdateOfFree(query, trx);
    for (const { id } of rows) ids.add(id);
  }
  return [...ids];
}

/** Locks these lines, in the order of their ids, and reads them. */
export async function lockLinesAcrossTenants(trx: Db, sealer: Sealer, lineIds: readonly string[]): Promise<Line[]> {
  const rows = await forUpdate(
    trx('statement_lines')
      .whereIn('id', [...lineIds])
      .orderBy('id'),
    trx,
  );
  return rows.map((row: unknown) => toLine(row, sealer));
}

/** A line as another line of the same receipt sees it. */
export interface Twin {
  id: string;
  shortcodeId: string;
  source: LineSource;
  kind: LineKind;
  receipt: string;
  linkedReceipt: string | null;
  amountCents: number;
  balanceCents: number | null;
  status: LineStatus;
  paymentId: string | null;
}

// biome-ignore lint/suspicious/noExplicitAny: a row as knex gives it; this function is what types it
const toTwin = (row: any): Twin => ({
  id: row.id,
  shortcodeId: row.shortcode_id,
  source: row.source,
  kind: row.kind,
  receipt: row.receipt,
  linkedReceipt: row.linked_receipt,
  amountCents: Number(row.amount_cents),
  balanceCents: row.balance_cents === null ? null : Number(row.balance_cents),
  status: row.status,
  paymentId: row.payment_id,
});

const twinColumns = [
  'id',
  'shortcode_id',
  'source',
  'kind',
  'receipt',
  'linked_receipt',
  'amount_cents',
  'balance_cents',
  'status',
  'payment_id',
];

/** All lines of one shortcode that have one of these receipts. Rides on `(environment, shortcode, receipt)`. */
export async function listByReceipt(
  db: Db,
  { environment, shortcode, shortcodeId }: Pick<Line, 'environment' | 'shortcode' | 'shortcodeId'>,
  receipts: readonly string[],
): Promise<Twin[]> {
  const rows = await db('statement_lines')
    .select(twinColumns)
    .where({ environment, shortcode })
    .whereIn('receipt', [...receipts])
    .where({ shortcode_id: shortcodeId });
  return rows.map(toTwin);
}

/** An engine looks into the index for each of fewer than 200 values; for more it guesses, and hardly any line has one. */
const linkedAtOnce = 100;

/** All lines of one shortcode that took back one of these receipts. Rides on `(shortcode_id, linked_receipt)`. */
export async function listByLinkedReceipt(db: Db, shortcodeId: string, receipts: readonly string[]): Promise<Twin[]> {
  const found: Twin[] = [];
  for (let from = 0; from < receipts.length; from += linkedAtOnce) {
    const rows = await db('statement_lines')
      .select(twinColumns)
      .where({ shortcode_id: shortcodeId })
      .whereIn('linked_receipt', receipts.slice(from, from + linkedAtOnce));
    found.push(...rows.map(toTwin));
  }
  return found;
}

export interface LineOutcome {
  lineId: string;
  status: LineStatus;
  rule: Rule | null;
  paymentId: string | null;
  matchedAt: number | null;
  dueAt: number | null;
}

/** Writes what became of lines, in one statement. */
export async function writeOutcomes(trx: Db, outcomes: readonly LineOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ lineId, status, rule, paymentId, matchedAt, dueAt }) => ({
    id: lineId,
    status,
    rule,
    payment_id: paymentId,
    matched_at: matchedAt,
    due_at: dueAt,
  }));
  await updateRows(trx, 'statement_lines', rows);
}

/** Makes matching look at these lines again; what an operator has dealt with stays. */
export async function hastenLines(trx: Db, lineIds: readonly string[], dueAt: number): Promise<void> {
  if (lineIds.length === 0) return;
  await trx('statement_lines')
    .whereIn('id', [...lineIds])
    .whereNot({ status: 'settled' })
    .update({ due_at: dueAt });
}

/** Nothing is to be done with these lines any more. */
export async function restLines(trx: Db, lineIds: readonly string[]): Promise<void> {
  if (lineIds.length === 0) return;
  await trx('statement_lines')
    .whereIn('id', [...lineIds])
    .update({ due_at: null });
}

const openStatuses: readonly LineStatus[] = ['new', 'suggested', 'ambiguous', 'orphan', 'mismatch', 'reversal'];

/** Lines of a shortcode's day that may come to something else, in the order of their ids. Rides on `(shortcode_id, day, status)`. */
export async function listOpenLinesOfDay(
  db: Db,
  { shortcodeId, day, afterId }: { shortcodeId: string; day: string; afterId: string },
  limit: number,
): Promise<string[]> {
  return db('statement_lines')
    .where({ shortcode_id: shortcodeId, day })
    .whereIn('status', [...openStatuses])
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .pluck('id');
}

/** Which of these payments have a line of their own that says money came. Rides on `(payment_id)`. */
export async function listPaymentsWithLine(db: Db, paymentIds: readonly string[]): Promise<Set<string>> {
  if (paymentIds.length === 0) return new Set();
  const found: string[] = await db('statement_lines')
    .whereIn('payment_id', [...paymentIds])
    .whereIn('status', ['matched', 'mismatch'])
    .where({ kind: 'payment' })
    .distinct('payment_id')
    .pluck('payment_id');
  return new Set(found);
}

/** How many receipts of a shortcode's day stand like this, however many sources told each. */
export async function countReceiptsOfDay(
  db: Db,
  shortcodeId: string,
  day: string,
  status: LineStatus,
): Promise<number> {
  const [row] = await db('statement_lines')
    .where({ shortcode_id: shortcodeId, day, status, kind: 'payment' })
    .countDistinct({ count: 'receipt' });
  return Number(row?.count ?? 0);
}
