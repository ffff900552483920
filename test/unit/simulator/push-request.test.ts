// Which field of a push Daraja complains about, in its own order (daraja.md sections 2.1 and 11.2). Lenient by default,
// since real clients are sloppy and get away with it.

import { expect } from 'chai';
import { readPushRequest } from '../../../src/simulator/push-request.ts';
import { defaultSettings } from '../../../src/simulator/settings.ts';

const now = Date.UTC(2026, 9, 6, 11, 15, 30);
const good = {
  BusinessShortCode: 174379,
  Password: 'MTc0Mzc5',
  Timestamp: '20261006141530',
  TransactionType: 'CustomerPayBillOnline',
  Amount: '150',
  PartyA: 254712345678,
  PartyB: '174379',
  PhoneNumber: '254712345678',
  CallBackURL: 'https://example.invalid/a//b/../c?x=%2f',
  AccountReference: 'INV-1042',
  TransactionDesc: 'Order',
};

function wrongField(changes: Record<string, unknown>, switches: Partial<typeof defaultSettings> = {}): string {
  const read = readPushRequest({ ...good, ...changes }, { ...defaultSettings, ...switches }, now);
  return 'invalid' in read ? read.invalid : 'none';
}

describe('the fields of a push', () => {
  it('takes numbers and strings alike, and leaves the CallBackURL byte for byte', () => {
    const read = readPushRequest(good, defaultSettings, now);
    if ('invalid' in read) throw new Error(read.invalid);
    expect(read.request).to.include({ shortcode: '174379', amount: 150, partyA: '254712345678' });
    expect(read.request.callbackUrl).to.equal(good.CallBackURL);
  });

  it('names the first wrong field in Daraja’s order', () => {
    expect(wrongField({ Amount: 0, BusinessShortCode: 'abc' })).to.equal('BusinessShortCode');
    expect(wrongField({ Amount: 0, CallBackURL: '' })).to.equal('Amount');
  });

  for (const [field, value] of [
    ['BusinessShortCode', '1234'],
    ['Password', 'not base64!'],
    ['Timestamp', '20261306141530'],
    ['TransactionType', 'CustomerPayBill'],
    ['Amount', '1.5'],
    ['Amount', -1],
    ['Amount', null],
    ['PartyA', '0712345678'],
    ['PartyB', ''],
    ['PhoneNumber', '254812345678'],
    ['CallBackURL', 'https://<your-host>/callback'],
    ['CallBackURL', 'https://Example.com/callback'],
    ['CallBackURL', ' https://example.com/callback'],
    ['CallBackURL', 'ftp://example.com/callback'],
    ['AccountReference', ''],
  ] as const) {
    it(`refuses ${field} ${JSON.stringify(value)}`, () => {
      expect(wrongField({ [field]: value })).to.equal(field);
    });
  }

  it('calls a missing TransactionDesc Remarks, as Daraja does', () => {
    expect(wrongField({ TransactionDesc: undefined })).to.equal('Remarks');
  });

  it('is lenient with what real clients send, and strict when switched', () => {
    const sloppy = { TransactionDesc: 'Lipa Na Mpesa Online', TransactionType: 'CustomerPayBillOnline ' };
    expect(wrongField(sloppy)).to.equal('none');
    expect(wrongField(sloppy, { strictFields: true })).to.equal('TransactionType');
    expect(wrongField({ AccountReference: 'INV-10421042-X' }, { strictFields: true })).to.equal('AccountReference');
    expect(wrongField({ TransactionDesc: 'Lipa Na Mpesa Online' }, { strictFields: true })).to.equal('Remarks');
  });

  it('takes a Timestamp in UTC unless it must be Nairobi’s', () => {
    const inUtc = { Timestamp: '20261006111530' };
    expect(wrongField(inUtc)).to.equal('none');
    expect(wrongField(inUtc, { nairobiTimestamps: true })).to.equal('Timestamp');
    expect(wrongField({}, { nairobiTimestamps: true })).to.equal('none');
  });

  it('takes a CallBackURL on localhost unless switched to Safaricom’s rules', () => {
    for (const CallBackURL of ['http://localhost:8080/cb', 'https://127.0.0.1/cb', 'https://example.com/mpesa/cb']) {
      expect(wrongField({ CallBackURL })).to.equal('none');
      expect(wrongField({ CallBackURL }, { strictCallbackUrls: true })).to.equal('CallBackURL');
    }
  });
});
