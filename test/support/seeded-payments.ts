// Payments and their transitions written straight into the database, for tests of statistics and for pictures that need
// many of them at times of their own. What they went through is given; nothing here decides anything.

import { randomBytes } from 'node:crypto';
import type { FailureCode } from '../../src/payments/failures.ts';
import type { Status } from '../../src/payments/payment.ts';
import type { Db } from '../../src/platform/database.ts';
import { idAt, newId } from '../../src/platform/ids.ts';

/** One change in a payment's life. */
export interface SeededStep {
  to: Status;
  at: number;
  failureCode?: FailureCode | null;
  cause?: string;
  /** What it was caused by; null or nothing: by no evidence. */
  evidence?: { source: 'push' | 'callback' | 'query'; durationMs?: number } | null;
}

export interface SeededPayment {
  id: string;
  tenantId: string;
  mode: 'test' | 'live';
  shortcodeId: string;
  amountKes: number;
  createdAt: number;
}

type Given = Partial<Omit<SeededPayment, 'id'>> & Pick<SeededPayment, 'tenantId' | 'shortcodeId' | 'createdAt'>;

export interface SeededRows {
  payments: Record<string, unknown>[];
  transitions: Record<string, unknown>[];
  evidence: Record<string, unknown>[];
}

/** An id that was made at a time, as payments have them. */
function idMadeAt(at: number): string {
  return idAt('pay', at).slice(0, 14) + newId('pay').slice(14);
}

/** The rows of a payment that went through these steps. */
export function seededRows(given: Given, steps: readonly SeededStep[]): SeededRows & { payment: SeededPayment } {
  const { tenantId, shortcodeId, createdAt, mode = 'test', amountKes = 100 } = given;
  const id = idMadeAt(createdAt);
  const rows: SeededRows = { payments: [], transitions: [], evidence: [] };
  const row = firstRow({ id, tenantId, mode, shortcodeId, amountKes, createdAt });
  let status: Status = 'queued';
  let version = 1;
  for (const { to, at, failureCode, cause = 'seeded', evidence = null } of steps) {
    version += 1;
    const evidenceId = evidence === null ? null : newId('evd');
    if (evidence !== null)
      rows.evidence.push({
        id: evidenceId,
        payment_id: id,
        tenant_id: tenantId,
        shortcode_id: shortcodeId,
        source: evidence.source,
        strength: null,
        verdict: 'applied',
        duration_ms: evidence.durationMs ?? null,
        at,
      });
    rows.transitions.push({
      payment_id: id,
      version,
      tenant_id: tenantId,
      from_status: status,
      to_status: to,
      cause,
      evidence_id: evidenceId,
      actor: 'system',
      at,
    });
    status = to;
    Object.assign(row, columnsAfter(to, at, failureCode));
  }
  const isOpen = ['queued', 'submitting', 'pending', 'unknown'].includes(status);
  rows.payments.push({ ...row, status, version, due_at: isOpen ? row.expires_at : null });
  return { ...rows, payment: { id, tenantId, mode, shortcodeId, amountKes, createdAt } };
}

function columnsAfter(to: Status, at: number, failureCode: FailureCode | null | undefined): Record<string, unknown> {
  return {
    updated_at: at,
    ...(failureCode === undefined ? {} : { failure_code: failureCode }),
    ...(to === 'submitting' ? { submitted_at: at } : {}),
    ...(to === 'queued' ? { submitted_at: null } : {}),
    ...(to === 'pending' ? { checkout_request_id: `ws_CO_${randomBytes(12).toString('hex')}` } : {}),
    ...(['succeeded', 'failed', 'cancelled', 'expired'].includes(to) ? { completed_at: at } : {}),
    ...(to === 'succeeded' ? { failure_code: null, confirmed_by: 'callback' } : {}),
  };
}

function firstRow({ id, tenantId, mode, shortcodeId, amountKes, createdAt }: SeededPayment): Record<string, unknown> {
  return {
    id,
    tenant_id: tenantId,
    mode,
    shortcode_id: shortcodeId,
    shortcode: '174379',
    environment: 'simulator',
    flags: '',
    amount_kes: amountKes,
    phone_sealed: 'seeded',
    phone_index: 'seeded',
    phone_tail: '678',
    reference: 'SEED',
    description: 'seeded',
    metadata: '{}',
    idempotency_key: id,
    request_hash: 'seeded',
    merchant_request_id: null,
    checkout_request_id: null,
    confirmed_by: null,
    failure_code: null,
    created_at: createdAt,
    submitted_at: null,
    completed_at: null,
    expires_at: createdAt + 300_000,
    updated_at: createdAt,
    attempt_count: 1,
  };
}

/** Writes rows of many payments, some hundred in a statement. */
export async function insertSeeded(db: Db, rows: SeededRows): Promise<void> {
  await db.transaction(async (trx) => {
    for (const [table, all] of [
      ['payments', rows.payments],
      ['evidence', rows.evidence],
      ['payment_transitions', rows.transitions],
    ] as const)
      for (let from = 0; from < all.length; from += 400) await trx(table).insert(all.slice(from, from + 400));
  });
}
