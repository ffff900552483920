// Every shape of a callback in daraja.md section 4, and no bytes at all that make the reader throw.

import { expect } from 'chai';
import fc from 'fast-check';
import { readCents, readStkCallback, type StkCallback } from '../../../src/mpesa/callback-body.ts';

const ids = {
  MerchantRequestID: '7c1e-4f0a-9b52-3d8f6a1c20e4118207',
  CheckoutRequestID: 'ws_CO_06102026141530412712345678',
};

const items = [
  { Name: 'Amount', Value: 150.0 },
  { Name: 'MpesaReceiptNumber', Value: 'UJ68K3W0QZ' },
  { Name: 'Balance' },
  { Name: 'TransactionDate', Value: 20261006141552 },
  { Name: 'PhoneNumber', Value: 254712345678 },
] as { Name: string; Value?: unknown }[];

function bodyWith(fields: Record<string, unknown>): string {
  return JSON.stringify({ Body: { stkCallback: { ...ids, ...fields } } });
}

function successWith(item: { Name: string; Value?: unknown } | null, list = items): string {
  const Item = list.map((one) => (item !== null && one.Name === item.Name ? item : one));
  return bodyWith({ ResultCode: 0, ResultDesc: 'ok', CallbackMetadata: { Item } });
}

function read(body: string | Buffer): StkCallback {
  const callback = readStkCallback(body);
  if (!callback.readable) throw new Error(callback.why);
  return callback;
}

const success: StkCallback = {
  readable: true,
  merchantRequestId: ids.MerchantRequestID,
  checkoutRequestId: ids.CheckoutRequestID,
  resultCode: '0',
  resultDesc: 'The service request is processed successfully.',
  amountCents: 15000,
  hasAmount: true,
  receipt: 'UJ68K3W0QZ',
  phone: '254712345678',
  transactionDate: '20261006141552',
};

