// Gives back what a worker took and was not heard of again. Whether it was sent nobody knows, so it is sent again (at
// least once), and its history says so. Not a failure of the endpoint: the schedule does not move.

import { type Db, inTransaction } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Exchange } from './attempt.ts';
import { lockExpiredLeasesAcrossTenants, updateDeliveries } from './claim-store.ts';
import { writeLostAttempts } from './delivery-store.ts';
import { leaseMs } from './policy.ts';

const reapSize = 200;

const unheard: Exchange = {
  durationMs: leaseMs,
  statusCode: null,
  error: 'lost',
  detail: null,
  requestHeaders: {},
  responseHeaders: null,
  responseBody: null,
  retryAfterMs: null,
};

/** How many leases had ended. Call again while it answers a full batch. */
export function reapLeases(deps: { db: Db; sealer: Sealer; now(): number }): Promise<number> {
  return inTransaction(deps.db, async (trx) => {
    const now = deps.now();
    const expired = await lockExpiredLeasesAcrossTenants(trx, now, reapSize);
    if (expired.length === 0) return 0;
    const attempts = expired.map(({ id, tenantId, attemptCount, nextTrigger, dueAt }) => ({
      deliveryId: id,
      tenantId,
      number: attemptCount,
      trigger: nextTrigger,
      startedAt: (dueAt ?? now) - leaseMs,
      exchange: unheard,
    }));
    await writeLostAttempts(trx, deps.sealer, attempts);
    const returned = {
      status: 'pending',
      leaseToken: null,
      dueAt: now,
      lastError: 'lost',
      lastStatusCode: null,
    } as const;
    await updateDeliveries(
      trx,
      expired.map((delivery) => ({ ...delivery, ...returned })),
    );
    return expired.length;
  });
}
