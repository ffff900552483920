// SQL over the audit log for pages: which actions there are to choose from, and since when a shortcode has the
// credentials it has; before the first replacement it is the day the shortcode was added.

import type { Db } from '../platform/database.ts';

/** Every action that was ever written down, by name; rides on the index of actions. */
export async function listActions(db: Db): Promise<string[]> {
  return db('audit_log').distinct('action').orderBy('action').limit(200).pluck('action');
}

/** When its credentials were replaced last; null: never. */
export async function findCredentialsReplacedAt(db: Db, shortcodeId: string): Promise<number | null> {
  const row = await db('audit_log')
    .where({ target: shortcodeId, action: 'shortcode.credentials_replaced' })
    .orderBy('seq', 'desc')
    .first('at');
  return row?.at ?? null;
}
