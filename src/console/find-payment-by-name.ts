// The payment an operator names: by its id, by a receipt, or by a reference that only one of the tenant's payments has.

import type { Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants, findPaymentByReceipt, listPayments } from '../payments/payment-store.ts';
import type { Db } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { recogniseSearch } from './payment-search.ts';

/** Undefined: none has this name, or several have the reference. */
export async function findPaymentByName(
  db: Db,
  sealer: Sealer,
  { tenantId, mode }: Pick<Payment, 'tenantId' | 'mode'>,
  name: string,
): Promise<Payment | undefined> {
  const meant = recogniseSearch(name);
  if (meant.kind === 'nothing') return undefined;
  if (meant.kind === 'id') {
    const found = await findPaymentAcrossTenants(db, sealer, meant.paymentId);
    return found?.tenantId === tenantId && found.mode === mode ? found : undefined;
  }
  const receipt = meant.kind === 'receipt' ? meant.receipt : null;
  const byReceipt = receipt === null ? undefined : await findPaymentByReceipt(db, tenantId, mode, sealer, receipt);
  if (byReceipt !== undefined) return byReceipt;
  const { items } = await listPayments(db, tenantId, mode, sealer, { reference: name.trim(), limit: 2 });
  return items.length === 1 ? items[0] : undefined;
}
