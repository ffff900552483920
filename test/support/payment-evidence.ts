// A payment and the evidence about it as plain values, for tests of the pure rules: each takes what matters to the test
// and has usual values for the rest.

import { readDenial } from '../../src/mpesa/result-codes.ts';
import { decide, type News } from '../../src/payments/decide.ts';
import type { Decision, Surroundings } from '../../src/payments/decision.ts';
import type { Evidence, HeardEvidence } from '../../src/payments/evidence.ts';
import type { Payment } from '../../src/payments/payment.ts';
import type { Exchange, PushAnswer } from '../../src/payments/payment-provider.ts';
import { dueAt } from '../../src/payments/schedule.ts';
import { newId } from '../../src/platform/ids.ts';

export const seconds = 1000;
export const minutes = 60 * seconds;
export const hours = 60 * minutes;
export const days = 24 * hours;

/** When {@link makePayment}'s payment was created; it expires five minutes later. */
export const createdAt = Date.UTC(2026, 9, 6, 11, 15, 30);
export const expiresAt = createdAt + 5 * minutes;

export const ids = {
  merchantRequestId: '7c1e-4f0a-9b52-3d8f6a1c20e4118207',
  checkoutRequestId: 'ws_CO_06102026141530412712345678',
};

const noLease = { leaseToken: null, leaseUntil: null };
const sent = { ...ids, ...noLease, submittedAt: createdAt, attemptCount: 1, nextAttemptAt: null };
const states: Readonly<Record<Payment['status'], Partial<Payment>>> = {
  queued: { nextAttemptAt: createdAt },
  submitting: {
    submittedAt: createdAt,
    attemptCount: 1,
    nextAttemptAt: null,
    leaseToken: 'lease',
    leaseUntil: createdAt + 2 * minutes,
  },
  pending: { ...sent, nextAskAt: createdAt + 45 * seconds },
  succeeded: {
    ...sent,
    completedAt: createdAt,
    confirmedBy: 'callback',
    amountReceivedKes: 1500,
    mpesaReceipt: 'UJ68K3W0QZ',
  },
  failed: {
    ...sent,
    completedAt: createdAt,
    confirmedBy: 'callback',
    failureCode: 'insufficient_funds',
    providerCode: '1',
  },
  cancelled: {
    ...sent,
    completedAt: createdAt,
    confirmedBy: 'callback',
    failureCode: 'cancelled_by_customer',
    providerCode: '1032',
  },
  expired: { ...sent, completedAt: expiresAt, failureCode: 'unknown_result', lastAnsweredAt: expiresAt },
  unknown: { ...sent, nextAskAt: expiresAt },
  needs_review: { ...sent, reviewReason: 'no_answer' },
};

/** KES 1500 from 254712345678, as it is in this status; `overrides` win. */
export function makePayment(status: Payment['status'] = 'pending', overrides: Partial<Payment> = {}): Payment {
  const payment: Payment = {
    id: newId('pay'),
    tenantId: 'ten_x',
    mode: 'test',
    shortcodeId: 'sc_x',
    shortcode: '174379',
    environment: 'simulator',
    status,
    version: 1,
    flags: [],
    amountKes: 1500,
    amountReceivedKes: null,
    phone: '254712345678',
    reference: 'INV-2031',
    description: 'Order 2031',
    metadata: {},
    requestHash: 'hash',
    retryOf: null,
    paymentLinkId: null,
    merchantRequestId: null,
    checkoutRequestId: null,
    mpesaReceipt: null,
    confirmedBy: null,
    failureCode: null,
    providerCode: null,
    providerMessage: null,
    reviewReason: null,
    createdAt,
    submittedAt: null,
    completedAt: null,
    expiresAt,
    updatedAt: createdAt,
    dueAt: null,
    attemptCount: 0,
    nextAttemptAt: null,
    leaseToken: null,
    leaseUntil: null,
    nextAskAt: null,
    lastAskedAt: null,
    lastAnsweredAt: null,
    firstDeniedAt: null,
    ...states[status],
    ...overrides,
  };
  return { ...payment, dueAt: dueAt(payment) };
}

/** Evidence from a callback with this push's ids, unless it says otherwise; without a time, it is heard when it is weighed. */
export function makeEvidence(values: Partial<HeardEvidence>): HeardEvidence {
  const source = values.source ?? 'callback';
  return {
    id: newId('evd'),
    source,
    strength: null,
    at: 0,
    resultCode: null,
    resultDesc: null,
    receipt: null,
    amountCents: null,
    phone: null,
    shortcode: null,
    ids: source === 'callback' ? ids : null,
    unreadable: null,
    sourceIp: null,
    httpStatus: null,
    durationMs: null,
    raw: null,
    ...values,
  };
}

/** Evidence A: a callback with code 0, the whole amount and a receipt. */
export function money(values: Partial<HeardEvidence> = {}): HeardEvidence {
  return makeEvidence({ strength: 'A', resultCode: '0', receipt: 'UJ68K3W0QZ', amountCents: 150_000, ...values });
}

/** Evidence B: a query's yes. */
export function yes(values: Partial<HeardEvidence> = {}): HeardEvidence {
  return makeEvidence({ source: 'query', strength: 'B', resultCode: '0', ...values });
}

/** Evidence C: a callback's no. */
export function denial(resultCode = '1032', values: Partial<HeardEvidence> = {}): HeardEvidence {
  return makeEvidence({ strength: 'C', resultCode, resultDesc: `said ${resultCode}`, ...values });
}

/** Evidence D: a query's no. */
export function queryDenial(resultCode = '1037', values: Partial<HeardEvidence> = {}): HeardEvidence {
  return makeEvidence({ source: 'query', strength: 'D', resultCode, resultDesc: `said ${resultCode}`, ...values });
}

/** A query that got no answer. */
export function noAnswer(): HeardEvidence {
  return makeEvidence({ source: 'query', resultDesc: 'still processing' });
}

export const exchange: Exchange = { httpStatus: 200, body: '{}', durationMs: 40 };

/** The news of a push's answer. */
export function pushAnswered(answer: PushAnswer, leaseToken = 'lease'): News {
  const { id, at, ...rest } = makeEvidence({ ids: null });
  const evidence: Evidence = { ...rest, id, at, source: 'push' };
  return { kind: 'pushAnswered', leaseToken, answer, evidence };
}

/** What the news comes to at this time, by the real reading of result codes; jitter is in the middle. */
export function decideAt(
  payment: Payment,
  news: News,
  now: number,
  around: Partial<Surroundings> = {},
): Decision | null {
  return decide(payment, news, { now, random: 0.5, receiptTaken: false, idsTaken: false, ...around }, readDenial);
}

/** {@link decideAt} for evidence, which always comes to something. */
export function hear(
  payment: Payment,
  evidence: HeardEvidence,
  now: number = createdAt + minutes,
  around: Partial<Surroundings> = {},
): Decision {
  const heard = { ...evidence, at: evidence.at === 0 ? now : evidence.at };
  const decision = decideAt(payment, { kind: 'heard', evidence: heard }, now, around);
  if (decision === null) throw new Error('evidence is always kept');
  return decision;
}

/** The payment as the decision leaves it. */
export function changed(payment: Payment, decision: Decision | null): Payment {
  if (decision === null) return payment;
  const next = { ...payment, ...decision.patch };
  return { ...next, dueAt: dueAt(next) };
}
