// Three short lists beside a payment's timeline: what is known, what is not, and what happens next and when. The last
// one is read from the plan of asking and from expiry, so it says what the workers will really do.

import { isAskable } from '../payments/ask-payment.ts';
import { negativeStatuses, type Payment } from '../payments/payment.ts';
import { overturnMs, silenceMs } from '../payments/schedule.ts';
import type { StoryFacts } from './payment-story.ts';
import { at, code, kes, type Part, say } from './payment-words.ts';

export interface Knowledge {
  known: Part[][];
  unknown: Part[][];
  next: Part[][];
}

/** Of the webhooks that tell the payment's last change. */
export interface Telling {
  tenantName: string;
  /** How many endpoints are to be told, and how many were. */
  endpoints: number;
  told: number;
  lastToldAt: number | null;
}

export function weighKnowledge(
  payment: Payment,
  facts: StoryFacts,
  shortcode: { name: string; isPaused: boolean },
  telling: Telling,
  now: number,
): Knowledge {
  return {
    known: [...knownOfMoney(payment, shortcode.name), ...knownOfPrompt(payment), ...knownOfTelling(telling)],
    unknown: notKnown(payment, facts),
    next: [...nextOf(payment, shortcode.isPaused, now), ...nextTelling(telling)],
  };
}

function knownOfMoney(payment: Payment, shortcode: string): Part[][] {
  const { status, amountReceivedKes, mpesaReceipt } = payment;
  const receipt = mpesaReceipt === null ? say`` : say`, receipt ${code(mpesaReceipt)}`;
  if (status === 'succeeded' && amountReceivedKes !== null)
    return [say`${kes(amountReceivedKes)} reached ${shortcode}${receipt}`];
  if (status === 'succeeded') return [say`The payment was made to ${shortcode}${receipt}`];
  if (status === 'needs_review' && payment.reviewReason !== 'no_answer') {
    const amount = amountReceivedKes === null ? 'Money' : kes(amountReceivedKes);
    return [say`${amount} came${receipt}`];
  }
  if (isUnsent(payment)) return [say`No money can have moved`];
  if ((status === 'failed' || status === 'cancelled') && payment.failureCode !== 'unknown_result')
    return [say`M-PESA says that no money moved`];
  return [];
}

/** Nothing of it ever reached M-PESA, and nothing was heard of it. */
function isUnsent({ status, submittedAt, confirmedBy, checkoutRequestId }: Payment): boolean {
  return submittedAt === null && confirmedBy === null && checkoutRequestId === null && status !== 'needs_review';
}

function knownOfPrompt(payment: Payment): Part[][] {
  const { status, submittedAt, checkoutRequestId, attemptCount, confirmedBy } = payment;
  const failed = submittedAt === null ? attemptCount : attemptCount - 1;
  const unsent =
    failed > 0 ? [say`${failed === 1 ? 'One try' : `${failed} tries`} before provably did not reach M-PESA`] : [];
  if (checkoutRequestId !== null) return [say`One prompt was asked for, once: M-PESA took it`, ...unsent];
  if (isUnsent(payment)) return [say`No prompt was sent`, ...unsent];
  if (status === 'failed' && confirmedBy === null)
    return [say`No prompt was shown: M-PESA refused the push`, ...unsent];
  return [say`At most one prompt was sent`, ...unsent];
}

function knownOfTelling({ tenantName, endpoints, told, lastToldAt }: Telling): Part[][] {
  if (endpoints === 0 || told === 0) return [];
  const who = endpoints === 1 ? tenantName : `${tenantName} (${told} of ${endpoints} endpoints)`;
  return lastToldAt === null ? [] : [say`${who} was told of this at ${at(lastToldAt)}`];
}

