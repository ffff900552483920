// Asks M-PESA what became of a push. Only a clear yes or a clear no counts as an answer; a no is believed slowly and a
// yes never undone (payments/weigh-evidence). One worker asks at a time, inside the budget of the credentials.

import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/logger.ts';
import type { HeardEvidence } from './evidence.ts';
import type { Payment } from './payment.ts';
import type { PaymentProvider, QueryAnswer } from './payment-provider.ts';
import { claimAskAcrossTenants } from './payment-store.ts';
import { askAgainMs, dueAt, nextAskAt } from './schedule.ts';
import { type SettleDeps, settlePayment } from './settle-payments.ts';

export interface AskDeps extends SettleDeps {
  provider: Pick<PaymentProvider, 'takeQuerySlot' | 'query'>;
  logger: Logger;
}

/** Whether there is anything to ask about: a push whose ids we know, and no end to it yet. */
export function isAskable(payment: Payment): boolean {
  if (payment.checkoutRequestId === null) return false;
  if (payment.status === 'pending' || payment.status === 'unknown') return true;
  return payment.status === 'needs_review' || payment.status === 'expired';
}

/** Asks once, if the budget has a slot and no other worker was quicker. */
export async function askPayment(deps: AskDeps, payment: Payment): Promise<'asked' | 'later' | 'gone'> {
  if (!isAskable(payment) || payment.checkoutRequestId === null) return 'gone';
  const now = deps.now();
  const soonestAt = (payment.lastAskedAt ?? Number.NEGATIVE_INFINITY) + askAgainMs;
  if (soonestAt > now) return postpone(deps, payment, soonestAt);
  const waitMs = await deps.provider.takeQuerySlot(payment.shortcodeId);
  if (waitMs > 0) return postpone(deps, payment, now + waitMs);
  // A review for another reason than silence is asked about on demand only.
  const isPlanned = payment.status !== 'needs_review' || payment.reviewReason === 'no_answer';
  const planned = !isPlanned ? null : nextAskAt(payment.submittedAt ?? payment.createdAt, now, deps.random());
  const patch = { lastAskedAt: now, nextAskAt: planned, dueAt: dueAt({ ...payment, nextAskAt: planned }) };
  if (!(await claimAskAcrossTenants(deps.db, payment, patch))) return 'gone';
  const answer = await deps.provider.query({
    shortcodeId: payment.shortcodeId,
    checkoutRequestId: payment.checkoutRequestId,
  });
  const settled = await settlePayment(deps, {
    paymentId: payment.id,
    news: { kind: 'heard', evidence: answerAsEvidence(answer, deps.now()) },
  });
  deps.logger.info('query.answered', {
    tenant_id: payment.tenantId,
    payment_id: payment.id,
    outcome: answer.outcome,
    result_code: 'resultCode' in answer ? answer.resultCode : null,
    verdict: settled?.verdict,
    status: settled?.to,
    duration_ms: Math.round(answer.exchange.durationMs),
  });
  // Daraja was too busy to answer (429): not at the next planned time but as soon as it is welcome.
  if (answer.outcome === 'noAnswer' && answer.retryAfterMs !== null && settled !== undefined) {
    await postpone(deps, settled.payment, deps.now() + Math.max(answer.retryAfterMs, askAgainMs));
  }
  return 'asked';
}

async function postpone(deps: AskDeps, payment: Payment, at: number): Promise<'later' | 'gone'> {
  const isPostponed = await claimAskAcrossTenants(deps.db, payment, {
    nextAskAt: at,
    dueAt: dueAt({ ...payment, nextAskAt: at }),
  });
  return isPostponed ? 'later' : 'gone';
}

const strengths = { paid: 'B', denied: 'D', noAnswer: null } as const;

/** The answer to a query as it is kept. */
export function answerAsEvidence(answer: QueryAnswer, at: number): HeardEvidence {
  return {
    id: newId('evd'),
    source: 'query',
    strength: strengths[answer.outcome],
    at,
    resultCode: answer.outcome === 'noAnswer' ? null : answer.resultCode,
    resultDesc: answer.outcome === 'noAnswer' ? answer.reason : answer.resultDesc,
    receipt: null,
    amountCents: null,
    phone: null,
    shortcode: null,
    ids: null,
    unreadable: null,
    sourceIp: null,
    httpStatus: answer.exchange.httpStatus,
    durationMs: answer.exchange.durationMs,
    raw: answer.exchange.body,
  };
}
