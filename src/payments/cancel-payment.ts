// Cancelling works only while nothing was sent: a prompt that may be on a phone cannot be taken back.

import { AppError } from '../platform/errors.ts';
import type { Payment } from './payment.ts';
import { type SettleDeps, settlePayment } from './settle-payments.ts';

export type CancelDeps = SettleDeps;

/** @throws AppError `not_cancellable` unless the payment is still `queued` */
export async function cancelPayment(deps: CancelDeps, payment: Payment, actor: string): Promise<Payment> {
  const settled = await settlePayment(deps, { paymentId: payment.id, news: { kind: 'cancelledByMerchant' }, actor });
  if (settled !== undefined) return settled.payment;
  throw new AppError(
    'not_cancellable',
    'Only a payment that is still queued can be cancelled. This one may be on the customer’s phone already; follow it instead.',
  );
}
