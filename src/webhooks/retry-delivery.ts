// A person asks for one delivery to be sent now. One that is being sent is left alone, one that is due anyway stays as
// it is, and a second click is the first one: each leads to one POST.

import { inTransaction } from '../platform/database.ts';
import { AppError, notFound } from '../platform/errors.ts';
import type { Delivery } from './delivery.ts';
import { findDelivery, lockDelivery, updateDelivery } from './delivery-store.ts';
import { lockEndpointsAcrossTenants } from './endpoint-store.ts';
import type { EndpointDeps, Owner } from './manage-endpoints.ts';
import { doubleClickMs, keepBodiesMs } from './policy.ts';

/** The delivery as it is then. @throws AppError `not_found`, `not_retryable` when it is cancelled or its body is gone */
export async function retryDelivery(
  deps: Pick<EndpointDeps, 'db' | 'now' | 'nudge'>,
  { tenantId, mode }: Owner,
  deliveryId: string,
): Promise<Delivery> {
  const { db, now } = deps;
  const retried = await inTransaction(db, async (trx) => {
    const found = await findDelivery(trx, tenantId, mode, deliveryId);
    if (found === undefined) throw notFound();
    const [endpoint] = await lockEndpointsAcrossTenants(trx, [found.endpointId]);
    const delivery = await lockDelivery(trx, tenantId, mode, deliveryId);
    if (delivery === undefined || endpoint === undefined || endpoint.status === 'deleted')
      throw new AppError('not_retryable', 'Its endpoint was deleted. Make a new one and replay the time you need.');
    if (now() - delivery.createdAt > keepBodiesMs)
      throw new AppError('not_retryable', 'It is older than 90 days, and its body is not kept any more.');
    if (isOnItsWay(delivery, now())) return delivery;
    const isWaiting = delivery.status === 'pending' || delivery.status === 'held';
    const next: Delivery = {
      ...delivery,
      status: endpoint.status === 'enabled' ? 'pending' : 'held',
      lane: 0,
      nextTrigger: 'manual',
      // What had come to its end starts anew; what was waiting goes on where it was if this fails.
      step: isWaiting ? delivery.step : 0,
      dueAt: now(),
      retriedAt: now(),
    };
    await updateDelivery(trx, next);
    return next;
  });
  deps.nudge([retried.endpointId]);
  return retried;
}

function isOnItsWay({ status, nextTrigger, dueAt, retriedAt }: Delivery, now: number): boolean {
  if (status === 'sending') return true;
  if (retriedAt !== null && now - retriedAt < doubleClickMs) return true;
  return status === 'pending' && nextTrigger === 'manual' && dueAt !== null && dueAt <= now;
}
