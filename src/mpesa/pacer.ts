// How fast pushes of one shortcode may go: a ceiling shared by all processes, halved each time Daraja says spike arrest
// and given back step by step. Halving makes each push cost twice as much of the same bucket.

import type { Clock } from '../platform/clock.ts';
import type { RateLimiter } from '../platform/rate-limits.ts';

const recoverEveryMs = 30_000;

export interface Pacer {
  /** Milliseconds to wait before a push of this shortcode; 0 takes a place. */
  take(shortcodeId: string): Promise<number>;
  /** Daraja said spike arrest or quota. */
  slowDown(shortcodeId: string): void;
}

export function createPacer(limiter: RateLimiter, clock: Clock): Pacer {
  const slowed = new Map<string, { cost: number; since: number }>();

  function costOf(shortcodeId: string): number {
    const slow = slowed.get(shortcodeId);
    if (slow === undefined) return 1;
    const steps = Math.floor((clock.now() - slow.since) / recoverEveryMs);
    const cost = Math.max(1, slow.cost >> Math.min(steps, 30));
    if (cost === 1) slowed.delete(shortcodeId);
    return cost;
  }

  return {
    async take(shortcodeId) {
      const decision = await limiter.take(shortcodeId, costOf(shortcodeId));
      return decision.allowed ? 0 : Math.max(1, decision.resetMs);
    },
    slowDown(shortcodeId) {
      const cost = Math.min(limiter.limit.points, costOf(shortcodeId) * 2);
      slowed.set(shortcodeId, { cost, since: clock.now() });
    },
  };
}
