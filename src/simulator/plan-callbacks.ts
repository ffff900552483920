// Which callbacks a result sends, and their exact bodies (daraja.md section 4), for every callback fault. Pure: time,
// receipts and ids come in, bodies go out, so each shape is tested without a server.

import { createHash } from 'node:crypto';
import { mpesaReceipt } from './daraja-ids.ts';
import type { Push, PushResult } from './ledger.ts';
import { darajaTimestamp } from './nairobi-time.ts';
import { resultText } from './outcomes.ts';
import type { Settings } from './settings.ts';

export interface PlannedCallback {
  afterMs: number;
  body: string;
  /** Value of the `BusinessShortCode` header. */
  shortcode: string;
  /** For the log: `0, UJ62M7R4TB`. */
  summary: string;
  /** Waits until another payment's callback has gone out. */
  isHeld: boolean;
}

export interface CallbackFacts {
  merchantRequestId: string;
  checkoutRequestId: string;
  code: string;
  amount: number;
  receipt: string | null;
  phone: string;
  completedAt: number;
}

export interface CallbackShape {
  codes: Settings['callbackCodes'];
  phone: Settings['callbackPhone'];
  balance: Settings['callbackBalance'];
}

export interface PlanInput {
  push: Push;
  result: PushResult;
  fault: string;
  settings: Settings;
  /** A receipt that an earlier payment already has, for the fault that repeats it. */
  usedReceipt: string | null;
}

export function callbackFacts(push: Push, result: PushResult): CallbackFacts {
  return {
    merchantRequestId: push.merchantRequestId,
    checkoutRequestId: push.checkoutRequestId,
    code: result.code,
    amount: push.request.amount,
    receipt: result.receipt,
    phone: push.request.phone,
    completedAt: result.at,
  };
}

export function callbackShape(settings: Settings, fault: string): CallbackShape {
  const shape: CallbackShape = {
    codes: settings.callbackCodes,
    phone: settings.callbackPhone,
    balance: settings.callbackBalance,
  };
  if (fault === 'string_codes') shape.codes = 'string';
  if (fault === 'masked_phone') shape.phone = 'masked';
  if (fault === 'hashed_phone') shape.phone = 'hashed';
  if (fault === 'no_phone') shape.phone = 'absent';
  if (fault === 'balance_value') shape.balance = 'value';
  if (fault === 'no_balance') shape.balance = 'absent';
  return shape;
}

export function planCallbacks(input: PlanInput): PlannedCallback[] {
  const { push, result, fault, settings } = input;
  const { callbackMs, lateCallbackMs, duplicateGapMs } = settings;
  const facts = callbackFacts(push, result);
  const shape = callbackShape(settings, fault);
  const plan = (changes: Partial<CallbackFacts> = {}, afterMs = callbackMs): PlannedCallback => {
    const changed = { ...facts, ...changes };
    return plannedCallback(changed, shape, push.request.shortcode, afterMs);
  };
  const copies = (count: number): PlannedCallback[] =>
    Array.from({ length: count }, (_, index) => plan({}, callbackMs + index * duplicateGapMs));
  const isPaid = result.code === '0';
  switch (fault) {
    case 'lost':
      return [];
    case 'late':
      return [plan({}, callbackMs + lateCallbackMs)];
    case 'twice':
      return copies(2);
    case 'three_times':
      return copies(3);
    case 'four_times':
      return copies(4);
    case 'out_of_order':
      return [{ ...plan(), isHeld: true }];
    case 'wrong_amount':
      return [plan({ amount: facts.amount === 1 ? 2 : 1 })];
    case 'forged_ids':
      return [plan(forgedIds(facts))];
    case 'other_phone':
      return [plan({ phone: otherPhone(facts.phone) })];
    case 'no_receipt':
      return [plan({ receipt: null })];
    case 'reused_receipt':
      return [isPaid ? plan({ receipt: input.usedReceipt ?? facts.receipt }) : plan()];
    case 'other_receipt':
      return isPaid ? [plan(), plan({ receipt: mpesaReceipt(result.at) }, callbackMs + duplicateGapMs)] : [plan()];
    case 'failure_then_success':
      return [plan({ code: '1037' }), plan({}, callbackMs + 10 * duplicateGapMs)];
    case 'success_then_failure':
      return [plan(), plan({ code: '1032' }, callbackMs + 10 * duplicateGapMs)];
    case 'unreadable':
      return [{ ...plan(), body: '{"Body":{"stkCallback":{"MerchantRequestID":"' }];
    case 'other_shortcode':
      return [{ ...plan(), shortcode: push.request.shortcode === '600000' ? '600001' : '600000' }];
    default:
      return [plan()];
  }
}

