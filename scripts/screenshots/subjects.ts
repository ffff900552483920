// Which payment and which delivery are photographed: of all of the past the ones with something to tell.

import type { Core } from '../../src/compose.ts';

/** The newest one whose money came late. */
export async function choosePayment({ db }: Core): Promise<string> {
  const [id] = await db('payments')
    .where({ status: 'succeeded' })
    .where('flags', 'like', '%late%')
    .orderBy('created_at', 'desc')
    .limit(1)
    .pluck('id');
  if (id === undefined) throw new Error('no payment was paid late');
  return id;
}

/** The newest one that arrived at its third attempt. */
export async function chooseDelivery({ db }: Core): Promise<string> {
  const [id] = await db('deliveries')
    .where({ status: 'delivered', attempt_count: 3 })
    .orderBy('created_at', 'desc')
    .limit(1)
    .pluck('id');
  if (id === undefined) throw new Error('no delivery needed three attempts');
  return id;
}
