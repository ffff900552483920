// SQL for operators, their sessions and one-time links. Tokens never reach the database, only their keyed hashes.

import { type Db, forUpdate, insertIgnoringDuplicates } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { OperatorRole } from './permissions.ts';

export interface Operator {
  id: string;
  email: string;
  role: OperatorRole;
  /** Null: all tenants. */
  tenantId: string | null;
  status: 'active' | 'disabled';
  passwordHash: string;
  /** Null: no authenticator yet. */
  totpSecret: string | null;
  totpStep: number;
  recoveryHashes: readonly string[];
  createdAt: number;
  signedInAt: number | null;
}

interface OperatorRow {
  id: string;
  email: string;
  role: OperatorRole;
  tenant_id: string | null;
  status: Operator['status'];
  password_hash: string;
  totp_sealed: string | null;
  totp_step: number;
  recovery_hashes: string;
  created_at: number;
  signed_in_at: number | null;
}

function toOperator(row: OperatorRow, sealer: Sealer): Operator {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    tenantId: row.tenant_id,
    status: row.status,
    passwordHash: row.password_hash,
    totpSecret: row.totp_sealed === null ? null : sealer.open(row.totp_sealed, ['operators', 'totp_sealed', row.id]),
    totpStep: Number(row.totp_step),
    recoveryHashes: JSON.parse(row.recovery_hashes) as string[],
    createdAt: row.created_at,
    signedInAt: row.signed_in_at,
  };
}

function toRow(operator: Operator, sealer: Sealer): OperatorRow {
  const { id, totpSecret } = operator;
  return {
    id,
    email: operator.email,
    role: operator.role,
    tenant_id: operator.tenantId,
    status: operator.status,
    password_hash: operator.passwordHash,
    totp_sealed: totpSecret === null ? null : sealer.seal(totpSecret, ['operators', 'totp_sealed', id]),
    totp_step: operator.totpStep,
    recovery_hashes: JSON.stringify(operator.recoveryHashes),
    created_at: operator.createdAt,
    signed_in_at: operator.signedInAt,
  };
}

/** False when the e-mail address is taken. */
export async function insertOperator(trx: Db, sealer: Sealer, operator: Operator): Promise<boolean> {
  return (await insertIgnoringDuplicates(trx, 'operators', [toRow(operator, sealer)])) === 1;
}

export async function updateOperator(trx: Db, sealer: Sealer, operator: Operator): Promise<void> {
  const { id, ...columns } = toRow(operator, sealer);
  await trx('operators').where({ id }).update(columns);
}

export async function findOperator(db: Db, sealer: Sealer, operatorId: string): Promise<Operator | undefined> {
  const row: OperatorRow | undefined = await db('operators').where({ id: operatorId }).first();
  return row === undefined ? undefined : toOperator(row, sealer);
}

export async function lockOperator(trx: Db, sealer: Sealer, operatorId: string): Promise<Operator | undefined> {
  const row: OperatorRow | undefined = await forUpdate(trx('operators').where({ id: operatorId }), trx).first();
  return row === undefined ? undefined : toOperator(row, sealer);
}

export async function findOperatorByEmail(db: Db, sealer: Sealer, email: string): Promise<Operator | undefined> {
  const row: OperatorRow | undefined = await db('operators').where({ email }).first();
  return row === undefined ? undefined : toOperator(row, sealer);
}

/** Oldest first; a tenant's operators see only their own. */
export async function listOperators(db: Db, sealer: Sealer, tenantId: string | null): Promise<Operator[]> {
  const query = db('operators').orderBy('created_at').limit(500);
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  return ((await query) as OperatorRow[]).map((row) => toOperator(row, sealer));
}

/** Active owners of all tenants: without one nobody could let anybody in. */
export async function countOwners(db: Db): Promise<number> {
  const row = await db('operators')
    .where({ role: 'owner', status: 'active' })
    .whereNull('tenant_id')
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}

/** Who could approve what somebody asks for: active, no viewer, of the tenant or of all; null: of all only. */
export async function countApprovers(
  db: Db,
  { tenantId, exceptId }: { tenantId: string | null; exceptId: string },
): Promise<number> {
  const row = await db('operators')
    .where({ status: 'active' })
    .whereIn('role', ['owner', 'operator'])
    .whereNot({ id: exceptId })
    .where((either) => {
      either.whereNull('tenant_id');
      if (tenantId !== null) either.orWhere({ tenant_id: tenantId });
    })
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}

