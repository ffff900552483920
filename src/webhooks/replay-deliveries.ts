// Sends a window of the past again, under the same webhook ids: what is dead or held, or everything. The request leaves
// one row with a cursor; the worker takes it up in batches beside everything else, in the low lane, and a crash costs
// at most the batch that was being taken up, which is taken up again without doubling anything.

import { type Db, inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { insertDeliveries } from './delivery-store.ts';
import { type Endpoint, isSubscribed } from './endpoint.ts';
import { findEndpointsAcrossTenants, lockEndpointsAcrossTenants } from './endpoint-store.ts';
import { isWanted, newDelivery } from './fan-out-events.ts';
import { doubleClickMs, keepBodiesMs } from './policy.ts';
import {
  countReplayed,
  findRecentReplays,
  insertReplay,
  lockRunningReplayAcrossTenants,
  type Replay,
  type ReplayWindow,
  readDeadDeliveries,
  readReplayedEvents,
  resendDeliveries,
  updateReplay,
} from './replay-store.ts';

const batchSize = 500;

export interface ReplayRequest {
  since: number;
  until: number;
  types: readonly string[] | null;
  only: 'failed' | 'all';
}

/** An endpoint's replays that run at the same time. */
const mostRunning = 5;

/**
 * Plans a replay of an endpoint; how many webhooks it will send, as far as is known now. The same request while that one
 * runs, or a moment later, is that one.
 * @throws AppError `not_found`, `replay_limit_reached`
 */
export async function replayDeliveries(
  deps: { db: Db; now(): number; wake(): void },
  endpoint: Endpoint,
  request: ReplayRequest,
): Promise<{ id: string; count: number }> {
  if (endpoint.status === 'deleted') throw new AppError('not_found', 'There is nothing at this address.');
  const now = deps.now();
  const { id: endpointId, tenantId, mode } = endpoint;
  const subscribed = endpoint.types.includes('*') ? null : endpoint.types;
  const types = request.types?.filter((type) => isSubscribed(endpoint, type)) ?? subscribed;
  const window = { ...request, types, until: Math.min(request.until, now), endpointId, tenantId, mode };
  const planned = await inTransaction(deps.db, async (trx) => {
    await lockEndpointsAcrossTenants(trx, [endpointId]);
    const recent = await findRecentReplays(trx, endpointId, now - doubleClickMs);
    const same = recent.find((replay) => isSame(replay, window, now));
    if (same !== undefined) return same;
    if (recent.filter(({ status }) => status === 'running').length >= mostRunning)
      throw new AppError(
        'replay_limit_reached',
        `${mostRunning} replays of this endpoint run already. Wait for one to end, or cancel them with DELETE.`,
      );
    const count = await countReplayed(trx, window);
    const start = {
      status: 'running',
      count,
      doneCount: 0,
      cursor: { at: request.since, id: '' },
      createdAt: now,
    } as const;
    const replay: Replay = { id: newId('rpl'), ...window, ...start };
    await insertReplay(trx, replay, now);
    return replay;
  });
  deps.wake();
  return { id: planned.id, count: planned.count };
}

/** A window that reaches into the future ends with the request: a second click has another end, and is the same. */
function isSame(replay: Replay, window: ReplayWindow, now: number): boolean {
  const areOpen = replay.until === replay.createdAt && window.until === now;
  const isSameTime = replay.since === window.since && (areOpen || replay.until === window.until);
  return isSameTime && replay.only === window.only && JSON.stringify(replay.types) === JSON.stringify(window.types);
}

/** Takes up one batch of the replay whose turn it is; the endpoints that have something to send because of it. */
export function continueReplays(deps: { db: Db; now(): number }): Promise<string[]> {
  return inTransaction(deps.db, async (trx) => {
    const found = await lockRunningReplayAcrossTenants(trx);
    if (found === undefined) return [];
    const now = deps.now();
    // What has grown too old since it was asked for has no body any more.
    const replay = { ...found, since: Math.max(found.since, now - keepBodiesMs) };
    const [endpoint] = await findEndpointsAcrossTenants(trx, [replay.endpointId]);
    if (endpoint === undefined || endpoint.status === 'deleted') {
      await updateReplay(trx, { ...replay, status: 'cancelled' }, now);
      return [];
    }
    const taken =
      replay.only === 'all' ? await takeEvents(trx, replay, endpoint, now) : await takeDead(trx, replay, endpoint, now);
    const last = taken.at(-1);
    const cursor = last === undefined ? replay.cursor : { at: last.createdAt, id: last.id };
    const status = taken.length < batchSize ? 'done' : 'running';
    await updateReplay(trx, { id: replay.id, status, doneCount: replay.doneCount + taken.length, cursor }, now);
    return taken.length > 0 ? [endpoint.id] : [];
  });
}

const statusOf = ({ status }: Endpoint): 'pending' | 'held' => (status === 'enabled' ? 'pending' : 'held');

async function takeEvents(trx: Db, replay: Replay, endpoint: Endpoint, now: number) {
  const events = await readReplayedEvents(trx, replay, batchSize);
  const { tenantId, mode } = replay;
  const wanted = events.filter((event) => isWanted({ ...event, tenantId, mode }, endpoint));
  const fresh = wanted.map((event) => ({ ...newDelivery(event, endpoint, 'replay'), dueAt: now }));
  await insertDeliveries(trx, fresh);
  const change = { status: statusOf(endpoint), dueAt: now };
  await resendDeliveries(
    trx,
    endpoint.id,
    wanted.map(({ id }) => id),
    ['dead', 'delivered'],
    change,
  );
  return events;
}

async function takeDead(trx: Db, replay: Replay, endpoint: Endpoint, now: number) {
  const dead = await readDeadDeliveries(trx, replay, batchSize);
  const change = { status: statusOf(endpoint), dueAt: now };
  await resendDeliveries(
    trx,
    endpoint.id,
    dead.map(({ eventId }) => eventId),
    ['dead'],
    change,
  );
  return dead;
}
