// The address of a shortcode's C2B confirmations: it names the shortcode, cannot be guessed, and has no word in it that
// Safaricom forbids in a URL.

import { createHmac, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { c2bToken, c2bUrls, shortcodeOfC2bToken } from '../../../src/mpesa/c2b-token.ts';
import { forbiddenWordIn } from '../../../src/mpesa/callback-url-rules.ts';
import { newId } from '../../../src/platform/ids.ts';

describe('the token of C2B URLs', () => {
  const key = randomBytes(32);

  it('is the shortcode’s id and the first 16 bytes of the HMAC of `c2b <id>`', () => {
    const id = 'sc_01kahq8z2pf0rs6w5v2r7r3d4e';
    const plainKey = Buffer.alloc(32, 7);
    const hash = createHmac('sha256', plainKey).update(`c2b ${id}`).digest().subarray(0, 16).toString('base64url');
    expect(c2bToken(plainKey, id)).to.equal(`${id}-${hash}`);
    expect(c2bUrls('https://pay.example.co.ke', plainKey, id)).to.deep.equal({
      confirmationUrl: `https://pay.example.co.ke/callbacks/c2b/${id}-${hash}/confirmation`,
      validationUrl: `https://pay.example.co.ke/callbacks/c2b/${id}-${hash}/validation`,
    });
  });

  it('finds its shortcode, and only with every character right and the same key', () => {
    const id = newId('sc');
    const token = c2bToken(key, id);
    expect(shortcodeOfC2bToken(key, token)).to.equal(id);
    const hash = token.slice(id.length + 1);
    const forged = [
      '',
      '-',
      id,
      `${id}-`,
      token.slice(0, -1),
      `${token}A`,
      `${newId('sc')}-${hash}`,
      `-${hash}`,
      `pay_${id.slice(3)}-${hash}`,
      c2bToken(randomBytes(32), id),
      // The token of an STK callback has another text under the same key.
      `${id}-${createHmac('sha256', key).update(id).digest().subarray(0, 16).toString('base64url')}`,
    ];
    for (const text of forged) expect(shortcodeOfC2bToken(key, text), text).to.equal(undefined);
  });

  it('never spells a forbidden word in its hash, and is found all the same where its first hash did', () => {
    const plainKey = Buffer.alloc(32, 7);
    const avoided = Array.from({ length: 3000 }, (_, n) => `sc_${String(n).padStart(26, '0')}`).filter((id) => {
      const hash = createHmac('sha256', plainKey).update(`c2b ${id}`).digest().subarray(0, 16).toString('base64url');
      return forbiddenWordIn(hash) !== null;
    });
    expect(avoided).not.to.be.empty;
    for (const id of avoided) {
      const token = c2bToken(plainKey, id);
      expect(forbiddenWordIn(token), token).to.equal(null);
      expect(shortcodeOfC2bToken(plainKey, token)).to.equal(id);
    }
  });
});
