// What each piece of news does to a payment, as a pure function: the same payment and the same news give the same
// decision, whoever asks. `settle-payments` locks, asks here, and writes; nothing else changes a payment's status.

import { type Decision, keep, type Surroundings } from './decision.ts';
import type { Evidence, HeardEvidence, ReadDenial } from './evidence.ts';
import type { FailureCode } from './failures.ts';
import type { Flag, Payment, PaymentPatch } from './payment.ts';
import type { PushAnswer } from './payment-provider.ts';
import { nextAttemptAt, silenceMs } from './schedule.ts';
import { planAsking, weighEvidence } from './weigh-evidence.ts';

export type News =
  /** A worker takes the payment to push it; committed before the HTTP call. */
  | { kind: 'claimed'; leaseToken: string; leaseUntil: number }
  /** What the push came to, by the worker that holds (or held) the lease. */
  | { kind: 'pushAnswered'; leaseToken: string; answer: PushAnswer; evidence: Evidence }
  /** Evidence from a callback, a query, C2B, pull or a statement. */
  | { kind: 'heard'; evidence: HeardEvidence }
  /** Refused before the wire: nothing was sent. */
  | { kind: 'refused'; failureCode: FailureCode; detail: string }
  | { kind: 'cancelledByMerchant' }
  /** An operator settles what is uncertain, with a second one or alone; the evidence carries the receipt. */
  | { kind: 'resolved'; to: 'succeeded' | 'failed'; isOnePerson: boolean; evidence: Evidence }
  /** A worker looked because the payment was due. */
  | { kind: 'timePassed' };

/** The decision, or null when the news changes nothing and there is nothing to keep. */
export function decide(payment: Payment, news: News, around: Surroundings, readDenial: ReadDenial): Decision | null {
  const decision = decideKind(payment, news, around, readDenial);
  if (decision === null) return null;
  const patch = decision.to === undefined ? decision.patch : { ...decision.patch, status: decision.to };
  return { ...decision, patch: planAsking(payment, patch, around) };
}

function decideKind(payment: Payment, news: News, around: Surroundings, readDenial: ReadDenial): Decision | null {
  switch (news.kind) {
    case 'claimed':
      return claim(payment, news.leaseToken, news.leaseUntil, around.now);
    case 'pushAnswered':
      return takeAnswer(payment, news.leaseToken, news.answer, around);
    case 'heard':
      return weighEvidence(payment, news.evidence, around, readDenial);
    case 'refused':
      return payment.status === 'queued' ? endUnsent('failed', news.failureCode, news.detail, around.now) : null;
    case 'cancelledByMerchant':
      return payment.status === 'queued'
        ? endUnsent('cancelled', 'cancelled_by_merchant', 'the merchant cancelled it before it was sent', around.now)
        : null;
    case 'resolved':
      return resolve(payment, news, around);
    case 'timePassed':
      return letTimePass(payment, around);
    default:
      return news satisfies never;
  }
}

function claim(payment: Payment, leaseToken: string, leaseUntil: number, now: number): Decision | null {
  const isDue = payment.status === 'queued' && (payment.nextAttemptAt ?? 0) <= now && payment.expiresAt > now;
  if (!isDue) return null;
  const patch: PaymentPatch = {
    leaseToken,
    leaseUntil,
    attemptCount: payment.attemptCount + 1,
    submittedAt: now,
    nextAttemptAt: null,
  };
  return { verdict: 'applied', to: 'submitting', cause: 'a worker takes it to M-PESA', patch };
}

/** Statuses that a person may settle: everything else settles itself or is settled. */
export const resolvable: ReadonlySet<Payment['status']> = new Set(['needs_review', 'unknown']);

function resolve(
  payment: Payment,
  { to, isOnePerson, evidence: { receipt, amountCents } }: News & { kind: 'resolved' },
  around: Surroundings,
): Decision | null {
  if (!resolvable.has(payment.status) || (to === 'succeeded' && (receipt === null || around.receiptTaken))) return null;
  const isLate = around.now > payment.expiresAt;
  const approval = isOnePerson ? 'alone (one-person installation)' : 'approved by a second one';
  const added: Flag[] = to === 'succeeded' && isLate ? ['resolved_by_operator', 'late'] : ['resolved_by_operator'];
  const received = amountCents === null ? payment.amountReceivedKes : Math.round(amountCents / 100);
  const settled: PaymentPatch = {
    flags: [...new Set([...payment.flags.filter((flag) => flag !== 'receipt_missing'), ...added])],
    confirmedBy: 'operator',
    completedAt: around.now,
    reviewReason: null,
    nextAskAt: null,
  };
  if (to === 'failed')
    return {
      verdict: 'applied',
      to,
      cause: `an operator closed it as not paid, ${approval}`,
      patch: { ...settled, failureCode: 'closed_by_operator', providerCode: null, providerMessage: null },
    };
  return {
    verdict: 'applied',
    to,
    cause: `an operator settled it as paid, ${approval}`,
    patch: { ...settled, mpesaReceipt: receipt, amountReceivedKes: received, failureCode: null },
  };
}

