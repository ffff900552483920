// Work that comes back: a sweep, a heartbeat, a flush. One run at a time, the next one planned when it ends; a failure
// is logged and tried again, never fatal.

import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

interface Repeating {
  /** Plans nothing new and waits for a run that is under way. */
  stop(): Promise<void>;
}

function repeat(clock: Clock, logger: Logger, name: string, everyMs: number, work: () => Promise<unknown>): Repeating {
  let isStopped = false;
  let cancel = () => {};
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      logger.warn('background.failed', { task: name, detail: messageOf(thrown) });
    }
    if (!isStopped) plan();
  }

  function plan(): void {
    cancel = clock.after(everyMs, () => {
      running = run();
    });
  }

  plan();
  return {
    async stop() {
      isStopped = true;
      cancel();
      await running;
    },
  };
}

export interface BackgroundTask {
  name: string;
  everyMs: number;
  work(): Promise<unknown>;
}

export function task(name: string, everyMs: number, work: () => Promise<unknown>): BackgroundTask {
  return { name, everyMs, work };
}

/** All of a process's repeated work, begun and stopped together. */
export function createBackground(clock: Clock, logger: Logger, tasks: readonly BackgroundTask[]) {
  let running: Repeating[] = [];
  return {
    start(): void {
      running = tasks.map(({ name, everyMs, work }) => repeat(clock, logger, name, everyMs, work));
    },
    async stop(): Promise<void> {
      await Promise.all(running.map((task) => task.stop()));
    },
  };
}
