// Keeps what waits in step with its endpoint: held while that is paused or disabled, let go (oldest first, in the low
// lane, beside what is new) when it is enabled, cancelled when it is deleted. It compares and moves, in small batches, so
// it may be broken off anywhere and a hundred thousand held deliveries lock nobody out.

import type { Db } from '../platform/database.ts';
import { lanes } from './delivery.ts';
import { findMisalignedAcrossTenants, moveDeliveries } from './delivery-store.ts';

const mostEndpoints = 20;
const batchSize = 500;

/** One batch for each endpoint that needs it; the endpoints that had deliveries let go, and whether there may be more. */
export async function alignDeliveries(deps: {
  db: Db;
  now(): number;
}): Promise<{ released: string[]; hasMore: boolean }> {
  const misaligned = await findMisalignedAcrossTenants(deps.db, mostEndpoints);
  for (const { id, status } of misaligned) await alignEndpoint(deps, id, status);
  const released = misaligned.filter(({ status }) => status === 'enabled').map(({ id }) => id);
  return { released, hasMore: misaligned.length > 0 };
}

async function alignEndpoint(
  { db, now }: { db: Db; now(): number },
  endpointId: string,
  status: 'enabled' | 'paused' | 'disabled' | 'deleted',
): Promise<void> {
  switch (status) {
    case 'enabled': {
      const change = { status: 'pending', lane: lanes.low, due_at: now() } as const;
      await moveDeliveries(db, endpointId, 'held', change, batchSize);
      return;
    }
    case 'paused':
    case 'disabled':
      await moveDeliveries(db, endpointId, 'pending', { status: 'held' }, batchSize);
      return;
    case 'deleted': {
      const change = { status: 'cancelled', due_at: null } as const;
      await moveDeliveries(db, endpointId, 'pending', change, batchSize);
      await moveDeliveries(db, endpointId, 'held', change, batchSize);
      return;
    }
    default:
      return status satisfies never;
  }
}
