// Step three: the fair claim. Endpoints take turns, the least recently served first, and none has more in flight than
// its share, so a backlog of one tenant is no other's waiting time (promise 7). Committed before anything is sent; what
// is claimed is fenced by a random token, so a worker that was given up cannot write over the one that took its place.

import { randomBytes } from 'node:crypto';
import { type Db, inTransaction } from '../platform/database.ts';
import {
  countInFlightAcrossTenants,
  findDueAcrossTenants,
  findReadyEndpointsAcrossTenants,
  type InFlight,
  leaseDeliveries,
  lockFreeTenants,
  type ReadyEndpoint,
  type Wanted,
} from './claim-store.ts';
import { type Delivery, lanes } from './delivery.ts';
import type { Endpoint } from './endpoint.ts';
import { isSuspect, slotsOf } from './endpoint-health.ts';
import { lockFreeEndpointsAcrossTenants, markServed } from './endpoint-store.ts';
import { leaseMs, lowLaneShare, mostInFlight } from './policy.ts';

/** Endpoints one claim looks at. */
const claimWidth = 40;

export interface ClaimDeps {
  db: Db;
  now(): number;
}

/** What this worker has room for. */
export interface Room {
  slots: number;
  lowSlots: number;
  suspectSlots: number;
}

export interface Claim {
  leaseToken: string;
  deliveries: { delivery: Delivery; endpoint: Endpoint }[];
  /** Endpoints that may have more due than was taken: look again when a slot is free. */
  unfinished: string[];
  /** Whether there may be more to take at once: endpoints beyond those one claim looks at, or slots kept for too little. */
  isFull: boolean;
}

const nothing: Claim = { leaseToken: '', deliveries: [], unfinished: [], isFull: false };

/** @param endpointIds where to look first of all; null: everywhere */
export async function claimDeliveries(
  deps: ClaimDeps,
  room: Room,
  endpointIds: readonly string[] | null,
): Promise<Claim> {
  if (room.slots <= 0 || endpointIds?.length === 0) return { ...nothing, unfinished: [...(endpointIds ?? [])] };
  const now = deps.now();
  const busy = tally(await countInFlightAcrossTenants(deps.db));
  const ready = await findReadyEndpointsAcrossTenants(deps.db, now, {
    endpointIds,
    fullEndpoints: full(busy.endpoints, mostInFlight.perEndpoint),
    busyEndpoints: [...busy.endpoints.keys()],
    fullTenants: full(busy.tenants, mostInFlight.perTenant),
    hasSuspectSlots: room.suspectSlots > 0,
    hasLowSlots: room.lowSlots > 0,
    limit: claimWidth,
  });
  if (ready.length === 0) return nothing;
  const claim = await inTransaction(deps.db, (trx) => claimInside(trx, now, room, ready));
  return { ...claim, isFull: claim.isFull || ready.length === claimWidth };
}

async function claimInside(trx: Db, now: number, room: Room, ready: readonly ReadyEndpoint[]): Promise<Claim> {
  const endpoints = await lockReady(trx, ready);
  // Counted again now that nobody else can claim for these tenants.
  const wanted = share(ready, endpoints, tally(await countInFlightAcrossTenants(trx)), room, now);
  const due = await findDueAcrossTenants(trx, now, wanted);
  const unfinished = ready.map(({ id }) => id).filter((id) => hasMore(id, wanted, due));
  if (due.length === 0) return { ...nothing, unfinished };
  const leaseToken = randomBytes(12).toString('base64url');
  const ids = due.map(({ id }) => id);
  const leased = await leaseDeliveries(trx, ids, leaseToken, now + leaseMs);
  const deliveries = due
    .filter(({ id }) => leased.has(id))
    .map((delivery) => ({
      delivery: { ...delivery, attemptCount: delivery.attemptCount + 1 },
      endpoint: endpoints.get(delivery.endpointId)!,
    }));
  await markServed(trx, [...new Set(due.map(({ endpointId }) => endpointId))], now);
  const passedOver = ready.some(({ id }) => endpoints.has(id) && wanted.every(({ endpointId }) => endpointId !== id));
  return { leaseToken, deliveries, unfinished, isFull: passedOver && due.length < sum(wanted) };
}

