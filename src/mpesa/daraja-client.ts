// The HTTP calls to Daraja, and nothing of what their answers mean. What it guarantees is the line between "not
// sent" and "may have been sent": undici tells us when it begins to write a request, so a failure before that is
// provably `notConnected`, and anything after it is `lost`, whatever the error is called. Redirects are never
// followed, nothing is ever sent twice, and no secret that was sent comes back in the text of an answer.

import { Agent, type Dispatcher } from 'undici';
import type { Push } from '../payments/payment-provider.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { messageOf } from '../platform/errors.ts';

/** A shortcode with its opened credentials. Never logged, never stored in the clear. */
export interface ShortcodeCredentials {
  /** Keyed fingerprint of the consumer key pair: what the token and the query budget belong to. */
  credentialId: string;
  kind: 'paybill' | 'till';
  /** The paybill, or the till's store number. */
  shortcode: string;
  till: string | null;
  /** Such as `https://sandbox.safaricom.co.ke`. */
  baseUrl: string;
  consumerKey: string;
  consumerSecret: string;
  passkey: string;
}

/** What came of one HTTP call. */
export type RawAnswer =
  | { kind: 'response'; httpStatus: number; retryAfterMs: number | null; text: string; durationMs: number }
  /** Provably nothing was written. */
  | { kind: 'notConnected'; detail: string; durationMs: number }
  /** Something may have been written, and no whole answer came. */
  | { kind: 'lost'; detail: string; durationMs: number };

export interface DarajaClient {
  fetchAccessToken(credentials: ShortcodeCredentials): Promise<RawAnswer>;
  stkPush(credentials: ShortcodeCredentials, token: string, push: Push, callbackUrl: string): Promise<RawAnswer>;
  stkQuery(credentials: ShortcodeCredentials, token: string, checkoutRequestId: string): Promise<RawAnswer>;
  /** Any other call that takes a token: registering URLs, pulling. */
  post(
    credentials: ShortcodeCredentials,
    token: string,
    path: string,
    body: Record<string, string>,
  ): Promise<RawAnswer>;
  /** Drops the connections. Calls under way end as `lost`. */
  close(): Promise<void>;
}

interface Call {
  method: 'GET' | 'POST';
  url: string;
  authorization: string;
  body: Record<string, string> | null;
  /** Replaced wherever the answer repeats them: error 401.002.01 quotes the token (daraja.md section 2.3). */
  secrets: string[];
  /** Of the answer; what is longer is cut off. */
  mostBytes?: number;
}

const mostAnswerBytes = 256 * 1024;
/** A page of Pull Transactions is as long as Safaricom makes it. */
const mostListBytes = 8 * 1024 * 1024;
const nairobiOffsetMs = 3 * 3600 * 1000;

/** @param timeoutMs for one whole call: waiting for a connection, connecting, headers and body. */
export function createDarajaClient(settings: { clock: Clock; timeoutMs: number }): DarajaClient {
  const { clock, timeoutMs } = settings;
  // A connection is reused only while it is warm: one that the other side closes just as we write to it would make a
  // push `lost`. Undici's own timeouts are off, the deadline of the call rules; HTTP/1.1 and one request at a time on
  // a connection, because undici may resend what was queued behind another request.
  const agent = new Agent({
    connections: 256,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 1500,
    keepAliveMaxTimeout: 1500,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: Math.min(timeoutMs, 10_000) },
  });
  const send = (call: Call): Promise<RawAnswer> => exchange(agent, clock, timeoutMs, call);

  return {
    fetchAccessToken({ baseUrl, consumerKey, consumerSecret }) {
      const pair = Buffer.from(`${consumerKey}:${consumerSecret}`).toString('base64');
      const url = urlOf(baseUrl, '/oauth/v1/generate?grant_type=client_credentials');
      const secrets = [pair, consumerKey, consumerSecret];
      return send({ method: 'GET', url, authorization: `Basic ${pair}`, body: null, secrets });
    },
    stkPush(credentials, token, push, callbackUrl) {
      const body = pushBody(credentials, push, callbackUrl, clock.now());
      const url = urlOf(credentials.baseUrl, '/mpesa/stkpush/v1/processrequest');
      return send(bearerCall(credentials, token, url, body));
    },
    stkQuery(credentials, token, checkoutRequestId) {
      const body = { ...signature(credentials, clock.now()), CheckoutRequestID: checkoutRequestId };
      const url = urlOf(credentials.baseUrl, '/mpesa/stkpushquery/v1/query');
      return send(bearerCall(credentials, token, url, body));
    },
    post(credentials, token, path, body) {
      const call = bearerCall(credentials, token, urlOf(credentials.baseUrl, path), body);
      return send({ ...call, mostBytes: mostListBytes });
    },
    close: () => agent.destroy(),
  };
}

