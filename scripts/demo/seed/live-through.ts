// Lets a payment of the past live through what happened to it: the loop of the worker and the door of the callbacks on a
// clock of its own, without a database. Everything is decided by the gateway's own pure functions, so the rows that come
// out are the ones it would have written.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { classifyPushAnswer, classifyQueryAnswer } from '../../../src/mpesa/daraja-answers.ts';
import type { RawAnswer } from '../../../src/mpesa/daraja-client.ts';
import { readDenial } from '../../../src/mpesa/result-codes.ts';
import { callbackAsEvidence } from '../../../src/mpesa/take-callback.ts';
import { isAskable, answerAsEvidence as queryAsEvidence } from '../../../src/payments/ask-payment.ts';
import { decide, isTimeUp, type News } from '../../../src/payments/decide.ts';
import type { HeardEvidence } from '../../../src/payments/evidence.ts';
import type { ReceiptClaim } from '../../../src/payments/evidence-store.ts';
import type { Payment } from '../../../src/payments/payment.ts';
import { dueAt, nextAskAt } from '../../../src/payments/schedule.ts';
import { applyDecision, type Written, writeDown } from '../../../src/payments/settle-payments.ts';
import { answerAsEvidence as pushAsEvidence } from '../../../src/payments/submit-payment.ts';
import { checkoutRequestId, merchantRequestId, mpesaReceipt } from '../../../src/simulator/daraja-ids.ts';
import { callbackBody } from '../../../src/simulator/plan-callbacks.ts';
import { type Chance, idMadeAt } from './chance.ts';
import type { Outside, PastCallback, PushIds } from './outside.ts';

/** A payment as it is now, and all that it left behind on its way. */
export interface Lived {
  payment: Payment;
  written: Written;
  /** When each of `written.events` was recorded. */
  eventTimes: number[];
  receipts: ReceiptClaim[];
  /** When its last callback came. */
  calledBackAt: number | null;
}

/** From Safaricom's list. */
const callbackAddresses = ['196.201.214.200', '196.201.214.206', '196.201.213.114'] as const;
const lostDetail = 'the connection broke';
/** As with DARAJA_TIMEOUT_MS as it is by default. */
const leaseMs = 165_000;
const mostTurns = 500;

