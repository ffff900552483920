// Reads the body of an STK callback in every shape that was ever recorded (daraja.md section 4). It only reads: whether
// the callback is ours, and what it moves, is decided elsewhere. It never throws, since a callback that we cannot read
// is still evidence and still acknowledged. Items are found by Name, never by place, and may have no Value.

import { readResultCode } from './result-codes.ts';

export interface StkCallback {
  readable: true;
  merchantRequestId: string;
  checkoutRequestId: string;
  /** As text, whether it came as number or string. */
  resultCode: string;
  /** Without the old prefixes such as `[STK_CB - ]`. */
  resultDesc: string;
  /** Exact hundredths of a shilling; null when absent, negative or not an amount. */
  amountCents: number | null;
  /** Whether there was an amount at all, readable or not. */
  hasAmount: boolean;
  /** M-PESA receipt, upper case. */
  receipt: string | null;
  /** As M-PESA wrote it: in full, masked, hashed; null when absent. */
  phone: string | null;
  /** `yyyyMMddHHmmss`, Nairobi time. */
  transactionDate: string | null;
}

export interface UnreadableCallback {
  readable: false;
  why: string;
}

/** Reads a callback's raw body. Any bytes are allowed; nothing throws. */
export function readStkCallback(rawBody: Buffer | string): StkCallback | UnreadableCallback {
  const callback = field(field(parse(rawBody), 'Body'), 'stkCallback');
  if (!isObject(callback)) return unreadable('not JSON with Body.stkCallback');

  const merchantRequestId = readId(callback.MerchantRequestID);
  if (merchantRequestId === undefined) return unreadable('no MerchantRequestID');
  const checkoutRequestId = readId(callback.CheckoutRequestID);
  if (checkoutRequestId === undefined) return unreadable('no CheckoutRequestID');
  const resultCode = readResultCode(callback.ResultCode);
  if (resultCode === undefined) return unreadable('no ResultCode');

  const items = readItems(callback.CallbackMetadata);
  return {
    readable: true,
    merchantRequestId,
    checkoutRequestId,
    resultCode,
    resultDesc: readDescription(callback.ResultDesc),
    amountCents: readCents(items.get('amount')),
    hasAmount: items.has('amount') && items.get('amount') != null,
    receipt: matching(textOf(items.get('mpesareceiptnumber'))?.toUpperCase(), /^[A-Z0-9]{4,20}$/),
    phone: matching(textOf(items.get('phonenumber')), /^.{1,100}$/),
    transactionDate: matching(textOf(items.get('transactiondate')), /^\d{14}$/),
  };
}

/**
 * An amount of shillings as exact cents. A number or a text like `150.00`; null for anything that is not a plain
 * amount with at most two decimals that matter, below ten million shillings (M-PESA's own limit is 250,000).
 */
export function readCents(value: unknown): number | null {
  const parts = /^(\d{1,7})(?:\.(\d{1,2})0*)?$/.exec(textOf(value) ?? '');
  if (parts === null) return null;
  return Number(parts[1]) * 100 + Number((parts[2] ?? '').padEnd(2, '0'));
}

function unreadable(why: string): UnreadableCallback {
  return { readable: false, why };
}

function parse(rawBody: Buffer | string): unknown {
  try {
    const text = typeof rawBody === 'string' ? rawBody : rawBody.toString('utf8');
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** Opaque, but printable and of at most 64 characters (daraja.md section 2.2). */
function readId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value) ? value : undefined;
}

/** CallbackMetadata by lower-case name. The first item of a name that has a Value counts. */
function readItems(metadata: unknown): Map<string, unknown> {
  const list = field(metadata, 'Item');
  const items = new Map<string, unknown>();
  for (const item of Array.isArray(list) ? list : [list]) {
    if (!isObject(item) || typeof item.Name !== 'string' || item.Value === undefined || item.Value === null) continue;
    const name = item.Name.trim().toLowerCase();
    if (!items.has(name)) items.set(name, item.Value);
  }
  return items;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.trim() : undefined;
}

function matching(text: string | undefined, form: RegExp): string | null {
  return text !== undefined && form.test(text) ? text : null;
}

/** From 2017 to 2019 texts began with `[STK_CB - ]` or `[MpesaCB - ]` (daraja.md section 4.3). */
function readDescription(value: unknown): string {
  return typeof value === 'string'
    ? value
        .replace(/^\s*\[[^\]]{0,40}\]\s*/, '')
        .trim()
        .slice(0, 255)
    : '';
}
