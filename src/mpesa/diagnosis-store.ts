// Which shortcodes `lango doctor` looks at: those of every tenant, the active first.

import type { Db } from '../platform/database.ts';
import type { Environment } from './shortcode-store.ts';

/** Ids of at most `limit` shortcodes, active ones first, then by id; and how many there are. */
export async function listShortcodeIdsAcrossTenants(db: Db, limit: number): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = await db('shortcodes').orderBy(['status', 'id']).limit(limit).pluck('id');
  const row = await db('shortcodes').count({ total: '*' }).first();
  return { ids, total: Number(row?.total ?? 0) };
}

/** The environments that shortcodes push to. */
export async function listEnvironmentsAcrossTenants(db: Db): Promise<Environment[]> {
  return db('shortcodes').distinct('environment').orderBy('environment').pluck('environment');
}
