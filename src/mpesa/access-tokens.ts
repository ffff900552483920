// One access token per pair of consumer key and secret, for all processes: Safaricom voids the old token whenever a new
// one is made (daraja.md section 1). So it is fetched by one of all who need it, shared sealed through the cache,
// renewed early, and dropped only by whoever was refused with that very token. Without the cache, or with a cache that
// does not answer, each process fetches for itself: that costs time, never a payment.

import type { Exchange } from '../payments/payment-provider.ts';
import type { Clock } from '../platform/clock.ts';
import type { SealContext, Sealer } from '../platform/sealing.ts';
import type { SharedCache } from '../platform/shared-cache.ts';
import type { TokenAnswer } from './daraja-answers.ts';
import type { ShortcodeCredentials } from './daraja-client.ts';

export type TokenResult =
  /** `fresh`: fetched just now, so that a refusal is no longer explained by somebody else's newer token. */
  { ok: true; token: string; fresh: boolean } | TokenFailure;

export interface TokenFailure {
  ok: false;
  /** `credentials_refused`: OAuth said no. `unreachable`: no clear answer (network, firewall, outage). */
  kind: 'credentials_refused' | 'unreachable';
  detail: string;
  retryAfterMs: number | null;
  exchange: Exchange;
}

export interface AccessTokens {
  /** A token that was valid when last heard of: from memory, from the cache, or fetched. */
  get(credentials: ShortcodeCredentials): Promise<TokenResult>;
  /** Asks OAuth in any case, for a check of the credentials. A success is kept and shared. */
  refresh(credentials: ShortcodeCredentials): Promise<TokenResult>;
  /** Forgets this token, here and in the cache, unless another has taken its place already. */
  drop(credentialId: string, token: string): Promise<void>;
}

export interface AccessTokenDeps {
  clock: Clock;
  cache: SharedCache;
  sealer: Sealer;
  fetchToken(credentials: ShortcodeCredentials): Promise<TokenAnswer>;
}

interface KeptToken {
  token: string;
  /** Epoch milliseconds; some minutes before Safaricom's own end of it. */
  usableUntil: number;
}

const renewEarlyMs = 180_000;
const lockTtlMs = 20_000;
const lockPatienceMs = 3_000;
const pollEveryMs = 100;
/** A cache that answers later than this is as good as away. */
const cachePatienceMs = 1_000;

export function createAccessTokens(deps: AccessTokenDeps): AccessTokens {
  const { clock } = deps;
  const kept = createKeptTokens(deps);
  const flights = new Map<string, Promise<TokenResult>>();

  async function fetchAndKeep(credentials: ShortcodeCredentials): Promise<TokenResult> {
    const answer = await deps.fetchToken(credentials);
    if (answer.outcome !== 'token') return failureOf(answer);
    await kept.keep(credentials.credentialId, answer.token, answer.lifetimeMs);
    return { ok: true, token: answer.token, fresh: true };
  }

  /** From the cache, or by fetching, or by waiting a little for the process that is fetching. */
  async function obtain(credentials: ShortcodeCredentials): Promise<TokenResult> {
    const { credentialId } = credentials;
    const patienceEndsAt = clock.now() + lockPatienceMs;
    for (;;) {
      const found = await kept.findShared(credentialId);
      if (found !== undefined) return known(found);
      const lock = await kept.lock(credentialId);
      if (lock === 'away') return fetchAndKeep(credentials);
      if (lock !== 'held') {
        try {
          const justMade = await kept.findShared(credentialId);
          return justMade === undefined ? await fetchAndKeep(credentials) : known(justMade);
        } finally {
          await kept.unlock(credentialId, lock.ticket);
        }
      }
      if (clock.now() >= patienceEndsAt) return fetchAndKeep(credentials);
      await new Promise<void>((resolve) => void clock.after(pollEveryMs, resolve));
    }
  }

  function obtainOnce(credentials: ShortcodeCredentials): Promise<TokenResult> {
    const { credentialId } = credentials;
    const underWay = flights.get(credentialId);
    if (underWay !== undefined) return underWay;
    const flight = obtain(credentials).finally(() => flights.delete(credentialId));
    flights.set(credentialId, flight);
    return flight;
  }

  return {
    async get(credentials) {
      const token = kept.find(credentials.credentialId);
      if (token !== undefined) return known(token);
      const result = await obtainOnce(credentials);
      // The flight may have read the cache before this very token was dropped.
      const isStale = result.ok && !result.fresh && kept.wasDropped(credentials.credentialId, result.token);
      return isStale ? obtainOnce(credentials) : result;
    },
    refresh: fetchAndKeep,
    drop: kept.drop,
  };
}

