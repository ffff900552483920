// SQL for what needs attention: payments nobody is sure about, and webhooks that were given up. On the indexes of their
// statuses, so it costs what is there to be looked at and nothing else.

import type { Db } from '../platform/database.ts';

export interface DoubtfulPayments {
  shortcodeId: string;
  status: 'unknown' | 'needs_review';
  reviewReason: string | null;
  count: number;
  /** What came, or what was asked for where that is not known. */
  kes: number;
  oldestCreatedAt: number;
}

/** Payments that wait for a person, and those that are `unknown` and were created before `unknownBefore`. */
export async function listDoubtful(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
  unknownBefore: number,
): Promise<DoubtfulPayments[]> {
  const rows: Record<string, unknown>[] = await db('payments')
    .select('shortcode_id', 'status', 'review_reason')
    .count({ count: '*' })
    .select(db.raw('sum(coalesce(amount_received_kes, amount_kes)) as kes'))
    .min({ created: 'created_at' })
    .whereIn('tenant_id', tenantIds)
    .where({ mode })
    .where((either) =>
      either
        .where({ status: 'needs_review' })
        .orWhere((unknown) => unknown.where({ status: 'unknown' }).where('created_at', '<=', unknownBefore)),
    )
    .groupBy('shortcode_id', 'status', 'review_reason');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    status: row.status as DoubtfulPayments['status'],
    reviewReason: row.review_reason === null ? null : String(row.review_reason),
    count: Number(row.count),
    kes: Number(row.kes),
    oldestCreatedAt: Number(row.created),
  }));
}

export interface DeadDeliveries {
  endpointId: string;
  tenantId: string;
  count: number;
  oldestCreatedAt: number;
}

/** Deliveries that were given up since a time, by endpoint. Rides on `(endpoint_id, status, created_at, id)`. */
export async function listDeadDeliveries(
  db: Db,
  tenantIds: readonly string[],
  mode: string,
  since: number,
): Promise<DeadDeliveries[]> {
  const rows: Record<string, unknown>[] = await db('endpoints as e')
    .join('deliveries as d', 'd.endpoint_id', 'e.id')
    .select('e.id', 'e.tenant_id')
    .count({ count: '*' })
    .min({ created: 'd.created_at' })
    .whereIn('e.tenant_id', tenantIds)
    .where({ 'e.mode': mode, 'd.status': 'dead' })
    .whereNot({ 'e.status': 'deleted' })
    .where('d.created_at', '>=', since)
    .groupBy('e.id', 'e.tenant_id');
  return rows.map((row) => ({
    endpointId: String(row.id),
    tenantId: String(row.tenant_id),
    count: Number(row.count),
    oldestCreatedAt: Number(row.created),
  }));
}
