// Group commit. What arrives while a batch is being written waits for the next one and shares its commit: under load
// several requests pay for one disk flush, alone a request waits for nobody. No timer is involved.

export interface Batcher<Item, Result> {
  /** Settles when the batch that carries `item` has been written. */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing is waiting or being written. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(reason: unknown): void;
}

export interface BatcherOptions {
  maxSize: number;
  maxInFlight: number;
  /** Whether a failure is everybody's (the database is away), so that trying each item alone would only cost time. */
  failsTogether(thrown: unknown): boolean;
}

/**
 * @param write writes a batch and answers one result per item, in order. An item's own failure is a result that is an
 *   Error; when `write` throws, the items of a batch larger than one are tried alone, so that one bad item or
 *   tenant cannot fail its neighbours.
 */
export function createBatcher<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
  options: BatcherOptions,
): Batcher<Item, Result> {
  const waiting: Waiting<Item, Result>[] = [];
  const idle: (() => void)[] = [];
  let inFlight = 0;
  let planned = false;

  function plan(): void {
    if (planned || inFlight >= options.maxInFlight || waiting.length === 0) return;
    planned = true;
    // One turn of the event loop lets the requests that arrived together travel together.
    setImmediate(() => {
      planned = false;
      if (waiting.length > 0 && inFlight < options.maxInFlight) {
        void writeBatch(waiting.splice(0, options.maxSize));
        plan();
      }
    });
  }

  async function writeBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    inFlight += 1;
    try {
      deliver(batch, await write(batch.map(({ item }) => item)));
    } catch (thrown) {
      if (batch.length === 1 || options.failsTogether(thrown)) for (const { reject } of batch) reject(thrown);
      else for (const one of batch) await writeAlone(one);
    } finally {
      inFlight -= 1;
      plan();
      if (inFlight === 0 && waiting.length === 0) for (const done of idle.splice(0)) done();
    }
  }

  async function writeAlone(one: Waiting<Item, Result>): Promise<void> {
    try {
      deliver([one], await write([one.item]));
    } catch (thrown) {
      one.reject(thrown);
    }
  }

  function deliver(batch: Waiting<Item, Result>[], results: readonly (Result | Error)[]): void {
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = results[index];
      if (result instanceof Error) reject(result);
      else resolve(result as Result);
    }
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        plan();
      });
    },
    drain() {
      return inFlight === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
    },
  };
}
