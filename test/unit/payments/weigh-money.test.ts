// Evidence that says yes (A and B of design.md section 6), through `decide`: when money is believed, what raises doubt,
// which flags tell the story, and what a second word about the same money may still add.

import { expect } from 'chai';
import { type Payment, statuses } from '../../../src/payments/payment.ts';
import {
  changed,
  createdAt,
  days,
  denial,
  expiresAt,
  hear,
  ids,
  makePayment,
  minutes,
  money,
  queryDenial,
  yes,
} from '../../support/payment-evidence.ts';

const soon = createdAt + minutes;
const notPaid = statuses.filter((status) => status !== 'succeeded');
const receipt = 'UJ68K3W0QZ';
const byQuery: Partial<Payment> = {
  mpesaReceipt: null,
  amountReceivedKes: null,
  confirmedBy: 'query',
  flags: ['receipt_missing'],
};

describe('evidence A: verified money', () => {
  for (const status of notPaid) {
    it(`takes ${status} to succeeded, with receipt and amount and without any failure`, () => {
      const next = changed(makePayment(status), hear(makePayment(status), money(), soon));
      expect(next).to.include({
        status: 'succeeded',
        mpesaReceipt: receipt,
        amountReceivedKes: 1500,
        confirmedBy: 'callback',
      });
      expect(next).to.include({
        failureCode: null,
        providerCode: null,
        providerMessage: null,
        reviewReason: null,
        dueAt: null,
      });
    });
  }

  it('is flagged late after expires_at, and only then', () => {
    expect(hear(makePayment('pending'), money(), expiresAt).patch.flags).to.deep.equal([]);
    expect(hear(makePayment('unknown'), money(), expiresAt + 1).patch.flags).to.deep.equal(['late']);
  });

  it('heard before expires_at and settled after it, out of the spool, is not late', () => {
    expect(hear(makePayment('unknown'), money({ at: expiresAt }), expiresAt + minutes).patch.flags).to.deep.equal([]);
  });

  it('is flagged late after any negative status, and contradicted if M-PESA’s own no came before', () => {
    expect(hear(makePayment('failed'), money()).patch.flags).to.deep.equal(['late', 'contradicted']);
    expect(hear(makePayment('cancelled'), money()).patch.flags).to.deep.equal(['late', 'contradicted']);
    expect(hear(makePayment('failed', { confirmedBy: 'query' }), money()).patch.flags).to.deep.equal(['late']);
    expect(hear(makePayment('expired'), money()).patch.flags).to.deep.equal(['late']);
  });

  it('overturns a denial up to seven days after it, and is kept as too late from then on', () => {
    for (const status of ['failed', 'cancelled', 'expired'] as const) {
      const payment = makePayment(status);
      const end = payment.completedAt! + 7 * days;
      expect(hear(payment, money(), end), status).to.include({ to: 'succeeded' });
      expect(hear(payment, money(), end + 1), status)
        .to.include({ verdict: 'too_late' })
        .and.not.have.property('to');
    }
  });

  it('of another amount goes to needs_review from every status but succeeded, and keeps what arrived', () => {
    for (const status of notPaid) {
      const decision = hear(makePayment(status), money({ amountCents: 100 }));
      expect(decision, status).to.include({ verdict: 'amount_mismatch' });
      const next = changed(makePayment(status), decision);
      expect(next, status).to.include({
        status: 'needs_review',
        reviewReason: 'amount',
        amountReceivedKes: 1,
        mpesaReceipt: receipt,
      });
      expect(next.flags, status).to.include('amount_mismatch');
    }
  });

  it('of another amount leaves no word of a failure heard earlier', () => {
    for (const status of ['failed', 'cancelled', 'expired'] as const) {
      const next = changed(makePayment(status), hear(makePayment(status), money({ amountCents: 100 })));
      expect(next, status).to.include({ failureCode: null, providerCode: null, completedAt: null });
    }
  });

  it('counts cents: 1500.50 is not 1500, and what arrived is shown in whole shillings', () => {
    const decision = hear(makePayment(), money({ amountCents: 150_050 }));
    expect(decision).to.include({ verdict: 'amount_mismatch', to: 'needs_review' });
    expect(decision.patch.amountReceivedKes).to.equal(1500);
  });

  it('with a receipt that another payment owns goes to needs_review without it', () => {
    const next = changed(makePayment(), hear(makePayment(), money(), soon, { receiptTaken: true }));
    expect(next).to.include({ status: 'needs_review', reviewReason: 'receipt', mpesaReceipt: null });
    expect(next.flags).to.deep.equal(['receipt_reused']);
  });

  it('for another shortcode goes to needs_review', () => {
    expect(hear(makePayment(), money({ shortcode: '600999' }))).to.include({
      verdict: 'other_shortcode',
      to: 'needs_review',
    });
    expect(hear(makePayment(), money({ shortcode: '174379' }))).to.include({ verdict: 'applied', to: 'succeeded' });
  });

  it('from certainly another phone goes to needs_review; masked, hashed or absent ones raise no doubt', () => {
    for (const phone of ['254799999999', '2547*****999'])
      expect(hear(makePayment(), money({ phone })), phone).to.include({ verdict: 'other_phone', to: 'needs_review' });
    for (const phone of ['254712345678', '2547*****678', 'f'.repeat(64), null])
      expect(hear(makePayment(), money({ phone })), String(phone)).to.include({ to: 'succeeded' });
  });

  it('with the right amount ends a review, whatever it was for', () => {
    for (const reviewReason of ['amount', 'receipt', 'shortcode', 'phone', 'no_answer'] as const)
      expect(hear(makePayment('needs_review', { reviewReason }), money()), reviewReason).to.include({
        to: 'succeeded',
      });
  });

  it('without a receipt succeeds and says that the receipt is missing', () => {
    const next = changed(makePayment(), hear(makePayment(), money({ receipt: null })));
    expect(next).to.include({ status: 'succeeded', amountReceivedKes: 1500, mpesaReceipt: null });
    expect(next.flags).to.deep.equal(['receipt_missing']);
  });
});

