// SQL for approvals. A secret that waits with one is sealed, and gone once the approval has come to its end.

import { type Db, forUpdate, insertIgnoringDuplicates } from './database.ts';

export type ApprovalStatus = 'waiting' | 'approved' | 'rejected' | 'withdrawn' | 'expired' | 'outdated';

export interface Approval {
  id: string;
  /** What is to be done, such as `payment.resolve`. */
  kind: string;
  tenantId: string | null;
  mode: string | null;
  /** The id of what it is to be done to. */
  subject: string;
  stateKey: string;
  /** What pages and the audit log may show. */
  payload: Record<string, unknown>;
  /** What they may not; null where there is none, or no more. */
  secretSealed: string | null;
  reasonCode: string;
  reason: string;
  status: ApprovalStatus;
  requestedBy: string;
  requestedName: string;
  decidedBy: string | null;
  decidedName: string | null;
  decisionNote: string | null;
  createdAt: number;
  expiresAt: number;
  decidedAt: number | null;
}

interface Row {
  id: string;
  kind: string;
  tenant_id: string | null;
  mode: string | null;
  subject: string;
  state_key: string;
  payload: string;
  secret_sealed: string | null;
  reason_code: string;
  reason: string;
  status: ApprovalStatus;
  requested_by: string;
  requested_name: string;
  decided_by: string | null;
  decided_name: string | null;
  decision_note: string | null;
  created_at: number;
  expires_at: number;
  decided_at: number | null;
}

const toApproval = (row: Row): Approval => ({
  id: row.id,
  kind: row.kind,
  tenantId: row.tenant_id,
  mode: row.mode,
  subject: row.subject,
  stateKey: row.state_key,
  payload: JSON.parse(row.payload) as Record<string, unknown>,
  secretSealed: row.secret_sealed,
  reasonCode: row.reason_code,
  reason: row.reason,
  status: row.status,
  requestedBy: row.requested_by,
  requestedName: row.requested_name,
  decidedBy: row.decided_by,
  decidedName: row.decided_name,
  decisionNote: row.decision_note,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  decidedAt: row.decided_at,
});

/** @param openKey what only one may wait for at a time; false when one does already */
export async function insertApproval(trx: Db, approval: Approval, openKey: string): Promise<boolean> {
  const row = {
    id: approval.id,
    kind: approval.kind,
    tenant_id: approval.tenantId,
    mode: approval.mode,
    subject: approval.subject,
    state_key: approval.stateKey,
    payload: JSON.stringify(approval.payload),
    secret_sealed: approval.secretSealed,
    reason_code: approval.reasonCode,
    reason: approval.reason,
    status: approval.status,
    open_key: openKey,
    requested_by: approval.requestedBy,
    requested_name: approval.requestedName,
    created_at: approval.createdAt,
    expires_at: approval.expiresAt,
  };
  return (await insertIgnoringDuplicates(trx, 'approvals', [row])) === 1;
}

export async function findApproval(db: Db, approvalId: string): Promise<Approval | undefined> {
  const row: Row | undefined = await db('approvals').where({ id: approvalId }).first();
  return row === undefined ? undefined : toApproval(row);
}

/** What waits under this key, if anything does. */
export async function findOpenApproval(db: Db, openKey: string): Promise<Approval | undefined> {
  const row: Row | undefined = await db('approvals').where({ open_key: openKey }).first();
  return row === undefined ? undefined : toApproval(row);
}

export async function lockApproval(trx: Db, approvalId: string): Promise<Approval | undefined> {
  const row: Row | undefined = await forUpdate(trx('approvals').where({ id: approvalId }), trx).first();
  return row === undefined ? undefined : toApproval(row);
}

export async function endApproval(
  trx: Db,
  approvalId: string,
  end: Pick<Approval, 'status' | 'decidedBy' | 'decidedName' | 'decisionNote' | 'decidedAt'>,
): Promise<void> {
  await trx('approvals').where({ id: approvalId }).update({
    status: end.status,
    open_key: null,
    secret_sealed: null,
    decided_by: end.decidedBy,
    decided_name: end.decidedName,
    decision_note: end.decisionNote,
    decided_at: end.decidedAt,
  });
}

/** Ends what waited too long; how many. */
export async function expireApprovals(db: Db, now: number): Promise<number> {
  return db('approvals')
    .where({ status: 'waiting' })
    .where('expires_at', '<=', now)
    .update({ status: 'expired', open_key: null, secret_sealed: null, decided_at: now });
}

/** Oldest first. @param isWhole also those that concern no tenant in particular */
export async function listWaitingApprovals(
  db: Db,
  { tenantIds, isWhole }: { tenantIds: readonly string[]; isWhole: boolean },
  now: number,
  limit: number,
): Promise<Approval[]> {
  const query = db('approvals')
    .where({ status: 'waiting' })
    .where('expires_at', '>', now)
    .where((either) => {
      either.whereIn('tenant_id', [...tenantIds]);
      if (isWhole) either.orWhereNull('tenant_id');
    })
    .orderBy('created_at')
    .limit(limit);
  return ((await query) as Row[]).map(toApproval);
}

/** What waits for an approval about one subject, if anything does. */
export async function findWaitingApproval(db: Db, subject: string, now: number): Promise<Approval | undefined> {
  const row: Row | undefined = await db('approvals')
    .where({ subject, status: 'waiting' })
    .where('expires_at', '>', now)
    .orderBy('created_at')
    .first();
  return row === undefined ? undefined : toApproval(row);
}