export function liveThrough(queued: Payment, outside: Outside, now: number, chance: Chance): Lived {
  const life = createLife(queued, chance);
  const ids: PushIds = {
    merchantRequestId: merchantRequestId(),
    checkoutRequestId: checkoutRequestId(queued.phone, queued.createdAt),
  };
  let coming: (PastCallback & { at: number })[] = [];

  function push(at: number): void {
    const leaseToken = randomBytes(12).toString('base64url');
    life.take({ kind: 'claimed', leaseToken, leaseUntil: at + leaseMs }, at);
    const answer = outside.push(ids, life.payment.attemptCount);
    const durationMs = answer === null ? chance.between(2000, 9000) : Math.max(180, chance.around(620, 0.4));
    const raw: RawAnswer =
      answer === null
        ? { kind: 'lost', detail: lostDetail, durationMs }
        : { kind: 'response', httpStatus: answer.status, retryAfterMs: null, text: answer.body, durationMs };
    const read = classifyPushAnswer(raw);
    assert(read.outcome !== 'tokenRefused', 'no story of the past refuses a token');
    const answeredAt = Math.round(at + durationMs);
    const evidence = { ...pushAsEvidence(read, answeredAt), id: idMadeAt('evd', answeredAt) };
    life.take({ kind: 'pushAnswered', leaseToken, answer: read, evidence }, answeredAt);
    if (read.outcome === 'accepted')
      coming = outside.callbacks.map((one) => ({ ...one, at: Math.round(answeredAt + one.afterMs) }));
  }

  function askAt(at: number): void {
    const asked = { ...life.payment, lastAskedAt: at };
    const planned = nextAskAt(asked.submittedAt ?? asked.createdAt, at, chance.random());
    life.payment = { ...asked, nextAskAt: planned, dueAt: dueAt({ ...asked, nextAskAt: planned }) };
    const { status: httpStatus, body: text } = outside.query(ids, at - (asked.submittedAt ?? at));
    const durationMs = Math.max(120, chance.around(480, 0.4));
    const raw: RawAnswer = { kind: 'response', httpStatus, retryAfterMs: null, text, durationMs };
    const answer = classifyQueryAnswer(raw, ids.checkoutRequestId);
    assert(answer.outcome !== 'tokenRefused', 'no story of the past refuses a token');
    const answeredAt = Math.round(at + durationMs);
    life.hear({ ...queryAsEvidence(answer, answeredAt), id: idMadeAt('evd', answeredAt) }, answeredAt);
  }

  function hearCallback({ at, code, amountKes }: PastCallback & { at: number }): void {
    const { phone, amountKes: asked } = queued;
    const receipt = code === '0' ? mpesaReceipt(at) : null;
    // What the customer did was done a moment before it is called back.
    const facts = { ...ids, code, amount: amountKes ?? asked, receipt, phone, completedAt: at - 1500 };
    const raw = callbackBody(facts, { codes: 'number', phone: 'number', balance: 'no_value' });
    const evidenceId = idMadeAt('evd', at);
    const sourceIp = chance.pick(callbackAddresses);
    life.hear(callbackAsEvidence({ evidenceId, sourceIp, raw, arrivedAt: at }), at);
    life.calledBackAt = at;
  }

  for (let turn = 0; turn < mostTurns; turn += 1) {
    const dueTime = life.payment.dueAt === null ? Number.POSITIVE_INFINITY : soonAfter(life.payment.dueAt, chance);
    const [callback] = coming;
    const at = Math.min(dueTime, callback?.at ?? Number.POSITIVE_INFINITY);
    if (at > now) break;
    if (callback !== undefined && callback.at <= dueTime) {
      coming = coming.slice(1);
      hearCallback(callback);
      continue;
    }
    if (isTimeUp(life.payment, at)) life.take({ kind: 'timePassed' }, at);
    else if (life.payment.status === 'queued') push(at);
    else if (isAskable(life.payment) && (life.payment.nextAskAt ?? at + 1) <= at) askAt(at);
    else break;
  }
  return life;
}

/** A nudge or the sweep finds what is due within a moment. */
const soonAfter = (dueTime: number, chance: Chance): number => dueTime + chance.between(8, 45);

interface Life extends Lived {
  take(news: News, at: number): void;
  hear(evidence: HeardEvidence, at: number): void;
}

function createLife(queued: Payment, chance: Chance): Life {
  const life: Life = {
    payment: queued,
    written: { patches: new Map(), transitions: [], evidence: [], events: [] },
    eventTimes: [],
    receipts: [],
    calledBackAt: null,
    take(news, at) {
      const { payment, written } = life;
      const around = { now: at, random: chance.random(), receiptTaken: false, idsTaken: false };
      const decision = decide(payment, news, around, readDenial);
      assert(decision !== null, `${news.kind} does nothing to a payment that is ${payment.status}`);
      const { verdict, cause, patch } = decision;
      const settled = applyDecision(payment, patch, at);
      const evidence = 'evidence' in news ? news.evidence : null;
      writeDown(written, { payment, settled, verdict, cause, evidence, actor: 'system', now: at });
      while (life.eventTimes.length < written.events.length) life.eventTimes.push(at);
      life.payment = settled.payment;
    },
    hear(evidence, at) {
      life.take({ kind: 'heard', evidence }, at);
      const { environment, shortcode, id: paymentId } = life.payment;
      const { receipt, source, amountCents } = evidence;
      if (receipt !== null) life.receipts.push({ environment, shortcode, receipt, paymentId, source, amountCents, at });
    },
  };
  return life;
}