export interface Session {
  /** The keyed hash of the cookie. */
  id: string;
  operatorId: string;
  stage: 'password' | 'full';
  ip: string;
  userAgent: string;
  createdAt: number;
  seenAt: number;
  /** When the authenticator's code was last given. */
  steppedUpAt: number | null;
}

interface SessionRow {
  id: string;
  operator_id: string;
  stage: Session['stage'];
  ip: string;
  user_agent: string;
  created_at: number;
  seen_at: number;
  stepped_up_at: number | null;
}

const toSession = (row: SessionRow): Session => ({
  id: row.id,
  operatorId: row.operator_id,
  stage: row.stage,
  ip: row.ip,
  userAgent: row.user_agent,
  createdAt: row.created_at,
  seenAt: row.seen_at,
  steppedUpAt: row.stepped_up_at,
});

export async function insertSession(db: Db, session: Session): Promise<void> {
  await db('sessions').insert({
    id: session.id,
    operator_id: session.operatorId,
    stage: session.stage,
    ip: session.ip,
    user_agent: session.userAgent.slice(0, 160),
    created_at: session.createdAt,
    seen_at: session.seenAt,
    stepped_up_at: session.steppedUpAt,
  });
}

export async function findSession(db: Db, sessionId: string): Promise<Session | undefined> {
  const row: SessionRow | undefined = await db('sessions').where({ id: sessionId }).first();
  return row === undefined ? undefined : toSession(row);
}

export async function touchSession(
  db: Db,
  sessionId: string,
  change: { seenAt?: number; steppedUpAt?: number },
): Promise<void> {
  await db('sessions')
    .where({ id: sessionId })
    .update({
      ...(change.seenAt === undefined ? {} : { seen_at: change.seenAt }),
      ...(change.steppedUpAt === undefined ? {} : { stepped_up_at: change.steppedUpAt }),
    });
}

export async function deleteSession(db: Db, sessionId: string): Promise<void> {
  await db('sessions').where({ id: sessionId }).delete();
}

/** Ends one session if it is this operator's; how many. */
export async function deleteSessionOf(db: Db, operatorId: string, sessionId: string): Promise<number> {
  return db('sessions').where({ operator_id: operatorId, id: sessionId }).delete();
}

/** Ends an operator's sessions, all but one where that is given; how many. */
export async function deleteSessionsOf(db: Db, operatorId: string, exceptId: string | null = null): Promise<number> {
  const query = db('sessions').where({ operator_id: operatorId });
  return exceptId === null ? query.delete() : query.whereNot({ id: exceptId }).delete();
}

export async function listSessionsOf(db: Db, operatorId: string): Promise<Session[]> {
  const rows: SessionRow[] = await db('sessions')
    .where({ operator_id: operatorId })
    .orderBy('seen_at', 'desc')
    .limit(100);
  return rows.map(toSession);
}

export async function deleteOldSessions(db: Db, before: { createdAt: number; seenAt: number }): Promise<number> {
  return db('sessions').where('created_at', '<', before.createdAt).orWhere('seen_at', '<', before.seenAt).delete();
}

export interface OneTimeLink {
  /** The keyed hash of the token. */
  id: string;
  purpose: 'owner' | 'password';
  operatorId: string | null;
  createdAt: number;
  expiresAt: number;
}

export async function insertLink(db: Db, link: OneTimeLink): Promise<void> {
  await db('one_time_links').insert({
    id: link.id,
    purpose: link.purpose,
    operator_id: link.operatorId,
    created_at: link.createdAt,
    expires_at: link.expiresAt,
  });
}

export async function findLink(db: Db, linkId: string, now: number): Promise<OneTimeLink | undefined> {
  const row = await db('one_time_links')
    .where({ id: linkId })
    .whereNull('used_at')
    .where('expires_at', '>', now)
    .first();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    purpose: row.purpose,
    operatorId: row.operator_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** Uses a link up; false when it was used, has ended, or never was. */
export async function useLink(trx: Db, linkId: string, now: number): Promise<boolean> {
  const used = await trx('one_time_links')
    .where({ id: linkId })
    .whereNull('used_at')
    .where('expires_at', '>', now)
    .update({ used_at: now });
  return used === 1;
}

/** An operator's links that were not used end now: a newer one takes their place. */
export async function endLinks(trx: Db, operatorId: string, now: number): Promise<void> {
  await trx('one_time_links')
    .where({ operator_id: operatorId })
    .whereNull('used_at')
    .where('expires_at', '>', now)
    .update({ expires_at: now });
}
