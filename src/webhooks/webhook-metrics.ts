// What is counted about webhooks. Labels have few values, all of them known here: no tenant, no endpoint, no id.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Db } from '../platform/database.ts';
import { type Backlog, readBacklogAcrossTenants } from './claim-store.ts';
import { countOpenBreakersAcrossTenants } from './endpoint-store.ts';

export interface WebhookMetrics {
  /** @param firstAttemptMs from the event to its first attempt; null for any later one */
  attempted(result: string, firstAttemptMs: number | null): void;
  fencedOut(): void;
  leasesExpired(count: number): void;
  /** What the sweep had to find by itself because no nudge told of it. */
  sweepFound(what: 'events' | 'deliveries', count: number): void;
}

const registryName = (name: string): string => `lango_webhook_${name}`;

export function createWebhookMetrics(registry: Registry, sources: { db: Db; now(): number }): WebhookMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: registryName('attempts_total'),
    help: 'Attempts by what they came to: delivered, or the class of the error',
    labelNames: ['result'] as const,
    registers,
  });
  const firstAttempt = new Histogram({
    name: registryName('first_attempt_seconds'),
    help: 'Time from an event to its first attempt',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const fenced = new Counter({
    name: registryName('fenced_writes_total'),
    help: 'Answers that came after the lease was given away and changed nothing',
    registers,
  });
  const expired = new Counter({
    name: registryName('leases_expired_total'),
    help: 'Deliveries taken back from a worker that was not heard of again',
    registers,
  });
  const found = new Counter({
    name: registryName('sweep_finds_total'),
    help: 'Work that the sweep found because no nudge told of it',
    labelNames: ['what'] as const,
    registers,
  });
  addBacklogGauges(registers, sources);
  return {
    attempted(result, firstAttemptMs) {
      attempts.inc({ result });
      if (firstAttemptMs !== null) firstAttempt.observe(firstAttemptMs / 1000);
    },
    fencedOut: () => fenced.inc(),
    leasesExpired: (count) => expired.inc(count),
    sweepFound: (what, count) => found.inc({ what }, count),
  };
}

/** Read when they are scraped; while the database is away they keep their last value. */
function addBacklogGauges(registers: Registry[], { db, now }: { db: Db; now(): number }): void {
  let reading: Promise<Backlog | null> | null = null;
  function readOnce(): Promise<Backlog | null> {
    reading ??= readBacklogAcrossTenants(db, now())
      .catch(() => null)
      .finally(() => {
        reading = null;
      });
    return reading;
  }
  new Gauge({
    name: registryName('backlog'),
    help: 'Deliveries that wait, by status',
    labelNames: ['status'] as const,
    registers,
    async collect() {
      const backlog = await readOnce();
      if (backlog === null) return;
      this.reset();
      for (const { status, count } of backlog.counts) this.set({ status }, count);
    },
  });
  new Gauge({
    name: registryName('oldest_due_seconds'),
    help: 'Age of the delivery that has been due the longest, by status; pending includes throttled ones',
    labelNames: ['status'] as const,
    registers,
    async collect() {
      const backlog = await readOnce();
      for (const { status, dueAt } of backlog?.oldestDueAt ?? [])
        this.set({ status }, dueAt === null ? 0 : Math.max(0, now() - dueAt) / 1000);
    },
  });
  new Gauge({
    name: registryName('breakers_open'),
    help: 'Endpoints left alone because they mostly fail',
    registers,
    async collect() {
      const open = await countOpenBreakersAcrossTenants(db).catch(() => null);
      if (open !== null) this.set(open);
    },
  });
}
