// Gives lines of M-PESA's record their payments (reconciliation.md, Match cascade). A batch of lines is one transaction:
// the lines are locked, the rules decide, payments are settled through the one door with the line as evidence A, and what
// became of each line and what is wrong is written with it. A payment is claimed under its own lock and a receipt in
// `receipts`, so two workers never match one line or one payment twice: whoever comes second decides again.

import { setImmediate as giveWay } from 'node:timers/promises';
import type { Verdict } from '../payments/evidence.ts';
import { noteReceipts } from '../payments/evidence-store.ts';
import { type SettleDeps, type Settled, type SettleItem, settlePayments } from '../payments/settle-payments.ts';
import { type Db, inTransaction, isDatabaseAway } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { Finding } from './discrepancy.ts';
import { closeGone, findDoubted, openFindings } from './discrepancy-store.ts';
import type { Line } from './line.ts';
import { lineAsEvidence } from './match-evidence.ts';
import { type KnownLine, readFacts, soughtReceipt } from './match-facts.ts';
import { findingOf, lineTypes, whyGone } from './match-findings.ts';
import { decideLine, isFree, type LineDecision, lookAgainAt, unresolved } from './match-rules.ts';
import {
  claimDueAcrossTenants,
  hastenLines,
  type LineOutcome,
  lockLinesAcrossTenants,
  restLines,
  writeOutcomes,
} from './match-store.ts';
import { reviewPayments } from './reconcile-payments.ts';

export interface MatchDeps extends SettleDeps {
  logger: Logger;
}

const batchSize = 200;
/** How often a line is decided again because somebody was quicker. */
const mostRounds = 8;
const troubledAgainMs = 10 * 60_000;

/** Matches lines that are due; how many were looked at. */
export function matchDueLines(deps: MatchDeps, limit = batchSize): Promise<number> {
  return matchTaken(deps, (trx) => claimDueAcrossTenants(trx, deps.now(), limit));
}

/** Matches these lines now, whether due or not; those that have their end are left alone. */
export async function matchLinesOf(deps: MatchDeps, lineIds: readonly string[]): Promise<void> {
  for (let from = 0; from < lineIds.length; from += batchSize) {
    const ids = lineIds.slice(from, from + batchSize);
    await matchTaken(deps, async () => [...ids]);
    // SQLite answers without a turn of the event loop: others have theirs between the batches.
    await giveWay();
  }
}

/** One transaction for all that is taken; where it fails, one for each, so that one line holds nobody else up. */
async function matchTaken(deps: MatchDeps, take: (trx: Db) => Promise<string[]>): Promise<number> {
  let taken: string[] = [];
  let changes: Settled[] = [];
  try {
    await inTransaction(deps.db, async (trx) => {
      changes = [];
      taken = await take(trx);
      const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
      if (taken.length > 0) await matchInside({ ...deps, db: trx, announce }, taken);
    });
  } catch (thrown) {
    if (taken.length === 0 || isDatabaseAway(thrown)) throw thrown;
    if (taken.length > 1) for (const id of taken) await matchTaken(deps, async () => [id]);
    else await putOff(deps, taken, thrown);
    return taken.length;
  }
  // Told after the commit, as everything is.
  if (changes.length > 0) deps.announce(changes);
  return taken.length;
}

async function putOff(deps: MatchDeps, lineIds: readonly string[], thrown: unknown): Promise<void> {
  deps.logger.error('line.failed', { line_id: lineIds[0], error: thrown });
  await hastenLines(deps.db, lineIds, deps.now() + troubledAgainMs);
}

interface Outcome extends KnownLine {
  decision: LineDecision;
  /** What settling its payment came to, where it was settled. */
  settled?: Settled | undefined;
}

/** {@link matchLinesOf} inside a transaction; whoever began it announces what `deps.announce` was told. */
export async function matchInside(deps: MatchDeps, lineIds: readonly string[]): Promise<void> {
  const now = deps.now();
  const locked = await lockLinesAcrossTenants(deps.db, deps.sealer, lineIds);
  let waiting = locked.filter(mayChange).sort(byTime);
  const outcomes: Outcome[] = [];
  for (let round = 1; waiting.length > 0 && round <= mostRounds; round += 1) {
    const known = await readFacts(deps.db, deps.sealer, waiting, now);
    const decided = known.map((one): Outcome => ({ ...one, decision: decideLine(one.line, one.facts) }));
    const done = await settle(deps, withoutRivals(decided));
    outcomes.push(...done);
    const isDone = new Set(done.map(({ line }) => line.id));
    waiting = waiting.filter(({ id }) => !isDone.has(id));
  }
  await write(deps, outcomes, now);
  // Others are at their payments just now: the next sweep looks again.
  await hastenLines(deps.db, idsOf(waiting), now);
  await restLines(deps.db, idsOf(locked.filter((line) => !mayChange(line))));
}

const idsOf = (lines: readonly Line[]): string[] => lines.map(({ id }) => id);

/** The earlier money is given its payment first, whatever order the lines came in. */
function byTime(left: Line, right: Line): number {
  return left.completedAt - right.completedAt || (left.id < right.id ? -1 : 1);
}

function mayChange({ status }: Line): boolean {
  return status === 'mismatch' || status === 'reversal' || unresolved.has(status);
}

