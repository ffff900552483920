// Identifiers and times against values that were recorded from Safaricom (daraja.md section 2.2). A receipt tells its day
// in Nairobi, which is not the day in UTC for three hours of each night.

import { expect } from 'chai';
import { accessToken, checkoutRequestId, merchantRequestId, mpesaReceipt } from '../../../src/simulator/daraja-ids.ts';
import { darajaTimestamp, nairobiClock, readDarajaTimestamp } from '../../../src/simulator/nairobi-time.ts';

const observed = Date.UTC(2026, 8, 18, 15, 3, 51);

describe('Daraja’s identifiers', () => {
  it('writes a CheckoutRequestID in Nairobi time, as the recorded one of 18 September 2026', () => {
    expect(checkoutRequestId('254708374149', observed)).to.match(/^ws_CO_18092026180351\d{1,3}708374149$/);
  });

  it('writes a MerchantRequestID as four groups of a UUID with a counter of five to eight digits', () => {
    expect(merchantRequestId()).to.match(/^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d{5,8}$/);
  });

  it('says the day of payment in the first three characters of a receipt', () => {
    // Both dates are of genuine receipts (daraja.md section 2.2): UJ22T8IYOU and TK5AY9DLMG.
    expect(mpesaReceipt(Date.UTC(2026, 9, 2, 9))).to.match(/^UJ2[0-9A-Z]{7}$/);
    expect(mpesaReceipt(Date.UTC(2025, 10, 5, 9))).to.match(/^TK5[0-9A-Z]{7}$/);
    expect(mpesaReceipt(Date.UTC(2026, 9, 31, 9))).to.match(/^UJV/);
  });

  it('counts the day of a receipt from midnight in Nairobi', () => {
    expect(mpesaReceipt(Date.UTC(2026, 9, 1, 20, 59))).to.match(/^UJ1/);
    expect(mpesaReceipt(Date.UTC(2026, 9, 1, 21, 0))).to.match(/^UJ2/);
  });

  it('gives tokens of 28 characters', () => {
    expect(accessToken()).to.match(/^[A-Za-z0-9]{28}$/);
  });

  it('reads back its own time, and nothing that is no date', () => {
    expect(darajaTimestamp(observed)).to.equal('20260918180351');
    expect(nairobiClock(observed)).to.equal('18:03:51');
    expect(readDarajaTimestamp('20260918180351')).to.equal(observed);
    expect(readDarajaTimestamp('20260231120000')).to.equal(undefined);
    expect(readDarajaTimestamp('2026091818035')).to.equal(undefined);
  });
});