export function plannedCallback(
  facts: CallbackFacts,
  shape: CallbackShape,
  shortcode: string,
  afterMs: number,
): PlannedCallback {
  const isPaid = facts.code === '0';
  const summary = isPaid && facts.receipt !== null ? `${facts.code}, ${facts.receipt}` : facts.code;
  return { afterMs, body: callbackBody(facts, shape), shortcode, summary, isHeld: false };
}

/** The JSON of daraja.md sections 4.2 and 4.3. Written by hand where JSON.stringify would drop the `.00` of an amount. */
export function callbackBody(facts: CallbackFacts, shape: CallbackShape): string {
  const { merchantRequestId, checkoutRequestId, code } = facts;
  const head = [
    `"MerchantRequestID":${JSON.stringify(merchantRequestId)}`,
    `"CheckoutRequestID":${JSON.stringify(checkoutRequestId)}`,
    `"ResultCode":${shape.codes === 'number' && /^\d{1,9}$/.test(code) ? Number(code) : JSON.stringify(code)}`,
    `"ResultDesc":${JSON.stringify(resultText(code, 'callback'))}`,
  ];
  if (code === '0') head.push(`"CallbackMetadata":{"Item":[${metadataItems(facts, shape).join(',')}]}`);
  return `{"Body":{"stkCallback":{${head.join(',')}}}}`;
}

function metadataItems(facts: CallbackFacts, shape: CallbackShape): string[] {
  const quote = shape.codes === 'string' ? '"' : '';
  const items = [item('Amount', `${quote}${facts.amount.toFixed(2)}${quote}`)];
  if (facts.receipt !== null) items.push(item('MpesaReceiptNumber', JSON.stringify(facts.receipt)));
  if (shape.balance === 'value') items.push(item('Balance', `${quote}49197.00${quote}`));
  if (shape.balance === 'no_value') items.push('{"Name":"Balance"}');
  items.push(item('TransactionDate', `${quote}${darajaTimestamp(facts.completedAt)}${quote}`));
  const phone = visiblePhone(facts.phone, shape);
  if (phone !== undefined) items.push(item('PhoneNumber', phone));
  return items;
}

function item(name: string, value: string): string {
  return `{"Name":"${name}","Value":${value}}`;
}

function visiblePhone(phone: string, shape: CallbackShape): string | undefined {
  switch (shape.phone) {
    case 'absent':
      return undefined;
    case 'masked':
      return JSON.stringify(`${phone.slice(0, 6)}***${phone.slice(-3)}`);
    case 'hashed':
      return JSON.stringify(createHash('sha256').update(phone).digest('hex'));
    case 'string':
      return JSON.stringify(phone);
    case 'number':
      return shape.codes === 'string' ? JSON.stringify(phone) : phone;
  }
}

function forgedIds(facts: CallbackFacts): Partial<CallbackFacts> {
  return {
    merchantRequestId: facts.merchantRequestId.replace(/^..../, 'dead'),
    checkoutRequestId: `ws_CO_01012020000000${facts.checkoutRequestId.slice(20)}`,
  };
}

function otherPhone(phone: string): string {
  const lastDigits = String((Number(phone.slice(-6)) + 500_111) % 1_000_000).padStart(6, '0');
  return phone.slice(0, -6) + lastDigits;
}
