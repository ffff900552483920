// Kenyan numbers: every form of daraja.md section 8 is read, and a payer is called different only when it is certain.

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { comparePhone, normalisePhone } from '../../../src/payments/phone.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('normalisePhone', () => {
  const accepted: [string, string][] = [
    ['0712345678', '254712345678'],
    ['0112345678', '254112345678'],
    ['712345678', '254712345678'],
    ['112345678', '254112345678'],
    ['254712345678', '254712345678'],
    ['+254712345678', '254712345678'],
    ['+254 712 345 678', '254712345678'],
    ['0712-345-678', '254712345678'],
    ['0712\u2013345\u00a0678', '254712345678'],
    [' 0712 345 678 ', '254712345678'],
    ['0181234567', '254181234567'],
  ];
  for (const [typed, expected] of accepted) {
    it(`reads "${typed}" as ${expected}`, () => expect(normalisePhone(typed)).to.equal(expected));
  }

  const refused = ['', '0', '071234567', '07123456789', '0812345678', '0212345678', '255712345678', '+0712345678'];
  refused.push('2540712345678', '++254712345678', '0712345678x', '0712 345 678 - JANE', '٠٧١٢٣٤٥٦٧٨', ' '.repeat(100));
  for (const typed of refused) {
    it(`refuses "${typed}"`, () => expect(normalisePhone(typed)).to.equal(undefined));
  }

  it('gives only numbers of the valid form, and the same again for its own result', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+ 0-9-]{7,16}$/)), (typed) => {
        const phone = normalisePhone(typed);
        if (phone === undefined) return;
        expect(phone).to.match(/^254[17]\d{8}$/);
        expect(normalisePhone(phone)).to.equal(phone);
      }),
    );
  });
});

describe('comparePhone', () => {
  const rows: [title: string, expected: string, seen: string | number | null | undefined, result: string][] = [
    ['a number in full', '254712345678', 254712345678, 'same'],
    ['a text in full', '254712345678', '254712345678', 'same'],
    ['the local form', '254712345678', '0712345678', 'same'],
    ['the bare form, as a number', '254712345678', 712345678, 'same'],
    ['a name behind it', '254712345678', '254712345678 - JANE DOE', 'same'],
    ['another number', '254712345678', 254712345679, 'different'],
    ['a foreign number', '254712345678', '256712345679', 'different'],
    ['a spare zero', '254712345678', '2540712345678', 'compatible'],
    ['mask 25472****108', '254725555108', '25472****108', 'compatible'],
    ['mask 25472****108, another end', '254725555109', '25472****108', 'different'],
    ['mask 25472****108, another start', '254715555108', '25472****108', 'different'],
    ['mask 2547 ***** 126', '254712345126', '2547 ***** 126', 'compatible'],
    ['mask 2547 ***** 126, contradicted', '254712345678', '2547 ***** 126', 'different'],
    ['mask 2547 ***** 126 for a 01 number', '254112345126', '2547 ***** 126', 'different'],
    ['mask 079****284', '254791234284', '079****284', 'compatible'],
    ['mask 079****284, contradicted', '254701234284', '079****284', 'different'],
    ['mask 254******867', '254712345867', '254******867', 'compatible'],
    ['mask *********149', '254712345149', '*********149', 'compatible'],
    ['mask *********149, contradicted', '254712345678', '*********149', 'different'],
    ['mask 254708***430', '254708374430', '254708***430', 'compatible'],
    ['mask 254708***430, contradicted in the middle', '254718374430', '254708***430', 'different'],
    ['mask 25470****149', '254701234149', '25470****149', 'compatible'],
    ['mask with a name', '254712345678', '25471****678 - JANE **** DOE', 'compatible'],
    ['mask with visible digits in the middle', '254712345678', '***7123*****', 'compatible'],
    ['mask with other digits in the middle', '254712345678', '***7223*****', 'different'],
    ['mask with too few stars', '254712345126', '2547***126', 'compatible'],
    ['mask with too many stars', '254712345126', '2547******126', 'compatible'],
    ['mask with too few stars, contradicted', '254712345678', '2547***126', 'different'],
    ['stars only', '254712345678', '************', 'unknown'],
    ['hash of 254…', '254712345678', sha256('254712345678'), 'same'],
    ['hash of 254… in capitals', '254712345678', sha256('254712345678').toUpperCase(), 'same'],
    ['hash of +254…', '254712345678', sha256('+254712345678'), 'same'],
    ['hash of 0…', '254712345678', sha256('0712345678'), 'same'],
    ['hash of the bare form', '254712345678', sha256('712345678'), 'same'],
    ['hash of something else', '254712345678', sha256('254712345679'), 'unknown'],
    ['nothing', '254712345678', undefined, 'unknown'],
    ['null', '254712345678', null, 'unknown'],
    ['an empty text', '254712345678', '', 'unknown'],
    ['words', '254712345678', 'JANE DOE', 'unknown'],
    ['three digits', '254712345678', '678', 'unknown'],
    ['no number', '254712345678', Number.NaN, 'unknown'],
  ];
  for (const [title, expected, seen, result] of rows) {
    it(`calls ${title} ${result}`, () => expect(comparePhone(expected, seen)).to.equal(result));
  }

  it('never calls a masked form of the very number different', () => {
    const masked = fc.tuple(
      fc.stringMatching(/^254[17]\d{8}$/),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    );
    fc.assert(
      fc.property(masked, fc.constantFrom(0, 2, 3), ([phone, hidden], drop) => {
        const shown = [...phone].map((digit, place) => (hidden[place] ? '*' : digit)).join('');
        const form = drop === 2 ? `0${shown.slice(3)}` : shown.slice(drop);
        expect(comparePhone(phone, form)).not.to.equal('different');
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (seen) => void comparePhone('254712345678', seen)));
  });
});
