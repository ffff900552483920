// How pushes fare, read from their minutes: whether M-PESA answers, since when it does not, and in what way. Only
// failures on the provider's, the network's and our own way there count; a customer whose phone is busy says nothing.

import { categoryOf, isSettings } from '../payments/hourly-stats.ts';
import { sumOf } from './conditions-words.ts';
import type { PushMinute } from './stats-store.ts';

const minuteMs = 60_000;
/** Push errors count as a condition above this share of so many tries in so long. */
export const pushRule = { windowMs: 5 * minuteMs, leastTries: 10, share: 0.2 } as const;
/** … and where the breaker holds pushes back, so that there are few tries: so many errors since the last answer. */
const errorsInRow = 5;
/** The longest a breaker stays open is five minutes: without a try in twice that, nobody can say. */
const lastErrorWithinMs = 10 * minuteMs;

export type Answering = 'answered' | 'failed' | 'ours';

/** What a push's answer says about M-PESA. */
export function answeringOf({ outcome, code }: Pick<PushMinute, 'outcome' | 'code'>): Answering {
  switch (outcome) {
    case 'accepted':
      return 'answered';
    case 'refused': {
      const category = categoryOf(code);
      return category === 'provider' || category === 'network' ? 'failed' : 'answered';
    }
    case 'not_sent':
      return code === 'subscriber_locked' ? 'answered' : 'failed';
    case 'unanswered':
      return code === 'worker_lost' ? 'ours' : 'failed';
    default:
      return outcome satisfies never;
  }
}

export interface PushTrouble {
  shortcodeId: string;
  since: number;
  /** When M-PESA last answered, as far as that is known. */
  lastAnsweredAt: number | null;
  /** In the last five minutes, or since the last answer. */
  tries: number;
  errors: number;
  /** Nothing at all was answered lately, and the breaker holds the others back. */
  isSilent: boolean;
  /** silent: no answer. unreachable: no connection, or no token. slowed: too many at once. refusing: an error of theirs. */
  way: 'silent' | 'unreachable' | 'slowed' | 'refusing';
}

/** @param minutes of one shortcode @param lastAcceptedAt where it is older than the minutes go back */
export function readPushTrouble(
  minutes: readonly PushMinute[],
  lastAcceptedAt: number | null,
  now: number,
): PushTrouble | null {
  const [first] = minutes;
  if (first === undefined) return null;
  const answered = minutes.filter((minute) => answeringOf(minute) === 'answered');
  const errors = minutes.filter((minute) => answeringOf(minute) === 'failed');
  const answers = [...answered.map(({ lastAt }) => lastAt), ...(lastAcceptedAt === null ? [] : [lastAcceptedAt])];
  const lastAnsweredAt = answers.length === 0 ? null : Math.max(...answers);
  const common = { shortcodeId: first.shortcodeId, lastAnsweredAt };
  const row = errors.filter(({ lastAt }) => lastAnsweredAt === null || lastAt > lastAnsweredAt);
  const inRow = sumOf(row, ({ count }) => count);
  if (inRow >= errorsInRow && Math.max(...row.map(({ lastAt }) => lastAt)) >= now - lastErrorWithinMs) {
    const since = Math.max(Math.min(...row.map(({ firstAt }) => firstAt)), lastAnsweredAt ?? 0);
    return { ...common, since, tries: inRow, errors: inRow, isSilent: true, way: wayOf(row) };
  }
  const from = now - pushRule.windowMs;
  const isRecent = ({ startsAt }: PushMinute): boolean => startsAt + minuteMs > from;
  const failed = sumOf(errors.filter(isRecent), ({ count }) => count);
  const tries = failed + sumOf(answered.filter(isRecent), ({ count }) => count);
  if (tries < pushRule.leastTries || failed <= tries * pushRule.share) return null;
  const since = beginning(answered, errors, now);
  return { ...common, since, tries, errors: failed, isSilent: false, way: wayOf(errors.filter(isRecent)) };
}

/** The first error of the minutes, back from now, in which too many failed or nothing was sent. */
function beginning(answered: readonly PushMinute[], errors: readonly PushMinute[], now: number): number {
  const good = new Map<number, number>();
  const bad = new Map<number, number>();
  for (const { startsAt, count } of answered) good.set(startsAt, (good.get(startsAt) ?? 0) + count);
  for (const { startsAt, count } of errors) bad.set(startsAt, (bad.get(startsAt) ?? 0) + count);
  const minutes = [...new Set([...good.keys(), ...bad.keys()])].sort((a, b) => b - a);
  const lastGood = minutes.find((minute) => {
    const failed = bad.get(minute) ?? 0;
    return failed <= (failed + (good.get(minute) ?? 0)) * pushRule.share;
  });
  // A good minute among bad ones does not end it while the window as a whole is bad.
  const from = Math.min(lastGood ?? 0, now - pushRule.windowMs);
  const run = errors.filter(({ startsAt }) => startsAt > from);
  return Math.min(...run.map(({ firstAt }) => firstAt));
}

function wayOf(errors: readonly PushMinute[]): PushTrouble['way'] {
  const counts = { silent: 0, unreachable: 0, slowed: 0, refusing: 0 };
  for (const { outcome, code, count } of errors) {
    if (outcome === 'refused') counts.refusing += count;
    else if (outcome === 'unanswered') counts.silent += count;
    else if (code === 'no_token' || code === 'not_connected') counts.unreachable += count;
    else counts.slowed += count;
  }
  const ways = ['silent', 'unreachable', 'slowed', 'refusing'] as const;
  return ways.reduce((most, way) => (counts[way] > counts[most] ? way : most));
}

/** How long M-PESA took to take a push, on average; null where none was taken. */
export function answerMs(minutes: readonly PushMinute[]): number | null {
  const taken = minutes.filter(({ outcome, durationMs }) => outcome === 'accepted' && durationMs > 0);
  const count = sumOf(taken, (minute) => minute.count);
  return count === 0 ? null : sumOf(taken, ({ durationMs }) => durationMs) / count;
}

export interface SettingsRefusal {
  code: string;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** What M-PESA, or Lango before the wire, refused because of the shortcode's settings; one odd request is not that. */
export function readSettingsRefusals(minutes: readonly PushMinute[], after: number | null): SettingsRefusal | null {
  const refused = minutes
    .filter(({ outcome, code }) => outcome === 'refused' && isSettings(code) && code !== 'invalid_request')
    .filter(({ lastAt }) => after === null || lastAt > after);
  const last = [...refused].sort((a, b) => b.lastAt - a.lastAt)[0];
  if (last === undefined) return null;
  return {
    code: last.code,
    count: sumOf(refused, ({ count }) => count),
    firstAt: Math.min(...refused.map(({ firstAt }) => firstAt)),
    lastAt: last.lastAt,
  };
}
