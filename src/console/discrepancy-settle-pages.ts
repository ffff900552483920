// What settles or closes a discrepancy for good, on a page of its own that says what will happen and asks for a reason and
// a fresh code: linking, making a payment, accepting an amount, marking as reversed, writing off. Where a second person is
// needed it is asked for, against the version that is shown here.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import { notFound } from '../platform/errors.ts';
import { invalid } from '../platform/validation.ts';
import type { ActChoice } from '../reconciliation/act-on-discrepancies.ts';
import type { Discrepancy } from '../reconciliation/discrepancy.ts';
import {
  type DiscrepancyAct,
  discrepancyActs,
  legalDiscrepancyActs,
  needsSecondPerson,
} from '../reconciliation/discrepancy-acts.ts';
import { tellRequest } from './approval-pages.ts';
import { actAs, requestAs } from './discrepancy-acts.ts';
import { discrepancyKind } from './discrepancy-kind.ts';
import { actNames, type DiscrepancyPageDeps, getMine, lightActs, tell, urlOf } from './discrepancy-pages.ts';
import { discrepanciesPath as base, headOf, showPaymentSide } from './discrepancy-view.ts';
import { findPaymentByName } from './find-payment-by-name.ts';
import { actingAs, type FormProblem, fieldsOf, textOf, tryForm } from './form-pages.ts';
import { findLine } from './line-list-store.ts';
import { showFullLine } from './line-view.ts';
import { hrefsOf, namesOfShortcodes } from './reconciliation-scope.ts';
import type { Form } from './session.ts';
import { type Asked, ask, showPage } from './shell-pages.ts';

export function addDiscrepancySettlePages(router: Router, deps: DiscrepancyPageDeps): void {
  const { sessions } = deps;
  const path = `${base}/:id/settle`;

  router.get(path, sessions.guard('settle'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const discrepancy = await getMine(deps, ctx, asked);
    await show(deps, ctx, asked, discrepancy, readAct(discrepancy, textOf(ctx.query.act)));
  });

  router.post(path, sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const discrepancy = await getMine(deps, ctx, asked);
    const act = readAct(discrepancy, form.get('act'));
    const tried = await tryForm(() => settle(deps, ctx, asked, discrepancy, act, form));
    if ('problems' in tried) await show(deps, ctx, asked, discrepancy, act, form, tried.problems);
  });
}

type HeavyAct = Exclude<DiscrepancyAct, (typeof lightActs)[number]>;

/** @throws AppError where it cannot be done with this one now */
function readAct(discrepancy: Discrepancy, text: string | null): HeavyAct {
  const act = discrepancyActs.find((one) => one === text);
  const isLight = (lightActs as readonly string[]).includes(text ?? '');
  if (act === undefined || isLight || !legalDiscrepancyActs(discrepancy).includes(act))
    throw invalid([
      {
        parameter: 'act',
        code: 'wrong_format',
        detail:
          discrepancy.status === 'open'
            ? 'Choose what to do with it.'
            : 'This discrepancy is closed already. Look at it again.',
      },
    ]);
  return act as HeavyAct;
}

const consequences: Readonly<Record<HeavyAct, string>> = {
  link: 'The money is this payment’s from now on. A payment that is not settled yet is settled with it, and the merchant is told.',
  accept_amount: 'The payment counts as paid with the amount that came. The merchant sees both amounts.',
  make_payment: 'A payment is made of the money that came, paid at once with its receipt, and the merchant is told.',
  mark_reversed: 'The money went back, or goes back. No payment is looked for any more.',
  write_off: 'Nobody looks for it any more. The close of its day shows it as written off.',
};

async function show(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  discrepancy: Discrepancy,
  act: HeavyAct,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  if (problems.length > 0) ctx.status = 400;
  const { scope } = asked;
  const names = await namesOfShortcodes(deps.db, scope);
  const { lineId, id, version } = discrepancy;
  const line = lineId === null ? undefined : await findLine(deps.db, deps.sealer, lineId);
  const chosen = form === undefined ? (textOf(ctx.query.payment) ?? '') : form.get('payment');
  const named = act === 'link' ? chosen : (discrepancy.paymentId ?? '');
  const payment = named === '' ? undefined : await findTheirs(deps, discrepancy, named);
  await showPage(deps, ctx, asked, 'discrepancy-settle', {
    title: actNames[act],
    now: deps.now(),
    head: headOf(discrepancy, deps.now()),
    detail: discrepancy.detail,
    line: line === undefined ? null : showFullLine(line, scope.query, names),
    payment: payment === undefined ? null : showPaymentSide(payment, scope.query),
    act,
    actName: actNames[act],
    consequence: consequences[act],
    isLink: act === 'link',
    needsOther: needsSecondPerson(act, payment ?? null),
    needsTwoPersons: deps.needsTwoPersons,
    version: form?.get('version') ?? String(version),
    f: fieldsOf(['payment', 'reason'], form ?? { payment: chosen }, problems),
    problems,
    action: `${base}/${id}/settle${scope.query}`,
    back: urlOf(discrepancy, asked),
    hrefs: hrefsOf(scope),
  });
}

/** By id, receipt or reference, of the discrepancy's own tenant. */
async function findTheirs(
  deps: DiscrepancyPageDeps,
  { tenantId, mode }: Discrepancy,
  name: string,
): Promise<Payment | undefined> {
  return findPaymentByName(deps.db, deps.sealer, { tenantId, mode }, name);
}

async function settle(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  discrepancy: Discrepancy,
  act: HeavyAct,
  form: Form,
): Promise<void> {
  const by = actingAs(deps, ctx);
  const reason = form.get('reason');
  const version = Number(form.get('version'));
  const payment = await aboutWhat(deps, discrepancy, act, form.get('payment'));
  if ((act === 'write_off' || act === 'accept_amount') && needsSecondPerson(act, payment)) {
    if (version !== discrepancy.version) {
      tell(ctx, { outcome: 'changed' }, actNames[act]);
      return ctx.redirect(urlOf(discrepancy, asked));
    }
    const requested = await requestAs(deps, by, act, [discrepancy], reason);
    return tellRequest(ctx, asked, requested, discrepancyKind(deps));
  }
  const choice: ActChoice = act === 'link' ? { act, paymentId: payment!.id } : { act };
  const acted = await actAs(deps, by, discrepancy, version, choice, reason);
  tell(ctx, acted, actNames[act]);
  ctx.redirect(urlOf(discrepancy, asked));
}

/** @throws AppError `invalid_request` where there is no such payment to link to */
async function aboutWhat(
  deps: DiscrepancyPageDeps,
  discrepancy: Discrepancy,
  act: HeavyAct,
  name: string,
): Promise<Payment | null> {
  if (act === 'link') {
    const found = name.trim() === '' ? undefined : await findTheirs(deps, discrepancy, name.trim());
    if (found !== undefined) return found;
    const detail = 'No payment of this tenant has this id, receipt or reference; or several have the reference.';
    throw invalid([{ parameter: 'payment', code: 'required', detail }]);
  }
  if (discrepancy.paymentId === null) return null;
  const payment = await findPaymentAcrossTenants(deps.db, deps.sealer, discrepancy.paymentId);
  if (payment === undefined) throw notFound();
  return payment;
}
