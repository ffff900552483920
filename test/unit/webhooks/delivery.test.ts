// What one attempt makes of its delivery: every outcome against every state of its endpoint and every step of the
// schedule, and the form in which the API shows it. A pure rule, so all of it is tried.

import { expect } from 'chai';
import fc from 'fast-check';
import { type AttemptError, attemptErrors, type Exchange } from '../../../src/webhooks/attempt.ts';
import { afterAttempt, type Delivery, lanes, presentDelivery, statusAt } from '../../../src/webhooks/delivery.ts';
import type { EndpointStatus } from '../../../src/webhooks/endpoint.ts';
import { retryDelayMs, scheduleMs } from '../../../src/webhooks/policy.ts';

const now = Date.UTC(2026, 9, 6, 11, 15, 30);
const [minute, hour] = [60_000, 3_600_000];
const statuses: readonly EndpointStatus[] = ['enabled', 'paused', 'disabled', 'deleted'];
const errors = Object.keys(attemptErrors) as AttemptError[];
const ours: readonly AttemptError[] = ['resolver_failed', 'interrupted', 'lost'];
const theirs = errors.filter((error) => !ours.includes(error));
const waitsAs = { enabled: 'pending', paused: 'held', disabled: 'held', deleted: 'cancelled' } as const;

const sending: Delivery = {
  id: 'whd_1',
  eventId: 'evt_1',
  endpointId: 'whe_1',
  tenantId: 'ten_1',
  mode: 'test',
  type: 'payment.succeeded',
  status: 'sending',
  lane: lanes.normal,
  nextTrigger: 'first',
  step: 0,
  attemptCount: 1,
  dueAt: now + 45_000,
  leaseToken: 'token',
  lastStatusCode: null,
  lastError: null,
  retriedAt: null,
  createdAt: now - 1000,
  deliveredAt: null,
};

const success: Exchange = {
  durationMs: 40,
  statusCode: 204,
  error: null,
  detail: null,
  requestHeaders: {},
  responseHeaders: {},
  responseBody: '',
  retryAfterMs: null,
};
const failure = (error: AttemptError, more: Partial<Exchange> = {}): Exchange => ({
  ...success,
  statusCode: null,
  error,
  ...more,
});

