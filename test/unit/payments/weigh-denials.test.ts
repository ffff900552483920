// Evidence that says no, or nothing (C, D and null of design.md section 6), through `decide`: M-PESA's own word is
// believed at once, a query's slowly, silence never.

import { expect } from 'chai';
import { type Payment, statuses } from '../../../src/payments/payment.ts';
import {
  changed,
  createdAt,
  days,
  denial,
  expiresAt,
  hear,
  makeEvidence,
  makePayment,
  minutes,
  noAnswer,
  queryDenial,
  seconds,
} from '../../support/payment-evidence.ts';

const open = ['pending', 'unknown'] as const;

describe('evidence C: M-PESA’s own no', () => {
  const codes: readonly [string, Payment['status'], string][] = [
    ['1031', 'cancelled', 'cancelled_by_customer'],
    ['1032', 'cancelled', 'cancelled_by_customer'],
    ['1', 'failed', 'insufficient_funds'],
    ['1019', 'failed', 'prompt_expired'],
    ['1037', 'failed', 'customer_unreachable'],
    ['2001', 'failed', 'wrong_pin'],
    ['SFC_IC0003', 'failed', 'misconfigured_shortcode'],
    ['nobody-knows', 'failed', 'unknown_result'],
  ];
  for (const [code, status, failureCode] of codes) {
    it(`${code} takes pending and unknown to ${status}, ${failureCode}`, () => {
      for (const from of open) {
        const next = changed(makePayment(from), hear(makePayment(from), denial(code)));
        expect(next).to.include({
          status,
          failureCode,
          providerCode: code,
          providerMessage: `said ${code}`,
          confirmedBy: 'callback',
        });
        expect(next).to.include({ completedAt: createdAt + minutes, nextAskAt: null, dueAt: null });
      }
    });
  }

  it('settles queued and submitting at once, so that they are never sent', () => {
    for (const from of ['queued', 'submitting'] as const)
      expect(changed(makePayment(from), hear(makePayment(from), denial())), from).to.include({
        status: 'cancelled',
        dueAt: null,
      });
  });

  it('is believed before expires_at and long after', () => {
    for (const now of [createdAt + seconds, expiresAt + 20 * minutes])
      expect(hear(makePayment('unknown'), denial(), now)).to.include({ to: 'cancelled' });
  });

  it('never changes a success: kept as a contradiction', () => {
    expect(hear(makePayment('succeeded'), denial())).to.deep.include({ verdict: 'contradicts', patch: {} });
  });

  it('is a repeat, or only noted, for what is denied already', () => {
    for (const from of ['failed', 'cancelled'] as const) {
      const known = makePayment(from).providerCode!;
      expect(hear(makePayment(from), denial(known)), from).to.deep.include({ verdict: 'repeated', patch: {} });
      expect(hear(makePayment(from), denial('26')), from).to.deep.include({ verdict: 'noted', patch: {} });
    }
  });

  it('gives an expired payment its reason once, and stops the asking', () => {
    const expired = makePayment('expired', { nextAskAt: expiresAt + 60 * minutes });
    const told = changed(expired, hear(expired, denial('1032'), expiresAt + 40 * minutes));
    expect(told).to.include({
      status: 'expired',
      failureCode: 'cancelled_by_customer',
      providerCode: '1032',
      dueAt: null,
    });
    expect(hear(told, denial('1032'), expiresAt + 41 * minutes)).to.deep.include({ verdict: 'repeated', patch: {} });
  });

  it('leaves a review to the operator', () => {
    expect(hear(makePayment('needs_review'), denial())).to.deep.include({ verdict: 'noted', patch: {} });
  });
});

