// One payment by id for its tenant, the most frequent read there is. Reads of the same moment share one statement;
// whose a payment is, is checked after, so that another's is as absent as one that never was (promise 7).

import { createBatcher } from '../platform/batcher.ts';
import { type Db, isDatabaseAway } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Payment } from './payment.ts';
import { findPaymentsAcrossTenants } from './payment-store.ts';

export type ReadPayment = (tenantId: string, mode: Mode, paymentId: string) => Promise<Payment | undefined>;

export function createReadPayment(db: Db, sealer: Sealer): ReadPayment {
  const batcher = createBatcher<string, Payment | undefined>(
    async (paymentIds) => {
      const payments = await findPaymentsAcrossTenants(db, sealer, [...new Set(paymentIds)]);
      return paymentIds.map((paymentId) => payments.get(paymentId));
    },
    { maxSize: 64, maxInFlight: 4, failsTogether: isDatabaseAway },
  );
  return async (tenantId, mode, paymentId) => {
    const payment = await batcher.add(paymentId);
    return payment?.tenantId === tenantId && payment.mode === mode ? payment : undefined;
  };
}
