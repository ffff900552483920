// The Idempotency-Key header, bare or quoted: `k` and `"k"` are the same key (api.md, idempotency).

import { AppError } from '../platform/errors.ts';

/**
 * The key in its quoted form, which is how it is stored: no engine's rules about trailing blanks can then make two keys
 * equal. @throws AppError `idempotency_key_missing`, also for one that is empty, too long or not printable
 */
export function readIdempotencyKey(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header);
  const key = quoted === null ? header : quoted[1]!.replace(/\\(["\\])/g, '$1');
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return JSON.stringify(key);
  throw new AppError(
    'idempotency_key_missing',
    'Send an Idempotency-Key header of 1 to 255 printable characters: a new one for each payment you mean, the same one when you repeat a request whose answer you did not get.',
  );
}
