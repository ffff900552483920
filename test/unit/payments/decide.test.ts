// The rows of design.md section 6 that are about our own push and about time: the claim, what the push came to, what
// merchants and refusals do, and what silence does. Evidence has its own file beside this one.

import { expect } from 'chai';
import { isTimeUp, type News } from '../../../src/payments/decide.ts';
import { type Payment, statuses } from '../../../src/payments/payment.ts';
import type { PushAnswer } from '../../../src/payments/payment-provider.ts';
import {
  changed,
  createdAt,
  decideAt,
  exchange,
  expiresAt,
  ids,
  makePayment,
  minutes,
  pushAnswered,
  seconds,
} from '../../support/payment-evidence.ts';

const claimed: News = { kind: 'claimed', leaseToken: 'lease', leaseUntil: createdAt + 2 * minutes };
const accepted: PushAnswer = { outcome: 'accepted', ...ids, exchange };
const rejected: PushAnswer = {
  outcome: 'rejected',
  failureCode: 'invalid_credentials',
  providerCode: '500.001.1001',
  providerMessage: 'Wrong credentials',
  exchange,
};
const unclear: PushAnswer = { outcome: 'unknown', reason: 'timeout', exchange };
const notSent = (reason: 'busy' | 'subscriber_locked', retryAfterMs: number | null = null): PushAnswer => ({
  outcome: 'notSent',
  reason,
  retryAfterMs,
  providerCode: null,
  providerMessage: null,
  exchange,
});
const soon = createdAt + 3 * seconds;
const all = (isWanted: (status: Payment['status']) => boolean): Payment[] =>
  statuses.filter(isWanted).map((status) => makePayment(status));

describe('decide: the claim', () => {
  it('takes a queued payment to submitting with a lease and counts the attempt', () => {
    const decision = decideAt(makePayment('queued'), claimed, soon);
    expect(decision).to.include({ to: 'submitting' });
    expect(decision!.patch).to.include({
      leaseToken: 'lease',
      leaseUntil: createdAt + 2 * minutes,
      attemptCount: 1,
      submittedAt: soon,
    });
  });

  it('is refused for every status but queued, so that no push is ever sent twice', () => {
    for (const payment of all((status) => status !== 'queued'))
      expect(decideAt(payment, claimed, soon), payment.status).to.equal(null);
  });

  it('is refused before the back-off is over and from the moment the payment expires', () => {
    expect(decideAt(makePayment('queued', { nextAttemptAt: soon + 1 }), claimed, soon)).to.equal(null);
    expect(decideAt(makePayment('queued'), claimed, expiresAt)).to.equal(null);
    expect(decideAt(makePayment('queued'), claimed, expiresAt - 1)).to.include({ to: 'submitting' });
  });
});

