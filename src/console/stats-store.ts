// SQL over the statistics that the worker keeps (payments/hourly-stats): what Home and the status strip read instead of
// payments. Null for the tenant means all of them; the console's scope decides who may say that.

import type { Outcome, PushOutcome } from '../payments/hourly-stats.ts';
import type { Db } from '../platform/database.ts';

export interface StatsWindow {
  /** Null: all tenants. */
  tenantId: string | null;
  mode: string;
  minutes: 60 | 5;
  /** The first span, and the one after the last. */
  since: number;
  until: number;
}

export interface StatsCell {
  startsAt: number;
  outcome: Outcome;
  failureCode: string;
  latency: number;
  count: number;
  kes: number;
}

/** What happened in each span, shortcodes together. Rides on the primary key. */
export async function readStats(db: Db, { tenantId, mode, minutes, since, until }: StatsWindow): Promise<StatsCell[]> {
  const rows: Record<string, unknown>[] = await db('hourly_stats')
    .select('starts_at', 'outcome', 'failure_code', 'latency')
    .sum({ count: 'count', kes: 'kes' })
    .where({ tenant_id: tenantId ?? '', mode, minutes })
    .where('starts_at', '>=', since)
    .where('starts_at', '<', until)
    .groupBy('starts_at', 'outcome', 'failure_code', 'latency');
  return rows.map((row) => ({
    startsAt: Number(row.starts_at),
    outcome: row.outcome as Outcome,
    failureCode: String(row.failure_code),
    latency: Number(row.latency),
    count: Number(row.count),
    kes: Number(row.kes),
  }));
}

export interface ShortcodeOutcome {
  shortcodeId: string;
  outcome: Outcome;
  failureCode: string;
  count: number;
}

/** How payments of each shortcode ended since a span of five minutes. */
export async function readShortcodeOutcomes(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
  since: number,
): Promise<ShortcodeOutcome[]> {
  const rows: Record<string, unknown>[] = await db('hourly_stats')
    .select('shortcode_id', 'outcome', 'failure_code')
    .sum({ count: 'count' })
    .whereIn('tenant_id', tenantIds)
    .where({ mode, minutes: 5 })
    .where('starts_at', '>=', since)
    .groupBy('shortcode_id', 'outcome', 'failure_code');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    outcome: row.outcome as Outcome,
    failureCode: String(row.failure_code),
    count: Number(row.count),
  }));
}

/** How the pushes of one shortcode were answered in one minute. */
export interface PushMinute {
  shortcodeId: string;
  startsAt: number;
  outcome: PushOutcome;
  code: string;
  count: number;
  /** All of them together. */
  durationMs: number;
  firstAt: number;
  lastAt: number;
}

export interface PushWindow {
  /** Null: all tenants. */
  tenantId: string | null;
  mode: string;
  outcomes: readonly PushOutcome[];
  since: number;
}

/** How pushes were answered, minute by minute. Rides on `(mode, outcome, starts_at)`. */
export async function readPushMinutes(db: Db, { tenantId, mode, outcomes, since }: PushWindow): Promise<PushMinute[]> {
  const query = db('push_minutes').where({ mode }).whereIn('outcome', outcomes).where('starts_at', '>=', since);
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  return (await query).map(toPushMinute);
}

/** The pushes of some shortcodes, minute by minute. Rides on the primary key. */
export async function readPushMinutesOf(
  db: Db,
  shortcodeIds: readonly string[],
  since: number,
  outcomes: readonly PushOutcome[],
): Promise<PushMinute[]> {
  const query = db('push_minutes').whereIn('shortcode_id', shortcodeIds).whereIn('outcome', outcomes);
  return (await query.where('starts_at', '>=', since)).map(toPushMinute);
}

/** When M-PESA last took a push of each of these shortcodes, within a day. */
export async function readLastAccepted(db: Db, shortcodeIds: readonly string[]): Promise<Map<string, number>> {
  if (shortcodeIds.length === 0) return new Map();
  const rows: { shortcode_id: string; last_at: number }[] = await db('push_minutes')
    .select('shortcode_id')
    .max({ last_at: 'last_at' })
    .whereIn('shortcode_id', shortcodeIds)
    .where({ outcome: 'accepted' satisfies PushOutcome })
    .groupBy('shortcode_id');
  return new Map(rows.map(({ shortcode_id, last_at }) => [shortcode_id, Number(last_at)]));
}

function toPushMinute(row: Record<string, unknown>): PushMinute {
  return {
    shortcodeId: String(row.shortcode_id),
    startsAt: Number(row.starts_at),
    outcome: row.outcome as PushOutcome,
    code: String(row.code),
    count: Number(row.count),
    durationMs: Number(row.duration_ms),
    firstAt: Number(row.first_at),
    lastAt: Number(row.last_at),
  };
}
