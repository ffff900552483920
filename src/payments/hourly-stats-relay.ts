// Counts what happened: transitions that were not counted become part of the statistics, in the transaction that marks
// them, so that a crash neither loses nor doubles any. One process counts at a time; the others find the lock taken and
// go home. The newest are counted first: after an upgrade or in a rebuild the present is right at once and the past fills
// in behind it.

import { type Db, inTransaction } from '../platform/database.ts';
import { weighLife } from './hourly-stats.ts';
import {
  deleteOldSpans,
  deleteStats,
  findPaymentIdsBelowAcrossTenants,
  findUncountedAcrossTenants,
  lockStats,
  readLivesAcrossTenants,
  setRebuildingBelow,
  writeWeighed,
} from './hourly-stats-store.ts';

export interface CountDeps {
  db: Db;
  now(): number;
}

/** How many transitions or payments one transaction takes. */
const batchSize = 500;
/** How many transactions one turn of the worker takes: a long past must not keep it from stopping. */
const turnBatches = 20;
/** Above every id. */
const afterAll = '~';

/** One turn of the worker: counts what is new, then goes on with a rebuild where one was begun. How many were counted. */
export async function countTransitions(deps: CountDeps): Promise<number> {
  let counted = 0;
  for (let batch = 0; batch < turnBatches; batch += 1) {
    const found = await countNew(deps);
    counted += found;
    if (found < batchSize) break;
  }
  for (let batch = 0; batch < turnBatches; batch += 1) {
    const step = await rebuildStep(deps);
    counted += step.payments;
    if (step.state !== 'goes on') break;
  }
  return counted;
}

function countNew({ db, now }: CountDeps): Promise<number> {
  return inTransaction(db, async (trx) => {
    const state = await lockStats(trx);
    if (state === undefined) return 0;
    // What lies below is the rebuild's, which counts it as if nothing had been counted.
    const found = await findUncountedAcrossTenants(trx, state.rebuildingBelow, batchSize);
    if (found.paymentIds.length === 0) return 0;
    const lives = await readLivesAcrossTenants(trx, found.paymentIds);
    await writeWeighed(
      trx,
      lives.map((life) => weighLife(life)),
      now(),
    );
    return found.transitions;
  });
}

export interface RebuildStep {
  payments: number;
  /** `waits`: another process counts at this moment. */
  state: 'goes on' | 'waits' | 'done';
}

/** Counts the next payments of a rebuild. */
export function rebuildStep({ db, now }: CountDeps): Promise<RebuildStep> {
  return inTransaction(db, async (trx): Promise<RebuildStep> => {
    const state = await lockStats(trx);
    if (state === undefined) return { payments: 0, state: 'waits' };
    if (state.rebuildingBelow === null) return { payments: 0, state: 'done' };
    const paymentIds = await findPaymentIdsBelowAcrossTenants(trx, state.rebuildingBelow, batchSize);
    const lives = await readLivesAcrossTenants(trx, paymentIds);
    await writeWeighed(
      trx,
      lives.map((life) => weighLife(life, true)),
      now(),
    );
    await setRebuildingBelow(trx, paymentIds.at(-1) ?? null);
    return { payments: paymentIds.length, state: paymentIds.length === 0 ? 'done' : 'goes on' };
  });
}

/**
 * Empties the statistics and begins to count from the newest payment back. Whoever calls {@link rebuildStep}, or the
 * worker by itself, finishes it; one that was broken off is gone on with.
 * @returns `resumed` where a rebuild was under way already; `waits` while another process counts
 */
export function beginRebuild({ db }: Pick<CountDeps, 'db'>): Promise<'begun' | 'resumed' | 'waits'> {
  return inTransaction(db, async (trx) => {
    const state = await lockStats(trx);
    if (state === undefined) return 'waits';
    if (state.rebuildingBelow !== null) return 'resumed';
    await deleteStats(trx);
    await setRebuildingBelow(trx, afterAll);
    return 'begun';
  });
}

/** Removes what nobody asks for any more. */
export function forgetOldSpans({ db, now }: CountDeps): Promise<number> {
  return deleteOldSpans(db, now());
}
