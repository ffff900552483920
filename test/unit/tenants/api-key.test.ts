// The form of an API key (api.md, auth): mode, public id, secret, and a CRC32 that finds a typo without the database.

import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { makeApiKey, parseApiKey } from '../../../src/tenants/api-key.ts';

/** CRC32 in base62, left-padded to six, worked out by other means than the source. */
function checkOf(body: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const sum = BigInt(crc32(Buffer.from(body)));
  return [5n, 4n, 3n, 2n, 1n, 0n].map((place) => digits[Number((sum / 62n ** place) % 62n)]).join('');
}

describe('API keys', () => {
  for (const mode of ['test', 'live'] as const)
    it(`in ${mode} mode are lango_${mode}_<8>_<32><6>, and read back into their parts`, () => {
      const made = makeApiKey(mode);
      expect(made.key).to.match(new RegExp(`^lango_${mode}_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$`));
      const { key, ...parts } = made;
      expect(parseApiKey(key)).to.deep.equal(parts);
    });

  it('end in the CRC32 of all before it', () => {
    for (let count = 0; count < 100; count += 1) {
      const { key } = makeApiKey('test');
      expect(key.slice(-6)).to.equal(checkOf(key.slice(0, -6)));
    }
  });

  it('pad a small checksum with zeros', () => {
    let counter = 0;
    const body = () => `lango_test_00000000_${String(counter).padStart(32, '0')}`;
    while (crc32(body()) >= 62 ** 4) counter += 1;
    const key = body() + checkOf(body());
    expect(key.slice(-6)).to.match(/^00/);
    expect(parseApiKey(key)).to.include({ publicId: '00000000' });
  });

  it('with any one character changed are refused', () => {
    const { key } = makeApiKey('test');
    for (let at = 'lango_test_'.length; at < key.length; at += 1) {
      const typo = key.slice(0, at) + (key[at] === 'a' ? 'b' : 'a') + key.slice(at + 1);
      if (key[at] !== '_') expect(parseApiKey(typo), typo).to.equal(undefined);
    }
  });

  it('of another form are refused', () => {
    const { key } = makeApiKey('test');
    for (const bad of [
      '',
      'lango_test_',
      key.slice(0, -1),
      `${key}0`,
      ` ${key}`,
      key.replace('test', 'prod'),
      key.replace('lango', 'other'),
      key.toLowerCase(),
    ])
      expect(parseApiKey(bad), bad).to.equal(undefined);
  });

  it('are never the same twice', () => {
    expect(new Set(Array.from({ length: 1000 }, () => makeApiKey('test').publicId)).size).to.equal(1000);
  });
});
