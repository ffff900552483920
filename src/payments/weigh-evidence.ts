// How far evidence is believed: the rules of design.md section 6 as pure functions. Yes beats no, and what carries a
// receipt beats what does not: A over B over C over D, in whatever order they come, so money that arrived is never lost
// to a failure heard earlier. The one deliberate exception: a query's bare yes never ends a review of money that came
// wrong.

import { type Decision, keep, type Surroundings } from './decision.ts';
import type { HeardEvidence, ReadDenial, Verdict } from './evidence.ts';
import { type Flag, negativeStatuses, type Payment, type PaymentPatch, type ReviewReason } from './payment.ts';
import { comparePhone } from './phone.ts';
import { denialsApartMs, nextAskAt, overturnMs, soleDenialMs } from './schedule.ts';

export function weighEvidence(
  payment: Payment,
  evidence: HeardEvidence,
  around: Surroundings,
  readDenial: ReadDenial,
): Decision {
  if (evidence.unreadable !== null) return keep('unreadable', evidence.unreadable);
  const ids = adoptIds(payment, evidence, around);
  if (ids === undefined) return keep('forged_ids', 'the ids are not those of this push');
  const decision = weighByStrength(payment, evidence, around, readDenial);
  return { ...decision, patch: { ...ids, ...decision.patch } };
}

function weighByStrength(
  payment: Payment,
  evidence: HeardEvidence,
  around: Surroundings,
  readDenial: ReadDenial,
): Decision {
  switch (evidence.strength) {
    case 'A':
      return weighMoney(payment, evidence, around);
    case 'B':
      return weighYes(payment, evidence, around);
    case 'C':
      return weighDenial(payment, evidence, around, readDenial);
    case 'D':
      return weighQueryDenial(payment, evidence, around, readDenial);
    case null:
      return keep('no_answer', evidence.resultDesc ?? 'M-PESA gave no answer yet');
    default:
      return evidence.strength satisfies never;
  }
}

/** The ids to take over, none, or undefined when the evidence carries ids that cannot be this push's. */
function adoptIds(payment: Payment, evidence: HeardEvidence, around: Surroundings): PaymentPatch | undefined {
  if (evidence.ids === null) return {};
  const { merchantRequestId, checkoutRequestId } = evidence.ids;
  if (payment.checkoutRequestId !== null) {
    return payment.checkoutRequestId === checkoutRequestId && payment.merchantRequestId === merchantRequestId
      ? {}
      : undefined;
  }
  return around.idsTaken ? undefined : { merchantRequestId, checkoutRequestId };
}

/** Strength A: verified money. */
function weighMoney(payment: Payment, evidence: HeardEvidence, around: Surroundings): Decision {
  const doubt = doubtAbout(payment, evidence, around);
  if (payment.status === 'succeeded') return completeSuccess(payment, evidence, doubt);
  if (doubt !== null) return review(payment, evidence, doubt);
  if (isOverturnTooLate(payment, around.now))
    return keep('too_late', 'money arrived more than seven days after the payment was denied');
  return succeed(payment, evidence, around.now);
}

/** Strength B: a yes without an amount to compare. */
function weighYes(payment: Payment, evidence: HeardEvidence, around: Surroundings): Decision {
  if (around.receiptTaken)
    return payment.status === 'succeeded'
      ? completeSuccess(payment, evidence, 'receipt')
      : review(payment, evidence, 'receipt');
  if (payment.status === 'succeeded') {
    return evidence.receipt === null ? keep('repeated', 'already paid') : completeSuccess(payment, evidence, null);
  }
  if (payment.status === 'needs_review' && payment.reviewReason !== 'no_answer')
    return keep('noted', 'a yes without an amount does not end a review');
  if (isOverturnTooLate(payment, around.now))
    return keep('too_late', 'M-PESA said yes more than seven days after the payment was denied');
  return succeed(payment, evidence, around.now);
}

