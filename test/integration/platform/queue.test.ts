// A queue closed at any moment of its start leaves no rejection behind that nobody hears: one would end the process.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { connectSharedServices } from '../../../src/platform/shared-services.ts';
import { isProductionProfile } from '../../support/build-gateway.ts';

if (isProductionProfile)
  describe('a queue', () => {
    it('may be closed while it starts', async () => {
      const unheard: unknown[] = [];
      const hear = (reason: unknown): number => unheard.push(reason);
      const own = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection').on('unhandledRejection', hear);
      for (let round = 0; round < 24; round += 1) {
        const prefix = `${process.env.TEST_REDIS_PREFIX ?? 'lango_test'}:queue:${process.pid}:${round}`;
        const redisUrl = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';
        const services = connectSharedServices(redisUrl, prefix, systemClock, silentLogger);
        services.queue.work('push', () => undefined);
        await sleep(round % 8);
        services.queue.nudge('push', ['pay_1']);
        await services.queue.close();
        await services.close();
      }
      await sleep(50);
      process.removeAllListeners('unhandledRejection');
      for (const listener of own) process.on('unhandledRejection', listener);
      expect(unheard).to.deep.equal([]);
    });
  });
