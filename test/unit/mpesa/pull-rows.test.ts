// Rows of Pull Transactions as lines: whatever their keys and types, and whatever zone their times are written in.

import { expect } from 'chai';
import { readPullRows } from '../../../src/mpesa/pull-rows.ts';

const hour = 3_600_000;
/** 14:15:52 in Nairobi. */
const at = Date.UTC(2026, 9, 6, 11, 15, 52);
const window = { fromAt: at - 30 * 60_000, toAt: at + 30 * 60_000 };
const usual = {
  transactionId: 'UJ68K3W0QZ',
  trxDate: '2026-10-06T14:15:52Z',
  msisdn: 712345678,
  sender: 'MPESA',
  transactiontype: 'c2b-pay-bill-debit',
  billreference: 'INV-1042',
  amount: '150.00',
  organizationname: 'Example Traders',
};

const one = (changes: Record<string, unknown> = {}, around = window) =>
  readPullRows([{ ...usual, ...changes }], around, around.toAt).lines[0];

describe('rows of Pull Transactions', () => {
  it('are lines', () => {
    expect(one()).to.deep.equal({
      source: 'pull',
      kind: 'payment',
      receipt: 'UJ68K3W0QZ',
      linkedReceipt: null,
      amountCents: 15_000,
      balanceCents: null,
      account: 'INV-1042',
      phone: '712345678',
      payerName: null,
      details: 'c2b-pay-bill-debit',
      completedAt: at,
      raw: JSON.stringify(usual),
    });
  });

  it('are read with keys of other letters, numbers for texts, masked phones and a name', () => {
    const read = readPullRows(
      [
        {
          TransactionId: 'uj68k3w0qz',
          'Trx Date': '2026-10-06 14:15:52',
          MSISDN: '2547 ***** 678',
          Amount: 1150.5,
          Sender: 'JANE D',
          BillRefNumber: 7,
        },
      ],
      window,
      at,
    );
    expect(read.lines[0]).to.include({
      receipt: 'UJ68K3W0QZ',
      amountCents: 115_050,
      phone: '2547 ***** 678',
      payerName: 'JANE D',
      account: '7',
      completedAt: at,
    });
  });

  it('do without keys that are missing; without receipt or amount they are counted as unreadable', () => {
    const rows = [
      { transactionId: 'UJ68K3W0QA', amount: '1.00' },
      { transactionId: 'UJ68K3W0QB' },
      { amount: '1.00' },
      { transactionId: 'UJ68K3W0QC', amount: 'x' },
      { transactionId: 'UJ68K3W0QD', amount: '0.00' },
    ];
    const { lines, unreadable } = readPullRows(rows, window, at);
    expect(lines.map(({ receipt }) => receipt)).to.deep.equal(['UJ68K3W0QA']);
    expect(lines[0]!.completedAt).to.equal(at);
    expect(unreadable).to.equal(4);
  });

  it('are reversals and others by what they say', () => {
    expect(one({ transactiontype: 'c2b-reversal', amount: '150.00' })).to.include({
      kind: 'reversal',
      amountCents: -15_000,
    });
    expect(one({ amount: '-1,150.00' })).to.include({ kind: 'other', amountCents: -115_000 });
  });

  const forms: [string, unknown][] = [
    ['Nairobi’s clock called Z', '2026-10-06T14:15:52Z'],
    ['UTC', '2026-10-06T11:15:52Z'],
    ['UTC with milliseconds', '2026-10-06T11:15:52.123Z'],
    ['UTC as an offset', '2026-10-06T11:15:52+00:00'],
    ['its own offset', '2026-10-06T14:15:52+03:00'],
    ['its own offset without a colon', '2026-10-06T14:15:52+0300'],
    ['no zone', '2026-10-06 14:15:52'],
    ['digits', '20261006141552'],
    ['digits as a number', 20261006141552],
  ];
  for (const [form, trxDate] of forms)
    it(`have the right time in ${form}`, () => {
      expect(one({ trxDate })?.completedAt).to.equal(at);
    });

  it('of a page that both clocks fit are read by the one that is near what is known of their receipts', () => {
    const night = { fromAt: at - 47 * hour, toAt: at };
    const texts = ['2026-10-05T10:00:00Z', '2026-10-05T10:00:05Z', '2026-10-05T10:00:10Z'];
    const rows = texts.map((trxDate, index) => ({ ...usual, transactionId: `UJ68K3W0Q${index}`, trxDate }));
    const firstBy = (known: [string, number][]) => readPullRows(rows, night, at, new Map(known)).lines[0]!.completedAt;
    const [inNairobi, inUtc] = [Date.UTC(2026, 9, 5, 7), Date.UTC(2026, 9, 5, 10)];
    expect(firstBy([])).to.equal(inUtc);
    expect(firstBy([['UJ68K3W0Q2', inNairobi - 40_000]])).to.equal(inNairobi);
    expect(firstBy([['UJ68K3W0Q2', inUtc - 40_000]])).to.equal(inUtc);
    // What was heard of a day later says nothing.
    expect(firstBy([['UJ68K3W0Q1', inNairobi + 24 * hour]])).to.equal(inUtc);
  });

  it('of one page are read by one clock, which those at its edges show', () => {
    const night = { fromAt: at - 47 * hour, toAt: at };
    const nairobi = ['2026-10-06T14:15:50Z', '2026-10-05T10:00:00Z', '2026-10-04T18:00:00Z'];
    const rows = nairobi.map((trxDate, index) => ({ ...usual, transactionId: `UJ68K3W0Q${index}`, trxDate }));
    expect(readPullRows(rows, night, at).lines.map(({ completedAt }) => completedAt)).to.deep.equal([
      at - 2000,
      Date.UTC(2026, 9, 5, 7),
      Date.UTC(2026, 9, 4, 15),
    ]);
    const utc = ['2026-10-06T11:15:50Z', '2026-10-05T10:00:00Z', '2026-10-04T12:30:00Z'];
    const inUtc = utc.map((trxDate, index) => ({ ...usual, transactionId: `UJ68K3W0Q${index}`, trxDate }));
    expect(readPullRows(inUtc, night, at).lines.map(({ completedAt }) => completedAt)).to.deep.equal([
      at - 2000,
      Date.UTC(2026, 9, 5, 10),
      Date.UTC(2026, 9, 4, 12, 30),
    ]);
  });

  it('take the end of the window for a time that is none', () => {
    for (const trxDate of ['', 'soon', '2026-13-06T14:15:52Z', null, {}])
      expect(one({ trxDate })?.completedAt).to.equal(window.toAt);
  });
});
