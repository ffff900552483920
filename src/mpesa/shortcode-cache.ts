// Shortcodes as the hot path sees them: read once a second at most, so that pausing one or changing its credentials
// reaches every process within a second without anything having to be told.

import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import { findShortcodeAcrossTenants, listShortcodes, type Shortcode } from './shortcode-store.ts';

export interface ShortcodeCache {
  list(tenantId: string, mode: Mode): Promise<readonly Shortcode[]>;
  find(shortcodeId: string): Promise<Shortcode | undefined>;
}

export function createShortcodeCache(db: Db, clock: Clock): ShortcodeCache {
  const cached = createBriefCache(clock);
  return {
    list: (tenantId, mode) => cached(`${tenantId} ${mode}`, () => listShortcodes(db, tenantId, mode)),
    find: (shortcodeId) => cached(shortcodeId, () => findShortcodeAcrossTenants(db, shortcodeId)),
  };
}
