// What a payment counts as in the statistics, as pure rules. Each payment counts once, under the outcome it has now and
// at the time it came to it: one that failed and was then paid after all moves from the earlier hour to the later one.
// The store adds these up; counting again from the beginning (`lango stats rebuild`) comes to the same.

import { type FailureCode, failureCatalogue } from './failures.ts';
import type { Status } from './payment.ts';

/** Statuses that count. What came to one of them never leaves them again. */
export const outcomes = ['succeeded', 'failed', 'cancelled', 'expired', 'unknown', 'needs_review'] as const;
export type Outcome = (typeof outcomes)[number];

const isOutcome = (status: Status): status is Outcome => (outcomes as readonly string[]).includes(status);

/** Lengths of the spans that are counted, in minutes: hours for ever, the short ones for eight days. */
export const spanMinutes = { hour: 60, short: 5 } as const;
const shortSpansKeptMs = 8 * 86_400_000;
export const pushesKeptMs = 86_400_000;

export const spanStart = (at: number, minutes: number): number =>
  Math.floor(at / (minutes * 60_000)) * minutes * 60_000;

/** Spans of five minutes that begin before this are neither counted nor kept. */
export const shortSpansSince = (now: number): number => now - shortSpansKeptMs;

// Latencies in buckets whose bounds grow by a quarter: 1 is below 2 s, 2 below 2.5 s, … 24 is 271 s and more.
const firstBoundSeconds = 2;
const growth = 1.25;
export const latencyBuckets = 24;

/** The bucket of a time from prompt to paid. */
export function latencyOf(seconds: number): number {
  if (seconds < firstBoundSeconds) return 1;
  const steps = Math.floor(Math.log(seconds / firstBoundSeconds) / Math.log(growth) + 1e-9);
  return Math.min(latencyBuckets, steps + 2);
}

/** Where a bucket begins, in seconds. */
export function latencyStart(bucket: number): number {
  return bucket <= 1 ? 0 : firstBoundSeconds * growth ** (bucket - 2);
}

/** The median of latencies that were counted in buckets, in seconds, by its place inside its bucket; null for none. */
export function medianSeconds(counts: ReadonlyMap<number, number>): number | null {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  let below = 0;
  for (let bucket = 1; bucket <= latencyBuckets; bucket += 1) {
    const count = counts.get(bucket) ?? 0;
    if (below + count >= total / 2) {
      const start = latencyStart(bucket);
      const end = bucket === latencyBuckets ? start : latencyStart(bucket + 1);
      return start + (end - start) * ((total / 2 - below) / count);
    }
    below += count;
  }
  return null;
}

/** A payment with all that happened to it, as it is counted. */
export interface Life {
  paymentId: string;
  tenantId: string;
  mode: string;
  shortcodeId: string;
  amountKes: number;
  /** As it is now. */
  failureCode: string | null;
  submittedAt: number | null;
  /** In order. */
  transitions: readonly LifeTransition[];
}

export interface LifeTransition {
  version: number;
  from: Status;
  to: Status;
  cause: string;
  at: number;
  countedAt: number | null;
  /** What it stands in the statistics with; null when it does not. */
  countedCode: string | null;
  evidence: { source: string; durationMs: number | null } | null;
}

/** A change of the statistics, in every span it falls into. */
export interface StatsDelta {
  tenantId: string;
  mode: string;
  shortcodeId: string;
  outcome: Outcome;
  failureCode: string;
  latency: number;
  at: number;
  count: 1 | -1;
  kes: number;
}

/** How one push was answered: taken, refused, not sent and to be sent again, or without a clear answer. */
export const pushOutcomes = ['accepted', 'refused', 'not_sent', 'unanswered'] as const;
export type PushOutcome = (typeof pushOutcomes)[number];

export interface CountedPush {
  tenantId: string;
  mode: string;
  shortcodeId: string;
  outcome: PushOutcome;
  code: string;
  durationMs: number;
  at: number;
}

