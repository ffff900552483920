// SQL for what became of the payments of a day: counts and sums, never single payments.

import type { FailureCode } from '../payments/failures.ts';
import type { Status } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';

/** Payments of one shortcode that came to the same. */
export interface PaymentCount {
  shortcodeId: string;
  shortcode: string;
  status: Status;
  failureCode: FailureCode | null;
  count: number;
  /** What was asked for. */
  amountKes: number;
  /** What arrived: of those that succeeded, as far as M-PESA told it; else what was asked for. */
  receivedKes: number;
}

/**
 * Payments made in a stretch of time (`to` is not in it), as they stand now. Rides on `(tenant_id, mode, created_at, id)`:
 * it reads the payments of the stretch and no other, however many there are.
 */
export async function countPayments(
  db: Db,
  tenantId: string,
  mode: Mode,
  { from, to, shortcodeId }: { from: number; to: number; shortcodeId?: string },
): Promise<PaymentCount[]> {
  const query = db('payments')
    .select('shortcode_id', 'shortcode', 'status', 'failure_code')
    .count({ payments: '*' })
    .sum({ asked: 'amount_kes' })
    .select(db.raw('sum(coalesce(amount_received_kes, amount_kes)) as received'))
    .where({ tenant_id: tenantId, mode })
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .groupBy('shortcode_id', 'shortcode', 'status', 'failure_code');
  if (shortcodeId !== undefined) query.where({ shortcode_id: shortcodeId });
  const rows: Record<string, unknown>[] = await query;
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    shortcode: String(row.shortcode),
    status: row.status as Status,
    failureCode: row.failure_code as FailureCode | null,
    count: Number(row.payments),
    amountKes: Number(row.asked),
    receivedKes: row.status === 'succeeded' ? Number(row.received) : 0,
  }));
}