describe('readStkCallback', () => {
  it('reads the success of section 4.2, whose Balance has no Value', () => {
    const body = bodyWith({
      ResultCode: 0,
      ResultDesc: 'The service request is processed successfully.',
      CallbackMetadata: { Item: items },
    });
    expect(read(body)).to.deep.equal(success);
    expect(read(Buffer.from(body))).to.deep.equal(success);
    expect(read(`\ufeff${body}`)).to.deep.equal(success);
  });

  it('finds items by Name in any order, with and without Balance', () => {
    const expected = { ...success, resultDesc: 'ok' };
    expect(read(successWith(null, items.toReversed()))).to.deep.equal(expected);
    expect(
      read(
        successWith(
          null,
          items.filter(({ Name }) => Name !== 'Balance'),
        ),
      ),
    ).to.deep.equal(expected);
    expect(read(successWith({ Name: 'Balance', Value: 99.5 }))).to.deep.equal(expected);
  });

  it('reads the failure of section 4.3, without metadata', () => {
    expect(read(bodyWith({ ResultCode: 1032, ResultDesc: 'Request cancelled by user' }))).to.deep.equal({
      ...success,
      resultCode: '1032',
      resultDesc: 'Request cancelled by user',
      amountCents: null,
      hasAmount: false,
      receipt: null,
      phone: null,
      transactionDate: null,
    });
  });

  for (const [given, expected] of [
    [0, '0'],
    ['0', '0'],
    ['1032', '1032'],
    ['SFC_IC0003', 'SFC_IC0003'],
    ['E3008', 'E3008'],
  ] as const) {
    it(`reads ResultCode ${JSON.stringify(given)} as "${expected}"`, () => {
      expect(read(bodyWith({ ResultCode: given })).resultCode).to.equal(expected);
    });
  }

  for (const prefix of ['[STK_CB - ]', '[MpesaCB - ] ']) {
    it(`takes the prefix ${prefix} off ResultDesc`, () => {
      expect(read(bodyWith({ ResultCode: 1, ResultDesc: `${prefix}No funds` })).resultDesc).to.equal('No funds');
    });
  }

  it('keeps the phone as M-PESA wrote it: masked, hashed, or absent', () => {
    for (const phone of ['254708***430', '2547 ***** 126', 'a'.repeat(64)]) {
      expect(read(successWith({ Name: 'PhoneNumber', Value: phone })).phone).to.equal(phone);
    }
    expect(read(successWith({ Name: 'PhoneNumber' })).phone).to.equal(null);
    expect(read(successWith({ Name: 'PhoneNumber', Value: null })).phone).to.equal(null);
  });

  it('reads a TransactionDate that is a text, and none that is no date', () => {
    const dated = (Value: unknown) => read(successWith({ Name: 'TransactionDate', Value })).transactionDate;
    expect(dated('20261006141552')).to.equal('20261006141552');
    expect(dated('yesterday')).to.equal(null);
  });

  it('gives receipts in capitals, without the spaces around', () => {
    const receipt = (Value: unknown) => read(successWith({ Name: 'MpesaReceiptNumber', Value })).receipt;
    expect(receipt(' uj68k3w0qz ')).to.equal('UJ68K3W0QZ');
    for (const odd of ['', ' ', '<b>', null, {}, 'x'.repeat(33)]) expect(receipt(odd)).to.equal(null);
  });

  it('survives metadata of a wrong kind', () => {
    for (const CallbackMetadata of [
      null,
      [],
      'x',
      { Item: null },
      { Item: 'x' },
      { Item: [null, 1, {}, { Name: 5 }] },
    ]) {
      expect(read(bodyWith({ ResultCode: 0, CallbackMetadata })).amountCents).to.equal(null);
    }
    const single = { Item: { Name: 'Amount', Value: 150 } };
    expect(read(bodyWith({ ResultCode: 0, CallbackMetadata: single })).amountCents).to.equal(15000);
  });

  for (const [title, body] of [
    ['nothing', ''],
    ['HTML', '<html></html>'],
    ['half of a JSON', '{"Body":{"stkCallback":'],
    ['null', 'null'],
    ['another body', '{"Result":{"ResultCode":0}}'],
    ['a list', '{"Body":{"stkCallback":[]}}'],
    ['no MerchantRequestID', bodyWith({ ResultCode: 0, MerchantRequestID: undefined })],
    ['an empty CheckoutRequestID', bodyWith({ ResultCode: 0, CheckoutRequestID: '' })],
    ['a CheckoutRequestID that is no text', bodyWith({ ResultCode: 0, CheckoutRequestID: { $ne: 1 } })],
    ['an endless CheckoutRequestID', bodyWith({ ResultCode: 0, CheckoutRequestID: 'w'.repeat(65) })],
    ['no ResultCode', bodyWith({})],
    ['ResultCode null', bodyWith({ ResultCode: null })],
    ['ResultCode false', bodyWith({ ResultCode: false })],
  ] as const) {
    it(`calls a body with ${title} unreadable and says why`, () => {
      const callback = readStkCallback(body);
      expect(callback.readable).to.equal(false);
      expect(callback).to.have.property('why').that.is.a('string').and.not.empty;
    });
  }

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readStkCallback(Buffer.from(bytes)).readable).to.equal(false);
      }),
    );
    fc.assert(fc.property(fc.json(), (json) => void readStkCallback(json)));
    const deep = `${'{"Body":'.repeat(100_000)}0${'}'.repeat(100_000)}`;
    expect(readStkCallback(deep).readable).to.equal(false);
  });

  it('never throws, whatever the values, and gives only whole cents', () => {
    const item = fc.record({
      Name: fc.constantFrom('Amount', 'MpesaReceiptNumber', 'PhoneNumber'),
      Value: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(item), (ResultCode, Item) => {
        const callback = readStkCallback(bodyWith({ ResultCode, CallbackMetadata: { Item } }));
        if (callback.readable && callback.amountCents !== null) {
          expect(Number.isSafeInteger(callback.amountCents) && callback.amountCents >= 0).to.equal(true);
        }
      }),
    );
  });
});

describe('readCents', () => {
  for (const [given, cents] of [
    [150, 15000],
    [150.0, 15000],
    [1, 100],
    [0.29, 29],
    [1.15, 115],
    [8.2, 820],
    ['150.00', 15000],
    ['150.5', 15050],
    ['150.000', 15000],
    [' 150 ', 15000],
    [250000, 25000000],
    [300000, 30000000],
    [0, 0],
  ] as const) {
    it(`reads ${JSON.stringify(given)} as ${cents}`, () => expect(readCents(given)).to.equal(cents));
  }

  for (const given of [
    -1,
    '-1',
    'NaN',
    Number.NaN,
    Infinity,
    1e21,
    10_000_000,
    0.001,
    '150.005',
    '1e3',
    '',
    null,
    true,
    {},
  ]) {
    it(`reads ${String(given)} as no amount`, () => expect(readCents(given)).to.equal(null));
  }
});
