// The Idempotency-Key header: what counts as a key, and which spellings are the same one.

import { expect } from 'chai';
import { readIdempotencyKey } from '../../../src/payments/idempotency-key.ts';
import { AppError } from '../../../src/platform/errors.ts';

describe('readIdempotencyKey', () => {
  const same: readonly [string, string][] = [
    ['order-2031', '"order-2031"'],
    ['a b', '"a b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ['back\\slash', '"back\\\\slash"'],
    ['"', '"\\""'],
  ];
  for (const [bare, quoted] of same) {
    it(`takes ${bare} and ${quoted} for the same key`, () => {
      expect(readIdempotencyKey(bare)).to.equal(readIdempotencyKey(quoted));
    });
  }

  it('keeps keys apart that differ in anything, case and blanks inside included', () => {
    const keys = ['k', 'K', 'k k', 'k  k', '"k', 'k"', "'k'"].map(readIdempotencyKey);
    expect(new Set(keys).size).to.equal(keys.length);
  });

  it('takes 1 to 255 printable characters', () => {
    for (const key of ['k', 'k'.repeat(255), `"${'k'.repeat(255)}"`, '~!@#$%^&*()'])
      expect(() => readIdempotencyKey(key), key).to.not.throw();
  });

  for (const [what, key] of [
    ['an empty one', ''],
    ['an empty quoted one', '""'],
    ['one of 256 characters', 'k'.repeat(256)],
    ['one of 256 characters in quotes', `"${'k'.repeat(256)}"`],
    ['a tab', 'a\tb'],
    ['letters beyond ASCII', 'schlüssel'],
  ] as const) {
    it(`refuses ${what} as missing`, () => {
      expect(() => readIdempotencyKey(key))
        .to.throw(AppError)
        .with.property('code', 'idempotency_key_missing');
    });
  }
});
