// Sends one push, at most once (promise 1). The claim is committed before the call; whatever happens after it, a crash
// included, this payment is never claimed again unless Daraja's answer proves that nothing was sent. No transaction
// is open while the network is used.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { isDatabaseAway } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/logger.ts';
import type { Evidence } from './evidence.ts';
import type { Payment } from './payment.ts';
import type { PaymentProvider, PushAnswer } from './payment-provider.ts';
import { type SettleDeps, type SettleItem, settlePayment } from './settle-payments.ts';

const settleAgainMs = 1000;

export interface SubmitDeps extends SettleDeps {
  clock: Clock;
  provider: Pick<PaymentProvider, 'mayPush' | 'push'>;
  logger: Logger;
  /** Longer than everything a push may take: token, push, a fresh token, the push again. */
  leaseMs: number;
  /** Told how each push was answered, for metrics. */
  onPushAnswered(outcome: PushAnswer['outcome'], durationMs: number): void;
}

/** `sent`: the push was made and its answer settled. `held`: not now, look again later. `gone`: nothing to send. */
export type Submission =
  | { outcome: 'sent'; answer: PushAnswer }
  | { outcome: 'held'; waitMs: number }
  | { outcome: 'gone' };

export async function submitPayment(deps: SubmitDeps, payment: Payment): Promise<Submission> {
  const permission = await deps.provider.mayPush(payment.shortcodeId);
  if (!permission.allowed) {
    if (permission.reason !== 'refused') return { outcome: 'held', waitMs: permission.waitMs };
    await settlePayment(deps, {
      paymentId: payment.id,
      news: { kind: 'refused', failureCode: permission.failureCode, detail: permission.detail },
    });
    return { outcome: 'gone' };
  }
  const leaseToken = randomBytes(12).toString('base64url');
  const claimed = await settlePayment(deps, {
    paymentId: payment.id,
    news: { kind: 'claimed', leaseToken, leaseUntil: deps.now() + deps.leaseMs },
  });
  if (claimed === undefined) return { outcome: 'gone' };
  const answer = await push(deps, claimed.payment);
  deps.onPushAnswered(answer.outcome, answer.exchange.durationMs);
  deps.logger.info('push.answered', {
    tenant_id: payment.tenantId,
    payment_id: payment.id,
    outcome: answer.outcome,
    provider_code: 'providerCode' in answer ? answer.providerCode : null,
    reason: 'reason' in answer ? answer.reason : null,
    http_status: answer.exchange.httpStatus,
    duration_ms: Math.round(answer.exchange.durationMs),
  });
  const evidence = answerAsEvidence(answer, deps.now());
  await settleAnswer(deps, { paymentId: payment.id, news: { kind: 'pushAnswered', leaseToken, answer, evidence } });
  return { outcome: 'sent', answer };
}

/** What Daraja answered is known only here: while the database is away it is tried again as long as the lease may last. */
async function settleAnswer(deps: SubmitDeps, item: SettleItem): Promise<void> {
  const giveUpAt = deps.now() + deps.leaseMs;
  for (;;) {
    try {
      await settlePayment(deps, item);
      return;
    } catch (thrown) {
      if (!isDatabaseAway(thrown) || deps.now() >= giveUpAt) throw thrown;
    }
    await new Promise<void>((resolve) => deps.clock.after(settleAgainMs, resolve));
  }
}

async function push(deps: SubmitDeps, payment: Payment): Promise<PushAnswer> {
  const { id: paymentId, shortcodeId, amountKes, phone, reference, description } = payment;
  try {
    return await deps.provider.push({ paymentId, shortcodeId, amountKes, phone, reference, description });
  } catch (thrown) {
    // A fault of ours in the middle of a push proves nothing about what was sent.
    deps.logger.error('push.broke', { payment_id: paymentId, error: thrown });
    return {
      outcome: 'unknown',
      reason: 'our own fault while sending',
      exchange: { httpStatus: null, body: '', durationMs: 0 },
    };
  }
}

/** The answer to a push as it is kept. */
export function answerAsEvidence(answer: PushAnswer, at: number): Evidence {
  const providerCode = 'providerCode' in answer ? answer.providerCode : null;
  const providerMessage = 'providerMessage' in answer ? answer.providerMessage : null;
  return {
    id: newId('evd'),
    source: 'push',
    strength: null,
    at,
    resultCode: answer.outcome === 'accepted' ? '0' : providerCode,
    resultDesc: providerMessage ?? ('reason' in answer ? answer.reason : null),
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
