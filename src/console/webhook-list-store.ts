// SQL for the webhooks pages: how endpoints have fared in the last day, in one query for all of a page. Rides on
// `(endpoint_id, status, created_at, id)`.

import type { Db } from '../platform/database.ts';

export interface EndpointDay {
  delivered: number;
  dead: number;
  /** Pending, being sent or held. */
  waiting: number;
  oldestWaitingAt: number | null;
}

export const freshDay: EndpointDay = { delivered: 0, dead: 0, waiting: 0, oldestWaitingAt: null };

/** By endpoint: what was recorded since `since` and has ended, and everything that waits. */
export async function readEndpointDays(
  db: Db,
  endpointIds: readonly string[],
  since: number,
): Promise<Map<string, EndpointDay>> {
  if (endpointIds.length === 0) return new Map();
  const ended: { endpoint_id: string; status: string; total: number }[] = await db('deliveries')
    .select('endpoint_id', 'status')
    .whereIn('endpoint_id', [...endpointIds])
    .whereIn('status', ['delivered', 'dead'])
    .where('created_at', '>=', since)
    .groupBy('endpoint_id', 'status')
    .count({ total: '*' });
  const waiting: { endpoint_id: string; total: number; oldest: number }[] = await db('deliveries')
    .select('endpoint_id')
    .whereIn('endpoint_id', [...endpointIds])
    .whereIn('status', ['pending', 'sending', 'held'])
    .groupBy('endpoint_id')
    .count({ total: '*' })
    .min({ oldest: 'created_at' });
  const countOf = (id: string, status: string): number =>
    Number(ended.find((row) => row.endpoint_id === id && row.status === status)?.total ?? 0);
  return new Map(
    endpointIds.map((id) => {
      const waits = waiting.find((row) => row.endpoint_id === id);
      const day = {
        delivered: countOf(id, 'delivered'),
        dead: countOf(id, 'dead'),
        waiting: Number(waits?.total ?? 0),
        oldestWaitingAt: waits?.oldest ?? null,
      };
      return [id, day];
    }),
  );
}
