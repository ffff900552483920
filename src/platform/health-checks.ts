// What a process needs in order to serve: the database, its schema, Redis where it is used, and a worker somewhere.

import { type Db, pingDatabase } from './database.ts';
import type { HealthCheck } from './health-routes.ts';
import { pendingMigrations } from './migrate.ts';
import { lastBeatAt } from './worker-store.ts';

interface Deps {
  db: Db;
  now(): number;
  redisProblem: (() => Promise<string | null>) | null;
}

const deadAfterMs = 30_000;

export function createHealthChecks({ db, now, redisProblem }: Deps): HealthCheck[] {
  return [
    { name: 'database', problem: () => pingDatabase(db) },
    {
      name: 'migrations',
      async problem() {
        const pending = await pendingMigrations(db);
        return pending.length === 0 ? null : `run \`lango migrate\`: ${pending.join(', ')}`;
      },
    },
    {
      name: 'workers',
      async problem() {
        const seenAt = await lastBeatAt(db);
        const isAlive = seenAt !== null && now() - seenAt < deadAfterMs;
        return isAlive ? null : 'no worker is alive: start a process with the role `worker`';
      },
    },
    ...(redisProblem === null ? [] : [{ name: 'redis', problem: redisProblem }]),
  ];
}