describe('evidence D: a query’s no', () => {
  it('is only noted before expires_at, however often it comes', () => {
    let payment = makePayment('pending');
    for (const now of [createdAt + 45 * seconds, createdAt + 90 * seconds, expiresAt - 1]) {
      const decision = hear(payment, queryDenial(), now);
      expect(decision).to.include({ verdict: 'noted' }).and.not.have.property('to');
      payment = changed(payment, decision);
    }
    expect(payment).to.include({ status: 'pending', firstDeniedAt: null, lastAnsweredAt: expiresAt - 1 });
  });

  it('is believed after expires_at when it comes twice at least 30 s apart, and asks for the second in time', () => {
    for (const from of open) {
      const first = hear(makePayment(from), queryDenial(), expiresAt);
      expect(first, from).to.include({ verdict: 'noted' }).and.not.have.property('to');
      const once = changed(makePayment(from), first);
      expect(once.firstDeniedAt, from).to.equal(expiresAt);
      expect(once.nextAskAt!, from).to.be.at.most(expiresAt + 30 * seconds);
      expect(hear(once, queryDenial(), expiresAt + 30 * seconds - 1), from).to.not.have.property('to');
      const second = hear(once, queryDenial(), expiresAt + 30 * seconds);
      expect(second, from).to.include({ verdict: 'applied', to: 'failed' });
      expect(changed(once, second), from).to.include({
        confirmedBy: 'query',
        failureCode: 'customer_unreachable',
        providerCode: '1037',
        dueAt: null,
      });
    }
  });

  it('counts the 30 s from the first no, however many come in between', () => {
    let payment = makePayment('unknown');
    for (const ms of [0, 10, 20, 29].map((one) => one * seconds))
      payment = changed(payment, hear(payment, queryDenial(), expiresAt + ms));
    expect(payment).to.include({ status: 'unknown', firstDeniedAt: expiresAt });
    expect(hear(payment, queryDenial(), expiresAt + 31 * seconds)).to.include({ to: 'failed' });
  });

  it('is believed alone 10 min after expires_at, and not a millisecond before', () => {
    expect(hear(makePayment('unknown'), queryDenial(), expiresAt + 10 * minutes - 1)).to.not.have.property('to');
    expect(hear(makePayment('unknown'), queryDenial(), expiresAt + 10 * minutes)).to.include({ to: 'failed' });
  });

  it('reads its codes: 1031 and 1032 cancel, 1019 expires, others fail', () => {
    const to = (code: string) => hear(makePayment('unknown'), queryDenial(code), expiresAt + 10 * minutes).to;
    expect([to('1031'), to('1032'), to('1019'), to('1'), to('2001')]).to.deep.equal([
      'cancelled',
      'cancelled',
      'expired',
      'failed',
      'failed',
    ]);
  });

  it('never undoes a success: kept as a contradiction, at any time', () => {
    for (const now of [createdAt, expiresAt + 10 * minutes, expiresAt + 30 * days])
      expect(hear(makePayment('succeeded'), queryDenial(), now)).to.deep.include({ verdict: 'contradicts', patch: {} });
  });

  it('changes nothing but pending and unknown', () => {
    for (const status of statuses.filter((one) => !['pending', 'unknown', 'succeeded'].includes(one)))
      expect(hear(makePayment(status), queryDenial(), expiresAt + 20 * minutes), status).to.deep.include({
        verdict: 'noted',
        patch: {},
      });
  });
});

describe('evidence that says nothing', () => {
  it('moves no payment, and no first denial or answer is counted', () => {
    for (const status of statuses)
      expect(hear(makePayment(status), noAnswer(), expiresAt + 20 * minutes), status).to.deep.include({
        verdict: 'no_answer',
        patch: {},
      });
  });

  it('that cannot be read is kept as unreadable and moves nothing, not even the ids', () => {
    const bare = { merchantRequestId: null, checkoutRequestId: null, nextAskAt: null };
    for (const status of statuses)
      expect(hear(makePayment(status, bare), makeEvidence({ unreadable: 'not JSON' })), status).to.deep.include({
        verdict: 'unreadable',
        patch: {},
      });
  });
});
