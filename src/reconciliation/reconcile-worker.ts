// What reconciling does by itself, in the worker: matches lines that are due, looks again at open discrepancies whose
// payment changed, and reconciles each shortcode's last two days every night. All of it is found from rows, so any
// number of workers may do it, and one that is killed leaves nothing undone.

import type { Registry } from 'prom-client';
import { inTransaction } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import { type BackgroundTask, task } from '../platform/repeat.ts';
import { noteChecked } from './discrepancy-close-store.ts';
import { nairobiDay } from './line.ts';
import { type MatchDeps, matchDueLines } from './match-lines.ts';
import { hastenLines } from './match-store.ts';
import { type DayReconciled, reconcileDay } from './reconcile-day.ts';
import { addReconcileMetrics } from './reconcile-metrics.ts';
import { reviewPayments } from './reconcile-payments.ts';
import { listOutdatedAcrossTenants, listUnreconciledAcrossTenants, takeNight } from './reconcile-store.ts';

export interface ReconcileWorker {
  /** What a worker does again and again. */
  tasks: readonly BackgroundTask[];
  /** Matches what is due, at most a few batches at a time. */
  match(): Promise<number>;
  /** Looks again at what is open and about a payment that changed; how many. */
  review(): Promise<number>;
  /** Reconciles the nights that are over; how many shortcodes. */
  reconcileNights(): Promise<number>;
  reconcileDay(day: { shortcodeId: string; day: string }): Promise<DayReconciled>;
}

const batchSize = 200;
/** A long import must not keep a turn, and so the process, from ending. */
const turnBatches = 10;
const matchEveryMs = 1000;
const reviewEveryMs = 30_000;
const nightEveryMs = 15_000;
/** A turn takes no further night after this long: the process may want to end. */
const turnMs = 5000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** After three in the morning: by then a night's sources have told the day and two hours more. */
const nightEndsMs = 3 * hourMs;

/** @param registry gets the gauges of what is open */
export function createReconcileWorker(deps: MatchDeps, registry?: Registry): ReconcileWorker {
  if (registry !== undefined) addReconcileMetrics(registry, deps.db);

  async function match(): Promise<number> {
    let matched = 0;
    for (let batch = 0; batch < turnBatches; batch += 1) {
      const found = await matchDueLines(deps, batchSize);
      matched += found;
      if (found < batchSize) break;
    }
    return matched;
  }

  function review(): Promise<number> {
    return inTransaction(deps.db, async (trx) => {
      const outdated = await listOutdatedAcrossTenants(trx, batchSize);
      const now = deps.now();
      const paymentIds = outdated.filter(({ lineId }) => lineId === null).map(({ paymentId }) => paymentId);
      await reviewPayments({ ...deps, db: trx }, [...new Set(paymentIds)]);
      const lineIds = outdated.map(({ lineId }) => lineId).filter((id) => id !== null);
      await hastenLines(trx, lineIds, now);
      await noteChecked(
        trx,
        outdated.map(({ id }) => id),
        now,
      );
      return outdated.length;
    });
  }

  async function reconcileNights(): Promise<number> {
    const now = deps.now();
    const day = nairobiDay(now - nightEndsMs - dayMs);
    const before = nairobiDay(now - nightEndsMs - 2 * dayMs);
    const waiting = await listUnreconciledAcrossTenants(deps.db, day, batchSize);
    let reconciled = 0;
    for (const shortcodeId of waiting) {
      if (deps.now() - now > turnMs) break;
      if (!(await takeNight(deps.db, shortcodeId, day))) continue;
      try {
        for (const one of [before, day]) await reconcileDay(deps, { shortcodeId, day: one });
      } catch (thrown) {
        // The next night looks at this day again.
        deps.logger.warn('night.not_reconciled', { shortcode_id: shortcodeId, day, detail: messageOf(thrown) });
      }
      reconciled += 1;
    }
    return reconciled;
  }

  const tasks = [
    task('lines', matchEveryMs, match),
    task('discrepancies', reviewEveryMs, review),
    task('nights', nightEveryMs, reconcileNights),
  ];
  return { tasks, match, review, reconcileNights, reconcileDay: (day) => reconcileDay(deps, day) };
}
