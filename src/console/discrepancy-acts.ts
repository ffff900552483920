// What operators do with discrepancies and lines, each with the line of the audit log in the same transaction. What
// changed is told after the commit. What needs a second person is only asked for here.

import type { Settled } from '../payments/settle-payments.ts';
import type { ApprovalDeps, Requested } from '../platform/approvals.ts';
import { appendAudit } from '../platform/audit-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { redactText } from '../platform/redaction.ts';
import {
  type ActChoice,
  type Acted,
  actOnDiscrepancy,
  confirmSuggestion,
  type DiscrepancyActDeps,
} from '../reconciliation/act-on-discrepancies.ts';
import type { Discrepancy } from '../reconciliation/discrepancy.ts';
import type { DiscrepancyAct } from '../reconciliation/discrepancy-acts.ts';
import { type ApprovedAct, requestDiscrepancyAct } from '../reconciliation/discrepancy-approvals.ts';
import { actInBulk, type BulkActed, type BulkChoice } from '../reconciliation/discrepancy-bulk.ts';
import type { DiscrepancyFilter } from '../reconciliation/discrepancy-store.ts';
import type { Line } from '../reconciliation/line.ts';
import { lockLinesAcrossTenants } from '../reconciliation/match-store.ts';
import { linkLine, type Resolved } from '../reconciliation/resolve-lines.ts';
import { type By, readReason } from './audit-act.ts';

export interface BookActDeps extends ApprovalDeps {
  /** All that acts on discrepancies need; its `db` is no transaction yet. */
  acting: DiscrepancyActDeps;
}

/** In one transaction; tells of it when it is durable. */
async function doAndTell<T>({ acting }: BookActDeps, work: (inner: DiscrepancyActDeps) => Promise<T>): Promise<T> {
  let changes: Settled[] = [];
  let nudged: string[] = [];
  const result = await inTransaction(acting.db, (trx) => {
    changes = [];
    nudged = [];
    const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
    const nudge = (ids: readonly string[]): void => void nudged.push(...ids);
    return work({ ...acting, db: trx, announce, nudge });
  });
  if (changes.length > 0) acting.announce(changes);
  if (nudged.length > 0) acting.nudge(nudged);
  return result;
}

const actions: Readonly<Record<DiscrepancyAct, string>> = {
  link: 'discrepancy.linked',
  accept_amount: 'discrepancy.amount_accepted',
  make_payment: 'discrepancy.payment_made',
  mark_reversed: 'discrepancy.marked_reversed',
  write_off: 'discrepancy.written_off',
  ask_again: 'discrepancy.asked_again',
  acknowledge: 'discrepancy.acknowledged',
  assign: 'discrepancy.assigned',
  comment: 'discrepancy.commented',
};

async function writeDown(
  trx: Db,
  { auditKey, now }: BookActDeps,
  by: By,
  { id, tenantId, type, receipt, atRiskCents }: Discrepancy,
  choice: ActChoice,
  reason: string,
): Promise<void> {
  const more =
    choice.act === 'link'
      ? { payment: choice.paymentId }
      : choice.act === 'assign'
        ? { with: choice.assignee?.name ?? null }
        : {};
  const after = { type, receipt, at_risk_cents: atRiskCents, ...more };
  const entry = { action: actions[choice.act], tenantId, target: id, reason: redactText(reason), after };
  await appendAudit(trx, auditKey, { ...entry, ...by }, now());
}

/** Against the version that was looked at. @throws AppError `invalid_request` where no reason is given */
export function actAs(
  deps: BookActDeps,
  by: By,
  discrepancy: Discrepancy,
  version: number,
  choice: ActChoice,
  reason: string,
): Promise<Acted> {
  const at = { discrepancyId: discrepancy.id, version, actor: by.actor, reason: readReason(reason) };
  return doAndTell(deps, async (inner) => {
    const acted = await actOnDiscrepancy(inner, at, choice);
    if (acted.outcome === 'done') await writeDown(inner.db, deps, by, discrepancy, choice, at.reason);
    return acted;
  });
}

export function actInBulkAs(
  deps: BookActDeps,
  by: By,
  filter: DiscrepancyFilter,
  digest: string,
  choice: BulkChoice,
  reason: string,
): Promise<BulkActed> {
  const why = readReason(reason);
  return doAndTell(deps, async (inner) => {
    const acted = await actInBulk(inner, { actor: by.actor, reason: why }, filter, digest, choice);
    if (acted.outcome === 'done')
      for (const discrepancy of acted.done) await writeDown(inner.db, deps, by, discrepancy, choice, why);
    return acted;
  });
}

/** Asks for a second person, or does it where one is enough. @throws AppError where they are of several tenants */
export async function requestAs(
  deps: BookActDeps,
  by: By,
  act: ApprovedAct,
  discrepancies: readonly Discrepancy[],
  reason: string,
  digest: string | null = null,
): Promise<Requested> {
  const why = redactText(readReason(reason));
  if (new Set(discrepancies.map(({ tenantId }) => tenantId)).size !== 1)
    throw new AppError('invalid_request', 'Ask for one tenant’s at a time: choose the tenant first.');
  return requestDiscrepancyAct({ ...deps.acting, ...deps }, by, act, discrepancies, why, digest);
}

class NotLinked extends Error {
  readonly resolved: Resolved;
  constructor(resolved: Resolved) {
    super('not linked');
    this.resolved = resolved;
  }
}

/** A line that has no discrepancy of its own is said to be a payment's money. */
export async function linkLineAs(
  deps: BookActDeps,
  by: By,
  { id, tenantId, receipt }: Line,
  paymentId: string,
  reason: string,
): Promise<Resolved> {
  const why = readReason(reason);
  try {
    return await doAndTell(deps, async (inner) => {
      const [line] = await lockLinesAcrossTenants(inner.db, inner.sealer, [id]);
      const resolved = await linkLine(inner, line!, paymentId, by.actor.id);
      // What is not done leaves nothing behind.
      if (resolved.outcome !== 'done') throw new NotLinked(resolved);
      const after = { receipt, payment: paymentId };
      const entry = { action: 'line.linked', tenantId, target: id, reason: redactText(why), after };
      await appendAudit(inner.db, deps.auditKey, { ...entry, ...by }, deps.now());
      return resolved;
    });
  } catch (thrown) {
    if (thrown instanceof NotLinked) return thrown.resolved;
    throw thrown;
  }
}

/** Says yes to suggested matches, each for itself; how many were done. */
export function confirmAs(
  deps: BookActDeps,
  by: By,
  suggestions: readonly { line: Line; paymentId: string }[],
  reason: string,
): Promise<number> {
  const why = redactText(readReason(reason));
  return doAndTell(deps, async (inner) => {
    let done = 0;
    for (const { line, paymentId } of suggestions) {
      const { outcome } = await confirmSuggestion(inner, { lineId: line.id, paymentId, actor: by.actor });
      if (outcome !== 'done') continue;
      done += 1;
      const after = { receipt: line.receipt, payment: paymentId };
      const entry = { action: 'line.confirmed', tenantId: line.tenantId, target: line.id, reason: why, after };
      await appendAudit(inner.db, deps.auditKey, { ...entry, ...by }, deps.now());
    }
    return done;
  });
}
