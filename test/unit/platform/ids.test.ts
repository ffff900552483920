// Ids: their form, and that they sort by the time they were made.

import { expect } from 'chai';
import { type IdPrefix, isId, newId } from '../../../src/platform/ids.ts';

const prefixes: readonly IdPrefix[] = ['pay', 'evt', 'whe', 'whd', 'key', 'ten', 'sc', 'lnk', 'stm', 'dsc'];

describe('ids', () => {
  for (const prefix of prefixes)
    it(`${prefix}_: the prefix and 26 characters of Crockford base32`, () => {
      expect(newId(prefix)).to.match(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`));
    });

  it('sort in the order in which they were made, 10000 in a row', () => {
    const made = Array.from({ length: 10_000 }, () => newId('pay'));
    expect([...made].sort()).to.deep.equal(made);
    expect(new Set(made).size).to.equal(made.length);
  });

  it('carry the time they were made in their first ten characters', () => {
    const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
    const before = Date.now();
    const digits = [...newId('pay').slice(4, 14)].map((character) => alphabet.indexOf(character));
    const at = digits.reduce((sum, digit) => sum * 32 + digit, 0);
    expect(at).to.be.within(before - 1000, Date.now() + 1000);
  });

  it('isId knows its own and refuses other prefixes, lengths and letters', () => {
    const id = newId('pay');
    expect(isId('pay', id)).to.equal(true);
    expect(isId('evt', id)).to.equal(false);
    for (const bad of [
      '',
      'pay_',
      id.slice(0, -1),
      `${id}0`,
      id.replace('_', '-'),
      id.toUpperCase(),
      `pay_8${id.slice(5)}`,
      `pay_${'u'.repeat(26)}`,
    ])
      expect(isId('pay', bad), bad).to.equal(false);
  });
});
