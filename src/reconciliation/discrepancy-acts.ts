// What may be done with a discrepancy, as plain rules: which act suits which kind, and which needs a second person.

import type { Payment } from '../payments/payment.ts';
import type { Discrepancy, DiscrepancyType } from './discrepancy.ts';

export const discrepancyActs = [
  'link',
  'accept_amount',
  'make_payment',
  'mark_reversed',
  'write_off',
  'ask_again',
  'acknowledge',
  'assign',
  'comment',
] as const;
export type DiscrepancyAct = (typeof discrepancyActs)[number];

const anyTime: readonly DiscrepancyAct[] = ['assign', 'comment'];
const unowned: readonly DiscrepancyAct[] = ['link', 'make_payment', 'mark_reversed', 'write_off', 'ask_again'];

const actsOf: Readonly<Record<DiscrepancyType, readonly DiscrepancyAct[]>> = {
  missing_at_provider: ['write_off'],
  amount_mismatch: ['accept_amount', 'mark_reversed', 'write_off'],
  receipt_reused: ['write_off'],
  balance_break: ['write_off'],
  duplicate_payment: unowned,
  orphan_receipt: unowned,
  reversed_externally: ['mark_reversed', 'write_off'],
  ambiguous: ['link', 'mark_reversed', 'write_off', 'ask_again'],
  receipt_missing: ['write_off'],
  unproven_resolution: ['write_off'],
  unknown_shortcode: ['acknowledge', 'write_off'],
  late_success: ['acknowledge'],
  contradiction: ['acknowledge'],
};

/** What an operator may do with it now, the most useful first. */
export function legalDiscrepancyActs({
  type,
  status,
}: Pick<Discrepancy, 'type' | 'status'>): readonly DiscrepancyAct[] {
  return status === 'open' ? [...actsOf[type], ...anyTime] : ['comment'];
}

/** Acts that may be done with many at once; each of them means the same for all. */
export const bulkActs = [
  'make_payment',
  'mark_reversed',
  'write_off',
  'ask_again',
  'acknowledge',
  'assign',
  'comment',
] as const;
export type BulkAct = (typeof bulkActs)[number];

/**
 * Whether the act needs an approver (reconciliation.md, Two persons): a write-off does, and so does whatever settles a
 * payment by hand. @param payment the one the discrepancy is about
 */
export function needsSecondPerson(act: DiscrepancyAct, payment: Pick<Payment, 'status'> | null): boolean {
  return act === 'write_off' || (act === 'accept_amount' && payment?.status === 'needs_review');
}
