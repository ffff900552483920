// The cascade R1 to R8 of reconciliation.md as one pure function: the same line and the same facts give the same
// decision, whoever asks and in whatever order lines come. The first rule that holds decides. Nothing is claimed here:
// `match-lines` does, and asks again where somebody was quicker.

import type { Payment } from '../payments/payment.ts';
import { isOverturnTooLate } from '../payments/weigh-evidence.ts';
import { type Fit, fitOf, isCertain, isInTime, rank, secondWithinMs } from './candidates.ts';
import type { Candidate } from './discrepancy.ts';
import type { Line, LineStatus, Rule } from './line.ts';

/** Money in of which nothing is known yet is waited for this long. */
export const orphanAfterMs = 15 * 60_000;

/** What the database knows about a line. */
export interface LineFacts {
  now: number;
  /**
   * The payment that is known by the line's receipt, or for a reversal by the receipt that was taken back; `elsewhere`
   * where a shared number's receipt is another tenant's.
   */
  owner: Payment | 'elsewhere' | null;
  /** Payments of the same amount without a receipt. */
  unpaid: readonly Payment[];
  /** Payments of the same amount and account with a receipt of their own. */
  paid: readonly Payment[];
  /** A row before this one of the same statements has the same receipt and amount, and another balance. */
  isRepeated: boolean;
  /** The receipt of the reversal that took all of it back. */
  reversedBy: string | null;
}

/** What is wrong with a line, for match-findings to put into words. */
export type LineTrouble =
  | { type: 'amount_mismatch'; payment: Payment }
  | { type: 'receipt_reused'; payment: Payment | null }
  | { type: 'duplicate_payment'; payment: Payment }
  | { type: 'orphan_receipt'; denied: Payment | null }
  | { type: 'reversed_externally'; payment: Payment }
  | { type: 'ambiguous' };

export interface LineDecision {
  status: LineStatus;
  rule: Rule | null;
  /** What it belongs to, or is suggested to belong to. */
  payment: Payment | null;
  /** How the line becomes evidence for that payment: as its receipt's owner, or by claiming one that has no receipt. */
  settles: 'owner' | 'free' | null;
  candidates: readonly Candidate[];
  trouble: LineTrouble | null;
}

const nothing = { payment: null, settles: null, candidates: [], trouble: null } as const;

export function decideLine(line: Line, facts: LineFacts): LineDecision {
  if (line.kind === 'reversal' || line.linkedReceipt !== null) return takenBack(facts.owner);
  if (line.kind !== 'payment' || line.amountCents <= 0 || facts.owner === 'elsewhere')
    return { ...nothing, status: 'classified', rule: 'R7' };
  if (facts.isRepeated)
    return {
      ...nothing,
      status: 'mismatch',
      rule: 'R2',
      payment: facts.owner,
      trouble: { type: 'receipt_reused', payment: facts.owner },
    };
  if (facts.owner !== null) return byReceipt(line, facts.owner, facts.now);
  // Money that is known to have gone back settles nothing.
  if (facts.reversedBy !== null) return { ...nothing, status: 'reversal', rule: 'R6' };
  return byDetails(line, facts) ?? withoutPayment(line, facts);
}

/** R6. What was taken back from a payment that was never paid is nobody's loss. */
function takenBack(owner: LineFacts['owner']): LineDecision {
  const payment = owner === 'elsewhere' ? null : owner;
  const isLoss = payment !== null && (payment.status === 'succeeded' || payment.status === 'needs_review');
  return {
    ...nothing,
    status: 'reversal',
    rule: 'R6',
    payment,
    trouble: isLoss ? { type: 'reversed_externally', payment } : null,
  };
}

