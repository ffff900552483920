// The bus tells every process that something changed, so that a request that waits in one hears of a callback that came
// to another. It may lose messages: whoever waits also looks again by itself from time to time.

import type { Logger } from './logger.ts';
import type { RedisConnections } from './redis.ts';

export interface BusMessage {
  id: string;
  version: number;
}

export interface Bus {
  /** Never waits and never throws. */
  publish(messages: readonly BusMessage[]): void;
  /** Hears every message of every process; returns how to stop. */
  subscribe(hear: (message: BusMessage) => void): () => void;
}

export function createInProcessBus(): Bus {
  const listeners = new Set<(message: BusMessage) => void>();
  return {
    publish(messages) {
      for (const message of messages) for (const hear of listeners) hear(message);
    },
    subscribe(hear) {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
}

export function createRedisBus(redis: RedisConnections, prefix: string, logger: Logger): Bus {
  const local = createInProcessBus();
  const channel = `${prefix}:bus`;
  redis.subscriber.on('message', (_channel: string, text: string) => {
    try {
      local.publish(JSON.parse(text) as BusMessage[]);
    } catch (thrown) {
      logger.warn('bus.unreadable_message', { error: thrown });
    }
  });
  redis.subscriber
    .subscribe(channel)
    .catch((error: Error) => logger.debug('bus.subscribe_failed', { detail: error.message }));
  return {
    publish(messages) {
      // While Redis is away at least the waiters of this process hear it.
      if (redis.commands.status !== 'ready') return local.publish(messages);
      redis.commands.publish(channel, JSON.stringify(messages)).catch(() => local.publish(messages));
    },
    subscribe: local.subscribe,
  };
}
