// Who may come in: operators are made, changed and shut out by owners, or from the command line on the server itself.
// Each act is audited in its own transaction. There is always an active owner of all tenants, else nobody could let
// anybody in. In the console a second person approves each new owner; on the command line one is enough, and it says so.

import { randomBytes } from 'node:crypto';
import { appendAudit } from '../platform/audit-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { AppError, type FieldError, notFound } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import { findTenant } from '../tenants/tenant-store.ts';
import type { By } from './audit-act.ts';
import {
  countOwners,
  deleteOldSessions,
  deleteSessionOf,
  deleteSessionsOf,
  endLinks,
  findOperatorByEmail,
  insertLink,
  insertOperator,
  lockOperator,
  type OneTimeLink,
  type Operator,
  updateOperator,
} from './operator-store.ts';
import { checkPassword, hashPassword, passwordProblem } from './passwords.ts';
import { type OperatorRole, operatorRoles } from './permissions.ts';
import { absoluteMs, idleMs } from './session.ts';
import { hashLink, newOperator, normaliseEmail } from './sign-in.ts';
import { hashRecoveryCode, newRecoveryCodes } from './totp.ts';

export interface OperatorDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  consoleKey: Buffer;
  auditKey: Buffer;
}

const ownerLinkMs = 24 * 3_600_000;
const passwordLinkMs = 3 * 24 * 3_600_000;

export interface NewOperator {
  email: string;
  role: string;
  /** Null: all tenants. */
  tenantId: string | null;
  /** Null: the operator sets one by a one-time link. */
  password: string | null;
}

/** @returns a one-time link's token where no password was given @throws AppError `invalid_request` */
export async function createOperator(
  deps: OperatorDeps,
  by: By,
  request: NewOperator,
): Promise<{ operator: Operator; linkToken: string | null }> {
  const { email, role } = await checkNewOperator(deps, request);
  const problem = request.password === null ? null : passwordProblem(request.password, email);
  if (problem !== null) throw refused('password', problem);
  // Without a password of its own nobody can sign in until the link is used.
  const passwordHash = await hashPassword(request.password ?? randomBytes(32).toString('base64url'));
  const operator = newOperator({ email, role, tenantId: request.tenantId, passwordHash, createdAt: deps.now() });
  const linkToken = await inTransaction(deps.db, async (trx) => {
    if (!(await insertOperator(trx, deps.sealer, operator))) throw taken();
    const alone = role === 'owner' && by.actor.id === 'cli' ? { one_person: 'command line' } : {};
    await audit(trx, deps, by, 'operator.created', operator, null, { role, tenant: request.tenantId, ...alone });
    return request.password === null ? makeLink(trx, deps, 'password', operator.id) : null;
  });
  return { operator, linkToken };
}

/** @throws AppError `invalid_request` with what is wrong with who is to be let in */
export async function checkNewOperator(
  { db, sealer }: Pick<OperatorDeps, 'db' | 'sealer'>,
  request: Pick<NewOperator, 'email' | 'role' | 'tenantId'>,
): Promise<{ email: string; role: OperatorRole }> {
  const email = normaliseEmail(request.email);
  const role = operatorRoles.find((one) => one === request.role);
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 254) throw refused('email', 'Write an e-mail address.');
  if (role === undefined) throw refused('role', `The roles are ${operatorRoles.join(', ')}.`);
  if (request.tenantId !== null && (await findTenant(db, request.tenantId)) === undefined)
    throw refused('tenant', 'There is no tenant with this id.');
  if ((await findOperatorByEmail(db, sealer, email)) !== undefined) throw taken();
  return { email, role };
}

const taken = (): AppError => refused('email', 'There is an operator with this e-mail address already.');

/** A link by which an operator sets a new password and enrols anew. @throws AppError `not_found` */
export async function createPasswordLink(
  deps: OperatorDeps,
  by: By,
  whose: { operatorId: string } | { email: string },
): Promise<{ operator: Operator; linkToken: string }> {
  const found =
    'email' in whose ? await findOperatorByEmail(deps.db, deps.sealer, normaliseEmail(whose.email)) : undefined;
  const operatorId = 'email' in whose ? found?.id : whose.operatorId;
  return inTransaction(deps.db, async (trx) => {
    const operator = operatorId === undefined ? undefined : await lockOperator(trx, deps.sealer, operatorId);
    if (operator === undefined) throw notFound();
    await audit(trx, deps, by, 'operator.link_made', operator, null, null);
    return { operator, linkToken: await makeLink(trx, deps, 'password', operator.id) };
  });
}

/** A link that makes the first owner; null once there is one, which also ends every such link. */
export function createOwnerLink(deps: OperatorDeps, by: By): Promise<string | null> {
  return inTransaction(deps.db, async (trx) => {
    if ((await countOwners(trx)) > 0) return null;
    const entry = { ...by, action: 'operator.owner_link_made', tenantId: null, target: null };
    await appendAudit(trx, deps.auditKey, entry, deps.now());
    return makeLink(trx, deps, 'owner', null);
  });
}

/** The page that a one-time link opens. */
export function linkOf(publicUrl: string, token: string): string {
  return `${publicUrl}/console/welcome/${token}`;
}

async function makeLink(
  trx: Db,
  { now, consoleKey }: OperatorDeps,
  purpose: OneTimeLink['purpose'],
  operatorId: string | null,
): Promise<string> {
  const token = randomBytes(24).toString('base64url');
  const createdAt = now();
  if (operatorId !== null) await endLinks(trx, operatorId, createdAt);
  const expiresAt = createdAt + (purpose === 'owner' ? ownerLinkMs : passwordLinkMs);
  await insertLink(trx, { id: hashLink(consoleKey, token), purpose, operatorId, createdAt, expiresAt });
  return token;
}

