// The payment as the API shows it (api.md, The payment): snake_case, RFC 3339, whole shillings. The same form is
// frozen into the events and so into the webhooks.

import { isoTime } from '../platform/clock.ts';
import type { StoredEvidence } from './evidence.ts';
import type { Transition } from './evidence-store.ts';
import { describeFailure } from './failures.ts';
import type { Payment } from './payment.ts';

export function presentPayment(payment: Payment): object {
  return {
    id: payment.id,
    object: 'payment',
    mode: payment.mode,
    version: payment.version,
    status: payment.status,
    flags: payment.flags,
    amount: payment.amountKes,
    amount_received: payment.amountReceivedKes,
    currency: 'KES',
    phone: payment.phone,
    shortcode: payment.shortcode,
    reference: payment.reference,
    description: payment.description,
    merchant_request_id: payment.merchantRequestId,
    checkout_request_id: payment.checkoutRequestId,
    mpesa_receipt: payment.mpesaReceipt,
    confirmed_by: payment.confirmedBy,
    failure: presentFailure(payment),
    metadata: payment.metadata,
    retry_of: payment.retryOf,
    payment_link: payment.paymentLinkId,
    created_at: isoTime(payment.createdAt),
    submitted_at: isoTime(payment.submittedAt),
    completed_at: isoTime(payment.completedAt),
    expires_at: isoTime(payment.expiresAt),
    updated_at: isoTime(payment.updatedAt),
  };
}

/** Null once succeeded. In `unknown` the customer is told the truth: nothing has been heard (design.md section 6). */
function presentFailure(payment: Payment): object | null {
  if (payment.status === 'unknown') return describeFailure('unknown_result', null, null);
  if (payment.status === 'succeeded' || payment.failureCode === null) return null;
  return describeFailure(payment.failureCode, payment.providerCode, payment.providerMessage);
}

/** Every transition and piece of evidence, oldest first; what happened at one moment in the order of cause and effect. */
export function presentTimeline(
  payment: Payment,
  transitions: readonly Transition[],
  evidence: readonly StoredEvidence[],
): object {
  // At one moment: what caused a change stands right before it, what changed nothing right after the change before it.
  let after = 1;
  function orderOf({ id }: StoredEvidence): number {
    const change = transitions.find(({ evidenceId }) => evidenceId === id);
    if (change === undefined) return after;
    after = change.version + 1.25;
    return change.version + 0.5;
  }
  const entries = [
    {
      at: payment.createdAt,
      order: 0,
      entry: presentTransition(null, 'queued', 'the merchant asked for it', 'merchant', payment.createdAt),
    },
    ...evidence.map((one) => ({ at: one.at, order: orderOf(one), entry: presentEvidence(one) })),
    ...transitions.map((one) => ({
      at: one.at,
      order: 1 + one.version,
      entry: presentTransition(one.from, one.to, one.cause, one.actor, one.at),
    })),
  ];
  const data = entries.sort((left, right) => left.at - right.at || left.order - right.order).map(({ entry }) => entry);
  return { object: 'list', data, has_more: false, next_cursor: null };
}

function presentTransition(from: string | null, to: string, cause: string, actor: string, at: number): object {
  return { at: isoTime(at), kind: 'transition', from, to, cause, actor };
}

function presentEvidence(evidence: StoredEvidence): object {
  const { source, strength, verdict, resultCode, detail, receipt, amountCents, at } = evidence;
  const amount = amountCents === null ? null : amountCents / 100;
  return {
    at: isoTime(at),
    kind: 'evidence',
    source,
    strength,
    verdict,
    result_code: resultCode,
    detail,
    receipt,
    amount,
  };
}
