// The form of an API key: `lango_test_<8 public>_<32 secret><6 check>` (api.md, auth). The check is a CRC32 of all
// before it, so that a mistyped key is refused without asking the database, and secret scanners can recognise one.

import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type Mode = 'test' | 'live';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const keyForm = /^lango_(test|live)_([0-9A-Za-z]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

export interface ApiKeyParts {
  mode: Mode;
  /** Finds the key's row; no secret. */
  publicId: string;
  secret: string;
}

/** A new key in full. It is shown once and never stored. */
export function makeApiKey(mode: Mode): ApiKeyParts & { key: string } {
  const publicId = randomBase62(8);
  const secret = randomBase62(32);
  const body = `lango_${mode}_${publicId}_${secret}`;
  return { mode, publicId, secret, key: body + checkOf(body) };
}

/** The parts of a key, or undefined when it is not one or its check is wrong. */
export function parseApiKey(text: string): ApiKeyParts | undefined {
  const match = keyForm.exec(text);
  if (match === null || checkOf(text.slice(0, -6)) !== match[4]) return undefined;
  return { mode: match[1] as Mode, publicId: match[2]!, secret: match[3]! };
}

function randomBase62(length: number): string {
  return Array.from({ length }, () => base62[randomInt(62)]).join('');
}

function checkOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (; rest > 0; rest = Math.floor(rest / 62)) text = base62[rest % 62] + text;
  return text.padStart(6, '0');
}
