// One payment: its page, what may be done with it, and the customer's number for those who say why they need it. Another
// tenant's payment is as absent as one that never was. Links to a payment say whose and of which mode it is; one that
// does not is led to the address that does, and choosing another tenant or mode leads to the list there.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { findWaitingApproval } from '../platform/approval-store.ts';
import { type AuditRow, listAudit } from '../platform/audit-store.ts';
import { AppError } from '../platform/errors.ts';
import { isId } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';
import { waitingFor } from './approval-kind.ts';
import { actingAs, notHere } from './form-pages.ts';
import {
  askNow,
  cancelNow,
  legalActs,
  maySendAgain,
  noteReveal,
  type PaymentActDeps,
  retryNow,
  sendAgain,
} from './payment-actions.ts';
import { readRecord } from './payment-page-store.ts';
import { findByName } from './payment-search-store.ts';
import { type Around, viewPayment } from './payment-view.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';

export type PaymentPageDeps = ShellDeps & PaymentActDeps & { sealer: Sealer };

const path = '/console/payments/:id';

export function addPaymentPages(router: Router, deps: PaymentPageDeps): void {
  const { sessions } = deps;

  router.get(path, sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const payment = await getPayment(deps, ctx, asked);
    const { tenantId, mode } = asked.scope;
    if (ctx.query.mode === undefined) return ctx.redirect(paymentUrl(payment, asked));
    if (payment.mode !== mode || (tenantId !== null && payment.tenantId !== tenantId))
      return ctx.redirect(`/console/payments${asked.scope.query}`);
    await show(deps, ctx, asked, payment);
  });

  addActs(router, deps);
  addReveal(router, deps);
}

/** The address of a payment's page, with its own mode and, unless all tenants are looked at, its own tenant. */
export function paymentUrl(
  { id, tenantId, mode }: Pick<Payment, 'id' | 'tenantId' | 'mode'>,
  { scope }: Asked,
): string {
  const tenant = scope.tenantId === null ? '' : `tenant=${tenantId}&`;
  return `/console/payments/${id}?${tenant}mode=${mode}`;
}

/** The payment of the path, if it is the operator's to see. @throws AppError `not_found` */
async function getPayment({ db, sealer }: PaymentPageDeps, ctx: Koa.Context, { scope }: Asked): Promise<Payment> {
  const id = String(ctx.params.id);
  const own = scope.tenants.map((tenant) => tenant.id);
  const payment = isId('pay', id) ? await findByName(db, sealer, own, { id }) : undefined;
  if (payment === undefined) throw notHere('payment');
  return payment;
}

const mostAudit = 50;

async function show(
  deps: PaymentPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  payment: Payment,
  change: Partial<Pick<Around, 'shownPhone' | 'reveal'>> = {},
): Promise<void> {
  const { db, sealer } = deps;
  const [record, audit, waiting] = await Promise.all([
    readRecord(db, sealer, payment),
    readAudit(deps, payment),
    findWaitingApproval(db, payment.id, deps.now()),
  ]);
  const around: Around = {
    now: deps.now(),
    tenantName: asked.scope.tenants.find(({ id }) => id === payment.tenantId)?.name ?? payment.tenantId,
    query: paymentUrl(payment, asked).replace(/^[^?]*/, ''),
    mayAct: asked.may('act'),
    mayReveal: asked.may('revealPhone'),
    maySettle: asked.may('settle'),
    waiting: waitingFor(waiting, asked),
    audit,
    shownPhone: null,
    reveal: null,
    ...change,
  };
  await showPage(deps, ctx, asked, 'payment', viewPayment(payment, record, around));
}

function readAudit({ db }: PaymentPageDeps, { id, tenantId }: Payment): Promise<AuditRow[]> {
  return listAudit(db, { tenantId, target: id, limit: mostAudit });
}

type Act = (
  ctx: Koa.Context,
  asked: Asked,
  payment: Payment,
) => Promise<{ said: string; to?: Pick<Payment, 'id' | 'tenantId' | 'mode'> }>;

