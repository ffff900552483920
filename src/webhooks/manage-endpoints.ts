// What a tenant does with its endpoints: make one, change it, pause and enable it, rotate its secret, try it, remove it.
// Each is one short transaction on the endpoint's own row; deliveries follow by themselves (align-deliveries).

import { randomBytes } from 'node:crypto';
import { recordEvents } from '../events/event-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { AppError, notFound } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';
import { invalid } from '../platform/validation.ts';
import type { Delivery } from './delivery.ts';
import { countHeld, insertDeliveries } from './delivery-store.ts';
import type { Endpoint } from './endpoint.ts';
import { freshHealth } from './endpoint-health.ts';
import {
  countEndpointsLocking,
  expireSecrets,
  insertEndpoint,
  insertSecret,
  keepNewestSecrets,
  lockEndpoint,
  updateEndpoints,
} from './endpoint-store.ts';
import { newDelivery } from './fan-out-events.ts';
import { mostEndpoints, mostSecrets } from './policy.ts';
import { checkEndpointUrl, type TargetRules } from './safe-target.ts';

export interface EndpointDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  targetRules: TargetRules;
  /** Tells the worker that there may be something to do at these endpoints. */
  nudge(endpointIds: readonly string[]): void;
}

/** Whose endpoint: no other's exists for the caller. */
export interface Owner {
  tenantId: string;
  mode: 'test' | 'live';
}

export interface EndpointDetails {
  url: string;
  types: readonly string[];
  description: string | null;
}

/** As receivers are given it: `whsec_` and 32 random bytes in base64. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** @throws AppError `invalid_request` for a target that may not be reached, `endpoint_limit_reached` */
export async function createEndpoint(
  deps: EndpointDeps,
  { tenantId, mode }: Owner,
  details: EndpointDetails,
): Promise<{ endpoint: Endpoint; secret: string }> {
  checkUrl(deps, details.url, mode);
  const createdAt = deps.now();
  const endpoint: Endpoint = {
    ...freshHealth,
    id: newId('whe'),
    tenantId,
    mode,
    ...details,
    status: 'enabled',
    disabledReason: null,
    version: 1,
    createdAt,
  };
  const secret = newSecret();
  await inTransaction(deps.db, async (trx) => {
    if ((await countEndpointsLocking(trx, tenantId)) >= mostEndpoints) {
      const advice = `A tenant has at most ${mostEndpoints} endpoints, test and live together. Delete one first.`;
      throw new AppError('endpoint_limit_reached', advice);
    }
    await insertEndpoint(trx, endpoint);
    await insertSecret(trx, deps.sealer, endpoint.id, secret, createdAt);
  });
  return { endpoint, secret };
}

export interface EndpointChange {
  url?: string | undefined;
  types?: readonly string[] | undefined;
  description?: string | null | undefined;
  status?: 'enabled' | 'paused' | undefined;
}

/**
 * Changes what is given. A new URL starts with a clean record. Enabling lets what is held go out; how much that is is
 * `released`, null where the endpoint was enabled before.
 * @throws AppError `not_found`, `invalid_request`
 */
export async function changeEndpoint(
  deps: EndpointDeps,
  owner: Owner,
  endpointId: string,
  { status, url, types, description }: EndpointChange,
): Promise<{ endpoint: Endpoint; released: number | null }> {
  if (url !== undefined) checkUrl(deps, url, owner.mode);
  const changed = await withEndpoint(deps, owner, endpointId, async (trx, endpoint) => {
    const isNewUrl = url !== undefined && url !== endpoint.url;
    const isEnabled = status === 'enabled' && endpoint.status !== 'enabled';
    const next: Endpoint = {
      ...endpoint,
      url: url ?? endpoint.url,
      types: types ?? endpoint.types,
      description: description === undefined ? endpoint.description : description,
      status: status ?? endpoint.status,
      disabledReason: status === undefined ? endpoint.disabledReason : null,
      ...(isNewUrl || isEnabled ? { ...freshHealth, lastSuccessAt: endpoint.lastSuccessAt } : {}),
    };
    await updateEndpoints(trx, [next], deps.now());
    return { endpoint: next, released: isEnabled ? await countHeld(trx, endpointId) : null };
  });
  deps.nudge([endpointId]);
  return changed;
}

/** Its secrets are forgotten and what waits for it is cancelled; what was delivered stays readable. @throws AppError `not_found` */
export async function deleteEndpoint(deps: EndpointDeps, owner: Owner, endpointId: string): Promise<void> {
  await withEndpoint(deps, owner, endpointId, async (trx, endpoint) => {
    await updateEndpoints(trx, [{ ...endpoint, status: 'deleted', notice: null }], deps.now());
    await expireSecrets(trx, endpointId, deps.now(), deps.now());
  });
  deps.nudge([endpointId]);
}

/**
 * A new secret. The ones before it go on signing for `overlapSeconds`, beside the new one, so that a receiver may change
 * over in its own time; at most {@link mostSecrets} sign at once, the oldest end first.
 * @throws AppError `not_found`
 */
export function rotateSecret(
  deps: EndpointDeps,
  owner: Owner,
  endpointId: string,
  overlapSeconds: number,
): Promise<{ endpoint: Endpoint; secret: string }> {
  return withEndpoint(deps, owner, endpointId, async (trx, endpoint) => {
    const now = deps.now();
    const secret = newSecret();
    await expireSecrets(trx, endpointId, now + overlapSeconds * 1000, now);
    await insertSecret(trx, deps.sealer, endpointId, secret, now);
    await keepNewestSecrets(trx, endpointId, mostSecrets);
    return { endpoint, secret };
  });
}

/** Sends a `ping`, whatever the endpoint subscribes to, and at once: a person is waiting for it. @throws AppError `not_found` */
export async function testEndpoint(deps: EndpointDeps, owner: Owner, endpointId: string): Promise<Delivery> {
  const delivery = await withEndpoint(deps, owner, endpointId, async (trx, endpoint) => {
    const createdAt = deps.now();
    const data = { endpoint: endpointId, message: 'A test of this endpoint. Nothing has happened.' };
    const ping = { ...owner, type: 'ping' as const, objectId: newId('whd'), version: 1, data };
    const [id] = await recordEvents(trx, deps.sealer, [{ ...ping, isFannedOut: true }], createdAt);
    const made = newDelivery({ id: id!, type: 'ping', createdAt }, endpoint, 'test');
    await insertDeliveries(trx, [made]);
    return made;
  });
  deps.nudge([endpointId]);
  return delivery;
}

function checkUrl({ targetRules }: EndpointDeps, url: string, mode: 'test' | 'live'): void {
  const problem = checkEndpointUrl(url, mode, targetRules);
  if (problem !== null) throw invalid([{ pointer: '/url', code: 'wrong_format', detail: problem }]);
}

function withEndpoint<T>(
  { db }: EndpointDeps,
  { tenantId, mode }: Owner,
  endpointId: string,
  work: (trx: Db, endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  return inTransaction(db, async (trx) => {
    const endpoint = await lockEndpoint(trx, tenantId, mode, endpointId);
    if (endpoint === undefined) throw notFound();
    return work(trx, endpoint);
  });
}
