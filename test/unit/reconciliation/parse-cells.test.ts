// Cells of a statement: every notation of money and time that daraja.md section 7 names, and what must not be guessed.

import { expect } from 'chai';
import { parseDayOrTime, parseMoney, parseTime } from '../../../src/reconciliation/parse-cells.ts';

const at = (text: string): number => Date.parse(`${text}+03:00`);

describe('cells of a statement: money', () => {
  const sums: [cell: string | number | null, cents: number | null | undefined][] = [
    ['150.00', 15_000],
    ['150', 15_000],
    ['1,100.00', 110_000],
    ['1,234,567.89', 123_456_789],
    ['-30.5', -3050],
    ['−30.50', -3050],
    ['(30.00)', -3000],
    ['+5', 500],
    ['KES 1,100', 110_000],
    ['Ksh.20', 2000],
    ['\u00a042.00 ', 4200],
    ['0.00', 0],
    ['-0.00', 0],
    ['150.000', 15_000],
    [49_197, 4_919_700],
    [-89_636.1, -8_963_610],
    [0.1 + 0.2, 30],
    [-0, 0],
    ['', null],
    [' ', null],
    ['-', null],
    [null, null],
  ];
  for (const [cell, cents] of sums)
    it(`reads ${JSON.stringify(cell)} as ${cents}`, () => expect(parseMoney(cell)).to.equal(cents));

  const unreadable = [
    '150,00',
    '1.100,00',
    '1,10.00',
    '12,34,567.00',
    '150.005',
    'abc',
    '1e5',
    '--5',
    '(-5)',
    '5-',
    0.001,
  ];
  for (const cell of unreadable)
    it(`does not guess ${JSON.stringify(cell)}`, () => expect(parseMoney(cell)).to.equal(undefined));
});

describe('cells of a statement: times', () => {
  const times: [cell: string | number, is: string][] = [
    ['06-10-2026 14:15:52', '2026-10-06T14:15:52'],
    ['06/10/2026 14:15:52', '2026-10-06T14:15:52'],
    ['6/10/2026 4:15:52', '2026-10-06T04:15:52'],
    ['2026-10-06 14:15:52', '2026-10-06T14:15:52'],
    ['2026-10-06T14:15:52', '2026-10-06T14:15:52'],
    ['06-10-2026 14:15', '2026-10-06T14:15:00'],
    ['06/10/2026 02:15:52 PM', '2026-10-06T14:15:52'],
    ['06/10/2026 12:15:52 am', '2026-10-06T00:15:52'],
    ['2026-10-06 14:15:52.000', '2026-10-06T14:15:52'],
    [46_301.5943518518, '2026-10-06T14:15:52'],
  ];
  for (const [cell, is] of times)
    it(`reads ${JSON.stringify(cell)} as ${is} of Nairobi`, () => expect(parseTime(cell)).to.equal(at(is)));

  it('knows an empty cell from one that is no time', () => {
    expect(parseTime('')).to.equal(null);
    expect(parseTime(null)).to.equal(null);
  });

  const none = [
    '10/13/2026 14:15:52',
    '31-02-2026 10:00:00',
    '06-10-2026',
    '15:50',
    '06-10/2026 10:00:00',
    '06-10-2026 25:00:00',
    '0001-10-06 10:00:00',
    12,
    'yesterday',
  ];
  for (const cell of none)
    it(`does not guess ${JSON.stringify(cell)}`, () => expect(parseTime(cell)).to.equal(undefined));

  it('takes a day for its beginning where a day will do', () => {
    expect(parseDayOrTime('2026-10-06')).to.equal(at('2026-10-06T00:00:00'));
    expect(parseDayOrTime('06-10-2026')).to.equal(at('2026-10-06T00:00:00'));
    expect(parseDayOrTime('06-10-2026 10:00:00')).to.equal(at('2026-10-06T10:00:00'));
  });
});
