// POST /mpesa/stkpush/v1/processrequest. Checks in Daraja's order (daraja.md section 11.2): token, fields, type against
// kind of shortcode, shortcode, password, subscriber lock; then takes the push and acknowledges it, or spoils the
// acknowledgement as the dials say. Taken means taken: a lost answer does not stop the prompt.

import { promptText, reachCustomer, settlePush } from './customer.ts';
import type { DarajaAnswer } from './daraja-answer.ts';
import {
  dropped,
  emptyAnswer,
  errorAnswer,
  faultAnswer,
  invalidField,
  invalidPayload,
  invalidToken,
  jsonAnswer,
  serverError,
  subscriberLocked,
} from './daraja-answer.ts';
import { checkoutRequestId, merchantRequestId } from './daraja-ids.ts';
import { normal } from './faults.ts';
import type { Push, ReceivedPush } from './ledger.ts';
import type { Outcome } from './outcomes.ts';
import { ask, silence } from './outcomes.ts';
import type { PushRequest } from './push-request.ts';
import { fieldText, readPushRequest } from './push-request.ts';
import { parseObject } from './read-text.ts';
import type { Shortcode } from './registry.ts';
import type { World } from './world.ts';

/** One POST as it came, before anything is believed. */
export interface DarajaCall {
  authorization: string | undefined;
  contentType: string | undefined;
  text: string;
}

const twoMinutesMs = 120_000;
const maxAmount = 250_000;
const maxPromptLength = 182;

export async function acceptPush(world: World, call: DarajaCall): Promise<DarajaAnswer> {
  const { timers, ledger } = world;
  const body = parseObject(call.text);
  const phone = fieldText(body?.PhoneNumber);
  const row: ReceivedPush = {
    at: timers.now(),
    body: body ?? call.text,
    fault: world.dials.take('push', phone),
    status: null,
    errorCode: null,
    errorMessage: null,
    checkoutRequestId: null,
    answeredAt: null,
  };
  ledger.addReceived(row);
  const answer = await answerCall(world, call, body, row);
  row.status = answer.status;
  row.errorCode = answer.errorCode ?? null;
  row.errorMessage = answer.errorMessage ?? null;
  row.answeredAt = timers.now();
  if (row.checkoutRequestId === null) {
    const refusal = answer.errorMessage ?? (answer.isDropped === true ? 'connection broken' : `HTTP ${answer.status}`);
    ledger.note(timers.now(), `Push refused, ${refusal}`, null, `${answer.status} in ${timers.now() - row.at} ms`);
  }
  ledger.changed();
  return answer;
}

async function answerCall(
  world: World,
  call: DarajaCall,
  body: Record<string, unknown> | undefined,
  row: ReceivedPush,
): Promise<DarajaAnswer> {
  const early = answerInstead(row.fault);
  if (early !== undefined) {
    await world.timers.wait(ackDelay(world));
    return early;
  }
  const caller = world.registry.authorize(call.authorization, row.at);
  if (!('consumerKey' in caller)) return caller;
  if (row.fault === 'invalid_token') {
    world.registry.expireTokens(caller.token);
    return invalidToken();
  }
  const admitted = admit(world, caller.consumerKey, call, body);
  if ('status' in admitted) {
    await world.timers.wait(ackDelay(world));
    return admitted;
  }
  const push = takePush(world, caller.consumerKey, admitted.request, admitted.shortcode);
  row.checkoutRequestId = push.checkoutRequestId;
  return acknowledge(world, push, row, admitted.shortcode);
}

function admit(
  world: World,
  consumerKey: string,
  call: DarajaCall,
  body: Record<string, unknown> | undefined,
): { request: PushRequest; shortcode: Shortcode } | DarajaAnswer {
  // Another content type is not read at all, so the first field is missing (portal FAQ 9).
  if (!/^application\/json\b/i.test(call.contentType ?? '')) return invalidField('BusinessShortCode');
  if (body === undefined) return invalidPayload();
  const read = readPushRequest(body, world.settings, world.timers.now());
  if ('invalid' in read) return invalidField(read.invalid);
  const { request } = read;
  const shortcode = world.registry.admitPush(consumerKey, request, world.settings);
  if ('status' in shortcode) return shortcode;
  if (world.settings.subscriberLock && world.ledger.findOpenPush(request.phone) !== undefined)
    return subscriberLocked();
  return { request, shortcode };
}

