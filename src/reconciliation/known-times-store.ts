// SQL for when receipts were paid, as far as that is known from elsewhere: what Pull tells of them may be written by
// either of two clocks, three hours apart (daraja.md section 6.4).

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { Db } from '../platform/database.ts';

/** For more values than this in one question an engine stops looking into its index. */
const atOnce = 100;

/** Within minutes: the push of its payment, or better another source's line. Rides on `(mpesa_receipt)` and the lines' receipts. */
export async function readKnownTimes(
  db: Db,
  { id, environment, shortcode }: Pick<Shortcode, 'id' | 'environment' | 'shortcode'>,
  receipts: readonly string[],
): Promise<Map<string, number>> {
  const known = new Map<string, number>();
  for (let from = 0; from < receipts.length; from += atOnce) {
    const some = receipts.slice(from, from + atOnce);
    const pushed: { receipt: string; at: number }[] = await db('payments')
      .whereIn('mpesa_receipt', some)
      .where({ shortcode_id: id })
      .whereNotNull('submitted_at')
      .select({ receipt: 'mpesa_receipt', at: 'submitted_at' });
    const told: { receipt: string; at: number }[] = await db('statement_lines')
      .where({ environment, shortcode })
      .whereIn('receipt', some)
      .whereIn('source', ['c2b', 'statement'])
      .where({ shortcode_id: id, kind: 'payment' })
      .select({ receipt: 'receipt', at: 'completed_at' });
    for (const { receipt, at } of [...pushed, ...told]) known.set(receipt, Number(at));
  }
  return known;
}
