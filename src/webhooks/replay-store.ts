// SQL of replays: each is one row with a cursor, so that it goes on where it stopped, whatever stopped it.

import { pingType } from '../events/event-store.ts';
import { type Db, forUpdateOfFree } from '../platform/database.ts';
import { type Delivery, lanes } from './delivery.ts';
import { type DeliveryRow, toDelivery } from './delivery-store.ts';

export interface Replay {
  id: string;
  endpointId: string;
  tenantId: string;
  mode: string;
  /** `failed`: what is dead or held. `all`: every event the endpoint subscribes to. */
  only: 'failed' | 'all';
  /** Null: all types, or what the endpoint subscribes to. */
  types: readonly string[] | null;
  since: number;
  until: number;
  status: 'running' | 'done' | 'cancelled';
  count: number;
  doneCount: number;
  cursor: { at: number; id: string };
  createdAt: number;
}

interface Row {
  id: string;
  endpoint_id: string;
  tenant_id: string;
  mode: string;
  only: Replay['only'];
  types: string | null;
  since: number;
  until: number;
  status: Replay['status'];
  count: number;
  done_count: number;
  cursor_at: number;
  cursor_id: string;
  created_at: number;
}

export async function insertReplay(db: Db, replay: Replay, now: number): Promise<void> {
  await db('replays').insert({
    id: replay.id,
    endpoint_id: replay.endpointId,
    tenant_id: replay.tenantId,
    mode: replay.mode,
    only: replay.only,
    types: replay.types === null ? null : JSON.stringify(replay.types),
    since: replay.since,
    until: replay.until,
    status: replay.status,
    count: replay.count,
    done_count: 0,
    cursor_at: replay.cursor.at,
    cursor_id: replay.cursor.id,
    created_at: now,
    updated_at: now,
  });
}

/** Locks the running replay that was taken up longest ago and that nobody else is at, so that all of them take turns. */
export async function lockRunningReplayAcrossTenants(trx: Db): Promise<Replay | undefined> {
  const query = trx('replays').where({ status: 'running' }).orderBy('updated_at').orderBy('id').limit(1);
  const [row]: Row[] = await forUpdateOfFree(query, trx);
  return row === undefined ? undefined : toReplay(row);
}

/** Of one endpoint: those that run, and those made since a time. */
export async function findRecentReplays(trx: Db, endpointId: string, since: number): Promise<Replay[]> {
  const rows: Row[] = await trx('replays')
    .where({ endpoint_id: endpointId })
    .where((either) => either.where({ status: 'running' }).orWhere('created_at', '>', since));
  return rows.map(toReplay);
}

function toReplay(row: Row): Replay {
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    tenantId: row.tenant_id,
    mode: row.mode,
    only: row.only,
    types: row.types === null ? null : (JSON.parse(row.types) as string[]),
    since: row.since,
    until: row.until,
    status: row.status,
    count: row.count,
    doneCount: row.done_count,
    cursor: { at: row.cursor_at, id: row.cursor_id },
    createdAt: row.created_at,
  };
}

export async function updateReplay(
  trx: Db,
  { id, status, doneCount, cursor }: Pick<Replay, 'id' | 'status' | 'doneCount' | 'cursor'>,
  now: number,
): Promise<void> {
  await trx('replays')
    .where({ id })
    .update({ status, done_count: doneCount, cursor_at: cursor.at, cursor_id: cursor.id, updated_at: now });
}

/** Cancels a tenant's running replays of an endpoint; how many there were. What was taken up already is still sent. */
export async function cancelReplays(db: Db, tenantId: string, endpointId: string, now: number): Promise<number> {
  return db('replays')
    .where({ tenant_id: tenantId, endpoint_id: endpointId, status: 'running' })
    .update({ status: 'cancelled', updated_at: now });
}

export type ReplayWindow = Pick<Replay, 'endpointId' | 'tenantId' | 'mode' | 'only' | 'types' | 'since' | 'until'>;

export interface ReplayedEvent {
  id: string;
  type: string;
  objectId: string;
  createdAt: number;
}

/** Every event of the window but pings, rides on `(tenant_id, mode, created_at, id)`. */
function eventsIn(db: Db, { tenantId, mode, types, since, until, endpointId }: ReplayWindow) {
  const query = db('events')
    .where({ tenant_id: tenantId, mode })
    .where('created_at', '>=', since)
    .where('created_at', '<', until)
    .whereNot({ type: pingType })
    .whereNot({ object_id: endpointId });
  return types === null ? query : query.whereIn('type', [...types]);
}

/** Rides on `(endpoint_id, status, created_at, id)`. */
function failedIn(db: Db, { tenantId, endpointId, types, since, until }: ReplayWindow, status: 'dead' | 'held') {
  const query = db('deliveries')
    .where({ endpoint_id: endpointId, tenant_id: tenantId, status })
    .where('created_at', '>=', since)
    .where('created_at', '<', until);
  return types === null ? query : query.whereIn('type', [...types]);
}

export async function countReplayed(db: Db, window: ReplayWindow): Promise<number> {
  const queries =
    window.only === 'all' ? [eventsIn(db, window)] : [failedIn(db, window, 'dead'), failedIn(db, window, 'held')];
  const rows = await Promise.all(queries.map((query) => query.count({ total: '*' }).first()));
  return rows.reduce((sum, row) => sum + Number(row?.total ?? 0), 0);
}

/** The next events after the cursor, oldest first. */
export async function readReplayedEvents(trx: Db, replay: Replay, limit: number): Promise<ReplayedEvent[]> {
  const { cursor } = replay;
  const rows: { id: string; type: string; object_id: string; created_at: number }[] = await eventsIn(trx, replay)
    .select('id', 'type', 'object_id', 'created_at')
    .where('created_at', '>=', cursor.at)
    .where((either) => either.where('created_at', '>', cursor.at).orWhere('id', '>', cursor.id))
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit);
  return rows.map((row) => ({ id: row.id, type: row.type, objectId: row.object_id, createdAt: row.created_at }));
}

/** The next dead deliveries after the cursor, oldest first. Held ones need no replay: enabling lets them go. */
export async function readDeadDeliveries(trx: Db, replay: Replay, limit: number): Promise<Delivery[]> {
  const { cursor } = replay;
  const rows: DeliveryRow[] = await failedIn(trx, replay, 'dead')
    .where('created_at', '>=', cursor.at)
    .where((either) => either.where('created_at', '>', cursor.at).orWhere('id', '>', cursor.id))
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit);
  return rows.map(toDelivery);
}

/** Lets deliveries of these events go out once more in the low lane; those on their way are left alone. */
export async function resendDeliveries(
  trx: Db,
  endpointId: string,
  eventIds: readonly string[],
  from: readonly ('dead' | 'delivered')[],
  change: { status: 'pending' | 'held'; dueAt: number },
): Promise<void> {
  if (eventIds.length === 0) return;
  await trx('deliveries')
    .where({ endpoint_id: endpointId })
    .whereIn('event_id', [...eventIds])
    .whereIn('status', [...from])
    .update({ status: change.status, lane: lanes.low, next_trigger: 'replay', step: 0, due_at: change.dueAt });
}
