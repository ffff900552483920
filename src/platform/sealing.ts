// Sealed columns and keyed hashes. Secrets and phones rest as AES-256-GCM boxes bound to the table, column and row they
// belong to, so a box moved elsewhere does not open. The key ring's newest key seals, any of its keys opens, which is
// what lets `lango master-key rotate` re-encrypt while the servers run.

import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Where a box belongs: the table, the column and the id of the row. */
export type SealContext = readonly [table: string, column: string, rowId: string];

export interface Sealer {
  /** Seals a text for one place. Boxes are ASCII: `<key id>.<base64url of nonce, ciphertext and tag>`. */
  seal(text: string, context: SealContext): string;
  /** Opens a box; throws when the key is not in the ring, the box was changed, or it was sealed for another place. */
  open(box: string, context: SealContext): string;
  /** Whether the box was sealed with the ring's newest key. */
  isCurrent(box: string): boolean;
}

/** @param masterKeys 32-byte keys, newest first. */
export function createSealer(masterKeys: readonly Buffer[]): Sealer {
  const ring = new Map(masterKeys.map((key) => [keyId(key), key]));
  const [newest] = masterKeys;
  if (newest === undefined) throw new Error('the key ring is empty');
  const newestId = keyId(newest);
  return {
    seal(text, context) {
      const nonce = takeRandomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', newest, nonce);
      cipher.setAAD(Buffer.from(context.join('|')));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${newestId}.${sealed.toString('base64url')}`;
    },
    open(box, context) {
      const dot = box.indexOf('.');
      const key = ring.get(box.slice(0, dot));
      if (key === undefined)
        throw new Error(`the key ring has no key for ${context[0]}.${context[1]}: is MASTER_KEY complete?`);
      const bytes = Buffer.from(box.slice(dot + 1), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(context.join('|')));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
    },
    isCurrent: (box) => box.startsWith(`${newestId}.`),
  };
}

let randomPool = Buffer.alloc(0);

/** Random bytes from a pool that is filled in one go: a call to the system for each nonce is dear. None is used twice. */
function takeRandomBytes(count: number): Buffer {
  if (randomPool.length < count) randomPool = randomBytes(4096);
  const taken = randomPool.subarray(0, count);
  randomPool = randomPool.subarray(count);
  return taken;
}

/** A short public name for a key: it says which key sealed a box and nothing about the key. */
function keyId(key: Buffer): string {
  return createHash('sha256').update('lango master key id').update(key).digest('base64url').slice(0, 6);
}

/** HMAC-SHA256 of `text` under `key`, base64url, cut to its first `bytes` bytes. */
export function keyedHash(key: Buffer, text: string, bytes = 32): string {
  return createHmac('sha256', key).update(text).digest().subarray(0, bytes).toString('base64url');
}

/** Compares two texts in constant time; texts of different length are unequal at once, their length is no secret. */
export function sameSecret(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
