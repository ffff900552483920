// Bodies of C2B confirmations in every shape of daraja.md section 6.3, and those that say nothing.

import { expect } from 'chai';
import { readC2bConfirmation } from '../../../src/mpesa/c2b-body.ts';

const arrivedAt = Date.UTC(2026, 9, 6, 11, 16, 0);
const usual = {
  TransactionType: 'Pay Bill',
  TransID: 'UJ68K3W0QZ',
  TransTime: '20261006141552',
  TransAmount: '150.00',
  BusinessShortCode: '600966',
  BillRefNumber: 'INV-1042',
  InvoiceNumber: '',
  OrgAccountBalance: '49197.00',
  ThirdPartyTransID: '',
  MSISDN: '2547 ***** 678',
  FirstName: 'JANE',
  MiddleName: '',
  LastName: 'DOE',
};

function read(changes: Record<string, unknown> = {}) {
  const raw = JSON.stringify({ ...usual, ...changes });
  const confirmation = readC2bConfirmation(raw, arrivedAt);
  if (!confirmation.readable) throw new Error(confirmation.why);
  return confirmation;
}

describe('reading a C2B confirmation', () => {
  it('reads the usual body: flat, all texts', () => {
    expect(read()).to.deep.equal({
      readable: true,
      shortcode: '600966',
      line: {
        source: 'c2b',
        kind: 'payment',
        receipt: 'UJ68K3W0QZ',
        linkedReceipt: null,
        amountCents: 15_000,
        balanceCents: 4_919_700,
        account: 'INV-1042',
        phone: '2547 ***** 678',
        payerName: 'JANE DOE',
        details: 'Pay Bill',
        completedAt: Date.UTC(2026, 9, 6, 11, 15, 52),
        raw: JSON.stringify(usual),
      },
    });
  });

  it('reads numbers where there should be texts', () => {
    const { line, shortcode } = read({
      TransTime: 20261006141552,
      TransAmount: 150,
      BusinessShortCode: 600966,
      OrgAccountBalance: 49197.5,
      MSISDN: 254712345678,
      BillRefNumber: 1042,
    });
    expect(shortcode).to.equal('600966');
    expect(line).to.include({ amountCents: 15_000, balanceCents: 4_919_750, phone: '254712345678', account: '1042' });
    expect(line.completedAt).to.equal(Date.UTC(2026, 9, 6, 11, 15, 52));
  });

  for (const phone of ['2547 ***** 126', '25470****149', 'a'.repeat(64), '254712345678'])
    it(`keeps the payer as far as he is shown: ${phone.slice(0, 14)}`, () => {
      expect(read({ MSISDN: phone }).line.phone).to.equal(phone);
    });

  it('does without what may be absent, and takes the time of its arrival where there is none', () => {
    const raw = JSON.stringify({ TransID: ' uj68k3w0qz ', TransAmount: '150' });
    const confirmation = readC2bConfirmation(`\ufeff${raw}`, arrivedAt);
    expect(confirmation).to.deep.include({ readable: true, shortcode: null });
    expect('line' in confirmation && confirmation.line).to.include({
      receipt: 'UJ68K3W0QZ',
      account: null,
      phone: null,
      payerName: null,
      balanceCents: null,
      completedAt: arrivedAt,
    });
    for (const time of ['', '20261332141552', '20260231000000', 'yesterday', null])
      expect(read({ TransTime: time }).line.completedAt).to.equal(arrivedAt);
  });

  it('reads an amount exactly, with and without thousands', () => {
    for (const [text, cents] of [
      ['0.01', 1],
      ['1,100.50', 110_050],
      ['250000.00', 25_000_000],
      ['150.5', 15_050],
      [99.99, 9_999],
    ] as const)
      expect(read({ TransAmount: text }).line.amountCents).to.equal(cents);
  });

  it('calls unreadable what has no receipt or no amount, without saying what it says', () => {
    for (const raw of [
      '',
      'null',
      '[]',
      '{}',
      '"text"',
      '{"Body":{"stkCallback":{}}}',
      'TransID=UJ68K3W0QZ&TransAmount=150',
      JSON.stringify({ ...usual, TransID: '' }),
      JSON.stringify({ ...usual, TransID: 'no receipt' }),
      JSON.stringify({ ...usual, TransAmount: 'KES 150' }),
      JSON.stringify({ ...usual, TransAmount: '0.00' }),
      JSON.stringify({ ...usual, TransAmount: '-150.00' }),
      JSON.stringify({ ...usual, TransAmount: '150.005' }),
      JSON.stringify({ ...usual, TransAmount: {} }),
      '\u0000\u0001',
    ]) {
      const confirmation = readC2bConfirmation(raw, arrivedAt);
      expect(confirmation.readable, raw).to.equal(false);
      expect(JSON.stringify(confirmation)).not.to.match(/150|UJ68|JANE|678/);
    }
  });
});
