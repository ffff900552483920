// What is counted about C2B and Pull. Labels have few values, all of them known here: no tenant, no shortcode.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PullAnswer } from '../mpesa/pull-transactions.ts';
import type { TakenConfirmation } from '../mpesa/take-c2b.ts';
import type { Db } from '../platform/database.ts';
import { countPullProblemsAcrossTenants } from './feed-store.ts';

export interface FeedMetrics {
  confirmationTaken(result: TakenConfirmation, durationMs: number): void;
  validated(): void;
  pullPage(outcome: PullAnswer['outcome'], newLines: number): void;
}

const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];

export function createFeedMetrics(registry: Registry, db: Db): FeedMetrics {
  const registers = [registry];
  const confirmations = new Histogram({
    name: 'lango_c2b_confirmation_seconds',
    help: 'Time to take a C2B confirmation, by result',
    labelNames: ['result'] as const,
    buckets: latencyBuckets,
    registers,
  });
  const validations = new Counter({
    name: 'lango_c2b_validations_total',
    help: 'C2B validations that were answered',
    registers,
  });
  const pages = new Counter({
    name: 'lango_pull_pages_total',
    help: 'Pages of Pull Transactions that were asked for, by what came',
    labelNames: ['outcome'] as const,
    registers,
  });
  const lines = new Counter({
    name: 'lango_pull_lines_total',
    help: 'Lines that pulling added',
    registers,
  });
  new Gauge({
    name: 'lango_pull_problems',
    help: 'Shortcodes whose pulling does not come to its end',
    registers,
    async collect() {
      const count = await countPullProblemsAcrossTenants(db).catch(() => null);
      if (count !== null) this.set(count);
    },
  });
  return {
    confirmationTaken: (result, durationMs) => confirmations.observe({ result }, durationMs / 1000),
    validated: () => validations.inc(),
    pullPage(outcome, newLines) {
      pages.inc({ outcome });
      if (newLines > 0) lines.inc(newLines);
    },
  };
}