/** Those that nobody else is at, by id. */
async function lockReady(trx: Db, ready: readonly ReadyEndpoint[]): Promise<Map<string, Endpoint>> {
  const tenants = await lockFreeTenants(trx, [...new Set(ready.map(({ tenantId }) => tenantId))]);
  const free = ready.filter(({ tenantId }) => tenants.has(tenantId)).map(({ id }) => id);
  const locked = await lockFreeEndpointsAcrossTenants(trx, free);
  return new Map(locked.map((endpoint) => [endpoint.id, endpoint]));
}

/** It was passed over, or it gave as much as it was allowed to. */
function hasMore(endpointId: string, wanted: readonly Wanted[], due: readonly Delivery[]): boolean {
  const allowed = wanted.filter((want) => want.endpointId === endpointId);
  const taken = due.filter((delivery) => delivery.endpointId === endpointId);
  return taken.length >= sum(allowed);
}

const sum = (wanted: readonly Wanted[]): number => wanted.reduce((total, { limit }) => total + limit, 0);

interface Tally {
  endpoints: Map<string, number>;
  lowEndpoints: Map<string, number>;
  tenants: Map<string, number>;
}

function tally(inFlight: readonly InFlight[]): Tally {
  const busy: Tally = { endpoints: new Map(), lowEndpoints: new Map(), tenants: new Map() };
  for (const { endpointId, tenantId, lane, count } of inFlight) {
    add(busy.endpoints, endpointId, count);
    add(busy.tenants, tenantId, count);
    if (lane === lanes.low) add(busy.lowEndpoints, endpointId, count);
  }
  return busy;
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function full(counts: Map<string, number>, limit: number): string[] {
  return [...counts].filter(([, count]) => count >= limit).map(([id]) => id);
}

/** Divides the room among the endpoints in their order: what a person asked for, what is new, replays within their share. */
function share(
  ready: readonly ReadyEndpoint[],
  endpoints: Map<string, Endpoint>,
  busy: Tally,
  { slots, lowSlots, suspectSlots }: Room,
  now: number,
): Wanted[] {
  const wanted: Wanted[] = [];
  for (const { id: endpointId, tenantId, hasAsked, hasNormal, hasLow } of ready) {
    const endpoint = endpoints.get(endpointId);
    if (endpoint === undefined) continue;
    const suspect = isSuspect(endpoint);
    const free = (): number =>
      Math.min(
        slots,
        suspect ? suspectSlots : slots,
        slotsOf(endpoint) - (busy.endpoints.get(endpointId) ?? 0),
        mostInFlight.perTenant - (busy.tenants.get(tenantId) ?? 0),
      );
    const take = (lane: number, limit: number): void => {
      if (limit <= 0) return;
      wanted.push({ endpointId, lane, limit });
      add(busy.endpoints, endpointId, limit);
      add(busy.tenants, tenantId, limit);
      slots -= limit;
      if (suspect) suspectSlots -= limit;
      if (lane === lanes.low) lowSlots -= limit;
    };
    if (hasAsked) take(lanes.asked, Math.min(1, free()));
    // Left alone for a while: what a person asked for goes out all the same, and nothing else with it.
    if (endpoint.waitUntil !== null && endpoint.waitUntil > now) continue;
    const lowShare = Math.max(1, Math.floor(slotsOf(endpoint) * lowLaneShare));
    const low = hasLow ? Math.min(lowSlots, lowShare - (busy.lowEndpoints.get(endpointId) ?? 0), free()) : 0;
    // One slot is kept for the low lane while it has its share free, so that what is new cannot starve it for good.
    if (hasNormal) take(lanes.normal, free() - Math.max(0, free() > 1 ? low : 0));
    take(lanes.low, Math.min(low, free()));
  }
  return wanted;
}
