// Every number that decides when, how often and how long a webhook is tried, in one place (webhooks.md, the policy
// table). Nothing here knows a database or a socket.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Waits before each of the twelve attempts, 75.7 hours in all; after the last one a delivery is `dead`, replayable. */
export const scheduleMs: readonly number[] = [
  0,
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];
/** Each wait is this much longer or shorter by chance, so that what failed together does not come back together. */
export const jitter = 0.2;

/** What 429, 502, 503, 504 and a timeout wait at least, all of the endpoint with them. */
export const pauseAtLeastMs = minute;
/** The longest `Retry-After` that is honoured. */
export const retryAfterAtMostMs = 6 * hour;
/**
 * After a fault of our own a delivery stays at its step of the schedule and waits: longer with each attempt it has had,
 * so that what goes on for days (a silent resolver, a broken secret) costs little, and not for ever.
 */
export const ownFaults = {
  firstPauseMs: minute,
  afterStopMs: second,
  longestPauseMs: hour,
  mostAttempts: 200,
} as const;

/** A worker that is not heard of for so long has lost what it was sending; longer than any attempt may take. */
export const leaseMs = 45 * second;

export const mostInFlight = {
  perEndpoint: 5,
  perTenant: 10,
  perWorker: 100,
  /** For an endpoint that timed out last, or whose breaker is open: a single probe. */
  perSuspect: 1,
  /** All suspects of a worker together, so that many hanging endpoints leave room for the healthy ones. */
  allSuspects: 50,
} as const;

/** The share of slots that replays and released deliveries may take beside what is new. */
export const lowLaneShare = 0.3;

export const connectTimeoutMs = 5 * second;
/** Connecting, sending and reading the answer together; WEBHOOK_TIMEOUT_MS may make it shorter. */
export const totalTimeoutMs = 15 * second;
/** Of an answer's body so much is read before the connection is cut, and so much is kept. */
export const readAtMostBytes = 64 * 1024;
export const keepBytes = 16 * 1024;

/** The breaker opens at so many attempts in the window of which so many failed, or at so many timeouts in a row. */
export const breaker = {
  windowMinutes: 5,
  leastAttempts: 10,
  failedShare: 0.7,
  timeoutsInRow: 5,
  firstOpenMs: 30 * second,
  longestOpenMs: 15 * minute,
} as const;

/** An endpoint is disabled after so long without a success and so many failures. */
export const autoDisable = { failingForMs: 5 * day, failures: 20 } as const;

/** Operators and the tenant are told at this failure of a delivery, and when the endpoint has been failing for so long. */
export const notices = { atFailure: 4, whenFailingForMs: [day, 3 * day], atMostEveryMs: hour } as const;

export const mostEndpoints = 20;
/** Secrets that sign at the same time, however often they are rotated. */
export const mostSecrets = 10;
export const overlap = { defaultSeconds: 86_400, mostSeconds: 7 * 86_400 } as const;
export const longestReplayMs = 30 * day;
/** A second manual retry within so long of the first is the same click. */
export const doubleClickMs = 2 * second;
/** Bodies of events and answers are emptied after so long; the rows stay. */
export const keepBodiesMs = 90 * day;

/**
 * How long a delivery waits after its `failures`-th failure; null when that was the last attempt.
 * @param random a number in [0, 1)
 */
export function retryDelayMs(failures: number, random: number): number | null {
  const wait = scheduleMs[failures];
  return wait === undefined ? null : Math.round(wait * (1 - jitter + 2 * jitter * random));
}

/**
 * How long a delivery waits after a fault of our own; null when it has been tried too often.
 * @param attempts all it has had @param isStopping the server was stopping: another one can go on at once
 */
export function ownFaultDelayMs(attempts: number, isStopping: boolean): number | null {
  if (attempts >= ownFaults.mostAttempts) return null;
  const first = isStopping ? ownFaults.afterStopMs : ownFaults.firstPauseMs;
  return Math.min(first * 2 ** Math.min(attempts - 1, 20), ownFaults.longestPauseMs);
}

/** How long a breaker stays open when it opens for the `level`-th time in a row. */
export function breakerOpenMs(level: number): number {
  return Math.min(breaker.firstOpenMs * 2 ** (level - 1), breaker.longestOpenMs);
}
