// Two persons in the console: one asks with a reason, a second one looks and decides. What is approved is done against
// the very state the first one saw; if that has changed meanwhile, nothing is done and both are told. What can be asked
// for, and how it is done, is each kind's own.

import type Router from '@koa/router';
import type Koa from 'koa';
import { type Approval, findApproval } from '../platform/approval-store.ts';
import {
  type ApprovalDeps,
  type ApprovalRequest,
  approve,
  type Decided,
  type Requested,
  reject,
  requestApproval,
} from '../platform/approvals.ts';
import { type ApprovalKind, approvalUrl } from './approval-kind.ts';
import { actingAs, mine, notHere } from './form-pages.ts';
import { countApprovers } from './operator-store.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';

export type ApprovalPageDeps = ShellDeps & ApprovalDeps;

export function addApprovalPages(
  router: Router,
  deps: ApprovalPageDeps,
  kinds: Readonly<Record<string, ApprovalKind>>,
): void {
  const { sessions } = deps;

  /** The approval of the path, if it is the operator's to see; what concerns no tenant is for those who see all. */
  async function find(ctx: Koa.Context, asked: Asked): Promise<{ approval: Approval; kind: ApprovalKind }> {
    const approval = mine(asked, 'approval', await findApproval(deps.db, String(ctx.params.id)));
    const kind = kinds[approval.kind];
    if (kind === undefined) throw notHere('approval');
    return { approval, kind };
  }

  router.get('/console/approvals/:id', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const { approval, kind } = await find(ctx, asked);
    const shown = await kind.show(asked, approval);
    await showPage(deps, ctx, asked, 'approval', { ...shown, ...(await viewApproval(deps, asked, approval)) });
  });

  router.post('/console/approvals/:id/approve', sessions.guard('settle'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { approval, kind } = await find(ctx, asked);
    const decided = await approve(deps, actingAs(deps, ctx), approval.id, kind.perform);
    tellDecision(ctx, decided, kind);
    ctx.redirect(decided === 'own' ? approvalUrl(approval, asked) : kind.whereOf(asked, approval));
  });

  router.post('/console/approvals/:id/reject', sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { approval, kind } = await find(ctx, asked);
    tellDecision(ctx, await reject(deps, actingAs(deps, ctx), approval.id, form.get('note')), kind);
    ctx.redirect(kind.whereOf(asked, approval));
  });
}

const requestWords: Readonly<Record<Requested['outcome'], readonly [words: string, tone: 'ok' | 'bad']>> = {
  waiting: ['Asked for. Somebody else has to approve it within a day.', 'ok'],
  busy: ['This waits for an approval already. Decide or withdraw that first.', 'bad'],
  done: ['Done, and marked as done by one person.', 'ok'],
  outdated: ['It had changed, or what it names is taken. Nothing was done; look again.', 'bad'],
};

/** Asks for it, or does it where one person is enough, and leads to what came of that. */
export async function askApproval(
  deps: ApprovalPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  kind: ApprovalKind,
  request: ApprovalRequest,
): Promise<Requested> {
  const requested = await requestApproval(deps, actingAs(deps, ctx), request, kind.perform);
  tellRequest(ctx, asked, requested, kind);
  return requested;
}

/** Says what came of a request, and leads there. */
export function tellRequest(
  ctx: Koa.Context,
  asked: Asked,
  { outcome, approval }: Requested,
  kind: ApprovalKind,
): void {
  flash(ctx, ...requestWords[outcome]);
  const isOpen = outcome === 'waiting' || outcome === 'busy';
  ctx.redirect(isOpen ? approvalUrl(approval, asked) : kind.whereOf(asked, approval));
}

const decisionWords: Readonly<Record<Exclude<Decided, 'outdated'>, readonly [words: string, tone: 'ok' | 'bad']>> = {
  approved: ['Approved, and done.', 'ok'],
  rejected: ['Turned down. Nothing was changed.', 'ok'],
  withdrawn: ['Withdrawn. Nothing was changed.', 'ok'],
  own: ['You asked for this yourself: somebody else has to approve it.', 'bad'],
  ended: ['This was decided already, or has waited longer than a day.', 'bad'],
};

function tellDecision(ctx: Koa.Context, decided: Decided, { outdatedWords }: ApprovalKind): void {
  if (decided === 'outdated') flash(ctx, outdatedWords, 'bad');
  else flash(ctx, ...decisionWords[decided]);
}

async function viewApproval(deps: ApprovalPageDeps, asked: Asked, approval: Approval) {
  const { id, tenantId, requestedBy, requestedName, reason, createdAt, expiresAt, status } = approval;
  const isWaiting = status === 'waiting' && expiresAt > deps.now();
  const isOwn = requestedBy === asked.visitor.operator.id;
  const mayDecide = isWaiting && asked.may('settle');
  const needsOther = isWaiting && isOwn && deps.needsTwoPersons;
  return {
    approval: { id, requestedName, reason, createdAt, expiresAt },
    isWaiting,
    mayApprove: mayDecide && (!isOwn || !deps.needsTwoPersons),
    mayReject: mayDecide,
    isOwn: needsOther,
    isAlone: needsOther && (await countApprovers(deps.db, { tenantId, exceptId: requestedBy })) === 0,
    rejectWord: isOwn ? 'Withdraw' : 'Turn down',
    end: isWaiting ? null : endOf(approval),
    query: asked.scope.query,
  };
}

const endWords: Readonly<Record<Approval['status'], string>> = {
  waiting: 'Ended: nobody approved it within a day',
  expired: 'Ended: nobody approved it within a day',
  approved: 'Approved, and done',
  rejected: 'Turned down',
  withdrawn: 'Withdrawn',
  outdated: 'Not done: it had changed while it waited',
};

function endOf({ status, decidedName, decidedAt, decisionNote, expiresAt }: Approval) {
  const isOver = status === 'waiting' || status === 'expired';
  return {
    words: endWords[status],
    by: isOver ? null : decidedName,
    at: isOver ? expiresAt : decidedAt,
    note: decisionNote,
  };
}
