// The second factor: time-based codes (RFC 6238) of an authenticator app, and recovery codes for the day the phone is
// lost. A code works once: the time step it was taken for is remembered.

import { randomBytes } from 'node:crypto';
import { generateSecret, generateURI, verifySync } from 'otplib';
import { toString as toQrCode } from 'qrcode';
import { keyedHash } from '../platform/sealing.ts';

const stepSeconds = 30;
/** Clocks of phones differ: one step before and after is taken. */
const toleranceSeconds = 30;
const recoveryCodes = 10;

export const newTotpSecret = (): string => generateSecret();

/** What the QR code says; the label shows in the authenticator app. */
export function totpUri(secret: string, email: string, host: string): string {
  return generateURI({ issuer: `Lango ${host}`, label: email, secret });
}

/** The QR code as an SVG document, dark on white in any theme. */
export function qrCodeSvg(text: string): Promise<string> {
  return toQrCode(text, { type: 'svg', margin: 2, errorCorrectionLevel: 'M' });
}

/**
 * The time step a code belongs to, or null when it is wrong, too old, or was used: then `step` is not after `lastStep`.
 */
export function takeTotp(secret: string, code: string, lastStep: number, now: number): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const epoch = Math.floor(now / 1000);
  const result = verifySync({ secret, token: code, epoch, epochTolerance: toleranceSeconds });
  if (!result.valid) return null;
  const step = Math.floor(epoch / stepSeconds) + ('delta' in result ? result.delta : 0);
  return step > lastStep ? step : null;
}

/** Ten codes of 50 bits, grouped for reading: `k7qf2-m9xwd`. */
export function newRecoveryCodes(): string[] {
  const alphabet = '23456789abcdefghijkmnpqrstuvwxyz';
  return Array.from({ length: recoveryCodes }, () => {
    const text = [...randomBytes(10)].map((byte) => alphabet[byte & 31]).join('');
    return `${text.slice(0, 5)}-${text.slice(5)}`;
  });
}

export function hashRecoveryCode(key: Buffer, operatorId: string, code: string): string {
  return keyedHash(key, `recovery ${operatorId} ${code.toLowerCase().replace(/[^a-z0-9]/g, '')}`, 16);
}
