// SQL that finds the payments money may belong to, for lines of M-PESA's own record. Only indexes that payments have
// anyway: a line is looked for by its account among the references, or where it shows none by time alone.

import type { Db } from '../platform/database.ts';
import type { Position } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Payment } from './payment.ts';
import { type Row, toPayment } from './payment-row.ts';

export interface Sought {
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  amountKes: number;
  /** The account as it may be written; null where the line shows none. */
  references: readonly string[] | null;
  hasReceipt: boolean;
  /** When the push was begun, or the payment made where none was; both included. */
  pushedFrom: number;
  pushedTo: number;
  /** How long before its push a payment may have been made. */
  waitedAtMostMs: number;
}

/** Far more than an operator would choose from. */
const mostSimilar = 200;

/**
 * Payments of this amount that were pushed in this time, in no order. Rides on `(tenant_id, mode, reference, created_at)`,
 * and where no account is shown on `(tenant_id, mode, created_at, id)`: keep that time short. It asks for no order, because
 * an engine that is asked for the newest few walks the other index.
 */
export async function findSimilarPayments(db: Db, sealer: Sealer, sought: Sought): Promise<Payment[]> {
  const { pushedFrom, pushedTo, waitedAtMostMs } = sought;
  const query = db('payments').where({ tenant_id: sought.tenantId, mode: sought.mode });
  if (sought.references !== null) query.whereIn('reference', [...sought.references]);
  if (sought.hasReceipt) query.whereNotNull('mpesa_receipt');
  else query.whereNull('mpesa_receipt');
  const rows: Row[] = await query
    .whereBetween('created_at', [pushedFrom - waitedAtMostMs, pushedTo])
    .where({ shortcode_id: sought.shortcodeId, amount_kes: sought.amountKes })
    .whereRaw('coalesce(submitted_at, created_at) between ? and ?', [pushedFrom, pushedTo])
    .limit(mostSimilar);
  return rows.map((row) => toPayment(row, sealer));
}

export interface SoughtTogether extends Pick<Sought, 'tenantId' | 'mode' | 'shortcodeId'> {
  references: readonly string[];
  /** When the payments were made, both included. */
  createdFrom: number;
  createdTo: number;
}

/** How many payments of a time have each of these references, of any shortcode. Reads the index alone. */
export async function countByReference(
  db: Db,
  { tenantId, mode, references, createdFrom, createdTo }: SoughtTogether,
): Promise<Map<string, number>> {
  const rows: Record<string, unknown>[] = await db('payments')
    .select('reference')
    .count({ count: '*' })
    .where({ tenant_id: tenantId, mode })
    .whereIn('reference', [...references])
    .whereBetween('created_at', [createdFrom, createdTo])
    .groupBy('reference');
  return new Map(rows.map(({ reference, count }) => [String(reference), Number(count)]));
}

/** All payments of one of these amounts and references; ask only for references that few payments have. */
export async function findByReferences(
  db: Db,
  sealer: Sealer,
  { tenantId, mode, shortcodeId, references, createdFrom, createdTo }: SoughtTogether,
  amountsKes: readonly number[],
): Promise<Payment[]> {
  const rows: Row[] = await db('payments')
    .where({ tenant_id: tenantId, mode })
    .whereIn('reference', [...references])
    .whereBetween('created_at', [createdFrom, createdTo])
    .where({ shortcode_id: shortcodeId })
    .whereIn('amount_kes', [...amountsKes]);
  return rows.map((row) => toPayment(row, sealer));
}

/** So many that each payment cannot be looked at for each line. */
const crowd = 2000;

/** Whether very many payments of a time have these references. Reads the index alone, and no more of it than that. */
export async function isCrowded(
  db: Db,
  { tenantId, mode, references, createdFrom, createdTo }: Omit<SoughtTogether, 'shortcodeId'>,
): Promise<boolean> {
  const last = await db('payments')
    .select('reference')
    .where({ tenant_id: tenantId, mode })
    .whereIn('reference', [...references])
    .whereBetween('created_at', [createdFrom, createdTo])
    .offset(crowd - 1)
    .limit(1);
  return last.length > 0;
}

export interface SoughtDay {
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  status: 'succeeded' | 'needs_review';
  /** The day, the end excluded. */
  from: number;
  to: number;
}

/** A payment is settled at most this long after it was made; and one that says it was settled before it was made is not left out. */
const settledWithinMs = 8 * 24 * 3_600_000;
const madeAfterMs = 2 * 24 * 3_600_000;

/**
 * Ids of payments that were made or settled on a day, in the order they were made, after a position. Rides on
 * `(tenant_id, mode, status, created_at, id)`.
 */
export async function listPaymentsOfDay(
  db: Db,
  { tenantId, mode, shortcodeId, status, from, to }: SoughtDay,
  after: Position | null,
  limit: number,
): Promise<Position[]> {
  const query = db('payments')
    .select('id', { createdAt: 'created_at' })
    .where({ tenant_id: tenantId, mode, status })
    .whereBetween('created_at', [Math.max(from - settledWithinMs, after?.createdAt ?? 0), to + madeAfterMs])
    .where({ shortcode_id: shortcodeId })
    .where((either) => {
      either.where((made) => void made.where('created_at', '>=', from).where('created_at', '<', to));
      either.orWhere((settled) => void settled.where('completed_at', '>=', from).where('completed_at', '<', to));
    });
  if (after !== null)
    query.where((later) => void later.where('created_at', '>', after.createdAt).orWhere('id', '>', after.id));
  const rows: { id: string; createdAt: number }[] = await query.orderBy(['created_at', 'id']).limit(limit);
  return rows.map(({ id, createdAt }) => ({ id, createdAt: Number(createdAt) }));
}
