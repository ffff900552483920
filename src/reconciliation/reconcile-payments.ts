// Holds payments against M-PESA's record: what is wrong with each is opened, what is wrong no longer closes itself. Before
// a payment is said to be missing there it is locked and looked at again, because its line may be matched this moment.

import { findWithVerdict } from '../payments/evidence-store.ts';
import type { Payment } from '../payments/payment.ts';
import { findPaymentsAcrossTenants, lockPaymentsAcrossTenants } from '../payments/payment-store.ts';
import type { Db } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { readCoverage } from './coverage-store.ts';
import { closeGone, openFindings } from './discrepancy-store.ts';
import {
  findPaymentFindings,
  isExpected,
  type PaymentFacts,
  paymentTypes,
  whyPaymentGone,
} from './find-payment-findings.ts';
import { listPaymentsWithLine } from './match-store.ts';

export interface ReviewDeps {
  /** A transaction. */
  db: Db;
  sealer: Sealer;
  now(): number;
}

/** @returns those whose line is only expected yet */
export async function reviewPayments(deps: ReviewDeps, paymentIds: readonly string[]): Promise<Payment[]> {
  if (paymentIds.length === 0) return [];
  const { db: trx, sealer } = deps;
  const now = deps.now();
  const payments = await findPaymentsAcrossTenants(trx, sealer, paymentIds);
  const facts = await readPaymentFacts(trx, [...payments.values()]);
  const doubted = [...payments.values()].filter(
    (payment) => findPaymentFindings(payment, facts.get(payment.id)!).length > 0,
  );
  if (doubted.length > 0) {
    const locked = await lockPaymentsAcrossTenants(
      trx,
      sealer,
      doubted.map(({ id }) => id),
    );
    for (const [id, payment] of locked) payments.set(id, payment);
    for (const [id, fact] of await readPaymentFacts(trx, [...locked.values()])) facts.set(id, fact);
  }
  const findings = [...payments.values()].flatMap((payment) => findPaymentFindings(payment, facts.get(payment.id)!));
  await openFindings(trx, findings, now);
  await closeGone(trx, { types: paymentTypes, paymentIds }, findings, ({ type }) => whyPaymentGone(type), now);
  return [...payments.values()].filter((payment) => isExpected(payment, facts.get(payment.id)!));
}

async function readPaymentFacts(trx: Db, payments: readonly Payment[]): Promise<Map<string, PaymentFacts>> {
  const ids = payments.map(({ id }) => id);
  const withLine = await listPaymentsWithLine(trx, ids);
  const contradicted = await findWithVerdict(trx, ids, 'contradicts');
  const coverages = new Map<string, PaymentFacts['coverage']>();
  for (const shortcodeId of new Set(payments.map((payment) => payment.shortcodeId)))
    coverages.set(shortcodeId, [...(await readCoverage(trx, shortcodeId)).values()]);
  return new Map(
    payments.map(({ id, shortcodeId }) => [
      id,
      {
        hasLine: withLine.has(id),
        coverage: coverages.get(shortcodeId) ?? [],
        isContradicted: contradicted.has(id),
      },
    ]),
  );
}
