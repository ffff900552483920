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
  const found = await findReceipts(trx, claims);
  const owners = new Map([...found].flatMap(([key, { paymentId }]) => (paymentId === null ? [] : [[key, paymentId]])));
  for (const claim of claims) {
    const key = receiptKey(claim);
    if (owners.has(key)) continue;
    // A receipt first heard of without a payment (C2B, statement) has no owner yet.
    const { environment, shortcode, receipt } = claim;
    const own = trx('receipts').where({ environment, shortcode, receipt });
    await own.clone().whereNull('payment_id').update({ payment_id: claim.paymentId });
    owners.set(key, (await own.first('payment_id')).payment_id);
  }
  return owners;
}

export type ReceiptName = Pick<ReceiptClaim, 'environment' | 'shortcode' | 'receipt'>;

export interface KnownReceipt {
  /** Null: heard of, and nobody's yet. */
  paymentId: string | null;
  amountCents: number | null;
}

/** What is known of receipts, by {@link receiptKey}; those never heard of are left out. */
export async function findReceipts(db: Db, names: readonly ReceiptName[]): Promise<Map<string, KnownReceipt>> {
  const places = new Map(
    names.map(({ environment, shortcode }) => [`${environment} ${shortcode}`, { environment, shortcode }]),
  );
  const known = new Map<string, KnownReceipt>();
  for (const place of places.values()) {
    const here = names.filter((name) => name.environment === place.environment && name.shortcode === place.shortcode);
    const receipts = [...new Set(here.map(({ receipt }) => receipt))];
    const rows = await db('receipts')
      .where(place)
      .whereIn('receipt', receipts)
      .select('receipt', 'payment_id', 'amount_cents');
    for (const { receipt, payment_id, amount_cents } of rows)
      known.set(receiptKey({ ...place, receipt }), {
        paymentId: payment_id,
        amountCents: amount_cents === null ? null : Number(amount_cents),
      });
  }
  return known;
}

/** Notes receipts that nobody's payment is known for; those that are known stay as they are. */
export async function noteReceipts(
  trx: Db,
  receipts: readonly (ReceiptName & { source: string; amountCents: number; at: number })[],
): Promise<void> {
  const rows = receipts.map(({ environment, shortcode, receipt, source, amountCents, at }) => ({
    environment,
    shortcode,
    receipt,
    payment_id: null,
    first_source: source,
    amount_cents: amountCents,
    first_heard_at: at,
  }));
  await insertIgnoringDuplicates(trx, 'receipts', rows);
}

/** Takes a receipt from a payment it did not pay: it is nobody's again. */
export async function releaseReceipt(
  trx: Db,
  { environment, shortcode, receipt }: ReceiptName,
  paymentId: string,
): Promise<void> {
  await trx('receipts').where({ environment, shortcode, receipt, payment_id: paymentId }).update({ payment_id: null });
}

export function receiptKey(claim: ReceiptName): string {
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

/** Which of these payments have evidence with this verdict. Rides on `(payment_id, at)`. */
export async function findWithVerdict(db: Db, paymentIds: readonly string[], verdict: Verdict): Promise<Set<string>> {
  const ids: string[] = await db('evidence')
    .whereIn('payment_id', [...paymentIds])
    .where({ verdict })
    .distinct('payment_id')
    .pluck('payment_id');
  return new Set(ids);
}