/** R1 and R2, and what the receipt of a payment cannot settle any more. */
function byReceipt(line: Line, payment: Payment, now: number): LineDecision {
  const orphan = { ...nothing, status: 'orphan', rule: 'R8' } as const;
  // The payment has money of its own: this came on top of it.
  if (payment.mpesaReceipt !== null && payment.mpesaReceipt !== line.receipt)
    return { ...orphan, trouble: { type: 'duplicate_payment', payment } };
  // A line that was told before is not evidence again.
  const settles = line.status === 'matched' || line.status === 'mismatch' ? null : 'owner';
  if (line.amountCents !== payment.amountKes * 100 && !isAccepted(line, payment))
    return {
      ...nothing,
      status: 'mismatch',
      rule: 'R2',
      payment,
      settles,
      trouble: { type: 'amount_mismatch', payment },
    };
  if (isOverturnTooLate(payment, now)) return { ...orphan, trouble: { type: 'orphan_receipt', denied: payment } };
  return { ...nothing, status: 'matched', rule: 'R1', payment, settles };
}

/** An operator has settled the payment with the amount that came. */
function isAccepted(line: Line, { status, flags, amountReceivedKes }: Payment): boolean {
  const isResolved = status === 'succeeded' && flags.includes('resolved_by_operator');
  return isResolved && amountReceivedKes === Math.floor(line.amountCents / 100);
}

/** R3, R4 and R5: a payment without a receipt, by all that the line shows. */
function byDetails(line: Line, { unpaid, now }: LineFacts): LineDecision | null {
  const fits = fitsOf(line, unpaid).filter((fit) => isInTime(fit) && isFree(fit.payment, now));
  const certain = fits.filter(isCertain);
  const [only] = certain.length > 0 ? certain : fits;
  if (only === undefined) return null;
  if (certain.length === 1)
    return { ...nothing, status: 'matched', rule: 'R3', payment: only.payment, settles: 'free' };
  const candidates = rank(fits);
  if (fits.length === 1) return { ...nothing, status: 'suggested', rule: 'R5', payment: only.payment, candidates };
  return { ...nothing, status: 'ambiguous', rule: 'R4', candidates, trouble: { type: 'ambiguous' } };
}

/** Whether money that is heard of now may still settle it. */
export function isFree(payment: Payment, now: number): boolean {
  return payment.mpesaReceipt === null && !isOverturnTooLate(payment, now);
}

/** R8: nothing fits. */
function withoutPayment(line: Line, { paid, unpaid, now }: LineFacts): LineDecision {
  if (now < heardAt(line) + orphanAfterMs) return { ...nothing, status: 'new', rule: null };
  const orphan = { ...nothing, status: 'orphan', rule: 'R8' } as const;
  const [first] = fitsOf(line, paid)
    .filter((fit) => isCertain(fit) && Math.abs(fit.afterMs) <= secondWithinMs)
    .sort((left, right) => Math.abs(left.afterMs) - Math.abs(right.afterMs));
  if (first !== undefined) return { ...orphan, trouble: { type: 'duplicate_payment', payment: first.payment } };
  const denied = fitsOf(line, unpaid).filter(isInTime);
  const [only] = denied;
  return {
    ...orphan,
    candidates: rank(denied),
    trouble: { type: 'orphan_receipt', denied: denied.length === 1 ? only!.payment : null },
  };
}

function fitsOf(line: Line, payments: readonly Payment[]): Fit[] {
  return payments.map((payment) => fitOf(line, payment)).filter((fit) => fit !== null);
}

/** A clock at M-PESA that goes ahead must not make a line younger than it is. */
function heardAt({ completedAt, createdAt }: Line): number {
  return Math.min(completedAt, createdAt);
}

const soonestMs = 15_000;
const latestAgainMs = 24 * 3_600_000;
/** A day more than money may overturn a denial: after that only a reconciliation of its day looks at a line. */
const lookedAtForMs = 8 * 24 * 3_600_000;

/** When a line is looked at again; null when it has its end. The older it is, the less often. */
export function lookAgainAt(line: Line, status: LineStatus, now: number): number | null {
  if (!unresolved.has(status)) return null;
  const age = now - heardAt(line);
  if (age > lookedAtForMs) return null;
  const planned = now + Math.min(Math.max(age / 2, soonestMs), latestAgainMs);
  const orphanAt = heardAt(line) + orphanAfterMs;
  return Math.round(now < orphanAt ? Math.min(planned, orphanAt) : planned);
}

/** Statuses that the next look may change. */
export const unresolved: ReadonlySet<LineStatus> = new Set(['new', 'suggested', 'ambiguous', 'orphan']);