describe('evidence A for a payment that succeeded', () => {
  it('is a repeat when it says the same: nothing changes', () => {
    expect(hear(makePayment('succeeded'), money())).to.deep.include({ verdict: 'repeated', patch: {} });
  });

  it('with another receipt, amount or owner is kept as a contradiction and changes nothing', () => {
    const paid = makePayment('succeeded');
    expect(hear(paid, money({ receipt: 'UJ6OTHER00' }))).to.deep.include({ verdict: 'contradicts', patch: {} });
    expect(hear(paid, money({ amountCents: 100 }))).to.deep.include({ verdict: 'amount_mismatch', patch: {} });
    expect(hear(paid, money(), soon, { receiptTaken: true })).to.deep.include({ verdict: 'receipt_reused', patch: {} });
  });

  it('fills in the receipt and amount that a query’s yes lacked, and takes receipt_missing away', () => {
    const decision = hear(makePayment('succeeded', byQuery), money());
    expect(decision).to.include({ verdict: 'applied' }).and.not.have.property('to');
    expect(decision.patch).to.deep.include({
      mpesaReceipt: receipt,
      amountReceivedKes: 1500,
      confirmedBy: 'callback',
      flags: [],
    });
  });

  it('of another amount after a query’s yes sets amount_received and the flag, and stays succeeded', () => {
    const decision = hear(makePayment('succeeded', byQuery), money({ amountCents: 100 }));
    expect(decision).to.include({ verdict: 'amount_mismatch' }).and.not.have.property('to');
    expect(decision.patch).to.deep.include({ amountReceivedKes: 1, mpesaReceipt: receipt, flags: ['amount_mismatch'] });
  });

  // An amount without a receipt was once taken for a mere repeat of the query's yes: another amount went unseen.
  it('without a receipt after a query’s yes still brings its amount, and another amount is flagged', () => {
    const right = hear(makePayment('succeeded', byQuery), money({ receipt: null }));
    expect(right.patch).to.deep.include({ amountReceivedKes: 1500, flags: ['receipt_missing'] });
    const wrong = hear(makePayment('succeeded', byQuery), money({ receipt: null, amountCents: 100 }));
    expect(wrong).to.include({ verdict: 'amount_mismatch' });
    expect(wrong.patch).to.deep.include({ amountReceivedKes: 1, flags: ['receipt_missing', 'amount_mismatch'] });
  });

  it('with a used receipt after a query’s yes is flagged, and the receipt stays missing', () => {
    const decision = hear(makePayment('succeeded', byQuery), money(), soon, { receiptTaken: true });
    expect(decision).to.include({ verdict: 'receipt_reused' });
    expect(decision.patch).to.deep.equal({ flags: ['receipt_missing', 'receipt_reused'] });
  });

  it('never leaves succeeded, whatever comes', () => {
    const everything = [money(), money({ amountCents: 1 }), yes(), denial(), queryDenial()];
    for (const paid of [makePayment('succeeded'), makePayment('succeeded', byQuery)])
      for (const evidence of everything)
        expect(changed(paid, hear(paid, evidence, expiresAt + days)).status).to.equal('succeeded');
  });
});

