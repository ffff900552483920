// SQL of retention. Ids sort by the time they were made, so both tables are walked by their primary key and no further
// index is needed.

import type { Db } from '../platform/database.ts';

/** Of these events, those that something waits to deliver. */
export async function findUndelivered(db: Db, eventIds: readonly string[]): Promise<Set<string>> {
  const ids: string[] = await db('deliveries')
    .whereIn('event_id', [...eventIds])
    .whereIn('status', ['pending', 'sending', 'held'])
    .pluck('event_id');
  return new Set(ids);
}

/** The next attempts after `afterId` of deliveries older than `beforeId`; those that began before `before` lose their answer. */
export async function emptyResponses(
  db: Db,
  { afterId, beforeId, before, limit }: { afterId: string; beforeId: string; before: number; limit: number },
): Promise<{ lastId: string | null; emptied: number }> {
  const ids: string[] = await db('attempts')
    .where('id', '>', afterId)
    .where('id', '<', beforeId)
    .where('started_at', '<', before)
    .whereNotNull('response_sealed')
    .orderBy('id')
    .limit(limit)
    .pluck('id');
  const emptied = await db('attempts').whereIn('id', ids).update({ response_sealed: null });
  return { lastId: ids.at(-1) ?? null, emptied };
}
