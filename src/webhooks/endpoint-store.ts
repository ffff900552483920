// SQL for endpoints and their secrets. What a tenant may see takes the tenant and the mode; the worker's share says
// that it crosses tenants.

import { type Db, forUpdate, forUpdateOfFree, readPage, updateRows } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { ListWindow, Page } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Endpoint } from './endpoint.ts';
import type { Minute } from './endpoint-health.ts';

interface Row {
  id: string;
  tenant_id: string;
  mode: 'test' | 'live';
  url: string;
  types: string;
  description: string | null;
  status: Endpoint['status'];
  disabled_reason: Endpoint['disabledReason'];
  version: number;
  last_success_at: number | null;
  failing_since: number | null;
  failure_count: number;
  timeouts_in_row: number;
  recent_minutes: string;
  breaker_level: number;
  wait_until: number | null;
  told_level: number;
  notice: Endpoint['notice'];
  created_at: number;
}

function toEndpoint(row: Row): Endpoint {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    url: row.url,
    types: JSON.parse(row.types) as string[],
    description: row.description,
    status: row.status,
    disabledReason: row.disabled_reason,
    version: row.version,
    lastSuccessAt: row.last_success_at,
    failingSince: row.failing_since,
    failureCount: row.failure_count,
    timeoutsInRow: row.timeouts_in_row,
    recentMinutes: JSON.parse(row.recent_minutes) as Minute[],
    breakerLevel: row.breaker_level,
    waitUntil: row.wait_until,
    toldLevel: row.told_level,
    notice: row.notice,
    createdAt: row.created_at,
  };
}

/** The columns that change in an endpoint's life; `id` among them, as {@link updateRows} wants it. */
function toColumns(endpoint: Endpoint, updatedAt: number): Record<string, unknown> {
  return {
    id: endpoint.id,
    url: endpoint.url,
    types: JSON.stringify(endpoint.types),
    description: endpoint.description,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    version: endpoint.version,
    last_success_at: endpoint.lastSuccessAt,
    failing_since: endpoint.failingSince,
    failure_count: endpoint.failureCount,
    timeouts_in_row: endpoint.timeoutsInRow,
    recent_minutes: JSON.stringify(endpoint.recentMinutes),
    breaker_level: endpoint.breakerLevel,
    wait_until: endpoint.waitUntil,
    told_level: endpoint.toldLevel,
    notice: endpoint.notice,
    updated_at: updatedAt,
  };
}

export async function insertEndpoint(trx: Db, endpoint: Endpoint): Promise<void> {
  const { tenantId, mode, createdAt } = endpoint;
  const fixed = { tenant_id: tenantId, mode, served_at: 0, created_at: createdAt };
  await trx('endpoints').insert({ ...toColumns(endpoint, createdAt), ...fixed });
}

export async function updateEndpoints(trx: Db, endpoints: readonly Endpoint[], now: number): Promise<void> {
  if (endpoints.length > 0)
    await updateRows(
      trx,
      'endpoints',
      endpoints.map((endpoint) => toColumns(endpoint, now)),
    );
}

/** Makes creations of one tenant wait for each other, so that its limit holds; how many endpoints it has. */
export async function countEndpointsLocking(trx: Db, tenantId: string): Promise<number> {
  await forUpdate(trx('tenants').select('id').where({ id: tenantId }), trx);
  const row = await trx('endpoints')
    .where({ tenant_id: tenantId })
    .whereNot({ status: 'deleted' })
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}

const visible = (db: Db, tenantId: string, mode: string) =>
  db('endpoints').where({ tenant_id: tenantId, mode }).whereNot({ status: 'deleted' });

export async function listEndpoints(
  db: Db,
  tenantId: string,
  mode: string,
  window: ListWindow,
): Promise<Page<Endpoint>> {
  return readPage(visible(db, tenantId, mode), window, toEndpoint);
}

export async function findEndpoint(
  db: Db,
  tenantId: string,
  mode: string,
  endpointId: string,
): Promise<Endpoint | undefined> {
  const row: Row | undefined = await visible(db, tenantId, mode).where({ id: endpointId }).first();
  return row === undefined ? undefined : toEndpoint(row);
}

/** {@link findEndpoint}, locked until the transaction ends. */
export async function lockEndpoint(
  trx: Db,
  tenantId: string,
  mode: string,
  endpointId: string,
): Promise<Endpoint | undefined> {
  const row: Row | undefined = await forUpdate(visible(trx, tenantId, mode).where({ id: endpointId }), trx).first();
  return row === undefined ? undefined : toEndpoint(row);
}

