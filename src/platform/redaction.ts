// What may not be read in a log or on a page: credentials, and the customer's number, which hides in more places than
// its own field (a CheckoutRequestID ends in it, daraja.md section 2.2). The list of names is closed over by a test.

/** Fields whose value is a secret whatever it looks like; compared without case, `-` and `_`. */
const secretNames = new Set(
  [
    'authorization',
    'api_key',
    'key',
    'password',
    'passkey',
    'secret',
    'token',
    'access_token',
    'consumer_key',
    'consumer_secret',
    'security_credential',
    'credentials',
    'master_key',
    'cookie',
    'set_cookie',
    'signature',
    'webhook_signature',
    'callback_url',
    'raw',
    'body',
  ].map(bareName),
); // prettier-ignore

function bareName(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

const phoneInText = /(?<![0-9A-Za-z])(\+?254|0)?([17]\d{8})(?![0-9A-Za-z])/g;
const checkoutIdInText = /(ws_CO_[0-9A-Za-z_]*?)(\d{3})\d{3}(\d{3})(?![0-9A-Za-z])/g;
const callbackPath = /(\/callbacks\/(?:stk\/[^/\s]+|c2b)\/)[^/\s"?]+/g;
const oneTimeLink = /(\/console\/welcome\/)[^/\s"?]+/g;
const apiKeyInText = /lango_(test|live)_([0-9A-Za-z]{8})_[0-9A-Za-z]+/g;
const bearerInText = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi;

/** `254712345678` as `2547*****678`: enough to recognise, not enough to call. */
export function maskPhone(phone: string): string {
  return phone.length < 8 ? '*'.repeat(phone.length) : `${phone.slice(0, 4)}*****${phone.slice(-3)}`;
}

/** `ws_CO_06102026141530412712345678` as `ws_CO_06102026141530412712***678` (mock/README.md, rule 9). */
export function maskCheckoutId(checkoutRequestId: string): string {
  return checkoutRequestId.replace(checkoutIdInText, '$1$2***$3');
}

/** One text with every phone, key, token and callback path in it masked. */
export function redactText(text: string): string {
  return text
    .replace(bearerInText, '$1 [redacted]')
    .replace(apiKeyInText, 'lango_$1_$2_[redacted]')
    .replace(callbackPath, '$1[redacted]')
    .replace(oneTimeLink, '$1[redacted]')
    .replace(checkoutIdInText, '$1$2***$3')
    .replace(phoneInText, (_match, _prefix: string | undefined, national: string) => maskPhone(`254${national}`));
}

/** A copy of `fields` that may be logged. Looks four levels deep; what lies deeper is left out. */
export function redact(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    clean[name] = secretNames.has(bareName(name)) ? '[redacted]' : redactValue(value, depth);
  }
  return clean;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'number' ? redactNumber(value) : value;
  if (depth >= 4) return '[too deep]';
  if (value instanceof Error) return redactText(value.stack ?? value.message);
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redactValue(item, depth + 1));
  if (value instanceof Date) return value.toISOString();
  return redact(value as Record<string, unknown>, depth + 1);
}

/** A callback carries the phone as a number (daraja.md section 4.2). */
function redactNumber(value: number): number | string {
  return value >= 254_100_000_000 && value < 254_800_000_000 ? maskPhone(String(value)) : value;
}
