// What was just read is believed for one second in this process. Short enough that nothing has to be told when it
// changes: a revoked key or a paused shortcode is noticed everywhere within that second, whatever happens to Redis.

import type { Clock } from './clock.ts';

const believedForMs = 1000;
const mostEntries = 10_000;

/** A clock that was set back makes ages negative: then nothing is believed. */
function isBelieved(ageMs: number): boolean {
  return ageMs >= 0 && ageMs < believedForMs;
}

/** Makes a cache of reads by key. Callers at the same time share one read; a read that failed is nobody's answer. */
export function createBriefCache(clock: Clock): <T>(key: string, read: () => Promise<T>) => Promise<T> {
  const entries = new Map<string, { readAt: number; value: Promise<unknown> }>();
  return <T>(key: string, read: () => Promise<T>): Promise<T> => {
    const entry = entries.get(key);
    if (entry !== undefined && isBelieved(clock.now() - entry.readAt)) return entry.value as Promise<T>;
    if (entries.size >= mostEntries) entries.clear();
    const value = read();
    entries.set(key, { readAt: clock.now(), value });
    value.catch(() => entries.delete(key));
    return value;
  };
}