/** Strength C: M-PESA's own no. */
function weighDenial(
  payment: Payment,
  evidence: HeardEvidence,
  around: Surroundings,
  readDenial: ReadDenial,
): Decision {
  const { failureCode, to } = readDenial(evidence.resultCode ?? '', evidence.source);
  if (payment.status === 'succeeded')
    return keep('contradicts', `M-PESA denied with ${evidence.resultCode} what it had confirmed`);
  if (payment.status === 'failed' || payment.status === 'cancelled')
    return keep(payment.providerCode === evidence.resultCode ? 'repeated' : 'noted', 'already known not to be paid');
  const denied: PaymentPatch = {
    confirmedBy: evidence.source,
    failureCode,
    providerCode: evidence.resultCode,
    providerMessage: evidence.resultDesc,
  };
  if (payment.status === 'expired') {
    const isKnown = payment.confirmedBy === evidence.source && payment.providerCode === evidence.resultCode;
    return isKnown
      ? keep('repeated', 'already known not to be paid')
      : { verdict: 'applied', cause: `M-PESA said why: ${evidence.resultCode}`, patch: { ...denied, nextAskAt: null } };
  }
  if (payment.status === 'needs_review') return keep('noted', 'an operator decides');
  return {
    verdict: 'applied',
    to,
    cause: `${evidence.source} said ${evidence.resultCode}`,
    patch: { ...denied, completedAt: around.now, nextAskAt: null },
  };
}

/** Strength D: a query's no. It counts only after `expiresAt`, and alone only long after it. */
function weighQueryDenial(
  payment: Payment,
  evidence: HeardEvidence,
  around: Surroundings,
  readDenial: ReadDenial,
): Decision {
  const { now } = around;
  if (payment.status === 'succeeded')
    return keep('contradicts', `a query denied with ${evidence.resultCode} what M-PESA had confirmed`);
  if (payment.status !== 'pending' && payment.status !== 'unknown')
    return keep('noted', 'a query’s no changes nothing here');
  if (now < payment.expiresAt)
    return {
      verdict: 'noted',
      cause: 'a query’s no is not believed before the payment expires',
      patch: { lastAnsweredAt: now },
    };
  const isSecond = payment.firstDeniedAt !== null && now - payment.firstDeniedAt >= denialsApartMs;
  if (!isSecond && now < payment.expiresAt + soleDenialMs) {
    const firstDeniedAt = payment.firstDeniedAt ?? now;
    const askAgainAt = firstDeniedAt + denialsApartMs;
    return {
      verdict: 'noted',
      cause: 'a query’s no must be seen twice',
      patch: { lastAnsweredAt: now, firstDeniedAt, nextAskAt: Math.min(payment.nextAskAt ?? askAgainAt, askAgainAt) },
    };
  }
  const { failureCode, to } = readDenial(evidence.resultCode ?? '', evidence.source);
  return {
    verdict: 'applied',
    to,
    cause: `a query said ${evidence.resultCode}${isSecond ? ' twice' : ''}`,
    patch: {
      confirmedBy: evidence.source,
      failureCode,
      providerCode: evidence.resultCode,
      providerMessage: evidence.resultDesc,
      lastAnsweredAt: now,
      completedAt: now,
      nextAskAt: null,
    },
  };
}

const doubts = {
  shortcode: { verdict: 'other_shortcode', cause: 'the money went to another shortcode', flag: null },
  receipt: { verdict: 'receipt_reused', cause: 'the receipt belongs to another payment', flag: 'receipt_reused' },
  amount: { verdict: 'amount_mismatch', cause: 'another amount arrived than was asked for', flag: 'amount_mismatch' },
  phone: { verdict: 'other_phone', cause: 'another phone paid than was asked', flag: null },
} as const satisfies Partial<Record<ReviewReason, { verdict: Verdict; cause: string; flag: Flag | null }>>;

type Doubt = keyof typeof doubts;

function doubtAbout(payment: Payment, evidence: HeardEvidence, around: Surroundings): Doubt | null {
  if (evidence.shortcode !== null && evidence.shortcode !== payment.shortcode) return 'shortcode';
  if (around.receiptTaken) return 'receipt';
  // An amount that was there and could not be read is not the one that was asked for.
  if (evidence.strength === 'A' && evidence.amountCents !== payment.amountKes * 100) return 'amount';
  return comparePhone(payment.phone, evidence.phone) === 'different' ? 'phone' : null;
}

