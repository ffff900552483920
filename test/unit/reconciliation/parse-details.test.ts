// What a row is and who paid, from its words in either format (daraja.md section 7): the same from both.

import { expect } from 'chai';
import type { LineKind } from '../../../src/mpesa/source-line.ts';
import { readWords, type Told } from '../../../src/reconciliation/parse-details.ts';

const none = { details: '', reasonType: '', otherParty: '', account: '', linkedReceipt: '' };
const read = (words: Partial<typeof none>, amountCents: number): Told => readWords({ ...none, ...words }, amountCents);

describe('words of a statement row', () => {
  const kinds: [details: string, amount: number, kind: LineKind][] = [
    ['Pay Bill from 2547****111 - JANE DOE Acc. ref', 100, 'payment'],
    ['Pay Bill Online from 25471****678 - JANE **** DOE Acc. INV-1042', 100, 'payment'],
    ['Small Business Pay Bill from 2547****333 - JANE DOE Acc. Carol', 100, 'payment'],
    ['Merchant Pay Utility Received from 1234567 - FAKE AUTO TECH Acc. dave', 100, 'payment'],
    ['Business Pay Bill via API by 999001 - TEST BANK TO PAYBILL Acc. erin', 100, 'payment'],
    [
      'FSI to Pay Bill by 999002 - MOCK BANK LTD - BANK TO TILL Acc. Frank via WEB by MOCK BANK LTD\\B2BUser1',
      100,
      'payment',
    ],
    ['Customer Buy Goods Online from 07****222 - Bob Sample', 100, 'payment'],
    ['Pay Bill Online', 100, 'payment'],
    ['Standing Order Pay Bill from 2547****111 - JANE DOE Acc. ref', 100, 'payment'],
    // What a customer writes decides nothing.
    ['Pay Bill from 2547****111 - JANE DOE Acc. school fee charge', 100, 'payment'],
    ['Pay Bill from 2547****111 - JANE DOE Acc. reversal to bank', 100, 'payment'],
    ['Pay Bill from 2547****111 - WITHDRAW CHARGE REVERSAL Acc. x', 100, 'payment'],
    ['Pay Bill Charge', -5, 'charge'],
    ['Business Pay Bill Charge', -5, 'charge'],
    ['Pay Bill Charge Reversal', 5, 'charge'],
    ['Utility Account to Organization Settlement Account', -100, 'float'],
    ['Utility Account to Organization Settlement', -100, 'float'],
    ['Utility Account to Organization Settlement Account', 100, 'float'],
    ['Organization Settlement Account to Organization MMF Account', 100, 'float'],
    ['Organization Settlement Account to Organization MMF Account', -100, 'float'],
    ['Agency Withdrawal of funds to Bank', -100, 'withdrawal'],
    ['Organization Settle to Bank', -100, 'withdrawal'],
    ['Withdraw Funds to Bank', -100, 'withdrawal'],
    ['Business Payment to Customer to 2547****111 - JANE DOE', -100, 'withdrawal'],
    ['Pay Bill Reversal to 2547****111 - JANE DOE Acc. ref', -100, 'reversal'],
    ['Reversed transaction', -100, 'reversal'],
    // Money that comes back is no customer's.
    ['Business Payment Reversal', 100, 'other'],
    ['Interest', 100, 'other'],
  ];
  for (const [details, amount, kind] of kinds)
    it(`${amount > 0 ? 'in' : 'out'}: “${details}” is ${kind}`, () =>
      expect(read({ details }, amount).kind).to.equal(kind));

  it('takes no reason type for what a row is, where its words say something else', () => {
    const reasonType = 'Pay Utility with OD via STK';
    expect(read({ details: 'Pay Bill Charge', reasonType }, -5).kind).to.equal('charge');
    expect(read({ details: '', reasonType }, 100).kind).to.equal('payment');
    expect(read({ details: '', reasonType: 'Withdraw Funds to Bank' }, -100).kind).to.equal('withdrawal');
  });

  it('takes money out that is linked to a receipt for a reversal, but no charge', () => {
    const linked = { linkedReceipt: 'uj68k3w0qz' };
    expect(read({ details: 'Transaction Correction', ...linked }, -100)).to.include({
      kind: 'reversal',
      linkedReceipt: 'UJ68K3W0QZ',
    });
    expect(read({ details: 'Pay Bill Charge', ...linked }, -5).kind).to.equal('charge');
    expect(read({ details: 'Pay Bill from 2547****111 - JANE DOE Acc. a', ...linked }, 100).kind).to.equal('payment');
  });

  it('finds the receipt a reversal takes back in its words, where there is no column for it', () => {
    const details = 'Pay Bill Reversal to 2547****111 - JANE DOE Acc. ref Original Transaction ID UJ68K3W0QZ';
    expect(read({ details }, -100)).to.include({ linkedReceipt: 'UJ68K3W0QZ', account: 'ref' });
    expect(read({ details: 'Reversal of UJ68K3W0QZ' }, -100).linkedReceipt).to.equal('UJ68K3W0QZ');
    expect(read({ details: 'Pay Bill Reversal' }, -100).linkedReceipt).to.equal(null);
  });

  const payers: [words: Partial<typeof none>, phone: string | null, name: string | null, account: string | null][] = [
    [{ details: 'Pay Bill from 25471****678 - JANE **** DOE Acc. INV-1' }, '25471****678', 'JANE **** DOE', 'INV-1'],
    [{ details: 'Pay Bill from 2547 ***** 126 - JANE DOE Acc. a b' }, '2547 ***** 126', 'JANE DOE', 'a b'],
    [{ details: 'Pay Bill from 079****284 - JANE DOE Acc.' }, '079****284', 'JANE DOE', null],
    [{ details: 'Pay Bill from *********149 - JANE DOE Acc. ' }, '*********149', 'JANE DOE', null],
    [{ details: 'Pay Bill from 254712345678 Acc. X' }, '254712345678', null, 'X'],
    [{ details: 'Merchant Pay Utility Received from 1234567 - FAKE AUTO TECH  Acc. d' }, null, 'FAKE AUTO TECH', 'd'],
    [
      { details: 'FSI to Pay Bill by 999002 - MOCK BANK LTD - BANK TO TILL Acc. Frank via WEB by MOCK\\User' },
      null,
      'MOCK BANK LTD - BANK TO TILL',
      'Frank',
    ],
    [
      { otherParty: '25472****108 - JANE **** DOE', account: 'ACC 1', details: 'Pay Bill Online' },
      '25472****108',
      'JANE **** DOE',
      'ACC 1',
    ],
    [{ otherParty: 'SP', details: 'Pay Bill Charge' }, null, null, null],
    [{ otherParty: '25472****108', details: 'Pay Bill' }, '25472****108', null, null],
    // The column wins over the words.
    [{ details: 'Pay Bill from 2547****111 - A B Acc. old', account: 'new' }, '2547****111', 'A B', 'new'],
  ];
  for (const [words, phone, payerName, account] of payers)
    it(`who paid: ${JSON.stringify(words)}`, () => expect(read(words, 100)).to.include({ phone, payerName, account }));
});