function takePush(world: World, consumerKey: string, request: PushRequest, shortcode: Shortcode): Push {
  const now = world.timers.now();
  let id = checkoutRequestId(request.phone, now);
  for (let later = now; world.ledger.findPush(id) !== undefined; later += 1_000) {
    id = checkoutRequestId(request.phone, later);
  }
  const push: Push = {
    serial: world.ledger.counts.pushes + 1,
    takenAt: now,
    consumerKey,
    request,
    merchantRequestId: merchantRequestId(),
    checkoutRequestId: id,
    merchantName: shortcode.name,
    state: 'answering',
    prompt: null,
    result: null,
    callbackCount: 0,
  };
  world.ledger.addPush(push);
  return push;
}

async function acknowledge(world: World, push: Push, row: ReceivedPush, shortcode: Shortcode): Promise<DarajaAnswer> {
  const { timers, ledger, dials, settings } = world;
  const { phone } = push.request;
  const outcome = foreseen(world, push, shortcode) ?? world.outcomes.take(phone, push.request.amount, settings);
  if (dials.upcoming('callback', phone) === 'before_answer' && outcome.code !== silence) {
    if (dials.take('callback', phone) === 'before_answer') {
      const code = outcome.code === ask ? '0' : outcome.code;
      await settlePush(world, push, code, 'Answered before the push was', normal);
    }
  }
  await timers.wait(ackDelay(world));
  // A reset in the meantime has made it a push of another world.
  if (push.state === 'answering' && ledger.findPush(push.checkoutRequestId) === push) {
    const note = row.fault === normal ? 'Push accepted, ResponseCode 0' : `Push taken, answer: ${row.fault}`;
    ledger.note(timers.now(), note, push, row.fault === normal ? `200 in ${timers.now() - row.at} ms` : '–');
    reachCustomer(world, push, outcome);
  }
  world.logger.info('simulator.push', {
    checkoutRequestId: push.checkoutRequestId,
    fault: row.fault,
    outcome: outcome.code,
  });
  const accepted = jsonAnswer({
    MerchantRequestID: push.merchantRequestId,
    CheckoutRequestID: push.checkoutRequestId,
    ResponseCode: '0',
    ResponseDescription: 'Success. Request accepted for processing',
    CustomerMessage: 'Success. Request accepted for processing',
  });
  if (row.fault === 'slow') await timers.wait(settings.slowAnswerMs);
  return spoiledAnswer(row.fault) ?? accepted;
}

/** The results M-PESA itself comes to, whatever the customer would do. */
function foreseen(world: World, push: Push, shortcode: Shortcode): Outcome | undefined {
  const { request } = push;
  const { settings, ledger, timers } = world;
  if (settings.silentSpecials && /[^A-Za-z0-9 .-]/.test(request.reference + request.description)) {
    return { code: silence };
  }
  if (request.amount > maxAmount) return { code: '3' };
  if (shortcode.kind === 'paybill' && request.partyB !== request.shortcode) return { code: '2028' };
  if (shortcode.kind === 'till' && shortcode.till !== null && request.partyB !== shortcode.till) {
    return { code: 'SFC_IC0003' };
  }
  if (promptText(shortcode.name, push).length > maxPromptLength) return { code: '1025' };
  const isRepeat = ledger
    .pushesOf(request.phone)
    .some(
      (other) =>
        other.result?.code === '0' &&
        timers.now() - other.result.at < twoMinutesMs &&
        other.request.amount === request.amount &&
        other.request.partyB === request.partyB,
    );
  return settings.twoMinuteRule && isRepeat ? { code: '17' } : undefined;
}

/** What a fault answers before the push is looked at: nothing was sent to the customer. */
function answerInstead(fault: string): DarajaAnswer | undefined {
  if (fault === 'lost_before') return dropped;
  if (fault === 'http_500_not_taken') return serverError();
  return faultAnswer(fault);
}

/** What a fault answers although the push was taken: the prompt is on the phone all the same. */
function spoiledAnswer(fault: string): DarajaAnswer | undefined {
  switch (fault) {
    case 'lost':
      return dropped;
    case 'http_500':
      return serverError();
    case 'unreadable':
      return { status: 200, contentType: 'application/json', body: '{"MerchantRequestID": "7c1e-4f0a-9b52-' };
    case 'output_invalid':
      return errorAnswer('500.003.1001', 'Request failed: Output data invalid');
    case 'gateway_timeout':
      return emptyAnswer(504);
    default:
      return undefined;
  }
}

function ackDelay(world: World): number {
  return world.settings.ackMs + Math.round(world.chance() * world.settings.ackJitterMs);
}
