// POST /mpesa/c2b/v{1,2}/registerurl and …/simulate (daraja.md section 6.3): a shortcode's two addresses, and a customer
// who pays the paybill by himself. The response key is misspelt, as Safaricom's is.

import type { DarajaCall } from './accept-push.ts';
import { bookAsItIs, newReceipt, reasons } from './book-payment.ts';
import type { DarajaAnswer } from './daraja-answer.ts';
import {
  dropped,
  errorAnswer,
  faultAnswer,
  invalidField,
  invalidPayload,
  jsonAnswer,
  noMerchant,
} from './daraja-answer.ts';
import { merchantRequestId } from './daraja-ids.ts';
import { fieldText, isCallbackUrl, phoneForm, shortcodeForm, wholeShillings } from './push-request.ts';
import { parseObject } from './read-text.ts';
import type { Product } from './registry.ts';
import { invalidTokenFor } from './registry.ts';
import { track } from './send-callback.ts';
import { announcePayment, isValidated } from './send-confirmation.ts';
import type { World } from './world.ts';

/** A customer who pays without being asked. */
export interface HandPayment {
  shortcode: string;
  amount: number;
  phone: string;
  account: string;
  isTill?: boolean | undefined;
  /** In the past; now without it. */
  at?: number | undefined;
}

export function answerRegisterUrl(world: World, call: DarajaCall, version: 1 | 2): DarajaAnswer {
  const body = admitCall(world, call, 'c2b');
  if ('status' in body) return body;
  const text = (name: string): string => fieldText(body.fields[name]);
  const shortcode = text('ShortCode');
  const responseType = text('ResponseType');
  const { strictCallbackUrls, reregisterUrls } = world.settings;
  if (!shortcodeForm.test(shortcode)) return invalidField('ShortCode');
  if (responseType !== 'Completed' && responseType !== 'Cancelled') return invalidField('ResponseType');
  const urls = { confirmationUrl: text('ConfirmationURL'), validationUrl: text('ValidationURL') };
  if (!isCallbackUrl(urls.confirmationUrl, strictCallbackUrls)) return invalidField('ConfirmationURL');
  if (!isCallbackUrl(urls.validationUrl, strictCallbackUrls)) return invalidField('ValidationURL');
  if (!world.registry.isKnown(shortcode, world.settings)) return noMerchant();
  if (!reregisterUrls && world.registry.c2bUrls.has(shortcode)) {
    return errorAnswer('500.003.1001', 'Urls are already registered.');
  }
  world.registry.addC2bUrls({ shortcode, version, responseType, ...urls });
  world.ledger.noteOf(world.timers.now(), `C2B URLs registered, v${version}`, `Shortcode ${shortcode}`, '200');
  return accepted('Success');
}

export function answerSimulate(world: World, call: DarajaCall): DarajaAnswer {
  const body = admitCall(world, call, 'c2b');
  if ('status' in body) return body;
  const text = (name: string): string => fieldText(body.fields[name]);
  const amount = wholeShillings(body.fields.Amount);
  const command = text('CommandID');
  if (!shortcodeForm.test(text('ShortCode'))) return invalidField('ShortCode');
  if (command !== 'CustomerPayBillOnline' && command !== 'CustomerBuyGoodsOnline') return invalidField('CommandID');
  if (amount === undefined) return invalidField('Amount');
  if (!phoneForm.test(text('Msisdn'))) return invalidField('Msisdn');
  const isTill = command === 'CustomerBuyGoodsOnline';
  if (!isTill && text('BillRefNumber').trim() === '') return invalidField('BillRefNumber');
  if (!world.registry.isKnown(text('ShortCode'), world.settings)) return noMerchant();
  const account = isTill ? '' : text('BillRefNumber').trim();
  void payByHand(world, { shortcode: text('ShortCode'), amount, phone: text('Msisdn'), account, isTill });
  return accepted('Accept the service request successfully.');
}

/**
 * The receipt of a payment that a customer makes by himself, or null when the merchant's validation refused it. Resolves
 * when its confirmation has been sent, unless that is planned for later.
 */
export function payByHand(world: World, payment: HandPayment): Promise<string | null> {
  return track(world, payIfValid(world, payment));
}

async function payIfValid(world: World, payment: HandPayment): Promise<string | null> {
  const at = payment.at ?? world.timers.now();
  const reason = payment.isTill === true ? reasons.till : reasons.paybill;
  const whole = { ...payment, at, initiatedAt: at, reason, receipt: newReceipt(world, at) };
  if (!(await isValidated(world, whole))) return null;
  const entry = bookAsItIs(world, whole);
  entry.planted = 'orphan';
  await announcePayment(world, entry);
  return entry.receipt;
}

/** The parsed body of a call whose token and app allow it, or Daraja's refusal. */
export function admitCall(
  world: World,
  call: DarajaCall,
  product: Exclude<Product, 'stk'>,
): { fields: Record<string, unknown> } | DarajaAnswer {
  const fault = world.dials.take(product);
  const early = fault === 'lost' ? dropped : faultAnswer(fault);
  if (early !== undefined) return early;
  const caller = world.registry.authorize(call.authorization, world.timers.now(), product);
  if (!('consumerKey' in caller)) return caller;
  if (fault === 'invalid_token') {
    world.registry.expireTokens(caller.token);
    return invalidTokenFor(product, caller.token);
  }
  if (fault === 'unreadable') return { status: 200, contentType: 'application/json', body: '{"ResponseRefID": "2617' };
  const fields = /^application\/json\b/i.test(call.contentType ?? '') ? parseObject(call.text) : undefined;
  return fields === undefined ? invalidPayload() : { fields };
}

function accepted(description: string): DarajaAnswer {
  return jsonAnswer({
    OriginatorCoversationID: merchantRequestId(),
    ResponseCode: '0',
    ResponseDescription: description,
  });
}