describe('decide: the push’s answer', () => {
  it('accepted: pending with the ids, the lease over, and asking planned 45 s after the push', () => {
    const decision = decideAt(makePayment('submitting'), pushAnswered(accepted), soon);
    expect(decision).to.include({ verdict: 'applied', to: 'pending' });
    expect(decision!.patch).to.include({
      ...ids,
      leaseToken: null,
      leaseUntil: null,
      nextAskAt: createdAt + 45 * seconds,
    });
  });

  it('rejected: failed, with what M-PESA said', () => {
    const decision = decideAt(makePayment('submitting'), pushAnswered(rejected), soon);
    expect(decision).to.include({ verdict: 'applied', to: 'failed' });
    expect(decision!.patch).to.include({
      failureCode: 'invalid_credentials',
      providerCode: '500.001.1001',
      completedAt: soon,
      leaseToken: null,
    });
  });

  it('not sent: queued again, with a back-off that grows from 5 to 90 s', () => {
    const waits = [1, 2, 3, 4, 5].map((attemptCount) => {
      const decision = decideAt(makePayment('submitting', { attemptCount }), pushAnswered(notSent('busy')), soon);
      expect(decision).to.include({ verdict: 'applied', to: 'queued' });
      expect(decision!.patch).to.include({ submittedAt: null, leaseToken: null });
      return decision!.patch.nextAttemptAt! - soon;
    });
    expect(waits).to.deep.equal([5, 15, 45, 90, 90].map((wait) => wait * seconds));
  });

  it('not sent because the customer is busy: at least 60 s; because M-PESA named a time: at least that', () => {
    const wait = (answer: PushAnswer) =>
      decideAt(makePayment('submitting'), pushAnswered(answer), soon)!.patch.nextAttemptAt! - soon;
    expect(wait(notSent('subscriber_locked'))).to.equal(60 * seconds);
    expect(wait(notSent('busy', 33 * seconds))).to.equal(33 * seconds);
  });

  it('unclear: unknown, without a failure, never queued again', () => {
    const decision = decideAt(makePayment('submitting'), pushAnswered(unclear), soon);
    expect(decision).to.include({ verdict: 'applied', to: 'unknown' });
    expect(decision!.patch).to.not.have.any.keys('failureCode', 'completedAt', 'nextAttemptAt');
  });

  it('accepted after the lease: only fills in the ids, whatever the payment has become', () => {
    for (const payment of all((status) => status !== 'submitting')) {
      const bare = { ...payment, merchantRequestId: null, checkoutRequestId: null };
      const decision = decideAt(bare, pushAnswered(accepted), soon);
      expect(decision, payment.status).to.include({ verdict: 'late_answer' }).and.not.have.property('to');
      expect(decision!.patch, payment.status).to.include(ids);
      expect(decision!.patch, payment.status).to.not.have.any.keys('status', 'failureCode', 'completedAt');
    }
  });

  it('accepted after the lease: never replaces ids that are known', () => {
    const known = makePayment('succeeded', { checkoutRequestId: 'ws_CO_1', merchantRequestId: 'm-1' });
    expect(decideAt(known, pushAnswered(accepted), soon)!.patch).to.not.have.any.keys(
      'checkoutRequestId',
      'merchantRequestId',
    );
  });

  it('accepted for an unknown payment whose ids it fills in: plans the asking', () => {
    const lost = makePayment('unknown', { merchantRequestId: null, checkoutRequestId: null, nextAskAt: null });
    expect(decideAt(lost, pushAnswered(accepted), soon)!.patch.nextAskAt).to.equal(createdAt + 45 * seconds);
  });

  it('of another lease than the running one: moves nothing', () => {
    for (const answer of [accepted, rejected, notSent('busy'), unclear]) {
      const decision = decideAt(makePayment('submitting'), pushAnswered(answer, 'old lease'), soon);
      expect(decision, answer.outcome).to.include({ verdict: 'late_answer' }).and.not.have.property('to');
    }
  });

  it('rejected after the lease: proves that nothing was sent while the payment is unknown, and moves nothing else', () => {
    const bare = { merchantRequestId: null, checkoutRequestId: null, nextAskAt: null };
    expect(decideAt(makePayment('unknown', bare), pushAnswered(rejected), soon)).to.include({ to: 'failed' });
    for (const payment of all((status) => !['submitting', 'unknown'].includes(status))) {
      const decision = decideAt(payment, pushAnswered(rejected), soon);
      expect(decision, payment.status).to.include({ verdict: 'late_answer' }).and.not.have.property('to');
    }
  });

  it('not sent or unclear after the lease: moves nothing and never queues again', () => {
    for (const answer of [notSent('busy'), unclear]) {
      for (const payment of all((status) => status !== 'submitting')) {
        expect(decideAt(payment, pushAnswered(answer), soon), payment.status)
          .to.include({ verdict: 'late_answer' })
          .and.not.have.property('to');
      }
    }
  });

  it('accepted with ids of another payment: unknown, and the ids are not taken over', () => {
    const decision = decideAt(makePayment('submitting'), pushAnswered(accepted), soon, { idsTaken: true });
    expect(decision).to.include({ verdict: 'forged_ids', to: 'unknown' });
    expect(decision!.patch).to.not.have.any.keys('checkoutRequestId', 'merchantRequestId');
  });
});

