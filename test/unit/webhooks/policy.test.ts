// The numbers of the policy table in webhooks.md, written down a second time so that a slip of a finger in the code is
// seen, and the two rules that are computed from them: the wait before a retry with its jitter, and how long a breaker
// stays open.

import { expect } from 'chai';
import fc from 'fast-check';
import {
  autoDisable,
  breaker,
  breakerOpenMs,
  connectTimeoutMs,
  keepBodiesMs,
  keepBytes,
  leaseMs,
  longestReplayMs,
  lowLaneShare,
  mostInFlight,
  notices,
  overlap,
  pauseAtLeastMs,
  readAtMostBytes,
  retryAfterAtMostMs,
  retryDelayMs,
  scheduleMs,
  totalTimeoutMs,
} from '../../../src/webhooks/policy.ts';

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

describe('the policy of webhooks', () => {
  it('has the twelve attempts of the table, 75.7 hours in all', () => {
    const written = [0, 5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, 2 * hour, 5 * hour];
    expect(scheduleMs).to.deep.equal([...written, 10 * hour, 14 * hour, 20 * hour, 24 * hour]);
    const hours = scheduleMs.reduce((sum, wait) => sum + wait, 0) / hour;
    expect(hours).to.be.closeTo(75.7, 0.05);
  });

  it('has the limits of the table', () => {
    expect({ pauseAtLeastMs, retryAfterAtMostMs }).to.deep.equal({
      pauseAtLeastMs: minute,
      retryAfterAtMostMs: 6 * hour,
    });
    expect(mostInFlight).to.include({ perEndpoint: 5, perTenant: 10, perWorker: 100, perSuspect: 1 });
    expect(lowLaneShare).to.be.at.most(0.3);
    expect(leaseMs)
      .to.equal(45 * second)
      .and.to.be.greaterThan(totalTimeoutMs + connectTimeoutMs);
    expect({ connectTimeoutMs, totalTimeoutMs }).to.deep.equal({
      connectTimeoutMs: 5 * second,
      totalTimeoutMs: 15 * second,
    });
    expect({ readAtMostBytes, keepBytes }).to.deep.equal({ readAtMostBytes: 65_536, keepBytes: 16_384 });
    expect(breaker).to.include({ windowMinutes: 5, leastAttempts: 10, failedShare: 0.7, timeoutsInRow: 5 });
    expect(autoDisable).to.deep.equal({ failingForMs: 5 * day, failures: 20 });
    expect(notices).to.deep.equal({ atFailure: 4, whenFailingForMs: [day, 3 * day], atMostEveryMs: hour });
    expect(overlap).to.deep.equal({ defaultSeconds: 86_400, mostSeconds: 604_800 });
    expect({ longestReplayMs, keepBodiesMs }).to.deep.equal({ longestReplayMs: 30 * day, keepBodiesMs: 90 * day });
  });

  describe('the wait before a retry', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

    it('is the wait of the schedule, at most a fifth longer or shorter', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 11 }), chance, (failures, random) => {
          const wait = scheduleMs[failures]!;
          expect(retryDelayMs(failures, random)).to.be.within(wait * 0.8, wait * 1.2);
        }),
      );
    });

    it('reaches both ends, and is the mean in the middle', () => {
      for (let failures = 1; failures < scheduleMs.length; failures += 1) {
        const wait = scheduleMs[failures]!;
        expect(retryDelayMs(failures, 0)).to.equal(wait * 0.8);
        expect(retryDelayMs(failures, 0.5)).to.equal(wait);
        expect(retryDelayMs(failures, 1 - Number.EPSILON)).to.equal(wait * 1.2);
      }
    });

    it('grows with chance, so that no two chances are told apart the wrong way round', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 11 }), chance, chance, (failures, one, other) => {
          const [less, more] = one < other ? [one, other] : [other, one];
          expect(retryDelayMs(failures, less)!).to.be.at.most(retryDelayMs(failures, more)!);
        }),
      );
    });

    it('is whole milliseconds, and none after the twelfth failure', () => {
      fc.assert(fc.property(chance, (random) => Number.isInteger(retryDelayMs(1, random))));
      expect([12, 13, 100].map((failures) => retryDelayMs(failures, 0.5))).to.deep.equal([null, null, null]);
    });
  });

  it('opens a breaker for 30 s, doubling to 15 minutes', () => {
    const opened = [1, 2, 3, 4, 5, 6, 7].map((level) => breakerOpenMs(level) / second);
    expect(opened).to.deep.equal([30, 60, 120, 240, 480, 900, 900]);
    expect(breakerOpenMs(2000)).to.equal(15 * minute);
  });
});
