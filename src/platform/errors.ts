// What can be said to a caller. An AppError is an expected refusal: it has a stable code, a status and a sentence that
// says what to do. Anything else that is thrown is our fault, becomes a 500 with a request id, and its text stays in
// the log. Handlers throw; only `platform/http` builds error bodies.

/** Every `code` a problem can carry (api.md, Conventions). */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  idempotency_key_missing: { status: 400, title: 'The Idempotency-Key header is missing' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  scope_missing: { status: 403, title: 'The key has no such scope' },
  address_refused: { status: 403, title: 'The address is not allowed' },
  tenant_disabled: { status: 403, title: 'The tenant is disabled' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  duplicate_window: { status: 409, title: 'A payment like this one was just made' },
  not_cancellable: { status: 409, title: 'The payment cannot be cancelled any more' },
  not_retryable: { status: 409, title: 'It cannot be tried again' },
  endpoint_limit_reached: { status: 409, title: 'The tenant has as many endpoints as it may' },
  replay_limit_reached: { status: 409, title: 'Too many replays of this endpoint run already' },
  nothing_to_check: { status: 409, title: 'There is nothing to ask M-PESA' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service cannot answer just now' },
} as const;

export type ProblemCode = keyof typeof problems;

/** One thing that is wrong with a request: `pointer` into the body (JSON Pointer) or the name of a query parameter. */
export interface FieldError {
  pointer?: string;
  parameter?: string;
  code: 'required' | 'unknown_field' | 'out_of_range' | 'wrong_type' | 'wrong_format';
  detail: string;
}

export interface ProblemDetails {
  errors?: FieldError[];
  retryable?: boolean;
  /** Whole seconds; also sent as the Retry-After header on 429 and 503. */
  retryAfterSeconds?: number;
  /** Id of the object that is in the way. */
  existing?: string;
  /** Answered as the `Allow` header of a 405. */
  allow?: string;
}

export class AppError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  /** A sentence for the caller: what is wrong and what to do. Never holds a secret, a phone or an id of another tenant. */
  readonly publicMessage: string;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, publicMessage: string, details: ProblemDetails = {}, cause?: unknown) {
    super(`${code}: ${publicMessage}`, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.status = problems[code].status;
    this.publicMessage = publicMessage;
    this.details = details;
  }
}

/** The one 404: the same bytes for what is missing and for what belongs to somebody else (promise 7). */
export function notFound(): AppError {
  return new AppError(
    'not_found',
    'There is no such object for this key. Check the id, and that the key is of the same mode.',
  );
}

/** The text of anything thrown, for logs. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
