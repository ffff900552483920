// What every HTTP surface shares: the request's id, reading a body within its limit, and the one responder that turns
// whatever was thrown into application/problem+json (RFC 9457). Handlers never build an error body themselves.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import getRawBody from 'raw-body';
import { isDatabaseAway } from './database.ts';
import { AppError, problems } from './errors.ts';
import type { Logger } from './logger.ts';

export const bodyLimitBytes = 64 * 1024;

/** Gives each request its id: the client's own where it is harmless, else a new one; answered as `Request-Id`. */
export function requestId(): Koa.Middleware {
  return (ctx, next) => {
    const given = ctx.get('Request-Id');
    ctx.state.requestId = /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : `req_${randomUUID().replaceAll('-', '')}`;
    ctx.set('Request-Id', ctx.state.requestId);
    return next();
  };
}

/** Catches everything below it. Expected refusals answer as they say; the rest is a 500 whose text stays in the log. */
export function respondToErrors(logger: Logger): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null && ctx.respond !== false)
        sendProblem(
          ctx,
          new AppError('not_found', `There is nothing at this address. The API's paths are listed at /openapi.json.`),
        );
    } catch (thrown) {
      const error = asAppError(thrown);
      logFailure(logger, ctx, error);
      if (ctx.headerSent) ctx.res.destroy();
      else sendProblem(ctx, error);
    }
  };
}

/** Faults of our own go into the log; what a caller did wrong is the caller's business. */
export function logFailure(logger: Logger, ctx: Koa.Context, error: AppError): void {
  if (error.status < 500) return;
  logger.error('request.failed', {
    request_id: ctx.state.requestId,
    method: ctx.method,
    path: ctx.path,
    code: error.code,
    error: error.cause ?? error,
  });
}

/** What was thrown, as what may be said of it. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isDatabaseAway(thrown)) {
    const advice = 'The database is away. Nothing was lost: send the same request again with the same Idempotency-Key.';
    return new AppError('unavailable', advice, { retryable: true, retryAfterSeconds: 5 }, thrown);
  }
  const advice =
    'Nothing you sent is to blame. Try again with the same Idempotency-Key; if it goes on, give the operator the request_id.';
  return new AppError('internal', advice, { retryable: true }, thrown);
}

function sendProblem(ctx: Koa.Context, error: AppError): void {
  const { errors, retryable, retryAfterSeconds, existing, allow } = error.details;
  ctx.status = error.status;
  if (retryAfterSeconds !== undefined && (error.status === 429 || error.status === 503))
    ctx.set('Retry-After', String(retryAfterSeconds));
  if (allow !== undefined) ctx.set('Allow', allow);
  if (error.status === 401) ctx.set('WWW-Authenticate', 'Bearer');
  if (error.status === 413) ctx.set('Connection', 'close');
  ctx.body = JSON.stringify({
    type: `/docs#${error.code}`,
    title: problems[error.code].title,
    status: error.status,
    detail: error.publicMessage,
    code: error.code,
    request_id: ctx.state.requestId,
    ...(errors === undefined ? {} : { errors }),
    ...(retryable === undefined ? {} : { retryable }),
    ...(retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds }),
    ...(existing === undefined ? {} : { existing }),
  });
  ctx.set('Content-Type', 'application/problem+json; charset=utf-8');
}

/** The body's bytes. Throws `payload_too_large` over the limit, `invalid_request` when the client broke off. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const declared = request.headers['content-length'];
  try {
    return await getRawBody(request, {
      limit: bodyLimitBytes,
      ...(declared === undefined ? {} : { length: declared }),
    });
  } catch (thrown) {
    if (thrown instanceof Error && 'type' in thrown) {
      // What is left of an oversized body is thrown away unread, and the connection ends with this answer: another
      // request on it would wait behind the rest for ever.
      if (thrown.type === 'entity.too.large') {
        request.resume();
        throw new AppError(
          'payload_too_large',
          `The body may have at most ${bodyLimitBytes} bytes. Put less into metadata.`,
        );
      }
      throw new AppError('invalid_request', 'The body ended before its Content-Length. Send it again.');
    }
    throw thrown;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A field of this name would vanish on the way, so it is refused. */
function refuseProto(name: string, value: unknown): unknown {
  if (name === '__proto__') throw new AppError('invalid_request', 'A field cannot be called __proto__.');
  return value;
}

/** The body as JSON; `undefined` when it is empty. */
export async function readJson(ctx: Koa.Context): Promise<unknown> {
  const type = ctx.get('Content-Type').split(';')[0]!.trim().toLowerCase();
  const bytes = await readBody(ctx.req);
  if (bytes.length === 0) return undefined;
  if (type !== 'application/json')
    throw new AppError('unsupported_media_type', 'Send JSON with the header Content-Type: application/json.');
  try {
    return JSON.parse(utf8.decode(bytes), refuseProto) as unknown;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError(
      'malformed_json',
      'The body cannot be read as JSON in UTF-8. Look for a missing quote or comma.',
    );
  }
}

/** Answers JSON already made into text, without Koa parsing it again. */
export function sendJson(ctx: Koa.Context, status: number, value: unknown): void {
  ctx.status = status;
  ctx.type = 'application/json; charset=utf-8';
  ctx.body = JSON.stringify(value);
}

/** 405 with `Allow` for a path that exists with other methods. */
export function methodNotAllowed(allowed: readonly string[]): AppError {
  const allow = allowed.join(', ');
  return new AppError('method_not_allowed', `This address answers ${allow}.`, { allow });
}
