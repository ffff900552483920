// Keeps the hot path off the database: a key that was read is believed for one second, in this process. That is also
// how long a revoked key or a disabled tenant may still be served, everywhere, whatever happens to Redis.

import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import { findKeyAcrossTenants, type StoredKey, saveKeyUses } from './tenant-store.ts';

export interface KeyCache {
  find(publicId: string): Promise<StoredKey | undefined>;
  /** Remembers the use in memory; {@link flush} writes it. */
  noteUse(keyId: string, scope: string): void;
  flush(): Promise<void>;
}

export function createKeyCache(db: Db, clock: Clock): KeyCache {
  const cached = createBriefCache(clock);
  const uses = new Map<string, { keyId: string; scope: string; lastUsedAt: number }>();
  return {
    find: (publicId) => cached(publicId, () => findKeyAcrossTenants(db, publicId)),
    noteUse(keyId, scope) {
      uses.set(`${keyId} ${scope}`, { keyId, scope, lastUsedAt: clock.now() });
    },
    async flush() {
      const batch = [...uses.values()];
      uses.clear();
      await saveKeyUses(db, batch);
    },
  };
}