function known(token: string): TokenResult {
  return { ok: true, token, fresh: false };
}

function failureOf(answer: Exclude<TokenAnswer, { outcome: 'token' }>): TokenFailure {
  const { detail, exchange } = answer;
  switch (answer.outcome) {
    case 'credentialsRefused':
      return { ok: false, kind: 'credentials_refused', detail, retryAfterMs: null, exchange };
    case 'unreachable':
      return { ok: false, kind: 'unreachable', detail, retryAfterMs: answer.retryAfterMs, exchange };
    default:
      return answer satisfies never;
  }
}

/** The tokens this process knows, in front of those in the cache. */
function createKeptTokens(deps: AccessTokenDeps) {
  const { clock } = deps;
  const shared = createSharedTokens(deps);
  const memory = new Map<string, KeptToken>();
  /** The token each pair was last refused with: never taken from the cache again, even if deleting it there failed. */
  const dropped = new Map<string, string>();
  const wasDropped = (credentialId: string, token: string): boolean => dropped.get(credentialId) === token;

  return {
    lock: shared.lock,
    unlock: shared.unlock,
    wasDropped,
    find(credentialId: string): string | undefined {
      const kept = memory.get(credentialId);
      return kept !== undefined && kept.usableUntil > clock.now() ? kept.token : undefined;
    },
    async findShared(credentialId: string): Promise<string | undefined> {
      const kept = await shared.read(credentialId);
      if (kept === undefined || kept.usableUntil <= clock.now() || wasDropped(credentialId, kept.token))
        return undefined;
      memory.set(credentialId, kept);
      return kept.token;
    },
    /** Just fetched: OAuth may give the same text again that was dropped before. */
    async keep(credentialId: string, token: string, lifetimeMs: number): Promise<void> {
      const kept = { token, usableUntil: clock.now() + lifetimeMs - Math.min(renewEarlyMs, lifetimeMs / 2) };
      memory.set(credentialId, kept);
      dropped.delete(credentialId);
      await shared.write(credentialId, kept);
    },
    async drop(credentialId: string, token: string): Promise<void> {
      if (memory.get(credentialId)?.token === token) memory.delete(credentialId);
      dropped.set(credentialId, token);
      await shared.remove(credentialId, token);
    },
  };
}

/** The tokens in the cache. Nothing here throws: what the cache cannot do now is as if it were empty. */
function createSharedTokens({ clock, cache, sealer }: AccessTokenDeps) {
  const nameOf = (credentialId: string): string => `daraja-token:${credentialId}`;
  const lockNameOf = (credentialId: string): string => `daraja-token-lock:${credentialId}`;
  const contextOf = (credentialId: string): SealContext => ['cache', 'token', credentialId];

  /** The cache's answer, or undefined when it throws or hangs. */
  function ask<T>(operation: Promise<T>): Promise<{ value: T } | undefined> {
    return new Promise((resolve) => {
      const cancel = clock.after(cachePatienceMs, () => resolve(undefined));
      operation
        .then((value) => resolve({ value }))
        .catch(() => resolve(undefined))
        .finally(cancel);
    });
  }

  async function read(credentialId: string): Promise<KeptToken | undefined> {
    const box = (await ask(cache.get(nameOf(credentialId))))?.value;
    if (box === undefined) return undefined;
    try {
      const kept = JSON.parse(sealer.open(box, contextOf(credentialId))) as KeptToken;
      return typeof kept.token === 'string' && typeof kept.usableUntil === 'number' ? kept : undefined;
    } catch {
      return undefined; // Sealed by a key that has left the ring, or damaged: the next fetch replaces it.
    }
  }

  return {
    read,
    async write(credentialId: string, kept: KeptToken): Promise<void> {
      const box = sealer.seal(JSON.stringify(kept), contextOf(credentialId));
      const ttlMs = kept.usableUntil - clock.now();
      if (ttlMs >= 1) await ask(cache.set(nameOf(credentialId), box, ttlMs));
    },
    async remove(credentialId: string, token: string): Promise<void> {
      if ((await read(credentialId))?.token === token) await ask(cache.delete(nameOf(credentialId)));
    },
    /** The ticket of the lock around fetching, `held` by another process, or `away`: there is no lock to be had. */
    async lock(credentialId: string): Promise<{ ticket: string } | 'held' | 'away'> {
      const answer = await ask(cache.acquire(lockNameOf(credentialId), lockTtlMs));
      if (answer === undefined) return 'away';
      return answer.value === undefined ? 'held' : { ticket: answer.value };
    },
    async unlock(credentialId: string, ticket: string): Promise<void> {
      await ask(cache.release(lockNameOf(credentialId), ticket));
    },
  };
}
