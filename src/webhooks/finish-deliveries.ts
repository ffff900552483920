// Step six: what attempts came to, many in one transaction. The attempt is always kept; the delivery and the health of
// its endpoint change only where the fencing token still matches, so an answer that comes after the lease was given
// away changes nothing that another worker has decided since.

import assert from 'node:assert/strict';
import { type NewEvent, recordEvents } from '../events/event-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Exchange } from './attempt.ts';
import { lockDeliveriesAcrossTenants, updateDeliveries } from './claim-store.ts';
import { type Attempt, afterAttempt, type Delivery } from './delivery.ts';
import { writeAttempts } from './delivery-store.ts';
import { type Endpoint, presentEndpoint } from './endpoint.ts';
import { type Weighed, weighExchange } from './endpoint-health.ts';
import { lockEndpointsAcrossTenants, updateEndpoints } from './endpoint-store.ts';

export interface FinishDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** A number in [0, 1), for jitter. */
  random(): number;
}

export interface Finish {
  deliveryId: string;
  endpointId: string;
  leaseToken: string;
  attempt: Attempt;
}

export interface Finished {
  /** The delivery as it is now; null where the lease was lost and only the attempt was kept. */
  delivery: Delivery | null;
  /** Its endpoint was disabled by this very attempt. */
  disabled: Endpoint | null;
  /** Its endpoint is left alone for a while because of this very attempt: the breaker has opened. */
  opened: Endpoint | null;
}

/** One result for each item, in order. */
export function finishDeliveries(deps: FinishDeps, items: readonly Finish[]): Promise<Finished[]> {
  return inTransaction(deps.db, (trx) => finishInside(trx, deps, items));
}

async function finishInside(trx: Db, deps: FinishDeps, items: readonly Finish[]): Promise<Finished[]> {
  const now = deps.now();
  const endpointIds = [...new Set(items.map(({ endpointId }) => endpointId))];
  const endpoints = new Map((await lockEndpointsAcrossTenants(trx, endpointIds)).map((row) => [row.id, row]));
  const deliveries = await lockDeliveriesAcrossTenants(
    trx,
    items.map(({ deliveryId }) => deliveryId),
  );
  const changed = new Map<string, Delivery>();
  const weighed = new Map<string, Endpoint>();
  const results = items.map(({ deliveryId, endpointId, leaseToken, attempt }): Finished => {
    const delivery = deliveries.get(deliveryId);
    const endpoint = weighed.get(endpointId) ?? endpoints.get(endpointId);
    if (delivery?.status !== 'sending' || delivery.leaseToken !== leaseToken)
      return { delivery: null, disabled: null, opened: null };
    assert(endpoint !== undefined, 'a delivery without its endpoint');
    const after = applyExchange(endpoint, attempt.exchange, failuresOf(delivery), now);
    weighed.set(endpointId, after);
    const next = afterAttempt(delivery, attempt.exchange, after.status, now, deps.random());
    changed.set(deliveryId, next);
    return {
      delivery: next,
      disabled: after.version > endpoint.version ? after : null,
      opened: after.breakerLevel > endpoint.breakerLevel ? after : null,
    };
  });
  await writeAttempts(
    trx,
    deps.sealer,
    items.map(({ attempt }) => attempt),
  );
  await updateEndpoints(trx, [...weighed.values()], now);
  await updateDeliveries(trx, [...changed.values()]);
  await recordEvents(
    trx,
    deps.sealer,
    results.flatMap(({ disabled }) =>
      disabled === null ? [] : [endpointEvent('webhook_endpoint.disabled', disabled)],
    ),
    now,
  );
  return results;
}

/** What is told about other endpoints is no news itself: dead endpoints would tell each other of it for ever. */
function failuresOf({ type, step }: Delivery): number {
  return type.startsWith('webhook_endpoint.') ? 0 : step + 1;
}

/** The endpoint after one more attempt. One that is not enabled (any more) is neither disabled nor told of because of it. */
function applyExchange(endpoint: Endpoint, exchange: Exchange, failures: number, now: number): Endpoint {
  const { health, disable }: Weighed = weighExchange(endpoint, exchange, failures, now);
  if (endpoint.status !== 'enabled') {
    const isWithdrawn = endpoint.notice === 'failing' && health.notice === null;
    return { ...endpoint, ...health, notice: isWithdrawn ? null : endpoint.notice };
  }
  if (disable === null) return { ...endpoint, ...health };
  return { ...endpoint, ...health, status: 'disabled', disabledReason: disable, version: endpoint.version + 1 };
}

/** What is told to the tenant's other endpoints about this one. */
export function endpointEvent(
  type: 'webhook_endpoint.failing' | 'webhook_endpoint.disabled',
  endpoint: Endpoint,
): NewEvent {
  const { tenantId, mode, id, version } = endpoint;
  return { tenantId, mode, type, objectId: id, version, data: presentEndpoint(endpoint) };
}
