// What Daraja's answers mean (daraja.md sections 1, 2.3 and 3), as pure functions. A push's answer may only be called
// rejected or not sent when Daraja's own JSON says so with a code and a text that are on the list; every other answer
// leaves the outcome unknown, because the prompt may be on the phone. A query's answer counts only when it is a listed
// result code for the very CheckoutRequestID that was asked for.

import type { FailureCode } from '../payments/failures.ts';
import type { Exchange, NotSentReason, PushAnswer, QueryAnswer } from '../payments/payment-provider.ts';
import type { RawAnswer } from './daraja-client.ts';
import { interpretResultCode, readResultCode } from './result-codes.ts';

/** The access token was not accepted: drop it, fetch a fresh one, try once more. Nothing was done. */
export interface TokenRefused {
  outcome: 'tokenRefused';
  providerCode: string | null;
  providerMessage: string | null;
  exchange: Exchange;
}

/** What asking OAuth for a token came to. Times are milliseconds. */
export type TokenAnswer =
  | { outcome: 'token'; token: string; lifetimeMs: number }
  | { outcome: 'credentialsRefused'; detail: string; exchange: Exchange }
  | { outcome: 'unreachable'; detail: string; retryAfterMs: number | null; exchange: Exchange };

/** Daraja's own words: its envelope, Apigee's fault, or a ResponseCode that is an error code. */
export interface Refusal {
  code: string;
  message: string;
}

/** What a listed refusal of a push means. The text must match as well: 500.001.1001 alone has five meanings. */
interface RefusalRule {
  code: RegExp;
  text: RegExp;
  means: { rejected: FailureCode } | { notSent: NotSentReason } | 'tokenRefused';
}

const any = /(?:)/;

/** Of an answer's text this much is kept as evidence; Daraja's own are a tenth of it, firewalls' pages are longer. */
const mostKeptCharacters = 8_000;

/** Sections 1 and 2.3, row by row; the first rule that fits counts. What fits none is unknown. */
const pushRules: readonly RefusalRule[] = [
  { code: /^404\.001\.03$|^401(\.|$)/, text: any, means: 'tokenRefused' },
  { code: /^400\.|^404\./, text: /invalid access token/i, means: 'tokenRefused' },
  {
    code: /^400\.002\.02$/,
    text: /Invalid (BusinessShortCode|TransactionType|PartyB)/i,
    means: { rejected: 'misconfigured_shortcode' },
  },
  { code: /^400\.002\.02$/, text: /Invalid Password/i, means: { rejected: 'invalid_credentials' } },
  { code: /^400\.002\.02$/, text: /Invalid CallBackURL/i, means: { rejected: 'callback_url_refused' } },
  { code: /^400\.002\.0[25]$/, text: any, means: { rejected: 'invalid_request' } },
  { code: /^404\.00[13]\.01$|^404\.001\.04$|^405\.001$/, text: any, means: { rejected: 'invalid_request' } },
  { code: /^500\.001\.1001$/, text: /Wrong credentials/i, means: { rejected: 'invalid_credentials' } },
  { code: /^500\.001\.1001$/, text: /Merchant does not exist/i, means: { rejected: 'misconfigured_shortcode' } },
  { code: /^500\.001\.1001$/, text: /No ICCID found/i, means: { rejected: 'not_mpesa_customer' } },
  { code: /^500\.001\.1001$/, text: /Unable to lock subscriber/i, means: { notSent: 'subscriber_locked' } },
  { code: /^500\.003\.02$/, text: /Spike Arrest/i, means: { notSent: 'spike_arrest' } },
  { code: /^500\.003\.02$/, text: /System is busy/i, means: { notSent: 'busy' } },
  { code: /^500\.003\.03$/, text: /Quota/i, means: { notSent: 'quota' } },
  { code: /^policies\.ratelimit\.QuotaViolation$/i, text: any, means: { notSent: 'quota' } },
  { code: /^policies\.ratelimit\.SpikeArrestViolation$/i, text: any, means: { notSent: 'spike_arrest' } },
  // The portal prints this code once without its first digit.
  { code: /^5?00\.002\.1001$/, text: /under maintenance/i, means: { notSent: 'busy' } },
];

