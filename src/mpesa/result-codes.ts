// The result codes of an STK push, as in daraja.md section 5: what each says in the words of our failure catalogue.
// Only the code decides, never ResultDesc, which differs between callback and query for the same code. A code that is
// on no list is final when a callback brings it (M-PESA's own word), and no answer at all when a query does.

import type { ReadDenial } from '../payments/evidence.ts';
import type { FailureCode } from '../payments/failures.ts';

export interface ResultMeaning {
  failureCode: FailureCode;
  /** The payment becomes `cancelled` rather than `failed` (design.md section 6: 1031 and 1032 only). */
  cancelled: boolean;
  /** A success may still be heard of later, more likely than after other codes (class U of section 5). */
  watch: boolean;
}

function failed(failureCode: FailureCode): ResultMeaning {
  return { failureCode, cancelled: false, watch: false };
}

function failedButWatch(failureCode: FailureCode): ResultMeaning {
  return { failureCode, cancelled: false, watch: true };
}

const cancelled: ResultMeaning = { failureCode: 'cancelled_by_customer', cancelled: true, watch: false };

/** Every listed code that says the payment was not made. */
export const resultMeanings: ReadonlyMap<string, ResultMeaning> = new Map([
  ['1', failed('insufficient_funds')],
  ['2', failed('limit_exceeded')],
  ['3', failed('limit_exceeded')],
  ['4', failed('limit_exceeded')],
  ['8', failed('merchant_limit_reached')],
  ['11', failed('customer_account_blocked')],
  ['12', failed('misconfigured_shortcode')],
  ['15', failed('duplicate_at_provider')],
  ['17', failedButWatch('duplicate_at_provider')],
  ['20', failed('misconfigured_shortcode')],
  ['21', failed('misconfigured_shortcode')],
  ['26', failed('provider_busy')],
  ['1001', failed('subscriber_busy')],
  ['1019', failedButWatch('prompt_expired')],
  ['1025', failed('prompt_not_delivered')],
  ['1031', cancelled],
  ['1032', cancelled],
  ['1036', failedButWatch('prompt_expired')],
  ['1037', failedButWatch('customer_unreachable')],
  ['1050', failed('invalid_request')],
  ['1051', failed('invalid_request')],
  ['1101', failed('invalid_request')],
  ['1102', failed('invalid_request')],
  ['2001', failed('wrong_pin')],
  ['2006', failed('customer_account_blocked')],
  ['2007', failed('misconfigured_shortcode')],
  ['2008', failed('invalid_credentials')],
  ['2026', failed('prompt_expired')],
  ['2028', failed('misconfigured_shortcode')],
  ['2029', failed('provider_error')],
  ['2033', failed('provider_error')],
  ['2040', failed('not_mpesa_customer')],
  ['2043', failed('misconfigured_shortcode')],
  ['2202', failed('misconfigured_shortcode')],
  ['8006', failed('pin_locked')],
  ['9999', failedButWatch('provider_error')],
  ['SFC_IC0003', failed('misconfigured_shortcode')],
  ['E3008', failed('customer_account_blocked')],
  ['TP40153', failed('invalid_credentials')],
]);

/** "Still under processing" and "no answer yet": a status of nothing (daraja.md section 3). */
const pendingCodes: ReadonlySet<string> = new Set(['4999', '500.001.1001']);

export type ResultReading =
  | { kind: 'success' }
  | { kind: 'pending' }
  /** `known: false` is final from a callback (`unknown_result`) and no answer from a query (section 5, Rules). */
  | ({ kind: 'denied'; known: boolean } & ResultMeaning);

/** What a result code says. Codes are compared as text, as {@link readResultCode} gives it. */
export function interpretResultCode(code: string): ResultReading {
  if (code === '0') return { kind: 'success' };
  if (pendingCodes.has(code)) return { kind: 'pending' };
  const meaning = resultMeanings.get(code);
  if (meaning !== undefined) return { kind: 'denied', known: true, ...meaning };
  return { kind: 'denied', known: false, ...failedButWatch('unknown_result') };
}

/**
 * The port's reading of a denial (design.md section 6): 1031 and 1032 cancel, all others fail; only when a query says
 * that the transaction has expired (1019) the payment is `expired`.
 */
export const readDenial: ReadDenial = (resultCode, source) => {
  const reading = interpretResultCode(resultCode);
  if (reading.kind !== 'denied') return { failureCode: 'unknown_result', to: 'failed' };
  if (reading.cancelled) return { failureCode: reading.failureCode, to: 'cancelled' };
  const isExpired = source === 'query' && resultCode === '1019';
  return { failureCode: reading.failureCode, to: isExpired ? 'expired' : 'failed' };
};

/** A ResultCode as text: Daraja sends numbers, numeric strings and names like `SFC_IC0003`. Undefined: it is none. */
export function readResultCode(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' || text.length > 40 ? undefined : text;
}
