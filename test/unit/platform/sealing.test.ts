// Sealed columns: a box opens only where it was sealed, only unchanged, and only with a key of the ring.

import { expect } from 'chai';
import { createSealer, keyedHash, type SealContext, sameSecret } from '../../../src/platform/sealing.ts';

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const place: SealContext = ['payments', 'phone_sealed', 'pay_1'];

describe('sealing', () => {
  const sealer = createSealer([first]);

  it('opens what it sealed, whatever the text', () => {
    for (const text of ['', '254712345678', 'Größe ✓ 🦁', 'x'.repeat(100_000)])
      expect(sealer.open(sealer.seal(text, place), place)).to.equal(text);
  });

  it('seals the same text differently each time, in ASCII, without showing it', () => {
    const boxes = [sealer.seal('254712345678', place), sealer.seal('254712345678', place)];
    expect(boxes[0]).to.not.equal(boxes[1]);
    for (const box of boxes)
      expect(box)
        .to.match(/^[\w-]{6}\.[\w-]+$/)
        .and.not.include('712345678');
  });

  for (const [what, elsewhere] of [
    ['another table', ['evidence', 'phone_sealed', 'pay_1']],
    ['another column', ['payments', 'other_sealed', 'pay_1']],
    ['another row', ['payments', 'phone_sealed', 'pay_2']],
  ] as [string, SealContext][])
    it(`does not open a box that was moved to ${what}`, () => {
      const box = sealer.seal('254712345678', place);
      expect(() => sealer.open(box, elsewhere)).to.throw();
    });

  it('does not open a box of which any part was changed', () => {
    const box = sealer.seal('254712345678', place);
    const bytes = Buffer.from(box.slice(7), 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => sealer.open(`${box.slice(0, 7)}${changed.toString('base64url')}`, place), `byte ${at}`).to.throw();
    }
    expect(() => sealer.open(box.slice(0, 20), place)).to.throw();
  });

  it('with a new key in front opens old boxes, seals with the new one, and knows which is which', () => {
    const rotated = createSealer([second, first]);
    const old = sealer.seal('x', place);
    expect(rotated.open(old, place)).to.equal('x');
    expect(rotated.isCurrent(old)).to.equal(false);
    const fresh = rotated.seal('x', place);
    expect(rotated.isCurrent(fresh)).to.equal(true);
    expect(() => sealer.open(fresh, place)).to.throw(/MASTER_KEY/);
  });

  it('needs a key', () => {
    expect(() => createSealer([])).to.throw(/empty/);
  });
});

describe('keyedHash', () => {
  it('depends on the key and the text, and is cut to the bytes that are asked for', () => {
    expect(keyedHash(first, 'a')).to.equal(keyedHash(first, 'a'));
    expect(new Set([keyedHash(first, 'a'), keyedHash(second, 'a'), keyedHash(first, 'b')]).size).to.equal(3);
    expect(Buffer.from(keyedHash(first, 'a', 16), 'base64url')).to.have.length(16);
  });
});

describe('sameSecret', () => {
  it('is true for equal texts only', () => {
    expect(sameSecret('abc', 'abc')).to.equal(true);
    for (const other of ['abd', 'ab', 'abcd', '']) expect(sameSecret('abc', other), other).to.equal(false);
  });
});
