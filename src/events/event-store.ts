// What happened, in the very bytes a webhook will carry, written in the transaction of the change itself. A crash
// between the change and its event is thereby impossible. Bodies rest sealed: they hold the customer's number.

import { type Db, forUpdateOfFree, readPage } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { ListWindow, Page, Position } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';

export const eventTypes = [
  'payment.pending',
  'payment.succeeded',
  'payment.failed',
  'payment.cancelled',
  'payment.expired',
  'payment.needs_review',
  'payment.unknown',
  'payment.updated',
  'webhook_endpoint.failing',
  'webhook_endpoint.disabled',
] as const;

/** A try-out of an endpoint: recorded like an event, sent like one, and not listed among what happened. */
export const pingType = 'ping';

export type EventType = (typeof eventTypes)[number];

export interface NewEvent {
  tenantId: string;
  mode: string;
  type: EventType | typeof pingType;
  /** The object that changed, and its version: together they make the event unique. */
  objectId: string;
  version: number;
  data: object;
  /** Its deliveries are written with it: the fan-out has nothing to do. */
  isFannedOut?: boolean;
}

export interface RecordedEvent {
  id: string;
  type: string;
  mode: string;
  createdAt: number;
  /** The webhook's body: `{"type","timestamp","data"}`. */
  body: string;
}

/**
 * Records events inside the caller's transaction; their ids, in order. A second event for the same version of an object
 * is refused by its unique index.
 */
export async function recordEvents(
  trx: Db,
  sealer: Sealer,
  events: readonly NewEvent[],
  at: number,
): Promise<string[]> {
  if (events.length === 0) return [];
  const rows = events.map((event) => toEventRow(newId('evt'), event, sealer, at));
  await trx('events').insert(rows);
  return rows.map(({ id }) => id);
}

/** An event as a row, with the bytes that a webhook will carry. */
export function toEventRow(id: string, event: NewEvent, sealer: Sealer, at: number) {
  const body = JSON.stringify({ type: event.type, timestamp: new Date(at).toISOString(), data: event.data });
  return {
    id,
    tenant_id: event.tenantId,
    mode: event.mode,
    type: event.type,
    object_id: event.objectId,
    dedupe_key: `${event.objectId}.${event.version}`,
    body_sealed: sealer.seal(body, ['events', 'body_sealed', id]),
    created_at: at,
    fanned_out_at: event.isFannedOut === true ? at : null,
  };
}

export async function listEvents(
  db: Db,
  tenantId: string,
  mode: string,
  sealer: Sealer,
  filter: ListWindow & { type?: string[] | undefined },
): Promise<Page<RecordedEvent>> {
  const query = db('events').where({ tenant_id: tenantId, mode }).whereNot({ type: pingType });
  if (filter.type !== undefined) query.whereIn('type', filter.type);
  return readPage(query, filter, (row: EventRow) => toEvent(row, sealer));
}

export async function findEvent(
  db: Db,
  tenantId: string,
  mode: string,
  sealer: Sealer,
  eventId: string,
): Promise<RecordedEvent | undefined> {
  const row: EventRow | undefined = await db('events').where({ id: eventId, tenant_id: tenantId, mode }).first();
  return row === undefined ? undefined : toEvent(row, sealer);
}

interface EventRow {
  id: string;
  type: string;
  mode: string;
  created_at: number;
  body_sealed: string;
}

function toEvent(row: EventRow, sealer: Sealer): RecordedEvent {
  return {
    id: row.id,
    type: row.type,
    mode: row.mode,
    createdAt: row.created_at,
    body: sealer.open(row.body_sealed, ['events', 'body_sealed', row.id]),
  };
}

/** An event that the fan-out has not seen. */
export interface FreshEvent {
  id: string;
  tenantId: string;
  mode: string;
  type: string;
  objectId: string;
  createdAt: number;
}

/** Locks the oldest events that were not fanned out, passing over those that another process is at. */
export async function claimFreshEventsAcrossTenants(trx: Db, limit: number): Promise<FreshEvent[]> {
  const rows: (Omit<EventRow, 'body_sealed'> & { tenant_id: string; object_id: string })[] = await forUpdateOfFree(
    trx('events')
      .select('id', 'tenant_id', 'mode', 'type', 'object_id', 'created_at')
      .whereNull('fanned_out_at')
      .orderBy('id')
      .limit(limit),
    trx,
  );
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    type: row.type,
    objectId: row.object_id,
    createdAt: row.created_at,
  }));
}

/**
 * The tenant's events after a position, oldest first, without their bodies and without pings. Rides on
 * `(tenant_id, mode, created_at, id)`. One that commits late may appear behind a position that was already read.
 */
export async function readEventsAfter(
  db: Db,
  tenantId: string,
  mode: string,
  after: Position,
  limit: number,
): Promise<Pick<FreshEvent, 'id' | 'type' | 'objectId' | 'createdAt'>[]> {
  return db('events')
    .select('id', 'type', { objectId: 'object_id', createdAt: 'created_at' })
    .where({ tenant_id: tenantId, mode })
    .where('created_at', '>=', after.createdAt)
    .where((either) => void either.where('created_at', '>', after.createdAt).orWhere('id', '>', after.id))
    .whereNot({ type: pingType })
    .orderBy(['created_at', 'id'])
    .limit(limit);
}

export async function markFannedOut(trx: Db, eventIds: readonly string[], at: number): Promise<void> {
  await trx('events').whereIn('id', eventIds).update({ fanned_out_at: at });
}

/** The exact bytes of events, by id. */
export async function readBodiesAcrossTenants(
  db: Db,
  sealer: Sealer,
  eventIds: readonly string[],
): Promise<Map<string, string>> {
  const rows: { id: string; body_sealed: string }[] = await db('events')
    .select('id', 'body_sealed')
    .whereIn('id', eventIds);
  return new Map(rows.map(({ id, body_sealed }) => [id, sealer.open(body_sealed, ['events', 'body_sealed', id])]));
}

/** Longer than any emptied body is when it is sealed, shorter than any other. */
const emptiedAtMost = 200;

/** The next events after `afterId` whose ids are below `beforeId` and whose bodies were not emptied. */
export async function findOldEventsAcrossTenants(
  db: Db,
  { afterId, beforeId, limit }: { afterId: string; beforeId: string; limit: number },
): Promise<string[]> {
  return db('events')
    .where('id', '>', afterId)
    .where('id', '<', beforeId)
    .whereRaw('length(body_sealed) > ?', [emptiedAtMost])
    .orderBy('id')
    .limit(limit)
    .pluck('id');
}

/** Takes the data out of events' bodies; the rest stays. How many there were. */
export async function emptyBodies(db: Db, sealer: Sealer, eventIds: readonly string[]): Promise<number> {
  let emptied = 0;
  for (const [id, body] of await readBodiesAcrossTenants(db, sealer, eventIds)) {
    const event = JSON.parse(body) as { data: object | null };
    if (event.data === null) continue;
    const empty = sealer.seal(JSON.stringify({ ...event, data: null }), ['events', 'body_sealed', id]);
    emptied += await db('events').where({ id }).update({ body_sealed: empty });
  }
  return emptied;
}