/** One claim for each payment and receipt at a time: whoever looked at what is being claimed looks again afterwards. */
function withoutRivals(decided: readonly Outcome[]): Outcome[] {
  const claims = new Map<string, Outcome>();
  for (const one of decided) {
    const { payment, settles } = one.decision;
    if (settles !== 'free' || payment === null) continue;
    const keys = [payment.id, receiptOf(one.line)];
    if (keys.every((key) => !claims.has(key))) for (const key of keys) claims.set(key, one);
  }
  return decided.filter((one) => {
    const { payment, candidates } = one.decision;
    const looked = [receiptOf(one.line), payment?.id ?? '', ...candidates.map(({ paymentId }) => paymentId)];
    return looked.every((key) => !claims.has(key) || claims.get(key) === one);
  });
}

const receiptOf = (line: Line): string => `${line.shortcodeId} ${soughtReceipt(line)}`;

/** Verdicts after which the line has its payment; after any other somebody was quicker. */
const belonging: ReadonlySet<Verdict> = new Set(['applied', 'repeated', 'other_phone', 'amount_mismatch']);

/** Settles the payments of what was decided; those whose decision stands. */
async function settle(deps: MatchDeps, decided: readonly Outcome[]): Promise<Outcome[]> {
  const settling = decided.filter(({ decision }) => decision.settles !== null);
  if (settling.length === 0) return [...decided];
  const now = deps.now();
  const items = settling.map(({ line, decision }): SettleItem => {
    const news = { kind: 'heard', evidence: lineAsEvidence(line, line.createdAt) } as const;
    const paymentId = decision.payment!.id;
    if (decision.settles === 'owner') return { paymentId, news };
    return { paymentId, news, needsFreeReceipt: true, isWelcome: (payment) => isFree(payment, now) };
  });
  const results = await settlePayments(deps, items);
  const bySettling = new Map(settling.map((one, index) => [one, results[index]]));
  return decided
    .map((one): Outcome => ({ ...one, settled: bySettling.get(one) }))
    .filter(({ decision, settled }) => decision.settles === null || belonging.has(settled?.verdict ?? 'noted'));
}

async function write(deps: MatchDeps, outcomes: readonly Outcome[], now: number): Promise<void> {
  if (outcomes.length === 0) return;
  const { db: trx } = deps;
  await writeOutcomes(
    trx,
    outcomes.map((outcome) => outcomeRow(outcome, now)),
  );
  const unheard = outcomes.filter(({ line, isReceiptKnown }) => line.kind === 'payment' && !isReceiptKnown);
  await noteReceipts(
    trx,
    unheard.map(({ line }) => ({ ...line, at: now })).sort((left, right) => (left.receipt < right.receipt ? -1 : 1)),
  );
  const findings = outcomes.map(({ line, decision }) => findingOf(line, decision)).filter((one) => one !== null);
  await openFindings(trx, findings, now);
  await closeFound(trx, outcomes, findings, now);
  await hastenLines(trx, outcomes.flatMap(twinsToLookAt), now);
  await reviewTouched(deps, outcomes);
}

/** What was missing for a payment may be there now, and a late success is worth a word. */
async function reviewTouched(deps: MatchDeps, outcomes: readonly Outcome[]): Promise<void> {
  const owned = outcomes.map(({ decision }) => decision.payment?.id).filter((id) => id !== undefined);
  const moved = outcomes.filter(({ settled }) => settled?.isChanged).map(({ settled }) => settled!.payment.id);
  const doubted = await findDoubted(deps.db, [...new Set(owned)]);
  await reviewPayments(deps, [...new Set([...doubted, ...moved])]);
}

async function closeFound(
  trx: Db,
  outcomes: readonly Outcome[],
  findings: readonly Finding[],
  now: number,
): Promise<void> {
  const byLine = new Map(outcomes.map((outcome) => [outcome.line.id, outcome]));
  const area = { types: lineTypes, lineIds: [...byLine.keys()] };
  await closeGone(trx, area, findings, ({ lineId }) => whyGone(byLine.get(lineId!)!.decision), now);
}

function outcomeRow({ line, decision }: Outcome, now: number): LineOutcome {
  const { status, rule, payment } = decision;
  const isMatched = status === 'matched' || status === 'mismatch';
  return {
    lineId: line.id,
    // What was matched by another rule or by an operator stays so.
    rule: line.status === status && line.rule !== null ? line.rule : rule,
    status,
    paymentId: payment?.id ?? null,
    matchedAt: isMatched ? (line.matchedAt ?? now) : null,
    dueAt: lookAgainAt(line, status, now),
  };
}

/** Lines that wait for what this line came to: of the same receipt, and those that took its money back. */
function twinsToLookAt({ line, decision, twins }: Outcome): string[] {
  if (decision.status !== 'matched' && decision.status !== 'mismatch' && decision.status !== 'reversal') return [];
  const isNew = line.status !== decision.status || line.paymentId !== (decision.payment?.id ?? null);
  if (!isNew) return [];
  return twins
    .filter(
      ({ status, paymentId }) =>
        unresolved.has(status) || status === 'mismatch' || (status === 'reversal' && paymentId === null),
    )
    .map(({ id }) => id);
}
