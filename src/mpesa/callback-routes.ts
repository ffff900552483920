// Where Safaricom's results and C2B confirmations arrive. The token is checked before anything else is done or read; a
// wrong one gets the same 404 as any unknown address, and leaves a sampled log line and a count, nothing more.

import type Router from '@koa/router';
import type Koa from 'koa';
import { type AddressList, clientAddress } from '../platform/addresses.ts';
import { AppError } from '../platform/errors.ts';
import { readBody, sendJson } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import { shortcodeOfC2bToken } from './c2b-token.ts';
import { isCallbackToken } from './callback-token.ts';
import type { ConfirmationTaker } from './take-c2b.ts';
import type { CallbackTaker } from './take-callback.ts';

export interface CallbackRouteDeps {
  now(): number;
  logger: Logger;
  callbackKey: Buffer;
  taker: CallbackTaker;
  confirmations: ConfirmationTaker;
  trustedProxies: AddressList;
  /** Decides at once where no environment needs to be known; undefined where it depends on the payment. */
  isAddressAllowedAnywhere(address: string): boolean | undefined;
  onForgedToken(): void;
  onValidated(): void;
}

const accepted = { ResultCode: 0, ResultDesc: 'Accepted' };
/** C2B wants its code as a text (daraja.md section 6.3). */
const acceptedC2b = { ResultCode: '0', ResultDesc: 'Accepted' };
const forgedLogEveryMs = 10_000;

export function addCallbackRoutes(router: Router, deps: CallbackRouteDeps): void {
  const noteForged = createForgedNotes(deps);

  router.post('/callbacks/stk/:paymentId/:token', async (ctx) => {
    const { paymentId, token } = ctx.params as { paymentId: string; token: string };
    const sourceIp = clientAddress(ctx.req, deps.trustedProxies);
    if (!isCallbackToken(deps.callbackKey, paymentId, token)) {
      noteForged(sourceIp);
      // Left without a body it becomes the very answer of an unknown address.
      return;
    }
    const subject = { payment_id: paymentId };
    if (deps.isAddressAllowedAnywhere(sourceIp) === false) throw addressRefused(deps.logger, sourceIp, subject);
    const raw = (await readBody(ctx.req)).toString('utf8');
    const taken = await deps.taker.take({ paymentId, requestId: String(ctx.state.requestId), sourceIp, raw });
    if (taken === 'refused') throw addressRefused(deps.logger, sourceIp, subject);
    if (taken === 'unknown_payment')
      deps.logger.error('callback.unknown_payment', { payment_id: paymentId, source_ip: sourceIp });
    sendJson(ctx, 200, accepted);
  });

  addC2bRoutes(router, deps, noteForged);
}

/** Confirmations are heard whatever their content type; validations are accepted, whatever they say. */
function addC2bRoutes(router: Router, deps: CallbackRouteDeps, noteForged: (address: string) => void): void {
  const { confirmations, logger } = deps;

  /** Undefined for a token that is not ours, which then has the answer of an unknown address. */
  function knock(ctx: Koa.Context): { shortcodeId: string; sourceIp: string; requestId: string } | undefined {
    const sourceIp = clientAddress(ctx.req, deps.trustedProxies);
    const shortcodeId = shortcodeOfC2bToken(deps.callbackKey, String(ctx.params.token));
    if (shortcodeId === undefined) {
      noteForged(sourceIp);
      return undefined;
    }
    if (deps.isAddressAllowedAnywhere(sourceIp) === false)
      throw addressRefused(logger, sourceIp, { shortcode_id: shortcodeId });
    return { shortcodeId, sourceIp, requestId: String(ctx.state.requestId) };
  }

  router.post('/callbacks/c2b/:token/confirmation', async (ctx) => {
    const caller = knock(ctx);
    if (caller === undefined) return;
    const { shortcodeId, sourceIp } = caller;
    const raw = (await readBody(ctx.req)).toString('utf8');
    const taken = await confirmations.take({ ...caller, raw });
    if (taken === 'refused') throw addressRefused(logger, sourceIp, { shortcode_id: shortcodeId });
    if (taken === 'unknown_shortcode')
      logger.error('c2b.unknown_shortcode', { shortcode_id: shortcodeId, source_ip: sourceIp });
    sendJson(ctx, 200, acceptedC2b);
  });

  router.post('/callbacks/c2b/:token/validation', async (ctx) => {
    const caller = knock(ctx);
    if (caller === undefined) return;
    const { shortcodeId, sourceIp, requestId } = caller;
    await readBody(ctx.req);
    if (!(await confirmations.mayValidate(shortcodeId, sourceIp)))
      throw addressRefused(logger, sourceIp, { shortcode_id: shortcodeId });
    deps.onValidated();
    logger.info('c2b.validated', { request_id: requestId, shortcode_id: shortcodeId });
    sendJson(ctx, 200, acceptedC2b);
  });
}

/** Each is counted; at most one line in ten seconds says how many there were. */
function createForgedNotes({ now, logger, onForgedToken }: CallbackRouteDeps): (address: string) => void {
  let count = 0;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return (address) => {
    onForgedToken();
    count += 1;
    if (now() - loggedAt < forgedLogEveryMs) return;
    logger.warn('callback.forged_token', { source_ip: address, count });
    count = 0;
    loggedAt = now();
  };
}

function addressRefused(logger: Logger, sourceIp: string, subject: Record<string, string>): AppError {
  logger.warn('callback.address_refused', { source_ip: sourceIp, ...subject });
  return new AppError(
    'address_refused',
    'Callbacks are not taken from this address. If it is Safaricom’s, add it to CALLBACK_ALLOWED_IPS.',
  );
}
