// Redis connections. Commands fail at once while Redis is away instead of piling up in memory, because everything here
// has another way (promise 6); the connection heals by itself.

import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';

export interface RedisConnections {
  /** For commands. */
  commands: Redis;
  /** For subscriptions and other blocking use. */
  subscriber: Redis;
  /** A further connection for Bull, which asks for these options. */
  createForBull(): Redis;
  /** Null when Redis answers, else what is wrong. */
  problem(): Promise<string | null>;
  close(): Promise<void>;
}

export function connectRedis(redisUrl: string, logger: Logger): RedisConnections {
  const opened: Redis[] = [];
  let saidAway = false;
  let isClosed = false;
  const open = (options: object): Redis => {
    const connection = new Redis(redisUrl, {
      retryStrategy: (times: number) => Math.min(100 * times, 2000),
      // Bull may still be starting when everything was closed: what it asks for then never connects.
      lazyConnect: isClosed,
      ...options,
    });
    if (isClosed) connection.disconnect();
    connection.on('error', (error: Error) => {
      if (!saidAway) logger.warn('redis.away', { detail: error.message });
      saidAway = true;
    });
    connection.on('ready', () => {
      if (saidAway) logger.info('redis.back');
      saidAway = false;
    });
    opened.push(connection);
    return connection;
  };
  const commands = open({
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    commandTimeout: 300,
  });
  const subscriber = open({ maxRetriesPerRequest: null });
  return {
    commands,
    subscriber,
    createForBull: () => open({ maxRetriesPerRequest: null, enableReadyCheck: false }),
    async problem() {
      try {
        await commands.ping();
        return null;
      } catch (thrown) {
        return thrown instanceof Error ? thrown.message : String(thrown);
      }
    },
    async close() {
      isClosed = true;
      for (const connection of opened) connection.disconnect();
    },
  };
}
