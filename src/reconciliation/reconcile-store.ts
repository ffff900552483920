// SQL for what reconciling does by itself: whose night is still to be reconciled, and which open discrepancies are about
// something that changed since they were last looked at.

import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';

/** Shortcodes whose night was not reconciled up to this day, in the order of their ids. */
export async function listUnreconciledAcrossTenants(db: Db, day: string, limit: number): Promise<string[]> {
  return db('shortcodes')
    .leftJoin('feeds', 'feeds.shortcode_id', 'shortcodes.id')
    .where((behind) => behind.whereNull('feeds.reconciled_day').orWhere('feeds.reconciled_day', '<', day))
    .orderBy('shortcodes.id')
    .limit(limit)
    .pluck('shortcodes.id');
}

/** Takes a shortcode's night; false when another process has taken it. */
export async function takeNight(db: Db, shortcodeId: string, day: string): Promise<boolean> {
  await insertIgnoringDuplicates(db, 'feeds', [{ shortcode_id: shortcodeId }]);
  const taken = await db('feeds')
    .where({ shortcode_id: shortcodeId })
    .where((behind) => behind.whereNull('reconciled_day').orWhere('reconciled_day', '<', day))
    .update({ reconciled_day: day });
  return taken === 1;
}

/** Open discrepancies whose payment changed since they were looked at. Rides on `(status, payment_id)`. */
export async function listOutdatedAcrossTenants(
  db: Db,
  limit: number,
): Promise<{ id: string; paymentId: string; lineId: string | null }[]> {
  return db('discrepancies')
    .join('payments', 'payments.id', 'discrepancies.payment_id')
    .where('discrepancies.status', 'open')
    .whereNotNull('discrepancies.payment_id')
    .whereRaw('payments.updated_at >= discrepancies.checked_at')
    .select({ id: 'discrepancies.id', paymentId: 'discrepancies.payment_id', lineId: 'discrepancies.line_id' })
    .limit(limit);
}
