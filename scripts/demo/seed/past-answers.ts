// How the merchants' endpoints answered the webhooks of the past: each endpoint has its manner. The exchanges have the
// form in which the sender hands them over.

import type { AttemptError, Exchange } from '../../../src/webhooks/attempt.ts';
import { unsignedHeaders } from '../../../src/webhooks/send-webhook.ts';
import type { Chance } from './chance.ts';

/** `steady`: nearly always well. `shaky`: slow, and down now and then. `gone`: answered 410 one day. */
export type Manner = 'steady' | 'shaky' | 'gone';

/** What is asked of an endpoint: which webhook, for which time. */
export interface Asked {
  manner: Manner;
  eventId: string;
  body: string;
  /** `no`: never taken, however often it is sent. `gone`: nothing is any more. */
  takes: 'yes' | 'no' | 'gone';
  startedAt: number;
}

interface Reply {
  status: number | null;
  error: AttemptError | null;
  body?: string;
  durationMs: number;
  detail?: string;
}

const timeoutMs = 10_000;

export function answerOf(asked: Asked, chance: Chance): Exchange {
  const { status, error, body = '', durationMs, detail = null } = replyTo(asked, chance);
  const text = status === 204 ? '' : body;
  return {
    durationMs: Math.round(durationMs),
    statusCode: status,
    error,
    detail: detail ?? (error === null ? null : `HTTP ${status}`),
    requestHeaders: unsignedHeaders(asked, asked.startedAt),
    responseHeaders: status === null ? null : headersOf(text, asked.startedAt),
    responseBody: status === null ? null : text,
    retryAfterMs: null,
  };
}

function headersOf(body: string, at: number): Record<string, string> {
  const headers = { server: 'nginx', date: new Date(at).toUTCString() };
  if (body === '') return headers;
  return { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
}

function replyTo({ manner, takes, startedAt }: Asked, chance: Chance): Reply {
  const quick = chance.around(70, 0.5);
  if (takes === 'gone') return { status: 410, error: 'gone', body: '{"error":"moved away"}', durationMs: quick };
  if (takes === 'no')
    return { status: 422, error: 'client_error', body: '{"error":"no such order"}', durationMs: quick };
  if (manner === 'shaky' && (isDown(startedAt) || chance.random() < 0.02)) return failure(chance);
  if (manner !== 'shaky' && chance.random() < 0.003) return failure(chance);
  return manner === 'shaky'
    ? { status: 200, error: null, body: '{"received":true}', durationMs: chance.around(420, 0.6) }
    : { status: 204, error: null, durationMs: quick };
}

/** Three minutes every seven hours. */
function isDown(at: number): boolean {
  const minute = Math.floor(at / 60_000) % (7 * 60);
  return minute >= 91 && minute < 94;
}

function failure(chance: Chance): Reply {
  return chance.weighted<() => Reply>([
    {
      weight: 5,
      is: () => ({
        status: 500,
        error: 'server_error',
        body: '{"error":"database is locked"}',
        durationMs: chance.around(900, 0.4),
      }),
    },
    {
      weight: 3,
      is: () => ({
        status: 502,
        error: 'server_error',
        body: '{"error":"upstream is away"}',
        durationMs: chance.around(40, 0.4),
      }),
    },
    {
      weight: 2,
      is: () => ({
        status: null,
        error: 'timeout',
        detail: `no whole answer within ${timeoutMs} ms`,
        durationMs: timeoutMs,
      }),
    },
  ])();
}
