// SQL for tenants and their API keys. The look-up of a key crosses tenants by nature: the key is what says whose it is.

import { type Db, forUpdate, insertIgnoringDuplicates } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { Mode } from './api-key.ts';
import type { Scope } from './scopes.ts';

export interface Tenant {
  id: string;
  name: string;
  status: 'active' | 'disabled';
}

/** A key with its tenant, as authentication needs them. Times in milliseconds since the epoch. */
export interface StoredKey {
  id: string;
  tenantId: string;
  tenantName: string;
  tenantDisabled: boolean;
  mode: Mode;
  name: string;
  secretHash: string;
  scopes: readonly Scope[];
  allowedIps: readonly string[];
  expiresAt: number | null;
  revokedAt: number | null;
}

export interface NewKey {
  publicId: string;
  tenantId: string;
  mode: Mode;
  name: string;
  secretHash: string;
  scopes: readonly Scope[];
  allowedIps: readonly string[];
  expiresAt: number | null;
  createdAt: number;
}

export async function insertTenant(db: Db, name: string, createdAt: number): Promise<string> {
  const id = newId('ten');
  await db('tenants').insert({ id, name, status: 'active', created_at: createdAt });
  return id;
}

export async function findTenant(db: Db, tenantId: string): Promise<Tenant | undefined> {
  return db('tenants').select('id', 'name', 'status').where({ id: tenantId }).first();
}

/** Held until the transaction ends, so that what was before is what is changed. */
export async function lockTenant(trx: Db, tenantId: string): Promise<Tenant | undefined> {
  return forUpdate(trx('tenants').select('id', 'name', 'status').where({ id: tenantId }), trx).first();
}

export async function setTenantName(db: Db, tenantId: string, name: string): Promise<void> {
  await db('tenants').where({ id: tenantId }).update({ name });
}

/** All tenants by name: a small table, read for every page of the console. */
export async function listTenantNames(db: Db): Promise<{ id: string; name: string }[]> {
  return db('tenants').select('id', 'name').orderBy('name').limit(5000);
}

export async function setTenantStatus(db: Db, tenantId: string, status: Tenant['status']): Promise<boolean> {
  return (await db('tenants').where({ id: tenantId }).update({ status })) === 1;
}

export async function insertKey(db: Db, key: NewKey): Promise<string> {
  const id = newId('key');
  await db('api_keys').insert({
    id,
    public_id: key.publicId,
    tenant_id: key.tenantId,
    mode: key.mode,
    name: key.name,
    secret_hash: key.secretHash,
    scopes: JSON.stringify(key.scopes),
    allowed_ips: JSON.stringify(key.allowedIps),
    expires_at: key.expiresAt,
    created_at: key.createdAt,
  });
  return id;
}

export async function findKeyAcrossTenants(db: Db, publicId: string): Promise<StoredKey | undefined> {
  const row = await db('api_keys')
    .join('tenants', 'tenants.id', 'api_keys.tenant_id')
    .where('api_keys.public_id', publicId)
    .first('api_keys.*', 'tenants.name as tenant_name', 'tenants.status as tenant_status');
  if (row === undefined) return undefined;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    tenantName: row.tenant_name,
    tenantDisabled: row.tenant_status !== 'active',
    mode: row.mode,
    name: row.name,
    secretHash: row.secret_hash,
    scopes: JSON.parse(row.scopes),
    allowedIps: JSON.parse(row.allowed_ips),
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}

/** A key as it is managed: what it may do and until when, never its hash. */
export type ManagedKey = Omit<StoredKey, 'tenantName' | 'tenantDisabled' | 'secretHash'> & {
  publicId: string;
  createdAt: number;
};

/** Held until the transaction ends. */
export async function lockKeyAcrossTenants(trx: Db, keyId: string): Promise<ManagedKey | undefined> {
  const row = await forUpdate(trx('api_keys').where({ id: keyId }), trx).first();
  return row === undefined ? undefined : toManagedKey(row);
}

// biome-ignore lint/suspicious/noExplicitAny: a row as knex gives it; this function is what types it
export function toManagedKey(row: any): ManagedKey {
  return {
    id: row.id,
    publicId: row.public_id,
    tenantId: row.tenant_id,
    mode: row.mode,
    name: row.name,
    scopes: JSON.parse(row.scopes),
    allowedIps: JSON.parse(row.allowed_ips),
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    createdAt: row.created_at,
  };
}

export async function setKeyExpiryAcrossTenants(trx: Db, keyId: string, expiresAt: number): Promise<void> {
  await trx('api_keys').where({ id: keyId }).update({ expires_at: expiresAt });
}

/** Revokes once; a second time keeps the first time. The time it was revoked, or undefined when there is no such key. */
export async function revokeKeyAcrossTenants(db: Db, keyId: string, at: number): Promise<number | undefined> {
  await db('api_keys').where({ id: keyId }).whereNull('revoked_at').update({ revoked_at: at });
  const row = await db('api_keys').where({ id: keyId }).first('revoked_at');
  return row?.revoked_at;
}

/** Notes the last use of each scope of each key; never moves a time back. */
export async function saveKeyUses(
  db: Db,
  uses: readonly { keyId: string; scope: string; lastUsedAt: number }[],
): Promise<void> {
  for (const { keyId, scope, lastUsedAt } of uses) {
    const use = { key_id: keyId, scope };
    const isFirst = (await insertIgnoringDuplicates(db, 'api_key_uses', [{ ...use, last_used_at: lastUsedAt }])) === 1;
    if (isFirst) continue;
    await db('api_key_uses').where(use).where('last_used_at', '<', lastUsedAt).update({ last_used_at: lastUsedAt });
  }
}
