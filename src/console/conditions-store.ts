// SQL for what the conditions are derived from: what waits, which shortcodes, endpoints and workers there are. Few
// queries, each on an index and over what is alive only; the tenants are those the reader may see.

import { type Db, dialectOf, pingDatabase } from '../platform/database.ts';

/** Payments without a result, of one shortcode in one status. */
export interface Waiting {
  shortcodeId: string;
  status: 'queued' | 'submitting' | 'pending' | 'unknown';
  count: number;
  kes: number;
  oldestCreatedAt: number;
  /** Taken by M-PESA longer ago than a callback usually needs, and no callback to the shortcode since. */
  overdue: number;
  overdueKes: number;
  /** Sent half an hour ago or longer. */
  stale: number;
  staleKes: number;
  /** Null: none of them was sent. */
  oldestSubmittedAt: number | null;
}

export const overdueMs = 3 * 60_000;
export const staleMs = 30 * 60_000;

/** Rides on `(tenant_id, mode, status, …)`: reads what waits and nothing else. */
export async function listWaiting(db: Db, tenantIds: readonly string[], mode: string, now: number): Promise<Waiting[]> {
  // Only what M-PESA took can be called back about; what may not have reached it has no id.
  const overdue = db.raw(
    'submitted_at <= ? and submitted_at > coalesce(s.last_callback_at, 0) and checkout_request_id is not null',
    [now - overdueMs],
  );
  const stale = db.raw('submitted_at <= ?', [now - staleMs]);
  const rows: Record<string, unknown>[] = await db('payments as p')
    .join('shortcodes as s', 's.id', 'p.shortcode_id')
    .select('p.shortcode_id', 'p.status')
    .count({ count: '*' })
    .sum({ kes: 'amount_kes' })
    .min({ created: 'p.created_at', submitted: 'submitted_at' })
    .select(
      db.raw('sum(case when ? then 1 else 0 end) as overdue', [overdue]),
      db.raw('sum(case when ? then amount_kes else 0 end) as overdue_kes', [overdue]),
      db.raw('sum(case when ? then 1 else 0 end) as stale', [stale]),
      db.raw('sum(case when ? then amount_kes else 0 end) as stale_kes', [stale]),
    )
    .whereIn('p.tenant_id', tenantIds)
    .where({ 'p.mode': mode })
    .whereIn('p.status', ['queued', 'submitting', 'pending', 'unknown'])
    .groupBy('p.shortcode_id', 'p.status');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    status: row.status as Waiting['status'],
    count: Number(row.count),
    kes: Number(row.kes),
    oldestCreatedAt: Number(row.created),
    overdue: Number(row.overdue),
    overdueKes: Number(row.overdue_kes),
    stale: Number(row.stale),
    staleKes: Number(row.stale_kes),
    oldestSubmittedAt: row.submitted === null ? null : Number(row.submitted),
  }));
}

/** How many of what is queued was created in each minute: what is held back. */
export async function countHeldByMinute(
  db: Db,
  { tenantIds, mode, shortcodeIds, since }: HeldSearch,
): Promise<Map<number, number>> {
  const minute = db.raw('created_at - created_at % 60000');
  const rows: Record<string, unknown>[] = await db('payments')
    .select({ minute })
    .count({ count: '*' })
    .whereIn('tenant_id', tenantIds)
    .where({ mode, status: 'queued' })
    .where('created_at', '>=', since)
    .whereIn('shortcode_id', shortcodeIds)
    .groupBy(minute);
  return new Map(rows.map((row) => [Number(row.minute), Number(row.count)]));
}

export interface HeldSearch {
  tenantIds: readonly string[];
  mode: string;
  shortcodeIds: readonly string[];
  since: number;
}

export interface KnownShortcode {
  id: string;
  tenantId: string;
  kind: 'paybill' | 'till';
  /** What is written on the wall: the till where it is one, else the paybill. */
  number: string;
  /** What payments are found by: the paybill, or the till's store number. */
  storeNumber: string;
  status: 'active' | 'paused';
  lastCallbackAt: number | null;
}

export async function listKnownShortcodes(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
): Promise<KnownShortcode[]> {
  const rows: Record<string, unknown>[] = await db('shortcodes')
    .select('id', 'tenant_id', 'kind', 'shortcode', 'till', 'status', 'last_callback_at')
    .whereIn('tenant_id', tenantIds)
    .where({ mode })
    .orderBy('id');
  return rows.map((row) => ({
    id: String(row.id),
    tenantId: String(row.tenant_id),
    kind: row.kind as KnownShortcode['kind'],
    number: String(row.till ?? row.shortcode),
    storeNumber: String(row.shortcode),
    status: row.status as KnownShortcode['status'],
    lastCallbackAt: row.last_callback_at === null ? null : Number(row.last_callback_at),
  }));
}

/** An endpoint that has only failed since `failingSince`, or was disabled. */
export interface TroubledEndpoint {
  id: string;
  tenantId: string;
  /** The host only: a path may hold a secret of the merchant. */
  host: string;
  status: 'enabled' | 'disabled';
  failingSince: number | null;
  failureCount: number;
}

/** Endpoints that fail and those that were disabled, the longest in trouble first: a small table, read whole. */
export async function listTroubledEndpoints(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
): Promise<TroubledEndpoint[]> {
  const rows: Record<string, unknown>[] = await db('endpoints')
    .select('id', 'tenant_id', 'url', 'status', 'failing_since', 'failure_count')
    .whereIn('tenant_id', tenantIds)
    .where({ mode })
    .where((either) =>
      either
        .where({ status: 'disabled' })
        .orWhere((failing) => failing.where({ status: 'enabled' }).whereNotNull('failing_since')),
    )
    .orderBy('failing_since');
  return rows.map((row) => ({
    id: String(row.id),
    tenantId: String(row.tenant_id),
    host: URL.canParse(String(row.url)) ? new URL(String(row.url)).host : 'an unreadable address',
    status: row.status as TroubledEndpoint['status'],
    failingSince: row.failing_since === null ? null : Number(row.failing_since),
    failureCount: Number(row.failure_count),
  }));
}

export interface WorkerBeat {
  id: string;
  host: string;
  startedAt: number;
  seenAt: number;
}

export async function listWorkers(db: Db): Promise<WorkerBeat[]> {
  const rows: { id: string; host: string; started_at: number; seen_at: number }[] = await db('workers')
    .select('id', 'host', 'started_at', 'seen_at')
    .orderBy('seen_at', 'desc');
  return rows.map((row) => ({ id: row.id, host: row.host, startedAt: row.started_at, seenAt: row.seen_at }));
}

/** How long the database takes for nothing at all, in milliseconds; a wait for a connection counts. */
export async function timeDatabase(db: Db): Promise<number> {
  const startedAt = performance.now();
  await pingDatabase(db);
  return performance.now() - startedAt;
}

/** How far the database's clock is ahead of this server's; null where it has none of its own. @param ownNow the system's clock */
export async function readSkewMs(db: Db, ownNow: () => number): Promise<number | null> {
  if (dialectOf(db) === 'sqlite') return null;
  const row = (await db.select(db.raw('CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) as now_ms')).first()) as
    | { now_ms: number }
    | undefined;
  return row === undefined ? null : Number(row.now_ms) - ownNow();
}
