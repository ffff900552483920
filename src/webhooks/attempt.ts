// What one POST to an endpoint came to, in words: the classes of failure, whose fault each is, and the shape of the
// exchange that is kept and shown.

/** Why an attempt failed; `null` in an attempt means that it did not. The order is that of the documentation. */
export const attemptErrors = {
  client_error: 'The endpoint answered 4xx.',
  server_error: 'The endpoint answered 5xx.',
  redirect: 'The endpoint answered 3xx; redirects are not followed.',
  gone: 'The endpoint answered 410: it was disabled.',
  rate_limited: 'The endpoint answered 429.',
  timeout: 'No whole answer within the time.',
  connect_failed: 'No connection: refused, unreachable or reset.',
  connection_lost: 'The connection broke before the answer was whole.',
  unreadable_answer: 'What came back is not HTTP.',
  tls_failed: 'The certificate or the TLS handshake was not accepted.',
  name_not_found: 'The host name does not exist, or its name servers do not answer.',
  address_refused: 'The address is private, our own or otherwise not to be reached; see WEBHOOK_ALLOW_NETWORKS.',
  resolver_failed: 'Our resolver did not answer. Not counted against the endpoint.',
  interrupted: 'Our server was stopping, or could not send for a reason of its own. Not counted against the endpoint.',
  lost: 'Our server ended before it could write down the answer; the webhook may have arrived. Not counted against the endpoint.',
} as const;

export type AttemptError = keyof typeof attemptErrors;

/** Faults of our own: they never count against the endpoint. */
export const ownFaults: ReadonlySet<AttemptError> = new Set(['resolver_failed', 'interrupted', 'lost']);

/** One POST and its answer. */
export interface Exchange {
  durationMs: number;
  /** Null when no answer came. */
  statusCode: number | null;
  /** Null for 2xx read within the time. */
  error: AttemptError | null;
  /** For the log and operators: the code of the fault, such as ECONNREFUSED. Never a secret or a body. */
  detail: string | null;
  /** As sent, without the signature. */
  requestHeaders: Record<string, string>;
  responseHeaders: Record<string, string> | null;
  /** The first 16 KiB, as text. */
  responseBody: string | null;
  /** What `Retry-After` asked for, from now; null where there was none that can be read. */
  retryAfterMs: number | null;
}
