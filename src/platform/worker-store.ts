// Heartbeats of the processes that do the work, so that readiness and the console can say whether anybody does it.

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Db } from './database.ts';
import { version } from './version.ts';

export interface Heartbeat {
  beat(): Promise<void>;
  /** This process works no more. */
  end(): Promise<void>;
}

const forgottenAfterMs = 24 * 3_600_000;

export function createHeartbeat(db: Db, now: () => number): Heartbeat {
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`.slice(-64);
  const startedAt = now();
  return {
    async beat() {
      const row = { id, host: hostname().slice(0, 120), version, started_at: startedAt, seen_at: now() };
      await db('workers').insert(row).onConflict('id').merge(['seen_at']);
      await db('workers')
        .where('seen_at', '<', now() - forgottenAfterMs)
        .delete();
    },
    async end() {
      await db('workers').where({ id }).delete();
    },
  };
}

export interface WorkerSeen {
  id: string;
  host: string;
  version: string;
  startedAt: number;
  seenAt: number;
}

/** Those heard of within a day, the latest first. */
export async function listWorkers(db: Db): Promise<WorkerSeen[]> {
  const rows: { id: string; host: string; version: string; started_at: number; seen_at: number }[] = await db('workers')
    .orderBy('seen_at', 'desc')
    .limit(200);
  return rows.map((row) => ({
    id: row.id,
    host: row.host,
    version: row.version,
    startedAt: row.started_at,
    seenAt: row.seen_at,
  }));
}

/** When any worker was last heard of; null when there is none. */
export async function lastBeatAt(db: Db): Promise<number | null> {
  const row = await db('workers').max({ seen: 'seen_at' }).first();
  return row?.seen ?? null;
}
