// What people do with API keys: make one, roll one, revoke one. The key itself leaves here once, in the answer; what is
// written down are its id, its public part and what it may do.

import { parseApiKey } from '../tenants/api-key.ts';
import { createKey, type KeyRequest, revokeKey, rollKey } from '../tenants/manage-tenants.ts';
import { lockKeyAcrossTenants } from '../tenants/tenant-store.ts';
import { type ActDeps, auditAct, type By } from './audit-act.ts';

export interface KeyActDeps extends ActDeps {
  /** Pepper of the secrets' hashes. */
  apiKeyPepper: Buffer;
}

const publicPart = (key: string): string => `lango_${parseApiKey(key)!.mode}_${parseApiKey(key)!.publicId}`;

export function createKeyAs(deps: KeyActDeps, by: By, request: KeyRequest): Promise<{ id: string; key: string }> {
  return auditAct(deps, by, async (trx) => {
    const made = await createKey({ ...deps, db: trx }, request);
    const { tenantId, mode, name, scopes, allowedIps, expiresInDays } = request;
    const after = {
      name,
      mode,
      key: publicPart(made.key),
      scopes: scopes.length === 0 ? 'all' : scopes.join(' '),
      addresses: allowedIps.length === 0 ? 'any' : allowedIps.join(' '),
      expires_in_days: expiresInDays,
    };
    return { result: made, entry: { action: 'key.created', tenantId, target: made.id, after } };
  });
}

export interface Roll {
  overlapDays: number;
  expiresInDays: number | null;
  reason: string | null;
}

export function rollKeyAs(
  deps: KeyActDeps,
  by: By,
  keyId: string,
  { reason, ...roll }: Roll,
): Promise<{ id: string; key: string; oldExpiresAt: number }> {
  return auditAct(deps, by, async (trx) => {
    const old = await lockKeyAcrossTenants(trx, keyId);
    const result = await rollKey({ ...deps, db: trx }, keyId, roll);
    const before = { expires_at: isoOrNull(old!.expiresAt) };
    const after = { expires_at: isoOrNull(result.oldExpiresAt), new_id: result.id, new_key: publicPart(result.key) };
    return { result, entry: { action: 'key.rolled', tenantId: old!.tenantId, target: keyId, reason, before, after } };
  });
}

/** @param reason null on the command line, where none is asked for */
export function revokeKeyAs(
  deps: ActDeps,
  by: By,
  keyId: string,
  reason: string | null,
): Promise<{ id: string; revokedAt: number }> {
  return auditAct(deps, by, async (trx) => {
    const before = await lockKeyAcrossTenants(trx, keyId);
    const result = await revokeKey({ ...deps, db: trx }, keyId);
    if (before === undefined || before.revokedAt !== null) return { result, entry: null };
    const { tenantId, name, mode, publicId } = before;
    const after = { name, key: `lango_${mode}_${publicId}` };
    return { result, entry: { action: 'key.revoked', tenantId, target: keyId, reason, after } };
  });
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
