// How an endpoint fares, rule by rule and by chance: when it is left alone, when its breaker opens, for how long and what
// closes it, when it is disabled and when somebody is to be told. The rule is pure, so whole weeks are played through
// here; that the worker obeys it is shown by the integration tests.

import { expect } from 'chai';
import fc from 'fast-check';
import { type AttemptError, attemptErrors } from '../../../src/webhooks/attempt.ts';
import {
  type EndpointHealth,
  freshHealth,
  isSuspect,
  pauseMs,
  slotsOf,
  weighExchange,
} from '../../../src/webhooks/endpoint-health.ts';

const start = Date.UTC(2026, 9, 6, 11, 15, 30);
const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
const ours: readonly AttemptError[] = ['resolver_failed', 'interrupted', 'lost'];
const theirs = (Object.keys(attemptErrors) as AttemptError[]).filter((error) => !ours.includes(error));

interface Outcome {
  statusCode: number | null;
  error: AttemptError | null;
  retryAfterMs: number | null;
}
const ok: Outcome = { statusCode: 204, error: null, retryAfterMs: null };
const bad: Outcome = { statusCode: 500, error: 'server_error', retryAfterMs: null };
const timeout: Outcome = { statusCode: null, error: 'timeout', retryAfterMs: null };

/** One attempt; the second failure of its delivery, unless said otherwise, so that no notice is due. */
const weigh = (health: EndpointHealth, outcome: Outcome, now: number, failures = 2): EndpointHealth =>
  weighExchange(health, outcome, failures, now).health;
const weighAll = (outcomes: readonly Outcome[], now = start, from = freshHealth): EndpointHealth =>
  outcomes.reduce((health, outcome) => weigh(health, outcome, now), from);
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

describe('how long an endpoint asks to be left alone', () => {
  it('is at least a minute after 429, 502, 503, 504 and a timeout, longer where Retry-After says so', () => {
    for (const statusCode of [429, 502, 503, 504])
      for (const [retryAfterMs, wait] of [
        [null, minute],
        [0, minute],
        [minute - 1, minute],
        [hour, hour],
      ] as const)
        expect(pauseMs({ statusCode, error: 'server_error', retryAfterMs }), `${statusCode}`).to.equal(wait);
    expect(pauseMs(timeout)).to.equal(minute);
  });

  it('is nothing after any other status or fault, whatever Retry-After says', () => {
    for (const statusCode of [200, 201, 301, 400, 404, 408, 410, 425, 500, 501, 505, 599])
      expect(pauseMs({ statusCode, error: 'server_error', retryAfterMs: hour }), `${statusCode}`).to.equal(0);
    for (const error of theirs)
      expect(pauseMs({ statusCode: null, error, retryAfterMs: null }), error).to.equal(
        error === 'timeout' ? minute : 0,
      );
  });
});

describe('the health of an endpoint', () => {
  it('is untouched by our own faults', () => {
    const worn = weighAll([...times(4, bad), timeout]);
    for (const error of ours) {
      const weighed = weighExchange(worn, { statusCode: null, error, retryAfterMs: hour }, 4, start + 6 * day);
      expect(weighed, error).to.deep.equal({ health: worn, disable: null });
    }
  });

  it('counts failures since the first one, and a success begins a clean record', () => {
    const failed = weigh(weighAll(times(3, bad)), bad, start + minute);
    expect(failed).to.deep.include({ failingSince: start, failureCount: 4, lastSuccessAt: null });
    const well = weigh(failed, ok, start + hour);
    expect(well).to.deep.include({
      lastSuccessAt: start + hour,
      failingSince: null,
      failureCount: 0,
      timeoutsInRow: 0,
    });
    expect(weigh(well, bad, start + 2 * hour)).to.deep.include({ failingSince: start + 2 * hour, failureCount: 1 });
  });

  it('counts every class of failure', () => {
    for (const error of theirs)
      expect(weigh(freshHealth, { statusCode: null, error, retryAfterMs: null }, start).failureCount, error).to.equal(
        1,
      );
  });

  it('lets a pause stand beside a success of something sent before it, and never makes it shorter', () => {
    const paused = weigh(freshHealth, { statusCode: 503, error: 'server_error', retryAfterMs: hour }, start);
    expect(paused.waitUntil).to.equal(start + hour);
    expect(weigh(paused, ok, start + second).waitUntil).to.equal(start + hour);
    expect(weigh(paused, { ...bad, statusCode: 429 }, start + second).waitUntil).to.equal(start + hour);
    expect(weigh(paused, bad, start + second).waitUntil).to.equal(start + hour);
  });
});

