// SQL for the pages about shortcodes: since when a shortcode has the credentials it has. The audit log knows; before the
// first replacement it is the day the shortcode was added.

import type { Db } from '../platform/database.ts';

/** When its credentials were replaced last; null: never. */
export async function findCredentialsReplacedAt(db: Db, shortcodeId: string): Promise<number | null> {
  const row = await db('audit_log')
    .where({ target: shortcodeId, action: 'shortcode.credentials_replaced' })
    .orderBy('seq', 'desc')
    .first('at');
  return row?.at ?? null;
}
