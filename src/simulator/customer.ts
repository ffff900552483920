// From the moment a push is taken to its result: the prompt, the customer's answer or silence, the lock on the phone,
// and the callbacks that follow. A push gets exactly one result; what its callbacks then claim is the faults' affair.

import { messageOf } from '../platform/errors.ts';
import type { Entry } from './account-book.ts';
import { bookPayment, newReceipt, reasons } from './book-payment.ts';
import { normal } from './faults.ts';
import type { Push } from './ledger.ts';
import type { Outcome } from './outcomes.ts';
import { ask, resultTexts, silence } from './outcomes.ts';
import { planCallbacks } from './plan-callbacks.ts';
import { scheduleCallbacks, track } from './send-callback.ts';
import { announcePayment, isValidated, planConfirmations } from './send-confirmation.ts';
import type { World } from './world.ts';

export const customerAnswers = {
  pin: { label: 'Right PIN', code: '0' },
  wrong_pin: { label: 'Wrong PIN', code: '2001' },
  cancel: { label: 'Cancel', code: '1032' },
  ignore: { label: 'Ignore', code: '1037' },
  no_balance: { label: 'No balance', code: '1' },
  phone_off: { label: 'Phone off', code: '1037' },
} as const;
export type CustomerAnswer = keyof typeof customerAnswers;

/** The prompt as M-PESA words it; buy goods names no account. */
export function promptText(merchantName: string, push: Push): string {
  const { amount, reference, transactionType } = push.request;
  const money = `KES ${amount.toLocaleString('en-US', { minimumFractionDigits: 2 })}`;
  const account = transactionType === 'CustomerPayBillOnline' ? ` Account no. ${reference}` : '';
  return `Do you want to pay ${money} to ${merchantName}${account}? Enter M-PESA PIN:`;
}

/** Shows the prompt, or works towards a result without one; called when the acknowledgement is due. */
export function reachCustomer(world: World, push: Push, outcome: Outcome): void {
  const { settings, timers, ledger } = world;
  const text = resultTexts[outcome.code];
  if (outcome.code === silence) {
    push.state = 'working';
    plan(
      world,
      push,
      timers.afterExactly(settings.promptLifeMs, () => endWithoutResult(world, push)),
    );
    return;
  }
  const isInteractive = outcome.code === ask;
  if (isInteractive || text?.prompted === true) {
    const lifeMs = isInteractive
      ? (outcome.afterMs ?? settings.promptLifeMs)
      : timers.scaled(outcome.afterMs ?? settings.answerMs);
    openPrompt(world, push, lifeMs, !isInteractive);
    const code = isInteractive ? '1037' : outcome.code;
    const by = isInteractive ? 'Nobody answered' : testNumberWords(outcome.code);
    plan(
      world,
      push,
      timers.afterExactly(lifeMs, () => settlePush(world, push, code, by)),
    );
    return;
  }
  push.state = 'working';
  ledger.changed();
  const delayMs = outcome.afterMs ?? (outcome.code === '1037' ? settings.unreachableMs : settings.instantMs);
  plan(
    world,
    push,
    timers.after(delayMs, () => settlePush(world, push, outcome.code, testNumberWords(outcome.code))),
  );
}

function openPrompt(world: World, push: Push, lifeMs: number, answersItself: boolean): void {
  const openedAt = world.timers.now();
  push.state = 'prompting';
  push.prompt = {
    text: promptText(push.merchantName, push),
    openedAt,
    endsAt: openedAt + lifeMs,
    answersItself,
    ignored: false,
  };
  world.ledger.note(openedAt, 'Prompt shown', push);
}

/** What somebody does at the handset. Throws a RangeError when this prompt is not open any more. */
export function answerPrompt(world: World, push: Push, answer: CustomerAnswer): void {
  const { settings, timers, ledger } = world;
  if (push.state !== 'prompting' || push.prompt === null) throw new RangeError('This prompt is not open any more.');
  const { label, code } = customerAnswers[answer];
  if (answer === 'ignore') {
    push.prompt.ignored = true;
    push.prompt.answersItself = false;
    push.prompt.endsAt = push.prompt.openedAt + settings.promptLifeMs;
    ledger.note(timers.now(), 'Ignored', push);
    const leftMs = push.prompt.endsAt - timers.now();
    plan(
      world,
      push,
      timers.afterExactly(leftMs, () => settlePush(world, push, code, 'Nobody answered')),
    );
    return;
  }
  if (answer === 'phone_off') {
    push.state = 'working';
    ledger.note(timers.now(), label, push);
    plan(
      world,
      push,
      timers.after(settings.unreachableMs, () => settlePush(world, push, code, 'Phone was off')),
    );
    return;
  }
  void settlePush(world, push, code, label);
}

