// One lane a shortcode, so that none fills the worker (promise 7): at most so many pushes at once, and none at all while
// the pacer, the breaker or a pause holds them back. Only this process's memory; the provider is asked again afterwards.

import type { Clock } from '../platform/clock.ts';

const mostPushes = 25;
/** How long a full lane is passed over if nothing in it ends before. */
const fullForMs = 1000;

export interface PushLanes {
  /** Takes a place, or says that there is none now. */
  enter(shortcodeId: string): boolean;
  leave(shortcodeId: string): void;
  /** Nothing of this shortcode is worth looking at for so long. */
  hold(shortcodeId: string, waitMs: number): void;
  /** Shortcodes that are held back or full. */
  held(): string[];
}

/** @param onFree a lane that was held has room again */
export function createPushLanes(clock: Clock, onFree: () => void): PushLanes {
  const pushes = new Map<string, number>();
  const heldUntil = new Map<string, number>();
  const full = new Set<string>();

  const isHeld = (shortcodeId: string): boolean => (heldUntil.get(shortcodeId) ?? 0) > clock.now();

  function hold(shortcodeId: string, waitMs: number): void {
    if (isHeld(shortcodeId)) return;
    heldUntil.set(shortcodeId, clock.now() + waitMs);
    clock.after(waitMs, () => {
      if (isHeld(shortcodeId)) return;
      heldUntil.delete(shortcodeId);
      onFree();
    });
  }

  return {
    enter(shortcodeId) {
      if (isHeld(shortcodeId)) return false;
      const busy = pushes.get(shortcodeId) ?? 0;
      if (busy >= mostPushes) {
        full.add(shortcodeId);
        hold(shortcodeId, fullForMs);
        return false;
      }
      pushes.set(shortcodeId, busy + 1);
      return true;
    },
    leave(shortcodeId) {
      const busy = (pushes.get(shortcodeId) ?? 1) - 1;
      if (busy === 0) pushes.delete(shortcodeId);
      else pushes.set(shortcodeId, busy);
      if (full.delete(shortcodeId)) {
        heldUntil.delete(shortcodeId);
        onFree();
      }
    },
    hold,
    held: () => [...heldUntil.keys()].filter(isHeld),
  };
}