const leaseOver: PaymentPatch = { leaseToken: null, leaseUntil: null };

function takeAnswer(payment: Payment, leaseToken: string, answer: PushAnswer, around: Surroundings): Decision {
  const inLease = payment.status === 'submitting' && payment.leaseToken === leaseToken;
  switch (answer.outcome) {
    case 'accepted':
      return takeAccepted(payment, answer, inLease, around);
    case 'rejected':
      // A refusal proves that no prompt was sent, even when it comes after the lease.
      if (!inLease && payment.status !== 'unknown')
        return keep('late_answer', 'the push was refused, but the payment had moved on');
      return {
        verdict: 'applied',
        to: 'failed',
        cause: `M-PESA refused the push: ${answer.providerCode ?? answer.failureCode}`,
        patch: {
          ...leaseOver,
          failureCode: answer.failureCode,
          providerCode: answer.providerCode,
          providerMessage: answer.providerMessage,
          completedAt: around.now,
          nextAskAt: null,
        },
      };
    case 'notSent':
      if (!inLease) return keep('late_answer', 'the push was not sent, but the payment had moved on');
      return {
        verdict: 'applied',
        to: 'queued',
        cause: `not sent: ${answer.reason}`,
        patch: {
          ...leaseOver,
          submittedAt: null,
          nextAttemptAt: nextAttemptAt(
            payment.attemptCount,
            answer.reason,
            answer.retryAfterMs,
            around.now,
            around.random,
          ),
        },
      };
    case 'unknown':
      if (!inLease) return keep('late_answer', 'no clear answer to the push');
      return {
        verdict: 'applied',
        to: 'unknown',
        cause: `no clear answer to the push: ${answer.reason}`,
        patch: leaseOver,
      };
    default:
      return answer satisfies never;
  }
}

function takeAccepted(
  payment: Payment,
  answer: PushAnswer & { outcome: 'accepted' },
  inLease: boolean,
  around: Surroundings,
): Decision {
  const { merchantRequestId, checkoutRequestId } = answer;
  const ids: PaymentPatch =
    payment.checkoutRequestId === null && !around.idsTaken ? { merchantRequestId, checkoutRequestId } : {};
  if (!inLease)
    return { verdict: 'late_answer', cause: 'the push’s answer came late: it fills in the ids', patch: ids };
  if (around.idsTaken)
    return {
      verdict: 'forged_ids',
      to: 'unknown',
      cause: 'M-PESA answered with the ids of another payment',
      patch: leaseOver,
    };
  return { verdict: 'applied', to: 'pending', cause: 'M-PESA accepted the push', patch: { ...leaseOver, ...ids } };
}

/** An end before anything was sent: no money can have moved. */
function endUnsent(
  to: 'failed' | 'cancelled' | 'expired',
  failureCode: FailureCode,
  cause: string,
  now: number,
): Decision {
  return { verdict: 'applied', to, cause, patch: { failureCode, completedAt: now, nextAttemptAt: null } };
}

/** Whether the mere passing of time moves this payment. */
export function isTimeUp(payment: Payment, now: number): boolean {
  return letTimePass(payment, { now }) !== null;
}

function letTimePass(payment: Payment, around: Pick<Surroundings, 'now'>): Decision | null {
  const { now } = around;
  if (payment.status === 'queued' && payment.expiresAt <= now)
    return endUnsent('expired', 'not_sent_in_time', 'it could not be sent before it expired', now);
  if (payment.status === 'submitting' && (payment.leaseUntil ?? 0) <= now) {
    return { verdict: 'applied', to: 'unknown', cause: 'the worker that sent it did not come back', patch: leaseOver };
  }
  if (payment.status === 'pending' && payment.expiresAt <= now) {
    return { verdict: 'applied', to: 'unknown', cause: 'M-PESA has given no clear answer in time', patch: {} };
  }
  if (payment.status === 'unknown' && payment.expiresAt + silenceMs <= now) {
    if (payment.lastAnsweredAt !== null)
      return {
        verdict: 'applied',
        to: 'expired',
        cause: 'M-PESA answered, but never with a yes',
        patch: { failureCode: 'unknown_result', completedAt: now },
      };
    return {
      verdict: 'applied',
      to: 'needs_review',
      cause: 'M-PESA never answered',
      patch: { reviewReason: 'no_answer' },
    };
  }
  return null;
}