describe('the breaker of an endpoint', () => {
  it('opens at ten attempts of which seven in ten failed, and at no mixture below', () => {
    for (let successes = 0; successes <= 12; successes += 1) {
      let health = weighAll(times(successes, ok));
      for (let failures = 1; failures <= 30 && health.breakerLevel === 0; failures += 1) {
        health = weigh(health, bad, start);
        const isEnough = successes + failures >= 10 && failures / (successes + failures) >= 0.7 - 1e-9;
        expect(health.breakerLevel, `${successes} well, ${failures} failed`).to.equal(isEnough ? 1 : 0);
      }
      expect(health.waitUntil).to.equal(start + 30 * second);
    }
  });

  it('counts attempts of the last five minutes, in whole minutes, and none that are older', () => {
    const nine = weighAll(times(9, bad));
    expect(weigh(nine, bad, start + 4 * minute).breakerLevel).to.equal(1);
    expect(weigh(nine, bad, start + 5 * minute).breakerLevel).to.equal(0);
    const everySeconds = (apart: number): number => {
      let health = freshHealth;
      for (let i = 0; i < 60 && health.breakerLevel === 0; i += 1)
        health = weigh(health, bad, start + i * apart * second);
      return health.breakerLevel;
    };
    expect(everySeconds(26), 'ten in four minutes').to.equal(1);
    expect(everySeconds(34), 'nine in five minutes').to.equal(0);
  });

  it('opens at five timeouts in a row, however far apart, and not when anything else came between', () => {
    const apart = times(5, timeout).reduce<EndpointHealth>((h, one, i) => weigh(h, one, start + i * hour), freshHealth);
    expect(apart).to.include({ breakerLevel: 1, timeoutsInRow: 5 });
    expect(weighAll(times(4, timeout)).breakerLevel).to.equal(0);
    for (const between of [ok, bad])
      expect(weighAll([...times(4, timeout), between, ...times(4, timeout)]).breakerLevel).to.equal(0);
  });

  it('stays open for 30 s, and twice as long after each probe that fails, up to 15 minutes', () => {
    let health = weighAll(times(10, bad));
    const waits = [health.waitUntil! - start];
    for (let probe = 0; probe < 6; probe += 1) {
      const now = health.waitUntil!;
      health = weigh(health, bad, now);
      waits.push(health.waitUntil! - now);
    }
    expect(waits.map((wait) => wait / second)).to.deep.equal([30, 60, 120, 240, 480, 900, 900]);
  });

  it('is not opened wider by what was on its way when it opened', () => {
    const open = weighAll(times(10, bad));
    const later = weigh(open, bad, start + 29 * second);
    expect(later).to.include({ breakerLevel: 1, waitUntil: start + 30 * second, failureCount: 11 });
  });

  it('waits at least the pause of a probe that was told "not now"', () => {
    const open = weighAll(times(10, bad));
    const probed = weigh(open, { statusCode: 503, error: 'server_error', retryAfterMs: hour }, start + 30 * second);
    expect(probed).to.include({ breakerLevel: 2, waitUntil: start + 30 * second + hour });
  });

  it('is closed by one success, and what had opened it does not open it again', () => {
    const open = weighAll(times(12, bad));
    const closed = weigh(open, ok, start + 30 * second);
    expect(closed).to.include({ breakerLevel: 0, waitUntil: null });
    const after = weighAll(times(8, bad), start + 31 * second, closed);
    expect(after.breakerLevel).to.equal(0);
    expect(weigh(after, bad, start + 32 * second).breakerLevel).to.equal(1);
  });

  it('leaves five slots to the healthy and one to those that timed out last or whose breaker has opened', () => {
    expect(slotsOf(freshHealth)).to.equal(5);
    expect(slotsOf(weighAll(times(9, bad)))).to.equal(5);
    for (const suspect of [weighAll([timeout]), weighAll(times(10, bad)), weighAll([timeout, timeout])]) {
      expect(slotsOf(suspect)).to.equal(1);
      expect(isSuspect(suspect)).to.equal(true);
      expect(slotsOf(weigh(suspect, ok, start + hour))).to.equal(5);
    }
    expect(slotsOf(weighAll([timeout, bad]))).to.equal(5);
  });
});

