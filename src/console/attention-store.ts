// SQL for what needs a person: payments nobody can be sure of, payments under review, deliveries that were given up,
// endpoints that were disabled. Each query reads only what is open, on an index that begins with the tenant or the
// status; the tenants are those the reader may see. Counts and sums are of all that is open, rows of the oldest.

import type { ReviewReason } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';

/** More of one kind than this are not listed one by one. */
export const mostItems = 200;

/** Whose payments, and which: those under review, and unknown ones that were created before `unknownBefore`. */
export interface OpenWindow {
  tenantIds: readonly string[];
  mode: string;
  /** Younger ones are still being asked about. */
  unknownBefore: number;
}

/** Rides on `(tenant_id, mode, status, created_at, id)`. */
function openPayments(db: Db, { tenantIds, mode, unknownBefore }: OpenWindow) {
  return db('payments')
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode })
    .whereIn('status', ['unknown', 'needs_review'])
    .where((either) => either.where({ status: 'needs_review' }).orWhere('created_at', '<=', unknownBefore));
}

/** Open payments of one shortcode that are open for the same reason. */
export interface OpenSum {
  shortcodeId: string;
  status: 'unknown' | 'needs_review';
  reviewReason: ReviewReason | null;
  count: number;
  /** What came, or what was asked for where that is not known. */
  kes: number;
  oldestCreatedAt: number;
}

export async function sumOpenPayments(db: Db, window: OpenWindow): Promise<OpenSum[]> {
  const rows: Record<string, unknown>[] = await openPayments(db, window)
    .select('shortcode_id', 'status', 'review_reason')
    .count({ count: '*' })
    .select(db.raw('sum(coalesce(amount_received_kes, amount_kes)) as kes'))
    .min({ created: 'created_at' })
    .groupBy('shortcode_id', 'status', 'review_reason');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    status: row.status as OpenSum['status'],
    reviewReason: (row.review_reason ?? null) as ReviewReason | null,
    count: Number(row.count),
    kes: Number(row.kes),
    oldestCreatedAt: Number(row.created),
  }));
}

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

/** The oldest, first. @param statuses of which kind */
export async function listOpenPayments(
  db: Db,
  window: OpenWindow,
  statuses: readonly OpenPayment['status'][],
): Promise<OpenPayment[]> {
  const rows: PaymentRow[] = await openPayments(db, window)
    .select('id', 'tenant_id', 'shortcode', 'reference', 'status', 'amount_kes', 'amount_received_kes')
    .select('review_reason', 'created_at', 'updated_at', 'checkout_request_id')
    .whereIn('status', [...statuses])
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
  /** Deliveries given up lately, and held. */
  dead: number;
  held: number;
  oldestAt: number | null;
}

/** Endpoints that were disabled, and those with deliveries given up of what happened since `since`. Rides on `(endpoint_id, status, created_at, id)`. */
export async function listTroubledEndpoints(
  db: Db,
  { tenantIds, mode }: Pick<OpenWindow, 'tenantIds' | 'mode'>,
  since: number,
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
  const ids = (some: readonly { id: string }[]): string[] => some.map(({ id }) => id);
  const dead = await countDeliveries(db, ids(endpoints), 'dead', since);
  const disabled = ids(endpoints.filter(({ status }) => status === 'disabled'));
  const held = await countDeliveries(db, disabled, 'held', 0);
  return endpoints
    .map((row) => {
      const counts = [dead.get(row.id), held.get(row.id)];
      const oldest = counts.flatMap((one) => (one === undefined ? [] : [one.oldest]));
      return {
        id: row.id,
        tenantId: row.tenant_id,
        url: row.url,
        status: row.status,
        disabledReason: row.disabled_reason,
        failingSince: row.failing_since,
        dead: counts[0]?.total ?? 0,
        held: counts[1]?.total ?? 0,
        oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
      };
    })
    .filter(({ status, dead: given }) => status === 'disabled' || given > 0);
}

async function countDeliveries(
  db: Db,
  endpointIds: readonly string[],
  status: 'dead' | 'held',
  since: number,
): Promise<Map<string, { total: number; oldest: number }>> {
  if (endpointIds.length === 0) return new Map();
  const rows: { endpoint_id: string; total: number; oldest: number }[] = await db('deliveries')
    .select('endpoint_id')
    .whereIn('endpoint_id', [...endpointIds])
    .where({ status })
    .where('created_at', '>=', since)
    .groupBy('endpoint_id')
    .count({ total: '*' })
    .min({ oldest: 'created_at' });
  return new Map(rows.map((row) => [row.endpoint_id, { total: Number(row.total), oldest: Number(row.oldest) }]));
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
  operator: { id: string; name: string } | null,
  at: number,
): Promise<void> {
  await trx('assignments')
    .whereIn('item', [...items])
    .delete();
  if (operator === null || items.length === 0) return;
  const rows = items.map((item) => ({
    item,
    operator_id: operator.id,
    operator_name: operator.name,
    assigned_at: at,
  }));
  await trx('assignments').insert(rows);
}
