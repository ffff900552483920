// SQL for payments. Everything a tenant may read takes the tenant and the mode; what workers need across tenants says so.

import { type Db, forUpdate, insertIgnoringDuplicates, readPage, updateRows } from '../platform/database.ts';
import type { ListWindow, Page } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Payment, PaymentPatch, Status } from './payment.ts';
import { type NewPayment, pick, type Row, toColumns, toPayment, toPaymentIfFound, toRow } from './payment-row.ts';

/** Rows that are not in the database yet because of a unique index are left out; the ids that went in. */
export async function insertPayments(db: Db, sealer: Sealer, payments: readonly NewPayment[]): Promise<Set<string>> {
  const inserted = await insertIgnoringDuplicates(
    db,
    'payments',
    payments.map((payment) => toRow(payment, sealer)),
  );
  const ids = payments.map(({ payment }) => payment.id);
  if (inserted === payments.length) return new Set(ids);
  return new Set<string>(await db('payments').whereIn('id', ids).pluck('id'));
}

export async function findPaymentByIdempotencyKey(
  db: Db,
  tenantId: string,
  mode: Mode,
  sealer: Sealer,
  idempotencyKey: string,
): Promise<Payment | undefined> {
  return toPaymentIfFound(
    await db('payments').where({ tenant_id: tenantId, mode, idempotency_key: idempotencyKey }).first(),
    sealer,
  );
}

/** The newest payment with this receipt: a receipt is unique in one shortcode of one environment. */
export async function findPaymentByReceipt(
  db: Db,
  tenantId: string,
  mode: Mode,
  sealer: Sealer,
  receipt: string,
): Promise<Payment | undefined> {
  const row = await db('payments')
    .where({ mpesa_receipt: receipt, tenant_id: tenantId, mode })
    .orderBy('created_at', 'desc')
    .first();
  return toPaymentIfFound(row, sealer);
}

export interface PaymentFilter extends ListWindow {
  status?: Status[] | undefined;
  reference?: string | undefined;
  phoneIndex?: string | undefined;
  receipt?: string | undefined;
  shortcode?: string | undefined;
}

export async function listPayments(
  db: Db,
  tenantId: string,
  mode: Mode,
  sealer: Sealer,
  filter: PaymentFilter,
): Promise<Page<Payment>> {
  const query = db('payments').where({ tenant_id: tenantId, mode });
  if (filter.status !== undefined) query.whereIn('status', filter.status);
  if (filter.reference !== undefined) query.where({ reference: filter.reference });
  if (filter.phoneIndex !== undefined) query.where({ phone_index: filter.phoneIndex });
  if (filter.receipt !== undefined) query.where({ mpesa_receipt: filter.receipt });
  if (filter.shortcode !== undefined) query.where({ shortcode: filter.shortcode });
  return readPage(query, filter, (row: Row) => toPayment(row, sealer));
}

/** Many by id, in one statement. The caller checks whose they are. */
export async function findPaymentsAcrossTenants(
  db: Db,
  sealer: Sealer,
  paymentIds: readonly string[],
): Promise<Map<string, Payment>> {
  const rows: Row[] = await db('payments').whereIn('id', paymentIds);
  return new Map(rows.map((row) => [String(row.id), toPayment(row, sealer)]));
}

export async function findPaymentAcrossTenants(
  db: Db,
  sealer: Sealer,
  paymentId: string,
): Promise<Payment | undefined> {
  return toPaymentIfFound(await db('payments').where({ id: paymentId }).first(), sealer);
}

/** Locks payments until the transaction ends, in the order of their ids, so that two batches cannot wait for each other. */
export async function lockPaymentsAcrossTenants(
  trx: Db,
  sealer: Sealer,
  paymentIds: readonly string[],
): Promise<Map<string, Payment>> {
  const rows: Row[] = await forUpdate(trx('payments').whereIn('id', paymentIds).orderBy('id'), trx);
  return new Map(rows.map((row) => [String(row.id), toPayment(row, sealer)]));
}

/** Which of these CheckoutRequestIDs belong to a payment already, and to which. */
export async function findOwnersOfIdsAcrossTenants(
  trx: Db,
  checkoutRequestIds: readonly string[],
): Promise<Map<string, string>> {
  if (checkoutRequestIds.length === 0) return new Map();
  const rows: { id: string; checkout_request_id: string }[] = await trx('payments')
    .select('id', 'checkout_request_id')
    .whereIn('checkout_request_id', checkoutRequestIds);
  return new Map(rows.map((row) => [row.checkout_request_id, row.id]));
}

