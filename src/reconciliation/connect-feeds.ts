// The live sources of lines, joined: C2B confirmations as they are heard, and Pull as it is asked for. New lines nudge
// matching, which also finds them by itself.

import type { Registry } from 'prom-client';
import type { CallbackParts } from '../mpesa/connect-callbacks.ts';
import type { Daraja } from '../mpesa/daraja.ts';
import type { Environment } from '../mpesa/shortcode-store.ts';
import { messageOf } from '../platform/errors.ts';
import type { Queue } from '../platform/queue.ts';
import type { RateLimit, RateLimiter } from '../platform/rate-limits.ts';
import { createFeedMetrics } from './feed-metrics.ts';
import { saveLastHeard } from './feed-store.ts';
import { hearC2b } from './hear-c2b.ts';
import { nairobiDay } from './line.ts';
import { type MatchDeps, matchDueLines, matchLinesOf } from './match-lines.ts';
import { dayAfter } from './nairobi-days.ts';
import { createPullWorker, type PullWorker } from './pull-worker.ts';
import { reconcileDay } from './reconcile-day.ts';

export interface FeedParts extends MatchDeps {
  queue: Queue;
  registry: Registry;
  daraja: Daraja;
  limiter(name: string, limit: RateLimit): RateLimiter;
  leaseMs: number;
}

export interface FeedSettings {
  darajaUrls: Readonly<Record<Environment, string>>;
  queryRatePerCredential: Readonly<Record<Environment, RateLimit>>;
}

export interface Feeds {
  /** What callbacks need to hear confirmations. */
  c2b: CallbackParts['c2b'];
  pulls: PullWorker;
  /** Matches what is due; how many lines were looked at. */
  matchDue(): Promise<number>;
  /** Takes nudges. */
  work(): void;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const linesLane = 'lines';

export function connectFeeds(parts: FeedParts, settings: FeedSettings): Feeds {
  const { db, logger, now, queue, limiter } = parts;
  const { queryRatePerCredential: rates } = settings;
  const metrics = createFeedMetrics(parts.registry, db);
  const hearing = { ...parts, nudge: (lineIds: readonly string[]) => queue.nudge(linesLane, lineIds) };
  const matchDue = (): Promise<number> => matchDueLines(parts);
  const budget = (environment: Environment): RateLimiter => limiter('pull', pullRate(rates[environment]));
  const pulls = createPullWorker({
    ...parts,
    darajaUrls: settings.darajaUrls,
    pullBudgets: { simulator: budget('simulator'), sandbox: budget('sandbox'), production: budget('production') },
    onPage(outcome, newLines) {
      metrics.pullPage(outcome, newLines);
      if (newLines > 0) soon('lines.not_matched', matchDue);
    },
    onCovered({ shortcodeId, fromAt, toAt, reach }) {
      // The newest hour has nothing that could be missing yet.
      if (reach !== 'quarter') soon('day.not_reconciled', () => reconcileDays(parts, shortcodeId, fromAt, toAt));
    },
  });
  const underWay = new Set<Promise<void>>();
  let lastHeardAt = new Map<string, number>();
  let isStopped = false;

  /** Whatever fails here is found again by matching's own sweep, or by the next night. */
  function soon(failure: string, work: () => Promise<unknown>): void {
    if (isStopped) return;
    const doing: Promise<void> = work()
      .then(() => undefined)
      .catch((thrown: unknown) => logger.warn(failure, { detail: messageOf(thrown) }))
      .finally(() => underWay.delete(doing));
    underWay.add(doing);
  }

  return {
    c2b: {
      hear: (arrived, isAllowed) => hearC2b(hearing, arrived, isAllowed),
      onTaken(result, { shortcodeId, requestId, arrivedAt }) {
        const durationMs = now() - arrivedAt;
        metrics.confirmationTaken(result, durationMs);
        if (result === 'kept' || result === 'stray') lastHeardAt.set(shortcodeId, now());
        const told = { request_id: requestId, shortcode_id: shortcodeId, result, duration_ms: durationMs };
        logger.info('c2b.taken', told);
      },
      onValidated: metrics.validated,
    },
    pulls,
    matchDue,
    work: () => queue.work(linesLane, (lineIds) => soon('lines.not_matched', () => matchLinesOf(parts, lineIds))),
    async flush() {
      const noted = lastHeardAt;
      lastHeardAt = new Map();
      await saveLastHeard(db, noted);
    },
    async stop() {
      isStopped = true;
      await pulls.stop();
      await Promise.all(underWay);
    },
  };
}

async function reconcileDays(deps: MatchDeps, shortcodeId: string, fromAt: number, toAt: number): Promise<void> {
  const last = nairobiDay(toAt);
  for (let day = nairobiDay(fromAt); day <= last; day = dayAfter(day)) await reconcileDay(deps, { shortcodeId, day });
}

/** A fifth of what queries may take, on top of it: a page tells as much as many queries, and is not urgent. */
function pullRate({ points, windowSeconds }: RateLimit): RateLimit {
  return { points: Math.max(1, Math.floor(points / 5)), windowSeconds };
}
