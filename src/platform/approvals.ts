// Two persons: what one asks for is done when a second one approves it, within a day, against the state it was asked
// for. Whoever asks never approves, owners included. An installation with one person may switch that off; then it is done
// at once and each such act says so. What is done is done in the approval's own transaction: both happen or neither.

import {
  type Approval,
  endApproval,
  expireApprovals,
  findOpenApproval,
  insertApproval,
  lockApproval,
} from './approval-store.ts';
import { appendAudit, type By } from './audit-store.ts';
import { type Db, inTransaction } from './database.ts';
import { newId } from './ids.ts';
import { redactText } from './redaction.ts';
import type { SealContext, Sealer } from './sealing.ts';

export interface ApprovalDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  auditKey: Buffer;
  /** False: what is asked for is done at once (one-person installation). */
  needsTwoPersons: boolean;
}

export interface ApprovalRequest
  extends Pick<Approval, 'kind' | 'tenantId' | 'mode' | 'subject' | 'stateKey' | 'payload' | 'reasonCode' | 'reason'> {
  /** What no page and no log may show; sealed while it waits. */
  secret?: string;
  /** What only one may wait for at a time: the same kind for the same subject, unless something else is given. */
  openKey?: string;
}

/** What is to be done now. */
export interface Approved {
  approval: Approval;
  secret: string | null;
  /** Who approved it: nobody but who asked, where `isOnePerson`. */
  by: By;
  isOnePerson: boolean;
}

/**
 * Does what was asked for, in this transaction.
 * @returns what is to be told once it is durable; null when the state is not the one it was asked against and nothing was done
 */
export type Perform = (trx: Db, approved: Approved) => Promise<(() => void) | null>;

const lifeMs = 24 * 3_600_000;

/** `busy`: the same waits already. `done`, `outdated`: one person is enough here, and it was tried at once. */
export interface Requested {
  outcome: 'waiting' | 'busy' | 'done' | 'outdated';
  approval: Approval;
}

export async function requestApproval(
  deps: ApprovalDeps,
  by: By,
  request: ApprovalRequest,
  perform: Perform,
): Promise<Requested> {
  const { openKey = `${request.kind} ${request.subject}` } = request;
  const approval = newApproval(deps, by, request);
  const { tell, ...requested } = await inTransaction(deps.db, async (trx): Promise<Requested & { tell: Tell }> => {
    await expireApprovals(trx, approval.createdAt);
    if (!(await insertApproval(trx, approval, openKey)))
      return { outcome: 'busy', approval: (await findOpenApproval(trx, openKey)) ?? approval, tell: null };
    await audit(trx, deps, by, approval, 'requested', null);
    if (deps.needsTwoPersons) return { outcome: 'waiting', approval, tell: null };
    const tell = await perform(trx, { approval, secret: request.secret ?? null, by, isOnePerson: true });
    await end(trx, deps, by, approval, tell === null ? 'outdated' : 'approved', onePersonNote);
    return { outcome: tell === null ? 'outdated' : 'done', approval, tell };
  });
  tell?.();
  return requested;
}

type Tell = (() => void) | null;

function newApproval({ now, sealer }: ApprovalDeps, { actor }: By, request: ApprovalRequest): Approval {
  const { kind, tenantId, mode, subject, stateKey, payload, reasonCode, reason, secret } = request;
  const id = newId('apr');
  const createdAt = now();
  return {
    id,
    kind,
    tenantId,
    mode,
    subject,
    stateKey,
    payload,
    secretSealed: secret === undefined ? null : sealer.seal(secret, secretContext(id)),
    reasonCode,
    // People's own words, which others will read: a customer's number in them is masked like everywhere else.
    reason: redactText(reason).slice(0, 500),
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
}

const secretContext = (approvalId: string): SealContext => ['approvals', 'secret_sealed', approvalId];

/**
 * What came of a decision. `outdated`: the thing had changed since it was asked for, and nothing was done. `own`: who
 * asked cannot approve. `ended`: it was decided before, waited too long, or never was.
 */
export type Decided = 'approved' | 'rejected' | 'withdrawn' | 'outdated' | 'own' | 'ended';

const onePersonNote = 'by who asked for it (one-person installation)';

export async function approve(deps: ApprovalDeps, by: By, approvalId: string, perform: Perform): Promise<Decided> {
  const { decided, tell } = await inTransaction(deps.db, async (trx): Promise<{ decided: Decided; tell: Tell }> => {
    const approval = await lockWaiting(trx, deps, approvalId);
    if (approval === undefined) return { decided: 'ended', tell: null };
    const isOwn = approval.requestedBy === by.actor.id;
    if (isOwn && deps.needsTwoPersons) return { decided: 'own', tell: null };
    const secret =
      approval.secretSealed === null ? null : deps.sealer.open(approval.secretSealed, secretContext(approval.id));
    const tell = await perform(trx, { approval, secret, by, isOnePerson: isOwn });
    const decided = tell === null ? 'outdated' : 'approved';
    await end(trx, deps, by, approval, decided, isOwn ? onePersonNote : null);
    return { decided, tell };
  });
  tell?.();
  return decided;
}

/** Turns it down; who asked withdraws it in the same way. */
export function reject(deps: ApprovalDeps, by: By, approvalId: string, note: string): Promise<Decided> {
  return inTransaction(deps.db, async (trx) => {
    const approval = await lockWaiting(trx, deps, approvalId);
    if (approval === undefined) return 'ended';
    const status = approval.requestedBy === by.actor.id ? 'withdrawn' : 'rejected';
    await end(trx, deps, by, approval, status, note.trim() === '' ? null : redactText(note.trim()).slice(0, 500));
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
  by: By,
  approval: Approval,
  status: 'approved' | 'rejected' | 'withdrawn' | 'outdated',
  decisionNote: string | null,
): Promise<void> {
  const { id: decidedBy, name: decidedName } = by.actor;
  await endApproval(trx, approval.id, { status, decidedBy, decidedName, decisionNote, decidedAt: deps.now() });
  await audit(trx, deps, by, approval, status, decisionNote);
}

async function audit(
  trx: Db,
  { auditKey, now }: ApprovalDeps,
  { actor, ip }: By,
  approval: Approval,
  what: string,
  note: string | null,
): Promise<void> {
  const { id, kind, tenantId, subject, payload, reasonCode, reason } = approval;
  const after = { approval: id, reason_code: reasonCode, ...payload, ...(note === null ? {} : { note }) };
  const entry = { actor, ip, action: `${kind}_${what}`, tenantId, target: subject, reason, after };
  await appendAudit(trx, auditKey, entry, now());
}
