// Identifiers in the forms Safaricom gives them (daraja.md section 2.2). They are random, never seeded: two simulators
// that feed one database must not hand out the same receipt.

import { randomBytes, randomInt } from 'node:crypto';
import { checkoutIdTime, nairobiDay } from './nairobi-time.ts';

const upperAlphanumeric = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const tokenAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Daraja glues a growing decimal counter to the ids of requests; each process starts somewhere. */
let counter = randomInt(1_000_000, 40_000_000);

/** The last four groups of a UUID with the counter glued on: the form of MerchantRequestID and requestId alike. */
export function merchantRequestId(): string {
  const hex = randomBytes(12).toString('hex');
  counter += randomInt(1, 9);
  return `${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 24)}${counter}`;
}

/** `ws_CO_` + Nairobi time + one to three digits + the nine national digits of the phone. */
export function checkoutRequestId(phone: string, epochMs: number): string {
  return `ws_CO_${checkoutIdTime(epochMs)}${randomInt(0, 1000)}${phone.slice(-9)}`;
}

/** Ten characters; the first three say year (A = 2006), month (A = January) and day (1–9, then A = 10). */
export function mpesaReceipt(epochMs: number): string {
  const { year, month, day } = nairobiDay(epochMs);
  const date = `${letters[(year - 2006 + 26) % 26]}${letters[month - 1]}${upperAlphanumeric[day]}`;
  return date + randomText(upperAlphanumeric, 7);
}

/** 28 characters, as Safaricom's tokens have. */
export function accessToken(): string {
  return randomText(tokenAlphabet, 28);
}

function randomText(alphabet: string, length: number): string {
  let text = '';
  for (let index = 0; index < length; index++) text += alphabet[randomInt(alphabet.length)];
  return text;
}
