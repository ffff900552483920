// SQL for the grid of days and shortcodes, and for what is to be done about reconciliation: few questions, each on an
// index, for the shortcodes that are shown and no others.

import type { LineSource } from '../mpesa/source-line.ts';
import type { Db } from '../platform/database.ts';
import { mergeSpans, type Span } from '../reconciliation/coverage.ts';
import type { Severity } from '../reconciliation/discrepancy.ts';
import { startOfDay } from '../reconciliation/line.ts';
import { endOfDay } from '../reconciliation/nairobi-days.ts';

/** What is known of one shortcode's day. */
export interface DayFacts {
  close: { id: string; isClean: boolean } | null;
  /** Open discrepancies by severity. */
  open: Partial<Record<Severity, { count: number; cents: number }>>;
  /** Lines of money in that wait for an operator's yes or choice. */
  toConfirm: number;
  hasLines: boolean;
  paidKes: number;
}

const none = (): DayFacts => ({ close: null, open: {}, toConfirm: 0, hasLines: false, paidKes: 0 });

const dayKey = (shortcodeId: string, day: string): string => `${day} ${shortcodeId}`;

export interface Grid {
  dayOf(shortcodeId: string, day: string): DayFacts;
  /** What each source has told completely, by shortcode. */
  told: ReadonlyMap<string, readonly Span[][]>;
}

/** @param days in order, the first the earliest */
export async function readGrid(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
  shortcodeIds: readonly string[],
  days: readonly string[],
): Promise<Grid> {
  const [first, last] = [days[0]!, days.at(-1)!];
  const facts = new Map<string, DayFacts>();
  const at = (shortcodeId: unknown, day: string): DayFacts => {
    const key = dayKey(String(shortcodeId), day);
    const known = facts.get(key) ?? none();
    facts.set(key, known);
    return known;
  };
  const its = (table: string) =>
    db(table)
      .whereIn('shortcode_id', [...shortcodeIds])
      .whereIn('day', [...days]);
  const [closes, discrepancies, told, toConfirm, paid, coverage] = await Promise.all([
    its('daily_closes').select('id', 'shortcode_id', 'day', 'is_clean'),
    its('discrepancies')
      .where({ status: 'open' })
      .select('shortcode_id', 'day', 'severity')
      .count({ count: '*' })
      .sum({ cents: 'at_risk_cents' })
      .groupBy('shortcode_id', 'day', 'severity'),
    // Whether there are any: an index answers that without reading them.
    its('statement_lines').distinct('shortcode_id', 'day'),
    its('statement_lines')
      .where({ status: 'suggested' })
      .select('shortcode_id', 'day')
      .count({ count: '*' })
      .groupBy('shortcode_id', 'day'),
    readPaid(db, tenantIds, mode, startOfDay(first), endOfDay(last)),
    readTold(db, shortcodeIds, startOfDay(first)),
  ]);
  for (const row of closes) at(row.shortcode_id, row.day).close = { id: row.id, isClean: Boolean(row.is_clean) };
  for (const row of discrepancies as Record<string, unknown>[])
    at(row.shortcode_id, String(row.day)).open[row.severity as Severity] = {
      count: Number(row.count),
      cents: Number(row.cents),
    };
  for (const row of told) at(row.shortcode_id, row.day).hasLines = true;
  for (const row of toConfirm as Record<string, unknown>[])
    at(row.shortcode_id, String(row.day)).toConfirm = Number(row.count);
  for (const { shortcodeId, day, kes } of paid) at(shortcodeId, day).paidKes += kes;
  return { dayOf: (shortcodeId, day) => facts.get(dayKey(shortcodeId, day)) ?? none(), told: coverage };
}

const hourMs = 3_600_000;
const nairobiOffsetMs = 3 * hourMs;

/** What was paid, by the statistics that the worker keeps: hours begin where Nairobi's days do. */
async function readPaid(db: Db, tenantIds: readonly string[], mode: string, since: number, until: number) {
  const rows: Record<string, unknown>[] = await db('hourly_stats')
    .select('shortcode_id', 'starts_at')
    .sum({ kes: 'kes' })
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode, minutes: 60, outcome: 'succeeded' })
    .where('starts_at', '>=', since)
    .where('starts_at', '<', until)
    .groupBy('shortcode_id', 'starts_at');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    day: new Date(Number(row.starts_at) + nairobiOffsetMs).toISOString().slice(0, 10),
    kes: Number(row.kes),
  }));
}

