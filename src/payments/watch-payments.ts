// Waiting for a payment to change, in whatever process it changes. The bus wakes the waiter; because the bus may lose a
// message, each waiter also looks again every two seconds. Whoever waits reads the row itself: the bus only says when.

import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Payment } from './payment.ts';

const lookAgainMs = 2000;

export interface PaymentWatch {
  /**
   * Reads with `read` now and after each change until `isEnough`, `waitMs` passed, or `signal` aborts; the payment as
   * last read.
   */
  until(
    paymentId: string,
    read: () => Promise<Payment>,
    isEnough: (payment: Payment) => boolean,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<Payment>;
  /** Requests that wait now. */
  waiting(): number;
  isClosed(): boolean;
  /** Ends all waiting at once, for shutdown. */
  close(): void;
}

export function createPaymentWatch(bus: Bus, clock: Clock): PaymentWatch {
  const listeners = new Map<string, Set<() => void>>();
  let isClosed = false;
  const unsubscribe = bus.subscribe(({ id }) => {
    for (const listener of listeners.get(id) ?? []) listener();
  });

  function hear(paymentId: string, listener: () => void): () => void {
    const known = listeners.get(paymentId) ?? new Set();
    listeners.set(paymentId, known.add(listener));
    return () => {
      known.delete(listener);
      if (known.size === 0) listeners.delete(paymentId);
    };
  }

  return {
    async until(paymentId, read, isEnough, waitMs, signal) {
      const deadline = clock.now() + waitMs;
      let wake = () => {};
      let isStale = false;
      // Listening begins before the first read, so that a change between the two is not lost.
      const stop = hear(paymentId, () => {
        isStale = true;
        wake();
      });
      const onAbort = () => wake();
      signal?.addEventListener('abort', onAbort);
      try {
        for (;;) {
          isStale = false;
          const payment = await read();
          const leftMs = deadline - clock.now();
          if (isEnough(payment) || leftMs <= 0 || isClosed || signal?.aborted === true) return payment;
          if (isStale) continue;
          await new Promise<void>((resolve) => {
            const cancel = clock.after(Math.min(leftMs, lookAgainMs), resolve);
            wake = () => {
              cancel();
              resolve();
            };
          });
        }
      } finally {
        stop();
        signal?.removeEventListener('abort', onAbort);
      }
    },
    waiting: () => listeners.size,
    isClosed: () => isClosed,
    close() {
      isClosed = true;
      unsubscribe();
      for (const set of listeners.values()) for (const listener of set) listener();
    },
  };
}
