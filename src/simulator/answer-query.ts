// POST /mpesa/stkpushquery/v1/query: what is known of a push, told as unreliably as Daraja tells it (daraja.md
// section 3): too soon, four shapes of "still processing", the result, and now and then an error after the result.

import type { DarajaCall } from './accept-push.ts';
import type { DarajaAnswer } from './daraja-answer.ts';
import {
  dropped,
  errorAnswer,
  faultAnswer,
  invalidField,
  invalidPayload,
  invalidToken,
  jsonAnswer,
  serverError,
  spikeArrest,
} from './daraja-answer.ts';
import type { Push } from './ledger.ts';
import { resultText } from './outcomes.ts';
import { fieldText, isPassword, isTimestamp } from './push-request.ts';
import { parseObject } from './read-text.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;
const mostCredentials = 2_000;

export async function answerQuery(world: World, call: DarajaCall): Promise<DarajaAnswer> {
  const { timers, ledger, settings } = world;
  const body = parseObject(call.text);
  const id = fieldText(body?.CheckoutRequestID);
  const push = ledger.findPush(id);
  const fault = world.dials.take('query', push?.request.phone);
  const answer = decide(world, call, body, push, fault);
  const at = timers.now();
  await timers.wait(settings.ackMs + Math.round(world.chance() * settings.ackJitterMs));
  if (fault === 'slow') await timers.wait(settings.slowAnswerMs);
  const code = answer.errorCode ?? /"ResultCode":"?(\w+)/.exec(answer.body)?.[1] ?? '';
  ledger.addQuery({ at, checkoutRequestId: id.slice(0, 100), status: answer.status, code });
  const what = code === '' ? 'Query answered' : `Query answered, ${code}`;
  ledger.note(timers.now(), what, push ?? null, `${answer.status} in ${timers.now() - at} ms`);
  return answer;
}

function decide(
  world: World,
  call: DarajaCall,
  body: Record<string, unknown> | undefined,
  push: Push | undefined,
  fault: string,
): DarajaAnswer {
  const { timers, registry, settings } = world;
  if (fault === 'lost') return dropped;
  const early = fault === 'http_500' ? serverError() : faultAnswer(fault);
  if (early !== undefined) return early;
  const caller = registry.authorize(call.authorization, timers.now());
  if (!('consumerKey' in caller)) return caller;
  if (fault === 'invalid_token') {
    registry.expireTokens(caller.token);
    return invalidToken();
  }
  if (isOverLimit(world, caller.consumerKey)) return spikeArrest();
  if (!/^application\/json\b/i.test(call.contentType ?? '')) return invalidField('BusinessShortCode');
  if (body === undefined) return invalidPayload();
  const shortcode = fieldText(body.BusinessShortCode);
  const password = fieldText(body.Password);
  const timestamp = fieldText(body.Timestamp);
  if (!/^\d{5,7}$/.test(shortcode)) return invalidField('BusinessShortCode');
  if (!isPassword(password)) return invalidField('Password');
  if (!isTimestamp(timestamp, settings.nairobiTimestamps, timers.now())) return invalidField('Timestamp');
  if (!/^\S{1,100}$/.test(fieldText(body.CheckoutRequestID))) return invalidField('CheckoutRequestID');
  const refusal = registry.admitQuery(caller.consumerKey, { shortcode, password, timestamp }, settings);
  if (refusal !== undefined) return refusal;
  if (push === undefined || push.request.shortcode !== shortcode) return notThere();
  return tell(world, push, fault);
}

function tell(world: World, push: Push, fault: string): DarajaAnswer {
  const { settings, timers } = world;
  if (fault === 'not_found') return notThere();
  if (fault === 'says_paid') return terminal(push, '0', settings.queryCodes);
  if (fault === 'says_failed') return terminal(push, '1032', settings.queryCodes);
  const forced = inFlightAnswer(push, fault);
  if (forced !== undefined) return forced;
  if (timers.now() - push.takenAt < timers.scaled(settings.tooSoonMs)) return invalidField('CheckoutRequestID');
  if (push.result === null) {
    const shapes = ['processing_4999', 'processing_500', 'empty_message'] as const;
    const only = { '4999': 0, '500': 1, empty: 2, mixed: world.ledger.counts.queries % 3 }[settings.inFlight];
    return inFlightAnswer(push, shapes[only]!)!;
  }
  if (settings.queryNoise > 0 && world.chance() < settings.queryNoise) return beingProcessed();
  return terminal(push, push.result.code, settings.queryCodes);
}

function inFlightAnswer(push: Push, shape: string): DarajaAnswer | undefined {
  switch (shape) {
    case 'processing_4999':
      return jsonAnswer(resultBody(push, '4999', 'The transaction is still under processing'));
    case 'processing_500':
      return beingProcessed();
    case 'empty_message':
      return errorAnswer('500.001.1001', '', 200);
    case 'too_soon':
      return invalidField('CheckoutRequestID');
    default:
      return undefined;
  }
}

function terminal(push: Push, code: string, codes: 'string' | 'number'): DarajaAnswer {
  const shown = codes === 'number' && /^\d+$/.test(code) ? Number(code) : code;
  return jsonAnswer(resultBody(push, shown, resultText(code, 'query')));
}

/** Never a receipt, an amount or a phone; the triple s is Daraja's. */
function resultBody(push: Push, code: string | number, description: string): Record<string, unknown> {
  return {
    ResponseCode: '0',
    ResponseDescription: 'The service request has been accepted successsfully',
    MerchantRequestID: push.merchantRequestId,
    CheckoutRequestID: push.checkoutRequestId,
    ResultCode: code,
    ResultDesc: description,
  };
}

function beingProcessed(): DarajaAnswer {
  return errorAnswer('500.001.1001', 'The transaction is being processed');
}

function notThere(): DarajaAnswer {
  return errorAnswer('500.001.1001', 'The transaction does not Exist');
}

/** Queries of the last minute, refused ones not counted. */
function isOverLimit(world: World, consumerKey: string): boolean {
  const limit = world.settings.queryLimitPerMinute;
  if (limit === 0) return false;
  const now = world.timers.now();
  const recent = (world.queryTimes.get(consumerKey) ?? []).filter((at) => now - at < minuteMs);
  const isOver = recent.length >= limit;
  if (!isOver) recent.push(now);
  world.queryTimes.delete(consumerKey);
  world.queryTimes.set(consumerKey, recent);
  if (world.queryTimes.size > mostCredentials) world.queryTimes.delete(world.queryTimes.keys().next().value as string);
  return isOver;
}
