// The queue only nudges: "look at these rows now". Nothing depends on a job: every row that is due is also found by a
// sweep over an indexed column, so a job that is lost costs a second, and one that comes twice costs a look.

import Bull from 'bull';
import type { Logger } from './logger.ts';
import type { RedisConnections } from './redis.ts';

export interface Queue {
  /** Says that these rows are due. Never waits and never throws. */
  nudge(lane: string, ids: readonly string[]): void;
  /** Hands the ids of a lane to `handle`, which must not throw and should return at once. */
  work(lane: string, handle: (ids: readonly string[]) => void): void;
  /** Nudges that wait, by lane, as far as this process knows the lanes; none in one process, or while Redis is away. */
  depths(): Promise<QueueDepth[]>;
  close(): Promise<void>;
}

export interface QueueDepth {
  lane: string;
  waiting: number;
  active: number;
}

/** For one process: hands over on the next turn of the event loop. */
export function createInProcessQueue(): Queue {
  const handlers = new Map<string, (ids: readonly string[]) => void>();
  return {
    nudge(lane, ids) {
      setImmediate(() => handlers.get(lane)?.(ids));
    },
    work(lane, handle) {
      handlers.set(lane, handle);
    },
    depths: async () => [],
    async close() {
      handlers.clear();
    },
  };
}

/** Bull breaks when it is closed before it is ready; without Redis it never is, and is left. */
async function closeQueue(queue: Bull.Queue): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, readyPatienceMs, false);
  });
  const isReady = await Promise.race([queue.isReady().then(() => true), late]).catch(() => false);
  clearTimeout(timer);
  if (isReady) await queue.close(true).catch(() => undefined);
}

const readyPatienceMs = 1000;

/** For many processes: one Bull queue a lane. Jobs carry ids only, are tried once and removed when done (stack.md, Bull 4 traps). */
export function createBullQueue(redis: RedisConnections, prefix: string, logger: Logger): Queue {
  const queues = new Map<string, Bull.Queue<{ ids: string[] }>>();
  let closing = false;

  function queueOf(lane: string): Bull.Queue<{ ids: string[] }> {
    const known = queues.get(lane);
    if (known !== undefined) return known;
    const queue = new Bull<{ ids: string[] }>(lane, {
      prefix: `{${prefix}}:bull`,
      // The subscriber and the command connection of Bull are the only ones that may wait for Redis.
      createClient: () => redis.createForBull(),
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    });
    // Bull names its connection and never looks whether that failed: closed at that moment, it would end the process.
    Object.assign(queue, { setWorkerName: async () => undefined });
    queue.on('error', (error) => logger.debug('queue.error', { lane, detail: error.message }));
    queues.set(lane, queue);
    return queue;
  }

  return {
    nudge(lane, ids) {
      if (closing || redis.commands.status !== 'ready') return;
      queueOf(lane)
        .add({ ids: [...ids] })
        .catch((error: Error) => logger.debug('queue.nudge_lost', { lane, detail: error.message }));
    },
    work(lane, handle) {
      queueOf(lane)
        .process(10, async (job) => handle(job.data.ids))
        .catch((error: Error) => closing || logger.warn('queue.stopped', { lane, detail: error.message }));
    },
    async depths() {
      if (closing || redis.commands.status !== 'ready') return [];
      return Promise.all(
        [...queues].map(async ([lane, queue]) => {
          const { waiting, active } = await queue.getJobCounts();
          return { lane, waiting, active };
        }),
      );
    },
    async close() {
      closing = true;
      await Promise.all([...queues.values()].map(closeQueue));
    },
  };
}
