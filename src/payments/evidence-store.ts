// SQL for what is known about payments: evidence (append-only), transitions, and the receipts that make sure one
// M-PESA receipt is one payment, however often and from wherever it is heard of.

import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Evidence, StoredEvidence, Verdict } from './evidence.ts';
import type { Payment, Status } from './payment.ts';

export interface WeighedEvidence {
  payment: Payment;
  evidence: Evidence;
  verdict: Verdict;
  /** What the verdict says, where M-PESA's own text does not say it. */
  cause: string;
}

export interface Transition {
  paymentId: string;
  tenantId: string;
  /** The payment's version after it: with the id, the transition's own key. */
  version: number;
  from: Status;
  to: Status;
  cause: string;
  evidenceId: string | null;
  actor: string;
  at: number;
}

export async function insertEvidence(trx: Db, sealer: Sealer, weighed: readonly WeighedEvidence[]): Promise<void> {
  if (weighed.length === 0) return;
  await trx('evidence').insert(
    weighed.map(({ payment, evidence, verdict, cause }) => ({
      id: evidence.id,
      payment_id: payment.id,
      tenant_id: payment.tenantId,
      shortcode_id: payment.shortcodeId,
      source: evidence.source,
      strength: evidence.strength,
      verdict,
      result_code: evidence.resultCode?.slice(0, 40) ?? null,
      detail: (evidence.resultDesc ?? cause).slice(0, 255),
      receipt: evidence.receipt?.slice(0, 20) ?? null,
      amount_cents: evidence.amountCents,
      source_ip: evidence.sourceIp,
      http_status: evidence.httpStatus,
      duration_ms: evidence.durationMs === null ? null : Math.round(evidence.durationMs),
      raw_sealed: evidence.raw === null ? null : sealer.seal(evidence.raw, ['evidence', 'raw_sealed', evidence.id]),
      at: evidence.at,
    })),
  );
}

/** Whether this very piece of evidence was stored already. */
export async function isEvidenceKept(db: Db, evidenceId: string): Promise<boolean> {
  return (await db('evidence').where({ id: evidenceId }).first('id')) !== undefined;
}

export async function insertTransitions(trx: Db, changes: readonly Transition[]): Promise<void> {
  if (changes.length === 0) return;
  await trx('payment_transitions').insert(
    changes.map((change) => ({
      payment_id: change.paymentId,
      version: change.version,
      tenant_id: change.tenantId,
      from_status: change.from,
      to_status: change.to,
      cause: change.cause.slice(0, 160),
      evidence_id: change.evidenceId,
      actor: change.actor,
      at: change.at,
    })),
  );
}

export interface ReceiptClaim {
  environment: string;
  shortcode: string;
  receipt: string;
  paymentId: string;
  source: string;
  amountCents: number | null;
  at: number;
}

/**
 * Claims receipts for payments inside the transaction and says who owns each: the first to claim one keeps it. A second
 * transaction that claims the same receipt waits here for the first to end.
 */
export async function claimReceipts(trx: Db, claims: readonly ReceiptClaim[]): Promise<Map<string, string>> {
  if (claims.length === 0) return new Map();
  const rows = claims.map((claim) => ({
    environment: claim.environment,
    shortcode: claim.shortcode,
    receipt: claim.receipt,
    payment_id: claim.paymentId,
    first_source: claim.source,
    amount_cents: claim.amountCents,
    first_heard_at: claim.at,
  }));
  const inserted = await insertIgnoringDuplicates(trx, 'receipts', rows);
  if (inserted === rows.length) return new Map(claims.map((claim) => [receiptKey(claim), claim.paymentId]));
  const owners = new Map<string, string>();
  for (const claim of claims) {
    const { environment, shortcode, receipt } = claim;
    // A receipt first heard of without a payment (C2B, statement) has no owner yet.
    await trx('receipts')
      .where({ environment, shortcode, receipt })
      .whereNull('payment_id')
      .update({ payment_id: claim.paymentId });
    const row = await trx('receipts').where({ environment, shortcode, receipt }).first('payment_id');
    owners.set(receiptKey(claim), row.payment_id);
  }
  return owners;
}

export function receiptKey(claim: Pick<ReceiptClaim, 'environment' | 'shortcode' | 'receipt'>): string {
  return `${claim.environment} ${claim.shortcode} ${claim.receipt}`;
}

export async function listTransitions(db: Db, tenantId: string, paymentId: string): Promise<Transition[]> {
  const rows = await db('payment_transitions').where({ payment_id: paymentId, tenant_id: tenantId }).orderBy('version');
  return rows.map((row) => ({
    paymentId: row.payment_id,
    tenantId: row.tenant_id,
    version: row.version,
    from: row.from_status,
    to: row.to_status,
    cause: row.cause,
    evidenceId: row.evidence_id,
    actor: row.actor,
    at: row.at,
  }));
}

export async function listEvidence(db: Db, tenantId: string, paymentId: string): Promise<StoredEvidence[]> {
  const rows = await db('evidence')
    .select('id', 'source', 'strength', 'verdict', 'result_code', 'detail', 'receipt', 'amount_cents', 'at')
    .where({ payment_id: paymentId, tenant_id: tenantId })
    .orderBy([{ column: 'at' }, { column: 'id' }]);
  return rows.map((row) => ({
    id: row.id,
    source: row.source,
    strength: row.strength,
    verdict: row.verdict,
    resultCode: row.result_code,
    detail: row.detail,
    receipt: row.receipt,
    amountCents: row.amount_cents,
    at: row.at,
  }));
}
