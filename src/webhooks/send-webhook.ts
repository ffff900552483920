// Sends one webhook: signs it and POSTs it to a target that is safe, with every limit on time and size. Each send has a
// fresh timestamp and is signed by every secret it is given, so that a receiver with the old one or the new one accepts
// it while they overlap. It knows no database: what becomes of the delivery is decided by whoever reads the exchange.

import { Webhook } from 'standardwebhooks';
import { version } from '../platform/version.ts';
import type { AttemptError, Exchange } from './attempt.ts';
import { createGuardedAgents } from './guarded-agents.ts';
import { connectTimeoutMs, totalTimeoutMs } from './policy.ts';
import { type Fault, type PostOutcome, type RunningPost, startPost } from './post.ts';
import { readRetryAfter } from './read-answer.ts';
import { createHostResolver, type ResolveHost } from './resolve-host.ts';
import { createTargetPolicy, type TargetRules } from './safe-target.ts';

export interface WebhookMessage {
  url: string;
  mode: 'test' | 'live';
  /** The event's id, the same at every attempt: the `webhook-id` header. */
  eventId: string;
  /** The exact bytes, frozen when the event was recorded. */
  body: string;
  /** Every secret that has not expired, newest first, as `whsec_…`. */
  secrets: readonly string[];
}

export interface WebhookSender {
  /** Never throws: whatever happens is an exchange. */
  send(message: WebhookMessage): Promise<Exchange>;
  /** Cuts what is under way (`interrupted`) and drops idle connections. */
  close(): Promise<void>;
}

export interface WebhookSenderSettings {
  /** For the timestamp and for a `Retry-After` that is a date; deadlines run on real time. */
  now(): number;
  /** WEBHOOK_TIMEOUT_MS. */
  timeoutMs: number;
  rules: TargetRules;
  /** Instead of DNS. */
  resolve?: ResolveHost | undefined;
  /** Trusted instead of the public certificate authorities, in PEM. */
  ca?: string | undefined;
}

export function createWebhookSender(settings: WebhookSenderSettings): WebhookSender {
  const policy = createTargetPolicy(settings.rules);
  const resolve = settings.resolve ?? createHostResolver({ allowsNetworks: policy.allowsNetworks });
  const agents = createGuardedAgents({ policy, resolve, ca: settings.ca });
  const limits = {
    connectMs: Math.min(connectTimeoutMs, settings.timeoutMs),
    totalMs: Math.min(totalTimeoutMs, settings.timeoutMs),
  };
  const underWay = new Set<RunningPost>();
  let isClosed = false;

  async function post(message: WebhookMessage, headers: Record<string, string>, at: Date): Promise<PostOutcome> {
    if (isClosed) return failed('interrupted', 'our server is stopping');
    const url = policy.readUrl(message.url, message.mode);
    if (typeof url === 'string') return failed('address_refused', url);
    const signature = sign(message, at);
    // Nothing unsigned is ever sent. The secrets are ours, so the endpoint is not to blame.
    if (signature === null) return failed('interrupted', 'there is no secret to sign with');
    const signed = { ...headers, 'webhook-signature': signature };
    const running = startPost({ url, headers: signed, body: message.body, agents, ...limits });
    underWay.add(running);
    const outcome = await running.outcome;
    underWay.delete(running);
    return outcome;
  }

  return {
    async send(message) {
      const startedAt = performance.now();
      const nowMs = settings.now();
      const headers = unsignedHeaders(message, nowMs);
      const { answer, fault } = await post(message, headers, new Date(nowMs));
      const error = errorOf(answer?.statusCode ?? null, fault);
      return {
        durationMs: Math.round(performance.now() - startedAt),
        statusCode: answer?.statusCode ?? null,
        error,
        detail: fault?.detail ?? (error === null ? null : `HTTP ${answer?.statusCode}`),
        requestHeaders: headers,
        responseHeaders: answer?.headers ?? null,
        responseBody: answer?.body ?? null,
        retryAfterMs: readRetryAfter(answer?.retryAfter, settings.now()),
      };
    },
    async close() {
      isClosed = true;
      const last = [...underWay];
      for (const running of last) running.interrupt();
      agents.destroy();
      await Promise.all(last.map((running) => running.outcome));
    },
  };
}

/** What is sent with a webhook, but for its signature. */
export function unsignedHeaders(
  message: Pick<WebhookMessage, 'body' | 'eventId'>,
  nowMs: number,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': `Lango/${version}`,
    // An answer is kept as it came; one that is compressed is of no use to whoever reads it later.
    'accept-encoding': 'identity',
    'content-length': String(Buffer.byteLength(message.body)),
    'webhook-id': message.eventId,
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
  };
}

/** One signature for each secret, newest first; null without any, or when one is no secret. */
function sign({ secrets, eventId, body }: WebhookMessage, at: Date): string | null {
  try {
    return secrets.map((secret) => new Webhook(secret).sign(eventId, at, body)).join(' ') || null;
  } catch {
    return null;
  }
}

function failed(error: Fault['error'], detail: string): PostOutcome {
  return { answer: null, fault: { error, detail } };
}

/** A 410 is meant, whatever becomes of the rest of the answer. */
function errorOf(statusCode: number | null, fault: Fault | null): AttemptError | null {
  if (fault !== null && statusCode !== 410) return fault.error;
  return statusCode === null ? 'connection_lost' : errorOfStatus(statusCode);
}

function errorOfStatus(status: number): AttemptError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return 'gone';
  if (status === 429) return 'rate_limited';
  if (status >= 300 && status < 400) return 'redirect';
  if (status >= 400 && status < 500) return 'client_error';
  if (status >= 500 && status < 600) return 'server_error';
  return 'unreadable_answer';
}
