// M-PESA's record keeps its order whatever comes late, and its balances whatever is dropped.

import { expect } from 'chai';
import type { NewEntry } from '../../../src/simulator/account-book.ts';
import { AccountBook } from '../../../src/simulator/account-book.ts';

const row = (changes: Partial<NewEntry>): NewEntry => ({
  kind: 'payment',
  receipt: 'UJ6AAAAAA1',
  shortcode: '600966',
  at: 1_000,
  initiatedAt: 0,
  amount: 1,
  phone: '254712345678',
  account: 'A',
  reason: 'Pay Bill Online',
  linkedReceipt: '',
  hiddenFrom: [],
  planted: null,
  ...changes,
});

describe('the simulator’s account book', () => {
  it('puts a row from the past where it belongs, behind those of its moment', () => {
    const book = new AccountBook();
    for (const [at, account] of [
      [10, 'a'],
      [30, 'b'],
      [20, 'c'],
      [10, 'd'],
      [5, 'e'],
      [30, 'f'],
    ] as const) {
      book.add(row({ at, account }));
    }
    expect(book.entriesOf('600966').map(({ account }) => account)).to.deep.equal(['e', 'a', 'd', 'c', 'b', 'f']);
  });

  it('tells a period with the balance before, after each row and at the end', () => {
    const book = new AccountBook();
    for (const [at, amount] of [
      [10, 100],
      [20, 50],
      [30, -20],
      [40, 7],
    ] as const) {
      book.add(row({ at, amount }));
    }
    const { opening, closing, rows } = book.part('600966', 20, 40, 1_000);
    expect([opening, closing]).to.deep.equal([1_100, 1_130]);
    expect(rows.map(({ balance }) => balance)).to.deep.equal([1_150, 1_130]);
    expect(book.part('600966', 50, 60, 1_000)).to.deep.equal({ opening: 1_137, closing: 1_137, rows: [] });
  });

  it('drops the oldest rows of the largest account beyond its bound, and no balance with them', () => {
    const book = new AccountBook();
    book.add(row({ shortcode: '600000', receipt: 'UJ6ZZZZZZ1' }));
    for (let index = 0; index < 300_000; index++) book.add(row({ at: index, receipt: `R${index}` }));
    expect(book.entriesOf('600966')).to.have.length(270_000);
    expect(book.balanceOf('600966', 5)).to.equal(300_005);
    expect(book.part('600966', 299_999, 300_000, 5).opening).to.equal(300_004);
    expect(book.findPayment('R0')).to.equal(undefined);
    expect(book.findPayment('UJ6ZZZZZZ1')?.shortcode).to.equal('600000');
  });
});
