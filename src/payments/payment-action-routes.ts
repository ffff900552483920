// What a merchant does: make a payment, cancel it, retry it, have M-PESA asked. Handlers check, call one use case and
// present (api.md, Endpoints).

import type Router from '@koa/router';
import type Koa from 'koa';
import { readJson, sendJson } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import { invalid, refuseQuery, validateBody } from '../platform/validation.ts';
import { type CancelDeps, cancelPayment } from './cancel-payment.ts';
import { type CheckDeps, checkPayment } from './check-payment.ts';
import { type CreateDeps, type Created, createPayment } from './create-payment.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import type { Payment } from './payment.ts';
import { emptyBody, paymentBody, readPreferWait, retryBody } from './payment-requests.ts';
import { callerOf, closed, getPayment, type PaymentReadDeps } from './payment-routes.ts';
import { presentPayment } from './present-payment.ts';
import { retryPayment } from './retry-payment.ts';

export type PaymentActionDeps = PaymentReadDeps & CreateDeps & CheckDeps & CancelDeps & { logger: Logger };

export function addPaymentActionRoutes(router: Router, deps: PaymentActionDeps): void {
  const write = deps.authenticate('payments:write');

  router.post('/v1/payments', write, async (ctx) => {
    refuseQuery(ctx.query);
    const idempotencyKey = readIdempotencyKey(ctx.get('Idempotency-Key'));
    const waitSeconds = preferredWait(ctx);
    const request = toRequest(await readJson(ctx));
    const { tenantId, mode } = callerOf(ctx);
    const made = await createPayment(deps, { tenantId, mode, idempotencyKey, request });
    await sendCreated(deps, ctx, made, waitSeconds);
  });

  router.post('/v1/payments/:id/cancel', write, async (ctx) => {
    refuseQuery(ctx.query);
    await readEmptyBody(ctx);
    sendJson(ctx, 200, presentPayment(await cancelPayment(deps, await getPayment(deps, ctx), callerOf(ctx).keyId)));
  });

  router.post('/v1/payments/:id/retry', write, async (ctx) => {
    refuseQuery(ctx.query);
    const idempotencyKey = readIdempotencyKey(ctx.get('Idempotency-Key'));
    const waitSeconds = preferredWait(ctx);
    const { expires_in: expiresInSeconds = null } = validateBody(retryBody, await readJson(ctx));
    const original = await getPayment(deps, ctx);
    await sendCreated(deps, ctx, await retryPayment(deps, original, { idempotencyKey, expiresInSeconds }), waitSeconds);
  });

  router.post('/v1/payments/:id/check', write, async (ctx) => {
    refuseQuery(ctx.query);
    await readEmptyBody(ctx);
    sendJson(ctx, 202, presentPayment(await checkPayment(deps, await getPayment(deps, ctx))));
  });
}

function toRequest(json: unknown): Parameters<typeof createPayment>[1]['request'] {
  const body = validateBody(paymentBody, json);
  return {
    amountKes: body.amount,
    phone: body.phone,
    reference: body.reference,
    description: body.description,
    shortcode: body.shortcode ?? null,
    metadata: body.metadata,
    expiresInSeconds: body.expires_in,
    allowDuplicate: body.allow_duplicate,
    retryOf: null,
  };
}

/** 201 with the payment; with `Prefer: wait=N` only when M-PESA has answered the push, or N seconds later. */
async function sendCreated(
  deps: PaymentActionDeps,
  ctx: Koa.Context,
  { payment, isReplay }: Created,
  waitSeconds: number | undefined,
): Promise<void> {
  if (isReplay) ctx.set('Idempotency-Replayed', 'true');
  else logCreated(deps, ctx, payment);
  ctx.set('Location', `/v1/payments/${payment.id}`);
  if (waitSeconds === undefined) return sendJson(ctx, 201, presentPayment(payment));
  ctx.set('Preference-Applied', `wait=${waitSeconds}`);
  const isAnswered = ({ status }: Payment): boolean => status !== 'queued' && status !== 'submitting';
  const reread = (): Promise<Payment> => getPayment(deps, ctx, payment.id);
  const shown = await deps.watch.until(payment.id, reread, isAnswered, waitSeconds * 1000, closed(ctx));
  sendJson(ctx, 201, presentPayment(shown));
}

function logCreated({ logger, now }: PaymentActionDeps, ctx: Koa.Context, payment: Payment): void {
  const { id, tenantId, mode, shortcode, amountKes, retryOf, createdAt } = payment;
  logger.info('payment.created', {
    request_id: ctx.state.requestId,
    tenant_id: tenantId,
    mode,
    payment_id: id,
    shortcode,
    amount: amountKes,
    retry_of: retryOf,
    duration_ms: now() - createdAt,
  });
}

function preferredWait(ctx: Koa.Context): number | undefined {
  const wait = readPreferWait(ctx.get('Prefer'));
  if (wait !== null) return wait;
  const detail = 'Prefer: wait=N takes whole seconds from 1 to 55.';
  throw invalid([{ parameter: 'Prefer', code: 'out_of_range', detail }]);
}

/** These actions say all in their path; `{}` is harmless, anything else is a misunderstanding. */
async function readEmptyBody(ctx: Koa.Context): Promise<void> {
  validateBody(emptyBody, await readJson(ctx));
}
