// SQL for approvals.

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
  payload: Record<string, unknown>;
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

/** False when the same thing is waiting for an approval already. */
export async function insertApproval(trx: Db, approval: Approval): Promise<boolean> {
  const row = {
    id: approval.id,
    kind: approval.kind,
    tenant_id: approval.tenantId,
    mode: approval.mode,
    subject: approval.subject,
    state_key: approval.stateKey,
    payload: JSON.stringify(approval.payload),
    reason_code: approval.reasonCode,
    reason: approval.reason,
    status: approval.status,
    open_key: openKey(approval),
    requested_by: approval.requestedBy,
    requested_name: approval.requestedName,
    created_at: approval.createdAt,
    expires_at: approval.expiresAt,
  };
  return (await insertIgnoringDuplicates(trx, 'approvals', [row])) === 1;
}

const openKey = ({ kind, subject }: Pick<Approval, 'kind' | 'subject'>): string => `${kind} ${subject}`;

export async function findApproval(db: Db, approvalId: string): Promise<Approval | undefined> {
  const row: Row | undefined = await db('approvals').where({ id: approvalId }).first();
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
    .update({ status: 'expired', open_key: null, decided_at: now });
}

/** Oldest first. @param tenantIds null: of all tenants */
export async function listWaitingApprovals(
  db: Db,
  tenantIds: readonly string[] | null,
  now: number,
  limit: number,
): Promise<Approval[]> {
  const query = db('approvals')
    .where({ status: 'waiting' })
    .where('expires_at', '>', now)
    .orderBy('created_at')
    .limit(limit);
  if (tenantIds !== null) query.whereIn('tenant_id', [...tenantIds]);
  return ((await query) as Row[]).map(toApproval);
}

/** Of one subject, newest first. */
export async function listApprovalsOf(db: Db, subject: string): Promise<Approval[]> {
  const rows: Row[] = await db('approvals').where({ subject }).orderBy('created_at', 'desc').limit(20);
  return rows.map(toApproval);
}
