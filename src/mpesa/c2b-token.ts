// Where C2B confirmations of a shortcode arrive: one unguessable path segment that names the shortcode and proves that
// whoever calls was told by us. Registered once at Safaricom and hard to change there (daraja.md section 6.3), so it
// follows from the callback key and the shortcode's id alone, and has none of the words Safaricom forbids in a URL.

import { isId } from '../platform/ids.ts';
import { keyedHash, sameSecret } from '../platform/sealing.ts';
import { forbiddenWordIn } from './callback-url-rules.ts';

export interface C2bUrls {
  confirmationUrl: string;
  validationUrl: string;
}

export function c2bUrls(publicUrl: string, callbackKey: Buffer, shortcodeId: string): C2bUrls {
  const base = `${publicUrl}/callbacks/c2b/${c2bToken(callbackKey, shortcodeId)}`;
  return { confirmationUrl: `${base}/confirmation`, validationUrl: `${base}/validation` };
}

/** A hash spells a forbidden word about once in 500, two in a row hardly ever. */
const mostTurns = 8;

/** The shortcode's id, a dash, and the first 16 bytes of HMAC-SHA256(callback key, `c2b <id>`) in base64url. */
export function c2bToken(callbackKey: Buffer, shortcodeId: string): string {
  const first = `${shortcodeId}-${keyedHash(callbackKey, `c2b ${shortcodeId}`, 16)}`;
  let token = first;
  for (let turn = 1; turn <= mostTurns; turn += 1) {
    // The id may spell a word too: that is then said when the URLs are registered.
    if (forbiddenWordIn(token.slice(shortcodeId.length - 1)) === null) return token;
    token = `${shortcodeId}-${keyedHash(callbackKey, `c2b ${shortcodeId} ${turn}`, 16)}`;
  }
  return first;
}

/** The shortcode a token is of; undefined for one that is not ours. Compared in constant time. */
export function shortcodeOfC2bToken(callbackKey: Buffer, token: string): string | undefined {
  const shortcodeId = token.slice(0, token.indexOf('-'));
  if (!isId('sc', shortcodeId)) return undefined;
  return sameSecret(c2bToken(callbackKey, shortcodeId), token) ? shortcodeId : undefined;
}