async function readTold(db: Db, shortcodeIds: readonly string[], since: number): Promise<Map<string, Span[][]>> {
  const rows: { shortcode_id: string; source: LineSource; from_at: number; to_at: number }[] = await db('coverages')
    .whereIn('shortcode_id', [...shortcodeIds])
    .where('to_at', '>=', since);
  const spans = new Map<string, Map<LineSource, Span[]>>();
  for (const { shortcode_id, source, from_at, to_at } of rows) {
    const bySource = spans.get(shortcode_id) ?? new Map<LineSource, Span[]>();
    bySource.set(source, [...(bySource.get(source) ?? []), { from: Number(from_at), to: Number(to_at) }]);
    spans.set(shortcode_id, bySource);
  }
  return new Map([...spans].map(([id, bySource]) => [id, [...bySource.values()].map(mergeSpans)]));
}

/** Critical discrepancies that are open, of one shortcode and kind. */
export interface CriticalOpen {
  tenantId: string;
  /** Null: of a number that is not set up here. */
  shortcodeId: string | null;
  type: string;
  count: number;
  cents: number;
  oldestOpenedAt: number;
}

/** Critical discrepancies that are open, by shortcode and kind. Rides on `(status, severity, opened_at)`. */
export async function listCriticalOpen(db: Db, tenantIds: readonly string[], mode: string): Promise<CriticalOpen[]> {
  const rows: Record<string, unknown>[] = await db('discrepancies')
    .select('tenant_id', 'shortcode_id', 'type')
    .count({ count: '*' })
    .sum({ cents: 'at_risk_cents' })
    .min({ oldest: 'opened_at' })
    .where({ status: 'open', severity: 'critical', mode })
    .whereIn('tenant_id', [...tenantIds])
    .groupBy('tenant_id', 'shortcode_id', 'type');
  return rows.map((row) => ({
    tenantId: String(row.tenant_id),
    shortcodeId: row.shortcode_id === null ? null : String(row.shortcode_id),
    type: String(row.type),
    count: Number(row.count),
    cents: Number(row.cents),
    oldestOpenedAt: Number(row.oldest),
  }));
}

export interface ToDo {
  /** Lines that wait for an operator's yes or choice. */
  toConfirm: number;
  previews: number;
  importing: number;
  /** Shortcodes whose pulling does not come to its end. */
  pullProblems: { shortcodeId: string; shortcode: string; problem: string }[];
  /** Active shortcodes whose confirmations M-PESA sends nowhere. */
  unregistered: { shortcodeId: string; shortcode: string }[];
}

/** More than this nobody reads in a list. */
const mostNamed = 20;

export async function readToDo(db: Db, tenantIds: readonly string[], mode: string): Promise<ToDo> {
  const own = { tenantIds: [...tenantIds] };
  const count = async (table: string, statuses: readonly string[]): Promise<number> => {
    const row = await db(table)
      .whereIn('tenant_id', own.tenantIds)
      .where({ mode })
      .whereIn('status', [...statuses])
      .count({ count: '*' })
      .first();
    return Number(row?.count ?? 0);
  };
  const feeds = () =>
    db('shortcodes as s')
      .leftJoin('feeds as f', 'f.shortcode_id', 's.id')
      .whereIn('s.tenant_id', own.tenantIds)
      .where({ 's.mode': mode })
      .select({ shortcodeId: 's.id', shortcode: 's.shortcode', problem: 'f.pull_problem' })
      .orderBy('s.id')
      .limit(mostNamed);
  return {
    toConfirm: await count('statement_lines', ['suggested', 'ambiguous']),
    previews: await count('statements', ['previewed']),
    importing: await count('statements', ['importing']),
    pullProblems: await feeds().whereNotNull('f.pull_problem'),
    unregistered: await feeds().whereNull('f.c2b_registered_at').where({ 's.status': 'active' }),
  };
}

/** Which of these payments are in the queue of what needs a person themselves. */
export async function findInQueue(db: Db, paymentIds: readonly string[]): Promise<string[]> {
  if (paymentIds.length === 0) return [];
  return db('payments').whereIn('id', paymentIds).whereIn('status', ['unknown', 'needs_review']).pluck('id');
}
