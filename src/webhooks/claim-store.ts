// SQL of the worker's claim: which endpoints have something due, what of it is taken under a lease, and what became of
// it. Order of locks everywhere: tenants, endpoints, deliveries. A claim passes over what another process is at; all this
// runs under READ COMMITTED and rides on `(endpoint_id, status, lane, due_at, id)`.

import { type Db, forUpdate, forUpdateOfFree, unionAll, updateRows } from '../platform/database.ts';
import { type Delivery, lanes } from './delivery.ts';
import { type DeliveryRow, deliveriesByEndpoint, toColumns, toDelivery } from './delivery-store.ts';

export interface InFlight {
  endpointId: string;
  tenantId: string;
  lane: number;
  count: number;
}

/** What is being sent now, by all processes. */
export async function countInFlightAcrossTenants(db: Db): Promise<InFlight[]> {
  const rows: { endpoint_id: string; tenant_id: string; lane: number; total: number }[] = await db('deliveries')
    .select('endpoint_id', 'tenant_id', 'lane')
    .where({ status: 'sending' })
    .groupBy('endpoint_id', 'tenant_id', 'lane')
    .count({ total: '*' });
  return rows.map(({ endpoint_id, tenant_id, lane, total }) => ({
    endpointId: endpoint_id,
    tenantId: tenant_id,
    lane,
    count: Number(total),
  }));
}

export interface ReadyEndpoint {
  id: string;
  tenantId: string;
  hasAsked: boolean;
  hasNormal: boolean;
  hasLow: boolean;
}

/** Where to look; never at what has no slot left, so that it cannot crowd out what has. */
export interface Search {
  /** Only at the endpoints of the tenants these belong to, because a slot that falls free is the tenant's; null: at all. */
  endpointIds: readonly string[] | null;
  fullEndpoints: readonly string[];
  /** With something in flight: a suspect among them waits for what comes of it. */
  busyEndpoints: readonly string[];
  fullTenants: readonly string[];
  hasSuspectSlots: boolean;
  hasLowSlots: boolean;
  limit: number;
}

/**
 * Enabled endpoints that have something due, the least recently served first; one that is left alone for a while only
 * for what a person asked for. Takes no lock.
 */
export async function findReadyEndpointsAcrossTenants(db: Db, now: number, search: Search): Promise<ReadyEndpoint[]> {
  const firstDue = (lane: number) =>
    deliveriesByEndpoint(db)
      .select('due_at')
      .whereRaw('endpoint_id = endpoints.id')
      .where({ status: 'pending', lane })
      .orderBy('due_at')
      .limit(1);
  const query = db('endpoints')
    .select('id', 'tenant_id', 'served_at', 'wait_until')
    .select({ asked: firstDue(lanes.asked), normal: firstDue(lanes.normal), low: firstDue(lanes.low) })
    .where({ status: 'enabled' });
  narrow(db, query, search);
  const candidates = db
    .select('*')
    .from(query.as('candidates'))
    .where('asked', '<=', now)
    .orWhere((open) => {
      open.where((free) => free.whereNull('wait_until').orWhere('wait_until', '<=', now));
      open.where((due) => {
        due.where('normal', '<=', now);
        if (search.hasLowSlots) due.orWhere('low', '<=', now);
      });
    });
  const rows: Candidate[] = await candidates.orderBy('served_at').limit(search.limit);
  const isDue = (at: number | null): boolean => at !== null && at <= now;
  return rows.map(({ id, tenant_id, asked, normal, low }) => ({
    id,
    tenantId: tenant_id,
    hasAsked: isDue(asked),
    hasNormal: isDue(normal),
    hasLow: isDue(low),
  }));
}

interface Candidate {
  id: string;
  tenant_id: string;
  asked: number | null;
  normal: number | null;
  low: number | null;
}

function narrow(
  db: Db,
  query: ReturnType<Db>,
  { endpointIds, fullEndpoints, busyEndpoints, fullTenants, hasSuspectSlots }: Search,
): void {
  // The opposite of `isSuspect`.
  const calm = { breaker_level: 0, timeouts_in_row: 0 };
  if (endpointIds !== null) query.whereIn('tenant_id', db('endpoints').select('tenant_id').whereIn('id', endpointIds));
  if (fullEndpoints.length > 0) query.whereNotIn('id', fullEndpoints);
  if (fullTenants.length > 0) query.whereNotIn('tenant_id', fullTenants);
  if (!hasSuspectSlots) query.where(calm);
  else if (busyEndpoints.length > 0) query.where((either) => either.whereNotIn('id', busyEndpoints).orWhere(calm));
}