describe('decide: before the wire', () => {
  it('the merchant cancels a queued payment, and no other', () => {
    const decision = decideAt(makePayment('queued'), { kind: 'cancelledByMerchant' }, soon);
    expect(decision).to.include({ to: 'cancelled' });
    expect(decision!.patch).to.include({ failureCode: 'cancelled_by_merchant', completedAt: soon });
    for (const payment of all((status) => status !== 'queued'))
      expect(decideAt(payment, { kind: 'cancelledByMerchant' }, soon), payment.status).to.equal(null);
  });

  it('a refusal fails a queued payment, and no other', () => {
    const news: News = { kind: 'refused', failureCode: 'invalid_credentials', detail: 'no credentials' };
    expect(decideAt(makePayment('queued'), news, soon)).to.include({ to: 'failed', cause: 'no credentials' });
    for (const payment of all((status) => status !== 'queued'))
      expect(decideAt(payment, news, soon), payment.status).to.equal(null);
  });
});

describe('decide: time', () => {
  const timePassed: News = { kind: 'timePassed' };
  const at = (payment: Payment, now: number) => decideAt(payment, timePassed, now);

  it('expires a queued payment at expires_at and not a millisecond before', () => {
    expect(at(makePayment('queued'), expiresAt - 1)).to.equal(null);
    expect(at(makePayment('queued'), expiresAt)).to.include({ to: 'expired' });
    expect(at(makePayment('queued'), expiresAt)!.patch).to.include({
      failureCode: 'not_sent_in_time',
      completedAt: expiresAt,
    });
  });

  it('makes a submitting payment unknown when its lease ran out (a crash), and not before', () => {
    const payment = makePayment('submitting');
    expect(at(payment, payment.leaseUntil! - 1)).to.equal(null);
    expect(at(payment, payment.leaseUntil!)).to.include({ to: 'unknown' });
    expect(at(payment, payment.leaseUntil!)!.patch).to.include({ leaseToken: null, leaseUntil: null });
  });

  it('makes a pending payment unknown at expires_at, without a failure', () => {
    expect(at(makePayment('pending'), expiresAt - 1)).to.equal(null);
    const decision = at(makePayment('pending'), expiresAt);
    expect(decision).to.include({ to: 'unknown' });
    expect(decision!.patch).to.not.have.any.keys('failureCode', 'completedAt');
  });

  it('30 min after expiry an unknown payment becomes expired if a query ever answered, else needs_review', () => {
    const answered = makePayment('unknown', { lastAnsweredAt: expiresAt + minutes });
    expect(at(answered, expiresAt + 30 * minutes - 1)).to.equal(null);
    expect(at(answered, expiresAt + 30 * minutes)).to.include({ to: 'expired' });
    const silent = at(makePayment('unknown'), expiresAt + 30 * minutes);
    expect(silent).to.include({ to: 'needs_review' });
    expect(silent!.patch).to.include({ reviewReason: 'no_answer' }).and.not.have.any.keys('failureCode');
  });

  it('goes on asking after that: the plan of asking outlives the change', () => {
    for (const lastAnsweredAt of [null, expiresAt]) {
      const payment = makePayment('unknown', { lastAnsweredAt, nextAskAt: createdAt + 60 * minutes });
      const next = changed(payment, at(payment, expiresAt + 30 * minutes));
      expect(next.nextAskAt, next.status).to.equal(createdAt + 60 * minutes);
      expect(next.dueAt, next.status).to.equal(createdAt + 60 * minutes);
    }
  });

  it('moves nothing that has its end', () => {
    for (const payment of all((status) =>
      ['succeeded', 'failed', 'cancelled', 'expired', 'needs_review'].includes(status),
    ))
      expect(at(payment, expiresAt + 365 * 24 * 60 * minutes), payment.status).to.equal(null);
  });

  it('isTimeUp says so exactly when it moves the payment', () => {
    for (const payment of all(() => true)) {
      for (const now of [soon, expiresAt - 1, expiresAt, expiresAt + 30 * minutes])
        expect(isTimeUp(payment, now), `${payment.status} at ${now}`).to.equal(at(payment, now) !== null);
    }
  });
});