function notKnown(payment: Payment, facts: StoryFacts): Part[][] {
  const { status, flags, confirmedBy, checkoutRequestId, failureCode } = payment;
  switch (status) {
    case 'queued':
      return [];
    case 'submitting':
      return [say`Whether M-PESA has taken the push`];
    case 'pending':
      return [say`Whether the phone shows the prompt, and what the customer does with it`];
    case 'unknown':
      return [
        ...(checkoutRequestId === null ? [say`Whether a prompt was shown at all`] : []),
        say`Whether the customer paid`,
      ];
    case 'needs_review':
      return payment.reviewReason === 'no_answer'
        ? [say`Whether the customer paid`]
        : [say`Whether this money was meant for this payment`];
    case 'expired':
      return failureCode === 'not_sent_in_time' ? [] : [say`Whether money moved after all: there was never a clear no`];
    case 'failed':
    case 'cancelled':
      return failureCode === 'unknown_result' ? [say`Whether money moved: the code is on no list`] : [];
    case 'succeeded':
      return [
        ...(flags.includes('receipt_missing') ? [say`The receipt: a query never brings one`] : []),
        ...(payment.amountReceivedKes === null ? [say`The amount that came: a query never says it`] : []),
        ...(facts.callbacks === 0 && confirmedBy !== 'operator'
          ? [say`Why no callback came: none reached this server for this push`]
          : []),
      ];
    default:
      return status satisfies never;
  }
}

function nextOf(payment: Payment, isPaused: boolean, now: number): Part[][] {
  const { status, expiresAt, nextAttemptAt, completedAt } = payment;
  const asked = nextAsking(payment, now);
  switch (status) {
    case 'queued':
      return [
        isPaused
          ? say`Its shortcode is paused: it is sent when somebody lets the prompts go on`
          : nextAttemptAt !== null && nextAttemptAt > now
            ? say`It is tried again at ${at(nextAttemptAt)}`
            : say`It is sent as soon as its shortcode takes it`,
        say`If it is not sent by ${at(expiresAt)} it expires, and nothing is ever sent`,
      ];
    case 'submitting':
      return [say`M-PESA’s answer, or its silence, decides; it is never sent twice`];
    case 'pending':
      return [...asked, say`Without a clear answer by ${at(expiresAt)} it becomes “not sure yet”`];
    case 'unknown':
      return [
        ...asked,
        say`At ${at(expiresAt + silenceMs)} it expires if M-PESA has answered but never with a yes; if it has never answered, it needs review`,
        say`A callback, C2B or a line of the statement settles it at any time`,
      ];
    case 'needs_review':
      return [...asked, say`An operator decides, with a reason`];
    case 'expired':
    case 'failed':
    case 'cancelled':
      return isUnsent(payment)
        ? [say`Nothing: it was never sent, so no money can come for it`]
        : [...asked, ...nextAfterNo(completedAt ?? expiresAt, now)];
    case 'succeeded':
      return [say`Paid is final: a callback that still comes is kept and changes nothing`];
    default:
      return status satisfies never;
  }
}

function nextAsking(payment: Payment, now: number): Part[][] {
  if (!isAskable(payment)) {
    const isOpen = payment.status === 'unknown' || payment.status === 'needs_review';
    return isOpen && payment.checkoutRequestId === null
      ? [say`M-PESA cannot be asked: there is no id to ask with`]
      : [];
  }
  if (payment.nextAskAt === null)
    return negativeStatuses.has(payment.status) ? [] : [say`M-PESA is not asked any more by itself`];
  return [payment.nextAskAt > now ? say`M-PESA is asked at ${at(payment.nextAskAt)}` : say`M-PESA is asked now`];
}

function nextAfterNo(endedAt: number, now: number): Part[][] {
  const until = endedAt + overturnMs;
  return until > now
    ? [say`Money that still comes until ${at(until)} makes it paid, late`]
    : [say`Money that comes now changes nothing by itself: it is too late, and kept`];
}

function nextTelling({ tenantName, endpoints, told }: Telling): Part[][] {
  return told < endpoints
    ? [
        say`${tenantName} is told at ${endpoints - told === 1 ? 'one more endpoint' : `${endpoints - told} more endpoints`}`,
      ]
    : [];
}
