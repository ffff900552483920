// A shortcode's feeds in words: what is registered at Safaricom for it, and when it is pulled (reconciliation.md,
// "Sources"). Pure rules; times are milliseconds since the epoch.

import type { PullWindow } from '../mpesa/pull-transactions.ts';
import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { LineOwner } from './line.ts';

export interface Feed {
  shortcodeId: string;
  c2bRegisteredAt: number | null;
  c2bLastHeardAt: number | null;
  pullRegisteredAt: number | null;
  /** When it is pulled next; null while it is not registered. */
  pullDueAt: number | null;
  /** From when on the next pull takes six hours, or 48. */
  pullHourAt: number | null;
  pullNightAt: number | null;
  /** When a pull last came to its end. */
  pulledAt: number | null;
  /** What keeps pulling from its end, in words. */
  pullProblem: string | null;
  progress: PullProgress | null;
}

export type PullReach = 'quarter' | 'hour' | 'night';

/** The stretch that is being pulled, and how far. */
export interface PullProgress extends PullWindow {
  reach: PullReach;
  /** Rows taken so far: where the next page begins. */
  offset: number;
  /** Rows that could not be read: then the stretch is not told completely. */
  unreadable: number;
  /** What the first page and the last one were, to recognise them when they come again. */
  firstPage: string | null;
  lastPage: string | null;
  /** Pages in a row that failed. */
  failures: number;
  /** When it last came on, or tried to. */
  movedAt: number;
}

const minute = 60_000;
const hour = 60 * minute;
const nairobiOffsetMs = 3 * hour;
const quarterMs = 15 * minute;
/** Safaricom keeps 48 hours; a minute less, because its clock is not ours. */
const nightReachMs = 48 * hour - minute;
/** After two in the morning: then a night's pull tells all of yesterday and two hours more. */
const nightBeginsMs = 2 * hour + 10 * minute;
const nightSpreadMs = 40 * minute;
/** A stretch that nobody went on with for so long is begun anew: its beginning may be gone at Safaricom. */
const abandonedMs = 30 * minute;
const mostFailures = 3;
/** A stretch that takes longer than this is given up, so that the newest money is not kept waiting. */
const longestPullMs = 2 * hour;

export function ownerOf({ tenantId, mode, id, environment, shortcode }: Shortcode): LineOwner {
  return { tenantId, mode, shortcodeId: id, environment, shortcode };
}

/** What is to be pulled now: what was begun, or the longest stretch whose time has come. */
export function beginPull(feed: Pick<Feed, 'pullHourAt' | 'pullNightAt' | 'progress'>, now: number): PullProgress {
  const { progress } = feed;
  if (progress !== null && isWorthGoingOn(progress, now)) return progress;
  const isDue = (at: number | null): boolean => at === null || at <= now;
  const reach: PullReach = isDue(feed.pullNightAt) ? 'night' : isDue(feed.pullHourAt) ? 'hour' : 'quarter';
  const reachMs = { quarter: hour, hour: 6 * hour, night: nightReachMs }[reach];
  const begun = { offset: 0, unreadable: 0, firstPage: null, lastPage: null, movedAt: now };
  return { reach, fromAt: now - reachMs, toAt: now, ...begun, failures: progress?.failures ?? 0 };
}

/** Not with one that does not come on: its beginning may be what is refused. */
function isWorthGoingOn({ offset, failures, movedAt }: PullProgress, now: number): boolean {
  return offset > 0 && failures <= mostFailures && now - movedAt < abandonedMs;
}

export function takesTooLong({ toAt }: PullProgress, now: number): boolean {
  return now - toAt > longestPullMs;
}

/** When a feed whose pull came to its end is pulled again. A longer stretch is as good as the shorter ones in it. */
export function planNext(
  reach: PullReach,
  { pullHourAt, pullNightAt }: Pick<Feed, 'pullHourAt' | 'pullNightAt'>,
  now: number,
  random: number,
): Pick<Feed, 'pullDueAt' | 'pullHourAt' | 'pullNightAt'> {
  return {
    pullDueAt: now + Math.round(quarterMs * (0.9 + 0.1 * random)),
    pullHourAt: reach === 'quarter' ? pullHourAt : now + hour,
    pullNightAt: reach === 'night' ? nextNight(now, random) : pullNightAt,
  };
}

/** 02:10 to 02:50 of the next Nairobi night. */
function nextNight(now: number, random: number): number {
  const dayMs = 24 * hour;
  const dayBegan = Math.floor((now + nairobiOffsetMs) / dayMs) * dayMs - nairobiOffsetMs;
  const at = dayBegan + nightBeginsMs + Math.floor(nightSpreadMs * random);
  return at > now ? at : at + dayMs;
}

/** How long a feed is left alone after so many failures in a row: 1, 2, 4 … 60 minutes. */
export function backOffMs(failures: number, retryAfterMs: number | null): number {
  const waitMs = Math.min(60, 2 ** Math.min(failures - 1, 10)) * minute;
  return Math.max(waitMs, Math.min(retryAfterMs ?? 0, hour));
}
