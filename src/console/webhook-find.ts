// The endpoint or delivery that a path of the console names, if it is the operator's to see.

import { notFound } from '../platform/errors.ts';
import { isId } from '../platform/ids.ts';
import { findDelivery } from '../webhooks/delivery-store.ts';
import type { Endpoint } from '../webhooks/endpoint.ts';
import { findEndpointsAcrossTenants } from '../webhooks/endpoint-store.ts';
import type { Asked, ShellDeps } from './shell-pages.ts';

/** The endpoint of the path, if it is the operator's to see. @throws AppError `not_found` */
export async function getEndpoint(
  { db }: Pick<ShellDeps, 'db'>,
  { scope }: Asked,
  endpointId: string,
): Promise<Endpoint> {
  const [endpoint] = isId('whe', endpointId) ? await findEndpointsAcrossTenants(db, [endpointId]) : [];
  const isOwn = endpoint !== undefined && scope.tenants.some(({ id }) => id === endpoint.tenantId);
  if (!isOwn || endpoint.status === 'deleted') throw notFound();
  return endpoint;
}

/** The delivery of the path with its endpoint, deleted ones too. @throws AppError `not_found` */
export async function getDelivery({ db }: Pick<ShellDeps, 'db'>, { scope }: Asked, deliveryId: string) {
  if (!isId('whd', deliveryId)) throw notFound();
  for (const mode of ['live', 'test'] as const)
    for (const { id: tenantId } of scope.tenants) {
      const delivery = await findDelivery(db, tenantId, mode, deliveryId);
      const [endpoint] = delivery === undefined ? [] : await findEndpointsAcrossTenants(db, [delivery.endpointId]);
      if (delivery !== undefined && endpoint !== undefined) return { delivery, endpoint };
    }
  throw notFound();
}
