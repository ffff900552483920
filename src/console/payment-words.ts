// The short words of payments: why one failed, and what happened to one, as a list shows it in a few words. Sentences
// are made of parts, so that a time in them stays a time on the page (Nairobi's, with UTC on hover) and is written out
// in a CSV. What is said is never more than what is known.

import type { FailureCode } from '../payments/failures.ts';
import type { ConfirmedBy, Payment } from '../payments/payment.ts';
import { dayText, numberText, spanText } from '../platform/render.ts';

/** One piece of a sentence; exactly one field is set. */
export interface Part {
  text: string | null;
  strong: string | null;
  /** A time, shown as a clock; with its day where that is not today's. */
  at: number | null;
  code: string | null;
}

const empty: Part = { text: null, strong: null, at: null, code: null };
export const at = (at: number): Part => ({ ...empty, at });
export const strong = (strong: string): Part => ({ ...empty, strong });
export const code = (code: string): Part => ({ ...empty, code });

/** A sentence of texts, numbers and parts. */
export function say(texts: TemplateStringsArray, ...values: (string | number | Part | Part[])[]): Part[] {
  const parts = texts.flatMap((text, index): Part[] => {
    const value = values[index];
    const said = { ...empty, text };
    if (value === undefined) return [said];
    if (typeof value === 'object') return [said, ...(Array.isArray(value) ? value : [value])];
    return [{ ...empty, text: text + String(value) }];
  });
  return joinTexts(parts);
}

/** Neighbours that are plain text are one part. */
function joinTexts(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.text === null || last?.text == null) joined.push(part);
    else joined[joined.length - 1] = { ...empty, text: last.text + part.text };
  }
  return joined.filter(({ text }) => text !== '');
}

const nairobiOffsetMs = 3 * 3_600_000;

/** `14:15:30`, with the day before it where that is not today. */
export function clockWords(time: number, now: number): string {
  const clock = new Date(time + nairobiOffsetMs).toISOString().slice(11, 19);
  return dayText(time, true) === dayText(now, true) ? clock : `${dayText(time, false)}, ${clock}`;
}

/** The sentence as plain text. */
export function plain(parts: readonly Part[], now: number): string {
  return parts.map((part) => part.text ?? part.strong ?? part.code ?? clockWords(part.at ?? now, now)).join('');
}

export const kes = (amount: number): string => `KES\u00a0${numberText(amount)}`;

/** `9 s`, `6 min`, at least one second. */
export const span = (ms: number): string => spanText(Math.max(1000, ms));

export const failureWords: Readonly<Record<FailureCode, string>> = {
  insufficient_funds: 'Not enough money',
  cancelled_by_customer: 'Cancelled by the customer',
  customer_unreachable: 'Phone off or out of reach',
  prompt_expired: 'Prompt ran out of time',
  wrong_pin: 'Wrong PIN',
  pin_locked: 'PIN locked',
  subscriber_busy: 'Another prompt was open',
  limit_exceeded: 'Outside M-PESA’s limits',
  not_mpesa_customer: 'Not an M-PESA number',
  customer_account_blocked: 'The account may not pay',
  duplicate_at_provider: 'Taken for a repeat',
  provider_busy: 'M-PESA was too busy',
  provider_error: 'No usable reason given',
  prompt_not_delivered: 'Prompt not delivered',
  unknown_result: 'No clear result',
  not_sent_in_time: 'Not sent in time',
  misconfigured_shortcode: 'Shortcode not accepted',
  merchant_limit_reached: 'Shortcode’s account full',
  invalid_credentials: 'Credentials refused',
  invalid_request: 'A field was refused',
  callback_url_refused: 'Callback address refused',
  cancelled_by_merchant: 'Cancelled before sending',
  closed_by_operator: 'Closed by an operator',
};

const byWords: Readonly<Record<ConfirmedBy, string>> = {
  callback: 'by callback',
  query: 'by a query',
  c2b: 'by C2B',
  pull: 'by the pull',
  statement: 'by the statement',
  operator: 'by an operator',
};