/** Locks endpoints in the order of their ids, deleted ones too. */
export async function lockEndpointsAcrossTenants(trx: Db, endpointIds: readonly string[]): Promise<Endpoint[]> {
  const rows: Row[] = await forUpdate(trx('endpoints').whereIn('id', endpointIds).orderBy('id'), trx);
  return rows.map(toEndpoint);
}

/** Of these, the enabled ones that nobody else is at, locked. */
export async function lockFreeEndpointsAcrossTenants(trx: Db, endpointIds: readonly string[]): Promise<Endpoint[]> {
  const query = trx('endpoints').whereIn('id', endpointIds).where({ status: 'enabled' });
  const rows: Row[] = await forUpdateOfFree(query, trx);
  return rows.map(toEndpoint);
}

export async function findEndpointsOfTenantsAcrossTenants(db: Db, tenantIds: readonly string[]): Promise<Endpoint[]> {
  const rows: Row[] = await db('endpoints').whereIn('tenant_id', tenantIds).whereNot({ status: 'deleted' });
  return rows.map(toEndpoint);
}

export async function findEndpointsAcrossTenants(db: Db, endpointIds: readonly string[]): Promise<Endpoint[]> {
  const rows: Row[] = await db('endpoints').whereIn('id', endpointIds);
  return rows.map(toEndpoint);
}

export async function markServed(trx: Db, endpointIds: readonly string[], now: number): Promise<void> {
  await trx('endpoints').whereIn('id', endpointIds).update({ served_at: now });
}

export async function countOpenBreakersAcrossTenants(db: Db): Promise<number> {
  const row = await db('endpoints')
    .where({ status: 'enabled' })
    .where('breaker_level', '>', 0)
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}

/** Endpoints somebody is to be told of, whose last notice is older than `toldBefore`. */
export async function findNoticesAcrossTenants(db: Db, toldBefore: number, limit: number): Promise<string[]> {
  return db('endpoints')
    .whereNotNull('notice')
    .where((either) => either.whereNull('notified_at').orWhere('notified_at', '<=', toldBefore))
    .limit(limit)
    .pluck('id');
}

/** Takes an endpoint's notice for telling; false when another process was first. */
export async function takeNotice(
  trx: Db,
  endpointId: string,
  notice: string,
  toldBefore: number,
  now: number,
): Promise<boolean> {
  const taken = await trx('endpoints')
    .where({ id: endpointId, notice })
    .where((either) => either.whereNull('notified_at').orWhere('notified_at', '<=', toldBefore))
    .update({ notice: null, notified_at: now });
  return taken === 1;
}

export async function insertSecret(
  trx: Db,
  sealer: Sealer,
  endpointId: string,
  secret: string,
  now: number,
): Promise<void> {
  const id = newId('whs');
  const sealed = sealer.seal(secret, ['endpoint_secrets', 'secret_sealed', id]);
  await trx('endpoint_secrets').insert({ id, endpoint_id: endpointId, secret_sealed: sealed, created_at: now });
}

/** Lets the secrets there are end at `expiresAt`, unless they end before; those that have ended are removed. */
export async function expireSecrets(trx: Db, endpointId: string, expiresAt: number, now: number): Promise<void> {
  await trx('endpoint_secrets')
    .where({ endpoint_id: endpointId })
    .where((either) => either.whereNull('expires_at').orWhere('expires_at', '>', expiresAt))
    .update({ expires_at: expiresAt });
  await trx('endpoint_secrets').where({ endpoint_id: endpointId }).where('expires_at', '<=', now).delete();
}

/** Ends all but the newest secrets of an endpoint now, so that signatures do not outgrow what receivers take. */
export async function keepNewestSecrets(trx: Db, endpointId: string, most: number): Promise<void> {
  const ids: string[] = await trx('endpoint_secrets')
    .where({ endpoint_id: endpointId })
    .orderBy('id', 'desc')
    .pluck('id');
  if (ids.length > most) await trx('endpoint_secrets').whereIn('id', ids.slice(most)).delete();
}

export interface EndpointSecret {
  endpointId: string;
  /** `whsec_…` */
  secret: string;
  expiresAt: number | null;
}

/** The secrets of endpoints, newest first. Whoever signs checks `expiresAt` at that moment. */
export async function readSecretsAcrossTenants(
  db: Db,
  sealer: Sealer,
  endpointIds: readonly string[],
): Promise<EndpointSecret[]> {
  const rows: { id: string; endpoint_id: string; secret_sealed: string; expires_at: number | null }[] = await db(
    'endpoint_secrets',
  )
    .whereIn('endpoint_id', endpointIds)
    .orderBy('id', 'desc');
  return rows.map(({ id, endpoint_id, secret_sealed, expires_at }) => ({
    endpointId: endpoint_id,
    secret: sealer.open(secret_sealed, ['endpoint_secrets', 'secret_sealed', id]),
    expiresAt: expires_at,
  }));
}
