// Kenyan phone numbers: reading what people type, and comparing the number a push was sent to with what M-PESA lets us
// see of the payer later (in full, masked, hashed or not at all). Never judged by operator prefix: numbers are ported
// and new blocks open every year (daraja.md section 8). `different` is only said when it is certain.

import { createHash } from 'node:crypto';

const separators = /[\s\u002d\u2010-\u2015]/g;
const kenyanForm = /^(?:\+?254|0)?([17]\d{8})$/;

/** `254XXXXXXXXX` from any Kenyan form (`07…` `01…` `7…` `1…` `254…` `+254…`, spaces and dashes allowed). */
export function normalisePhone(text: string): string | undefined {
  if (text.length > 40) return undefined;
  const national = kenyanForm.exec(text.replace(separators, ''))?.[1];
  return national === undefined ? undefined : `254${national}`;
}

/**
 * `same`: seen in full, or its hash is the number's hash. `compatible`: no visible digit contradicts.
 * `different`: a visible digit contradicts. `unknown`: nothing can be told (absent, a hash of something else, no digits).
 */
export type PhoneComparison = 'same' | 'compatible' | 'different' | 'unknown';

/**
 * Compares a number with what M-PESA shows of it: number or text, masked like `2547 ***** 126`, `25472****108`,
 * `079****284` or `*********149`, a SHA-256 in hex, or followed by ` - NAME` (daraja.md sections 4.2, 6.2 and 8).
 *
 * @param expected254 `254XXXXXXXXX`; `unknown` for anything else
 */
export function comparePhone(expected254: string, seen: string | number | undefined | null): PhoneComparison {
  // A payment that was made from M-PESA's own record has the number only as far as that shows it.
  if (seen === undefined || seen === null || !kenyanForm.test(expected254)) return 'unknown';
  const text = String(seen).trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return hashesOf(expected254).includes(text.toLowerCase()) ? 'same' : 'unknown';

  const digits = (text.split(' - ')[0] ?? '').replace(separators, '').replace(/^\+/, '');
  if (digits.length > 40 || !/^[0-9*]*\d[0-9*]*$/.test(digits)) return 'unknown';
  if (digits.includes('*')) return contradicts(expected254, digits) ? 'different' : 'compatible';
  if (digits.length < 9) return 'unknown';
  const normal = normalisePhone(digits);
  if (normal !== undefined) return normal === expected254 ? 'same' : 'different';
  return digits.endsWith(expected254.slice(3)) ? 'compatible' : 'different';
}

/** The `254…` form of a number as far as M-PESA shows it, twelve characters with `*` for what is hidden. */
export function shownPhone(seen: string | null): string {
  const text = (seen?.split(' - ')[0] ?? '').replace(separators, '').replace(/^\+/, '');
  const full = normalisePhone(text);
  if (full !== undefined) return full;
  const mask = /^(?:254|0)?([17]?\d{0,5})\*+(\d{0,6})$/.exec(text);
  const [, lead = '', tail = ''] = mask ?? [];
  return `254${lead}${'*'.repeat(Math.max(0, 9 - lead.length - tail.length))}${tail}`.slice(0, 12);
}

/** A v1 C2B confirmation hashes the number without saying in which form (daraja.md section 6.3). */
function hashesOf(expected254: string): string[] {
  const national = expected254.slice(3);
  const forms = [expected254, `+${expected254}`, `0${national}`, national];
  return forms.map((form) => createHash('sha256').update(form).digest('hex'));
}

/**
 * Whether a digit that the mask shows is not the number's. The mask's first digits say in which form it is written.
 * Where it is as long as that form each place is compared; else, as the count of stars cannot be trusted, both ends.
 */
function contradicts(expected254: string, mask: string): boolean {
  const national = expected254.slice(3);
  const lead = mask.slice(0, mask.indexOf('*'));
  const tail = mask.slice(mask.lastIndexOf('*') + 1);
  const forms = [expected254, `0${national}`, national].filter((form) => form.startsWith(lead));
  const sameLength = forms.find((form) => form.length === mask.length);
  if (sameLength !== undefined) {
    return [...mask].some((shown, place) => shown !== '*' && shown !== sameLength[place]);
  }
  return !forms.some((form) => form.endsWith(tail));
}
