// SQL for deliveries and their attempts: what a tenant reads, what the fan-out and replays add, and what keeps the
// deliveries of an endpoint in step with its status.

import { type Db, dialectOf, forUpdate, insertIgnoringDuplicates, readPage } from '../platform/database.ts';
import type { ListWindow, Page } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { AttemptError } from './attempt.ts';
import {
  type Attempt,
  type Delivery,
  type DeliveryStatus,
  laneOf,
  type ShownAttempt,
  type Trigger,
} from './delivery.ts';

export interface DeliveryRow {
  id: string;
  event_id: string;
  endpoint_id: string;
  tenant_id: string;
  mode: string;
  type: string;
  status: DeliveryStatus;
  lane: number;
  next_trigger: Trigger;
  step: number;
  attempt_count: number;
  due_at: number | null;
  lease_token: string | null;
  last_status_code: number | null;
  last_error: AttemptError | null;
  retried_at: number | null;
  created_at: number;
  delivered_at: number | null;
}

export function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    tenantId: row.tenant_id,
    mode: row.mode,
    type: row.type,
    status: row.status,
    lane: row.lane,
    nextTrigger: row.next_trigger,
    step: row.step,
    attemptCount: row.attempt_count,
    dueAt: row.due_at,
    leaseToken: row.lease_token,
    lastStatusCode: row.last_status_code,
    lastError: row.last_error,
    retriedAt: row.retried_at,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at,
  };
}

/** The columns that change in a delivery's life, and its id. */
export function toColumns(delivery: Delivery): Record<string, unknown> {
  return {
    id: delivery.id,
    status: delivery.status,
    lane: laneOf(delivery),
    next_trigger: delivery.nextTrigger,
    step: delivery.step,
    attempt_count: delivery.attemptCount,
    due_at: delivery.dueAt,
    lease_token: delivery.leaseToken,
    last_status_code: delivery.lastStatusCode,
    last_error: delivery.lastError,
    retried_at: delivery.retriedAt,
    delivered_at: delivery.deliveredAt,
  };
}

/** SQLite takes 32,766 values in one statement: no more than so many rows of eighteen columns. */
const mostRowsAtOnce = 1000;

/** One per event and endpoint: those that exist already stay as they are. How many went in. */
export async function insertDeliveries(trx: Db, deliveries: readonly Delivery[]): Promise<number> {
  const rows = deliveries.map((delivery) => ({
    ...toColumns(delivery),
    event_id: delivery.eventId,
    endpoint_id: delivery.endpointId,
    tenant_id: delivery.tenantId,
    mode: delivery.mode,
    type: delivery.type,
    created_at: delivery.createdAt,
  }));
  let inserted = 0;
  for (let from = 0; from < rows.length; from += mostRowsAtOnce)
    inserted += await insertIgnoringDuplicates(trx, 'deliveries', rows.slice(from, from + mostRowsAtOnce));
  return inserted;
}

export interface DeliveryFilter extends ListWindow {
  status?: DeliveryStatus[] | undefined;
  event?: string | undefined;
}

/** Of one endpoint, which the caller knows to be the tenant's. */
export async function listDeliveries(
  db: Db,
  tenantId: string,
  endpointId: string,
  filter: DeliveryFilter,
): Promise<Page<Delivery>> {
  const query = db('deliveries').where({ endpoint_id: endpointId, tenant_id: tenantId });
  if (filter.status !== undefined) query.whereIn('status', filter.status);
  if (filter.event !== undefined) query.where({ event_id: filter.event });
  return readPage(query, filter, toDelivery);
}

export async function findDelivery(
  db: Db,
  tenantId: string,
  mode: string,
  deliveryId: string,
): Promise<Delivery | undefined> {
  const row: DeliveryRow | undefined = await db('deliveries')
    .where({ id: deliveryId, tenant_id: tenantId, mode })
    .first();
  return row === undefined ? undefined : toDelivery(row);
}

/** {@link findDelivery}, locked until the transaction ends. */
export async function lockDelivery(
  trx: Db,
  tenantId: string,
  mode: string,
  deliveryId: string,
): Promise<Delivery | undefined> {
  const query = trx('deliveries').where({ id: deliveryId, tenant_id: tenantId, mode });
  const row: DeliveryRow | undefined = await forUpdate(query, trx).first();
  return row === undefined ? undefined : toDelivery(row);
}

export async function updateDelivery(trx: Db, delivery: Delivery): Promise<void> {
  const { id, ...columns } = toColumns(delivery);
  await trx('deliveries').where({ id }).update(columns);
}

interface AttemptRow {
  id: string;
  number: number;
  cause: Trigger;
  started_at: number;
  duration_ms: number;
  status_code: number | null;
  error: AttemptError | null;
  request_headers: string;
  response_sealed: string | null;
}

