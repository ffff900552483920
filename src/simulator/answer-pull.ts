// POST /pulltransactions/v1/register and …/query (daraja.md section 6.4): the payments of the last 48 hours by row
// offset, in the nested array Safaricom wraps them in. Only what customers paid is here, no charge and no reversal.

import type { DarajaCall } from './accept-push.ts';
import type { Entry } from './account-book.ts';
import { admitCall } from './answer-c2b.ts';
import { reasons } from './book-payment.ts';
import type { DarajaAnswer } from './daraja-answer.ts';
import { errorAnswer, invalidField, jsonAnswer } from './daraja-answer.ts';
import { merchantRequestId } from './daraja-ids.ts';
import { pullTime, readNairobiTime } from './nairobi-time.ts';
import { pullPhone } from './payer.ts';
import { fieldText, isCallbackUrl, shortcodeForm } from './push-request.ts';
import type { World } from './world.ts';

const reachMs = 48 * 3_600_000;

export function answerPullRegister(world: World, call: DarajaCall): DarajaAnswer {
  const body = admitCall(world, call, 'pull');
  if ('status' in body) return body;
  const text = (name: string): string => fieldText(body.fields[name]).trim();
  const shortcode = text('ShortCode');
  if (!isShortcode(world, shortcode)) return errorAnswer('400.001', 'Invalid ShortCode');
  if (text('RequestType') !== 'Pull') return invalidField('RequestType');
  if (!/^(254|0)[17]\d{8}$/.test(text('NominatedNumber'))) return invalidField('NominatedNumber');
  if (!isCallbackUrl(text('CallBackURL'), world.settings.strictCallbackUrls)) return invalidField('CallBackURL');
  const isNew = !world.registry.pullRegistered.has(shortcode);
  if (isNew) {
    world.registry.addPull(shortcode, { nominatedNumber: text('NominatedNumber'), callbackUrl: text('CallBackURL') });
  }
  const status = isNew ? '1000' : '1001';
  const words = isNew ? 'ShortCode registered successfully' : 'ShortCode already Registered';
  if (world.settings.pullKeys === 'spaced') {
    const keys = { 'Response Ref ID': refId(), 'Response Status': status };
    return jsonAnswer({ ...keys, ShortCode: shortcode, 'Response Description': words });
  }
  const answer = { ResponseRefID: refId(), ResponseStatus: status };
  return jsonAnswer({ ...answer, ShortCode: shortcode, ResponseDescription: words });
}

export function answerPullQuery(world: World, call: DarajaCall): DarajaAnswer {
  const body = admitCall(world, call, 'pull');
  if ('status' in body) return body;
  const { settings, ledger, timers } = world;
  const text = (name: string): string => fieldText(body.fields[name]).trim();
  const shortcode = text('ShortCode');
  const from = readNairobiTime(text('StartDate'));
  const to = readNairobiTime(text('EndDate'));
  const offset = Number(text('OffSetValue'));
  if (!isShortcode(world, shortcode) || !world.registry.pullRegistered.has(shortcode)) {
    return errorAnswer('400.001', 'Invalid ShortCode');
  }
  if (from === undefined) return invalidField('StartDate');
  if (to === undefined) return invalidField('EndDate');
  if (text('OffSetValue') === '' || !Number.isInteger(offset) || offset < 0) return invalidField('OffSetValue');
  const rows = payments(world, shortcode, from, to).slice(offset, offset + settings.pullPageSize);
  const code = rows.length > 0 ? '1000' : settings.pullEmpty === '500' ? '500' : '1001';
  ledger.addPull({ at: timers.now(), shortcode, from, to, offset, rows: rows.length, code });
  if (code === '500') return errorAnswer('500', 'No transactions found', 500);
  return jsonAnswer({
    ResponseRefID: refId(),
    ResponseCode: code,
    ResponseMessage: rows.length > 0 ? 'Success' : 'No transactions found',
    Response: [rows.map((entry) => pullRow(world, entry))],
  });
}

/** Oldest first, so that an offset keeps its meaning while new payments come; to the second, both ends included. */
function payments(world: World, shortcode: string, from: number, to: number): Entry[] {
  const oldest = Math.max(from, world.timers.now() - reachMs);
  return world.book
    .entriesOf(shortcode)
    .filter(
      ({ kind, at, hiddenFrom }) =>
        kind === 'payment' &&
        at >= oldest &&
        at < to + 1_000 &&
        at <= world.timers.now() &&
        !hiddenFrom.includes('pull'),
    );
}

function pullRow(world: World, entry: Entry): Record<string, unknown> {
  return {
    transactionId: entry.receipt,
    trxDate: trxDate(entry.at, world.settings.pullTimes),
    msisdn: pullPhone(entry.phone ?? '', world.settings.pullPhone),
    sender: 'MPESA',
    transactiontype: entry.reason === reasons.till ? 'c2b-buy-goods-debit' : 'c2b-pay-bill-debit',
    billreference: entry.account,
    amount: entry.amount.toFixed(2),
    organizationname: world.registry.nameOf(entry.shortcode),
  };
}

function trxDate(at: number, form: 'nairobi_z' | 'utc' | 'plain'): string {
  if (form === 'utc') return `${new Date(at).toISOString().slice(0, 19)}Z`;
  const wall = pullTime(at);
  return form === 'plain' ? wall : `${wall.replace(' ', 'T')}Z`;
}

function isShortcode(world: World, shortcode: string): boolean {
  return shortcodeForm.test(shortcode) && world.registry.isKnown(shortcode, world.settings);
}

function refId(): string {
  const id = merchantRequestId();
  return `${id.slice(-5)}-${id.slice(-8)}-2`;
}
