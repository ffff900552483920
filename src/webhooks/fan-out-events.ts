// Step two of a webhook's way: from recorded events to one delivery for each endpoint that subscribed. Repeating it is
// harmless (an event and an endpoint have one delivery), so a crash at any point costs time and nothing else. An endpoint
// that is paused or disabled gets its deliveries held, never dropped.

import { claimFreshEventsAcrossTenants, type FreshEvent, markFannedOut } from '../events/event-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { type Delivery, lanes, statusAt, type Trigger } from './delivery.ts';
import { insertDeliveries } from './delivery-store.ts';
import { type Endpoint, isSubscribed } from './endpoint.ts';
import { findEndpointsOfTenantsAcrossTenants } from './endpoint-store.ts';

export interface FanOutDeps {
  db: Db;
  now(): number;
}

export interface FannedOut {
  events: number;
  /** Endpoints that have something new to be sent. */
  endpointIds: string[];
}

/** How many events one transaction takes. */
export const fanOutSize = 500;

/** Fans out the oldest events that wait for it. Call again while it answers a full batch. */
export function fanOutEvents(deps: FanOutDeps): Promise<FannedOut> {
  return inTransaction(deps.db, async (trx) => {
    const events = await claimFreshEventsAcrossTenants(trx, fanOutSize);
    if (events.length === 0) return { events: 0, endpointIds: [] };
    const tenantIds = [...new Set(events.map(({ tenantId }) => tenantId))];
    const endpoints = await findEndpointsOfTenantsAcrossTenants(trx, tenantIds);
    const deliveries = events.flatMap((event) =>
      endpoints
        .filter((endpoint) => isWanted(event, endpoint))
        .map((endpoint) => newDelivery(event, endpoint, 'first')),
    );
    await insertDeliveries(trx, deliveries);
    await markFannedOut(
      trx,
      events.map(({ id }) => id),
      deps.now(),
    );
    const sent = deliveries.filter(({ status }) => status === 'pending');
    return { events: events.length, endpointIds: [...new Set(sent.map(({ endpointId }) => endpointId))] };
  });
}

/** What is wrong with an endpoint is told to the tenant's others, never to the broken one itself. */
export function isWanted(
  event: Pick<FreshEvent, 'tenantId' | 'mode' | 'type' | 'objectId'>,
  endpoint: Endpoint,
): boolean {
  const isOwn = event.tenantId === endpoint.tenantId && event.mode === endpoint.mode;
  return isOwn && event.objectId !== endpoint.id && isSubscribed(endpoint, event.type);
}

export function newDelivery(
  event: Pick<FreshEvent, 'id' | 'type' | 'createdAt'>,
  endpoint: Endpoint,
  trigger: Trigger,
): Delivery {
  return {
    id: newId('whd'),
    eventId: event.id,
    endpointId: endpoint.id,
    tenantId: endpoint.tenantId,
    mode: endpoint.mode,
    type: event.type,
    status: statusAt(endpoint.status),
    lane: trigger === 'replay' ? lanes.low : lanes.normal,
    nextTrigger: trigger,
    step: 0,
    attemptCount: 0,
    dueAt: event.createdAt,
    leaseToken: null,
    lastStatusCode: null,
    lastError: null,
    retriedAt: null,
    createdAt: event.createdAt,
    deliveredAt: null,
  };
}
