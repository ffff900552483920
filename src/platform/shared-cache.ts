// What several processes may share for a while and lose at any moment (promise 6): Daraja's access token and the lock
// around fetching it. In one process it is a map; with Redis it is Redis. Losing it costs time, never money.

import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';

export interface SharedCache {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Takes a lock for at most `ttlMs`; a ticket to release it with, or undefined when somebody else holds it. */
  acquire(key: string, ttlMs: number): Promise<string | undefined>;
  release(key: string, ticket: string): Promise<void>;
}

export function createInProcessCache(clock: Clock): SharedCache {
  const entries = new Map<string, { value: string; expiresAt: number }>();
  const read = (key: string): string | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt > clock.now()) return entry?.value;
    entries.delete(key);
    return undefined;
  };
  return {
    get: async (key) => read(key),
    async set(key, value, ttlMs) {
      entries.set(key, { value, expiresAt: clock.now() + ttlMs });
    },
    async delete(key) {
      entries.delete(key);
    },
    async acquire(key, ttlMs) {
      if (read(key) !== undefined) return undefined;
      const ticket = randomBytes(12).toString('base64url');
      entries.set(key, { value: ticket, expiresAt: clock.now() + ttlMs });
      return ticket;
    },
    async release(key, ticket) {
      if (read(key) === ticket) entries.delete(key);
    },
  };
}

const releaseScript =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/** Throws while Redis is away; callers have another way. */
export function createRedisCache(redis: Redis, prefix: string): SharedCache {
  const name = (key: string): string => `${prefix}:cache:${key}`;
  return {
    get: async (key) => (await redis.get(name(key))) ?? undefined,
    async set(key, value, ttlMs) {
      await redis.set(name(key), value, 'PX', Math.ceil(ttlMs));
    },
    async delete(key) {
      await redis.del(name(key));
    },
    async acquire(key, ttlMs) {
      const ticket = randomBytes(12).toString('base64url');
      return (await redis.set(name(key), ticket, 'PX', Math.ceil(ttlMs), 'NX')) === 'OK' ? ticket : undefined;
    },
    async release(key, ticket) {
      await redis.eval(releaseScript, 1, name(key), ticket);
    },
  };
}
