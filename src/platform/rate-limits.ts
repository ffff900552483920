// How often something may happen, for all processes together: requests of a key, queries of a credential pair. With
// Redis the count is Redis's; when Redis is away each process counts alone (promise 6) rather than refusing or waiting.
// What is asked for at the same moment is asked of Redis in one go and shared out in order, so that a busy key costs one
// round trip for many requests and still gets an exact count.

import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { createBatcher } from './batcher.ts';

export interface RateLimit {
  points: number;
  windowSeconds: number;
}

export interface RateDecision {
  allowed: boolean;
  remaining: number;
  /** Milliseconds until the window begins anew. */
  resetMs: number;
}

export interface RateLimiter {
  readonly limit: RateLimit;
  /** Takes one point of `key`, or as many as this time costs. */
  take(key: string, points?: number): Promise<RateDecision>;
}

const slowMs = 250;
const leftAloneMs = 5000;

interface Taking {
  key: string;
  points: number;
}

/** @param name separates this limiter's keys from those of others */
export function createRateLimiter(name: string, limit: RateLimit, redis: Redis | null, prefix: string): RateLimiter {
  const options = { points: limit.points, duration: limit.windowSeconds, keyPrefix: `${prefix}:rate:${name}` };
  const memory = new RateLimiterMemory(options);
  const limiter =
    redis === null
      ? memory
      : new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory, rejectIfRedisNotReady: true });

  let memoryUntil = 0;

  async function consume(key: string, points: number): Promise<RateLimiterRes> {
    const askedAt = Date.now();
    try {
      return await (askedAt < memoryUntil ? memory : limiter).consume(key, points);
    } catch (thrown) {
      if (thrown instanceof RateLimiterRes) return thrown;
      throw thrown;
    } finally {
      // A Redis that hangs is worse than none: for a while nobody waits for it.
      if (Date.now() - askedAt >= slowMs) memoryUntil = Date.now() + leftAloneMs;
    }
  }

  async function takeTogether(takings: readonly Taking[]): Promise<RateDecision[]> {
    const wanted = new Map<string, number>();
    for (const { key, points } of takings) wanted.set(key, (wanted.get(key) ?? 0) + points);
    const keys = [...wanted.keys()];
    const results = await Promise.all(keys.map((key) => consume(key, wanted.get(key)!)));
    const state = new Map(
      keys.map((key, index) => [
        key,
        { result: results[index]!, taken: results[index]!.consumedPoints - wanted.get(key)! },
      ]),
    );
    return takings.map(({ key, points }) => {
      const shared = state.get(key)!;
      shared.taken += points;
      const allowed = shared.taken <= limit.points;
      return {
        allowed,
        remaining: Math.max(0, limit.points - shared.taken),
        resetMs: Math.max(0, shared.result.msBeforeNext),
      };
    });
  }

  const batcher = createBatcher<Taking, RateDecision>(takeTogether, {
    maxSize: 256,
    maxInFlight: 64,
    failsTogether: () => true,
  });
  return { limit, take: (key, points = 1) => batcher.add({ key, points }) };
}
