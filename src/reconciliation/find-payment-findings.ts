// What is wrong with a payment, seen from its own side, as pure rules: a success that M-PESA's record does not know, one
// that came late or was denied, a receipt that is not there (reconciliation.md, Inverse pass). Whether a line is there and
// whether a source has told its time is asked from outside.

import type { Payment } from '../payments/payment.ts';
import { redactText } from '../platform/redaction.ts';
import { pushedAt } from './candidates.ts';
import { covers, type Span } from './coverage.ts';
import type { DiscrepancyType, Finding } from './discrepancy.ts';
import { nairobiDay } from './line.ts';

/** Types that are about a payment alone; they close when it is not so any more. */
export const paymentTypes: readonly DiscrepancyType[] = [
  'missing_at_provider',
  'receipt_missing',
  'unproven_resolution',
  'late_success',
  'contradiction',
  'amount_mismatch',
  'receipt_reused',
];

export interface PaymentFacts {
  /** A line of M-PESA's record is this payment's money. */
  hasLine: boolean;
  /** What each source of its shortcode has told completely. */
  coverage: readonly (readonly Span[])[];
  /** Evidence denied what was settled. */
  isContradicted: boolean;
}

/** A success whose line no source can have told yet: no exception, and counted as none. */
export function isExpected(payment: Payment, { hasLine, coverage }: PaymentFacts): boolean {
  return payment.status === 'succeeded' && !hasLine && !isTold(payment, coverage);
}

/** Its money may have come at any time from the push until it was settled. */
function isTold(payment: Payment, coverage: PaymentFacts['coverage']): boolean {
  const settledAt = payment.completedAt ?? payment.updatedAt;
  return covers(coverage, Math.min(pushedAt(payment), settledAt), settledAt);
}

export function findPaymentFindings(payment: Payment, facts: PaymentFacts): Finding[] {
  return typesOf(payment, facts).map((type): Finding => {
    const { tenantId, mode, shortcodeId, id: paymentId, mpesaReceipt: receipt } = payment;
    return {
      tenantId,
      mode,
      shortcodeId,
      type,
      paymentId,
      lineId: null,
      receipt,
      day: nairobiDay(payment.completedAt ?? payment.createdAt),
      atRiskCents: atRisk(payment, type),
      detail: redactText(detailOf(payment, type)),
      candidates: [],
    };
  });
}

type PaymentTrouble = (typeof paymentTypes)[number] & keyof typeof words;

function typesOf(payment: Payment, facts: PaymentFacts): PaymentTrouble[] {
  const { status, reviewReason, flags } = payment;
  if (status === 'needs_review') {
    if (reviewReason === 'amount') return ['amount_mismatch'];
    return reviewReason === 'receipt' ? ['receipt_reused'] : [];
  }
  if (status !== 'succeeded') return [];
  const types: PaymentTrouble[] = [];
  const isResolved = flags.includes('resolved_by_operator');
  if (!facts.hasLine && !isExpected(payment, facts)) types.push(unprovenAs(payment, isResolved));
  if (flags.includes('late')) types.push('late_success');
  if (flags.includes('contradicted') || facts.isContradicted) types.push('contradiction');
  if (!isResolved && payment.amountReceivedKes !== null && payment.amountReceivedKes !== payment.amountKes)
    types.push('amount_mismatch');
  if (!isResolved && flags.includes('receipt_reused')) types.push('receipt_reused');
  return types;
}

/** What a success is whose time was told without it. */
function unprovenAs({ mpesaReceipt }: Payment, isResolved: boolean): PaymentTrouble {
  if (mpesaReceipt === null) return 'receipt_missing';
  return isResolved ? 'unproven_resolution' : 'missing_at_provider';
}

function atRisk({ amountKes, amountReceivedKes }: Payment, type: PaymentTrouble): number {
  if (type === 'late_success' || type === 'contradiction') return 0;
  const received = amountReceivedKes ?? amountKes;
  return 100 * (type === 'amount_mismatch' ? Math.abs(received - amountKes) : received);
}

const words = {
  missing_at_provider: 'is paid here, and M-PESA’s record of that time does not have it',
  receipt_missing: 'was confirmed by a query, and M-PESA’s record of that time has no receipt for it',
  unproven_resolution: 'was settled by an operator with a receipt that M-PESA’s record of that time does not have',
  late_success: 'was paid after it had expired or been denied',
  contradiction: 'is paid, and M-PESA has denied it too',
  amount_mismatch: 'got another amount than was asked for',
  receipt_reused: 'was confirmed with a receipt that belongs to another payment',
} as const;

function detailOf({ reference, amountKes, amountReceivedKes, mpesaReceipt }: Payment, type: PaymentTrouble): string {
  const receipt = mpesaReceipt === null ? '' : ` with receipt ${mpesaReceipt}`;
  const received = type === 'amount_mismatch' ? `: KES ${(amountReceivedKes ?? 0).toLocaleString('en')}` : '';
  return `Payment ${reference} (KES ${amountKes.toLocaleString('en')})${receipt} ${words[type]}${received}.`;
}

const goneWords: Readonly<Record<PaymentTrouble, string>> = {
  missing_at_provider: 'M-PESA’s record has a line for it now.',
  receipt_missing: 'Its receipt was found.',
  unproven_resolution: 'M-PESA’s record has a line for it now.',
  late_success: 'It does not count as late any more.',
  contradiction: 'Nothing denies it any more.',
  amount_mismatch: 'The amount is right now, or was settled by an operator.',
  receipt_reused: 'It was settled by an operator.',
};

/** Why a discrepancy of a payment is gone. */
export function whyPaymentGone(type: DiscrepancyType): string {
  return type in goneWords ? goneWords[type as PaymentTrouble] : 'It is not so any more.';
}
