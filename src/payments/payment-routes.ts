// What a merchant reads: payments, their lists, timelines and streams, and the payment behind a receipt. Each route
// reads as its contract in api.md.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Db } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { sendJson } from '../platform/http.ts';
import { listOf } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import { refuseQuery, validateQuery } from '../platform/validation.ts';
import type { Caller, CallerState } from '../tenants/authenticate.ts';
import type { Scope } from '../tenants/scopes.ts';
import { type CheckDeps, repairOnRead } from './check-payment.ts';
import { phoneIndex } from './create-payment.ts';
import { listEvidence, listTransitions } from './evidence-store.ts';
import { finalStatuses, type Payment } from './payment.ts';
import { paymentListQuery, readQuery } from './payment-requests.ts';
import { findPaymentByReceipt, listPayments } from './payment-store.ts';
import { presentPayment, presentTimeline } from './present-payment.ts';
import type { ReadPayment } from './read-payment.ts';
import { streamPayment } from './stream-payment.ts';
import type { PaymentWatch } from './watch-payments.ts';

export interface PaymentReadDeps extends CheckDeps {
  db: Db;
  sealer: Sealer;
  blindIndexKey: Buffer;
  readPayment: ReadPayment;
  watch: PaymentWatch;
  authenticate(scope: Scope | null): Koa.Middleware;
}

export function addPaymentRoutes(router: Router, deps: PaymentReadDeps): void {
  const { db, sealer, watch } = deps;
  const read = deps.authenticate('payments:read');

  router.get('/v1/payments', read, async (ctx) => {
    const { tenantId, mode } = callerOf(ctx);
    const { phone, ...filter } = validateQuery(paymentListQuery, ctx.query);
    const found = { ...filter, ...(phone === undefined ? {} : { phoneIndex: phoneIndex(phone, deps.blindIndexKey) }) };
    sendJson(ctx, 200, listOf(await listPayments(db, tenantId, mode, sealer, found), presentPayment));
  });

  router.get('/v1/payments/:id', read, async (ctx) => {
    const { wait = 0, version } = validateQuery(readQuery, ctx.query);
    const first = await getPayment(deps, ctx);
    repairOnRead(deps, first);
    const isNews = finalStatuses.has(first.status) || (version !== undefined && version !== first.version);
    if (wait === 0 || isNews) return sendJson(ctx, 200, presentPayment(first));
    const isEnough = (payment: Payment): boolean => payment.version !== first.version;
    const reread = (): Promise<Payment> => getPayment(deps, ctx);
    sendJson(ctx, 200, presentPayment(await watch.until(first.id, reread, isEnough, wait * 1000, closed(ctx))));
  });

  router.get('/v1/payments/:id/timeline', read, async (ctx) => {
    refuseQuery(ctx.query);
    const payment = await getPayment(deps, ctx);
    const { tenantId } = callerOf(ctx);
    const [transitions, evidence] = await Promise.all([
      listTransitions(db, tenantId, payment.id),
      listEvidence(db, tenantId, payment.id),
    ]);
    sendJson(ctx, 200, presentTimeline(payment, transitions, evidence));
  });

  router.get('/v1/payments/:id/stream', read, async (ctx) => {
    refuseQuery(ctx.query);
    const payment = await getPayment(deps, ctx);
    repairOnRead(deps, payment);
    const known = Number(ctx.get('Last-Event-ID') || 0);
    ctx.type = 'text/event-stream';
    ctx.set({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    const follow = { watch, clock: deps.clock, read: () => getPayment(deps, ctx) };
    ctx.body = streamPayment(follow, payment, known, closed(ctx));
  });

  router.get('/v1/receipts/:receipt', read, async (ctx) => {
    refuseQuery(ctx.query);
    const { tenantId, mode } = callerOf(ctx);
    const payment = await findPaymentByReceipt(db, tenantId, mode, sealer, String(ctx.params.receipt).toUpperCase());
    if (payment === undefined) throw notFound();
    sendJson(ctx, 200, presentPayment(payment));
  });
}

/** The caller's payment of the path. @throws AppError `not_found`, the same for what is missing and what is another's */
export async function getPayment(
  { readPayment }: Pick<PaymentReadDeps, 'readPayment'>,
  ctx: Koa.Context,
  paymentId = String(ctx.params.id),
): Promise<Payment> {
  const { tenantId, mode } = callerOf(ctx);
  const payment = await readPayment(tenantId, mode, paymentId);
  if (payment === undefined) throw notFound();
  return payment;
}

export function callerOf(ctx: Koa.Context): Caller {
  return (ctx.state as CallerState).caller;
}

/** Aborts when the client has gone, so that nobody waits for it. */
export function closed(ctx: Koa.Context): AbortSignal {
  const controller = new AbortController();
  ctx.res.once('close', () => controller.abort());
  return controller.signal;
}