/** Oldest first, the last hundred. */
export async function listAttempts(
  db: Db,
  tenantId: string,
  sealer: Sealer,
  deliveryId: string,
): Promise<ShownAttempt[]> {
  const rows: AttemptRow[] = await db('attempts')
    .where({ delivery_id: deliveryId, tenant_id: tenantId })
    .orderBy('number', 'desc')
    .limit(100);
  return rows.reverse().map((row) => ({
    number: row.number,
    trigger: row.cause,
    startedAt: row.started_at,
    durationMs: row.duration_ms,
    statusCode: row.status_code,
    error: row.error,
    requestHeaders: JSON.parse(row.request_headers) as Record<string, string>,
    ...openAnswer(row, sealer),
  }));
}

/** What the endpoint answered; nulls where nothing came, or it was emptied. */
function openAnswer({ id, response_sealed }: AttemptRow, sealer: Sealer): KeptAnswer {
  if (response_sealed === null) return { responseHeaders: null, responseBody: null };
  return JSON.parse(sealer.open(response_sealed, ['attempts', 'response_sealed', id])) as KeptAnswer;
}

type KeptAnswer = Pick<ShownAttempt, 'responseHeaders' | 'responseBody'>;

/** Appends attempts. One that is known already (given up as lost, then heard of after all) is completed. */
export async function writeAttempts(trx: Db, sealer: Sealer, attempts: readonly Attempt[]): Promise<void> {
  const rows = attempts.map((attempt) => toAttemptRow(attempt, sealer));
  if ((await insertIgnoringDuplicates(trx, 'attempts', rows)) === rows.length) return;
  for (const { id, ...columns } of rows) await trx('attempts').where({ id }).update(columns);
}

/** The same, but never over what is known. */
export async function writeLostAttempts(trx: Db, sealer: Sealer, attempts: readonly Attempt[]): Promise<void> {
  const rows = attempts.map((attempt) => toAttemptRow(attempt, sealer));
  await insertIgnoringDuplicates(trx, 'attempts', rows);
}

function toAttemptRow({ deliveryId, tenantId, number, trigger, startedAt, exchange }: Attempt, sealer: Sealer) {
  const id = `${deliveryId}.${number}`;
  const { responseBody, responseHeaders } = exchange;
  const answer: KeptAnswer | null =
    responseHeaders === null ? null : { responseHeaders, responseBody: responseBody === '' ? null : responseBody };
  return {
    id,
    delivery_id: deliveryId,
    tenant_id: tenantId,
    number,
    cause: trigger,
    started_at: startedAt,
    duration_ms: Math.round(exchange.durationMs),
    status_code: exchange.statusCode,
    error: exchange.error,
    detail: exchange.detail?.slice(0, 120) ?? null,
    request_headers: JSON.stringify(exchange.requestHeaders),
    response_sealed: answer === null ? null : sealer.seal(JSON.stringify(answer), ['attempts', 'response_sealed', id]),
  };
}

/**
 * Deliveries, found by endpoint, status and lane. MySQL is told to: with a backlog of one tenant it takes `(status, due_at)`
 * for cheaper, and reads everybody's backlog to find one endpoint's first row.
 */
export function deliveriesByEndpoint(db: Db): ReturnType<Db> {
  const index = 'deliveries_endpoint_id_status_lane_due_at_id_index';
  return db.from(db.raw(dialectOf(db) === 'mysql' ? `deliveries force index (${index})` : 'deliveries'));
}

/** Endpoints whose waiting deliveries are not called what the endpoint's status says: one look-up for each endpoint. */
export async function findMisalignedAcrossTenants(
  db: Db,
  limit: number,
): Promise<{ id: string; status: 'enabled' | 'paused' | 'disabled' | 'deleted' }[]> {
  const first = (status: DeliveryStatus) =>
    deliveriesByEndpoint(db).select('id').whereRaw('endpoint_id = endpoints.id').where({ status }).limit(1);
  const candidates = db('endpoints').select('id', 'status', { pending: first('pending'), held: first('held') });
  return db
    .select('id', 'status')
    .from(candidates.as('candidates'))
    .where((enabled) => enabled.where({ status: 'enabled' }).whereNotNull('held'))
    .orWhere((off) => off.whereIn('status', ['paused', 'disabled', 'deleted']).whereNotNull('pending'))
    .orWhere((gone) => gone.where({ status: 'deleted' }).whereNotNull('held'))
    .limit(limit);
}

/** Moves at most `limit` deliveries of an endpoint, oldest first, from one status to another; how many. */
export async function moveDeliveries(
  db: Db,
  endpointId: string,
  from: 'pending' | 'held',
  change: { status: DeliveryStatus; lane?: number; due_at?: number | null },
  limit: number,
): Promise<number> {
  const oldest = db('deliveries')
    .select('id')
    .where({ endpoint_id: endpointId, status: from })
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit);
  const ids: string[] = (await oldest).map(({ id }: { id: string }) => id);
  if (ids.length === 0) return 0;
  return db('deliveries').whereIn('id', ids).where({ status: from }).update(change);
}

export async function countHeld(db: Db, endpointId: string): Promise<number> {
  const row = await db('deliveries').where({ endpoint_id: endpointId, status: 'held' }).count({ total: '*' }).first();
  return Number(row?.total ?? 0);
}
