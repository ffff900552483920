// Signing in, as use cases: password, then the authenticator's code; the first owner from the one-time link; enrolling
// an authenticator. Unknown addresses, wrong passwords and disabled accounts get one answer after the same work. Each
// step hands out a new session token, so one that was planted before is worth nothing.

import { randomBytes } from 'node:crypto';
import { type AuditActor, appendAudit } from '../platform/audit-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { RateLimiter } from '../platform/rate-limits.ts';
import { keyedHash, type Sealer, sameSecret } from '../platform/sealing.ts';
import {
  countOwners,
  deleteSession,
  deleteSessionsOf,
  findLink,
  findOperatorByEmail,
  insertOperator,
  insertSession,
  lockOperator,
  type OneTimeLink,
  type Operator,
  type Session,
  updateOperator,
  useLink,
} from './operator-store.ts';
import { checkPassword, hashPassword, passwordProblem } from './passwords.ts';
import { hashRecoveryCode, newRecoveryCodes, takeTotp } from './totp.ts';

export interface SignInDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** Hashes tokens and recovery codes. */
  consoleKey: Buffer;
  auditKey: Buffer;
  /** Tries of one address of the network, and for one account. */
  addressLimiter: RateLimiter;
  accountLimiter: RateLimiter;
  /** In production owners and operators need an authenticator. */
  requiresTotp: boolean;
}

export interface Origin {
  ip: string;
  userAgent: string;
}

export type SignIn =
  | { outcome: 'refused' }
  | { outcome: 'throttled'; waitSeconds: number }
  /** `next`: what is still to come before the session is worth something. */
  | { outcome: 'begun'; token: string; next: 'code' | 'enrol' | 'nothing' };

export const normaliseEmail = (email: string): string => email.trim().toLowerCase();

export const hashToken = (key: Buffer, token: string): string => keyedHash(key, `session ${token}`);

export async function beginSignIn(
  deps: SignInDeps,
  { email, password }: { email: string; password: string },
  origin: Origin,
): Promise<SignIn> {
  const account = normaliseEmail(email);
  const wait = await throttled(deps, account, origin);
  if (wait !== null) return { outcome: 'throttled', waitSeconds: wait };
  const operator = await findOperatorByEmail(deps.db, deps.sealer, account);
  const isRight = await checkPassword(password, operator?.passwordHash ?? null);
  if (operator === undefined || !isRight || operator.status !== 'active') return { outcome: 'refused' };
  const next = nextStep(deps, operator);
  const token = await inTransaction(deps.db, async (trx) => {
    if (next === 'nothing') await noteSignIn(trx, deps, operator, origin, 'password');
    return openSession(trx, deps, operator.id, next === 'nothing' ? 'full' : 'password', origin);
  });
  return { outcome: 'begun', token, next };
}

async function throttled(deps: SignInDeps, account: string, { ip }: Origin): Promise<number | null> {
  const taken = await Promise.all([deps.addressLimiter.take(ip), deps.accountLimiter.take(account)]);
  const refused = taken.filter(({ allowed }) => !allowed);
  return refused.length === 0 ? null : Math.max(...refused.map(({ resetMs }) => Math.ceil(resetMs / 1000)));
}

export function nextStep({ requiresTotp }: SignInDeps, operator: Operator): 'code' | 'enrol' | 'nothing' {
  if (operator.totpSecret !== null) return 'code';
  return requiresTotp && operator.role !== 'viewer' ? 'enrol' : 'nothing';
}

/** The second step. @returns the token of the full session; null when the code is wrong; how long to wait when there were too many */
export async function finishSignIn(
  deps: SignInDeps,
  session: Session,
  code: string,
  origin: Origin,
): Promise<{ token: string } | { waitSeconds: number } | null> {
  const rate = await deps.accountLimiter.take(`code ${session.operatorId}`);
  if (!rate.allowed) return { waitSeconds: Math.ceil(rate.resetMs / 1000) };
  return inTransaction(deps.db, async (trx) => {
    const operator = await takeSecondFactor(trx, deps, session.operatorId, code);
    if (operator === null) return null;
    await noteSignIn(trx, deps, operator.operator, origin, operator.factor);
    await deleteSession(trx, session.id);
    return { token: await openSession(trx, deps, operator.operator.id, 'full', origin) };
  });
}

/** Checks a code of the app or a recovery code, and uses it up. */
export async function takeSecondFactor(
  trx: Db,
  deps: Pick<SignInDeps, 'sealer' | 'now' | 'consoleKey'>,
  operatorId: string,
  code: string,
): Promise<{ operator: Operator; factor: 'code' | 'recovery code' } | null> {
  const operator = await lockOperator(trx, deps.sealer, operatorId);
  if (operator === undefined || operator.status !== 'active' || operator.totpSecret === null) return null;
  const step = takeTotp(operator.totpSecret, code.replace(/\s/g, ''), operator.totpStep, deps.now());
  if (step !== null) {
    await updateOperator(trx, deps.sealer, { ...operator, totpStep: step });
    return { operator: { ...operator, totpStep: step }, factor: 'code' };
  }
  const given = hashRecoveryCode(deps.consoleKey, operator.id, code);
  if (!operator.recoveryHashes.some((hash) => sameSecret(hash, given))) return null;
  const left = { ...operator, recoveryHashes: operator.recoveryHashes.filter((hash) => hash !== given) };
  await updateOperator(trx, deps.sealer, left);
  return { operator: left, factor: 'recovery code' };
}

