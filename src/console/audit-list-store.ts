// SQL for the page of the audit log: which actions there are to choose from.

import type { Db } from '../platform/database.ts';

/** Every action that was ever written down, by name; rides on the index of actions. */
export async function listActions(db: Db): Promise<string[]> {
  return db('audit_log').distinct('action').orderBy('action').limit(200).pluck('action');
}
