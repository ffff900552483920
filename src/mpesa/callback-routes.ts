// Where Safaricom's results arrive. The token is checked before anything else is done or read; a wrong one gets the
// same 404 as any unknown address, and leaves a sampled log line and a count, nothing more.

import type Router from '@koa/router';
import { type AddressList, clientAddress } from '../platform/addresses.ts';
import { AppError } from '../platform/errors.ts';
import { readBody, sendJson } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import { isCallbackToken } from './callback-token.ts';
import type { CallbackTaker } from './take-callback.ts';

export interface CallbackRouteDeps {
  now(): number;
  logger: Logger;
  callbackKey: Buffer;
  taker: CallbackTaker;
  trustedProxies: AddressList;
  /** Decides at once where no environment needs to be known; undefined where it depends on the payment. */
  isAddressAllowedAnywhere(address: string): boolean | undefined;
  onForgedToken(): void;
}

const accepted = { ResultCode: 0, ResultDesc: 'Accepted' };
const forgedLogEveryMs = 10_000;

export function addCallbackRoutes(router: Router, deps: CallbackRouteDeps): void {
  let forgedSince = 0;
  let forgedLoggedAt = Number.NEGATIVE_INFINITY;

  function noteForged(address: string): void {
    deps.onForgedToken();
    forgedSince += 1;
    if (deps.now() - forgedLoggedAt < forgedLogEveryMs) return;
    deps.logger.warn('callback.forged_token', { source_ip: address, count: forgedSince });
    forgedSince = 0;
    forgedLoggedAt = deps.now();
  }

  router.post('/callbacks/stk/:paymentId/:token', async (ctx) => {
    const { paymentId, token } = ctx.params as { paymentId: string; token: string };
    const sourceIp = clientAddress(ctx.req, deps.trustedProxies);
    if (!isCallbackToken(deps.callbackKey, paymentId, token)) {
      noteForged(sourceIp);
      // Left without a body it becomes the very answer of an unknown address.
      return;
    }
    if (deps.isAddressAllowedAnywhere(sourceIp) === false) throw addressRefused(deps.logger, sourceIp, paymentId);
    const raw = (await readBody(ctx.req)).toString('utf8');
    const taken = await deps.taker.take({ paymentId, requestId: String(ctx.state.requestId), sourceIp, raw });
    if (taken === 'refused') throw addressRefused(deps.logger, sourceIp, paymentId);
    if (taken === 'unknown_payment')
      deps.logger.error('callback.unknown_payment', { payment_id: paymentId, source_ip: sourceIp });
    sendJson(ctx, 200, accepted);
  });
}

function addressRefused(logger: Logger, sourceIp: string, paymentId: string): AppError {
  logger.warn('callback.address_refused', { source_ip: sourceIp, payment_id: paymentId });
  return new AppError(
    'address_refused',
    'Callbacks are not taken from this address. If it is Safaricom’s, add it to CALLBACK_ALLOWED_IPS.',
  );
}