/** The body of a push (daraja.md section 2.1). All values are strings, as in the portal's newest samples. */
export function pushBody(
  credentials: ShortcodeCredentials,
  push: Push,
  callbackUrl: string,
  nowMs: number,
): Record<string, string> {
  const isTill = credentials.kind === 'till';
  return {
    ...signature(credentials, nowMs),
    TransactionType: isTill ? 'CustomerBuyGoodsOnline' : 'CustomerPayBillOnline',
    Amount: String(push.amountKes),
    PartyA: push.phone,
    // A till's BusinessShortCode is its store number; the till itself is the party that is paid.
    PartyB: (isTill ? credentials.till : null) ?? credentials.shortcode,
    PhoneNumber: push.phone,
    CallBackURL: callbackUrl,
    AccountReference: push.reference,
    // Left out it is refused as `Invalid Remarks`, whatever the portal says (section 2.1).
    TransactionDesc: push.description.trim() === '' ? 'Payment' : push.description,
  };
}

/** `yyyyMMddHHmmss` in Nairobi, which is UTC+3 all year. */
export function nairobiTimestamp(nowMs: number): string {
  return isoTime(nowMs + nairobiOffsetMs)
    .slice(0, 19)
    .replace(/\D/g, '');
}

/** Password and Timestamp, which must be of the same moment (section 2.1). */
function signature(credentials: ShortcodeCredentials, nowMs: number): Record<string, string> {
  const timestamp = nairobiTimestamp(nowMs);
  const password = Buffer.from(credentials.shortcode + credentials.passkey + timestamp).toString('base64');
  return { BusinessShortCode: credentials.shortcode, Password: password, Timestamp: timestamp };
}

function bearerCall(credentials: ShortcodeCredentials, token: string, url: string, body: Record<string, string>): Call {
  const secrets = [
    token,
    credentials.passkey,
    body.Password ?? '',
    credentials.consumerKey,
    credentials.consumerSecret,
  ];
  return { method: 'POST', url, authorization: `Bearer ${token}`, body, secrets };
}

function urlOf(baseUrl: string, path: string): string {
  return baseUrl.replace(/\/+$/, '') + path;
}

/** Sends one request once and waits for the whole answer, at most `timeoutMs`. Never rejects. */
function exchange(agent: Agent, clock: Clock, timeoutMs: number, call: Call): Promise<RawAnswer> {
  const startedAt = clock.now();
  const { mostBytes = mostAnswerBytes } = call;
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let ended = false;
    const end = (answer: RawAnswer): void => {
      if (ended) return;
      ended = true;
      cancelDeadline();
      resolve(answer);
    };
    const fail = (why: string): void => {
      const detail = withoutSecrets(why, call.secrets).slice(0, 300);
      end({ kind: controller === undefined ? 'notConnected' : 'lost', detail, durationMs: clock.now() - startedAt });
    };
    const cancelDeadline = clock.after(timeoutMs, () => {
      fail(`no answer within ${timeoutMs} ms`);
      controller?.abort(new Error('deadline passed'));
    });

    let httpStatus = 0;
    let retryAfterMs: number | null = null;
    let size = 0;
    const chunks: Buffer[] = [];
    const endWithAnswer = (): void => {
      const text = withoutSecrets(Buffer.concat(chunks).toString('utf8', 0, mostBytes), call.secrets);
      end({ kind: 'response', httpStatus, retryAfterMs, text, durationMs: clock.now() - startedAt });
    };

    const handler: Dispatcher.DispatchHandler = {
      // Called right before the request is written, and the last moment at which it can be stopped. A call that has
      // ended (its deadline passed while it waited for a connection) or a second try of undici's own is not written.
      onRequestStart(started) {
        if (ended || controller !== undefined) started.abort(new Error('not written'));
        else controller = started;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        httpStatus = status;
        retryAfterMs = readRetryAfter(headers['retry-after'], clock.now());
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
        size += chunk.length;
        if (size <= mostBytes) return;
        endWithAnswer();
        controller?.abort(new Error('answer too long'));
      },
      onResponseEnd: endWithAnswer,
      onResponseError: (_controller, error) => fail(nameOf(error)),
    };
    try {
      agent.dispatch(dispatchOptions(call), handler);
    } catch (error) {
      fail(nameOf(error));
    }
  });
}

/** Throws for a base URL that is no URL, before anything is sent. */
function dispatchOptions(call: Call): Dispatcher.DispatchOptions {
  const { origin, pathname, search } = new URL(call.url);
  const headers: Record<string, string> = { authorization: call.authorization, accept: 'application/json' };
  if (call.body === null) return { origin, path: pathname + search, method: call.method, headers };
  headers['content-type'] = 'application/json';
  return { origin, path: pathname + search, method: call.method, headers, body: JSON.stringify(call.body) };
}

function nameOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? `${code} ${messageOf(error)}`.trim() : messageOf(error);
}

function withoutSecrets(text: string, secrets: string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    clean = clean.replaceAll(secret, '[redacted]').replaceAll(secret.replaceAll('/', '\\/'), '[redacted]');
  }
  return clean;
}

/** Retry-After in milliseconds: seconds or a date, at most a day; null when it is neither. */
function readRetryAfter(header: string | string[] | undefined, nowMs: number): number | null {
  const text = (Array.isArray(header) ? header[0] : header)?.trim() ?? '';
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), 86_400_000) : null;
}
