// What happens after a commit: those who wait are told, the workers are nudged, and the change is counted.
// None of it may fail or delay the change itself; whatever is lost here is found again from the rows.

import type { Bus } from '../platform/bus.ts';
import type { Queue } from '../platform/queue.ts';
import type { Payment } from './payment.ts';
import type { PaymentMetrics } from './payment-metrics.ts';
import type { Settled } from './settle-payments.ts';

export const paymentsLane = 'payments';

export interface Announcer {
  /** Payments that are durable now. */
  created(payments: readonly Payment[]): void;
  /** What `settle-payments` did. */
  settled(changes: readonly Settled[]): void;
  /** Makes the workers look at these payments now. */
  nudge(paymentIds: readonly string[]): void;
}

interface Deps {
  now(): number;
  bus: Bus;
  queue: Queue;
  metrics: PaymentMetrics;
  /** Events may have been recorded: whoever passes them on can look. */
  onRecorded(): void;
}

export function createAnnouncer({ now, bus, queue, metrics, onRecorded }: Deps): Announcer {
  const nudge = (paymentIds: readonly string[]): void => queue.nudge(paymentsLane, paymentIds);
  return {
    nudge,
    created(payments) {
      nudge(payments.map(({ id }) => id));
      metrics.created(payments.length);
    },
    settled(changes) {
      const visible = changes.filter(({ isChanged }) => isChanged);
      if (visible.length > 0) {
        bus.publish(visible.map(({ payment: { id, version } }) => ({ id, version })));
        onRecorded();
      }
      for (const change of changes) metrics.settled(change);
      const due = visible.filter(({ payment: { dueAt } }) => dueAt !== null && dueAt <= now());
      if (due.length > 0) nudge(due.map(({ payment }) => payment.id));
    },
  };
}
