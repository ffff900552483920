// The catalogue of failures: complete, in both languages, and never saying "failed" where the truth is not known.

import { expect } from 'chai';
import {
  customerMessage,
  describeFailure,
  type FailureCode,
  type FailureEntry,
  failureCatalogue,
} from '../../../src/payments/failures.ts';

const entries = Object.entries(failureCatalogue) as [FailureCode, FailureEntry][];

describe('the failure catalogue', () => {
  it('holds every code that api.md names', () => {
    const named =
      'insufficient_funds cancelled_by_customer customer_unreachable wrong_pin prompt_expired subscriber_busy limit_exceeded not_mpesa_customer provider_busy misconfigured_shortcode invalid_credentials unknown_result';
    expect(failureCatalogue).to.include.all.keys(named.split(' '));
  });

  for (const [code, entry] of entries) {
    it(`says ${code} to the engineer, and to the customer in English and Swahili`, () => {
      expect(entry.message).to.match(/^\S.{20,}\.$/);
      expect(entry.customerMessage.en).to.match(/^\S.{20,}\.$/);
      expect(entry.customerMessage.sw).to.match(/^\S.{20,}\.$/);
      expect(entry.customerMessage.sw).not.to.equal(entry.customerMessage.en);
      if (!entry.retryable) expect(entry.retryAfterSeconds).to.equal(null);
    });

    it(`keeps codes and the words of the trade from the customer of ${code}`, () => {
      for (const text of [entry.customerMessage.en, entry.customerMessage.sw]) {
        expect(text).not.to.match(/failed|imeshindwa|shortcode|_|api/i);
      }
    });
  }

  it('tells the customer of an unknown result not to pay again, and the merchant not to retry', () => {
    const entry = failureCatalogue.unknown_result;
    expect(entry.customerMessage.en).to.equal(
      'We have not heard from M-PESA yet. If you entered your PIN, do not pay again.',
    );
    expect(entry.customerMessage.sw).to.equal(
      'Bado hatujapata jibu kutoka M-PESA. Kama uliweka PIN yako, usilipe tena.',
    );
    expect(entry.retryable).to.equal(false);
  });
});

describe('describeFailure', () => {
  it("gives the API's failure object, in its field names", () => {
    expect(describeFailure('subscriber_busy', '500.001.1001', 'Unable to lock subscriber')).to.deep.equal({
      code: 'subscriber_busy',
      category: 'customer',
      message: failureCatalogue.subscriber_busy.message,
      customer_message: customerMessage('subscriber_busy', 'en'),
      provider_code: '500.001.1001',
      provider_message: 'Unable to lock subscriber',
      retryable: true,
      retry_after: 60,
    });
  });

  it('keeps what the provider did not say as null', () => {
    const failure = describeFailure('not_sent_in_time', null, null);
    expect(failure).to.include({ category: 'network', provider_code: null, provider_message: null, retry_after: null });
  });
});
