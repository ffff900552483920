// What an operator types into the one search box, recognised: an id, a receipt, a phone, an amount, else a reference.
// The order matters only where forms could be confused, and every guess can be overruled with `ref:`. Nothing here
// knows the database; a receipt that nobody has is looked for as a reference by the page.

import { normalisePhone } from '../payments/phone.ts';
import { isId } from '../platform/ids.ts';

export type Meant =
  | { kind: 'nothing' }
  | { kind: 'id'; paymentId: string }
  | { kind: 'checkout'; checkoutRequestId: string }
  | { kind: 'receipt'; receipt: string }
  /** `254XXXXXXXXX`. */
  | { kind: 'phone'; phone: string }
  | { kind: 'amount'; amountKes: number }
  /** Exactly this, or what begins with it. */
  | { kind: 'reference'; reference: string };

const mostCharacters = 100;
const mostKes = 250_000;
/** Year, month and day in one character each, then seven (daraja.md section 2.2). */
const receiptForm = /^[A-Z][A-L][1-9A-V][A-Z0-9]{7}$/;
const amountForm = /^(?:(?:KES|KSH)\.?\s*)?([1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*)(?:\.00)?$/i;
const forcedReference = /^ref:\s*/i;

export function recogniseSearch(typed: string): Meant {
  const text = tidied(typed);
  if (text === '') return { kind: 'nothing' };
  if (forcedReference.test(text)) return asReference(text.replace(forcedReference, ''));
  const paymentId = text.toLowerCase();
  if (isId('pay', paymentId)) return { kind: 'id', paymentId };
  if (/^ws_CO_\w{10,58}$/.test(text)) return { kind: 'checkout', checkoutRequestId: text };
  const phone = normalisePhone(text);
  if (phone !== undefined) return { kind: 'phone', phone };
  const receipt = text.toUpperCase();
  if (receiptForm.test(receipt)) return { kind: 'receipt', receipt };
  const amountKes = Number(amountForm.exec(text)?.[1]?.replaceAll(',', ''));
  if (amountKes <= mostKes) return { kind: 'amount', amountKes };
  return asReference(text);
}

/** What is typed to have a text taken for a reference, whatever it looks like. */
export function askForReference(typed: string): string {
  return `ref:${tidied(typed)}`;
}

/** Without what nobody sees and what no column could hold. */
function tidied(typed: string): string {
  return typed
    .replace(/\p{Cf}/gu, '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, mostCharacters);
}

function asReference(reference: string): Meant {
  return reference === '' ? { kind: 'nothing' } : { kind: 'reference', reference };
}
