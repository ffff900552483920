// The running balance: what follows from the row before, in either order, and where rows are missing.

import { expect } from 'chai';
import {
  type BalanceRow,
  type BalanceVerdict,
  createBalanceCheck,
  isOfMainAccount,
} from '../../../src/reconciliation/parse-balance.ts';

const minute = 60_000;

/** Rows oldest first, each with the balance after it. */
function account(...amounts: number[]): BalanceRow[] {
  let balanceCents = 1000;
  return amounts.map((amountCents, index) => {
    balanceCents += amountCents;
    const at = (index + 1) * minute;
    return { line: index + 2, receipt: `R${index + 1}`, at, amountCents, balanceCents, isMain: true };
  });
}

function check(rows: readonly BalanceRow[], cutBefore = -1): BalanceVerdict {
  const balance = createBalanceCheck();
  rows.forEach((row, index) => {
    if (index === cutBefore) balance.cut();
    balance.take(row);
  });
  return balance.finish();
}

const newestFirst = (rows: readonly BalanceRow[]): BalanceRow[] => [...rows].reverse();

describe('the running balance of a statement', () => {
  for (const [name, order] of [
    ['oldest first', (rows: readonly BalanceRow[]) => [...rows]],
    ['newest first', newestFirst],
  ] as const) {
    it(`runs through rows that stand ${name}`, () => {
      const verdict = check(order(account(500, -20, 300)));
      expect(verdict.balance).to.deep.include({ checked: 3, breaks: { count: 0, listed: [] } });
      expect(verdict.spans).to.deep.equal([{ from: minute, to: 3 * minute }]);
      expect(verdict).to.include({ openingCents: 1000, closingCents: 1780 });
    });

    it(`says between which rows money is missing, ${name}`, () => {
      const [one, , three, four] = account(500, 70, 300, -5) as [BalanceRow, BalanceRow, BalanceRow, BalanceRow];
      const verdict = check(order([one, three, four]));
      expect(verdict.balance.breaks).to.deep.equal({
        count: 1,
        listed: [
          {
            line: 4,
            receipt: 'R3',
            at: three.at,
            afterReceipt: 'R1',
            afterAt: one.at,
            amountCents: 300,
            balanceCents: 1870,
            gapCents: 70,
          },
        ],
      });
      const spans = [...verdict.spans].sort((left, right) => left.from - right.from);
      expect(spans).to.deep.equal([
        { from: one.at, to: one.at },
        { from: three.at, to: four.at },
      ]);
    });

    it(`puts rows of one second in order, ${name}`, () => {
      const rows = account(500, -5, 300, -3, 40).map((row) => ({ ...row, at: minute }));
      const [a, b, c, d, e] = rows as [BalanceRow, BalanceRow, BalanceRow, BalanceRow, BalanceRow];
      const before = { ...a, receipt: 'R0', at: 0, amountCents: 1000, balanceCents: 1000 };
      const after = { ...a, receipt: 'R9', at: 2 * minute, amountCents: 1, balanceCents: 1833 };
      const verdict = check(order([before, c, b, a, e, d, after]));
      expect(verdict.balance.breaks.count).to.equal(0);
    });
  }

  it('is not misled by a row that stands there twice, nor by one without a balance', () => {
    const [one, two, three] = account(500, -20, 300) as [BalanceRow, BalanceRow, BalanceRow];
    expect(check([one, two, two, three]).balance.breaks.count).to.equal(0);
    expect(check([one, { ...two, balanceCents: null }, three]).balance.breaks.count).to.equal(0);
  });

  it('covers nothing around a row that could not be read', () => {
    const rows = account(500, -20, 300);
    expect(check(rows, 2).spans).to.deep.equal([
      { from: minute, to: 2 * minute },
      { from: 3 * minute, to: 3 * minute },
    ]);
  });

  it('says nothing of rows in no order of time', () => {
    const [one, two, three] = account(500, -20, 300) as [BalanceRow, BalanceRow, BalanceRow];
    const verdict = check([two, three, one]);
    expect(verdict.balance).to.deep.include({ order: 'mixed', breaks: { count: 0, listed: [] } });
    expect(verdict).to.include({ openingCents: null, closingCents: null });
    expect(verdict.spans).to.deep.equal([{ from: minute, to: 3 * minute }]);
  });

  it('follows the account of the customers through moves of the others', () => {
    const row = (receipt: string, at: number, amountCents: number, balanceCents: number, isMain: boolean) => ({
      line: at,
      receipt,
      at: at * minute,
      amountCents,
      balanceCents,
      isMain,
    });
    // daraja.md section 7.2: a sweep out of the account, in and out of the others, and to the bank.
    const rows = [
      row('P1', 1, 700, 1700, true),
      row('S1', 2, -1700, 0, true),
      row('S1', 2, 1700, 5700, false),
      row('S2', 3, -5700, 0, false),
      row('S2', 3, 5700, 5700, false),
      row('W1', 4, -5700, 0, false),
      row('P2', 5, 300, 300, true),
    ];
    for (const order of [rows, newestFirst(rows)]) expect(check(order).balance.breaks.count).to.equal(0);
    const missing = rows.filter(({ receipt }) => receipt !== 'S1');
    for (const order of [missing, newestFirst(missing)]) expect(check(order).balance.breaks.count).to.equal(1);
  });

  it('takes a withdrawal for one of the account where only that explains its balance', () => {
    const [one, two, three] = account(500, -400, 300) as [BalanceRow, BalanceRow, BalanceRow];
    const rows = [one, { ...two, isMain: false }, three];
    for (const order of [rows, newestFirst(rows)]) expect(check(order).balance.breaks.count).to.equal(0);
  });

  it('knows from the words of a move between own accounts which of them it is of', () => {
    const words = 'Utility Account to Organization Settlement Account';
    expect(isOfMainAccount({ kind: 'float', amountCents: -1 }, words)).to.equal(true);
    expect(isOfMainAccount({ kind: 'float', amountCents: 1 }, words)).to.equal(false);
    expect(isOfMainAccount({ kind: 'payment', amountCents: 1 }, 'Pay Bill')).to.equal(true);
    expect(isOfMainAccount({ kind: 'withdrawal', amountCents: -1 }, 'Agency Withdrawal')).to.equal(false);
  });
});
