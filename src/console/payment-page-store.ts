// SQL for one payment's page: what the API's timeline leaves out (the raw exchanges, opened), its webhooks with their
// last attempts, and its neighbours. Whose the payment is, is checked before any of it is read, and every read says
// whose it must be.

import type { Strength, Verdict } from '../payments/evidence.ts';
import type { Transition } from '../payments/evidence-store.ts';
import { listTransitions } from '../payments/evidence-store.ts';
import type { Payment } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { AttemptError } from '../webhooks/attempt.ts';
import type { Delivery } from '../webhooks/delivery.ts';
import { type DeliveryRow, toDelivery } from '../webhooks/delivery-store.ts';

/** Evidence with its raw body, opened. */
export interface FullEvidence {
  id: string;
  source: string;
  strength: Strength;
  verdict: Verdict;
  resultCode: string | null;
  detail: string | null;
  receipt: string | null;
  amountCents: number | null;
  sourceIp: string | null;
  httpStatus: number | null;
  durationMs: number | null;
  raw: string | null;
  at: number;
}

/** A webhook of the payment to one endpoint. */
export interface ToldWebhook {
  delivery: Delivery;
  endpointName: string | null;
  endpointUrl: string;
  isEndpointDeleted: boolean;
  /** The endpoint is sent nothing before this time. */
  waitUntil: number | null;
  last: { statusCode: number | null; error: AttemptError | null; durationMs: number } | null;
}

export interface PaymentRecord {
  transitions: Transition[];
  evidence: FullEvidence[];
  webhooks: ToldWebhook[];
  idempotencyKey: string;
  /** Payments that were made as retries of this one, oldest first. */
  retries: string[];
  shortcodeKind: 'paybill' | 'till' | null;
  isShortcodePaused: boolean;
}

/** Everything that is known of a payment beside itself. */
export async function readRecord(db: Db, sealer: Sealer, payment: Payment): Promise<PaymentRecord> {
  const { id, tenantId } = payment;
  const [transitions, evidence, webhooks, row, retries, shortcode] = await Promise.all([
    listTransitions(db, tenantId, id),
    listFullEvidence(db, sealer, payment),
    listWebhooks(db, payment),
    db('payments').where({ id, tenant_id: tenantId }).first('idempotency_key'),
    listRetries(db, payment),
    db('shortcodes').where({ id: payment.shortcodeId, tenant_id: tenantId }).first('kind', 'status'),
  ]);
  const idempotencyKey = JSON.parse(String(row?.idempotency_key ?? '""')) as string;
  return {
    transitions,
    evidence,
    webhooks,
    idempotencyKey,
    retries,
    shortcodeKind: shortcode?.kind ?? null,
    isShortcodePaused: shortcode?.status === 'paused',
  };
}

/** A payment that is asked about for days has some sixty; a forger may have sent more. */
const mostEvidence = 300;

async function listFullEvidence(db: Db, sealer: Sealer, { id, tenantId }: Payment): Promise<FullEvidence[]> {
  const rows = await db('evidence')
    .where({ payment_id: id, tenant_id: tenantId })
    .orderBy([{ column: 'at' }, { column: 'id' }])
    .limit(mostEvidence);
  return rows.map((row) => ({
    id: row.id,
    source: row.source,
    strength: row.strength,
    verdict: row.verdict,
    resultCode: row.result_code,
    detail: row.detail,
    receipt: row.receipt,
    amountCents: row.amount_cents,
    sourceIp: row.source_ip,
    httpStatus: row.http_status,
    durationMs: row.duration_ms,
    raw: row.raw_sealed === null ? null : sealer.open(row.raw_sealed, ['evidence', 'raw_sealed', row.id]),
    at: row.at,
  }));
}

/** Newest first. Its events are found by the index of their dedupe key, which begins with the payment's id. */
async function listWebhooks(db: Db, { id, tenantId, mode }: Payment): Promise<ToldWebhook[]> {
  const eventIds: string[] = await db('events')
    .where({ tenant_id: tenantId })
    .where('dedupe_key', '>', `${id}.`)
    .where('dedupe_key', '<', `${id}/`)
    .pluck('id');
  if (eventIds.length === 0) return [];
  const rows: (DeliveryRow & {
    url: string;
    description: string | null;
    endpoint_status: string;
    wait_until: number | null;
  })[] = await db('deliveries')
    .join('endpoints', 'endpoints.id', 'deliveries.endpoint_id')
    .select('deliveries.*', 'endpoints.url', 'endpoints.description', 'endpoints.wait_until')
    .select({ endpoint_status: 'endpoints.status' })
    .whereIn('deliveries.event_id', eventIds)
    .where({ 'deliveries.tenant_id': tenantId, 'deliveries.mode': mode })
    .orderBy([
      { column: 'deliveries.created_at', order: 'desc' },
      { column: 'deliveries.id', order: 'desc' },
    ])
    .limit(200);
  const durations = await readLastAttempts(db, tenantId, rows);
  return rows.map((row) => ({
    delivery: toDelivery(row),
    endpointName: row.description,
    endpointUrl: row.url,
    isEndpointDeleted: row.endpoint_status === 'deleted',
    waitUntil: row.wait_until,
    last: durations.get(row.id) ?? null,
  }));
}

async function readLastAttempts(db: Db, tenantId: string, deliveries: readonly DeliveryRow[]) {
  const ids = deliveries.flatMap(({ id, attempt_count }) => (attempt_count > 0 ? [`${id}.${attempt_count}`] : []));
  const rows = await db('attempts')
    .select('delivery_id', 'status_code', 'error', 'duration_ms')
    .whereIn('id', ids)
    .where({ tenant_id: tenantId });
  return new Map<string, NonNullable<ToldWebhook['last']>>(
    rows.map((row) => [
      row.delivery_id,
      { statusCode: row.status_code, error: row.error, durationMs: Number(row.duration_ms) },
    ]),
  );
}

/** More than one phone is asked after a payment; the limit only keeps the engine from beginning elsewhere. */
const mostLater = 5000;

/** A retry asks the same phone: it is found by the phone's index. */
async function listRetries(db: Db, { id, tenantId, mode, createdAt }: Payment): Promise<string[]> {
  const own = db('payments').select('phone_index').where({ id });
  const later = db('payments')
    .select('id', 'retry_of')
    .where({ tenant_id: tenantId, mode })
    .where('phone_index', '=', own)
    .where('created_at', '>=', createdAt)
    .limit(mostLater);
  return db.from(later.as('later')).where({ retry_of: id }).orderBy('id').limit(20).pluck('id');
}
