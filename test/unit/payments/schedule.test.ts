// When a payment is looked at again (design.md section 9): the plan of asking with its jitter, the back-off of pushes,
// and the one time, `dueAt`, that the sweep reads.

import { expect } from 'chai';
import fc from 'fast-check';
import { statuses } from '../../../src/payments/payment.ts';
import { dueAt, nextAskAt, nextAttemptAt } from '../../../src/payments/schedule.ts';
import { createdAt, expiresAt, hours, makePayment, minutes, seconds } from '../../support/payment-evidence.ts';

/** All askings after a push at 0, each made when it is due; one random number for all, or one for each. */
function askings(random: () => number): number[] {
  const times: number[] = [];
  for (let at = nextAskAt(0, 0, random()); at !== null && times.length < 200; at = nextAskAt(0, at, random()))
    times.push(at);
  return times;
}

const planned = [
  45 * seconds,
  75 * seconds,
  120 * seconds,
  5 * minutes,
  15 * minutes,
  30 * minutes,
  ...Array.from({ length: 48 }, (_, index) => (index + 1) * hours),
];

describe('asking', () => {
  it('is planned 45 s, 75 s, 120 s, 5, 15 and 30 min after the push, then hourly to 48 h, and no more', () => {
    expect(askings(() => 0.5)).to.deep.equal(planned);
  });

  // An hourly asking that came early by its jitter was once followed by one or two more before the hour was full.
  it('keeps to the plan within ±10 % (hourly: of an hour), one asking for each point, whatever the jitter', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })), (stream) => {
        const times = askings(() => stream.next().value);
        expect(times).to.have.length(planned.length);
        for (const [index, at] of times.entries()) {
          const wanted = planned[index]!;
          expect(Math.abs(at - wanted)).to.be.at.most(0.1 * Math.min(wanted, 1 * hours) + 1);
        }
      }),
    );
  });

  it('uses its jitter: the ends of it are 10 % before and 10 % after', () => {
    expect(nextAskAt(0, 0, 0)).to.equal(40.5 * seconds);
    expect(nextAskAt(0, 0, 0.9999999)).to.be.within(49.4 * seconds, 49.5 * seconds);
  });

  it('after a long silence goes on with the next point ahead, never with one that is over', () => {
    expect(nextAskAt(0, 20 * minutes, 0.5)).to.equal(30 * minutes);
    expect(nextAskAt(0, 26.3 * hours, 0.5)).to.equal(27 * hours);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60 * hours }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (now, random) => {
          const next = nextAskAt(0, now, random);
          if (next !== null) expect(next).to.be.greaterThan(now - 1);
          else expect(now).to.be.at.least(47.9 * hours);
        },
      ),
    );
  });
});

describe('trying a push again', () => {
  const wait = (attempt: number, random: number) => nextAttemptAt(attempt, 'busy', null, createdAt, random) - createdAt;

  it('backs off 5, 15, 45, then 90 s', () => {
    expect([1, 2, 3, 4, 5, 50].map((attempt) => wait(attempt, 0.5) / seconds)).to.deep.equal([5, 15, 45, 90, 90, 90]);
  });

  it('with ±20 % of jitter', () => {
    for (const [attempt, planSeconds] of [
      [1, 5],
      [2, 15],
      [3, 45],
      [4, 90],
    ] as const) {
      expect(wait(attempt, 0)).to.equal(0.8 * planSeconds * seconds);
      expect(wait(attempt, 0.9999999)).to.be.closeTo(1.2 * planSeconds * seconds, 1);
    }
  });

  it('waits at least 60 s for a subscriber lock, and at least as long as M-PESA named', () => {
    expect(nextAttemptAt(1, 'subscriber_locked', null, 0, 0)).to.equal(60 * seconds);
    expect(nextAttemptAt(4, 'subscriber_locked', null, 0, 0.5)).to.equal(90 * seconds);
    expect(nextAttemptAt(1, 'quota', 70 * seconds, 0, 0.5)).to.equal(70 * seconds);
    expect(nextAttemptAt(4, 'quota', 70 * seconds, 0, 0.5)).to.equal(90 * seconds);
  });
});

describe('dueAt', () => {
  it('of a queued payment is its next attempt, at the latest its expiry', () => {
    expect(dueAt(makePayment('queued', { nextAttemptAt: createdAt + 7 }))).to.equal(createdAt + 7);
    expect(dueAt(makePayment('queued', { nextAttemptAt: expiresAt + 7 }))).to.equal(expiresAt);
  });

  it('of a submitting payment is the end of its lease', () => {
    expect(dueAt(makePayment('submitting', { leaseUntil: createdAt + 7 }))).to.equal(createdAt + 7);
  });

  it('of a pending payment is the next asking, at the latest its expiry', () => {
    expect(dueAt(makePayment('pending', { nextAskAt: createdAt + 7 }))).to.equal(createdAt + 7);
    expect(dueAt(makePayment('pending', { nextAskAt: expiresAt + 7 }))).to.equal(expiresAt);
    expect(dueAt(makePayment('pending', { nextAskAt: null }))).to.equal(expiresAt);
  });

  it('of an unknown payment is the next asking, at the latest 30 min after expiry', () => {
    expect(dueAt(makePayment('unknown', { nextAskAt: expiresAt + 7 }))).to.equal(expiresAt + 7);
    for (const nextAsk of [null, expiresAt + 31 * minutes])
      expect(dueAt(makePayment('unknown', { nextAskAt: nextAsk }))).to.equal(expiresAt + 30 * minutes);
  });

  it('of an expired payment or a review is the next asking, or never', () => {
    for (const status of ['expired', 'needs_review'] as const) {
      expect(dueAt(makePayment(status, { nextAskAt: 7 }))).to.equal(7);
      expect(dueAt(makePayment(status, { nextAskAt: null }))).to.equal(null);
    }
  });

  it('is never for what has its result, and always some time for what has not', () => {
    for (const status of ['succeeded', 'failed', 'cancelled'] as const)
      expect(dueAt(makePayment(status))).to.equal(null);
    for (const status of statuses.filter((one) => ['queued', 'submitting', 'pending', 'unknown'].includes(one)))
      expect(dueAt(makePayment(status)), status).to.be.a('number');
  });
});