/** What a push came to. */
export function classifyPushAnswer(raw: RawAnswer): PushAnswer | TokenRefused {
  const exchange = exchangeOf(raw);
  if (raw.kind === 'notConnected') return notSent('not_connected', null, null, exchange);
  if (raw.kind === 'lost') return { outcome: 'unknown', reason: 'answer_lost', exchange };

  const body = parseObject(raw.text);
  if (body === undefined) return { outcome: 'unknown', reason: `http_${raw.httpStatus}_not_json`, exchange };
  if (isSuccess(raw.httpStatus) && readResultCode(body.ResponseCode) === '0') return readAcceptance(body, exchange);

  const refusal = readRefusal(body);
  if (refusal === undefined) return { outcome: 'unknown', reason: `http_${raw.httpStatus}_not_listed`, exchange };
  const means = meaningOf(refusal, raw.httpStatus);
  const providerCode = refusal.code || null;
  const providerMessage = refusal.message || null;
  if (means === undefined) {
    return { outcome: 'unknown', reason: `http_${raw.httpStatus}_not_listed ${refusal.code}`.trim(), exchange };
  }
  if (means === 'tokenRefused') return { outcome: 'tokenRefused', providerCode, providerMessage, exchange };
  if ('notSent' in means) return notSent(means.notSent, raw.retryAfterMs, refusal, exchange);
  return { outcome: 'rejected', failureCode: means.rejected, providerCode, providerMessage, exchange };
}

/** What a query came to. Whatever is no listed result for this very id is no answer (section 3). */
export function classifyQueryAnswer(raw: RawAnswer, checkoutRequestId: string): QueryAnswer | TokenRefused {
  const exchange = exchangeOf(raw);
  const noAnswer = (reason: string): QueryAnswer => {
    const retryAfterMs = raw.kind === 'response' ? raw.retryAfterMs : null;
    return { outcome: 'noAnswer', reason, retryAfterMs, exchange };
  };
  if (raw.kind === 'notConnected') return noAnswer('not_connected');
  if (raw.kind === 'lost') return noAnswer('answer_lost');

  const body = parseObject(raw.text);
  const refusal = body === undefined ? undefined : readRefusal(body);
  const means = meaningOf(refusal ?? { code: '', message: '' }, raw.httpStatus);
  if (means === 'tokenRefused') {
    const [providerCode, providerMessage] = [refusal?.code || null, refusal?.message || null];
    return { outcome: 'tokenRefused', providerCode, providerMessage, exchange };
  }
  if (raw.httpStatus === 429 || isRateLimit(means)) return noAnswer('rate_limited');
  if (body === undefined) return noAnswer(`http_${raw.httpStatus}_not_json`);
  if (refusal !== undefined) return noAnswer(`error ${refusal.code}`);

  const resultCode = readResultCode(body.ResultCode);
  if (!isSuccess(raw.httpStatus) || readResultCode(body.ResponseCode) !== '0' || resultCode === undefined) {
    return noAnswer(`http_${raw.httpStatus}_without_result`);
  }
  if (body.CheckoutRequestID !== checkoutRequestId) return noAnswer('another_checkout_request_id');
  const resultDesc = textOf(body.ResultDesc);
  const reading = interpretResultCode(resultCode);
  if (reading.kind === 'success') return { outcome: 'paid', resultCode, resultDesc, exchange };
  if (reading.kind === 'pending') return noAnswer('still_processing');
  if (!reading.known) return noAnswer(`result_not_listed ${resultCode}`);
  return { outcome: 'denied', resultCode, resultDesc, exchange };
}

/** What asking OAuth for a token came to (section 1). A body that may hold a token is never kept. */
export function classifyTokenAnswer(raw: RawAnswer): TokenAnswer {
  const exchange = exchangeOf(raw);
  const unreachable = (detail: string): TokenAnswer => {
    return {
      outcome: 'unreachable',
      detail,
      retryAfterMs: raw.kind === 'response' ? raw.retryAfterMs : null,
      exchange,
    };
  };
  if (raw.kind !== 'response') return unreachable(raw.detail);

  const body = parseObject(raw.text);
  if (isSuccess(raw.httpStatus)) {
    const token = body?.access_token;
    if (typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token)) {
      return { outcome: 'token', token, lifetimeMs: readLifetimeMs(body?.expires_in) };
    }
    exchange.body = `[${raw.text.length} characters without a readable token, not kept]`;
    return unreachable('an answer without a token');
  }
  // Wrong keys are answered with 400 and an empty body, an HTML page of the firewall is no word of Daraja's.
  const refusal = body === undefined ? undefined : readRefusal(body);
  const isEmpty = raw.text.trim() === '';
  const refused = raw.httpStatus === 400 || raw.httpStatus === 401;
  if (refused && (isEmpty || refusal !== undefined)) {
    const detail = refusal === undefined ? `HTTP ${raw.httpStatus}, empty` : `${refusal.code} ${refusal.message}`;
    return { outcome: 'credentialsRefused', detail, exchange };
  }
  return unreachable(refusal === undefined ? `HTTP ${raw.httpStatus}` : `${refusal.code} ${refusal.message}`);
}

