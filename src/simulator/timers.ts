// Everything the simulator plans for later goes through here, so that `speed` holds everywhere and nothing is left
// running after a reset or a close. A delay of nothing runs at once: with the default settings a test needs no turn of
// the clock for an acknowledgement.

import type { Cancel, Clock } from '../platform/clock.ts';

export class Timers {
  private readonly clock: Clock;
  private readonly speed: number;
  private isClosed = false;
  private readonly planned = new Set<{ cancel: Cancel; giveUp: () => void }>();

  constructor(clock: Clock, speed: number) {
    this.clock = clock;
    this.speed = speed;
  }

  now(): number {
    return this.clock.now();
  }

  /** Milliseconds of Daraja's time as they really pass here. */
  scaled(ms: number): number {
    return ms / this.speed;
  }

  after(ms: number, run: () => void): Cancel {
    return this.afterExactly(this.scaled(ms), run);
  }

  /** The same without `speed`: for people, and for limits of the network. */
  afterExactly(ms: number, run: () => void, giveUp: () => void = () => {}): Cancel {
    if (this.isClosed) {
      giveUp();
      return () => {};
    }
    if (ms <= 0) {
      run();
      return () => {};
    }
    const entry = { cancel: () => {}, giveUp };
    entry.cancel = this.clock.after(ms, () => {
      this.planned.delete(entry);
      run();
    });
    this.planned.add(entry);
    return () => {
      this.planned.delete(entry);
      entry.cancel();
    };
  }

  /** Resolves after the delay, or at once when everything is called off. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.afterExactly(this.scaled(ms), resolve, resolve);
    });
  }

  /** Calls everything off, and plans nothing any more. */
  close(): void {
    this.isClosed = true;
    this.cancelAll();
  }

  cancelAll(): void {
    const entries = [...this.planned];
    this.planned.clear();
    for (const { cancel } of entries) cancel();
    for (const { giveUp } of entries) giveUp();
  }
}
