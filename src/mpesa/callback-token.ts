// The unguessable end of a callback's path. It proves that the callback answers this very push, and finds the payment
// even when the push's answer was lost or the callback came first (design.md section 7).

import { keyedHash, sameSecret } from '../platform/sealing.ts';

/** First 16 bytes of HMAC-SHA256(callback key, payment id), base64url. */
export function callbackToken(callbackKey: Buffer, paymentId: string): string {
  return keyedHash(callbackKey, paymentId, 16);
}

export function callbackUrl(publicUrl: string, callbackKey: Buffer, paymentId: string): string {
  return `${publicUrl}/callbacks/stk/${paymentId}/${callbackToken(callbackKey, paymentId)}`;
}

/** Compared in constant time. */
export function isCallbackToken(callbackKey: Buffer, paymentId: string, token: string): boolean {
  return sameSecret(callbackToken(callbackKey, paymentId), token);
}
