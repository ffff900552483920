// What an operator decides about a line of M-PESA's record: it is a payment's money, it is a payment of its own, or it is
// dealt with. Each is done in the caller's transaction with the line locked; payments move through the one door only.

import { findReceipts, receiptKey, releaseReceipt } from '../payments/evidence-store.ts';
import { negativeStatuses, type Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import { type ReceiveDeps, receivePayment } from '../payments/receive-payment.ts';
import { settlePayment } from '../payments/settle-payments.ts';
import { isOverturnTooLate } from '../payments/weigh-evidence.ts';
import { openFindings } from './discrepancy-store.ts';
import type { Line } from './line.ts';
import { lineAsEvidence } from './match-evidence.ts';
import { findingOf } from './match-findings.ts';
import { isFree, unresolved } from './match-rules.ts';
import { hastenLines, listByLinkedReceipt, listByReceipt, writeOutcomes } from './match-store.ts';
import { reviewPayments } from './reconcile-payments.ts';

/** What came of it. `changed`: it is not as it was looked at, and nothing was done. */
export type Resolved =
  | { outcome: 'done'; payment: Payment }
  | { outcome: 'changed' }
  | { outcome: 'refused'; why: string };

const refused = (why: string): Resolved => ({ outcome: 'refused', why });

/** The line's money is this payment's. @param line locked */
export async function linkLine(deps: ReceiveDeps, line: Line, paymentId: string, actor: string): Promise<Resolved> {
  if (!unresolved.has(line.status)) return { outcome: 'changed' };
  const now = deps.now();
  const known = await findPaymentAcrossTenants(deps.db, deps.sealer, paymentId);
  if (known?.tenantId !== line.tenantId || known.mode !== line.mode) return refused('There is no such payment.');
  if (known.shortcodeId !== line.shortcodeId) return refused('This payment is of another shortcode.');
  if (known.mpesaReceipt !== null && known.mpesaReceipt !== line.receipt)
    return refused('This payment has a receipt of its own already.');
  if (isOverturnTooLate(known, now))
    return refused('This payment was denied more than seven days ago. Make a payment of the money instead.');
  const settled = await settlePayment(deps, {
    paymentId,
    actor,
    news: { kind: 'heard', evidence: lineAsEvidence(line, now) },
    needsFreeReceipt: true,
    isWelcome: (payment) => isFree(payment, now) || payment.mpesaReceipt === line.receipt,
  });
  if (settled === undefined) return { outcome: 'changed' };
  const { payment } = settled;
  await giveTo(deps, line, payment);
  return { outcome: 'done', payment };
}

/** The line's money is a payment that nobody had asked for. @param line locked */
export async function makePaymentOf(deps: ReceiveDeps, line: Line, actor: string): Promise<Resolved> {
  if (!unresolved.has(line.status)) return { outcome: 'changed' };
  if (line.amountCents <= 0 || line.amountCents % 100 !== 0) return refused('A payment is of whole shillings.');
  await releaseDenied(deps, line);
  const { tenantId, mode, shortcodeId, shortcode, environment, account, receipt, amountCents } = line;
  const settled = await receivePayment(deps, {
    tenantId,
    mode,
    shortcodeId,
    shortcode,
    environment,
    account,
    amountKes: amountCents / 100,
    key: `line-${line.id}`,
    evidence: { ...lineAsEvidence(line, deps.now()), receipt },
    actor,
  });
  if (settled === undefined) return { outcome: 'changed' };
  await giveTo(deps, line, settled.payment);
  return { outcome: 'done', payment: settled.payment };
}

/** A receipt that a payment was denied with for good is nobody's. */
async function releaseDenied(deps: ReceiveDeps, line: Line): Promise<void> {
  const paymentId = (await findReceipts(deps.db, [line])).get(receiptKey(line))?.paymentId ?? null;
  const owner = paymentId === null ? undefined : await findPaymentAcrossTenants(deps.db, deps.sealer, paymentId);
  if (owner === undefined || !negativeStatuses.has(owner.status) || owner.mpesaReceipt === line.receipt) return;
  await releaseReceipt(deps.db, line, owner.id);
}

/** An operator has dealt with the money; no payment is looked for any more. @param line locked */
export async function settleLine(deps: ReceiveDeps, line: Line): Promise<void> {
  if (!unresolved.has(line.status)) return;
  const done = { status: 'settled', rule: 'OP', paymentId: null, matchedAt: deps.now(), dueAt: null } as const;
  const twins = (await listByReceipt(deps.db, line, [line.receipt])).filter(({ status }) => unresolved.has(status));
  await writeOutcomes(
    deps.db,
    [...new Set([line.id, ...twins.map(({ id }) => id)])].map((lineId) => ({ lineId, ...done })),
  );
}

/** The amount that came is accepted: the lines that say so are the payment's. @param line locked */
export async function acceptLine(deps: ReceiveDeps, line: Line, paymentId: string): Promise<void> {
  const same = (await listByReceipt(deps.db, line, [line.receipt])).filter(
    (twin) => twin.status === 'mismatch' && twin.paymentId === paymentId && twin.amountCents === line.amountCents,
  );
  const done = {
    status: 'matched',
    rule: 'OP',
    paymentId,
    matchedAt: line.matchedAt ?? deps.now(),
    dueAt: null,
  } as const;
  await writeOutcomes(
    deps.db,
    same.map(({ id }) => ({ lineId: id, ...done })),
  );
}

/** Writes down whose the line is, and has looked at again what waited for it. */
async function giveTo(deps: ReceiveDeps, line: Line, payment: Payment): Promise<void> {
  const now = deps.now();
  const isSame = line.amountCents === payment.amountKes * 100;
  const status = isSame ? 'matched' : 'mismatch';
  await writeOutcomes(deps.db, [
    { lineId: line.id, status, rule: 'OP', paymentId: payment.id, matchedAt: now, dueAt: null },
  ]);
  if (!isSame) {
    const decision = { status, rule: 'OP', payment, settles: null, candidates: [] } as const;
    const finding = findingOf(line, { ...decision, trouble: { type: 'amount_mismatch', payment } });
    await openFindings(deps.db, finding === null ? [] : [finding], now);
  }
  const twins = await listByReceipt(deps.db, line, [line.receipt]);
  const reversals = await listByLinkedReceipt(deps.db, line.shortcodeId, [line.receipt]);
  const waiting = [...twins.filter((twin) => unresolved.has(twin.status)), ...reversals];
  await hastenLines(
    deps.db,
    waiting.map(({ id }) => id),
    now,
  );
  await reviewPayments(deps, [payment.id]);
}
