// The worker: looks at each payment that is due and does what is due. A nudge from the queue makes it look at once; the
// sweep, once a second, finds whatever a nudge forgot, so losing every nudge costs a second and nothing else.

import type { Clock } from '../platform/clock.ts';
import { type Db, isDatabaseAway } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import { type AskDeps, askPayment } from './ask-payment.ts';
import { isTimeUp } from './decide.ts';
import type { Payment } from './payment.ts';
import { findDueAcrossTenants, findPaymentAcrossTenants } from './payment-store.ts';
import { createPushLanes } from './push-lanes.ts';
import { settlePayment } from './settle-payments.ts';
import { type SubmitDeps, submitPayment } from './submit-payment.ts';

export type WorkerDeps = SubmitDeps & AskDeps & { db: Db; clock: Clock };

export interface PaymentWorker {
  /** Looks at these payments as soon as there is room. Returns at once. */
  look(paymentIds: readonly string[]): void;
  /** Begins to look at all that is due, as far as there is room; does not wait for what it began. */
  dispatch(): Promise<readonly Promise<void>[]>;
  /** {@link dispatch}, and waits; how many were looked at. */
  sweep(): Promise<number>;
  /** Payments being worked on. */
  inFlight(): number;
  /** Takes nothing new and waits for what is under way. */
  drain(): Promise<void>;
}

const mostInFlight = 400;
const sweepSize = 500;
/** Time for the lanes of a full page to fill, so that the next page is read past them. */
const nextPageMs = 50;

export function createPaymentWorker(deps: WorkerDeps): PaymentWorker {
  const underWay = new Map<string, Promise<void>>();
  const lanes = createPushLanes(deps.clock, wake);
  let isClosed = false;

  async function lookAt(paymentId: string): Promise<void> {
    const payment = await findPaymentAcrossTenants(deps.db, deps.sealer, paymentId);
    const now = deps.now();
    if (payment === undefined || payment.dueAt === null || payment.dueAt > now) return;
    const moved = isTimeUp(payment, now)
      ? await settlePayment(deps, { paymentId, news: { kind: 'timePassed' } })
      : undefined;
    const current = moved?.payment ?? payment;
    if (current.status === 'queued') await submitInLane(current);
    else if (current.nextAskAt !== null && current.nextAskAt <= now) await askPayment(deps, current);
  }

  async function submitInLane(payment: Payment): Promise<void> {
    if (!lanes.enter(payment.shortcodeId)) return;
    try {
      const submission = await submitPayment(deps, payment);
      if (submission.outcome === 'held') lanes.hold(payment.shortcodeId, submission.waitMs);
    } finally {
      lanes.leave(payment.shortcodeId);
    }
  }

  function begin(paymentId: string): Promise<void> {
    const known = underWay.get(paymentId);
    if (known !== undefined) return known;
    const work = lookAt(paymentId)
      .catch((thrown) => complain(paymentId, thrown))
      .finally(() => underWay.delete(paymentId));
    underWay.set(paymentId, work);
    return work;
  }

  /** The row stays due: the next sweep tries again. */
  function complain(paymentId: string, thrown: unknown): void {
    if (isDatabaseAway(thrown)) deps.logger.warn('worker.failed', { payment_id: paymentId, detail: messageOf(thrown) });
    else deps.logger.error('worker.failed', { payment_id: paymentId, error: thrown });
  }

  async function dispatch(): Promise<readonly Promise<void>[]> {
    if (isClosed) return [];
    const due = await findDueAcrossTenants(deps.db, deps.now(), lanes.held(), sweepSize);
    const begun = due
      .filter((id) => !underWay.has(id))
      .slice(0, mostInFlight - underWay.size)
      .map(begin);
    // A full page may hide others behind one lane that is held by now.
    if (due.length === sweepSize && begun.length > 0) deps.clock.after(nextPageMs, wake);
    return begun;
  }

  function wake(): void {
    dispatch().catch((thrown) => complain('', thrown));
  }

  return {
    look(paymentIds) {
      for (const paymentId of paymentIds) {
        if (isClosed || underWay.size >= mostInFlight) return;
        void begin(paymentId);
      }
    },
    dispatch,
    async sweep() {
      const begun = await dispatch();
      await Promise.all(begun);
      return begun.length;
    },
    inFlight: () => underWay.size,
    async drain() {
      isClosed = true;
      await Promise.all(underWay.values());
    },
  };
}
