// When a payment must be looked at again: when its push may be tried, when its lease ends, when M-PESA is asked, when
// silence becomes `unknown`. All of it comes down to one time, `dueAt`, which the sweep reads through one index.

import type { Payment } from './payment.ts';
import type { NotSentReason } from './payment-provider.ts';

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** After this long without a clear answer past `expiresAt`, `unknown` becomes `expired` or `needs_review`. */
export const silenceMs = 30 * minutes;
/** A single clear no from a query is believed this long after `expiresAt`; before, it must be seen twice … */
export const soleDenialMs = 10 * minutes;
/** … at least this far apart (design.md section 6, evidence D). */
export const denialsApartMs = 30 * seconds;
/** Evidence A may still overturn a denial for this long. */
export const overturnMs = 7 * 24 * hours;
/** Inside this time nothing new is asked (api.md, check). */
export const askAgainMs = 15 * seconds;
/** The first asking after the push: earlier ones only meet the shapes of "in flight" (daraja.md section 3). */
export const firstAskMs = 45 * seconds;

const askDelaysMs = [firstAskMs, 75 * seconds, 120 * seconds, 5 * minutes, 15 * minutes, 30 * minutes];
const askUntilMs = 48 * hours;
const backOffMs = [5 * seconds, 15 * seconds, 45 * seconds, 90 * seconds];
const subscriberLockMs = 60 * seconds;

/** @param random a number in [0, 1) */
function jittered(delayMs: number, share: number, random: number): number {
  return Math.round(delayMs * (1 - share + 2 * share * random));
}

/**
 * When M-PESA is asked next: 45 s, 75 s, 120 s, 5 min, 15 min, 30 min after the push, then hourly to 48 h, each ±10 %.
 * Null when the last time is over.
 */
export function nextAskAt(submittedAt: number, now: number, random: number): number | null {
  const since = now - submittedAt;
  // A point counts as still ahead when even its latest jitter lies ahead; otherwise it was the one just used.
  const planned = askDelaysMs.find((delay) => delay * 0.9 > since);
  if (planned !== undefined) return submittedAt + jittered(planned, 0.1, random);
  const nextHour = (Math.floor((since + 0.1 * hours) / hours) + 1) * hours;
  return nextHour > askUntilMs ? null : submittedAt + nextHour - hours + jittered(hours, 0.1, random);
}

/** When a push that was provably not sent is tried again: 5, 15, 45, then 90 s ±20 %, at least 60 s for a subscriber lock. */
export function nextAttemptAt(
  attemptCount: number,
  reason: NotSentReason,
  retryAfterMs: number | null,
  now: number,
  random: number,
): number {
  const planned = jittered(backOffMs[Math.min(attemptCount, backOffMs.length) - 1] ?? backOffMs[0]!, 0.2, random);
  const least = Math.max(reason === 'subscriber_locked' ? subscriberLockMs : 0, retryAfterMs ?? 0);
  return now + Math.max(planned, least);
}

type Timed = Pick<Payment, 'status' | 'nextAttemptAt' | 'expiresAt' | 'leaseUntil' | 'nextAskAt'>;

/** When a worker must look at this payment next; null when there is nothing left to do. */
export function dueAt(payment: Timed): number | null {
  switch (payment.status) {
    case 'queued':
      return Math.min(payment.nextAttemptAt ?? payment.expiresAt, payment.expiresAt);
    case 'submitting':
      return payment.leaseUntil;
    case 'pending':
      return Math.min(payment.nextAskAt ?? payment.expiresAt, payment.expiresAt);
    case 'unknown':
      return Math.min(payment.nextAskAt ?? Number.POSITIVE_INFINITY, payment.expiresAt + silenceMs);
    case 'expired':
    case 'needs_review':
      return payment.nextAskAt;
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return null;
    default:
      return payment.status satisfies never;
  }
}
