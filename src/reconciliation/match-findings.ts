// What is wrong with a line, as a finding: in words, with what is at risk. No phone and no name is in it.

import type { Payment } from '../payments/payment.ts';
import { redactText } from '../platform/redaction.ts';
import type { DiscrepancyType, Finding } from './discrepancy.ts';
import type { Line } from './line.ts';
import type { LineDecision, LineTrouble } from './match-rules.ts';

/** Types that are about a line; they close when their line comes to something else. */
export const lineTypes: readonly DiscrepancyType[] = [
  'amount_mismatch',
  'receipt_reused',
  'duplicate_payment',
  'orphan_receipt',
  'reversed_externally',
  'ambiguous',
];

/** The finding of a decision; null where nothing is wrong. */
export function findingOf(line: Line, { trouble, candidates }: LineDecision): Finding | null {
  if (trouble === null) return null;
  const { tenantId, mode, shortcodeId, id: lineId, receipt, day } = line;
  return {
    tenantId,
    mode,
    shortcodeId,
    type: trouble.type,
    paymentId: paymentOf(trouble)?.id ?? null,
    lineId,
    receipt,
    day,
    atRiskCents: atRisk(line, trouble),
    // Payers write their own number as the account, and merchants as the reference.
    detail: redactText(detailOf(line, trouble, candidates.length)),
    candidates,
  };
}

function paymentOf(trouble: LineTrouble): Payment | null {
  if (trouble.type === 'ambiguous') return null;
  return trouble.type === 'orphan_receipt' ? trouble.denied : trouble.payment;
}

function atRisk({ amountCents }: Line, trouble: LineTrouble): number {
  return trouble.type === 'amount_mismatch'
    ? Math.abs(amountCents - trouble.payment.amountKes * 100)
    : Math.abs(amountCents);
}

function detailOf(line: Line, trouble: LineTrouble, candidates: number): string {
  const { receipt, amountCents, linkedReceipt, account } = line;
  const came = `KES ${inKes(Math.abs(amountCents))}`;
  const asked = (payment: Payment): string => `${payment.reference} (KES ${inKes(payment.amountKes * 100)})`;
  switch (trouble.type) {
    case 'amount_mismatch':
      return `M-PESA's record says ${came} for ${receipt}; payment ${asked(trouble.payment)} was asked for.`;
    case 'receipt_reused':
      return `The statement has ${receipt} (${came}) more than once, with different balances.`;
    case 'duplicate_payment':
      return `${came} with receipt ${receipt} came for payment ${asked(trouble.payment)}, which is paid by ${trouble.payment.mpesaReceipt ?? 'another receipt'}.`;
    case 'orphan_receipt':
      return trouble.denied === null
        ? `${came} with receipt ${receipt}${account === null ? '' : ` for account ${account}`} came, and no payment fits.`
        : `${came} with receipt ${receipt} came for payment ${asked(trouble.denied)}, which was denied more than seven days before.`;
    case 'reversed_externally':
      return `M-PESA took ${came} back from payment ${asked(trouble.payment)} (${linkedReceipt ?? receipt}).`;
    case 'ambiguous':
      return `${came} with receipt ${receipt} came, and ${candidates} payments fit it alike.`;
    default:
      return trouble satisfies never;
  }
}

/** `1,500` or `1,500.50`. */
function inKes(cents: number): string {
  const whole = cents % 100 === 0;
  return (cents / 100).toLocaleString('en', { minimumFractionDigits: whole ? 0 : 2, maximumFractionDigits: 2 });
}

/** Why a discrepancy is gone, when its line came to this. */
export function whyGone({ status, rule, payment }: LineDecision): string {
  const named = payment === null ? '' : ` (${payment.id})`;
  switch (status) {
    case 'matched':
      return `The money has its payment now, by rule ${rule ?? ''}${named}.`;
    case 'mismatch':
      return `The money belongs to a payment with another amount${named}.`;
    case 'suggested':
      return `One payment fits now; an operator confirms it${named}.`;
    case 'ambiguous':
      return 'Several payments fit now.';
    case 'reversal':
      return payment === null ? 'The money went back.' : `The money went back${named}.`;
    case 'classified':
      return 'No payment is expected for it.';
    case 'orphan':
      return 'It stands as another discrepancy now.';
    case 'new':
      return 'It is being looked at again.';
    case 'settled':
      return 'An operator has dealt with it.';
    default:
      return status satisfies never;
  }
}
