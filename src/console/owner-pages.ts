// A new owner: one owner asks for it, a second person approves it, and nobody is let in, or may do more, before that. The
// new one comes in by a one-time link that an owner makes afterwards, so that it is not shown to whoever approves.

import { randomBytes } from 'node:crypto';
import type Koa from 'koa';
import type { Approved } from '../platform/approvals.ts';
import { appendAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';
import { type ApprovalKind, approvalUrl, fact, kindNames } from './approval-kind.ts';
import { type ApprovalPageDeps, askApproval } from './approval-pages.ts';
import { changeOperator, type OperatorDeps } from './manage-operators.ts';
import { findOperator, insertOperator, lockOperator, type Operator } from './operator-store.ts';
import { showOperator } from './operator-view.ts';
import { hashPassword } from './passwords.ts';
import type { Asked } from './shell-pages.ts';
import { newOperator } from './sign-in.ts';

export type OwnerPageDeps = ApprovalPageDeps & OperatorDeps;

const tenantNames = ({ scope }: Asked): Map<string, string> => new Map(scope.tenants.map(({ id, name }) => [id, name]));

export interface WantedOwner extends Pick<Operator, 'id' | 'email' | 'tenantId'> {
  reason: string;
  openKey?: string;
}

/** @param person as he is now; undefined where he is still to be let in */
export async function askForOwner(
  deps: OwnerPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  { id, email, tenantId, reason, openKey }: WantedOwner,
  person?: Operator,
): Promise<void> {
  await askApproval(deps, ctx, asked, ownershipKind(deps), {
    kind: kindNames.owner,
    tenantId,
    mode: null,
    subject: id,
    stateKey: operatorState(person),
    payload: { email, tenant: tenantId },
    reasonCode: 'owner',
    reason,
    ...(openKey === undefined ? {} : { openKey }),
  });
}

export function ownershipKind(deps: OwnerPageDeps): ApprovalKind {
  return {
    outdatedWords: 'What this person may do was changed while this waited, or the address is taken. Nothing was done.',
    whereOf: (asked, approval) =>
      asked.may('people') ? `/console/operators/${approval.subject}${asked.scope.query}` : approvalUrl(approval, asked),
    async show(asked, { subject, tenantId, payload, stateKey }) {
      const email = String(payload.email);
      const person = await findOperator(deps.db, deps.sealer, subject);
      const isSame = operatorState(person) === stateKey;
      const shown = person === undefined ? null : showOperator(person, tenantNames(asked), asked.scope.query);
      const where = tenantId === null ? 'all tenants' : (tenantNames(asked).get(tenantId) ?? tenantId);
      return {
        title: `Approve: owner ${email}`,
        asks: `to make ${email} an owner of ${where}`,
        facts: [
          fact('Who', email, { href: asked.may('people') ? (shown?.href ?? null) : null }),
          fact(
            'Now',
            shown === null ? 'not let in yet' : `${shown.role}, ${shown.where}, ${shown.status.word.toLowerCase()}`,
          ),
          fact('Then', `Owner, ${where}`),
        ],
        reasonWords: null,
        approveWords: 'Approve: make this owner',
        moved: isSame ? null : 'What this person may do was changed since this was asked for.',
      };
    },
    perform: (trx, approved) => makeOwnerAs(deps, trx, approved),
  };
}

/** What somebody may do and where, in a word; `new` for who does not exist. */
function operatorState(operator: Operator | undefined): string {
  return operator === undefined ? 'new' : `${operator.status} ${operator.role} ${operator.tenantId ?? 'all'}`;
}

/** Makes the owner that was approved, if nothing about that person has changed since. Without a link: an owner makes that. */
async function makeOwnerAs(
  deps: OperatorDeps,
  trx: Db,
  { approval, by, isOnePerson }: Approved,
): Promise<(() => void) | null> {
  const { id, subject, stateKey, tenantId, requestedName } = approval;
  const email = String(approval.payload.email);
  const found = await lockOperator(trx, deps.sealer, subject);
  if (operatorState(found) !== stateKey) return null;
  const how = { approval: id, ...(isOnePerson ? { one_person: true } : { asked_by: requestedName }) };
  if (found !== undefined) {
    await changeOperator({ ...deps, db: trx }, by, subject, { role: 'owner', status: 'active', tenantId }, how);
    return () => undefined;
  }
  const passwordHash = await nobodysPassword();
  const made = newOperator({ email, role: 'owner', tenantId, passwordHash, createdAt: deps.now() });
  const operator = { ...made, id: subject };
  if (!(await insertOperator(trx, deps.sealer, operator))) return null;
  const after = { role: 'owner', tenant: tenantId, ...how };
  await appendAudit(
    trx,
    deps.auditKey,
    { ...by, action: 'operator.created', tenantId, target: subject, after },
    deps.now(),
  );
  return () => undefined;
}

let unknownPassword: Promise<string> | null = null;

/** The hash of a password that nobody knows, made once: hashing takes too long for a transaction. */
function nobodysPassword(): Promise<string> {
  unknownPassword ??= hashPassword(randomBytes(32).toString('base64url'));
  return unknownPassword;
}
