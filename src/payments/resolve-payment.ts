// A person settles what is uncertain: a payment that needs a review or of which nothing certain is known. Only what is
// legal can be asked for, it is done against the very version that was looked at, and through the same door as all else.

import { newId } from '../platform/ids.ts';
import { resolvable } from './decide.ts';
import type { Payment } from './payment.ts';
import { type SettleDeps, type Settled, settlePayment } from './settle-payments.ts';

export interface Resolution {
  to: 'succeeded' | 'failed';
  /** Of the M-PESA record that proves it; required for `succeeded`. */
  receipt: string | null;
  /** What arrived, in whole shillings, where it is another amount than was asked for. */
  amountKes: number | null;
  /** In the operator's words. */
  reason: string;
}

/** The outcomes a person may choose for it; none where it settles itself or is settled. */
export function legalOutcomes({ status }: Pick<Payment, 'status'>): readonly Resolution['to'][] {
  return resolvable.has(status) ? ['succeeded', 'failed'] : [];
}

/** What is wrong with a resolution, in one sentence; null where it may be asked for. */
export function resolutionProblem(payment: Payment, { to, receipt, amountKes, reason }: Resolution): string | null {
  if (!legalOutcomes(payment).includes(to))
    return 'This payment cannot be settled by hand: it settles itself, or is settled already.';
  if (to === 'succeeded' && !/^[A-Z0-9]{8,20}$/.test(receipt ?? ''))
    return 'Give the M-PESA receipt that proves the payment, such as UJ68K3W0QZ.';
  if (amountKes !== null && !(Number.isInteger(amountKes) && amountKes >= 1 && amountKes <= 1_000_000))
    return 'The amount is in whole shillings.';
  if (reason.trim().length < 10) return 'Say in a sentence what you looked at and what it showed.';
  return null;
}

export interface ResolvedBy {
  paymentId: string;
  version: number;
  /** Who had the last word. */
  actor: string;
  /** Nobody but the actor looked at it. */
  isOnePerson: boolean;
}

/** @returns undefined when the payment is not at `version` any more, or the receipt belongs to another payment */
export function resolvePayment(
  deps: SettleDeps,
  { paymentId, version, actor, isOnePerson }: ResolvedBy,
  { to, receipt, amountKes, reason }: Resolution,
): Promise<Settled | undefined> {
  const evidence = {
    id: newId('evd'),
    source: 'operator',
    strength: null,
    at: deps.now(),
    resultCode: null,
    resultDesc: reason.slice(0, 255),
    receipt: to === 'succeeded' ? receipt : null,
    amountCents: amountKes === null ? null : amountKes * 100,
    phone: null,
    shortcode: null,
    ids: null,
    unreadable: null,
    sourceIp: null,
    httpStatus: null,
    durationMs: null,
    raw: null,
  } as const;
  return settlePayment(deps, {
    paymentId,
    actor,
    news: { kind: 'resolved', to, isOnePerson, evidence },
    isWelcome: (payment) => payment.version === version,
  });
}
