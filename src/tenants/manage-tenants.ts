// What an operator does for a tenant: make it, name it, enable or disable it, give it keys, roll one, take one back.
// A key's secret leaves this file once, in the answer; the database keeps a keyed hash.

import ipaddr from 'ipaddr.js';
import type { Db } from '../platform/database.ts';
import { AppError, type FieldError } from '../platform/errors.ts';
import { keyedHash } from '../platform/sealing.ts';
import { type Mode, makeApiKey } from './api-key.ts';
import { type Scope, scopes } from './scopes.ts';
import {
  findTenant,
  insertKey,
  insertTenant,
  lockKeyAcrossTenants,
  revokeKeyAcrossTenants,
  setKeyExpiryAcrossTenants,
  setTenantName,
  setTenantStatus,
} from './tenant-store.ts';

interface Deps {
  db: Db;
  now(): number;
  /** Pepper of the secrets' hashes. */
  apiKeyPepper: Buffer;
}

export async function createTenant(deps: Pick<Deps, 'db' | 'now'>, name: string): Promise<{ id: string }> {
  return { id: await insertTenant(deps.db, tenantName(name), deps.now()) };
}

/** Keys, shortcodes and payments stay as they are. @returns the name as it was stored */
export async function renameTenant(deps: Pick<Deps, 'db'>, tenantId: string, name: string): Promise<{ name: string }> {
  const stored = tenantName(name);
  await setTenantName(deps.db, tenantId, stored);
  return { name: stored };
}

function tenantName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 120) throw refused('name', 'A tenant needs a name of 1 to 120 characters.');
  return name;
}

/** A disabled tenant's keys answer 403 within a second; what is under way goes on and is settled. */
export async function changeTenantStatus(
  deps: Pick<Deps, 'db'>,
  tenantId: string,
  status: 'active' | 'disabled',
): Promise<{ id: string; status: string }> {
  if (!(await setTenantStatus(deps.db, tenantId, status))) throw refused('tenant', 'There is no tenant with this id.');
  return { id: tenantId, status };
}

export interface KeyRequest {
  tenantId: string;
  mode: Mode;
  name: string;
  /** Empty: all of them. */
  scopes: readonly string[];
  /** Addresses or CIDRs; empty: any. */
  allowedIps: readonly string[];
  expiresInDays: number | null;
}

/** @returns the key in full: the only time it can be read */
export async function createKey(deps: Deps, request: KeyRequest): Promise<{ id: string; key: string }> {
  const unknown = request.scopes.filter((scope) => !(scopes as readonly string[]).includes(scope));
  if (unknown.length > 0)
    throw refused('scopes', `There is no scope ${unknown.join(', ')}. The scopes are ${scopes.join(', ')}.`);
  const badIps = request.allowedIps.filter((ip) => !ipaddr.isValid(ip) && !ipaddr.isValidCIDR(ip));
  if (badIps.length > 0)
    throw refused('allow-ip', `${badIps.join(', ')} is neither an address nor a CIDR such as 10.0.0.0/8.`);
  if (request.name.trim() === '' || request.name.length > 120)
    throw refused('name', 'A key needs a name of 1 to 120 characters.');
  if (request.expiresInDays !== null && (request.expiresInDays < 1 || request.expiresInDays > 3650))
    throw refused('expires-in-days', 'A key lasts from 1 to 3650 days, or for ever when none are given.');
  if ((await findTenant(deps.db, request.tenantId)) === undefined)
    throw refused('tenant', 'There is no tenant with this id.');
  const made = makeApiKey(request.mode);
  const id = await insertKey(deps.db, {
    publicId: made.publicId,
    tenantId: request.tenantId,
    mode: request.mode,
    name: request.name.trim(),
    secretHash: keyedHash(deps.apiKeyPepper, made.secret),
    scopes: request.scopes.length === 0 ? scopes : (request.scopes as readonly Scope[]),
    allowedIps: request.allowedIps,
    expiresAt: request.expiresInDays === null ? null : deps.now() + request.expiresInDays * 86_400_000,
    createdAt: deps.now(),
  });
  return { id, key: made.key };
}

export const longestOverlapDays = 7;

/**
 * A new key with the tenant, mode, name, scopes and addresses of another, which goes on working for the overlap and then
 * ends. Run in a transaction: both or neither.
 * @returns the new key in full: the only time it can be read
 */
export async function rollKey(
  deps: Deps,
  keyId: string,
  { overlapDays, expiresInDays }: { overlapDays: number; expiresInDays: number | null },
): Promise<{ id: string; key: string; oldExpiresAt: number }> {
  if (!Number.isInteger(overlapDays) || overlapDays < 0 || overlapDays > longestOverlapDays)
    throw refused('overlap', `The old key may go on for 0 to ${longestOverlapDays} days.`);
  const old = await lockKeyAcrossTenants(deps.db, keyId);
  if (old === undefined) throw refused('id', 'There is no key with this id.');
  const now = deps.now();
  if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now))
    throw refused('id', 'This key has ended already. Make a new one instead.');
  const { tenantId, mode, name, scopes: itsScopes, allowedIps } = old;
  const made = await createKey(deps, { tenantId, mode, name, scopes: itsScopes, allowedIps, expiresInDays });
  const oldExpiresAt = Math.min(old.expiresAt ?? Number.MAX_SAFE_INTEGER, now + overlapDays * 86_400_000);
  await setKeyExpiryAcrossTenants(deps.db, keyId, oldExpiresAt);
  return { ...made, oldExpiresAt };
}

/** Every server refuses the key from a second later on: authentication keeps what it read for that long. */
export async function revokeKey(
  deps: Pick<Deps, 'db' | 'now'>,
  keyId: string,
): Promise<{ id: string; revokedAt: number }> {
  const revokedAt = await revokeKeyAcrossTenants(deps.db, keyId, deps.now());
  if (revokedAt === undefined) throw refused('id', 'There is no key with this id.');
  return { id: keyId, revokedAt };
}

function refused(parameter: string, detail: string): AppError {
  const error: FieldError = { parameter, code: 'wrong_format', detail };
  return new AppError('invalid_request', detail, { errors: [error] });
}
