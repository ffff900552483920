// A line of M-PESA's record is said to be a payment's money, by an operator with a reason and a fresh code. Where the line
// has a discrepancy that is closed by it, that is what is done.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { AppError } from '../platform/errors.ts';
import { invalid } from '../platform/validation.ts';
import { legalDiscrepancyActs } from '../reconciliation/discrepancy-acts.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import type { Line } from '../reconciliation/line.ts';
import { unresolved } from '../reconciliation/match-rules.ts';
import { actAs, linkLineAs } from './discrepancy-acts.ts';
import { type DiscrepancyPageDeps, tell } from './discrepancy-pages.ts';
import { showPaymentSide } from './discrepancy-view.ts';
import { findPaymentByName } from './find-payment-by-name.ts';
import { actingAs, type FormProblem, fieldsOf, mine, textOf, tryForm } from './form-pages.ts';
import { findLine } from './line-list-store.ts';
import { linesPath, showFullLine } from './line-view.ts';
import { hrefsOf, namesOfShortcodes } from './reconciliation-scope.ts';
import type { Form } from './session.ts';
import { type Asked, ask, showPage } from './shell-pages.ts';

export function addLineLinkPages(router: Router, deps: DiscrepancyPageDeps): void {
  const { sessions } = deps;
  const path = `${linesPath}/:id/link`;

  router.get(path, sessions.guard('settle'), async (ctx) => {
    const asked = await ask(deps, ctx);
    await show(deps, ctx, asked, await getMine(deps, ctx, asked));
  });

  router.post(path, sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const line = await getMine(deps, ctx, asked);
    const tried = await tryForm(() => link(deps, ctx, line, form));
    if ('problems' in tried) return show(deps, ctx, asked, line, form, tried.problems);
    ctx.redirect(`${linesPath}/${line.id}${asked.scope.query}`);
  });
}

/** Whether somebody may say whose money it is. */
export const mayLink = ({ kind, status }: Pick<Line, 'kind' | 'status'>): boolean =>
  kind === 'payment' && unresolved.has(status);

async function getMine(deps: DiscrepancyPageDeps, ctx: Koa.Context, asked: Asked): Promise<Line> {
  const line = mine(asked, 'line', await findLine(deps.db, deps.sealer, String(ctx.params.id)));
  if (!mayLink(line)) throw new AppError('invalid_request', 'This line has its end already, or needs no payment.');
  return line;
}

async function show(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  line: Line,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  if (problems.length > 0) ctx.status = 400;
  const { scope } = asked;
  const chosen = form?.get('payment') ?? textOf(ctx.query.payment) ?? line.paymentId ?? '';
  const payment = chosen === '' ? undefined : await findPaymentByName(deps.db, deps.sealer, line, chosen);
  await showPage(deps, ctx, asked, 'line-link', {
    title: `Link ${line.receipt}`,
    now: deps.now(),
    line: showFullLine(line, scope.query, await namesOfShortcodes(deps.db, scope)),
    payment: payment === undefined ? null : showPaymentSide(payment, scope.query),
    f: fieldsOf(['payment', 'reason'], form ?? { payment: chosen }, problems),
    problems,
    action: `${linesPath}/${line.id}/link${scope.query}`,
    back: `${linesPath}/${line.id}${scope.query}`,
    hrefs: hrefsOf(scope),
  });
}

async function link(deps: DiscrepancyPageDeps, ctx: Koa.Context, line: Line, form: Form): Promise<void> {
  const payment = await getPayment(deps, line, form.get('payment').trim());
  const by = actingAs(deps, ctx);
  const reason = form.get('reason');
  const { tenantId, mode, shortcodeId, receipt } = line;
  const filter = { tenantIds: [tenantId], mode, shortcodeId, receipt, status: 'open' } as const;
  const { items } = await listDiscrepancies(deps.db, filter, { limit: 20 });
  const own = items.find((one) => one.lineId === line.id && legalDiscrepancyActs(one).includes('link'));
  const came =
    own === undefined
      ? await linkLineAs(deps, by, line, payment.id, reason)
      : await actAs(deps, by, own, own.version, { act: 'link', paymentId: payment.id }, reason);
  tell(ctx, came, 'Linked');
}

async function getPayment(deps: DiscrepancyPageDeps, line: Line, name: string): Promise<Payment> {
  const found = name === '' ? undefined : await findPaymentByName(deps.db, deps.sealer, line, name);
  if (found !== undefined) return found;
  const detail = 'No payment of this tenant has this id, receipt or reference; or several have the reference.';
  throw invalid([{ parameter: 'payment', code: 'required', detail }]);
}
