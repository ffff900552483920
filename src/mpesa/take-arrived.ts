// The first moment of whatever Safaricom sends once and never again: it is written together with others of the moment,
// and only then acknowledged; when the database does not take it in time, it goes to the spool first (promise 3).
// Safaricom is told 200 in every case but one: when neither the database nor the disk could keep it.

import { createBatcher } from '../platform/batcher.ts';
import type { Clock } from '../platform/clock.ts';
import { isDatabaseAway } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Arrived, CallbackSpool } from './callback-spool.ts';

export interface TakerDeps<One extends Arrived, Result> {
  clock: Clock;
  logger: Logger;
  spool: CallbackSpool;
  /** Makes a batch durable; one result each, in order. What it did before must be recognised when it comes again. */
  write(arrived: readonly One[]): Promise<readonly Result[]>;
  /** Told of one that went to the disk; what the caller hears of it. */
  onSpooled(arrived: One): Result;
}

export interface Taker<One, Result> {
  take(arrived: One): Promise<Result>;
  /** For one that waited in the spool: rejects while it cannot be written. */
  takeAgain(arrived: One): Promise<void>;
  /** Waits for what is being written. */
  drain(): Promise<void>;
}

/** Safaricom hangs up after about five seconds (daraja.md section 4.5): past this, the disk is surer than the database. */
export const databasePatienceMs = 2500;

export function createTaker<One extends Arrived, Result>(deps: TakerDeps<One, Result>): Taker<One, Result> {
  const batcher = createBatcher<One, Result>((arrived) => deps.write(arrived), {
    maxSize: 64,
    maxInFlight: 2,
    failsTogether: isDatabaseAway,
  });
  return {
    async take(arrived) {
      try {
        return await within(deps.clock, databasePatienceMs, batcher.add(arrived));
      } catch (thrown) {
        deps.logger.warn('callback.spooled', { ...subjectOf(arrived), detail: messageOf(thrown) });
        await deps.spool.append(arrived);
        return deps.onSpooled(arrived);
      }
    },
    async takeAgain(arrived) {
      await batcher.add(arrived);
    },
    drain: () => batcher.drain(),
  };
}

function subjectOf(arrived: Arrived): Record<string, string> {
  return arrived.kind === 'c2b' ? { shortcode_id: arrived.shortcodeId } : { payment_id: arrived.paymentId };
}

/** Rejects when `work` takes longer; the work itself goes on, and whatever it does is recognised when it comes again. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  let cancel = () => {};
  const timeout = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () => reject(new Error(`the database took longer than ${ms} ms`)));
  });
  work.catch(() => undefined);
  return Promise.race([work, timeout]).finally(cancel);
}
