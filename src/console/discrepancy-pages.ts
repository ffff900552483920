// Discrepancies in the console: the list by filter, and one with both sides beside each other, what may be chosen and what
// may be done now. What moves no money is done on its page; all else on a page of its own (discrepancy-settle-pages).

import type Router from '@koa/router';
import type Koa from 'koa';
import { findPaymentsAcrossTenants } from '../payments/payment-store.ts';
import { findWaitingApproval } from '../platform/approval-store.ts';
import { AppError } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { ActChoice } from '../reconciliation/act-on-discrepancies.ts';
import { type Discrepancy, severities } from '../reconciliation/discrepancy.ts';
import { type DiscrepancyAct, legalDiscrepancyActs } from '../reconciliation/discrepancy-acts.ts';
import { actOfApproval } from '../reconciliation/discrepancy-approvals.ts';
import { listNotes } from '../reconciliation/discrepancy-close-store.ts';
import { countOpen, findDiscrepancy, listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import { listActsOn } from './audit-words.ts';
import { centsText } from './close-view.ts';
import { actAs, type BookActDeps } from './discrepancy-acts.ts';
import { discrepancyTypes, filterOf, pairsOf, readChosen, readPosition } from './discrepancy-filter.ts';
import {
  discrepanciesPath as base,
  factsOf,
  headOf,
  showCandidates,
  showDiscrepancies,
  showNotes,
  showPaymentSide,
} from './discrepancy-view.ts';
import { actingAs, choicesOf, mine, pageOf, withQuery } from './form-pages.ts';
import { findLine } from './line-list-store.ts';
import { showFullLine } from './line-view.ts';
import { hrefsOf, namesOfShortcodes } from './reconciliation-scope.ts';
import { severityWords, typeWords } from './reconciliation-words.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';

export type DiscrepancyPageDeps = ShellDeps & BookActDeps & { sealer: Sealer };

const pageSize = 50;

/** What moves no money, and is done at once. */
export const lightActs = ['ask_again', 'acknowledge', 'assign', 'comment'] as const;
type LightAct = (typeof lightActs)[number];

/** On buttons. */
export const actNames: Readonly<Record<DiscrepancyAct, string>> = {
  link: 'Link to a payment',
  accept_amount: 'Accept the amount that came',
  make_payment: 'Make a payment of it',
  mark_reversed: 'Mark as reversed',
  write_off: 'Write off',
  ask_again: 'Ask M-PESA again',
  acknowledge: 'Acknowledge',
  assign: 'Assign',
  comment: 'Add a note',
};

export function addDiscrepancyPages(router: Router, deps: DiscrepancyPageDeps): void {
  const { sessions } = deps;
  router.get(base, sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get(`${base}/:id`, sessions.guard('view'), (ctx) => showOne(deps, ctx));
  router.post(`${base}/:id/act`, sessions.guard('act'), (ctx) => actLightly(deps, ctx));
}

export async function getMine(deps: DiscrepancyPageDeps, ctx: Koa.Context, asked: Asked): Promise<Discrepancy> {
  return mine(asked, 'discrepancy', await findDiscrepancy(deps.db, String(ctx.params.id)));
}

export const urlOf = ({ id }: Pick<Discrepancy, 'id'>, { scope }: Asked): string => `${base}/${id}${scope.query}`;

async function showList(deps: DiscrepancyPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const chosen = readChosen(ctx.query);
  const filter = filterOf(asked, chosen);
  const found = await listDiscrepancies(deps.db, filter, { limit: pageSize + 1, cursor: readPosition(ctx.query) });
  const page = pageOf(ctx, found.items, pageSize, ({ openedAt, id }) => `${openedAt}.${id}`);
  const open = await countOpen(deps.db, { ...filter, status: 'open' });
  const names = await namesOfShortcodes(deps.db, scope);
  const sum = open.reduce((cents, { atRiskCents }) => cents + atRiskCents, 0);
  await showPage(deps, ctx, asked, 'discrepancies', {
    title: 'Discrepancies',
    now: deps.now(),
    rows: showDiscrepancies(page.shown, asked, names, deps.now()),
    pager: page.pager,
    openCount: open.reduce((count, one) => count + one.count, 0),
    atRisk: centsText(sum),
    isOpen: chosen.status === 'open',
    tabs: [
      { word: 'Open', href: withQuery(ctx, { status: null, before: null }), isCurrent: chosen.status === 'open' },
      {
        word: 'Closed',
        href: withQuery(ctx, { status: 'closed', before: null }),
        isCurrent: chosen.status === 'closed',
      },
    ],
    types: choicesOf(
      [['', 'Any kind'], ...discrepancyTypes.map((one) => [one, typeWords[one].name] as const)],
      chosen.type,
    ),
    severities: choicesOf(
      [['', 'Any severity'], ...severities.map((one) => [one, severityWords[one].word] as const)],
      chosen.severity,
    ),
    assignees: choicesOf(
      [
        ['', 'Anybody'],
        ['me', 'Me'],
        ['nobody', 'Nobody'],
      ],
      chosen.assignee,
    ),
    shortcodes: choicesOf([['', 'Any shortcode'], ...names], chosen.shortcode),
    day: chosen.day,
    hidden: pairsOf(chosen),
    isFiltered: pairsOf(chosen).some(({ name }) => name !== 'status'),
    mayAct: asked.may('act') && chosen.status === 'open' && page.shown.length > 0,
    maySettle: asked.may('settle'),
    path: base,
    hrefs: hrefsOf(scope),
  });
}

async function showOne(deps: DiscrepancyPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const discrepancy = await getMine(deps, ctx, asked);
  const { scope, visitor } = asked;
  const { id, lineId, paymentId, candidates, tenantId } = discrepancy;
  const names = await namesOfShortcodes(deps.db, scope);
  const line = lineId === null ? undefined : await findLine(deps.db, deps.sealer, lineId);
  const ids = [paymentId, ...candidates.map((one) => one.paymentId)].filter((one) => one !== null);
  const payments = await findPaymentsAcrossTenants(deps.db, deps.sealer, ids);
  const payment = paymentId === null ? undefined : payments.get(paymentId);
  const legal = legalDiscrepancyActs(discrepancy);
  const maySettle = asked.may('settle');
  const settleHref = (act: DiscrepancyAct, more = ''): string => `${base}/${id}/settle${scope.query}&act=${act}${more}`;
  const isMine = discrepancy.assigneeId === visitor.operator.id;
  await showPage(deps, ctx, asked, 'discrepancy', {
    title: typeWords[discrepancy.type].name,
    now: deps.now(),
    head: headOf(discrepancy, deps.now()),
    detail: discrepancy.detail,
    facts: factsOf(discrepancy, asked, scope.tenants.find((one) => one.id === tenantId)?.name ?? tenantId, names),
    line: line === undefined ? null : showFullLine(line, scope.query, names),
    payment: payment === undefined ? null : showPaymentSide(payment, scope.query),
    candidates: showCandidates(
      discrepancy,
      payments,
      scope.query,
      maySettle && legal.includes('link') ? (chosen) => settleHref('link', `&payment=${chosen}`) : null,
    ),
    settles: maySettle
      ? legal.filter(isHeavy).map((act) => ({ word: `${actNames[act]}…`, href: settleHref(act) }))
      : [],
    waiting: await waitingOf(deps, discrepancy, scope.query),
    mayAct: asked.may('act'),
    mayAsk: legal.includes('ask_again'),
    mayAcknowledge: legal.includes('acknowledge'),
    isOpen: discrepancy.status === 'open',
    isMine,
    hasAssignee: discrepancy.assigneeId !== null,
    version: discrepancy.version,
    action: `${base}/${id}/act${scope.query}`,
    notes: showNotes(await listNotes(deps.db, id)),
    acts: await listActsOn(deps.db, id, visitor.operator.tenantId),
    hrefs: hrefsOf(scope),
  });
}

const isHeavy = (act: DiscrepancyAct): boolean => !(lightActs as readonly DiscrepancyAct[]).includes(act);

/** A request for it that nobody has decided yet. */
export async function waitingOf({ db, now }: DiscrepancyPageDeps, { id }: Discrepancy, query: string) {
  const approval = await findWaitingApproval(db, id, now());
  if (approval === undefined || actOfApproval(approval) === null) return null;
  return { name: approval.requestedName, href: `/console/approvals/${approval.id}${query}` };
}

async function actLightly(deps: DiscrepancyPageDeps, ctx: Koa.Context): Promise<void> {
  const form = await deps.sessions.readForm(ctx);
  const asked = await ask(deps, ctx);
  const discrepancy = await getMine(deps, ctx, asked);
  const by = actingAs(deps, ctx);
  const choice = choiceOf(form.get('act'), by.actor);
  const acted = await actAs(deps, by, discrepancy, Number(form.get('version')), choice, form.get('reason'));
  tell(ctx, acted, actNames[choice.act]);
  ctx.redirect(urlOf(discrepancy, asked));
}

/** @throws AppError `invalid_request` for what is no act of these */
export function choiceOf(act: string, actor: { id: string; name: string }): ActChoice & { act: LightAct } {
  if (act === 'take') return { act: 'assign', assignee: actor };
  if (act === 'drop') return { act: 'assign', assignee: null };
  if (act === 'ask_again' || act === 'acknowledge' || act === 'comment') return { act };
  throw new AppError('invalid_request', 'Choose what to do with it.');
}

/** What came of an act, on the next page. */
export function tell(ctx: Koa.Context, acted: { outcome: string; why?: string }, name: string): void {
  if (acted.outcome === 'done') flash(ctx, `${name}: done.`);
  else if (acted.outcome === 'changed') flash(ctx, 'It has changed since you looked at it. Nothing was done.', 'bad');
  else flash(ctx, `Nothing was done. ${acted.why ?? ''}`, 'bad');
}