/**
 * An answer of the calls that have no list of their own: its JSON, and the refusal in it if it is one. Undefined body:
 * it is no JSON of Daraja's, or there is none.
 */
export function readAnswer(raw: RawAnswer): {
  body: Record<string, unknown> | undefined;
  refusal: Refusal | undefined;
  tokenRefused: TokenRefused | null;
} {
  if (raw.kind !== 'response') return { body: undefined, refusal: undefined, tokenRefused: null };
  const body = parseObject(raw.text);
  const refusal = body === undefined ? undefined : readRefusal(body);
  const isTokens = meaningOf(refusal ?? { code: '', message: '' }, raw.httpStatus) === 'tokenRefused';
  const told = { providerCode: refusal?.code || null, providerMessage: refusal?.message || null };
  const tokenRefused = isTokens ? { outcome: 'tokenRefused' as const, ...told, exchange: exchangeOf(raw) } : null;
  return { body, refusal, tokenRefused };
}

function exchangeOf(raw: RawAnswer): Exchange {
  if (raw.kind === 'response') {
    return { httpStatus: raw.httpStatus, body: raw.text.slice(0, mostKeptCharacters), durationMs: raw.durationMs };
  }
  return { httpStatus: null, body: raw.detail, durationMs: raw.durationMs };
}

function notSent(
  reason: NotSentReason,
  retryAfterMs: number | null,
  refusal: Refusal | null,
  exchange: Exchange,
): PushAnswer {
  const [providerCode, providerMessage] = [refusal?.code ?? null, refusal?.message || null];
  return { outcome: 'notSent', reason, retryAfterMs, providerCode, providerMessage, exchange };
}

/** Accepted only with both ids: without them nothing could be asked or matched later. */
function readAcceptance(body: Record<string, unknown>, exchange: Exchange): PushAnswer {
  const { MerchantRequestID: merchantRequestId, CheckoutRequestID: checkoutRequestId } = body;
  if (!isId(merchantRequestId) || !isId(checkoutRequestId)) {
    return { outcome: 'unknown', reason: 'accepted_without_ids', exchange };
  }
  return { outcome: 'accepted', merchantRequestId, checkoutRequestId, exchange };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value);
}

/** What a refusal means by the table; undefined: it is not listed. HTTP 401 is always the token's, HTTP 429 a rate limit's. */
function meaningOf(refusal: Refusal, httpStatus: number): RefusalRule['means'] | undefined {
  if (httpStatus === 401) return 'tokenRefused';
  const rule = pushRules.find(({ code, text }) => code.test(refusal.code) && text.test(refusal.message));
  if (rule !== undefined || httpStatus !== 429) return rule?.means;
  return { notSent: /quota/i.test(refusal.message) ? 'quota' : 'spike_arrest' };
}

function isRateLimit(means: RefusalRule['means'] | undefined): boolean {
  return typeof means === 'object' && 'notSent' in means && ['spike_arrest', 'quota'].includes(means.notSent);
}

/** Daraja's envelope; Apigee's fault; a ResponseCode on 200 that is an error code of the same list. */
function readRefusal(body: Record<string, unknown>): Refusal | undefined {
  const errorCode = readResultCode(body.errorCode);
  if (errorCode !== undefined) return { code: errorCode, message: textOf(body.errorMessage) };
  if (typeof body.fault === 'object' && body.fault !== null) {
    const fault = body.fault as { faultstring?: unknown; detail?: { errorcode?: unknown } | null };
    return { code: readResultCode(fault.detail?.errorcode) ?? '', message: textOf(fault.faultstring) };
  }
  const responseCode = readResultCode(body.ResponseCode);
  if (responseCode === undefined || !/^\d{2,3}\.\d{3}(\.\d{2,4})?$/.test(responseCode)) return undefined;
  return { code: responseCode, message: textOf(body.ResponseDescription) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isSuccess(httpStatus: number): boolean {
  return httpStatus >= 200 && httpStatus < 300;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, 255) : '';
}

/** `expires_in` comes as text or number, in seconds; unreadable: five minutes, which only costs a fetch. */
function readLifetimeMs(value: unknown): number {
  const seconds = Number(typeof value === 'string' ? value.trim() : value);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 86_400) * 1000 : 300_000;
}
