// Lines that probably belong to a payment: one fits and the line does not show enough to be sure, or several fit. A
// suggestion is confirmed alone or with others, after a page that says which they are and what they come to.

import type { ParsedUrlQuery } from 'node:querystring';
import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { findPaymentsAcrossTenants } from '../payments/payment-store.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import type { Line } from '../reconciliation/line.ts';
import { centsText } from './close-view.ts';
import { confirmAs } from './discrepancy-acts.ts';
import type { DiscrepancyPageDeps } from './discrepancy-pages.ts';
import { discrepanciesPath, showPaymentSide } from './discrepancy-view.ts';
import { actingAs, type FormProblem, fieldsOf, pageOf, textOf, tryForm } from './form-pages.ts';
import { type LinePosition, listLines, readLines } from './line-list-store.ts';
import { showLine } from './line-view.ts';
import { hrefsOf, namesOfShortcodes, reconciliationPath, tenantsOf } from './reconciliation-scope.ts';
import { type Asked, ask, flash, showPage } from './shell-pages.ts';

const path = `${reconciliationPath}/suggested`;
const pageSize = 50;
const mostAtOnce = 100;

export function addSuggestedPages(router: Router, deps: DiscrepancyPageDeps): void {
  const { sessions } = deps;
  router.get(path, sessions.guard('view'), (ctx) => showList(deps, ctx));

  router.get(`${path}/confirm`, sessions.guard('settle'), async (ctx) => {
    const asked = await ask(deps, ctx);
    await showConfirm(deps, ctx, asked, lineIdsOf(ctx.query));
  });

  router.post(`${path}/confirm`, sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const pairs = form.all('pair').map((pair) => pair.split(' '));
    const ids = pairs.map(([lineId]) => lineId ?? '');
    const chosen = new Map(pairs.map(([lineId, paymentId]) => [lineId, paymentId]));
    const suggestions = (await readSuggested(deps, asked, ids))
      // Exactly what was shown, or not at all.
      .filter(({ line, payment }) => chosen.get(line.id) === payment.id)
      .map(({ line, payment }) => ({ line, paymentId: payment.id }));
    const tried = await tryForm(() => confirmAs(deps, actingAs(deps, ctx), suggestions, form.get('reason')));
    if ('problems' in tried) return showConfirm(deps, ctx, asked, ids, tried.problems);
    flash(ctx, `Confirmed: ${tried.done} of ${ids.length}.`, tried.done === ids.length ? 'ok' : 'bad');
    ctx.redirect(path + asked.scope.query);
  });
}

const lineIdsOf = (query: ParsedUrlQuery): string[] => [query.line ?? []].flat();

function readPosition(ctx: Koa.Context): LinePosition | null {
  const match = /^(\d{1,15})\.(lin_[0-9a-z]{26})$/.exec(textOf(ctx.query.before) ?? '');
  return match === null ? null : { at: Number(match[1]), id: match[2]! };
}

async function showList(deps: DiscrepancyPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const filter = {
    tenantIds: tenantsOf(scope),
    mode: scope.mode,
    shortcodeId: textOf(ctx.query.shortcode),
    source: null,
    statuses: ['suggested', 'ambiguous'],
    receipt: null,
    since: null,
    until: null,
  } as const;
  const rows = await listLines(deps.db, deps.sealer, filter, readPosition(ctx), pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ completedAt, id }) => `${completedAt}.${id}`);
  const names = await namesOfShortcodes(deps.db, scope);
  const ids = page.shown.map(({ paymentId }) => paymentId).filter((id) => id !== null);
  const payments = await findPaymentsAcrossTenants(deps.db, deps.sealer, ids);
  const choices = await readChoices(deps, page.shown);
  const maySettle = asked.may('settle');
  await showPage(deps, ctx, asked, 'suggested', {
    title: 'Suggested matches',
    now: deps.now(),
    lines: page.shown.map((line) => {
      const payment = line.paymentId === null ? undefined : payments.get(line.paymentId);
      const choice = choices.get(line.id);
      return {
        ...showLine(line, scope.query, names),
        payment: payment === undefined ? null : showPaymentSide(payment, scope.query),
        fits: choice?.fits ?? null,
        chooseHref: choice === undefined ? null : `${discrepanciesPath}/${choice.id}${scope.query}`,
        confirmHref:
          maySettle && line.status === 'suggested' && payment !== undefined
            ? `${path}/confirm${scope.query}&line=${line.id}`
            : null,
      };
    }),
    pager: page.pager,
    maySettle: maySettle && page.shown.some(({ status }) => status === 'suggested'),
    confirmAction: `${path}/confirm`,
    hrefs: hrefsOf(scope),
  });
}

/** The discrepancies of lines that several payments fit. */
async function readChoices(
  { db }: DiscrepancyPageDeps,
  lines: readonly Line[],
): Promise<Map<string, { id: string; fits: number }>> {
  const choices = new Map<string, { id: string; fits: number }>();
  for (const { id, status, tenantId, mode } of lines) {
    if (status !== 'ambiguous') continue;
    const filter = { tenantIds: [tenantId], mode, lineId: id, types: ['ambiguous'], status: 'open' } as const;
    const [found] = (await listDiscrepancies(db, filter, { limit: 1 })).items;
    if (found !== undefined) choices.set(id, { id: found.id, fits: found.candidates.length });
  }
  return choices;
}

/** Those of the operator's that are suggested still, with their payments. */
async function readSuggested(
  deps: DiscrepancyPageDeps,
  { scope }: Asked,
  lineIds: readonly string[],
): Promise<{ line: Line; payment: Payment }[]> {
  const own = new Set(tenantsOf(scope));
  const lines = (await readLines(deps.db, deps.sealer, lineIds.slice(0, mostAtOnce))).filter(
    ({ tenantId, mode, status }) => own.has(tenantId) && mode === scope.mode && status === 'suggested',
  );
  const ids = lines.map(({ paymentId }) => paymentId).filter((id) => id !== null);
  const payments = await findPaymentsAcrossTenants(deps.db, deps.sealer, ids);
  return lines.flatMap((line) => {
    const payment = line.paymentId === null ? undefined : payments.get(line.paymentId);
    return payment === undefined ? [] : [{ line, payment }];
  });
}

async function showConfirm(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  lineIds: readonly string[],
  problems: FormProblem[] = [],
): Promise<void> {
  const { scope } = asked;
  const found = await readSuggested(deps, asked, lineIds);
  if (found.length === 0) {
    flash(ctx, 'Nothing of what was chosen is suggested any more, or nothing was chosen.', 'bad');
    return ctx.redirect(path + scope.query);
  }
  if (problems.length > 0) ctx.status = 400;
  const names = await namesOfShortcodes(deps.db, scope);
  await showPage(deps, ctx, asked, 'suggested-confirm', {
    title: 'Confirm',
    now: deps.now(),
    rows: found.map(({ line, payment }) => ({
      pair: `${line.id} ${payment.id}`,
      line: showLine(line, scope.query, names),
      payment: showPaymentSide(payment, scope.query),
    })),
    count: found.length,
    sum: centsText(found.reduce((cents, { line }) => cents + line.amountCents, 0)),
    left: lineIds.length - found.length,
    f: fieldsOf(['reason'], {}, problems),
    problems,
    action: `${path}/confirm${scope.query}`,
    back: path + scope.query,
    hrefs: hrefsOf(scope),
  });
}
