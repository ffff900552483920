// SQL for feeds: what is registered at Safaricom for a shortcode, when it was last heard of, and where pulling stands. A
// feed is pulled under a lease, which whoever lost it cannot write past.

import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';
import type { Feed, PullProgress } from './feed.ts';

interface Row {
  shortcode_id: string;
  c2b_registered_at: number | null;
  c2b_last_heard_at: number | null;
  pull_registered_at: number | null;
  pull_due_at: number | null;
  pull_hour_at: number | null;
  pull_night_at: number | null;
  pulled_at: number | null;
  pull_problem: string | null;
  pull_progress: string | null;
  lease_token: string | null;
  lease_until: number | null;
}

/** Undefined: nothing was ever registered or heard for this shortcode. */
export async function findFeed(db: Db, shortcodeId: string): Promise<Feed | undefined> {
  const row: Row | undefined = await db('feeds').where({ shortcode_id: shortcodeId }).first();
  return row === undefined ? undefined : toFeed(row);
}

export async function noteC2bRegistered(db: Db, shortcodeId: string, at: number): Promise<void> {
  await makeFeed(db, shortcodeId);
  await db('feeds').where({ shortcode_id: shortcodeId }).update({ c2b_registered_at: at });
}

/** From now on it is pulled; the first time at once, as far back as Safaricom tells. */
export async function notePullRegistered(db: Db, shortcodeId: string, at: number): Promise<void> {
  await makeFeed(db, shortcodeId);
  const begun = { pull_registered_at: at, pull_due_at: at, pull_night_at: null, pull_problem: null };
  await db('feeds').where({ shortcode_id: shortcodeId }).update(begun);
}

/** Notes when each shortcode was last confirmed something; never moves a time back. */
export async function saveLastHeard(db: Db, lastHeardAt: ReadonlyMap<string, number>): Promise<void> {
  for (const [shortcodeId, at] of lastHeardAt) {
    await makeFeed(db, shortcodeId);
    await db('feeds')
      .where({ shortcode_id: shortcodeId })
      .where((earlier) => earlier.whereNull('c2b_last_heard_at').orWhere('c2b_last_heard_at', '<', at))
      .update({ c2b_last_heard_at: at });
  }
}

async function makeFeed(db: Db, shortcodeId: string): Promise<void> {
  await insertIgnoringDuplicates(db, 'feeds', [{ shortcode_id: shortcodeId }]);
}

/** Ids of confirmed lines that matching has work with. */
export async function findDueC2bLines(db: Db, shortcodeId: string, receipts: readonly string[]): Promise<string[]> {
  return db('statement_lines')
    .where({ shortcode_id: shortcodeId, source: 'c2b' })
    .whereIn('external_key', receipts)
    .whereNotNull('due_at')
    .pluck('id');
}

/** Shortcodes that are due to be pulled and that nobody pulls, the longest due first. */
export async function findDueFeedsAcrossTenants(db: Db, now: number, limit: number): Promise<string[]> {
  return db('feeds')
    .where('pull_due_at', '<=', now)
    .where((free) => free.whereNull('lease_until').orWhere('lease_until', '<=', now))
    .orderBy('pull_due_at')
    .limit(limit)
    .pluck('shortcode_id');
}

/** Takes the lease of a feed that is due; undefined when another has it, or it is not due any more. */
export async function leaseFeed(
  db: Db,
  shortcodeId: string,
  { token, until, now }: { token: string; until: number; now: number },
): Promise<Feed | undefined> {
  const taken = await db('feeds')
    .where({ shortcode_id: shortcodeId })
    .where('pull_due_at', '<=', now)
    .where((free) => free.whereNull('lease_until').orWhere('lease_until', '<=', now))
    .update({ lease_token: token, lease_until: until });
  return taken === 1 ? findFeed(db, shortcodeId) : undefined;
}

export type FeedChange = Partial<
  Pick<Feed, 'pullDueAt' | 'pullHourAt' | 'pullNightAt' | 'pulledAt' | 'pullProblem' | 'progress'>
>;

/**
 * Writes how far pulling came. @param leaseUntil null lets go of the feed @returns false when the lease was lost: then
 * nothing was written
 */
export async function saveFeed(
  db: Db,
  shortcodeId: string,
  token: string,
  change: FeedChange,
  leaseUntil: number | null,
): Promise<boolean> {
  const { pullDueAt, pullHourAt, pullNightAt, pulledAt, pullProblem, progress } = change;
  const columns = {
    lease_until: leaseUntil,
    ...(leaseUntil === null ? { lease_token: null } : {}),
    ...(pullDueAt === undefined ? {} : { pull_due_at: pullDueAt }),
    ...(pullHourAt === undefined ? {} : { pull_hour_at: pullHourAt }),
    ...(pullNightAt === undefined ? {} : { pull_night_at: pullNightAt }),
    ...(pulledAt === undefined ? {} : { pulled_at: pulledAt }),
    ...(pullProblem === undefined ? {} : { pull_problem: pullProblem?.slice(0, 255) ?? null }),
    ...(progress === undefined ? {} : { pull_progress: progress === null ? null : JSON.stringify(progress) }),
  };
  return (await db('feeds').where({ shortcode_id: shortcodeId, lease_token: token }).update(columns)) === 1;
}

/** Feeds whose pulling does not come to its end. */
export async function countPullProblemsAcrossTenants(db: Db): Promise<number> {
  const row = await db('feeds').whereNotNull('pull_problem').count({ count: '*' }).first();
  return Number(row?.count ?? 0);
}

const numberOf = (value: number | null): number | null => (value === null ? null : Number(value));

function toFeed(row: Row): Feed {
  return {
    shortcodeId: row.shortcode_id,
    c2bRegisteredAt: numberOf(row.c2b_registered_at),
    c2bLastHeardAt: numberOf(row.c2b_last_heard_at),
    pullRegisteredAt: numberOf(row.pull_registered_at),
    pullDueAt: numberOf(row.pull_due_at),
    pullHourAt: numberOf(row.pull_hour_at),
    pullNightAt: numberOf(row.pull_night_at),
    pulledAt: numberOf(row.pulled_at),
    pullProblem: row.pull_problem,
    progress: row.pull_progress === null ? null : (JSON.parse(row.pull_progress) as PullProgress),
  };
}