function addActs(router: Router, deps: PaymentPageDeps): void {
  const { sessions } = deps;
  const by = (ctx: Koa.Context) => actingAs(deps, ctx);

  /** A form's POST: what is refused because the payment has moved on is said on its page. */
  function act(where: string, work: Act): void {
    router.post(`${path}/${where}`, sessions.guard('act'), async (ctx) => {
      await sessions.readForm(ctx);
      const asked = await ask(deps, ctx);
      const payment = await getPayment(deps, ctx, asked);
      try {
        const { said, to = payment } = await work(ctx, asked, payment);
        flash(ctx, said);
        ctx.redirect(paymentUrl(to, asked));
      } catch (thrown) {
        if (!(thrown instanceof AppError) || !isAboutPayment(thrown)) throw thrown;
        flash(ctx, wordsOf(thrown), 'bad');
        ctx.redirect(paymentUrl(payment, asked));
      }
    });
  }

  act('check', async (ctx, _asked, payment) => {
    await askNow(deps, by(ctx), payment);
    return { said: 'M-PESA is asked. Load this page again in a few seconds.' };
  });

  act('cancel', async (ctx, _asked, payment) => {
    await cancelNow(deps, by(ctx), payment);
    return { said: 'Cancelled. Nothing was sent.' };
  });

  act('retry', async (ctx, _asked, payment) => {
    const [earlier] = (await readRecord(deps.db, deps.sealer, payment)).retries;
    if (earlier !== undefined)
      return { said: 'It was retried already, as this payment.', to: { ...payment, id: earlier } };
    const retry = await retryNow(deps, by(ctx), payment);
    return { said: 'Asked again, as this new payment.', to: retry };
  });

  act('webhooks', async (ctx, _asked, payment) => {
    const { webhooks } = await readRecord(deps.db, deps.sealer, payment);
    const { resend } = legalActs(payment, webhooks, [], deps.now());
    if (resend.length === 0) throw new AppError('not_retryable', 'There is no webhook of it that could be sent again.');
    await sendAgain(
      deps,
      by(ctx),
      payment,
      resend.map(({ delivery }) => delivery.id),
    );
    return { said: resend.length === 1 ? 'The webhook is sent again.' : `${resend.length} webhooks are sent again.` };
  });

  act('webhooks/:delivery', async (ctx, _asked, payment) => {
    const { webhooks } = await readRecord(deps.db, deps.sealer, payment);
    const found = webhooks.find(({ delivery }) => delivery.id === ctx.params.delivery);
    if (found === undefined) throw notHere('webhook');
    if (!maySendAgain(found, deps.now())) throw new AppError('not_retryable', 'This webhook cannot be sent again.');
    await sendAgain(deps, by(ctx), payment, [found.delivery.id]);
    return { said: 'The webhook is sent again.' };
  });
}

/** Refused for what the payment, or its shortcode, is now; who may not do it is told on a page of its own. */
function isAboutPayment({ status }: AppError): boolean {
  return status === 400 || status === 409 || status === 422;
}

/** What an app is told, in an operator's words where they differ. */
function wordsOf({ code, publicMessage }: AppError): string {
  return code === 'duplicate_window'
    ? 'The same phone was asked for the same amount less than two minutes ago. Look at that payment first.'
    : publicMessage;
}

function addReveal(router: Router, deps: PaymentPageDeps): void {
  const { sessions } = deps;

  router.get(`${path}/phone`, sessions.guard('revealPhone'), async (ctx) => {
    const asked = await ask(deps, ctx);
    await show(deps, ctx, asked, await getPayment(deps, ctx, asked), { reveal: { problem: null } });
  });

  router.post(`${path}/phone`, sessions.guard('revealPhone'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const payment = await getPayment(deps, ctx, asked);
    try {
      await noteReveal(deps, actingAs(deps, ctx), payment, form.get('reason'));
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status !== 400) throw thrown;
      ctx.status = 400;
      return show(deps, ctx, asked, payment, { reveal: { problem: thrown.publicMessage } });
    }
    await show(deps, ctx, asked, payment, { shownPhone: payment.phone });
  });
}
