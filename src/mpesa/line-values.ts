// The values of M-PESA's own lines as C2B and Pull write them (daraja.md sections 6.3 and 6.4): now texts, now numbers,
// now absent. Nothing throws; what cannot be read is null, and whoever asked decides whether that matters.

const nairobiOffsetMs = 3 * 3_600_000;

/** Values by their names in small letters without anything but letters and digits: `Response Status` is `responsestatus`. */
export function byPlainName(value: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fields;
  for (const [name, one] of Object.entries(value)) {
    const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
    if (!fields.has(plain)) fields.set(plain, one);
  }
  return fields;
}

/** A text or a number as trimmed text of at most `most` characters; null for anything else and for nothing. */
export function readText(value: unknown, most = 200): string | null {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text.slice(0, most);
}

/** An M-PESA receipt, in capital letters. */
export function readReceipt(value: unknown): string | null {
  const text = readText(value)?.toUpperCase() ?? '';
  return /^[A-Z0-9]{4,20}$/.test(text) ? text : null;
}

/** Shillings as exact cents, with a sign and with commas between thousands; null for more than two decimals that matter. */
export function readSignedCents(value: unknown): number | null {
  const parts = /^(-?)(\d{1,12})(?:\.(\d{1,2})0*)?$/.exec((readText(value) ?? '').replace(/,(?=\d{3}(\D|$))/g, ''));
  if (parts === null) return null;
  const cents = Number(parts[2]) * 100 + Number((parts[3] ?? '').padEnd(2, '0'));
  return parts[1] === '-' && cents !== 0 ? -cents : cents;
}

/** `yyyyMMddHHmmss` of Nairobi as milliseconds since the epoch. */
export function readCompactTime(value: unknown): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(readText(value) ?? '');
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second] = parts;
  return wallClock(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
}

/** A time of Nairobi's clocks (`2026-10-06T14:15:52`) as milliseconds since the epoch; null for one that there is not. */
export function wallClock(text: string): number | null {
  const at = Date.parse(`${text}Z`);
  // The 31st of February becomes a day of March, which it is not.
  return Number.isNaN(at) || !new Date(at).toISOString().startsWith(text) ? null : at - nairobiOffsetMs;
}

/** The moment as Nairobi's clocks show it: `2026-10-06 14:15:52`. */
export function nairobiText(at: number): string {
  return new Date(at + nairobiOffsetMs).toISOString().slice(0, 19).replace('T', ' ');
}
