// What is counted about payments. Labels have few values, all of them known here: no tenant, no shortcode, no id.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Db } from '../platform/database.ts';
import { countLive } from './payment-store.ts';
import type { Settled } from './settle-payments.ts';

export interface PaymentMetrics {
  created(count: number): void;
  settled(change: Settled): void;
  pushAnswered(outcome: string, durationMs: number): void;
  callbackTaken(result: string, durationMs: number): void;
  forgedToken(): void;
}

const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];

interface Sources {
  db: Db;
  now(): number;
  spoolDepth(): Promise<number>;
  breakersOpen(): number;
}

export function createPaymentMetrics(registry: Registry, sources: Sources): PaymentMetrics {
  const registers = [registry];
  const payments = new Counter({
    name: 'lango_payments_total',
    help: 'Payments by the status they came to and why',
    labelNames: ['status', 'failure_code'] as const,
    registers,
  });
  const evidence = new Counter({
    name: 'lango_evidence_total',
    help: 'Evidence by source and verdict',
    labelNames: ['source', 'verdict'] as const,
    registers,
  });
  const pushes = new Histogram({
    name: 'lango_push_seconds',
    help: 'Time of a push to Daraja, by outcome',
    labelNames: ['outcome'] as const,
    buckets: latencyBuckets,
    registers,
  });
  const callbacks = new Histogram({
    name: 'lango_callback_seconds',
    help: 'Time to take a callback, by result',
    labelNames: ['result'] as const,
    buckets: latencyBuckets,
    registers,
  });
  const forged = new Counter({
    name: 'lango_callback_forged_tokens_total',
    help: 'Callbacks whose path was not ours',
    registers,
  });
  addLiveGauges(registers, sources);
  new Gauge({
    name: 'lango_callback_spool_depth',
    help: 'Callbacks on the disk that the database has not taken yet',
    registers,
    async collect() {
      this.set(await sources.spoolDepth());
    },
  });
  new Gauge({
    name: 'lango_breakers_open',
    help: 'Shortcodes whose pushes are held back because Daraja does not answer',
    registers,
    collect() {
      this.set(sources.breakersOpen());
    },
  });
  return {
    created: (count) => payments.inc({ status: 'queued', failure_code: '' }, count),
    settled({ payment, from, to, source, verdict }) {
      if (from !== to) payments.inc({ status: to, failure_code: payment.failureCode ?? '' });
      evidence.inc({ source, verdict });
    },
    pushAnswered: (outcome, durationMs) => pushes.observe({ outcome }, durationMs / 1000),
    callbackTaken: (result, durationMs) => callbacks.observe({ result }, durationMs / 1000),
    forgedToken: () => forged.inc(),
  };
}

/** Each gauge fetches its own value when it is read: one that another's `collect` sets is a scrape behind. */
function addLiveGauges(registers: Registry[], sources: Pick<Sources, 'db' | 'now'>): void {
  let counting: ReturnType<typeof countLive> | null = null;
  function countOnce(): ReturnType<typeof countLive> {
    counting ??= countLive(sources.db).finally(() => {
      counting = null;
    });
    return counting;
  }
  new Gauge({
    name: 'lango_payments_in_flight',
    help: 'Payments by state that have no result yet',
    labelNames: ['status'] as const,
    registers,
    async collect() {
      const counted = await countOnce().catch(() => null);
      if (counted === null) return;
      this.reset();
      for (const { status, count } of counted.byStatus) this.set({ status }, count);
    },
  });
  new Gauge({
    name: 'lango_payment_oldest_unknown_seconds',
    help: 'Age of the oldest payment in unknown',
    registers,
    async collect() {
      const counted = await countOnce().catch(() => null);
      if (counted === null) return;
      const since = counted.oldestUnknownAt ?? sources.now();
      this.set(Math.max(0, (sources.now() - since) / 1000));
    },
  });
}
