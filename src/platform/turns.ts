// One thing at a time: turns that are asked for while one runs become one more turn, and whoever needs a turn of its own
// waits for its place. Nothing is lost between "nothing to do" and "do it again".

export interface Turns {
  /** Asks for a turn soon; asking often is asking once. Returns at once. */
  ask(): void;
  /** Runs `work` alone, after what is running; rejects as it does. */
  take(work: () => Promise<void>): Promise<void>;
  isIdle(): boolean;
  /** Resolves when what is running has ended, however it ended. */
  ended(): Promise<void>;
  /** Nothing begins any more; what is running is waited for. */
  close(): Promise<void>;
}

/** @param turn what a turn does @param complain hears what a turn that was asked for threw */
export function createTurns(turn: () => Promise<void>, complain: (thrown: unknown) => void): Turns {
  let running: Promise<void> | null = null;
  let isAsked = false;
  let isClosed = false;
  /** Who waits for a turn of its own comes before those that are asked for. */
  let waiting = 0;

  function ask(): void {
    if (isClosed) return;
    isAsked = true;
    running ??= runWhileAsked();
  }

  async function runWhileAsked(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (isAsked && !isClosed && waiting === 0) {
      isAsked = false;
      await turn().catch(complain);
    }
    running = null;
  }

  return {
    ask,
    async take(work) {
      waiting += 1;
      while (running !== null) await running;
      waiting -= 1;
      if (isClosed) return;
      const taken = work().finally(() => {
        running = null;
        if (isAsked) ask();
      });
      running = taken.catch(() => undefined);
      await taken;
    },
    isIdle: () => running === null,
    ended: () => running ?? Promise.resolve(),
    async close() {
      isClosed = true;
      await running;
    },
  };
}
