// SQL for the webhooks pages: how endpoints have fared in the last day, in few queries for all of a page. Rides on
// `(endpoint_id, status, created_at, id)` and `(endpoint_id, created_at, id)`.

import { type Db, unionAll } from '../platform/database.ts';

export interface EndpointDay {
  delivered: number;
  dead: number;
  /** Pending, being sent or held. */
  waiting: number;
  oldestWaitingAt: number | null;
  /** Of twenty answers nineteen came within so long; of the latest hundred webhooks. Null: none was answered. */
  p95Ms: number | null;
}

export const freshDay: EndpointDay = { delivered: 0, dead: 0, waiting: 0, oldestWaitingAt: null, p95Ms: null };

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
  const times = await readAnswerTimes(db, endpointIds, since);
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
        p95Ms: percentile(times.get(id) ?? [], 0.95),
      };
      return [id, day];
    }),
  );
}

const sampled = 100;
/** SQLite takes 500 queries in one statement. */
const endpointsAtOnce = 100;

/** By endpoint: how long each attempt took that was answered, or waited for an answer that never came. */
async function readAnswerTimes(db: Db, endpointIds: readonly string[], since: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  for (let from = 0; from < endpointIds.length; from += endpointsAtOnce) {
    const latest = endpointIds.slice(from, from + endpointsAtOnce).map((endpointId) =>
      db('deliveries')
        .select('id', 'endpoint_id')
        .where({ endpoint_id: endpointId })
        .where('created_at', '>=', since)
        .orderBy([
          { column: 'created_at', order: 'desc' },
          { column: 'id', order: 'desc' },
        ])
        .limit(sampled),
    );
    const rows: { endpoint_id: string; duration_ms: number }[] = await db
      .select('latest.endpoint_id', 'attempts.duration_ms')
      .from(unionAll(db, latest).as('latest'))
      .join('attempts', 'attempts.delivery_id', 'latest.id')
      .where((either) => either.whereNotNull('attempts.status_code').orWhere({ 'attempts.error': 'timeout' }));
    for (const { endpoint_id: id, duration_ms: ms } of rows) {
      const known = times.get(id);
      if (known === undefined) times.set(id, [Number(ms)]);
      else known.push(Number(ms));
    }
  }
  return times;
}

/** The smallest value that so large a share of all does not exceed. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
