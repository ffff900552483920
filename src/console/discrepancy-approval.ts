// A request about discrepancies as the approval's page tells of it, and what becomes of it: one person asked to write
// them off, or to accept an amount that settles a payment; another one looks and decides. It is done against the versions
// that the first one saw, or not at all.

import type { Approval } from '../platform/approval-store.ts';
import { type Decided, reject } from '../platform/approvals.ts';
import { notFound } from '../platform/errors.ts';
import type { Discrepancy } from '../reconciliation/discrepancy.ts';
import {
  type ApprovedAct,
  actOfApproval,
  approveDiscrepancyAct,
  itemsOfApproval,
} from '../reconciliation/discrepancy-approvals.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import type { By } from './audit-act.ts';
import { centsText } from './close-view.ts';
import { counted } from './conditions-words.ts';
import type { BookActDeps } from './discrepancy-acts.ts';
import { discrepanciesPath, showDiscrepancies } from './discrepancy-view.ts';
import { namesOfShortcodes } from './reconciliation-scope.ts';
import type { Asked } from './shell-pages.ts';

export const isDiscrepancyRequest = (approval: Pick<Approval, 'kind'>): boolean => actOfApproval(approval) !== null;

const asks: Readonly<Record<ApprovedAct, string>> = {
  write_off: 'asks to write off',
  accept_amount: 'asks to accept the amount that came for',
};
const onButton: Readonly<Record<ApprovedAct, string>> = {
  write_off: 'Approve: write off',
  accept_amount: 'Approve: accept the amount',
};

/** What its page shows. @throws AppError `not_found` when what it is about is gone */
export async function showDiscrepancyRequest(deps: BookActDeps, asked: Asked, approval: Approval) {
  const { db, now } = deps;
  const items = itemsOfApproval(approval);
  const found = await readItems(deps, approval);
  if (found.length === 0) throw notFound();
  const versions = new Map(items.map(({ id, version }) => [id, version]));
  const moved = found.filter(({ id, version, status }) => status !== 'open' || versions.get(id) !== version);
  const act = actOfApproval(approval)!;
  const cents = found.reduce((sum, { atRiskCents }) => sum + atRiskCents, 0);
  const isWaiting = approval.status === 'waiting' && approval.expiresAt > now();
  const isOwn = approval.requestedBy === asked.visitor.operator.id;
  const mayDecide = isWaiting && asked.may('settle');
  return {
    title: `Approve: ${counted(found.length, 'discrepancy', 'discrepancies')}`,
    now: now(),
    asks: `${asks[act]} ${counted(found.length, 'discrepancy', 'discrepancies')}, KES\u00a0${centsText(cents)}`,
    approveWords: onButton[act],
    approval,
    rows: showDiscrepancies(found, asked, await namesOfShortcodes(db, asked.scope), now()),
    hasMoved: isWaiting && moved.length > 0,
    movedCount: moved.length,
    isWaiting,
    isOwn: isWaiting && isOwn && deps.needsTwoPersons,
    mayApprove: mayDecide && (!isOwn || !deps.needsTwoPersons),
    mayReject: mayDecide,
    rejectWord: isOwn ? 'Withdraw' : 'Turn down',
    query: asked.scope.query,
  };
}

async function readItems({ db }: BookActDeps, approval: Approval): Promise<Discrepancy[]> {
  const ids = itemsOfApproval(approval).map(({ id }) => id);
  const filter = { tenantIds: approval.tenantId === null ? [] : [approval.tenantId], mode: null, ids };
  return (await listDiscrepancies(db, filter, { limit: ids.length })).items;
}

/** Where one looks at what came of it. */
export function whereOfRequest(approval: Approval, { scope }: Asked): string {
  const items = itemsOfApproval(approval);
  const one = items.length === 1 ? `/${items[0]!.id}` : '';
  return discrepanciesPath + one + scope.query;
}

/** Done, turned down or withdrawn. */
export function decideDiscrepancyRequest(
  deps: BookActDeps,
  { actor }: By,
  approval: Approval,
  decision: { approve: true } | { approve: false; note: string },
): Promise<Decided> {
  return decision.approve
    ? approveDiscrepancyAct({ ...deps.acting, ...deps }, actor, approval.id)
    : reject(deps, actor, approval.id, decision.note);
}
