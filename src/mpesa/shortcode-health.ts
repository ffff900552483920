// How a shortcode fares, from its payments of the last quarter of an hour. Customers who decline say nothing about
// health: only failures on the provider's, the network's or the configuration's side count against it.

import { type FailureCode, failureCatalogue } from '../payments/failures.ts';
import type { Db } from '../platform/database.ts';
import type { SharedCache } from '../platform/shared-cache.ts';
import type { Mode } from '../tenants/api-key.ts';
import { breakerKey } from './mpesa-provider.ts';
import { countOutcomes, type Shortcode } from './shortcode-store.ts';

export interface ShortcodeHealth {
  health: 'up' | 'degraded' | 'down';
  /** Share of the ended payments that were paid, two decimals; null when none ended. */
  successRate: number | null;
}

export interface HealthDeps {
  db: Db;
  now(): number;
  cache: SharedCache;
}

const windowMs = 15 * 60_000;
const fewestToJudge = 5;
const endedStatuses = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

export async function readHealth(
  deps: HealthDeps,
  tenantId: string,
  mode: Mode,
  shortcodes: readonly Shortcode[],
): Promise<Map<string, ShortcodeHealth>> {
  const outcomes = await countOutcomes(deps.db, tenantId, mode, deps.now() - windowMs);
  const health = new Map<string, ShortcodeHealth>();
  for (const { id } of shortcodes) {
    const isBreakerOpen = (await deps.cache.get(breakerKey(id)).catch(() => undefined)) !== undefined;
    health.set(
      id,
      judge(
        outcomes.filter(({ shortcodeId }) => shortcodeId === id),
        isBreakerOpen,
      ),
    );
  }
  return health;
}

type Outcome = { status: string; failureCode: string | null; count: number };

function judge(outcomes: readonly Outcome[], isBreakerOpen: boolean): ShortcodeHealth {
  const sum = (wanted: (outcome: Outcome) => boolean): number =>
    outcomes.filter(wanted).reduce((total, { count }) => total + count, 0);
  const ended = sum(({ status }) => endedStatuses.has(status));
  const paid = sum(({ status }) => status === 'succeeded');
  const troubled = sum(
    ({ status, failureCode }) =>
      status === 'unknown' ||
      (failureCode !== null && failureCatalogue[failureCode as FailureCode].category !== 'customer'),
  );
  const judged = ended + sum(({ status }) => status === 'unknown');
  const share = judged < fewestToJudge ? 0 : troubled / judged;
  return {
    health: isBreakerOpen || share > 0.8 ? 'down' : share > 0.2 ? 'degraded' : 'up',
    successRate: ended === 0 ? null : Math.round((paid / ended) * 100) / 100,
  };
}
