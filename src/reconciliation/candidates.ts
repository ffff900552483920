// Which payments a line of M-PESA's record may be, as pure rules: what speaks for a payment, what rules it out, and in
// which order an operator is shown them. Amount and shortcode are equal wherever this is asked.

import { finalStatuses, negativeStatuses, type Payment } from '../payments/payment.ts';
import { comparePhone, type PhoneComparison } from '../payments/phone.ts';
import type { Candidate } from './discrepancy.ts';
import type { Line } from './line.ts';

const minuteMs = 60_000;

/** The time of M-PESA's record from the push: its clock and ours differ a little, and a prompt lives about a minute. */
export const earliestMs = -2 * minuteMs;
export const latestMs = 15 * minuteMs;
/** A second payment of the same thing is looked for this far to either side. */
export const secondWithinMs = 24 * 60 * minuteMs;

/** When the customer was asked. */
export function pushedAt({ submittedAt, createdAt }: Payment): number {
  return submittedAt ?? createdAt;
}

/** How an account may be written as a reference: as it came, and as M-PESA or a hasty payer may have changed its case. */
export function referencesOf({ account }: Pick<Line, 'account'>): readonly string[] | null {
  if (account === null || account === '') return null;
  return [...new Set([account, account.toUpperCase(), account.toLowerCase()])];
}

/** How well a payment fits; null where something visible rules it out. */
export interface Fit {
  payment: Payment;
  hasAccount: boolean;
  phone: PhoneComparison;
  /** From the push to the money. */
  afterMs: number;
}

/** @param line without a payment yet */
export function fitOf(line: Line, payment: Payment): Fit | null {
  const references = referencesOf(line);
  if (references !== null && !references.includes(payment.reference)) return null;
  if (payment.shortcodeId !== line.shortcodeId || payment.amountKes * 100 !== line.amountCents) return null;
  const phone = comparePhone(payment.phone, line.phone);
  if (phone === 'different') return null;
  return { payment, hasAccount: references !== null, phone, afterMs: line.completedAt - pushedAt(payment) };
}

/** Whether the money came when the push would have brought it. */
export function isInTime({ afterMs }: Fit): boolean {
  return afterMs >= earliestMs && afterMs <= latestMs;
}

/** Whether both the account and the phone speak for it, as far as the phone is shown. */
export function isCertain({ hasAccount, phone }: Fit): boolean {
  return hasAccount && (phone === 'same' || phone === 'compatible');
}

/** What an operator may choose from, best first. */
export function rank(fits: readonly Fit[]): Candidate[] {
  return fits
    .map((fit) => ({ paymentId: fit.payment.id, score: scoreOf(fit), why: whyOf(fit) }))
    .sort((left, right) => right.score - left.score || (left.paymentId < right.paymentId ? -1 : 1));
}

const phonePoints = { same: 40, compatible: 20, unknown: 0, different: 0 } as const;

function scoreOf({ payment, hasAccount, phone, afterMs }: Fit): number {
  const open = finalStatuses.has(payment.status) ? 0 : 15;
  const paid = payment.status === 'succeeded' ? 20 : 0;
  // M-PESA's own word that this push brought nothing.
  const denied = negativeStatuses.has(payment.status) && payment.confirmedBy === 'callback' ? -15 : 0;
  const far = Math.min(20, Math.round(Math.abs(afterMs) / minuteMs));
  return 30 + (hasAccount ? 20 : 0) + phonePoints[phone] + open + paid + denied - far;
}

const phoneWords = {
  same: 'same phone',
  compatible: 'phone fits as far as it is shown',
  unknown: 'phone is not shown',
  different: 'other phone',
} as const;

function whyOf({ payment, hasAccount, phone, afterMs }: Fit): string {
  const seconds = Math.round(Math.abs(afterMs) / 1000);
  const span = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  const account = hasAccount ? 'same account' : 'account is not shown';
  const time = `money ${span} ${afterMs < 0 ? 'before' : 'after'} the prompt`;
  return `same amount, ${account}, ${phoneWords[phone]}, ${time}; the payment is ${payment.status}`;
}