describe('disabling an endpoint', () => {
  /** `count` failures, the first at `start`, the last `span` later. */
  const failing = (count: number, span: number) => {
    let health = freshHealth;
    for (let i = 0; i < count - 1; i += 1) health = weigh(health, bad, start);
    return weighExchange(health, bad, 2, start + span);
  };

  it('takes five days without a success and twenty failures, both', () => {
    for (const count of [2, 19, 20, 21, 500])
      for (const span of [0, day, 5 * day - hour, 5 * day - 1, 5 * day, 9 * day]) {
        const { disable, health } = failing(count, span);
        const isDue = count >= 20 && span >= 5 * day;
        expect(disable, `${count} failures in ${span / day} days`).to.equal(isDue ? 'failing' : null);
        if (isDue) expect(health.notice).to.equal('disabled');
      }
  });

  it('counts from the first failure after the last success', () => {
    const healthy = weigh(weighAll(times(30, bad)), ok, start + 4 * day);
    const failed = weighAll(times(30, bad), start + 4.5 * day, healthy);
    expect(weighExchange(failed, bad, 2, start + 9.4 * day).disable).to.equal(null);
    expect(weighExchange(failed, bad, 2, start + 9.5 * day).disable).to.equal('failing');
  });

  it('is done at once by 410', () => {
    const gone: Outcome = { statusCode: 410, error: 'gone', retryAfterMs: null };
    const { disable, health } = weighExchange(freshHealth, gone, 1, start);
    expect(disable).to.equal('gone');
    expect(health).to.include({ notice: 'disabled', failureCount: 1 });
  });
});

describe('when somebody is to be told', () => {
  const notice = (health: EndpointHealth, failures: number, now: number) =>
    weighExchange(health, bad, failures, now).health.notice;

  it('is the fourth failure of a delivery, and no other', () => {
    for (let failures = 1; failures <= 12; failures += 1)
      expect(notice(freshHealth, failures, start), `failure ${failures}`).to.equal(failures === 4 ? 'failing' : null);
  });

  it('is 24 and 72 hours after the first failure, once each', () => {
    let health = weigh(freshHealth, bad, start);
    const told: number[] = [];
    for (let at = hour; at < 5 * day; at += hour) {
      health = weigh(health, bad, start + at);
      if (health.notice !== null) told.push(at / hour);
      health = { ...health, notice: null };
    }
    expect(told).to.deep.equal([24, 72]);
  });

  it('is withdrawn by a success, after which both times begin anew', () => {
    const due = weigh(weigh(freshHealth, bad, start), bad, start + day);
    expect(due.notice).to.equal('failing');
    const well = weigh(due, ok, start + day + 1);
    expect(well).to.include({ notice: null, toldLevel: 0 });
    const again = weigh(well, bad, start + 2 * day);
    expect(notice(again, 2, start + 3 * day - 1)).to.equal(null);
    expect(notice(again, 2, start + 3 * day)).to.equal('failing');
  });
});

describe('any story of an endpoint', () => {
  const outcome = fc.oneof(
    { weight: 3, arbitrary: fc.constant(ok) },
    { weight: 5, arbitrary: fc.constant(bad) },
    { weight: 3, arbitrary: fc.constant(timeout) },
    { weight: 1, arbitrary: fc.constant<Outcome>({ statusCode: 503, error: 'server_error', retryAfterMs: hour }) },
    { weight: 1, arbitrary: fc.constant<Outcome>({ statusCode: null, error: 'resolver_failed', retryAfterMs: null }) },
  );
  const step = fc.record({ outcome, waitMs: fc.constantFrom(0, second, 20 * second, minute, 10 * minute, hour, day) });

  it('keeps its counts true, waits no longer than six hours, and is suspect only with a reason', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let now = start;
        let health = freshHealth;
        let sinceSuccess: number[] = [];
        for (const { outcome: one, waitMs } of steps) {
          now += waitMs;
          const weighed = weighExchange(health, one, 2, now);
          const isTheirs = one.error !== null && !ours.includes(one.error);
          if (one.error === null) sinceSuccess = [];
          if (isTheirs) sinceSuccess.push(now);
          const { failureCount, failingSince, waitUntil, breakerLevel, recentMinutes } = weighed.health;
          expect(failureCount).to.equal(sinceSuccess.length);
          expect(failingSince).to.equal(sinceSuccess[0] ?? null);
          expect(waitUntil ?? now).to.be.at.most(now + 6 * hour);
          expect(recentMinutes.length).to.be.at.most(5);
          const isDue = sinceSuccess.length >= 20 && now - sinceSuccess[0]! >= 5 * day;
          expect(weighed.disable).to.equal(isTheirs && isDue ? 'failing' : null);
          if (breakerLevel > health.breakerLevel) expect(isTheirs).to.equal(true);
          if (one.error === null) expect(breakerLevel).to.equal(0);
          health = weighed.health;
        }
      }),
    );
  });
});
