// SQL for what a close reads: the lines that no close has counted, what else tells the same receipts, paid payments that
// no line belongs to, and discrepancies that are open. A close first takes its lines, by writing its id on them, and then
// reads what it has taken: a line that arrives meanwhile is the next one's.

import type { Knex } from 'knex';
import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import { type Db, dialectOf } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { LineElsewhere, OpenLine } from './close-figures.ts';
import type { ClosedBecause, DiscrepancyType, Severity } from './discrepancy.ts';
import type { LineStatus } from './line.ts';

/** The lines of a close: those it has taken, or for a preview those that it would take. */
export interface LineSet {
  shortcodeId: string;
  day: string;
  /** The last day that is closed: late lines up to it are in the set too. Null: none is closed. */
  closedTo: string | null;
  /** Null: a preview. */
  closeId: string | null;
}

/**
 * The table by the one index that holds a close's lines together. MySQL must be told: it takes one that begins with the
 * shortcode, and reads all that this shortcode ever had.
 */
function linesByClose(db: Db, alias: string): Knex.Raw {
  const index = dialectOf(db) === 'mysql' ? ' force index (statement_lines_shortcode_id_close_id_day_index)' : '';
  return db.raw(`statement_lines${alias}${index}`);
}

/** Takes every line of the day, and of closed days, that no close has counted. */
export async function takeLines(trx: Db, set: LineSet & { closeId: string }): Promise<void> {
  await trx(linesByClose(trx, ''))
    .where({ shortcode_id: set.shortcodeId })
    .whereNull('close_id')
    .where(ofDays('day', set))
    .update({ close_id: set.closeId });
}

const ofDays =
  (column: string, { day, closedTo }: Pick<LineSet, 'day' | 'closedTo'>) =>
  (its: Knex.QueryBuilder): void => {
    its.where(column, day);
    if (closedTo !== null) its.orWhere(column, '<=', closedTo);
  };

const mostAtOnce = 400;

/** Gives lines back for a later close. */
export async function giveBackLines(trx: Db, lineIds: readonly string[]): Promise<void> {
  for (let from = 0; from < lineIds.length; from += mostAtOnce)
    await trx('statement_lines')
      .whereIn('id', lineIds.slice(from, from + mostAtOnce))
      .update({ close_id: null });
}

function linesOf(db: Db, set: LineSet): Knex.QueryBuilder {
  const query = db.from(linesByClose(db, ' as line')).where('line.shortcode_id', set.shortcodeId);
  return set.closeId === null
    ? query.whereNull('line.close_id').where(ofDays('line.day', set))
    : query.where('line.close_id', set.closeId);
}

/** In no order. Rides on `(shortcode_id, close_id, day)`. */
export async function readOpenLines(db: Db, set: LineSet): Promise<OpenLine[]> {
  const rows: Record<string, unknown>[] = await linesOf(db, set)
    .leftJoin('payments as payment', 'payment.id', 'line.payment_id')
    .select('line.id', 'line.source', 'line.kind', 'line.receipt', 'line.amount_cents', 'line.balance_cents')
    .select('line.is_main', 'line.completed_at', 'line.day', 'line.status', 'payment.id as payment_id')
    .select('payment.status as payment_status', 'payment.mpesa_receipt as payment_receipt')
    .select('payment.amount_kes', 'payment.amount_received_kes');
  return rows.map((row) => ({
    id: String(row.id),
    source: row.source as LineSource,
    kind: row.kind as LineKind,
    receipt: String(row.receipt),
    amountCents: Number(row.amount_cents),
    balanceCents: row.balance_cents === null ? null : Number(row.balance_cents),
    isMain: Boolean(row.is_main),
    completedAt: Number(row.completed_at),
    day: String(row.day),
    status: row.status as LineStatus,
    payment:
      row.payment_id === null
        ? null
        : {
            status: String(row.payment_status),
            receivedKes: Number(row.amount_received_kes ?? row.amount_kes),
            receipt: row.payment_receipt as string | null,
          },
  }));
}

