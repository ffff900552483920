// SQL of counting: what was not counted, and what it adds to the statistics. One process at a time does it, under the
// lock of `stats_state`. The rows of all tenants together have an empty tenant, so that reading them costs the same
// however many tenants there are; console/stats-store reads them.

import { type Db, dialectOf, forUpdateOfFree } from '../platform/database.ts';
import {
  type CountedPush,
  type Life,
  type LifeTransition,
  type PushOutcome,
  pushesKeptMs,
  type StatsDelta,
  shortSpansSince,
  spanMinutes,
  spanStart,
  type Weighed,
} from './hourly-stats.ts';

/** The right to count, until the transaction ends; undefined while another process has it. */
export async function lockStats(trx: Db): Promise<{ rebuildingBelow: string | null } | undefined> {
  const row: { rebuilding_below: string | null } | undefined = await forUpdateOfFree(
    trx('stats_state').where({ id: 1 }),
    trx,
  ).first();
  return row === undefined ? undefined : { rebuildingBelow: row.rebuilding_below };
}

export async function setRebuildingBelow(trx: Db, paymentId: string | null): Promise<void> {
  await trx('stats_state').where({ id: 1 }).update({ rebuilding_below: paymentId });
}

/** Payments with transitions that were not counted, the newest first, down to `fromId`; how many transitions that are. */
export async function findUncountedAcrossTenants(
  trx: Db,
  fromId: string | null,
  limit: number,
): Promise<{ paymentIds: string[]; transitions: number }> {
  const query = trx('payment_transitions').whereNull('counted_at').orderBy('payment_id', 'desc').limit(limit);
  if (fromId !== null) query.where('payment_id', '>=', fromId);
  const ids: string[] = await query.pluck('payment_id');
  return { paymentIds: [...new Set(ids)], transitions: ids.length };
}

/** The newest payments below an id. */
export async function findPaymentIdsBelowAcrossTenants(trx: Db, belowId: string, limit: number): Promise<string[]> {
  return trx('payments').where('id', '<', belowId).orderBy('id', 'desc').limit(limit).pluck('id');
}

/** Payments with their transitions, in one statement: what is read of one payment is of one moment. */
export async function readLivesAcrossTenants(trx: Db, paymentIds: readonly string[]): Promise<Life[]> {
  const rows: LifeRow[] = await trx('payment_transitions as t')
    .join('payments as p', 'p.id', 't.payment_id')
    .leftJoin('evidence as e', 'e.id', 't.evidence_id')
    .select('t.payment_id', 't.version', 't.from_status', 't.to_status', 't.cause', 't.at', 't.counted_at')
    .select('t.counted_code', 'p.tenant_id', 'p.mode', 'p.shortcode_id', 'p.amount_kes', 'p.failure_code')
    .select('p.submitted_at', 'e.source', 'e.duration_ms')
    .whereIn('t.payment_id', paymentIds)
    .orderBy(['t.payment_id', 't.version']);
  const byPayment = new Map<string, LifeRow[]>();
  for (const row of rows) byPayment.set(row.payment_id, [...(byPayment.get(row.payment_id) ?? []), row]);
  return [...byPayment.values()].map(toLife);
}

interface LifeRow {
  payment_id: string;
  version: number;
  from_status: LifeTransition['from'];
  to_status: LifeTransition['to'];
  cause: string;
  at: number;
  counted_at: number | null;
  counted_code: string | null;
  tenant_id: string;
  mode: string;
  shortcode_id: string;
  amount_kes: number;
  failure_code: string | null;
  submitted_at: number | null;
  source: string | null;
  duration_ms: number | null;
}

function toLife(rows: readonly LifeRow[]): Life {
  const [first] = rows;
  return {
    paymentId: first!.payment_id,
    tenantId: first!.tenant_id,
    mode: first!.mode,
    shortcodeId: first!.shortcode_id,
    amountKes: first!.amount_kes,
    failureCode: first!.failure_code,
    submittedAt: first!.submitted_at,
    transitions: rows.map((row) => ({
      version: row.version,
      from: row.from_status,
      to: row.to_status,
      cause: row.cause,
      at: row.at,
      countedAt: row.counted_at,
      countedCode: row.counted_code,
      evidence: row.source === null ? null : { source: row.source, durationMs: row.duration_ms },
    })),
  };
}

/** Writes what was weighed: the counts and the marks that say so, in the caller's transaction. */
export async function writeWeighed(trx: Db, weighed: readonly Weighed[], now: number): Promise<void> {
  await addDeltas(
    trx,
    weighed.flatMap(({ deltas }) => deltas),
    now,
  );
  await addPushes(
    trx,
    weighed.flatMap(({ pushes }) => pushes).filter(({ at }) => at >= now - pushesKeptMs),
  );
  const marks = weighed.flatMap((one) => one.marks);
  // Few versions and few codes: one statement for each pair of them.
  const groups = new Map<string, { version: number; code: string | null; paymentIds: string[] }>();
  for (const { paymentId, version, code } of marks) {
    const key = `${version} ${code}`;
    const group = groups.get(key) ?? { version, code, paymentIds: [] };
    groups.set(key, group);
    group.paymentIds.push(paymentId);
  }
  for (const { version, code, paymentIds } of groups.values()) {
    await trx('payment_transitions')
      .whereIn('payment_id', paymentIds)
      .where({ version })
      .update({ counted_at: now, counted_code: code });
  }
}

