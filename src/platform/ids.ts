// Ids in the style of TypeID: a prefix that says what it is, and a UUIDv7 in Crockford base32, so that ids sort by the
// time they were made and rows of one table land next to each other on disk.

import { v7 as uuidv7 } from 'uuid';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** What each prefix names (api.md, Conventions; the ones never shown to a merchant follow). */
export type IdPrefix =
  | 'pay'
  | 'evt'
  | 'whe'
  | 'whd'
  | 'key'
  | 'ten'
  | 'sc'
  | 'lnk'
  | 'stm'
  | 'dsc'
  | 'evd'
  | 'req'
  | 'whs'
  | 'rpl'
  | 'opr'
  | 'apr'
  | 'lin'
  | 'cst'
  | 'not'
  | 'cls';

/** A new id such as `pay_01kahq8z2pf0rs6w5v2r7r3d4e`: prefix, underscore, 26 characters. One process’s ids sort as made. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${encodeBase32(uuidv7(undefined, new Uint8Array(16)))}`;
}

/** The least id that could have been made at a time: ids of rows made before it are smaller. */
export function idAt(prefix: IdPrefix, epochMs: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(epochMs) << 16n);
  return `${prefix}_${encodeBase32(bytes)}`;
}

/** Whether `text` has the shape of an id with this prefix; a cheap guard before a look-up. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return (
    text.length === prefix.length + 27 &&
    text.startsWith(`${prefix}_`) &&
    /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(-26))
  );
}

/** 128 bits as 26 characters of five bits, the two missing bits as leading zeros. */
function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let carry = 0;
  let bits = 2;
  for (const byte of bytes) {
    carry = (carry << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(carry >>> bits) & 31];
    }
    carry &= (1 << bits) - 1;
  }
  return text;
}
