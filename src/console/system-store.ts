// SQL for the System page: what waits in the tables that the queue only nudges about, and since when. All tenants
// together; each figure rides on the index that the sweeps use.

import type { Db } from '../platform/database.ts';
import { readBacklogAcrossTenants } from '../webhooks/claim-store.ts';

export interface WaitingWork {
  what: string;
  /** Due now. */
  count: number;
  /** Since when the oldest has been due; null where nothing is. */
  oldestAt: number | null;
}

export async function listWaitingWorkAcrossTenants(db: Db, now: number): Promise<WaitingWork[]> {
  const payments = await db('payments')
    .where('due_at', '<=', now)
    .count({ total: '*' })
    .min({ oldest: 'due_at' })
    .first();
  const events = await db('events')
    .whereNull('fanned_out_at')
    .count({ total: '*' })
    .min({ oldest: 'created_at' })
    .first();
  const { counts, oldestDueAt } = await readBacklogAcrossTenants(db, now);
  const countOf = (status: string): number => counts.find((one) => one.status === status)?.count ?? 0;
  const oldestOf = (status: string): number | null => oldestDueAt.find((one) => one.status === status)?.dueAt ?? null;
  return [
    { what: 'Payments to look at', count: Number(payments?.total ?? 0), oldestAt: payments?.oldest ?? null },
    { what: 'Events to hand out', count: Number(events?.total ?? 0), oldestAt: events?.oldest ?? null },
    { what: 'Webhooks to send', count: countOf('pending'), oldestAt: oldestOf('pending') },
    { what: 'Webhooks held back', count: countOf('held'), oldestAt: oldestOf('held') },
  ];
}
