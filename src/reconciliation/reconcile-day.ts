// Reconciles one Nairobi day of a shortcode: what its lines came to, and which payments of that day M-PESA's record does
// not know. It may run again at any time, beside others and beside the sweep: what is found again is the same row.

import { setImmediate as giveWay } from 'node:timers/promises';
import { findShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { listPaymentsOfDay, type SoughtDay } from '../payments/candidate-store.ts';
import type { Payment } from '../payments/payment.ts';
import { inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import type { Position } from '../platform/listing.ts';
import type { DiscrepancyType } from './discrepancy.ts';
import { countOpenOfDay } from './discrepancy-store.ts';
import { nairobiDay, startOfDay } from './line.ts';
import { type MatchDeps, matchLinesOf } from './match-lines.ts';
import { countReceiptsOfDay, listOpenLinesOfDay } from './match-store.ts';
import { endOfDay } from './nairobi-days.ts';
import { reviewPayments } from './reconcile-payments.ts';

export interface DayReconciled {
  /** Receipts of the day that have their payment. */
  matched: number;
  /** Receipts that wait for an operator's yes. */
  suggested: number;
  /** Successes whose line no source can have told yet. */
  expected: number;
  /** Open ones of the day, by type. */
  discrepancies: Partial<Record<DiscrepancyType, number>>;
}

const batchSize = 200;

/** @throws AppError `not_found` for a shortcode that does not exist */
export async function reconcileDay(
  deps: MatchDeps,
  { shortcodeId, day }: { shortcodeId: string; day: string },
): Promise<DayReconciled> {
  const shortcode = await findShortcodeAcrossTenants(deps.db, shortcodeId);
  if (shortcode === undefined) throw new AppError('not_found', 'There is no such shortcode.');
  await matchDay(deps, shortcodeId, day);
  let expected = 0;
  for (const status of ['succeeded', 'needs_review'] as const)
    expected += await reviewDay(deps, shortcode, day, status);
  return {
    matched: await countReceiptsOfDay(deps.db, shortcodeId, day, 'matched'),
    suggested: await countReceiptsOfDay(deps.db, shortcodeId, day, 'suggested'),
    expected,
    discrepancies: await countOpenOfDay(deps.db, shortcodeId, day),
  };
}

/**
 * Looks again at every line of the day that may come to something else. SQLite answers without a turn of the event loop,
 * so each batch gives way to whoever waits.
 */
async function matchDay(deps: MatchDeps, shortcodeId: string, day: string): Promise<void> {
  let afterId = '';
  for (;;) {
    const ids = await listOpenLinesOfDay(deps.db, { shortcodeId, day, afterId }, batchSize);
    await matchLinesOf(deps, ids);
    if (ids.length < batchSize) return;
    await giveWay();
    afterId = ids.at(-1)!;
  }
}

/** Holds the day's payments in one status against the record; how many successes are only expected there yet. */
async function reviewDay(
  deps: MatchDeps,
  { id: shortcodeId, tenantId, mode }: Shortcode,
  day: string,
  status: SoughtDay['status'],
): Promise<number> {
  const sought = { tenantId, mode, shortcodeId, status, from: startOfDay(day), to: endOfDay(day) };
  let after: Position | null = null;
  let expected = 0;
  for (;;) {
    const page: Position[] = await listPaymentsOfDay(deps.db, sought, after, batchSize);
    const ids = page.map(({ id }) => id);
    const waiting = await inTransaction(deps.db, (trx) => reviewPayments({ ...deps, db: trx }, ids));
    expected += waiting.filter((payment) => isOfDay(payment, day)).length;
    if (page.length < batchSize) return expected;
    await giveWay();
    after = page.at(-1)!;
  }
}

const isOfDay = ({ completedAt, createdAt }: Payment, day: string): boolean =>
  nairobiDay(completedAt ?? createdAt) === day;
