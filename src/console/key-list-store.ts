// SQL for the pages about keys: keys with the last use of each of their scopes.

import type { Db } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import { type ManagedKey, toManagedKey } from '../tenants/tenant-store.ts';

export interface ListedKey extends ManagedKey {
  /** When each scope was last used; those never used are not in it. */
  usedAt: ReadonlyMap<string, number>;
}

export interface KeyFilter {
  /** Null: all tenants. */
  tenantId: string | null;
  mode: Mode;
  /** Those that still work, or those that ended or were revoked. */
  isLasting: boolean;
  beforeId: string | null;
}

/** Newest first. */
export async function listKeys(db: Db, filter: KeyFilter, now: number, limit: number): Promise<ListedKey[]> {
  const { tenantId, mode, isLasting, beforeId } = filter;
  const query = db('api_keys').where({ mode }).orderBy('id', 'desc').limit(limit);
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  if (beforeId !== null) query.where('id', '<', beforeId);
  if (isLasting)
    query.whereNull('revoked_at').where((lasting) => lasting.whereNull('expires_at').orWhere('expires_at', '>', now));
  else query.where((ended) => ended.whereNotNull('revoked_at').orWhere('expires_at', '<=', now));
  return withUses(db, (await query).map(toManagedKey));
}

export async function findKey(db: Db, keyId: string): Promise<ListedKey | undefined> {
  const row = await db('api_keys').where({ id: keyId }).first();
  return row === undefined ? undefined : (await withUses(db, [toManagedKey(row)]))[0];
}

async function withUses(db: Db, keys: readonly ManagedKey[]): Promise<ListedKey[]> {
  if (keys.length === 0) return [];
  const uses: { key_id: string; scope: string; last_used_at: number }[] = await db('api_key_uses').whereIn(
    'key_id',
    keys.map(({ id }) => id),
  );
  return keys.map((key) => ({
    ...key,
    usedAt: new Map(uses.filter((use) => use.key_id === key.id).map((use) => [use.scope, use.last_used_at])),
  }));
}
