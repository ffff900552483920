// Pulls the feeds that are due, a few at a time. Each has its lease, so any number of workers share them; a feed that
// fails, waits for its budget or never answers holds up no other.

import { isDatabaseAway } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import { findDueFeedsAcrossTenants } from './feed-store.ts';
import { type PullDeps, type PullResult, pullLines } from './pull-lines.ts';

export interface PullWorker {
  /** Begins to pull what is due, as far as there is room; does not wait for what it began. */
  dispatch(): Promise<readonly Promise<PullResult | null>[]>;
  /** {@link dispatch}, and waits; what came of each, null for one that threw. */
  sweep(): Promise<readonly (PullResult | null)[]>;
  /** Takes nothing new, lets what is under way end its page, and waits for it. */
  stop(): Promise<void>;
}

const mostInFlight = 8;

export function createPullWorker(deps: Omit<PullDeps, 'isStopping'>): PullWorker {
  const underWay = new Map<string, Promise<PullResult | null>>();
  let isStopped = false;
  const pulling: PullDeps = { ...deps, isStopping: () => isStopped };

  function begin(shortcodeId: string): Promise<PullResult | null> {
    const work = pullLines(pulling, shortcodeId)
      .catch((thrown: unknown) => {
        // The lease runs out, and the feed is still due.
        const about = { shortcode_id: shortcodeId };
        if (isDatabaseAway(thrown)) deps.logger.warn('pull.interrupted', { ...about, detail: messageOf(thrown) });
        else deps.logger.error('pull.interrupted', { ...about, error: thrown });
        return null;
      })
      .finally(() => underWay.delete(shortcodeId));
    underWay.set(shortcodeId, work);
    return work;
  }

  async function dispatch(): Promise<readonly Promise<PullResult | null>[]> {
    if (isStopped || underWay.size >= mostInFlight) return [];
    const due = await findDueFeedsAcrossTenants(deps.db, deps.now(), 2 * mostInFlight);
    return due
      .filter((shortcodeId) => !underWay.has(shortcodeId))
      .slice(0, mostInFlight - underWay.size)
      .map(begin);
  }

  return {
    dispatch,
    sweep: async () => Promise.all(await dispatch()),
    async stop() {
      isStopped = true;
      await Promise.all(underWay.values());
    },
  };
}