const insertedAtOnce = 500;
const statsKey = [
  'tenant_id',
  'mode',
  'minutes',
  'starts_at',
  'shortcode_id',
  'outcome',
  'failure_code',
  'latency',
] as const;
type StatsRow = Record<(typeof statsKey)[number] | 'count' | 'kes', string | number>;

async function addDeltas(trx: Db, deltas: readonly StatsDelta[], now: number): Promise<void> {
  const rows = new Map<string, StatsRow & { count: number; kes: number }>();
  for (const delta of deltas) {
    for (const row of rowsOf(delta, now)) {
      const key = statsKey.map((column) => row[column]).join(' ');
      const known = rows.get(key);
      rows.set(key, { ...row, count: row.count + (known?.count ?? 0), kes: row.kes + (known?.kes ?? 0) });
    }
  }
  const changed = [...rows.values()].filter(({ count, kes }) => count !== 0 || kes !== 0);
  for (const some of inChunks(changed))
    await trx('hourly_stats')
      .insert(some)
      .onConflict([...statsKey])
      .merge({
        count: grown(trx, 'hourly_stats', 'count'),
        kes: grown(trx, 'hourly_stats', 'kes'),
      });
}

/** One change in both spans, for its tenant and for all. */
function rowsOf({ tenantId, shortcodeId, at, ...delta }: StatsDelta, now: number) {
  const owners = [
    { tenant_id: tenantId, shortcode_id: shortcodeId },
    { tenant_id: '', shortcode_id: '' },
  ];
  const isRecent = at >= shortSpansSince(now);
  const spans = isRecent ? [spanMinutes.hour, spanMinutes.short] : [spanMinutes.hour];
  const { mode, outcome, failureCode, latency, count, kes } = delta;
  return owners.flatMap((owner) =>
    spans.map((minutes) => ({
      ...owner,
      mode,
      minutes,
      starts_at: spanStart(at, minutes),
      outcome,
      failure_code: failureCode,
      latency,
      count: count as number,
      kes,
    })),
  );
}

const pushKey = ['shortcode_id', 'outcome', 'starts_at', 'code'] as const;

async function addPushes(trx: Db, pushes: readonly CountedPush[]): Promise<void> {
  const rows = new Map<string, PushRow>();
  for (const { mode, outcome, at, shortcodeId, code, tenantId, durationMs } of pushes) {
    const starts_at = spanStart(at, 1);
    const key = `${shortcodeId} ${outcome} ${starts_at} ${code}`;
    const known = rows.get(key);
    rows.set(key, {
      mode,
      outcome,
      starts_at,
      shortcode_id: shortcodeId,
      code,
      tenant_id: tenantId,
      count: (known?.count ?? 0) + 1,
      duration_ms: (known?.duration_ms ?? 0) + durationMs,
      first_at: Math.min(known?.first_at ?? at, at),
      last_at: Math.max(known?.last_at ?? at, at),
    });
  }
  for (const some of inChunks([...rows.values()]))
    await trx('push_minutes')
      .insert(some)
      .onConflict([...pushKey])
      .merge({
        count: grown(trx, 'push_minutes', 'count'),
        duration_ms: grown(trx, 'push_minutes', 'duration_ms'),
        first_at: bounded(trx, 'push_minutes', 'first_at', 'least'),
        last_at: bounded(trx, 'push_minutes', 'last_at', 'greatest'),
      });
}

interface PushRow {
  mode: string;
  outcome: PushOutcome;
  starts_at: number;
  shortcode_id: string;
  code: string;
  tenant_id: string;
  count: number;
  duration_ms: number;
  first_at: number;
  last_at: number;
}

const inserted = (trx: Db, column: string): string =>
  dialectOf(trx) === 'mysql' ? `values(\`${column}\`)` : `excluded.\`${column}\``;

const grown = (trx: Db, table: string, column: string) =>
  trx.raw(`\`${table}\`.\`${column}\` + ${inserted(trx, column)}`);

const sqliteNames = { least: 'min', greatest: 'max' } as const;

function bounded(trx: Db, table: string, column: string, which: 'least' | 'greatest') {
  const name = dialectOf(trx) === 'mysql' ? which : sqliteNames[which];
  return trx.raw(`${name}(\`${table}\`.\`${column}\`, ${inserted(trx, column)})`);
}

function inChunks<T>(rows: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < rows.length; from += insertedAtOnce) chunks.push(rows.slice(from, from + insertedAtOnce));
  return chunks;
}

export async function deleteStats(trx: Db): Promise<void> {
  await trx('hourly_stats').delete();
  await trx('push_minutes').delete();
}

/** Removes what is too old to be asked for; how many rows. */
export async function deleteOldSpans(db: Db, now: number): Promise<number> {
  const spans = await db('hourly_stats')
    .where({ minutes: spanMinutes.short })
    .where('starts_at', '<', shortSpansSince(now) - 60 * 60_000)
    .delete();
  const pushes = await db('push_minutes')
    .where('starts_at', '<', now - pushesKeptMs)
    .delete();
  return spans + pushes;
}