/** What verified money says may be added to a success: a receipt that was missing, or an amount that was never seen. */
function completeSuccess(payment: Payment, evidence: HeardEvidence, doubt: Doubt | null): Decision {
  const doubted = doubt === null ? null : doubts[doubt];
  const isKnown = payment.mpesaReceipt !== null || (evidence.receipt === null && payment.amountReceivedKes !== null);
  if (isKnown && doubted !== null) return keep(doubted.verdict, doubted.cause);
  if (isKnown) {
    const isSame = evidence.receipt === null || evidence.receipt === payment.mpesaReceipt;
    return isSame
      ? keep('repeated', 'already paid')
      : keep('contradicts', 'a second receipt for a payment that is paid');
  }
  const added = doubted === null || doubted.flag === null ? [] : [doubted.flag];
  if (doubted !== null && doubt !== 'amount')
    return { verdict: doubted.verdict, cause: doubted.cause, patch: { flags: withFlags(payment.flags, added) } };
  const present = evidence.receipt === null ? payment.flags : withoutFlag(payment.flags, 'receipt_missing');
  return {
    verdict: doubted?.verdict ?? 'applied',
    cause: doubted?.cause ?? `the ${evidence.receipt === null ? 'amount' : 'receipt'} was found`,
    patch: {
      ...(evidence.receipt === null ? {} : { mpesaReceipt: evidence.receipt }),
      amountReceivedKes: wholeKes(evidence.amountCents) ?? payment.amountReceivedKes,
      confirmedBy: evidence.source,
      flags: withFlags(present, added),
    },
  };
}

/** Money that came wrong: kept in sight, nothing released (design.md section 6). */
function review(payment: Payment, evidence: HeardEvidence, doubt: Doubt): Decision {
  const { verdict, cause, flag } = doubts[doubt];
  const patch: PaymentPatch = {
    reviewReason: doubt,
    // Money came: a denial heard earlier is not the customer's story any more.
    confirmedBy: null,
    failureCode: null,
    providerCode: null,
    providerMessage: null,
    completedAt: null,
    flags: withFlags(payment.flags, [...(flag === null ? [] : [flag]), ...overturning(payment)]),
    nextAskAt: null,
    ...(doubt === 'amount' ? { amountReceivedKes: wholeKes(evidence.amountCents) } : {}),
    ...(doubt === 'receipt' || evidence.receipt === null ? {} : { mpesaReceipt: evidence.receipt }),
  };
  if (payment.status !== 'needs_review') return { verdict, to: 'needs_review', cause, patch };
  return payment.reviewReason === 'no_answer' ? { verdict, cause, patch } : keep(verdict, cause);
}

/** What money that comes after a denial is flagged with, also on its way through a review. */
function overturning(payment: Payment): Flag[] {
  if (!negativeStatuses.has(payment.status)) return [];
  return payment.confirmedBy === 'callback' ? ['late', 'contradicted'] : ['late'];
}

function succeed(payment: Payment, evidence: HeardEvidence, now: number): Decision {
  const added = overturning(payment);
  // When it was heard counts, not when a spooled callback was settled.
  if (evidence.at > payment.expiresAt) added.push('late');
  if (evidence.receipt === null) added.push('receipt_missing');
  return {
    verdict: 'applied',
    to: 'succeeded',
    cause: `${evidence.source} confirmed the money${evidence.receipt === null ? ', without a receipt' : ''}`,
    patch: {
      confirmedBy: evidence.source,
      mpesaReceipt: evidence.receipt,
      amountReceivedKes: wholeKes(evidence.amountCents),
      flags: withFlags(payment.flags, added),
      failureCode: null,
      providerCode: null,
      providerMessage: null,
      reviewReason: null,
      completedAt: now,
      nextAskAt: null,
      ...(evidence.strength === 'B' && evidence.source === 'query' ? { lastAnsweredAt: now } : {}),
    },
  };
}

/** Whether a denial stands for good: money that is heard of now does not overturn it any more. */
export function isOverturnTooLate(payment: Payment, now: number): boolean {
  return negativeStatuses.has(payment.status) && now > (payment.completedAt ?? payment.expiresAt) + overturnMs;
}

/** Takes what is known of a push into the plan of asking. */
export function planAsking(payment: Payment, patch: PaymentPatch, around: Surroundings): PaymentPatch {
  const next = { ...payment, ...patch };
  if (next.status !== 'pending' && next.status !== 'unknown') return patch;
  if (next.checkoutRequestId === null || next.nextAskAt !== null) return patch;
  return { ...patch, nextAskAt: nextAskAt(next.submittedAt ?? around.now, around.now, around.random) };
}

function withFlags(present: readonly Flag[], added: readonly Flag[]): readonly Flag[] {
  return [...new Set([...present, ...added])];
}

function withoutFlag(present: readonly Flag[], gone: Flag): readonly Flag[] {
  return present.filter((flag) => flag !== gone);
}

/** Cents as whole shillings, rounded down; the exact amount stays on the evidence. */
function wholeKes(amountCents: number | null): number | null {
  return amountCents === null ? null : Math.floor(amountCents / 100);
}
