// M-PESA as the heart sees it: the PaymentProvider port, made of shortcodes, the pacer, the breaker, the query budget and
// Daraja itself. It decides when a push may go, never what an answer means for a payment.

import type { PaymentProvider, PushAnswer, PushPermission, ShortcodeRef } from '../payments/payment-provider.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { RateLimiter } from '../platform/rate-limits.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { SharedCache } from '../platform/shared-cache.ts';
import type { Breaker } from './breaker.ts';
import { callbackUrl } from './callback-token.ts';
import type { Daraja } from './daraja.ts';
import type { ShortcodeCredentials } from './daraja-client.ts';
import { openCredentials } from './manage-shortcodes.ts';
import type { Pacer } from './pacer.ts';
import { readDenial } from './result-codes.ts';
import type { ShortcodeCache } from './shortcode-cache.ts';
import type { Environment, Shortcode } from './shortcode-store.ts';

export interface ProviderDeps {
  clock: Clock;
  sealer: Sealer;
  logger: Logger;
  shortcodes: ShortcodeCache;
  daraja: Daraja;
  darajaUrls: Readonly<Record<Environment, string>>;
  pacer: Pacer;
  breaker: Breaker;
  queryBudgets: Readonly<Record<Environment, RateLimiter>>;
  /** Where the state of breakers is left for the processes that answer the API. */
  cache: SharedCache;
  publicUrl: string;
  callbackKey: Buffer;
}

const pausedForMs = 1000;
/** An open breaker is shown this much longer than it waits: the payment that is to probe may be waiting itself, up to 108 s. */
const shownLongerMs = 120_000;

export const breakerKey = (shortcodeId: string): string => `breaker:${shortcodeId}`;

export function createMpesaProvider(deps: ProviderDeps): PaymentProvider {
  const { shortcodes, breaker, pacer } = deps;

  async function credentialsOf(
    shortcodeId: string,
  ): Promise<{ shortcode: Shortcode; credentials: ShortcodeCredentials }> {
    const shortcode = await shortcodes.find(shortcodeId);
    if (shortcode === undefined) throw new Error(`there is no shortcode ${shortcodeId}`);
    return { shortcode, credentials: toCredentials(deps, shortcode) };
  }

  return {
    async listShortcodes(tenantId, mode) {
      return (await shortcodes.list(tenantId, mode)).map(toRef);
    },

    async mayPush(shortcodeId) {
      const shortcode = await shortcodes.find(shortcodeId);
      const refusal = refusalOf(deps, shortcode);
      if (refusal !== null) return refusal;
      if (shortcode?.status === 'paused') return { allowed: false, reason: 'paused', waitMs: pausedForMs };
      const brokenMs = breaker.waitMs(shortcodeId);
      if (brokenMs > 0) return { allowed: false, reason: 'breaker_open', waitMs: brokenMs };
      const pacedMs = await pacer.take(shortcodeId);
      return pacedMs > 0 ? { allowed: false, reason: 'paced', waitMs: pacedMs } : { allowed: true };
    },

    async push(push) {
      const { credentials } = await credentialsOf(push.shortcodeId);
      const answer = await deps.daraja.push(
        credentials,
        push,
        callbackUrl(deps.publicUrl, deps.callbackKey, push.paymentId),
      );
      noteAnswer(deps, push.shortcodeId, answer);
      return answer;
    },

    async takeQuerySlot(shortcodeId) {
      const shortcode = await shortcodes.find(shortcodeId);
      if (shortcode === undefined) return pausedForMs;
      const decision = await deps.queryBudgets[shortcode.environment].take(shortcode.credentialId);
      return decision.allowed ? 0 : Math.max(1, decision.resetMs);
    },

    async query({ shortcodeId, checkoutRequestId }) {
      const { credentials } = await credentialsOf(shortcodeId);
      return deps.daraja.query(credentials, checkoutRequestId);
    },

    readDenial,
  };
}

function noteAnswer(
  { pacer, breaker, cache, logger, clock }: ProviderDeps,
  shortcodeId: string,
  answer: PushAnswer,
): void {
  if (answer.outcome === 'notSent' && (answer.reason === 'spike_arrest' || answer.reason === 'quota'))
    pacer.slowDown(shortcodeId);
  const isUnclear =
    answer.outcome === 'unknown' ||
    (answer.outcome === 'notSent' && (answer.reason === 'no_token' || answer.reason === 'not_connected'));
  const wasClosed = breaker.state(shortcodeId) === 'closed';
  if (isUnclear) breaker.failed(shortcodeId);
  else breaker.answered(shortcodeId);
  if (!isUnclear && !wasClosed) cache.delete(breakerKey(shortcodeId)).catch(() => undefined);
  if (breaker.state(shortcodeId) !== 'open') return;
  logger.warn('breaker.open', { shortcode_id: shortcodeId, outcome: answer.outcome });
  const shownForMs = breaker.openForMs(shortcodeId) + shownLongerMs;
  cache.set(breakerKey(shortcodeId), String(clock.now()), shownForMs).catch(() => undefined);
}

function refusalOf(deps: ProviderDeps, shortcode: Shortcode | undefined): PushPermission | null {
  if (shortcode === undefined)
    return {
      allowed: false,
      reason: 'refused',
      failureCode: 'misconfigured_shortcode',
      detail: 'the shortcode is gone',
    };
  try {
    toCredentials(deps, shortcode);
    return null;
  } catch (thrown) {
    deps.logger.error('shortcode.credentials_unreadable', { shortcode_id: shortcode.id, error: thrown });
    return {
      allowed: false,
      reason: 'refused',
      failureCode: 'invalid_credentials',
      detail: 'the credentials of the shortcode cannot be read',
    };
  }
}

/** A shortcode with its opened credentials, as Daraja's client takes them. @throws when the box does not open */
export function toCredentials(
  deps: Pick<ProviderDeps, 'sealer' | 'darajaUrls'>,
  shortcode: Shortcode,
): ShortcodeCredentials {
  const { consumer_key, consumer_secret, passkey } = openCredentials(deps.sealer, shortcode);
  return {
    credentialId: shortcode.credentialId,
    kind: shortcode.kind,
    shortcode: shortcode.shortcode,
    till: shortcode.till,
    baseUrl: deps.darajaUrls[shortcode.environment],
    consumerKey: consumer_key,
    consumerSecret: consumer_secret,
    passkey,
  };
}

function toRef(shortcode: Shortcode): ShortcodeRef {
  const { id, tenantId, mode, environment, status, isDefault } = shortcode;
  return { id, tenantId, mode, environment, number: shortcode.shortcode, status, isDefault };
}
