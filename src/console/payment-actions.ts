// What an operator may do with a payment, and the doing of it. What is legal now is decided here and shown; what is not
// is absent, with one line that says why. Each act is a use case of the payment's own slice, audited in the same
// transaction; only a retry is written down just before it, because payments are inserted by a commit of their own.

import { isAskable } from '../payments/ask-payment.ts';
import { type CancelDeps, cancelPayment } from '../payments/cancel-payment.ts';
import { type CheckDeps, checkPayment } from '../payments/check-payment.ts';
import type { CreateDeps } from '../payments/create-payment.ts';
import { finalStatuses, negativeStatuses, type Payment } from '../payments/payment.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import type { Settled } from '../payments/settle-payments.ts';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { keepBodiesMs } from '../webhooks/policy.ts';
import { retryDelivery } from '../webhooks/retry-delivery.ts';
import { type ActDeps, auditAct, type By, readReason } from './audit-act.ts';
import type { ToldWebhook } from './payment-page-store.ts';
import { code, type Part, say } from './payment-words.ts';

export interface PaymentActDeps extends ActDeps {
  payments: CheckDeps & CreateDeps & CancelDeps;
  webhooks: { nudge(endpointIds: readonly string[]): void };
}

export interface LegalActs {
  check: boolean;
  retry: boolean;
  cancel: boolean;
  /** The webhooks of the last change that can be sent again. */
  resend: readonly ToldWebhook[];
  /** Why the others are not offered. */
  why: Part[];
}

export function legalActs(
  payment: Payment,
  webhooks: readonly ToldWebhook[],
  retries: readonly string[],
  now: number,
): LegalActs {
  const { status } = payment;
  const newest = webhooks[0]?.delivery.eventId;
  return {
    check: isAskable(payment) && !finalStatuses.has(status),
    retry: negativeStatuses.has(status) && retries.length === 0,
    cancel: status === 'queued',
    resend: webhooks.filter((one) => one.delivery.eventId === newest && maySendAgain(one, now)),
    why: whyNot(payment, retries),
  };
}

export function maySendAgain({ delivery, isEndpointDeleted }: ToldWebhook, now: number): boolean {
  return !isEndpointDeleted && now - delivery.createdAt <= keepBodiesMs && delivery.status !== 'sending';
}

function whyNot(payment: Payment, retries: readonly string[]): Part[] {
  const { status, checkoutRequestId } = payment;
  const [retry] = retries;
  switch (status) {
    case 'queued':
      return say`Check and retry are not offered: nothing was sent yet.`;
    case 'submitting':
      return say`Check, retry and cancel are not offered: it is being handed to M-PESA.`;
    case 'pending':
      return say`Retry and cancel are not offered: the prompt may be on the phone.`;
    case 'unknown':
      return checkoutRequestId === null
        ? say`Check, retry and cancel are not offered: M-PESA gave no id to ask with, and the customer may have paid.`
        : say`Retry and cancel are not offered: the customer may have paid.`;
    case 'needs_review':
      return say`Retry and cancel are not offered: ${payment.reviewReason === 'no_answer' ? 'the customer may have paid' : 'money has come'}.`;
    case 'failed':
    case 'cancelled':
    case 'expired':
      return retry === undefined
        ? say`Check and cancel are not offered: it has its end.`
        : say`Retry is not offered: it was retried as ${code(retry)}.`;
    case 'succeeded':
      return say`Check, retry and cancel are not offered: a paid payment never changes.`;
    default:
      return status satisfies never;
  }
}

const entryOf = ({ tenantId, id }: Payment, action: string) => ({ action: `payment.${action}`, tenantId, target: id });

/** @throws AppError `nothing_to_check` */
export async function askNow(deps: PaymentActDeps, by: By, payment: Payment): Promise<void> {
  const wanted = new Set<string>();
  const nudge = (ids: readonly string[]): void => ids.forEach((id) => void wanted.add(id));
  await auditAct(deps, by, async (trx) => {
    await checkPayment({ ...deps.payments, db: trx, nudge }, payment);
    return { result: undefined, entry: entryOf(payment, 'check_asked') };
  });
  deps.payments.nudge([...wanted]);
}

/** @throws AppError `not_cancellable` */
export async function cancelNow(deps: PaymentActDeps, by: By, payment: Payment): Promise<void> {
  let changes: Settled[] = [];
  await auditAct(deps, by, async (trx) => {
    // The transaction may be begun again.
    changes = [];
    const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
    await cancelPayment({ ...deps.payments, db: trx, announce }, payment, by.actor.id);
    return { result: undefined, entry: entryOf(payment, 'cancelled') };
  });
  // Told after the commit, as everything is.
  deps.payments.announce(changes);
}

/**
 * The new payment. A second click leads to the same one.
 * @throws AppError `not_retryable`, and as `createPayment`
 */
export async function retryNow(deps: PaymentActDeps, by: By, payment: Payment): Promise<Payment> {
  if (!negativeStatuses.has(payment.status))
    throw new AppError('not_retryable', 'Only a payment that failed, was cancelled or expired can be retried.');
  await auditAct(deps, by, async () => ({ result: undefined, entry: entryOf(payment, 'retry_asked') }));
  const idempotencyKey = JSON.stringify(`console-retry-${payment.id}`);
  return (await retryPayment(deps.payments, payment, { idempotencyKey, expiresInSeconds: null })).payment;
}

/** All of them or none. @throws AppError `not_found`, `not_retryable` */
export async function sendAgain(
  deps: PaymentActDeps,
  by: By,
  payment: Payment,
  deliveryIds: readonly string[],
): Promise<void> {
  const { db: _db, ...rest } = deps;
  const wanted = new Set<string>();
  const nudge = (ids: readonly string[]): void => ids.forEach((id) => void wanted.add(id));
  await auditAct(deps, by, async (trx: Db) => {
    for (const deliveryId of deliveryIds) await retryDelivery({ ...rest, db: trx, nudge }, payment, deliveryId);
    return { result: undefined, entry: { ...entryOf(payment, 'webhooks_resent'), after: { deliveries: deliveryIds } } };
  });
  deps.webhooks.nudge([...wanted]);
}

/** Writes down who saw the number and why, and only then lets it be shown. @throws AppError `invalid_request` */
export async function noteReveal(deps: PaymentActDeps, by: By, payment: Payment, reason: string): Promise<void> {
  const said = readReason(reason);
  await auditAct(deps, by, async () => ({
    result: undefined,
    entry: { ...entryOf(payment, 'phone_shown'), reason: said },
  }));
}
