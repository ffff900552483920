// A clock that stands still until a test moves it, so that rules about minutes and days are tested in milliseconds.
// Timers run in the order of their due time; between two timers pending promises and ready I/O get one turn of the
// event loop, so a timer may plan the next one and it still runs inside the same `advance`.

import type { Cancel, Clock } from '../../src/platform/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward and runs every timer that falls due on the way. */
  advance(ms: number): Promise<void>;
  /** Jumps to a time without running any timer; those then overdue run at the next `advance`. */
  set(epochMs: number): void;
}

interface Timer {
  dueAt: number;
  run: () => void;
}

/** Tuesday 6 October 2026, 14:15:30 in Nairobi, unless another start is given. */
export function createManualClock(startMs: number = Date.UTC(2026, 9, 6, 11, 15, 30)): ManualClock {
  let now = startMs;
  const timers = new Set<Timer>();

  function nextDue(limit: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of timers) {
      // A Set keeps the order of insertion, so timers due at the same moment run first come, first served.
      if (timer.dueAt <= limit && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  return {
    now: () => now,
    after(delayMs: number, run: () => void): Cancel {
      const timer = { dueAt: now + Math.max(0, delayMs), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms: number): Promise<void> {
      const end = now + ms;
      await turnOfTheLoop();
      for (let timer = nextDue(end); timer !== undefined; timer = nextDue(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.dueAt);
        timer.run();
        await turnOfTheLoop();
      }
      now = Math.max(now, end);
    },
    set(epochMs: number): void {
      now = epochMs;
    },
  };
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
