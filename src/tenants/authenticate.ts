// Who is calling. A key is checked by its form, its row (from the cache), a keyed hash compared in constant time, its
// end, its addresses and its tenant; then its rate; then its scope. All that is wrong with the key itself gets the
// same 401, so that an answer tells nobody which part was right.

import type Koa from 'koa';
import { type AddressList, clientAddress, createAddressList } from '../platform/addresses.ts';
import { AppError } from '../platform/errors.ts';
import type { RateLimiter } from '../platform/rate-limits.ts';
import { keyedHash, sameSecret } from '../platform/sealing.ts';
import { type Mode, parseApiKey } from './api-key.ts';
import type { KeyCache } from './key-cache.ts';
import type { Scope } from './scopes.ts';
import type { StoredKey } from './tenant-store.ts';

/** The tenant and mode a request acts for; in `ctx.state.caller` behind {@link createAuthenticate}. */
export interface Caller {
  tenantId: string;
  tenantName: string;
  mode: Mode;
  keyId: string;
  keyName: string;
  scopes: readonly Scope[];
  keyExpiresAt: number | null;
}

export type CallerState = { caller: Caller };

interface Deps {
  now(): number;
  keys: KeyCache;
  apiKeyPepper: Buffer;
  limiter: RateLimiter;
  trustedProxies: AddressList;
}

/** Makes `authenticate(scope)`, the first middleware of every API route; null asks for a valid key only. */
export function createAuthenticate(deps: Deps): (scope: Scope | null) => Koa.Middleware {
  const { points, windowSeconds } = deps.limiter.limit;
  const policy = `"default";q=${points};w=${windowSeconds}`;
  return (scope) => async (ctx, next) => {
    const key = await verifyKey(deps, ctx.get('Authorization'));
    checkAddress(deps, key, ctx);
    if (key.tenantDisabled)
      throw new AppError('tenant_disabled', 'This tenant is disabled. Ask the operator of this gateway.');
    const rate = await deps.limiter.take(key.id);
    ctx.set('RateLimit-Policy', policy);
    ctx.set('RateLimit', `"default";r=${rate.remaining};t=${Math.ceil(rate.resetMs / 1000)}`);
    if (!rate.allowed) {
      const retryAfterSeconds = Math.max(1, Math.ceil(rate.resetMs / 1000));
      throw new AppError(
        'rate_limited',
        `This key may send ${points} requests in ${windowSeconds} s. Wait ${retryAfterSeconds} s and send the same request again.`,
        { retryable: true, retryAfterSeconds },
      );
    }
    if (scope !== null) {
      if (!key.scopes.includes(scope))
        throw new AppError('scope_missing', `This key lacks the scope ${scope}. Use a key that has it.`);
      deps.keys.noteUse(key.id, scope);
    }
    ctx.state.caller = {
      tenantId: key.tenantId,
      tenantName: key.tenantName,
      mode: key.mode,
      keyId: key.id,
      keyName: key.name,
      scopes: key.scopes,
      keyExpiresAt: key.expiresAt,
    };
    return next();
  };
}

async function verifyKey(deps: Deps, authorization: string): Promise<StoredKey> {
  const parts = parseApiKey(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
  const key = parts === undefined ? undefined : await deps.keys.find(parts.publicId);
  if (parts === undefined || key === undefined) throw keyRefused();
  const isRight = sameSecret(keyedHash(deps.apiKeyPepper, parts.secret), key.secretHash) && parts.mode === key.mode;
  if (!isRight || key.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= deps.now())) throw keyRefused();
  return key;
}

function keyRefused(): AppError {
  return new AppError('unauthenticated', 'Send a valid API key as Authorization: Bearer lango_….');
}

function checkAddress(deps: Deps, key: StoredKey, ctx: Koa.Context): void {
  if (key.allowedIps.length === 0) return;
  if (createAddressList(key.allowedIps).includes(clientAddress(ctx.req, deps.trustedProxies))) return;
  throw new AppError(
    'address_refused',
    'This key may not be used from this address. Call from an address on its list.',
  );
}
