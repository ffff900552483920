// Retention: what customers' numbers stand in is not kept for ever. After ninety days the answers of endpoints are
// removed and the bodies of events are emptied; the rows stay, so that history and counts stay true. What has not been
// delivered yet keeps its body.

import { emptyBodies, findOldEventsAcrossTenants } from '../events/event-store.ts';
import type { Db } from '../platform/database.ts';
import { idAt } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';
import { keepBodiesMs } from './policy.ts';
import { emptyResponses, findUndelivered } from './retention-store.ts';

const batchSize = 500;

interface RetentionDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
}

/** Walks everything that is old enough, in batches; how many bodies were emptied. */
export async function emptyOldBodies(deps: RetentionDeps): Promise<number> {
  const before = deps.now() - keepBodiesMs;
  return (await emptyAnswers(deps, before)) + (await emptyEvents(deps, before));
}

async function emptyAnswers({ db }: RetentionDeps, before: number): Promise<number> {
  const beforeId = idAt('whd', before);
  let emptied = 0;
  for (let afterId: string | null = ''; afterId !== null; ) {
    const batch: { lastId: string | null; emptied: number } = await emptyResponses(db, {
      afterId,
      beforeId,
      before,
      limit: batchSize,
    });
    emptied += batch.emptied;
    afterId = batch.lastId;
  }
  return emptied;
}

async function emptyEvents({ db, sealer }: RetentionDeps, before: number): Promise<number> {
  const beforeId = idAt('evt', before);
  let emptied = 0;
  for (let afterId: string | undefined = ''; afterId !== undefined; ) {
    const events: string[] = await findOldEventsAcrossTenants(db, { afterId, beforeId, limit: batchSize });
    const undelivered = await findUndelivered(db, events);
    emptied += await emptyBodies(
      db,
      sealer,
      events.filter((id) => !undelivered.has(id)),
    );
    afterId = events.at(-1);
  }
  return emptied;
}
