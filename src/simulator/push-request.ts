// The eleven fields of a push and the order in which Daraja finds fault with them (daraja.md sections 2.1 and 11.2).
// Pure: it says which field is wrong and nothing else. Lenient where real clients are sloppy and Safaricom lets them,
// unless a switch says otherwise.

import { readDarajaTimestamp } from './nairobi-time.ts';
import type { Settings } from './settings.ts';

export interface PushRequest {
  shortcode: string;
  password: string;
  timestamp: string;
  transactionType: 'CustomerPayBillOnline' | 'CustomerBuyGoodsOnline';
  amount: number;
  partyA: string;
  partyB: string;
  /** Who gets the prompt; may differ from PartyA. */
  phone: string;
  callbackUrl: string;
  reference: string;
  description: string;
}

type Strictness = Pick<Settings, 'nairobiTimestamps' | 'strictFields' | 'strictCallbackUrls'>;

export const shortcodeForm = /^\d{5,7}$/;
export const phoneForm = /^254[17]\d{8}$/;
const skewMs = 10 * 60_000;

/** The request, or the name that Daraja puts after `Bad Request - Invalid`. */
export function readPushRequest(
  body: Record<string, unknown>,
  settings: Strictness,
  nowMs: number,
): { request: PushRequest } | { invalid: string } {
  const text = (name: string): string => fieldText(body[name]);
  const type = settings.strictFields ? text('TransactionType') : text('TransactionType').trim();
  const amount = wholeShillings(body.Amount);
  const checks: [boolean, string][] = [
    [shortcodeForm.test(text('BusinessShortCode')), 'BusinessShortCode'],
    [isPassword(text('Password')), 'Password'],
    [isTimestamp(text('Timestamp'), settings.nairobiTimestamps, nowMs), 'Timestamp'],
    [type === 'CustomerPayBillOnline' || type === 'CustomerBuyGoodsOnline', 'TransactionType'],
    [amount !== undefined, 'Amount'],
    [phoneForm.test(text('PartyA')), 'PartyA'],
    [shortcodeForm.test(text('PartyB')), 'PartyB'],
    [phoneForm.test(text('PhoneNumber')), 'PhoneNumber'],
    [isCallbackUrl(text('CallBackURL'), settings.strictCallbackUrls), 'CallBackURL'],
    [isText(text('AccountReference'), settings.strictFields ? 12 : 100), 'AccountReference'],
    // Recorded: a push without TransactionDesc is answered with a field that no request has.
    [isText(text('TransactionDesc'), settings.strictFields ? 13 : 200), 'Remarks'],
  ];
  const wrong = checks.find(([isGood]) => !isGood);
  if (wrong !== undefined) return { invalid: wrong[1] };
  return {
    request: {
      shortcode: text('BusinessShortCode'),
      password: text('Password'),
      timestamp: text('Timestamp'),
      transactionType: type as PushRequest['transactionType'],
      amount: amount!,
      partyA: text('PartyA'),
      partyB: text('PartyB'),
      phone: text('PhoneNumber'),
      callbackUrl: text('CallBackURL'),
      reference: text('AccountReference').trim(),
      description: text('TransactionDesc').trim(),
    },
  };
}

/** Numbers and strings are both taken for every field; anything else reads as missing. */
export function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : '';
}

/** Whether this is base64 of something that could be shortcode + passkey + timestamp. */
export function isPassword(text: string): boolean {
  return text.length > 0 && text.length <= 1024 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

export function isTimestamp(text: string, nearNairobi: boolean, nowMs: number): boolean {
  const moment = readDarajaTimestamp(text);
  if (moment === undefined) return false;
  return !nearNairobi || Math.abs(moment - nowMs) <= skewMs;
}

export function wholeShillings(value: unknown): number | undefined {
  const text = fieldText(value).trim();
  if (!/^\d{1,9}(\.0{1,2})?$/.test(text)) return undefined;
  const amount = Number(text);
  return amount >= 1 ? amount : undefined;
}

function isText(text: string, most: number): boolean {
  return text.trim().length > 0 && text.length <= most;
}

/** daraja.md section 4.4. DNS is not asked, so a host that does not exist passes. */
export function isCallbackUrl(url: string, strict: boolean): boolean {
  const parts = /^(https?):\/\/([^/?#@\s]+)([/?][^#\s]*)?$/.exec(url);
  // Anything outside visible ASCII could not be sent back byte for byte.
  if (parts === null || url.length > 2_048 || /[^!-~]|[<>]/.test(url)) return false;
  const host = parts[2]!;
  if (/[A-Z]/.test(host) || !URL.canParse(url)) return false;
  if (!strict) return true;
  const forbidden = /m-?pesa|safaricom|exe|cmd|sql|query|ngrok|mockbin|requestbin/i;
  return parts[1] === 'https' && !/^(localhost|127\.|\[::1\])/.test(host) && !forbidden.test(url);
}
