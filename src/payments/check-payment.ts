// Brings the next asking of M-PESA forward: because a merchant wants to know now (`check`), or because somebody reads a
// payment that has not been asked about for a while (read-repair). The asking itself is the worker's, inside the budget.

import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { isAskable } from './ask-payment.ts';
import { finalStatuses, type Payment } from './payment.ts';
import { hastenAsk } from './payment-store.ts';
import { askAgainMs, firstAskMs } from './schedule.ts';

export interface CheckDeps {
  db: Db;
  clock: Clock;
  now(): number;
  /** Makes the workers look at these payments now. */
  nudge(paymentIds: readonly string[]): void;
}

/** @throws AppError `nothing_to_check` for a payment that is queued, final, or whose push has no ids */
export async function checkPayment(deps: CheckDeps, payment: Payment): Promise<Payment> {
  if (payment.status === 'queued' || finalStatuses.has(payment.status)) {
    throw new AppError(
      'nothing_to_check',
      payment.status === 'queued'
        ? 'Nothing has been sent yet, so M-PESA knows nothing about it.'
        : 'This payment has its result already.',
    );
  }
  if (!isAskable(payment))
    throw new AppError(
      'nothing_to_check',
      'M-PESA has not told us its ids for this push, so it cannot be asked. Its callback will still be heard.',
    );
  await hasten(deps, payment);
  return payment;
}

/** Repairs in the background what somebody is looking at; never delays or fails the read. */
export function repairOnRead(deps: CheckDeps, payment: Payment): void {
  if ((payment.status !== 'pending' && payment.status !== 'unknown') || !isAskable(payment)) return;
  if (deps.now() - (payment.submittedAt ?? payment.createdAt) < firstAskMs) return;
  hasten(deps, payment).catch(() => undefined);
}

async function hasten(deps: CheckDeps, payment: Payment): Promise<void> {
  const now = deps.now();
  const wasJustAsked = payment.lastAskedAt !== null && now - payment.lastAskedAt < askAgainMs;
  const isPlannedNow = payment.nextAskAt !== null && payment.nextAskAt <= now;
  if (wasJustAsked || isPlannedNow) return;
  if (await hastenAsk(deps.db, payment, now)) deps.nudge([payment.id]);
}
