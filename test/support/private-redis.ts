// A Redis of a test's own, to be wiped and cut off: nothing is kept, and it ends with the test.

import { Redis } from 'ioredis';
import { findOrInstall, type Kind, type Service, startPrivate } from './private-server.ts';

const kind: Kind = {
  name: 'Redis',
  variable: 'TEST_REDIS_URL',
  localUrl: 'redis://127.0.0.1:6379',
  packages: ['redis-server'],
  programs: ['redis-server', 'valkey-server'],
  urlAt: (port) => `redis://127.0.0.1:${port}`,
  async probe(url) {
    const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      await redis.connect();
      return `Redis ${/redis_version:(\S+)/.exec(await redis.info('server'))?.[1]}`;
    } finally {
      redis.disconnect();
    }
  },
  async prepare(_program, folder, port) {
    return ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  },
};

export async function startPrivateRedis(): Promise<Service> {
  return startPrivate(kind, await findOrInstall(kind, () => {}));
}
