// SQL for what needs a person: payments nobody can be sure of, payments under review, deliveries that were given up,
// endpoints that were disabled. Each query reads only what is open, on an index that begins with the tenant or the
// status; the tenants are those the reader may see.

import type { ReviewReason } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';

/** More of one kind than this are not listed one by one. */
export const mostItems = 200;

export interface OpenPayment {
  id: string;
  tenantId: string;
  shortcode: string;
  reference: string;
  status: 'unknown' | 'needs_review';
  amountKes: number;
  amountReceivedKes: number | null;
  reviewReason: ReviewReason | null;
  createdAt: number;
  updatedAt: number;
  checkoutRequestId: string | null;
}

interface PaymentRow {
  id: string;
  tenant_id: string;
  shortcode: string;
  reference: string;
  status: OpenPayment['status'];
  amount_kes: number;
  amount_received_kes: number | null;
  review_reason: ReviewReason | null;
  created_at: number;
  updated_at: number;
  checkout_request_id: string | null;
}

/** Oldest first. Rides on `(tenant_id, mode, status, created_at, id)`. @param unknownBefore younger ones are still being asked about */
export async function listOpenPayments(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
  unknownBefore: number,
): Promise<OpenPayment[]> {
  const rows: PaymentRow[] = await db('payments')
    .select('id', 'tenant_id', 'shortcode', 'reference', 'status', 'amount_kes', 'amount_received_kes')
    .select('review_reason', 'created_at', 'updated_at', 'checkout_request_id')
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode })
    .whereIn('status', ['unknown', 'needs_review'])
    .where((either) => either.where({ status: 'needs_review' }).orWhere('created_at', '<=', unknownBefore))
    .orderBy('created_at')
    .limit(mostItems);
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    shortcode: row.shortcode,
    reference: row.reference,
    status: row.status,
    amountKes: row.amount_kes,
    amountReceivedKes: row.amount_received_kes,
    reviewReason: row.review_reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    checkoutRequestId: row.checkout_request_id,
  }));
}

export interface TroubledEndpoint {
  id: string;
  tenantId: string;
  url: string;
  status: 'enabled' | 'paused' | 'disabled';
  disabledReason: string | null;
  failingSince: number | null;
  /** Deliveries given up or held. */
  dead: number;
  held: number;
  oldestAt: number | null;
}

/** Endpoints with dead deliveries, and those that were disabled. */
export async function listTroubledEndpoints(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
): Promise<TroubledEndpoint[]> {
  const endpoints: {
    id: string;
    tenant_id: string;
    url: string;
    status: TroubledEndpoint['status'];
    disabled_reason: string | null;
    failing_since: number | null;
  }[] = await db('endpoints')
    .select('id', 'tenant_id', 'url', 'status', 'disabled_reason', 'failing_since')
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode })
    .whereNot({ status: 'deleted' });
  if (endpoints.length === 0) return [];
  const counts: { endpoint_id: string; status: 'dead' | 'held'; total: number; oldest: number }[] = await db(
    'deliveries',
  )
    .select('endpoint_id', 'status')
    .whereIn(
      'endpoint_id',
      endpoints.map(({ id }) => id),
    )
    .whereIn('status', ['dead', 'held'])
    .groupBy('endpoint_id', 'status')
    .count({ total: '*' })
    .min({ oldest: 'created_at' });
  const of = (id: string, status: 'dead' | 'held') =>
    counts.find((count) => count.endpoint_id === id && count.status === status);
  return endpoints
    .map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      url: row.url,
      status: row.status,
      disabledReason: row.disabled_reason,
      failingSince: row.failing_since,
      dead: Number(of(row.id, 'dead')?.total ?? 0),
      held: Number(of(row.id, 'held')?.total ?? 0),
      oldestAt: Math.min(of(row.id, 'dead')?.oldest ?? Infinity, of(row.id, 'held')?.oldest ?? Infinity),
    }))
    .filter(({ status, dead }) => status === 'disabled' || dead > 0)
    .map((found) => ({ ...found, oldestAt: Number.isFinite(found.oldestAt) ? found.oldestAt : null }));
}

/** The names beside items. */
export async function listAssignments(db: Db, items: readonly string[]): Promise<Map<string, string>> {
  const rows: { item: string; operator_name: string }[] = await db('assignments').whereIn('item', [...items]);
  return new Map(rows.map(({ item, operator_name }) => [item, operator_name]));
}

/** @param operator null: nobody any more */
export async function assign(
  trx: Db,
  items: readonly string[],
  operator: { id: string; email: string } | null,
  at: number,
): Promise<void> {
  await trx('assignments')
    .whereIn('item', [...items])
    .delete();
  if (operator === null || items.length === 0) return;
  const rows = items.map((item) => ({
    item,
    operator_id: operator.id,
    operator_name: operator.email,
    assigned_at: at,
  }));
  await trx('assignments').insert(rows);
}
