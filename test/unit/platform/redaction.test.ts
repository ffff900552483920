// What may not be read in a log: credentials, and the customer's number wherever it hides. The list of secret names is
// written out here a second time, so that taking one away is noticed.

import { expect } from 'chai';
import { maskPhone, redact, redactText } from '../../../src/platform/redaction.ts';

const names = [
  'authorization',
  'Authorization',
  'api_key',
  'apiKey',
  'key',
  'password',
  'Password',
  'passkey',
  'secret',
  'token',
  'access_token',
  'consumer_key',
  'consumerSecret',
  'SecurityCredential',
  'credentials',
  'master_key',
  'cookie',
  'set-cookie',
  'Set-Cookie',
  'signature',
  'webhook-signature',
  'callback_url',
  'CallBackURL',
  'raw',
  'body',
];

describe('redact', () => {
  for (const name of names)
    it(`hides the value of ${name}, whatever it looks like, at any depth`, () => {
      for (const value of ['harmless', 5, { a: 1 }, ['x']]) {
        expect(redact({ [name]: value })).to.deep.equal({ [name]: '[redacted]' });
        expect(redact({ outer: { list: [{ [name]: value }] } })).to.deep.equal({
          outer: { list: [{ [name]: '[redacted]' }] },
        });
      }
    });

  it('leaves what is no secret as it is', () => {
    const line = {
      payment_id: 'pay_01kahq8z2pf0rs6w5v2r7r3d4e',
      amount: 1500,
      status: 'pending',
      ok: true,
      none: null,
      at: 1791285330000,
    };
    expect(redact(line)).to.deep.equal(line);
  });

  it('masks a phone as text and as number, in fields, lists and errors', () => {
    const logged = JSON.stringify(
      redact({ phone: '254712345678', seen: 254712345678, list: ['0712345678'], error: new Error('no 254712345678') }),
    );
    expect(logged).to.not.match(/712345678/);
    expect(logged).to.include('2547*****678');
  });

  it('looks into what an error says, its stack included', () => {
    const { error } = redact({ error: new Error('Bearer abcdef123456 was refused') });
    expect(error).to.include('Error: Bearer [redacted]').and.not.include('abcdef123456');
  });

  it('ends with what lies too deep or goes in a circle', () => {
    const circle: Record<string, unknown> = { phone: '254712345678' };
    circle.self = circle;
    expect(JSON.stringify(redact(circle)))
      .to.include('[too deep]')
      .and.not.include('254712345678');
  });
});

describe('redactText', () => {
  const phones = ['254712345678', '+254712345678', '0712345678', '712345678', '254110123456', '0110123456'];
  for (const phone of phones)
    it(`masks ${phone} in a sentence`, () => {
      const clean = redactText(`the phone ${phone}, did not answer`);
      expect(clean).to.not.include(phone.slice(-9));
      expect(clean).to.match(/^the phone 254[17]\*{5}\d{3}, did not answer$/);
    });

  it('masks the number at the end of a CheckoutRequestID', () => {
    const clean = redactText('query ws_CO_06102026141530412712345678 failed');
    expect(clean).to.not.include('712345678');
    expect(clean).to.match(/^query ws_CO_\d+712\*\*\*678 failed$/);
  });

  it('hides the token of a callback path and keeps the payment’s id', () => {
    const clean = redactText('POST /callbacks/stk/pay_01kahq8z2pf0rs6w5v2r7r3d4e/AbC-_123 404');
    expect(clean).to.equal('POST /callbacks/stk/pay_01kahq8z2pf0rs6w5v2r7r3d4e/[redacted] 404');
    expect(redactText('GET /console/welcome/AbC-_123?next=x')).to.equal('GET /console/welcome/[redacted]?next=x');
    expect(redactText('https://x.co.ke/callbacks/c2b/AbC-_123/confirmation')).to.equal(
      'https://x.co.ke/callbacks/c2b/[redacted]/confirmation',
    );
  });

  it('hides what follows Bearer and Basic, in any case', () => {
    for (const scheme of ['Bearer', 'bearer', 'Basic', 'BASIC'])
      expect(redactText(`${scheme} abc.DEF+/=-_~123`)).to.equal(`${scheme} [redacted]`);
  });

  it('hides the secret of an API key and keeps its public id', () => {
    expect(redactText(`key lango_live_AbCd1234_${'x'.repeat(38)} used`)).to.equal(
      'key lango_live_AbCd1234_[redacted] used',
    );
  });

  it('leaves other numbers alone: amounts, times, shortcodes, ids', () => {
    for (const text of [
      'KES 1500',
      'at 1791285330000',
      'paybill 174379',
      'pay_01kahq8z2pf0rs6w5v2r7r3d4e',
      '20261006141552',
    ])
      expect(redactText(text)).to.equal(text);
  });
});

describe('maskPhone', () => {
  it('shows the first four and the last three digits, and nothing of what is too short', () => {
    expect(maskPhone('254712345678')).to.equal('2547*****678');
    expect(maskPhone('12345')).to.equal('*****');
  });
});