describe('evidence B: a yes without a receipt', () => {
  it('takes pending and unknown to succeeded, with receipt_missing and no amount received', () => {
    for (const status of ['pending', 'unknown'] as const) {
      const next = changed(makePayment(status), hear(makePayment(status), yes()));
      expect(next).to.include({
        status: 'succeeded',
        confirmedBy: 'query',
        mpesaReceipt: null,
        amountReceivedKes: null,
      });
      expect(next.flags).to.deep.equal(['receipt_missing']);
    }
  });

  it('beats a denial, in whatever order they come', () => {
    const denied = changed(makePayment(), hear(makePayment(), denial()));
    const next = changed(denied, hear(denied, yes()));
    expect(next).to.include({ status: 'succeeded', failureCode: null });
    expect(next.flags).to.have.members(['late', 'contradicted', 'receipt_missing']);
  });

  it('is a repeat for a payment that succeeded', () => {
    expect(hear(makePayment('succeeded'), yes())).to.deep.include({ verdict: 'repeated', patch: {} });
  });

  it('ends a review that only waited for an answer, and no review of money that came wrong', () => {
    expect(hear(makePayment('needs_review'), yes())).to.include({ to: 'succeeded' });
    for (const reviewReason of ['amount', 'receipt', 'shortcode', 'phone'] as const)
      expect(hear(makePayment('needs_review', { reviewReason }), yes())).to.deep.include({
        verdict: 'noted',
        patch: {},
      });
  });
});

describe('ids', () => {
  const bare: Partial<Payment> = { merchantRequestId: null, checkoutRequestId: null };
  const foreign = { merchantRequestId: 'm-other', checkoutRequestId: 'ws_CO_other' };

  it('are adopted from the callback when the push’s answer was lost, and the payment settled at once', () => {
    for (const status of ['queued', 'submitting', 'unknown'] as const) {
      const payment = makePayment(status, bare);
      expect(changed(payment, hear(payment, money())), status).to.include({ ...ids, status: 'succeeded', dueAt: null });
      expect(changed(payment, hear(payment, denial())), status).to.include({
        ...ids,
        status: 'cancelled',
        dueAt: null,
      });
    }
  });

  it('that are not the stored ones are forged: kept, moving nothing, whatever the evidence says', () => {
    const halves = [foreign, { ...ids, merchantRequestId: 'm-other' }, { ...ids, checkoutRequestId: 'ws_CO_other' }];
    for (const status of notPaid.filter((one) => one !== 'queued' && one !== 'submitting'))
      for (const forged of halves)
        for (const evidence of [money({ ids: forged }), denial('1032', { ids: forged })])
          expect(hear(makePayment(status), evidence)).to.deep.include({ verdict: 'forged_ids', patch: {} });
  });

  it('that belong to another payment are forged', () => {
    const decision = hear(makePayment('unknown', bare), money({ ids: foreign }), soon, { idsTaken: true });
    expect(decision).to.include({ verdict: 'forged_ids' }).and.not.have.property('to');
    expect(decision.patch).to.not.have.any.keys('merchantRequestId', 'checkoutRequestId');
  });

  it('are not asked of evidence that carries none', () => {
    expect(hear(makePayment(), money({ source: 'c2b', ids: null }))).to.include({ to: 'succeeded' });
  });
});