export interface Weighed {
  deltas: StatsDelta[];
  pushes: CountedPush[];
  /** Transitions that are to be marked as counted, with what they stand there with from now on. */
  marks: { paymentId: string; version: number; code: string | null }[];
}

/** What of a payment is still to be counted. @param isAnew as if nothing of it had been counted */
export function weighLife(life: Life, isAnew = false): Weighed {
  const { paymentId, transitions } = life;
  const weighed: Weighed = { deltas: [], pushes: [], marks: [] };
  const last = transitions.at(-1);
  const lastOutcome = last !== undefined && isOutcome(last.to) ? last : undefined;
  for (const transition of transitions) {
    const stands = isAnew ? null : transition.countedCode;
    const wasSeen = !isAnew && transition.countedAt !== null;
    const code = transition === lastOutcome ? codeOf(life, transition) : null;
    if (code !== null && stands === null) weighed.deltas.push(deltaOf(life, transition, code, 1));
    if (code === null && stands !== null) weighed.deltas.push(deltaOf(life, transition, stands, -1));
    if (!wasSeen) weighed.pushes.push(...pushOf(life, transition, code ?? ''));
    if (!wasSeen || (code === null) !== (stands === null))
      weighed.marks.push({ paymentId, version: transition.version, code });
  }
  return weighed;
}

/**
 * The failure code a payment's present outcome counts with. It never changes while the payment stays where it is: an
 * expired one may be told its reason later, so there it is read from how it expired.
 */
function codeOf({ failureCode }: Life, { from, to, evidence }: LifeTransition): string {
  if (to === 'failed' || to === 'cancelled') return failureCode ?? '';
  if (to !== 'expired') return '';
  const code: FailureCode =
    from === 'queued' ? 'not_sent_in_time' : evidence === null ? 'unknown_result' : 'prompt_expired';
  return code;
}

function deltaOf(life: Life, transition: LifeTransition, failureCode: string, count: 1 | -1): StatsDelta {
  const { tenantId, mode, shortcodeId, amountKes, submittedAt } = life;
  const outcome = transition.to as Outcome;
  const isTimed = outcome === 'succeeded' && submittedAt !== null;
  const latency = isTimed ? latencyOf(Math.max(0, transition.at - submittedAt) / 1000) : 0;
  return {
    tenantId,
    mode,
    shortcodeId,
    outcome,
    failureCode,
    latency,
    at: transition.at,
    count,
    kes: count * amountKes,
  };
}

/** `not sent: spike_arrest`, as payments/decide words it. */
const notSent = /^not sent: (\w+)/;

function pushOf(life: Life, transition: LifeTransition, failureCode: string): CountedPush[] {
  const { from, to, cause, at, evidence } = transition;
  const { tenantId, mode, shortcodeId } = life;
  const durationMs = evidence?.durationMs ?? 0;
  const push = (outcome: PushOutcome, code = ''): CountedPush[] => [
    { tenantId, mode, shortcodeId, outcome, code, durationMs, at },
  ];
  // Refused before the wire, because of the shortcode's settings.
  if (from === 'queued' && to === 'failed') return isSettings(failureCode) ? push('refused', failureCode) : [];
  if (from !== 'submitting') return [];
  if (to === 'pending') return push('accepted');
  if (to === 'queued') return push('not_sent', notSent.exec(cause)?.[1] ?? '');
  if (to === 'unknown') return push('unanswered', evidence === null ? 'worker_lost' : '');
  if (to === 'failed' && evidence?.source === 'push') return push('refused', failureCode);
  return [];
}

export function isSettings(code: string): boolean {
  return categoryOf(code) === 'configuration';
}

/** Whose side a failure code is on; null for none and for a code of a later version. */
export function categoryOf(code: string) {
  return code in failureCatalogue ? failureCatalogue[code as FailureCode].category : null;
}
