// What an operator does with a discrepancy. Each act is done against the version that was looked at, in the caller's
// transaction (which also writes the audit), and leaves a note with the reason; whoever began the transaction passes on
// what `announce` and `nudge` were told after its commit. What needs a second person is asked for and approved in
// `discrepancy-approvals`; here it is only done.

import { type CheckDeps, checkPayment } from '../payments/check-payment.ts';
import type { Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import type { ReceiveDeps } from '../payments/receive-payment.ts';
import { resolvePayment } from '../payments/resolve-payment.ts';
import type { Settled } from '../payments/settle-payments.ts';
import { inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { redactText } from '../platform/redaction.ts';
import type { ClosedBecause, Discrepancy } from './discrepancy.ts';
import { type DiscrepancyAct, legalDiscrepancyActs } from './discrepancy-acts.ts';
import { assignDiscrepancy, closeDiscrepancy, insertNotes, lockDiscrepancy } from './discrepancy-close-store.ts';
import { findDiscrepancy } from './discrepancy-store.ts';
import type { Line } from './line.ts';
import { type MatchDeps, matchInside } from './match-lines.ts';
import { lockLinesAcrossTenants } from './match-store.ts';
import { acceptLine, linkLine, makePaymentOf, type Resolved, settleLine } from './resolve-lines.ts';

/** `db` is the caller's transaction. */
export interface DiscrepancyActDeps extends MatchDeps, ReceiveDeps, Omit<CheckDeps, 'db'> {}

export interface Person {
  id: string;
  name: string;
}

/** Against what, by whom and why. */
export interface ActContext {
  discrepancyId: string;
  version: number;
  actor: Person;
  reason: string;
  /** Nobody but the actor looked at it, where a second person is asked for otherwise. */
  isOnePerson?: boolean;
}

export type ActChoice =
  | { act: Exclude<DiscrepancyAct, 'link' | 'assign'> }
  | { act: 'link'; paymentId: string }
  /** Null: nobody. */
  | { act: 'assign'; assignee: Person | null };

/**
 * What came of it. `changed`: it is not open, or not at the version that was looked at, and nothing was done. `refused`:
 * it cannot be done, and `why` says so.
 */
export type Acted =
  | { outcome: 'done'; discrepancy: Discrepancy; payment: Payment | null }
  | { outcome: 'changed' }
  | { outcome: 'refused'; why: string };

/** What is not done leaves nothing behind, and nobody is told of it. */
export function actOnDiscrepancy(deps: DiscrepancyActDeps, at: ActContext, choice: ActChoice): Promise<Acted> {
  return doWhole(deps, (inner) => actInside(inner, at, choice));
}

class NotDone extends Error {}

/** Does it in a transaction inside the caller's, which is undone where it did not come to its end. */
async function doWhole<T extends { outcome: string }>(
  deps: DiscrepancyActDeps,
  work: (inner: DiscrepancyActDeps) => Promise<T>,
): Promise<T> {
  let result: T | undefined;
  let changes: Settled[] = [];
  let nudged: string[] = [];
  try {
    await inTransaction(deps.db, async (trx) => {
      changes = [];
      nudged = [];
      const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
      const nudge = (ids: readonly string[]): void => void nudged.push(...ids);
      result = await work({ ...deps, db: trx, announce, nudge });
      if (result.outcome !== 'done') throw new NotDone();
    });
  } catch (thrown) {
    if (!(thrown instanceof NotDone)) throw thrown;
    return result!;
  }
  if (changes.length > 0) deps.announce(changes);
  if (nudged.length > 0) deps.nudge(nudged);
  return result!;
}

async function actInside(deps: DiscrepancyActDeps, at: ActContext, choice: ActChoice): Promise<Acted> {
  const { db: trx, sealer } = deps;
  const seen = await findDiscrepancy(trx, at.discrepancyId);
  // Locked in the order in which matching locks them: the line first.
  const [line = null] =
    seen === undefined || seen.lineId === null ? [] : await lockLinesAcrossTenants(trx, sealer, [seen.lineId]);
  const discrepancy = await lockDiscrepancy(trx, at.discrepancyId);
  if (discrepancy === undefined) return { outcome: 'changed' };
  if (choice.act === 'comment') return note(deps, at, discrepancy, 'comment', at.reason);
  if (discrepancy.status !== 'open' || discrepancy.version !== at.version) return { outcome: 'changed' };
  if (!legalDiscrepancyActs(discrepancy).includes(choice.act))
    return { outcome: 'refused', why: 'This cannot be done with a discrepancy of this kind.' };
  return doIt(deps, at, choice, discrepancy, line);
}

async function doIt(
  deps: DiscrepancyActDeps,
  at: ActContext,
  choice: ActChoice,
  discrepancy: Discrepancy,
  line: Line | null,
): Promise<Acted> {
  switch (choice.act) {
    case 'link':
      if (line === null) return { outcome: 'refused', why: 'There is no line to link.' };
      return close(deps, at, discrepancy, 'linked', await linkLine(deps, line, choice.paymentId, at.actor.id));
    case 'make_payment':
      if (line === null) return { outcome: 'refused', why: 'There is no line to make a payment of.' };
      return close(deps, at, discrepancy, 'payment_made', await makePaymentOf(deps, line, at.actor.id));
    case 'accept_amount':
      return close(deps, at, discrepancy, 'amount_accepted', await acceptAmount(deps, at, discrepancy, line));
    case 'mark_reversed':
      return closeWithLine(deps, at, discrepancy, 'marked_reversed', line);
    case 'write_off':
      return closeWithLine(deps, at, discrepancy, 'written_off', line);
    case 'acknowledge':
      return closeWithLine(deps, at, discrepancy, 'acknowledged', null);
    case 'ask_again':
      return askAgain(deps, at, discrepancy, line);
    case 'assign':
      if (!(await assignDiscrepancy(deps.db, discrepancy, choice.assignee))) return { outcome: 'changed' };
      return note(deps, at, discrepancy, 'assign', `to ${choice.assignee?.name ?? 'nobody'}: ${at.reason}`);
    case 'comment':
      return note(deps, at, discrepancy, 'comment', at.reason);
    default:
      return choice satisfies never;
  }
}

async function note(
  { db, now }: DiscrepancyActDeps,
  { actor }: ActContext,
  discrepancy: Discrepancy,
  act: string,
  text: string,
): Promise<Acted> {
  await insertNotes(db, [{ discrepancyId: discrepancy.id, actor, act, text: redactText(text), at: now() }]);
  return { outcome: 'done', discrepancy, payment: null };
}

async function close(
  { db, now }: DiscrepancyActDeps,
  { actor, reason }: ActContext,
  discrepancy: Discrepancy,
  resolution: ClosedBecause,
  resolved: Resolved,
): Promise<Acted> {
  if (resolved.outcome !== 'done') return resolved;
  // What was done may have closed it by itself already; then the person's word stands beside it.
  const current = (await lockDiscrepancy(db, discrepancy.id))!;
  const closing = { ...actor, resolution, why: redactText(reason), now: now() };
  if (current.status === 'open') await closeDiscrepancy(db, current, closing);
  else await insertNotes(db, [{ discrepancyId: current.id, actor, act: resolution, text: closing.why, at: now() }]);
  return { outcome: 'done', discrepancy, payment: resolved.payment };
}

async function closeWithLine(
  deps: DiscrepancyActDeps,
  { actor, reason }: ActContext,
  discrepancy: Discrepancy,
  resolution: ClosedBecause,
  line: Line | null,
): Promise<Acted> {
  if (line !== null) await settleLine(deps, line);
  const closing = { ...actor, resolution, why: redactText(reason), now: deps.now() };
  if (!(await closeDiscrepancy(deps.db, discrepancy, closing))) return { outcome: 'changed' };
  return { outcome: 'done', discrepancy, payment: null };
}

/** What arrived is what the payment is settled with; a payment that is settled already stays as it is. */
async function acceptAmount(
  deps: DiscrepancyActDeps,
  { actor, reason, isOnePerson = false }: ActContext,
  discrepancy: Discrepancy,
  line: Line | null,
): Promise<Resolved> {
  const { paymentId } = discrepancy;
  const payment = paymentId === null ? undefined : await findPaymentAcrossTenants(deps.db, deps.sealer, paymentId);
  if (payment === undefined) return { outcome: 'refused', why: 'There is no payment to accept it for.' };
  if (payment.status !== 'needs_review') {
    if (payment.status !== 'succeeded')
      return { outcome: 'refused', why: 'The payment is not settled yet; it settles itself or needs a review first.' };
    if (line !== null) await acceptLine(deps, line, payment.id);
    return { outcome: 'done', payment };
  }
  const amountKes = line === null ? payment.amountReceivedKes : Math.floor(line.amountCents / 100);
  const receipt = payment.mpesaReceipt ?? discrepancy.receipt;
  const against = { paymentId: payment.id, version: payment.version, actor: actor.id, isOnePerson };
  const settled = await resolvePayment(deps, against, { to: 'succeeded', receipt, amountKes, reason });
  if (settled === undefined) return { outcome: 'changed' };
  if (line !== null) await acceptLine(deps, line, payment.id);
  return { outcome: 'done', payment: settled.payment };
}

/** Asks M-PESA about the payments it may belong to, and looks at the line again. It stays open unless that closes it. */
async function askAgain(
  deps: DiscrepancyActDeps,
  at: ActContext,
  discrepancy: Discrepancy,
  line: Line | null,
): Promise<Acted> {
  const ids = [discrepancy.paymentId, ...discrepancy.candidates.map(({ paymentId }) => paymentId)];
  let asked = 0;
  for (const paymentId of new Set(ids.filter((id) => id !== null))) {
    const payment = await findPaymentAcrossTenants(deps.db, deps.sealer, paymentId);
    if (payment !== undefined && (await mayAsk(deps, payment))) asked += 1;
  }
  if (line !== null) await matchInside(deps, [line.id]);
  if (asked === 0 && line === null) return { outcome: 'refused', why: 'There is nothing M-PESA could be asked about.' };
  return note(deps, at, discrepancy, 'ask_again', at.reason);
}

async function mayAsk(deps: DiscrepancyActDeps, payment: Payment): Promise<boolean> {
  try {
    await checkPayment(deps, payment);
    return true;
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'nothing_to_check') return false;
    throw thrown;
  }
}

/** An operator says yes to a suggested match: the line's money is the payment's. */
export function confirmSuggestion(
  deps: DiscrepancyActDeps,
  { lineId, paymentId, actor }: { lineId: string; paymentId: string; actor: Person },
): Promise<Resolved> {
  return doWhole(deps, async (inner): Promise<Resolved> => {
    const [line] = await lockLinesAcrossTenants(inner.db, inner.sealer, [lineId]);
    if (line?.status !== 'suggested' || line.paymentId !== paymentId) return { outcome: 'changed' };
    return linkLine(inner, line, paymentId, actor.id);
  });
}
