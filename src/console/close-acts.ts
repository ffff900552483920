// What people do with days: close one, or ask a second person to agree where it does not add up. What was looked at is
// what is closed. Each close has its line in the audit log, with the hash of the close in it.

import { type Approval, findApproval } from '../platform/approval-store.ts';
import {
  type ApprovalDeps,
  type ApprovalRequest,
  approve,
  type Decided,
  type Perform,
  requestApproval,
} from '../platform/approvals.ts';
import { appendAudit } from '../platform/audit-store.ts';
import { AppError } from '../platform/errors.ts';
import { redactText } from '../platform/redaction.ts';
import { invalid } from '../platform/validation.ts';
import { type DailyClose, readBody } from '../reconciliation/close.ts';
import { type ClosePreview, type CloseRequest, closeDay } from '../reconciliation/close-day.ts';
import { findCloseOfDay } from '../reconciliation/close-store.ts';
import { closedAction } from '../reconciliation/verify-closes.ts';
import { kindNames } from './approval-kind.ts';
import { auditAct, type By, readReason } from './audit-act.ts';

export type CloseActDeps = ApprovalDeps;

/**
 * What became of it. `closed`: it is closed. `asked`: a second person must agree. `waiting`: one was asked already.
 * `changed`: it is not as it was looked at, and nothing was done.
 */
export type CloseOutcome =
  | { outcome: 'closed'; close: DailyClose }
  | { outcome: 'asked'; approval: Approval }
  | { outcome: 'waiting' }
  | { outcome: 'changed' };

/**
 * @param preview what was looked at
 * @param reason may be empty where the day is clean
 * @throws AppError `invalid_request` why the day cannot be closed, or that a reason is missing
 */
export async function closeDayAs(
  deps: CloseActDeps,
  by: By,
  { shortcode, draft, stateKey, obstacle }: ClosePreview,
  reason: string,
): Promise<CloseOutcome> {
  if (obstacle !== null) throw invalid([{ parameter: 'day', code: 'wrong_format', detail: obstacle }]);
  const { shortcodeId, day, isClean } = draft;
  const why = isClean && reason.trim() === '' ? null : redactText(readReason(reason));
  if (isClean) {
    const request = { shortcodeId, day, stateKey, closedBy: by.actor, approvedBy: null, reason: why };
    const close = await auditAct(deps, by, async (trx) => {
      const result = await closeDay({ ...deps, db: trx }, request);
      return { result, entry: result === undefined ? null : entryOf(result) };
    });
    return close === undefined ? { outcome: 'changed' } : { outcome: 'closed', close };
  }
  const { variance, criticalOpen } = draft;
  const request: ApprovalRequest = {
    kind: kindNames.close,
    tenantId: shortcode.tenantId,
    mode: shortcode.mode,
    subject: subjectOf(shortcodeId, day),
    stateKey,
    payload: {
      shortcode_id: shortcodeId,
      shortcode: shortcode.shortcode,
      day,
      variance_cents: variance.totalCents,
      critical_open: criticalOpen,
    },
    reasonCode: 'close',
    reason: why!,
  };
  const { outcome, approval } = await requestApproval(deps, by, request, performClose(deps));
  switch (outcome) {
    case 'waiting':
      return { outcome: 'asked', approval };
    case 'busy':
      return { outcome: 'waiting' };
    case 'outdated':
      return { outcome: 'changed' };
    case 'done':
      return { outcome: 'closed', close: (await findCloseOfDay(deps.db, shortcodeId, day))! };
    default:
      return outcome satisfies never;
  }
}

/** One day of one shortcode; only one request may wait for it. */
export const subjectOf = (shortcodeId: string, day: string): string => `${day} ${shortcodeId}`;

/** The day that a request is about. */
export function dayOfApproval({ payload }: Approval): { shortcodeId: string; day: string } {
  return { shortcodeId: String(payload.shortcode_id), day: String(payload.day) };
}

/** The second person agrees: the day is closed as it was when it was asked for, or not at all. */
export async function approveClose(deps: CloseActDeps, by: By, approvalId: string): Promise<Decided> {
  const approval = await findApproval(deps.db, approvalId);
  if (approval?.kind !== kindNames.close) return 'ended';
  return approve(deps, by, approvalId, performClose(deps));
}

/** Does what was asked for, in the approval's transaction; nothing, when the day is not as it was. */
export function performClose(deps: CloseActDeps): Perform {
  return async (trx, { approval, by, isOnePerson }) => {
    const request: CloseRequest = {
      ...dayOfApproval(approval),
      stateKey: approval.stateKey,
      closedBy: { id: approval.requestedBy, name: approval.requestedName },
      approvedBy: isOnePerson ? null : by.actor.id,
      reason: isOnePerson ? `${approval.reason} (one-person installation)`.slice(0, 500) : approval.reason,
    };
    const close = await closeDay({ ...deps, db: trx }, request).catch((thrown: unknown) => {
      // It was closed meanwhile, or new lines wait for matching: not as it was, either.
      if (thrown instanceof AppError && thrown.code === 'invalid_request') return undefined;
      throw thrown;
    });
    if (close === undefined) return null;
    await appendAudit(trx, deps.auditKey, { ...entryOf(close), ...by }, deps.now());
    return () => undefined;
  };
}

function entryOf(close: DailyClose) {
  const { id, tenantId, shortcodeId, day, hash, isClean, varianceCents } = close;
  const { shortcode, reason, closedBy, approvedBy } = readBody(close);
  const both = approvedBy === null ? {} : { asked_by: closedBy, approved_by: approvedBy };
  const after = {
    shortcode_id: shortcodeId,
    shortcode,
    day,
    hash,
    clean: isClean,
    variance_cents: varianceCents,
    ...both,
  };
  return { action: closedAction, tenantId, target: id, reason, after };
}
