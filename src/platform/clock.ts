// Time as a dependency. Every rule about money that involves time (leases, expiry, the asking schedule) reads the
// clock it was given, so that a test can move five days in a millisecond. Nothing but this file and the process's
// entry point may call Date.now() or setTimeout for a rule.

/** Stops what {@link Clock.after} planned; harmless when it already ran. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `run` once, `delayMs` from now. The timer never keeps the process alive. */
  after(delayMs: number, run: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** RFC 3339 in UTC with milliseconds, or null: the form of every time on the API. */
export function isoTime(epochMs: number): string;
export function isoTime(epochMs: number | null): string | null;
export function isoTime(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