/** What happened, for a column: a few words. */
export function shortStory(payment: Payment, now: number): Part[] {
  const { status } = payment;
  switch (status) {
    case 'queued':
      return queuedWords(payment, now);
    case 'submitting':
      return say`Sending, ${span(now - (payment.submittedAt ?? payment.createdAt))}`;
    case 'pending':
      return pendingWords(payment, now);
    case 'succeeded':
      return paidWords(payment);
    case 'failed':
      return say`${payment.failureCode === null ? 'No reason given' : failureWords[payment.failureCode]}`;
    case 'cancelled':
      return payment.failureCode === 'cancelled_by_merchant' ? say`Before it was sent` : say`By the customer`;
    case 'expired':
      return expiredWords(payment);
    case 'unknown':
      return unknownWords(payment, now);
    case 'needs_review':
      return reviewWords(payment);
    default:
      return status satisfies never;
  }
}

function queuedWords({ attemptCount, nextAttemptAt, expiresAt, createdAt }: Payment, now: number): Part[] {
  if (expiresAt <= now) return say`Not sent, its time is over`;
  if (attemptCount > 0 && nextAttemptAt !== null && nextAttemptAt > now)
    return say`Could not be sent, next try ${at(nextAttemptAt)}`;
  return say`Not sent yet, ${span(now - createdAt)}`;
}

/** A prompt lives about this long on a phone. */
const promptMs = 60_000;

function pendingWords({ submittedAt, createdAt }: Payment, now: number): Part[] {
  const since = now - (submittedAt ?? createdAt);
  return since <= promptMs ? say`Prompt on the phone, ${span(since)}` : say`No result yet, ${span(since)}`;
}

function paidWords(payment: Payment): Part[] {
  const { flags, confirmedBy, completedAt, submittedAt, createdAt, expiresAt } = payment;
  const by = confirmedBy === null ? '' : `, ${byWords[confirmedBy]}`;
  const paidAt = completedAt ?? createdAt;
  if (flags.includes('amount_mismatch')) return amountWords(payment);
  if (flags.includes('receipt_reused')) return say`The receipt is another payment’s`;
  if (flags.includes('late'))
    return paidAt > expiresAt ? say`${span(paidAt - expiresAt)} late${by}` : say`After a no${by}`;
  if (confirmedBy === 'operator') return say`Settled by an operator`;
  if (flags.includes('receipt_missing')) return say`In ${span(paidAt - (submittedAt ?? createdAt))}, no receipt yet`;
  const isUsual = confirmedBy === 'callback' || confirmedBy === null;
  return say`In ${span(paidAt - (submittedAt ?? createdAt))}${isUsual ? '' : by}`;
}

function expiredWords({ failureCode }: Payment): Part[] {
  if (failureCode === null || failureCode === 'unknown_result') return say`Asked, never a yes`;
  return say`${failureWords[failureCode]}`;
}

function unknownWords({ checkoutRequestId, nextAskAt }: Payment, now: number): Part[] {
  if (checkoutRequestId === null) return say`May have been sent, cannot be asked about`;
  if (nextAskAt === null) return say`No clear answer`;
  return nextAskAt > now ? say`No clear answer, asked again ${at(nextAskAt)}` : say`No clear answer, being asked`;
}

const doubtWords = {
  receipt: 'The receipt is another payment’s',
  shortcode: 'Paid to another shortcode',
  phone: 'Another phone paid',
  no_answer: 'M-PESA never answered',
} as const;

function reviewWords(payment: Payment): Part[] {
  if (payment.reviewReason === 'amount') return amountWords(payment);
  return payment.reviewReason === null ? say`An operator decides` : say`${doubtWords[payment.reviewReason]}`;
}

function amountWords({ amountKes, amountReceivedKes }: Payment): Part[] {
  if (amountReceivedKes === null) return say`Another amount came`;
  return say`${kes(amountReceivedKes)} came, ${numberText(amountKes)} asked`;
}