export interface OperatorChange {
  role?: OperatorRole;
  tenantId?: string | null;
  status?: Operator['status'];
}

/**
 * What an operator had open ends: the change holds from the next request on.
 * @param approved what the audit log says of the approval that a new owner needs; null where there was none
 * @throws AppError `not_found`, `invalid_request`
 */
export async function changeOperator(
  deps: OperatorDeps,
  by: By,
  operatorId: string,
  change: OperatorChange,
  approved: Record<string, unknown> | null = null,
): Promise<Operator> {
  return inTransaction(deps.db, async (trx) => {
    const before = await lockOperator(trx, deps.sealer, operatorId);
    if (before === undefined) throw notFound();
    const after: Operator = { ...before, ...change };
    if (approved === null && makesOwner(before, after))
      throw refused('role', 'This makes an owner, which is asked for and approved. Load the page again.');
    await updateOperator(trx, deps.sealer, after);
    await deleteSessionsOf(trx, operatorId);
    const shown = ({ role, tenantId, status }: Operator) => ({ role, tenant: tenantId, status });
    await audit(trx, deps, by, 'operator.changed', after, shown(before), { ...shown(after), ...approved });
    // Counted behind the audit log's lock: of two that shut each other out at once, the second one sees the first.
    if (before.role === 'owner' && (await countOwners(trx)) === 0)
      throw refused('role', 'This is the last owner of all tenants. Make another one first.');
    return after;
  });
}

/** Whether somebody becomes an owner where he is none yet. @param before null: nobody */
export function makesOwner(
  before: Pick<Operator, 'role' | 'tenantId' | 'status'> | null,
  after: Pick<Operator, 'role' | 'tenantId' | 'status'>,
): boolean {
  if (after.role !== 'owner' || after.status !== 'active') return false;
  const isOwner = before?.role === 'owner' && before.status === 'active';
  return !isOwner || (before.tenantId !== null && before.tenantId !== after.tenantId);
}

/** Ends an operator's sessions: all, only one, or all but one; how many. */
export async function endSessions(
  deps: OperatorDeps,
  by: By,
  operator: Operator,
  which: { onlyId?: string; exceptId?: string } = {},
): Promise<number> {
  return inTransaction(deps.db, async (trx) => {
    const ended =
      which.onlyId === undefined
        ? await deleteSessionsOf(trx, operator.id, which.exceptId ?? null)
        : await deleteSessionOf(trx, operator.id, which.onlyId);
    if (ended === 0) return 0;
    await audit(trx, deps, by, 'operator.sessions_ended', operator, null, { sessions: ended });
    return ended;
  });
}

/** Sessions that let nobody in any more; how many. */
export function forgetOldSessions({ db, now }: Pick<OperatorDeps, 'db' | 'now'>): Promise<number> {
  return deleteOldSessions(db, { createdAt: now() - absoluteMs, seenAt: now() - idleMs });
}

/** Takes the place of the recovery codes there were. @returns the new ones, shown once; null without an authenticator */
export async function renewRecoveryCodes(deps: OperatorDeps, by: By, operatorId: string): Promise<string[] | null> {
  return inTransaction(deps.db, async (trx) => {
    const operator = await lockOperator(trx, deps.sealer, operatorId);
    if (operator === undefined || operator.totpSecret === null) return null;
    const codes = newRecoveryCodes();
    const recoveryHashes = codes.map((code) => hashRecoveryCode(deps.consoleKey, operator.id, code));
    await updateOperator(trx, deps.sealer, { ...operator, recoveryHashes });
    await audit(trx, deps, by, 'operator.recovery_codes_renewed', operator, null, null);
    return codes;
  });
}

/** Who changes his own password, and in which session. */
export interface OwnPassword {
  operator: Operator;
  sessionId: string;
  present: string;
  next: string;
}

/**
 * Every other session ends, and the links that were made for another password.
 * @throws AppError `invalid_request` with what is wrong with either password
 */
export async function changeOwnPassword(
  deps: OperatorDeps,
  by: By,
  { operator: { id, email, passwordHash }, sessionId, present, next }: OwnPassword,
): Promise<void> {
  if (!(await checkPassword(present, passwordHash))) throw refused('present', 'This is not your present password.');
  const problem = next === present ? 'Choose another one than the present one.' : passwordProblem(next, email);
  if (problem !== null) throw refused('password', problem);
  const nextHash = await hashPassword(next);
  await inTransaction(deps.db, async (trx) => {
    const operator = await lockOperator(trx, deps.sealer, id);
    if (operator?.passwordHash !== passwordHash) throw refused('present', 'It was changed just now. Sign in again.');
    await updateOperator(trx, deps.sealer, { ...operator, passwordHash: nextHash });
    await endLinks(trx, id, deps.now());
    const ended = await deleteSessionsOf(trx, id, sessionId);
    await audit(trx, deps, by, 'operator.password_changed', operator, null, { sessions_ended: ended });
  });
}

async function audit(
  trx: Db,
  { auditKey, now }: OperatorDeps,
  by: By,
  action: string,
  operator: Operator,
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
): Promise<void> {
  const entry = { ...by, action, tenantId: operator.tenantId, target: operator.id, before, after };
  await appendAudit(trx, auditKey, entry, now());
}

function refused(parameter: string, detail: string): AppError {
  const error: FieldError = { parameter, code: 'wrong_format', detail };
  return new AppError('invalid_request', detail, { errors: [error] });
}
