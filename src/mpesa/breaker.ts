// Stops pushing where pushing has stopped working: after five pushes in a row without a clear answer from Daraja the
// breaker of that shortcode opens for 30 s, then one push probes, and each failed probe doubles the wait up to five
// minutes. What is held back stays queued: no money can move, and no customer waits on a prompt that is lost.

import type { Clock } from '../platform/clock.ts';

const opensAfter = 5;
const firstOpenMs = 30_000;
const longestOpenMs = 300_000;

export type BreakerState = 'closed' | 'open' | 'probing';

export interface Breaker {
  /** Milliseconds until a push may be tried; 0 lets it through. */
  waitMs(shortcodeId: string): number;
  /** Daraja answered, with a yes or a no. */
  answered(shortcodeId: string): void;
  /** No clear answer, or none at all. */
  failed(shortcodeId: string): void;
  state(shortcodeId: string): BreakerState;
  /** Milliseconds until a probe may go; asking takes no part in it. 0 where it is not open. */
  openForMs(shortcodeId: string): number;
  /** Shortcodes whose breaker is not closed. */
  openCount(): number;
}

interface Circuit {
  failures: number;
  openMs: number;
  openUntil: number;
  probeUntil: number;
}

export function createBreaker(clock: Clock): Breaker {
  const circuits = new Map<string, Circuit>();

  function state(shortcodeId: string): BreakerState {
    const circuit = circuits.get(shortcodeId);
    if (circuit === undefined || circuit.failures < opensAfter) return 'closed';
    return clock.now() < circuit.openUntil ? 'open' : 'probing';
  }

  return {
    state,
    openForMs: (shortcodeId) =>
      state(shortcodeId) === 'open' ? circuits.get(shortcodeId)!.openUntil - clock.now() : 0,
    waitMs(shortcodeId) {
      const circuit = circuits.get(shortcodeId);
      if (circuit === undefined || circuit.failures < opensAfter) return 0;
      const now = clock.now();
      if (now < circuit.openUntil) return circuit.openUntil - now;
      if (now < circuit.probeUntil) return Math.min(1000, circuit.probeUntil - now);
      // This one probes; if its answer never comes, another may probe later.
      circuit.probeUntil = now + firstOpenMs;
      return 0;
    },
    answered(shortcodeId) {
      circuits.delete(shortcodeId);
    },
    failed(shortcodeId) {
      const circuit = circuits.get(shortcodeId) ?? {
        failures: 0,
        openMs: firstOpenMs / 2,
        openUntil: 0,
        probeUntil: 0,
      };
      circuit.failures += 1;
      if (circuit.failures >= opensAfter && clock.now() >= circuit.openUntil) {
        circuit.openMs = Math.min(longestOpenMs, circuit.openMs * 2);
        circuit.openUntil = clock.now() + circuit.openMs;
        circuit.probeUntil = 0;
      }
      circuits.set(shortcodeId, circuit);
    },
    openCount: () => [...circuits.keys()].filter((shortcodeId) => state(shortcodeId) !== 'closed').length,
  };
}
