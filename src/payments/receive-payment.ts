// Makes a payment of money that came without being asked for: M-PESA's own record names it, an operator says that it is
// a payment. It is put in and settled in one transaction, through the same door as all else, so that the merchant hears
// of it like of any other; nothing is ever pushed for it.

import { type Db, inTransaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { phoneIndex } from './create-payment.ts';
import type { HeardEvidence } from './evidence.ts';
import type { Payment } from './payment.ts';
import { insertPayments } from './payment-store.ts';
import { shownPhone } from './phone.ts';
import { type SettleDeps, type Settled, settlePayment } from './settle-payments.ts';

export interface ReceiveDeps extends SettleDeps {
  blindIndexKey: Buffer;
}

export interface ReceivedMoney
  extends Pick<Payment, 'tenantId' | 'mode' | 'shortcodeId' | 'shortcode' | 'environment' | 'amountKes'> {
  /** Makes it the same payment when it is asked for again. */
  key: string;
  /** The account the payer gave; null where M-PESA shows none. */
  account: string | null;
  /** Of the record: strength A, with receipt and amount. */
  evidence: HeardEvidence & { receipt: string };
  /** Who says that it is a payment. */
  actor: string;
}

/** Of no further meaning: nothing waits for a payment that is settled as it is made. */
const lifeMs = 300_000;

class NotReceived extends Error {}

/** @returns undefined when there is one already, or the receipt is another payment's */
export async function receivePayment(deps: ReceiveDeps, money: ReceivedMoney): Promise<Settled | undefined> {
  try {
    // In a transaction of its own inside the caller's: a payment that cannot be settled is not put in either.
    return await inTransaction(deps.db, (trx) => receiveInside({ ...deps, db: trx }, money));
  } catch (thrown) {
    if (thrown instanceof NotReceived) return undefined;
    throw thrown;
  }
}

async function receiveInside(deps: ReceiveDeps & { db: Db }, money: ReceivedMoney): Promise<Settled> {
  const { key, evidence, actor } = money;
  const payment = makeReceived(money, deps.now());
  const row = {
    payment,
    idempotencyKey: JSON.stringify(key),
    phoneIndex: phoneIndex(payment.phone, deps.blindIndexKey),
    guardEven: null,
    guardOdd: null,
  };
  if ((await insertPayments(deps.db, deps.sealer, [row])).size !== 1) throw new NotReceived();
  const news = { kind: 'heard', evidence } as const;
  const settled = await settlePayment(deps, { paymentId: payment.id, news, actor, needsFreeReceipt: true });
  if (settled?.to !== 'succeeded') throw new NotReceived();
  return settled;
}

function makeReceived(money: ReceivedMoney, now: number): Payment {
  const { tenantId, mode, shortcodeId, shortcode, environment, amountKes, account, key, evidence } = money;
  const reference = referenceOf(account) ?? evidence.receipt.slice(0, 12);
  return {
    id: newId('pay'),
    tenantId,
    mode,
    shortcodeId,
    shortcode,
    environment,
    status: 'queued',
    version: 1,
    flags: [],
    amountKes,
    amountReceivedKes: null,
    phone: shownPhone(evidence.phone),
    reference,
    description: 'Payment',
    metadata: account === null || account === reference ? {} : { account },
    requestHash: key,
    retryOf: null,
    paymentLinkId: null,
    merchantRequestId: null,
    checkoutRequestId: null,
    mpesaReceipt: null,
    confirmedBy: null,
    failureCode: null,
    providerCode: null,
    providerMessage: null,
    reviewReason: null,
    createdAt: now,
    submittedAt: null,
    completedAt: null,
    expiresAt: now + lifeMs,
    updatedAt: now,
    dueAt: null,
    attemptCount: 0,
    nextAttemptAt: null,
    leaseToken: null,
    leaseUntil: null,
    nextAskAt: null,
    lastAskedAt: null,
    lastAnsweredAt: null,
    firstDeniedAt: null,
  };
}

/** What of an account may be a reference (api.md, POST /v1/payments). */
function referenceOf(account: string | null): string | null {
  const text = (account ?? '')
    .replace(/[^A-Za-z0-9 .-]/g, '')
    .slice(0, 12)
    .trim();
  return text === '' ? null : text;
}