/** The result: once only. Resolves when the callbacks that were due at once have been sent. */
export async function settlePush(world: World, push: Push, code: string, by: string, fault?: string): Promise<void> {
  if (push.result !== null || push.isBeingValidated === true) return;
  callOff(world, push);
  const chosen = fault ?? chooseFault(world, push.request.phone);
  // The faults that say both yes and no are about a payment that was made.
  const trueCode = chosen === 'failure_then_success' || chosen === 'success_then_failure' ? '0' : code;
  const receipt = trueCode === '0' ? newReceipt(world, world.timers.now()) : null;
  const ending = { code: trueCode, receipt, by, fault: chosen };
  if (receipt === null || !world.settings.validation) return finishPush(world, push, ending);
  // Kept among the sendings, as between the answer and the callback nothing else is.
  return track(world, finishIfValid(world, push, { ...ending, receipt }));
}

async function finishIfValid(world: World, push: Push, ending: Ending & { receipt: string }): Promise<void> {
  if (await passesValidation(world, push, ending.receipt)) return finishPush(world, push, ending);
  return finishPush(world, push, { ...ending, code: '2007', receipt: null, by: 'Refused by the merchant' });
}

interface Ending {
  code: string;
  receipt: string | null;
  by: string;
  fault: string;
}

async function finishPush(world: World, push: Push, { code, receipt, by, fault }: Ending): Promise<void> {
  const { ledger, timers, settings } = world;
  const usedReceipt = ledger.pushes.findLast((other) => other.result?.receipt)?.result?.receipt ?? null;
  const at = timers.now();
  push.state = 'done';
  push.result = { code, at, receipt, by };
  ledger.note(at, by, push);
  world.logger.info('simulator.result', { checkoutRequestId: push.checkoutRequestId, code, by, fault });
  const entry = receipt === null ? null : bookPush(world, push, receipt, at);
  const callbacks = planCallbacks({ push, result: push.result, fault, settings, usedReceipt });
  const sendCallbacks = (next?: () => Promise<void>): Promise<void> =>
    scheduleCallbacks(world, push, callbacks, fault, next);
  try {
    if (entry === null) await sendCallbacks();
    else if (settings.confirmations === 'after') await sendCallbacks(() => planConfirmations(world, entry));
    else if (settings.confirmations === 'before') await planConfirmations(world, entry, sendCallbacks);
    else await planConfirmations(world, entry);
  } catch (error) {
    world.logger.error('simulator.callback', { error: messageOf(error) });
  }
}

/** What the push becomes in M-PESA's record. */
function bookPush(world: World, push: Push, receipt: string, at: number): Entry {
  const { shortcode, amount, phone, reference, transactionType } = push.request;
  const isTill = transactionType === 'CustomerBuyGoodsOnline';
  const account = isTill ? '' : reference;
  const reason = isTill ? reasons.till : reasons.push;
  const payment = { shortcode, at, initiatedAt: push.takenAt, amount, phone, account, reason, receipt };
  return bookPayment(world, payment, (later) => void announcePayment(world, later));
}

async function passesValidation(world: World, push: Push, receipt: string): Promise<boolean> {
  const { shortcode, amount, phone, reference } = push.request;
  push.isBeingValidated = true;
  push.state = 'working';
  const told = { receipt, shortcode, at: world.timers.now(), amount, account: reference, reason: reasons.push, phone };
  const isGood = await isValidated(world, told);
  push.isBeingValidated = false;
  return isGood;
}

/** A fault that must come before the push's answer is too late by now, and stays for the next push. */
function chooseFault(world: World, phone: string): string {
  const { dials } = world;
  return dials.upcoming('callback', phone) === 'before_answer' ? normal : dials.take('callback', phone);
}

function endWithoutResult(world: World, push: Push): void {
  callOff(world, push);
  push.state = 'done';
  world.ledger.note(world.timers.now(), 'Forgotten by M-PESA', push);
}

function plan(world: World, push: Push, cancel: () => void): void {
  world.nextSteps.get(push.serial)?.();
  // With a delay of nothing the step has been taken already.
  if (push.state === 'done') world.nextSteps.delete(push.serial);
  else world.nextSteps.set(push.serial, cancel);
}

function callOff(world: World, push: Push): void {
  world.nextSteps.get(push.serial)?.();
  world.nextSteps.delete(push.serial);
}

function testNumberWords(code: string): string {
  if (code === '0') return 'Right PIN, by itself';
  const answer = Object.values(customerAnswers).find((known) => known.code === code && known.code !== '1037');
  return answer === undefined ? `Result ${code}, by itself` : `${answer.label}, by itself`;
}
