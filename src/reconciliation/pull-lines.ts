// Pulls one shortcode's transactions under the lease of its feed: a page at a time by row offset until there is none,
// each page's lines and how far it came in one transaction, so that whoever takes over goes on where it stopped. Reached
// the end, the stretch counts as told completely. A problem is left on the feed in words and tried again later; nothing
// that goes wrong here is any other shortcode's business.

import { createHash, randomBytes } from 'node:crypto';
import type { Daraja } from '../mpesa/daraja.ts';
import type { ShortcodeCredentials } from '../mpesa/daraja-client.ts';
import { toCredentials } from '../mpesa/mpesa-provider.ts';
import { readPullRows, receiptsOf } from '../mpesa/pull-rows.ts';
import { type PullAnswer, type PullWindow, pullPage } from '../mpesa/pull-transactions.ts';
import { type Environment, findShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { RateLimiter } from '../platform/rate-limits.ts';
import { redactText } from '../platform/redaction.ts';
import type { Sealer } from '../platform/sealing.ts';
import { addCoverage } from './coverage-store.ts';
import { backOffMs, beginPull, type Feed, ownerOf, type PullProgress, planNext, takesTooLong } from './feed.ts';
import { leaseFeed, saveFeed } from './feed-store.ts';
import { readKnownTimes } from './known-times-store.ts';
import { addLines } from './line-store.ts';

export interface PullDeps {
  db: Db;
  sealer: Sealer;
  logger: Logger;
  now(): number;
  random(): number;
  daraja: Daraja;
  darajaUrls: Readonly<Record<Environment, string>>;
  /** How many pages may be asked for, by credential pair. */
  pullBudgets: Readonly<Record<Environment, RateLimiter>>;
  /** Longer than the longest call there can be. */
  leaseMs: number;
  /** True once the process stops: what was begun is left for others to go on with. */
  isStopping(): boolean;
  /** Told of each page. */
  onPage(outcome: PullAnswer['outcome'], newLines: number): void;
  /** Told when a stretch was told completely. */
  onCovered(covered: PullWindow & { shortcodeId: string; reach: PullProgress['reach'] }): void;
}

/** `busy`: another pulls it, or it is not due. `paced`: it goes on when the budget allows. `lost`: another took over. */
export type PullResult = 'done' | 'incomplete' | 'failed' | 'paced' | 'stopped' | 'busy' | 'lost';

/** One pull under way. */
interface Pull {
  shortcode: Shortcode;
  feed: Feed;
  token: string;
}

const linesAtOnce = 200;
/** A list that does not end by then does not end. */
const mostRows = 500_000;

/** Pulls the feed of a shortcode as far as it goes. Throws only when the database is away. */
export async function pullLines(deps: PullDeps, shortcodeId: string): Promise<PullResult> {
  const token = randomBytes(12).toString('base64url');
  const now = deps.now();
  const feed = await leaseFeed(deps.db, shortcodeId, { token, until: now + deps.leaseMs, now });
  if (feed === undefined) return 'busy';
  const shortcode = await findShortcodeAcrossTenants(deps.db, shortcodeId);
  if (shortcode === undefined) throw new Error(`there is no shortcode ${shortcodeId}`);
  const pull = { shortcode, feed, token };
  const progress = beginPull(feed, now);
  let credentials: ShortcodeCredentials;
  try {
    credentials = toCredentials(deps, shortcode);
  } catch (thrown) {
    const detail = `The credentials cannot be read: ${messageOf(thrown)}`;
    return fail(deps, pull, progress, { detail, retryAfterMs: null });
  }
  return pullPages(deps, pull, credentials, progress);
}

async function pullPages(
  deps: PullDeps,
  pull: Pull,
  credentials: ShortcodeCredentials,
  begun: PullProgress,
): Promise<PullResult> {
  let progress = begun;
  for (;;) {
    const now = deps.now();
    if (deps.isStopping()) return letGo(deps, pull, progress, now, 'stopped');
    if (takesTooLong(progress, now)) return finish(deps, pull, progress, 'It took more than two hours.');
    const slot = await deps.pullBudgets[pull.shortcode.environment].take(pull.shortcode.credentialId);
    if (!slot.allowed) return letGo(deps, pull, progress, now + Math.max(1, slot.resetMs), 'paced');
    const answer = await pullPage(deps.daraja, credentials, progress);
    switch (answer.outcome) {
      case 'end':
        deps.onPage('end', 0);
        return finish(deps, pull, progress, null);
      case 'refused':
      case 'unclear':
        deps.onPage(answer.outcome, 0);
        return fail(deps, pull, progress, answer);
      case 'rows': {
        const next = await takePage(deps, pull, progress, answer.rows);
        if (next === 'lost') return 'lost';
        if (next === 'repeated') return finish(deps, pull, progress, 'M-PESA gave the same page again.');
        if (next.offset > mostRows) return finish(deps, pull, next, 'The list has no end.');
        progress = next;
        break;
      }
      default:
        answer satisfies never;
    }
  }
}

/** Adds a page's lines. Rows that were pulled before add nothing; a page that comes again ends the pull. */
async function takePage(
  deps: PullDeps,
  { shortcode, token }: Pull,
  progress: PullProgress,
  rows: readonly Record<string, unknown>[],
): Promise<PullProgress | 'repeated' | 'lost'> {
  const page = createHash('sha256').update(JSON.stringify(rows)).digest('base64url').slice(0, 24);
  if (page === progress.lastPage || page === progress.firstPage) {
    deps.onPage('rows', 0);
    return 'repeated';
  }
  const now = deps.now();
  const known = await readKnownTimes(deps.db, shortcode, receiptsOf(rows));
  const { lines, unreadable } = readPullRows(rows, progress, now, known);
  const next: PullProgress = {
    ...progress,
    offset: progress.offset + rows.length,
    unreadable: progress.unreadable + unreadable,
    firstPage: progress.firstPage ?? page,
    lastPage: page,
    failures: 0,
    movedAt: now,
  };
  const newLines = await inTransaction(deps.db, async (trx) => {
    // First, and so that a lost lease adds nothing: the row is then locked until the lines are in.
    if (!(await saveFeed(trx, shortcode.id, token, { progress: next }, now + deps.leaseMs))) return null;
    let added = 0;
    for (let from = 0; from < lines.length; from += linesAtOnce)
      added += await addLines(trx, deps.sealer, ownerOf(shortcode), lines.slice(from, from + linesAtOnce), { now });
    return added;
  });
  if (newLines === null) return lose(deps, shortcode);
  deps.onPage('rows', newLines);
  const subject = { tenant_id: shortcode.tenantId, shortcode_id: shortcode.id };
  deps.logger.info('pull.page', {
    ...subject,
    reach: progress.reach,
    offset: progress.offset,
    rows: rows.length,
    lines_new: newLines,
    rows_unreadable: unreadable,
  });
  return next;
}

/** The end was reached, or is given up for this time. Only a stretch without a problem counts as told completely. */
async function finish(
  deps: PullDeps,
  { shortcode, feed, token }: Pull,
  progress: PullProgress,
  problem: string | null,
): Promise<PullResult> {
  const now = deps.now();
  const { id: shortcodeId, tenantId } = shortcode;
  const { fromAt, toAt, reach, offset, unreadable } = progress;
  const pullProblem =
    problem ?? (unreadable === 0 ? null : `${unreadable} of ${offset} rows could not be read; a statement tells them.`);
  const change = { ...planNext(reach, feed, now, deps.random()), pulledAt: now, pullProblem, progress: null };
  const isSaved = await inTransaction(deps.db, async (trx) => {
    if (!(await saveFeed(trx, shortcodeId, token, change, null))) return false;
    if (pullProblem === null) await addCoverage(trx, { shortcodeId, source: 'pull', fromAt, toAt, now });
    return true;
  });
  if (!isSaved) return lose(deps, shortcode);
  const told = { tenant_id: tenantId, shortcode_id: shortcodeId, reach, rows: offset };
  if (pullProblem !== null) {
    deps.logger.warn('pull.incomplete', { ...told, detail: pullProblem });
    return 'incomplete';
  }
  deps.logger.info('pull.done', told);
  deps.onCovered({ shortcodeId, fromAt, toAt, reach });
  return 'done';
}

async function fail(
  deps: PullDeps,
  { shortcode, token }: Pull,
  progress: PullProgress,
  { detail, retryAfterMs }: { detail: string; retryAfterMs: number | null },
): Promise<PullResult> {
  const now = deps.now();
  const failures = progress.failures + 1;
  const pullProblem = redactText(`M-PESA did not tell: ${detail}`);
  const change = {
    progress: { ...progress, failures, movedAt: now },
    pullProblem,
    pullDueAt: now + backOffMs(failures, retryAfterMs),
  };
  if (!(await saveFeed(deps.db, shortcode.id, token, change, null))) return lose(deps, shortcode);
  const told = { tenant_id: shortcode.tenantId, shortcode_id: shortcode.id, failures, detail: pullProblem };
  deps.logger.warn('pull.failed', told);
  return 'failed';
}

async function letGo(
  deps: PullDeps,
  { shortcode, token }: Pull,
  progress: PullProgress,
  pullDueAt: number,
  result: 'paced' | 'stopped',
): Promise<PullResult> {
  const isSaved = await saveFeed(deps.db, shortcode.id, token, { progress, pullDueAt }, null);
  return isSaved ? result : lose(deps, shortcode);
}

function lose(deps: PullDeps, { id, tenantId }: Shortcode): 'lost' {
  deps.logger.warn('pull.lease_lost', { tenant_id: tenantId, shortcode_id: id });
  return 'lost';
}