describe('a delivery after an attempt', () => {
  it('is delivered after a success, whatever its endpoint has become, and its schedule begins anew', () => {
    for (const status of statuses) {
      const after = afterAttempt({ ...sending, step: 7 }, success, status, now, 0.5);
      expect(after).to.deep.include({ status: 'delivered', step: 0, dueAt: null, deliveredAt: now, leaseToken: null });
      expect(after).to.deep.include({ lastStatusCode: 204, lastError: null, attemptCount: 1 });
    }
  });

  it('waits for the next step after each failure of the endpoint, in every state of it', () => {
    for (const error of theirs)
      for (const status of statuses)
        for (let step = 0; step < scheduleMs.length - 1; step += 1) {
          const after = afterAttempt({ ...sending, step }, failure(error), status, now, 0.25);
          const wait = Math.max(retryDelayMs(step + 1, 0.25)!, error === 'timeout' ? minute : 0);
          expect(after, `${error} ${status} ${step}`).to.deep.include({
            status: waitsAs[status],
            step: step + 1,
            nextTrigger: 'retry',
            leaseToken: null,
            lastError: error,
            dueAt: status === 'deleted' ? null : now + wait,
          });
        }
  });

  it('is dead after the twelfth failure, but cancelled where the endpoint is deleted', () => {
    for (const error of theirs)
      for (const status of statuses) {
        const after = afterAttempt({ ...sending, step: 11 }, failure(error), status, now, 0.5);
        const end = status === 'deleted' ? 'cancelled' : 'dead';
        expect(after, `${error} ${status}`).to.deep.include({ status: end, step: 12, dueAt: null, leaseToken: null });
      }
  });

  it('stays at its step after a fault of our own, even at the last one', () => {
    for (const error of ours)
      for (const status of statuses)
        for (let step = 0; step < scheduleMs.length; step += 1) {
          const after = afterAttempt({ ...sending, step }, failure(error), status, now, 0.5);
          expect(after, `${error} ${status} ${step}`).to.deep.include({ status: waitsAs[status], step });
          if (status === 'deleted') expect(after.dueAt).to.equal(null);
          else expect(after.dueAt).to.be.within(now, now + minute);
        }
  });

  it('waits a minute after a resolver that failed and a second after our own stop, then twice as long each time, to an hour', () => {
    const waitOf = (error: AttemptError, attemptCount: number): number | null => {
      const { dueAt } = afterAttempt({ ...sending, attemptCount }, failure(error), 'enabled', now, 0.5);
      return dueAt === null ? null : dueAt - now;
    };
    expect([1, 2, 3, 7, 8, 199].map((count) => waitOf('resolver_failed', count))).to.deep.equal(
      [1, 2, 4, 60, 60, 60].map((minutes) => minutes * minute),
    );
    expect([1, 2, 13, 199].map((count) => waitOf('interrupted', count))).to.deep.equal([1000, 2000, hour, hour]);
  });

  it('is dead after two hundred attempts, whosever fault the last one was', () => {
    for (const error of ours)
      expect(afterAttempt({ ...sending, attemptCount: 200 }, failure(error), 'enabled', now, 0.5).status).to.equal(
        'dead',
      );
  });

  it('is tried again soon after a first fault of our own', () => {
    expect(afterAttempt(sending, failure('resolver_failed'), 'enabled', now, 0.5).dueAt).to.equal(now + minute);
    expect(afterAttempt(sending, failure('interrupted'), 'enabled', now, 0.5).dueAt).to.equal(now + 1000);
  });

  it('waits at least a minute after 429, 502, 503, 504 and a timeout, and no longer than the schedule after others', () => {
    for (const statusCode of [301, 400, 404, 429, 500, 501, 502, 503, 504, 505]) {
      const error = statusCode === 429 ? 'rate_limited' : statusCode < 500 ? 'client_error' : 'server_error';
      const exchange = failure(error, { statusCode, retryAfterMs: null });
      const wait = afterAttempt(sending, exchange, 'enabled', now, 0.5).dueAt! - now;
      expect(wait, `${statusCode}`).to.equal([429, 502, 503, 504].includes(statusCode) ? minute : scheduleMs[1]);
    }
  });

  it('waits for what Retry-After asks, where the schedule is not longer and the status gives it a meaning', () => {
    const asked = (statusCode: number, retryAfterMs: number, step = 0): number => {
      const exchange = failure('server_error', { statusCode, retryAfterMs });
      return afterAttempt({ ...sending, step }, exchange, 'enabled', now, 0.5).dueAt! - now;
    };
    expect(asked(503, 2 * hour)).to.equal(2 * hour);
    expect(asked(503, 10)).to.equal(minute);
    expect(asked(503, 2 * hour, 8)).to.equal(scheduleMs[9]);
    expect(asked(500, 2 * hour)).to.equal(scheduleMs[1]);
  });

  it('keeps everything else as it was', () => {
    const given = fc.record({
      step: fc.integer({ min: 0, max: 11 }),
      attemptCount: fc.integer({ min: 1, max: 500 }),
      lane: fc.constantFrom(lanes.normal, lanes.low),
      retriedAt: fc.option(fc.integer({ min: 0, max: now })),
    });
    const outcome = fc.constantFrom(success, ...errors.map((error) => failure(error)));
    fc.assert(
      fc.property(given, outcome, fc.constantFrom(...statuses), (changed, exchange, status) => {
        const before = { ...sending, ...changed };
        const { id, eventId, endpointId, tenantId, mode, type, attemptCount, lane, retriedAt, createdAt } = before;
        const fixed = { id, eventId, endpointId, tenantId, mode, type, attemptCount, lane, retriedAt, createdAt };
        expect(afterAttempt(before, exchange, status, now, 0.5)).to.deep.include(fixed);
      }),
    );
  });
});

describe('a delivery that waits', () => {
  it('is pending at an enabled endpoint, held at a paused or disabled one, cancelled at a deleted one', () => {
    expect(Object.fromEntries(statuses.map((status) => [status, statusAt(status)]))).to.deep.equal(waitsAs);
  });

  it('shows when it will be tried: when it is due, or later while its endpoint is left alone', () => {
    const pending: Delivery = { ...sending, status: 'pending', dueAt: now };
    const at = (shown: object): unknown => (shown as { next_attempt_at: unknown }).next_attempt_at;
    expect(at(presentDelivery(pending, null))).to.equal(new Date(now).toISOString());
    expect(at(presentDelivery(pending, now - hour))).to.equal(new Date(now).toISOString());
    expect(at(presentDelivery(pending, now + hour))).to.equal(new Date(now + hour).toISOString());
    for (const status of ['sending', 'delivered', 'held', 'dead', 'cancelled'] as const)
      expect(at(presentDelivery({ ...pending, status }, now + hour)), status).to.equal(null);
  });
});