/** Of these tenants, those whose endpoints no other process is claiming for; locked, because their slots are shared. */
export async function lockFreeTenants(trx: Db, tenantIds: readonly string[]): Promise<Set<string>> {
  const query = trx('tenants').select('id').whereIn('id', tenantIds);
  const rows: { id: string }[] = await forUpdateOfFree(query, trx);
  return new Set(rows.map(({ id }) => id));
}

export interface Wanted {
  endpointId: string;
  lane: number;
  limit: number;
}

/** What is due at these endpoints, whose rows the caller holds locked. */
export async function findDueAcrossTenants(trx: Db, now: number, wanted: readonly Wanted[]): Promise<Delivery[]> {
  if (wanted.length === 0) return [];
  const queries = wanted.map(({ endpointId, lane, limit }) =>
    deliveriesByEndpoint(trx)
      .select('*')
      .where({ endpoint_id: endpointId, status: 'pending', lane })
      .where('due_at', '<=', now)
      .orderBy('due_at')
      .orderBy('id')
      .limit(limit),
  );
  return ((await unionAll(trx, queries)) as DeliveryRow[]).map(toDelivery);
}

/** Takes deliveries under a lease; the ids of those that were still free. */
export async function leaseDeliveries(
  trx: Db,
  deliveryIds: readonly string[],
  leaseToken: string,
  leaseUntil: number,
): Promise<Set<string>> {
  const taken = await trx('deliveries')
    .whereIn('id', deliveryIds)
    .where({ status: 'pending' })
    .update({
      status: 'sending',
      lease_token: leaseToken,
      due_at: leaseUntil,
      attempt_count: trx.raw('attempt_count + 1'),
    });
  if (taken === deliveryIds.length) return new Set(deliveryIds);
  const ids: string[] = await trx('deliveries')
    .whereIn('id', deliveryIds)
    .where({ lease_token: leaseToken })
    .pluck('id');
  return new Set(ids);
}

/** Gives back what was taken and not sent. */
export async function releaseLeases(db: Db, deliveryIds: readonly string[], leaseToken: string): Promise<void> {
  await db('deliveries')
    .whereIn('id', deliveryIds)
    .where({ status: 'sending', lease_token: leaseToken })
    .update({
      status: 'pending',
      lease_token: null,
      due_at: db.ref('created_at'),
      attempt_count: db.raw('attempt_count - 1'),
    });
}

/** Locks deliveries in the order of their ids. */
export async function lockDeliveriesAcrossTenants(
  trx: Db,
  deliveryIds: readonly string[],
): Promise<Map<string, Delivery>> {
  const rows: DeliveryRow[] = await forUpdate(trx('deliveries').whereIn('id', deliveryIds).orderBy('id'), trx);
  return new Map(rows.map((row) => [row.id, toDelivery(row)]));
}

export async function updateDeliveries(trx: Db, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length > 0) await updateRows(trx, 'deliveries', deliveries.map(toColumns));
}

/** Locks deliveries whose lease has ended, passing over those that another process is at. */
export async function lockExpiredLeasesAcrossTenants(trx: Db, now: number, limit: number): Promise<Delivery[]> {
  const query = trx('deliveries')
    .where({ status: 'sending' })
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit);
  const rows: DeliveryRow[] = await forUpdateOfFree(query, trx);
  return rows.map(toDelivery);
}

export interface Backlog {
  /** Deliveries that wait, by status. */
  counts: { status: 'pending' | 'sending' | 'held'; count: number }[];
  /** When the one that waits longest was due; throttled ones count as pending. */
  oldestDueAt: { status: 'pending' | 'held'; dueAt: number | null }[];
}

export async function readBacklogAcrossTenants(db: Db, now: number): Promise<Backlog> {
  const statuses = ['pending', 'held'] as const;
  const counted: { status: 'pending' | 'sending' | 'held'; total: number }[] = await db('deliveries')
    .select('status')
    .whereIn('status', [...statuses, 'sending'])
    .groupBy('status')
    .count({ total: '*' });
  const oldestDueAt = await Promise.all(
    statuses.map(async (status) => {
      const row = await db('deliveries').where({ status }).where('due_at', '<=', now).min({ due: 'due_at' }).first();
      return { status, dueAt: row?.due ?? null };
    }),
  );
  return { counts: counted.map(({ status, total }) => ({ status, count: Number(total) })), oldestDueAt };
}
