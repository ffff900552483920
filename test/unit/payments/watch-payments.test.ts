// Waiting for a payment to change: woken by the bus, looking again by itself, and never waiting for nobody.

import { expect } from 'chai';
import type { Payment } from '../../../src/payments/payment.ts';
import { createPaymentWatch } from '../../../src/payments/watch-payments.ts';
import { createInProcessBus } from '../../../src/platform/bus.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { makePayment } from '../../support/payment-evidence.ts';

describe('the payment watch', () => {
  const begin = () => {
    const bus = createInProcessBus();
    const clock = createManualClock();
    const watch = createPaymentWatch(bus, clock);
    const row = makePayment('queued');
    let reads = 0;
    const read = async (): Promise<Payment> => {
      reads += 1;
      return { ...row };
    };
    const change = (): void => {
      row.version += 1;
      bus.publish([{ id: row.id, version: row.version }]);
    };
    const until = (waitMs: number, signal?: AbortSignal) =>
      watch.until(row.id, read, ({ version }) => version > 1, waitMs, signal);
    return { bus, clock, watch, row, change, until, reads: () => reads };
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('answers at once when it is enough already', async () => {
    const { row, until, reads, watch } = begin();
    row.version = 2;
    expect((await until(1000)).version).to.equal(2);
    expect(reads()).to.equal(1);
    expect(watch.waiting()).to.equal(0);
  });

  it('is woken by a message about this payment, without time passing', async () => {
    const { until, change, watch } = begin();
    const waiting = until(60_000);
    await turn();
    expect(watch.waiting()).to.equal(1);
    change();
    expect((await waiting).version).to.equal(2);
    expect(watch.waiting()).to.equal(0);
  });

  it('is not woken by another payment', async () => {
    const { until, bus, reads, watch } = begin();
    const waiting = until(60_000);
    await turn();
    bus.publish([{ id: 'pay_other', version: 2 }]);
    await turn();
    expect(reads()).to.equal(1);
    watch.close();
    await waiting;
  });

  it('does not lose a change that comes while the row is being read', async () => {
    const { watch, row, bus, clock } = begin();
    let reads = 0;
    const read = async (): Promise<Payment> => {
      reads += 1;
      const seen = { ...row };
      if (reads === 1) {
        row.version = 2;
        bus.publish([{ id: row.id, version: 2 }]);
      }
      return seen;
    };
    const found = await watch.until(row.id, read, ({ version }) => version === 2, 60_000);
    expect(found.version).to.equal(2);
    expect(clock.now()).to.equal(createManualClock().now());
  });

  it('looks again every two seconds, because the bus may lose a message', async () => {
    const { until, row, clock } = begin();
    const waiting = until(60_000);
    await turn();
    row.version = 2;
    await clock.advance(2000);
    expect((await waiting).version).to.equal(2);
  });

  it('answers with what there is when the time is over', async () => {
    const { until, clock, watch } = begin();
    const waiting = until(5000);
    await clock.advance(5000);
    await turn();
    expect((await waiting).version).to.equal(1);
    expect(watch.waiting()).to.equal(0);
  });

  it('of a client that has gone ends, and nobody waits any more', async () => {
    const { until, watch } = begin();
    const controller = new AbortController();
    const waiting = until(60_000, controller.signal);
    await turn();
    controller.abort();
    expect((await waiting).version).to.equal(1);
    expect(watch.waiting()).to.equal(0);
  });

  it('closed ends all waiting at once, and nobody waits later', async () => {
    const { until, watch } = begin();
    const waiting = [until(60_000), until(60_000)];
    await turn();
    watch.close();
    await Promise.all(waiting);
    await until(60_000);
    expect(watch.isClosed()).to.equal(true);
    expect(watch.waiting()).to.equal(0);
  });

  it('fails when the read fails, and leaves nobody waiting', async () => {
    const { watch, row } = begin();
    const failing = watch.until(
      row.id,
      () => Promise.reject(new Error('away')),
      () => true,
      1000,
    );
    expect(await failing.catch((error: Error) => error.message)).to.equal('away');
    expect(watch.waiting()).to.equal(0);
  });
});