/** Takes an authenticator into use once it has shown a right code; every other session ends. @returns the recovery codes, shown once */
export async function enrolAuthenticator(
  deps: SignInDeps,
  operatorId: string,
  secret: string,
  code: string,
  origin: Origin,
): Promise<{ token: string; recoveryCodes: string[] } | null> {
  return inTransaction(deps.db, async (trx) => {
    const operator = await lockOperator(trx, deps.sealer, operatorId);
    if (operator === undefined || operator.status !== 'active') return null;
    const step = takeTotp(secret, code.replace(/\s/g, ''), 0, deps.now());
    if (step === null) return null;
    const recoveryCodes = newRecoveryCodes();
    const recoveryHashes = recoveryCodes.map((one) => hashRecoveryCode(deps.consoleKey, operator.id, one));
    await updateOperator(trx, deps.sealer, { ...operator, totpSecret: secret, totpStep: step, recoveryHashes });
    await deleteSessionsOf(trx, operator.id);
    await audit(trx, deps, operator, 'operator.authenticator_enrolled', origin);
    await noteSignIn(
      trx,
      deps,
      { ...operator, totpSecret: secret, totpStep: step, recoveryHashes },
      origin,
      'enrolment',
    );
    return { token: await openSession(trx, deps, operator.id, 'full', origin), recoveryCodes };
  });
}

/** What a one-time link may still be used for; undefined when it was used or has ended. */
export function findOneTimeLink(deps: SignInDeps, token: string): Promise<OneTimeLink | undefined> {
  return findLink(deps.db, hashLink(deps.consoleKey, token), deps.now());
}

export const hashLink = (key: Buffer, token: string): string => keyedHash(key, `link ${token}`);

/**
 * Uses a one-time link: makes the first owner, or sets the password of the operator it was made for (whose authenticator
 * is then enrolled anew and whose sessions end).
 * @returns what is wrong with the values, or the token of a session and what comes next; null when the link is not valid any more
 */
export async function useOneTimeLink(
  deps: SignInDeps,
  token: string,
  { email, password }: { email: string; password: string },
  origin: Origin,
): Promise<{ problem: string } | SignIn | null> {
  const link = await findOneTimeLink(deps, token);
  if (link === undefined) return null;
  const account = normaliseEmail(email);
  if (link.purpose === 'owner' && !/^[^\s@]+@[^\s@]+$/.test(account)) return { problem: 'Write an e-mail address.' };
  const problem = passwordProblem(password, account);
  if (problem !== null) return { problem };
  const passwordHash = await hashPassword(password);
  return inTransaction(deps.db, async (trx) => {
    if (!(await useLink(trx, link.id, deps.now()))) return null;
    const operator =
      link.purpose === 'owner'
        ? await makeOwner(trx, deps, account, passwordHash)
        : await replacePassword(trx, deps, link.operatorId ?? '', passwordHash);
    if (operator === null) return null;
    const action = link.purpose === 'owner' ? 'operator.created' : 'operator.password_set';
    await audit(trx, deps, operator, action, origin, { role: operator.role });
    const next = nextStep(deps, operator);
    if (next === 'nothing') await noteSignIn(trx, deps, operator, origin, 'one-time link');
    const opened = await openSession(trx, deps, operator.id, next === 'nothing' ? 'full' : 'password', origin);
    return { outcome: 'begun', token: opened, next };
  });
}

async function makeOwner(trx: Db, deps: SignInDeps, email: string, passwordHash: string): Promise<Operator | null> {
  if ((await countOwners(trx)) > 0) return null;
  const operator = newOperator({ email, role: 'owner', tenantId: null, passwordHash, createdAt: deps.now() });
  return (await insertOperator(trx, deps.sealer, operator)) ? operator : null;
}

async function replacePassword(trx: Db, deps: SignInDeps, operatorId: string, passwordHash: string) {
  const found = await lockOperator(trx, deps.sealer, operatorId);
  if (found === undefined || found.status !== 'active') return null;
  const operator = { ...found, passwordHash, totpSecret: null, recoveryHashes: [] };
  await updateOperator(trx, deps.sealer, operator);
  await deleteSessionsOf(trx, operatorId);
  return operator;
}

export function newOperator(
  given: Pick<Operator, 'email' | 'role' | 'tenantId' | 'passwordHash' | 'createdAt'>,
): Operator {
  return {
    ...given,
    id: newId('opr'),
    status: 'active',
    totpSecret: null,
    totpStep: 0,
    recoveryHashes: [],
    signedInAt: null,
  };
}

async function openSession(
  trx: Db,
  deps: SignInDeps,
  operatorId: string,
  stage: Session['stage'],
  { ip, userAgent }: Origin,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const now = deps.now();
  await insertSession(trx, {
    id: hashToken(deps.consoleKey, token),
    operatorId,
    stage,
    ip,
    userAgent,
    createdAt: now,
    seenAt: now,
    steppedUpAt: stage === 'full' ? now : null,
  });
  return token;
}

async function noteSignIn(
  trx: Db,
  deps: SignInDeps,
  operator: Operator,
  origin: Origin,
  factor: string,
): Promise<void> {
  await updateOperator(trx, deps.sealer, { ...operator, signedInAt: deps.now() });
  await audit(trx, deps, operator, 'operator.signed_in', origin, { with: factor });
}

async function audit(
  trx: Db,
  { auditKey, now }: SignInDeps,
  operator: Operator,
  action: string,
  { ip }: Origin,
  after: Record<string, unknown> | null = null,
): Promise<void> {
  const entry = { actor: actorOf(operator), action, tenantId: operator.tenantId, target: operator.id, after, ip };
  await appendAudit(trx, auditKey, entry, now());
}

export function actorOf({ id, email }: Operator): AuditActor {
  return { id, name: email };
}