/**
 * Writes what changed, all payments in one statement. Only `settle-payments` may call this for a patch that has a
 * status.
 * @param changes the patch of each payment, and the payment as it is with it
 */
export async function updatePayments(
  trx: Db,
  changes: readonly { payment: Payment; patch: PaymentPatch }[],
): Promise<void> {
  const [first, ...others] = changes;
  if (first === undefined) return;
  if (others.length === 0) {
    await trx('payments').where({ id: first.payment.id }).update(toColumns(first.patch));
    return;
  }
  const touched = new Set(changes.flatMap(({ patch }) => Object.keys(toColumns(patch))));
  const rows = changes.map(({ payment }) => pick(toColumns(payment), ['id', ...touched]));
  await updateRows(trx, 'payments', rows);
}

/** Ids of payments that are due, the longest due first; those of held-back shortcodes only once they expire. */
export async function findDueAcrossTenants(
  db: Db,
  now: number,
  heldShortcodeIds: readonly string[],
  limit: number,
): Promise<string[]> {
  const query = db('payments').where('due_at', '<=', now);
  if (heldShortcodeIds.length > 0) {
    query.whereNot((held) =>
      held.where('status', 'queued').whereIn('shortcode_id', heldShortcodeIds).where('expires_at', '>', now),
    );
  }
  return query.orderBy('due_at').limit(limit).pluck('id');
}

/** Takes the asking for one worker: true for exactly one of those that saw the same `lastAskedAt`. */
export async function claimAskAcrossTenants(db: Db, payment: Payment, patch: PaymentPatch): Promise<boolean> {
  const changed = await db('payments')
    .where({ id: payment.id, last_asked_at: payment.lastAskedAt, version: payment.version })
    .update(toColumns(patch));
  return changed === 1;
}

/** Brings the next asking forward; false when the payment moved on meanwhile. */
export async function hastenAsk(db: Db, payment: Payment, nextAskAt: number): Promise<boolean> {
  return (
    (await db('payments')
      .where({ id: payment.id, version: payment.version })
      .update({ next_ask_at: nextAskAt, due_at: nextAskAt })) === 1
  );
}

/** Payments that hold one of these guards, locked, in the order of their ids; see payments/duplicate-window. */
export async function lockGuardHolders(
  trx: Db,
  guards: readonly string[],
): Promise<{ guardEven: string | null; guardOdd: string | null }[]> {
  const query = trx('payments')
    .select('guard_even', 'guard_odd')
    .whereIn('guard_even', guards)
    .orWhereIn('guard_odd', guards)
    .orderBy('id');
  const rows: { guard_even: string | null; guard_odd: string | null }[] = await forUpdate(query, trx);
  return rows.map((row) => ({ guardEven: row.guard_even, guardOdd: row.guard_odd }));
}

/** The newest payment with these details since `since` that is live or succeeded. */
export async function findRival(
  trx: Db,
  payment: Payment,
  phoneIndex: string,
  since: number,
  rivalStatuses: readonly Status[],
): Promise<{ id: string; createdAt: number } | undefined> {
  const row = await trx('payments')
    .where({
      tenant_id: payment.tenantId,
      mode: payment.mode,
      phone_index: phoneIndex,
      amount_kes: payment.amountKes,
      shortcode_id: payment.shortcodeId,
    })
    .where('created_at', '>', since)
    .whereIn('status', rivalStatuses)
    .orderBy('created_at', 'desc')
    .first('id', 'created_at');
  return row === undefined ? undefined : { id: row.id, createdAt: row.created_at };
}

/** Payments without a result, by status; all of them are due at some time, which is what keeps this count cheap. */
export async function countLive(
  db: Db,
): Promise<{ byStatus: { status: string; count: number }[]; oldestUnknownAt: number | null }> {
  const rows: Record<string, unknown>[] = await db('payments')
    .select('status')
    .count({ count: '*' })
    .min({ oldest: 'submitted_at' })
    .whereNotNull('due_at')
    .groupBy('status');
  const unknown = rows.find(({ status }) => status === 'unknown');
  return {
    byStatus: rows.map(({ status, count }) => ({ status: String(status), count: Number(count) })),
    oldestUnknownAt: unknown === undefined ? null : Number(unknown.oldest),
  };
}
