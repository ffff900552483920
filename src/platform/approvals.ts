// Two persons: what one asks for is done when a second one approves it, within a day, against the state it was asked
// for. Whoever asks never approves, owners included. An installation with one person may switch that off; then each such
// act says so. What is approved is done in the approval's own transaction: both happen or neither.

import { type Approval, endApproval, expireApprovals, insertApproval, lockApproval } from './approval-store.ts';
import { type AuditActor, appendAudit } from './audit-store.ts';
import { type Db, inTransaction } from './database.ts';
import { newId } from './ids.ts';

export interface ApprovalDeps {
  db: Db;
  now(): number;
  auditKey: Buffer;
  /** False: who asks may approve (one-person installation). */
  needsTwoPersons: boolean;
}

export type ApprovalRequest = Pick<
  Approval,
  'kind' | 'tenantId' | 'mode' | 'subject' | 'stateKey' | 'payload' | 'reasonCode' | 'reason'
>;

const lifeMs = 24 * 3_600_000;

/** The request; null when one for the same thing waits already. */
export async function requestApproval(
  deps: ApprovalDeps,
  actor: AuditActor,
  request: ApprovalRequest,
): Promise<Approval | null> {
  const createdAt = deps.now();
  const approval: Approval = {
    ...request,
    id: newId('apr'),
    status: 'waiting',
    requestedBy: actor.id,
    requestedName: actor.name,
    decidedBy: null,
    decidedName: null,
    decisionNote: null,
    createdAt,
    expiresAt: createdAt + lifeMs,
    decidedAt: null,
  };
  return inTransaction(deps.db, async (trx) => {
    await expireApprovals(trx, createdAt);
    if (!(await insertApproval(trx, approval))) return null;
    await audit(trx, deps, actor, approval, `${approval.kind}_requested`);
    return approval;
  });
}

/**
 * What came of a decision. `outdated`: the thing had changed since it was asked for, and nothing was done. `own`: who
 * asked cannot approve. `ended`: it was decided before, waited too long, or never was.
 */
export type Decided = 'approved' | 'rejected' | 'withdrawn' | 'outdated' | 'own' | 'ended';

/** @param perform does what was asked for, in this transaction; false when the state is not the one it was asked against */
export function approve(
  deps: ApprovalDeps,
  actor: AuditActor,
  approvalId: string,
  perform: (trx: Db, approval: Approval) => Promise<boolean>,
): Promise<Decided> {
  return inTransaction(deps.db, async (trx) => {
    const approval = await lockWaiting(trx, deps, approvalId);
    if (approval === undefined) return 'ended';
    const isOwn = approval.requestedBy === actor.id;
    if (isOwn && deps.needsTwoPersons) return 'own';
    const decided = (await perform(trx, approval)) ? 'approved' : 'outdated';
    await end(trx, deps, actor, approval, decided, isOwn ? 'by who asked for it (one-person installation)' : null);
    return decided;
  });
}

/** Turns it down; who asked withdraws it in the same way. */
export function reject(deps: ApprovalDeps, actor: AuditActor, approvalId: string, note: string): Promise<Decided> {
  return inTransaction(deps.db, async (trx) => {
    const approval = await lockWaiting(trx, deps, approvalId);
    if (approval === undefined) return 'ended';
    const status = approval.requestedBy === actor.id ? 'withdrawn' : 'rejected';
    await end(trx, deps, actor, approval, status, note.trim() === '' ? null : note.slice(0, 500));
    return status;
  });
}

async function lockWaiting(trx: Db, { now }: ApprovalDeps, approvalId: string): Promise<Approval | undefined> {
  const approval = await lockApproval(trx, approvalId);
  const isWaiting = approval?.status === 'waiting' && approval.expiresAt > now();
  return isWaiting ? approval : undefined;
}

async function end(
  trx: Db,
  deps: ApprovalDeps,
  actor: AuditActor,
  approval: Approval,
  status: 'approved' | 'rejected' | 'withdrawn' | 'outdated',
  decisionNote: string | null,
): Promise<void> {
  const decidedAt = deps.now();
  await endApproval(trx, approval.id, {
    status,
    decidedBy: actor.id,
    decidedName: actor.name,
    decisionNote,
    decidedAt,
  });
  await audit(trx, deps, actor, approval, `${approval.kind}_${status}`, decisionNote);
}

async function audit(
  trx: Db,
  { auditKey, now }: ApprovalDeps,
  actor: AuditActor,
  approval: Approval,
  action: string,
  note: string | null = null,
): Promise<void> {
  const { id, tenantId, subject, payload, reasonCode, reason } = approval;
  const after = { approval: id, reason_code: reasonCode, ...payload, ...(note === null ? {} : { note }) };
  await appendAudit(trx, auditKey, { actor, action, tenantId, target: subject, reason, after }, now());
}
