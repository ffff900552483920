// Which requests are the same one for an Idempotency-Key: those whose checked and normalised values are equal.

import { expect } from 'chai';
import { fingerprint, type PaymentRequest } from '../../../src/payments/create-payment.ts';

const key = Buffer.alloc(32, 1);
const request: PaymentRequest = {
  amountKes: 100,
  phone: '254712345678',
  reference: 'INV-1',
  description: 'Payment',
  shortcode: '174379',
  metadata: { a: '1', b: '2' },
  expiresInSeconds: 300,
  allowDuplicate: false,
  retryOf: null,
};

describe('the fingerprint of a request', () => {
  it('is the same whatever the order of the metadata', () => {
    expect(fingerprint({ ...request, metadata: { b: '2', a: '1' } }, key)).to.equal(fingerprint(request, key));
  });

  const changes: readonly Partial<PaymentRequest>[] = [
    { amountKes: 101 },
    { phone: '254712345679' },
    { reference: 'INV-2' },
    { description: 'Order' },
    { metadata: { a: '1' } },
    { metadata: { a: '2', b: '1' } },
    { metadata: { a: '1', b: '2', c: '' } },
    { expiresInSeconds: 301 },
    { allowDuplicate: true },
    { retryOf: 'pay_x' },
  ];
  for (const change of changes)
    it(`is another with ${JSON.stringify(change)}`, () => {
      expect(fingerprint({ ...request, ...change }, key)).to.not.equal(fingerprint(request, key));
    });

  it('cannot be guessed from the phone without the key', () => {
    expect(fingerprint(request, Buffer.alloc(32, 2))).to.not.equal(fingerprint(request, key));
  });
});
