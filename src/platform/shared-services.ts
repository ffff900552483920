// What processes share: the bus, the cache, the queue and the counters. In this process when it is alone, in Redis when
// it is not.

import type { Redis } from 'ioredis';
import { type Bus, createInProcessBus, createRedisBus } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { createBullQueue, createInProcessQueue, type Queue } from './queue.ts';
import { createRateLimiter, type RateLimit, type RateLimiter } from './rate-limits.ts';
import { connectRedis, type RedisConnections } from './redis.ts';
import { createInProcessCache, createRedisCache, type SharedCache } from './shared-cache.ts';

export interface SharedServices {
  bus: Bus;
  cache: SharedCache;
  queue: Queue;
  limiter(name: string, limit: RateLimit): RateLimiter;
  /** Null where there is none. */
  redis: RedisConnections | null;
  /** Null where there is no Redis to have a problem with. */
  redisProblem: (() => Promise<string | null>) | null;
  /** Closes the connections; the queue is closed by whoever works on it. */
  close(): Promise<void>;
}

export function connectSharedServices(
  redisUrl: string | null,
  prefix: string,
  clock: Clock,
  logger: Logger,
): SharedServices {
  const limiter =
    (redis: Redis | null) =>
    (name: string, limit: RateLimit): RateLimiter =>
      createRateLimiter(name, limit, redis, prefix);
  if (redisUrl === null) {
    return {
      bus: createInProcessBus(),
      cache: createInProcessCache(clock),
      queue: createInProcessQueue(),
      limiter: limiter(null),
      redis: null,
      redisProblem: null,
      close: async () => {},
    };
  }
  const redis = connectRedis(redisUrl, logger);
  return {
    bus: createRedisBus(redis, prefix, logger),
    cache: createRedisCache(redis.commands, prefix),
    queue: createBullQueue(redis, prefix, logger),
    limiter: limiter(redis.commands),
    redis,
    redisProblem: redis.problem,
    close: redis.close,
  };
}
