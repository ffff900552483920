// How an endpoint fares, as a pure rule: what one more attempt makes of it, when it is left alone for a while, when it
// is disabled, and when somebody is to be told (webhooks.md, the policy table). Our own faults never reach it.

import { type AttemptError, type Exchange, ownFaults } from './attempt.ts';
import { autoDisable, breaker, breakerOpenMs, mostInFlight, notices, pauseAtLeastMs } from './policy.ts';

/** `gone`: it answered 410. `failing`: five days without a success. */
export type DisabledReason = 'gone' | 'failing';

export interface EndpointHealth {
  lastSuccessAt: number | null;
  /** The first failure since the last success. */
  failingSince: number | null;
  /** Failures since the last success. */
  failureCount: number;
  timeoutsInRow: number;
  /** Attempts of the last minutes, oldest first. */
  recentMinutes: readonly Minute[];
  /** How many times in a row the breaker has opened; 0: it is closed. */
  breakerLevel: number;
  /** Nothing is sent before this time. */
  waitUntil: number | null;
  /** For how many of the spans of `notices.whenFailingForMs` somebody was told. */
  toldLevel: number;
  /** What operators have not been told yet. */
  notice: 'failing' | 'disabled' | null;
}

/** `[minute since the epoch, attempts, failures]` */
export type Minute = readonly [minute: number, attempts: number, failures: number];

export const freshHealth: EndpointHealth = {
  lastSuccessAt: null,
  failingSince: null,
  failureCount: 0,
  timeoutsInRow: 0,
  recentMinutes: [],
  breakerLevel: 0,
  waitUntil: null,
  toldLevel: 0,
  notice: null,
};

/** Statuses that say "not now": the whole endpoint waits, not only this delivery. */
const notNow: ReadonlySet<number> = new Set([429, 502, 503, 504]);

type Outcome = Pick<Exchange, 'statusCode' | 'error' | 'retryAfterMs'>;

/** How long the endpoint asks to be left alone; 0 when it does not. */
export function pauseMs({ statusCode, error, retryAfterMs }: Outcome): number {
  if (error !== 'timeout' && (statusCode === null || !notNow.has(statusCode))) return 0;
  return Math.max(pauseAtLeastMs, retryAfterMs ?? 0);
}

export interface Weighed {
  health: EndpointHealth;
  disable: DisabledReason | null;
}

/** @param failures how many attempts of this delivery have failed, this one included */
export function weighExchange(health: EndpointHealth, outcome: Outcome, failures: number, now: number): Weighed {
  const { error } = outcome;
  if (error === null) return { health: afterSuccess(health, now), disable: null };
  if (ownFaults.has(error)) return { health, disable: null };
  const failed = afterFailure(health, outcome, error, now);
  const disable = reasonToDisable(failed, error, now);
  if (disable !== null) return { health: { ...failed, notice: 'disabled' }, disable };
  return { health: noticeIfDue(failed, failures, now), disable: null };
}

function afterSuccess(health: EndpointHealth, now: number): EndpointHealth {
  const wasOpen = health.breakerLevel > 0;
  return {
    ...health,
    lastSuccessAt: now,
    failingSince: null,
    failureCount: 0,
    timeoutsInRow: 0,
    // The window that opened the breaker must not open it again.
    recentMinutes: countMinute(wasOpen ? [] : health.recentMinutes, 0, now),
    breakerLevel: 0,
    waitUntil: wasOpen ? null : health.waitUntil,
    toldLevel: 0,
    notice: null,
  };
}

function afterFailure(health: EndpointHealth, outcome: Outcome, error: AttemptError, now: number): EndpointHealth {
  const timeoutsInRow = error === 'timeout' ? health.timeoutsInRow + 1 : 0;
  const recentMinutes = countMinute(health.recentMinutes, 1, now);
  const isWaiting = health.waitUntil !== null && health.waitUntil > now;
  // While it is open, what was on its way when it opened still fails: that is no reason to open it wider.
  const opens =
    health.breakerLevel > 0 ? !isWaiting : timeoutsInRow >= breaker.timeoutsInRow || failsMostly(recentMinutes);
  const breakerLevel = opens ? health.breakerLevel + 1 : health.breakerLevel;
  const wait = Math.max(pauseMs(outcome), opens ? breakerOpenMs(breakerLevel) : 0);
  return {
    ...health,
    failingSince: health.failingSince ?? now,
    failureCount: health.failureCount + 1,
    timeoutsInRow,
    recentMinutes,
    breakerLevel,
    waitUntil: wait === 0 ? health.waitUntil : Math.max(health.waitUntil ?? 0, now + wait),
  };
}

function countMinute(minutes: readonly Minute[], failed: 0 | 1, now: number): Minute[] {
  const minute = Math.floor(now / 60_000);
  const recent = minutes.filter(([at]) => at > minute - breaker.windowMinutes && at < minute);
  const [, attempts, failures] = minutes.find(([at]) => at === minute) ?? [minute, 0, 0];
  return [...recent, [minute, attempts + 1, failures + failed]];
}

function failsMostly(minutes: readonly Minute[]): boolean {
  const attempts = minutes.reduce((sum, [, count]) => sum + count, 0);
  const failures = minutes.reduce((sum, [, , count]) => sum + count, 0);
  return attempts >= breaker.leastAttempts && failures >= attempts * breaker.failedShare;
}

function reasonToDisable(health: EndpointHealth, error: AttemptError, now: number): DisabledReason | null {
  if (error === 'gone') return 'gone';
  const { failingForMs, failures } = autoDisable;
  const hasFailedLong = health.failingSince !== null && now - health.failingSince >= failingForMs;
  return hasFailedLong && health.failureCount >= failures ? 'failing' : null;
}

function noticeIfDue(health: EndpointHealth, failures: number, now: number): EndpointHealth {
  const failingForMs = now - (health.failingSince ?? now);
  const level = notices.whenFailingForMs.filter((span) => failingForMs >= span).length;
  if (failures !== notices.atFailure && level <= health.toldLevel) return health;
  return { ...health, toldLevel: Math.max(level, health.toldLevel), notice: 'failing' };
}

/** How many may be on their way to it at once. */
export function slotsOf({ breakerLevel, timeoutsInRow }: EndpointHealth): number {
  return isSuspect({ breakerLevel, timeoutsInRow }) ? mostInFlight.perSuspect : mostInFlight.perEndpoint;
}

/** Timed out last, or its breaker has opened: it may hold a slot for a long time. */
export function isSuspect({ breakerLevel, timeoutsInRow }: Pick<EndpointHealth, 'breakerLevel' | 'timeoutsInRow'>) {
  return breakerLevel > 0 || timeoutsInRow > 0;
}