/** Other lines of the receipts of these: counted by an earlier close, or of another day that is open. */
export async function readLinesElsewhere(db: Db, set: LineSet): Promise<LineElsewhere[]> {
  const rows: { receipt: string; kind: LineKind; source: LineSource; close_id: string | null }[] = await linesOf(
    db,
    set,
  )
    .join('statement_lines as other', (on) => {
      on.on('other.environment', 'line.environment')
        .andOn('other.shortcode', 'line.shortcode')
        .andOn('other.receipt', 'line.receipt')
        .andOn('other.shortcode_id', 'line.shortcode_id')
        .andOn('other.kind', 'line.kind');
    })
    .whereIn('line.kind', ['payment', 'reversal'])
    .where((outside) => {
      if (set.closeId === null) outside.whereNotNull('other.close_id').orWhereNot(ofDays('other.day', set));
      else outside.whereNull('other.close_id').orWhereNot('other.close_id', set.closeId);
    })
    .distinct('other.receipt', 'other.kind', 'other.source', 'other.close_id');
  return rows.map(({ receipt, kind, source, close_id }) => ({ receipt, kind, source, isCounted: close_id !== null }));
}

export interface DayOfShortcode {
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  from: number;
  to: number;
}

/**
 * How long after it was made a payment may be confirmed by something other than a line: it may wait a day to be sent, and
 * M-PESA is asked about it for two more. What is confirmed later has a line, or a person behind it
 * (`unproven_resolution`).
 */
const longestMs = 3 * 24 * 3_600_000;

/** Closing `missing_at_provider` in these ways explains why there is no line. */
const explained: readonly ClosedBecause[] = ['written_off', 'marked_reversed', 'acknowledged'];

/**
 * What paid payments say came in that day and no line belongs to; what an operator explained stands by itself. Rides on
 * `(tenant_id, mode, status, created_at, id)`.
 */
export async function sumUnproven(db: Db, day: DayOfShortcode): Promise<{ openKes: number; writtenOffKes: number }> {
  const itsExplanation = db('discrepancies as one')
    .select(db.raw('1'))
    .whereRaw('one.payment_id = payment.id')
    .where({ 'one.type': 'missing_at_provider', 'one.status': 'closed' })
    .whereIn('one.resolution', [...explained]);
  // A row that somebody made paid behind our back may have no time of completion.
  const at = 'coalesce(payment.completed_at, payment.created_at)';
  const unproven = db('payments as payment')
    .where({ 'payment.tenant_id': day.tenantId, 'payment.mode': day.mode, 'payment.status': 'succeeded' })
    .where('payment.created_at', '>=', day.from - longestMs)
    .where('payment.created_at', '<', day.to)
    .where('payment.shortcode_id', day.shortcodeId)
    .whereRaw(`${at} >= ? and ${at} < ?`, [day.from, day.to])
    .leftJoin('statement_lines as line', (on) => {
      on.on('line.payment_id', 'payment.id')
        .andOnVal('line.kind', 'payment')
        .andOnIn('line.status', ['matched', 'mismatch', 'settled']);
    })
    .whereNull('line.id')
    .select(db.raw('sum(coalesce(payment.amount_received_kes, payment.amount_kes)) as kes'))
    .first();
  const sumOf = async (query: Knex.QueryBuilder): Promise<number> => {
    const row: { kes: unknown } | undefined = await query;
    return Number(row?.kes ?? 0);
  };
  return {
    openKes: await sumOf(unproven.clone().whereNotExists(itsExplanation)),
    writtenOffKes: await sumOf(unproven.clone().whereExists(itsExplanation)),
  };
}

export interface OpenDiscrepancies {
  type: DiscrepancyType;
  severity: Severity;
  count: number;
  atRiskCents: number;
}

/** Of a day, and of closed days where they were found since the last close. Rides on `(shortcode_id, day, status)`. */
export async function countOpenDiscrepancies(
  db: Db,
  shortcodeId: string,
  day: string,
  last: { day: string; closedAt: number } | null,
): Promise<OpenDiscrepancies[]> {
  const rows: Record<string, unknown>[] = await db('discrepancies')
    .where({ shortcode_id: shortcodeId, status: 'open' })
    .where((its) => {
      its.where({ day });
      if (last !== null)
        its.orWhere((late) => late.where('day', '<=', last.day).where('opened_at', '>', last.closedAt));
    })
    .select('type', 'severity')
    .count({ found: '*' })
    .sum({ at_risk: 'at_risk_cents' })
    .groupBy('type', 'severity');
  return rows.map((row) => ({
    type: row.type as DiscrepancyType,
    severity: row.severity as Severity,
    count: Number(row.found),
    atRiskCents: Number(row.at_risk),
  }));
}

/** The first day of which there is a line; null without one. */
export async function findFirstLineDay(db: Db, shortcodeId: string): Promise<string | null> {
  const row = await db('statement_lines').where({ shortcode_id: shortcodeId }).min({ day: 'day' }).first();
  return (row as { day: string | null } | undefined)?.day ?? null;
}
