// Payments that are there before a measurement, in rows as the gateway's own store makes them: ones that wait for their
// callback, and finished ones to read.

import { callbackToken } from '../../src/mpesa/callback-token.ts';
import { phoneIndex } from '../../src/payments/create-payment.ts';
import type { Payment } from '../../src/payments/payment.ts';
import { toColumns, toRow } from '../../src/payments/payment-row.ts';
import { insertIgnoringDuplicates } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/ids.ts';
import { type Owner, type Stage, shortcode } from './stage.ts';

const batchSize = 250;

type Varying = Pick<Payment, 'status' | 'version' | 'reference' | 'mpesaReceipt' | 'confirmedBy' | 'completedAt'>;

/** Inserts `count` payments whose serials begin at `from`. */
async function seed(
  stage: Stage,
  from: number,
  count: number,
  varying: (serial: number) => Varying,
): Promise<Payment[]> {
  const { core } = stage;
  const seeded: Payment[] = [];
  while (seeded.length < count) {
    const size = Math.min(batchSize, count - seeded.length);
    const batch = Array.from({ length: size }, (_, index) => makePayment(stage, from + seeded.length + index, varying));
    const rows = batch.map((payment) => asRow(stage, payment));
    if ((await insertIgnoringDuplicates(core.db, 'payments', rows)) !== size) throw new Error('a payment was refused');
    seeded.push(...batch);
  }
  return seeded;
}

/** As the store writes a new one, with what it would have written since. */
function asRow({ core }: Stage, payment: Payment): object {
  const idempotencyKey = `"seed-${payment.requestHash}"`;
  const index = phoneIndex(payment.phone, core.dataKeys.blindIndex);
  const made = { payment, idempotencyKey, phoneIndex: index, guardEven: null, guardOdd: null };
  return { ...toRow(made, core.sealer), ...toColumns(payment) };
}

/** Finished payments; their ids. */
export async function seedFinished(stage: Stage, count: number): Promise<string[]> {
  const payments = await seed(stage, 0, count, finished);
  return payments.map(({ id }) => id);
}

const finished = (serial: number): Varying => ({
  status: 'succeeded',
  version: 4,
  reference: 'READ',
  mpesaReceipt: receiptOf('R', serial),
  confirmedBy: 'callback',
  completedAt: Date.now(),
});

/** A finished payment that is in no table: what an event is about. */
export const makeFinished = (owner: Owner, serial: number): Payment => makePayment(owner, serial, finished);

/** Payments that were pushed and wait; for each the path and the body of Safaricom's callback. */
export async function seedCallbacks(
  stage: Stage,
  from: number,
  count: number,
): Promise<[path: string, body: string][]> {
  const payments = await seed(stage, from, count, () => ({
    status: 'pending',
    version: 3,
    reference: 'CALLBACK',
    mpesaReceipt: null,
    confirmedBy: null,
    completedAt: null,
  }));
  return payments.map((payment, index) => [
    `/callbacks/stk/${payment.id}/${callbackToken(stage.core.dataKeys.callbacks, payment.id)}`,
    callbackBody(payment, receiptOf('C', from + index)),
  ]);
}

function receiptOf(kind: string, serial: number): string {
  return `U${kind}${serial.toString(36).toUpperCase().padStart(8, '0')}`;
}

function makePayment({ tenantId, shortcodeId }: Owner, serial: number, varying: (serial: number) => Varying): Payment {
  const now = Date.now();
  const fields = varying(serial);
  return {
    id: newId('pay'),
    tenantId,
    mode: 'test',
    shortcodeId,
    shortcode,
    environment: 'simulator',
    flags: [],
    amountKes: 1 + (serial % 70_000),
    amountReceivedKes: fields.status === 'succeeded' ? 1 + (serial % 70_000) : null,
    phone: `2541${String(serial).padStart(8, '0')}`,
    description: 'Bench',
    metadata: { order: String(serial), channel: 'web' },
    requestHash: `${fields.reference}-${serial}`,
    retryOf: null,
    paymentLinkId: null,
    merchantRequestId: `29115-34620561-${serial}`,
    checkoutRequestId: `ws_CO_${fields.reference}_${serial}_712345678`,
    failureCode: null,
    providerCode: null,
    providerMessage: null,
    reviewReason: null,
    createdAt: now,
    submittedAt: now,
    expiresAt: now + 3_600_000,
    updatedAt: now,
    dueAt: fields.status === 'succeeded' ? null : now + 3_600_000,
    attemptCount: 1,
    nextAttemptAt: null,
    leaseToken: null,
    leaseUntil: null,
    nextAskAt: null,
    lastAskedAt: null,
    lastAnsweredAt: null,
    firstDeniedAt: null,
    ...fields,
  };
}

/** The recorded form of daraja.md section 4.1. */
function callbackBody({ merchantRequestId, checkoutRequestId, amountKes, phone }: Payment, receipt: string): string {
  const Item = [
    { Name: 'Amount', Value: amountKes },
    { Name: 'MpesaReceiptNumber', Value: receipt },
    { Name: 'Balance' },
    { Name: 'TransactionDate', Value: 20261106102115 },
    { Name: 'PhoneNumber', Value: Number(phone) },
  ];
  return JSON.stringify({
    Body: {
      stkCallback: {
        MerchantRequestID: merchantRequestId,
        CheckoutRequestID: checkoutRequestId,
        ResultCode: 0,
        ResultDesc: 'The service request is processed successfully.',
        CallbackMetadata: { Item },
      },
    },
  });
}
