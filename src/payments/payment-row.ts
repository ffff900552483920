// A payment as a row: the one place that knows the columns. The phone is sealed on the way out and opened on the way in.

import type { Sealer } from '../platform/sealing.ts';
import type { Flag, Payment } from './payment.ts';

/** A payment about to be stored, with what only the row needs. */
export interface NewPayment {
  payment: Payment;
  /** In its quoted form. */
  idempotencyKey: string;
  phoneIndex: string;
  guardEven: string | null;
  guardOdd: string | null;
}

export type Row = Record<string, unknown>;

/** Fields that are stored as they are, and their columns. */
const columns = {
  id: 'id',
  tenantId: 'tenant_id',
  mode: 'mode',
  shortcodeId: 'shortcode_id',
  shortcode: 'shortcode',
  environment: 'environment',
  status: 'status',
  version: 'version',
  amountKes: 'amount_kes',
  amountReceivedKes: 'amount_received_kes',
  reference: 'reference',
  description: 'description',
  requestHash: 'request_hash',
  retryOf: 'retry_of',
  paymentLinkId: 'payment_link_id',
  merchantRequestId: 'merchant_request_id',
  checkoutRequestId: 'checkout_request_id',
  mpesaReceipt: 'mpesa_receipt',
  confirmedBy: 'confirmed_by',
  failureCode: 'failure_code',
  providerCode: 'provider_code',
  providerMessage: 'provider_message',
  reviewReason: 'review_reason',
  createdAt: 'created_at',
  submittedAt: 'submitted_at',
  completedAt: 'completed_at',
  expiresAt: 'expires_at',
  updatedAt: 'updated_at',
  dueAt: 'due_at',
  attemptCount: 'attempt_count',
  nextAttemptAt: 'next_attempt_at',
  leaseToken: 'lease_token',
  leaseUntil: 'lease_until',
  nextAskAt: 'next_ask_at',
  lastAskedAt: 'last_asked_at',
  lastAnsweredAt: 'last_answered_at',
  firstDeniedAt: 'first_denied_at',
} as const satisfies Partial<Record<keyof Payment, string>>;

const plainFields = Object.entries(columns) as [keyof typeof columns, string][];

/** What a new payment has; the rest is null until something happens. */
const insertedFields = [
  'id',
  'tenantId',
  'mode',
  'shortcodeId',
  'shortcode',
  'environment',
  'status',
  'version',
  'amountKes',
  'reference',
  'description',
  'requestHash',
  'retryOf',
  'createdAt',
  'expiresAt',
  'updatedAt',
  'dueAt',
  'attemptCount',
  'nextAttemptAt',
] as const satisfies readonly (keyof typeof columns)[];

export function phoneContext(paymentId: string): readonly [string, string, string] {
  return ['payments', 'phone_sealed', paymentId];
}

export function toRow({ payment, idempotencyKey, phoneIndex, guardEven, guardOdd }: NewPayment, sealer: Sealer): Row {
  const row: Row = {};
  for (const field of insertedFields) row[columns[field]] = payment[field];
  row.flags = payment.flags.join(' ');
  row.metadata = JSON.stringify(payment.metadata);
  row.phone_sealed = sealer.seal(payment.phone, phoneContext(payment.id));
  row.phone_index = phoneIndex;
  row.phone_tail = payment.phone.slice(-3);
  row.idempotency_key = idempotencyKey;
  row.guard_even = guardEven;
  row.guard_odd = guardOdd;
  return row;
}

export function toColumns(patch: Partial<Payment>): Row {
  const row: Row = {};
  for (const [field, column] of plainFields) if (patch[field] !== undefined) row[column] = patch[field];
  if (patch.flags !== undefined) row.flags = patch.flags.join(' ');
  // What M-PESA wrote is as long as it likes; a text that does not fit must not keep a result out (promise 3).
  if (typeof row.provider_code === 'string') row.provider_code = row.provider_code.slice(0, 40);
  if (typeof row.provider_message === 'string') row.provider_message = row.provider_message.slice(0, 255);
  return row;
}

export function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

export function toPaymentIfFound(row: Row | undefined, sealer: Sealer): Payment | undefined {
  return row === undefined ? undefined : toPayment(row, sealer);
}

export function toPayment(row: Row, sealer: Sealer): Payment {
  const payment: Row = {};
  for (const [field, column] of plainFields) payment[field] = row[column];
  payment.flags = (String(row.flags).match(/\S+/g) ?? []) as Flag[];
  payment.metadata = JSON.parse(String(row.metadata));
  payment.phone = sealer.open(String(row.phone_sealed), phoneContext(String(row.id)));
  return payment as unknown as Payment;
}
