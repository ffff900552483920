// The words of the heart: what a payment is, the statuses it may have, and the one table of which may follow which.
// Each edge names the event it records. Whatever decides a change (payments/decide) is held to this table by
// `assertTransition` before anything is written; a test walks all pairs.

import type { EventType } from '../events/event-store.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { FailureCode } from './failures.ts';

export const statuses = [
  'queued',
  'submitting',
  'pending',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'unknown',
  'needs_review',
] as const;
export type Status = (typeof statuses)[number];

/** What may follow a status, and the event that tells it; null where nobody outside is told (design.md section 6). */
export const transitions: Readonly<Record<Status, Readonly<Partial<Record<Status, EventType | null>>>>> = {
  queued: {
    submitting: null,
    succeeded: 'payment.succeeded',
    failed: 'payment.failed',
    cancelled: 'payment.cancelled',
    expired: 'payment.expired',
    needs_review: 'payment.needs_review',
  },
  submitting: {
    queued: null,
    pending: 'payment.pending',
    succeeded: 'payment.succeeded',
    failed: 'payment.failed',
    cancelled: 'payment.cancelled',
    unknown: 'payment.unknown',
    needs_review: 'payment.needs_review',
  },
  pending: {
    succeeded: 'payment.succeeded',
    failed: 'payment.failed',
    cancelled: 'payment.cancelled',
    expired: 'payment.expired',
    unknown: 'payment.unknown',
    needs_review: 'payment.needs_review',
  },
  unknown: {
    succeeded: 'payment.succeeded',
    failed: 'payment.failed',
    cancelled: 'payment.cancelled',
    expired: 'payment.expired',
    needs_review: 'payment.needs_review',
  },
  failed: { succeeded: 'payment.succeeded', needs_review: 'payment.needs_review' },
  cancelled: { succeeded: 'payment.succeeded', needs_review: 'payment.needs_review' },
  expired: { succeeded: 'payment.succeeded', needs_review: 'payment.needs_review' },
  needs_review: { succeeded: 'payment.succeeded', failed: 'payment.failed' },
  succeeded: {},
};

/** Statuses after which a waiting client is answered; a late success after them comes by webhook (api.md, waiting). */
export const finalStatuses: ReadonlySet<Status> = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

/** Final statuses that say no money came; they are also the ones that may be retried. */
export const negativeStatuses: ReadonlySet<Status> = new Set(['failed', 'cancelled', 'expired']);

export class IllegalTransition extends Error {
  constructor(from: Status, to: Status) {
    super(`a payment cannot go from ${from} to ${to}`);
    this.name = 'IllegalTransition';
  }
}

/** The event that tells this change, or null where none does. @throws IllegalTransition */
export function assertTransition(from: Status, to: Status): EventType | null {
  const event = transitions[from][to];
  if (event === undefined) throw new IllegalTransition(from, to);
  return event;
}

export const flags = [
  'late',
  'contradicted',
  'amount_mismatch',
  'receipt_missing',
  'receipt_reused',
  'resolved_by_operator',
] as const;
export type Flag = (typeof flags)[number];

export type ConfirmedBy = 'callback' | 'query' | 'c2b' | 'pull' | 'statement' | 'operator';

/** Why a payment waits for an operator. Only `no_answer` may still be settled by a query. */
export type ReviewReason = 'amount' | 'receipt' | 'shortcode' | 'phone' | 'no_answer';

/** One request for money. Amounts are whole shillings, times milliseconds since the epoch, the phone `254XXXXXXXXX`. */
export interface Payment {
  id: string;
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  shortcode: string;
  environment: 'simulator' | 'sandbox' | 'production';
  status: Status;
  version: number;
  flags: readonly Flag[];
  amountKes: number;
  amountReceivedKes: number | null;
  phone: string;
  reference: string;
  description: string;
  metadata: Readonly<Record<string, string>>;
  requestHash: string;
  retryOf: string | null;
  paymentLinkId: string | null;
  merchantRequestId: string | null;
  checkoutRequestId: string | null;
  mpesaReceipt: string | null;
  confirmedBy: ConfirmedBy | null;
  failureCode: FailureCode | null;
  providerCode: string | null;
  providerMessage: string | null;
  reviewReason: ReviewReason | null;
  createdAt: number;
  submittedAt: number | null;
  completedAt: number | null;
  expiresAt: number;
  updatedAt: number;
  dueAt: number | null;
  /** Pushes begun, the ones that were provably not sent included. */
  attemptCount: number;
  nextAttemptAt: number | null;
  leaseToken: string | null;
  leaseUntil: number | null;
  nextAskAt: number | null;
  lastAskedAt: number | null;
  /** When a query last gave a clear answer. */
  lastAnsweredAt: number | null;
  /** When a query first said a clear no after `expiresAt`. */
  firstDeniedAt: number | null;
}

/** What a change may touch. */
export type PaymentPatch = Partial<
  Omit<
    Payment,
    | 'id'
    | 'tenantId'
    | 'mode'
    | 'shortcodeId'
    | 'shortcode'
    | 'environment'
    | 'amountKes'
    | 'phone'
    | 'reference'
    | 'description'
    | 'metadata'
    | 'requestHash'
    | 'createdAt'
  >
>;
