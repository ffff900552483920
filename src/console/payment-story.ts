// The sentence at the head of a payment's page and the few below it: outcome, cause, clock. A pure function of the
// payment and what its timeline tells; a test walks every status with every set of flags. What is not known is never
// said: *failed* is not said of what is unknown or expired, and *paid* only of what is paid.

import type { ConfirmedBy, Flag, Payment, ReviewReason } from '../payments/payment.ts';
import { numberText } from '../platform/render.ts';
import { at, failureWords, kes, type Part, say, span, strong } from './payment-words.ts';
import { confirmedByWords } from './status-words.ts';

/** What the timeline tells beyond the payment itself. */
export interface StoryFacts {
  /** When the customer paid, where M-PESA's own records say so. */
  paidAt: number | null;
  /** When it first became `unknown`. */
  unsureAt: number | null;
  /** When it first came to an end that says no money came. */
  deniedAt: number | null;
  /** Callbacks of this push that reached us, and questions to M-PESA that were not answered with yes. */
  callbacks: number;
  queries: number;
}

export interface Story {
  title: Part[];
  /** Sentences. */
  lead: Part[][];
}

export function tellStory(payment: Payment, facts: StoryFacts, now: number): Story {
  const { status } = payment;
  switch (status) {
    case 'queued':
      return tellQueued(payment, now);
    case 'submitting':
      return {
        title: say`Sending: handed to M-PESA at ${at(payment.submittedAt ?? payment.createdAt)}, no answer yet`,
        lead: [
          say`If no answer comes, it is never sent again: it becomes ${strong('not sure yet')}, and M-PESA is asked.`,
        ],
      };
    case 'pending':
      return tellPending(payment, facts, now);
    case 'succeeded':
      return { title: paidTitle(payment), lead: [...paidLead(payment, facts), ...doubtsAbout(payment)] };
    case 'failed':
    case 'cancelled':
      return tellDenied(payment, facts);
    case 'expired':
      return tellExpired(payment, facts);
    case 'unknown':
      return tellUnknown(payment, facts, now);
    case 'needs_review':
      return { title: reviewTitle(payment), lead: [...reviewLead(payment), ...historyOf(payment)] };
    default:
      return status satisfies never;
  }
}

function tellQueued({ attemptCount, nextAttemptAt, createdAt, expiresAt }: Payment, now: number): Story {
  const nothing = say`The customer has seen nothing and no money can have moved.`;
  if (expiresAt <= now)
    return { title: say`Queued: its time ended at ${at(expiresAt)}, it will not be sent`, lead: [nothing] };
  if (attemptCount > 0 && nextAttemptAt !== null)
    return {
      title: say`Queued: it could not be sent, the next try is at ${at(nextAttemptAt)}`,
      lead: [say`${tries(attemptCount)} provably did not reach M-PESA. ${nothing}`],
    };
  return { title: say`Queued: not sent yet, ${span(now - createdAt)} after it was asked for`, lead: [nothing] };
}

const tries = (count: number): string => (count === 1 ? 'One try' : `${count} tries`);

function tellPending({ submittedAt, createdAt, expiresAt }: Payment, facts: StoryFacts, now: number): Story {
  const sentAt = submittedAt ?? createdAt;
  const title =
    now - sentAt <= 60_000
      ? say`Waiting: the prompt went out at ${at(sentAt)}, ${span(now - sentAt)} ago`
      : say`Waiting: no result ${span(now - sentAt)} after the prompt went out`;
  const answer = facts.queries === 0 ? say`` : say`M-PESA was asked ${times(facts.queries)} and gave no clear answer. `;
  const until = say`Without one by ${at(expiresAt)} it becomes ${strong('not sure yet')}.`;
  return { title, lead: [say`M-PESA took the push; whether the phone shows it is not known.`, [...answer, ...until]] };
}

const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);

/** Flags say what a success lacks; the first of them that counts ends the sentence. */
function paidTitle(payment: Payment): Part[] {
  const { flags, confirmedBy, completedAt, submittedAt, createdAt, expiresAt } = payment;
  const knownAt = completedAt ?? createdAt;
  const by = confirmedBy === null ? '' : ` by ${confirmedByWords[confirmedBy]}`;
  const but = paidBut(payment);
  if (confirmedBy === 'operator')
    return say`Paid${flags.includes('late') ? ' late' : ''}: settled by an operator at ${at(knownAt)}${but}`;
  if (flags.includes('contradicted'))
    return say`Paid after all: M-PESA first said no, then it was confirmed${by} at ${at(knownAt)}${but}`;
  if (flags.includes('late') && knownAt > expiresAt)
    return say`Paid late: confirmed ${span(knownAt - expiresAt)} after expiry${by}${but}`;
  if (flags.includes('late')) return say`Paid late: confirmed${by} at ${at(knownAt)}, after it had ended${but}`;
  return say`Paid: confirmed in ${span(knownAt - (submittedAt ?? createdAt))}${by}${but}`;
}

function paidBut({ flags, amountKes, amountReceivedKes }: Payment): string {
  if (flags.includes('receipt_reused')) return ', but its receipt belongs to another payment';
  if (flags.includes('amount_mismatch'))
    return amountReceivedKes === null || amountReceivedKes === amountKes
      ? ', but another amount came than was asked for'
      : `, but ${kes(amountReceivedKes)} came instead of ${numberText(amountKes)}`;
  return flags.includes('receipt_missing') ? ', the receipt is still to come' : '';
}

const howKnown: Readonly<Record<ConfirmedBy, string>> = {
  callback: 'M-PESA’s callback settled it at ',
  query: 'A question to M-PESA was answered with yes at ',
  c2b: 'M-PESA’s confirmation of money received settled it at ',
  pull: 'M-PESA’s list of transactions settled it at ',
  statement: 'A line of the M-PESA statement settled it at ',
  operator: 'An operator settled it by hand at ',
};

function paidLead(payment: Payment, facts: StoryFacts): Part[][] {
  const { confirmedBy, completedAt, createdAt, submittedAt } = payment;
  const knownAt = completedAt ?? createdAt;
  const lead: Part[][] = [];
  if (facts.paidAt !== null) {
    const after = submittedAt === null ? null : facts.paidAt - submittedAt;
    lead.push(
      after === null || after < 0
        ? say`The customer paid at ${at(facts.paidAt)}.`
        : say`The customer paid at ${at(facts.paidAt)}, ${span(after)} after the prompt.`,
    );
  }
  if (confirmedBy !== null && confirmedBy !== 'callback' && facts.callbacks === 0)
    lead.push(say`No callback has come.`);
  if (confirmedBy !== null && confirmedBy !== 'query' && facts.queries > 0)
    lead.push(say`M-PESA was asked ${times(facts.queries)} and gave no clear yes.`);
  lead.push(say`${confirmedBy === null ? 'It is known since ' : howKnown[confirmedBy]}${at(knownAt)}.`);
  if (facts.unsureAt !== null && facts.deniedAt === null && knownAt - facts.unsureAt >= 1000)
    lead.push(say`From ${at(facts.unsureAt)} until then Lango said ${strong('not sure yet')}, and never “failed”.`);
  if (facts.deniedAt !== null) lead.push(say`At ${at(facts.deniedAt)} it had ended as not paid.`);
  return lead;
}

const flagSentences: Readonly<Record<Flag, string>> = {
  late: 'The money came late: whoever waited for it had been told otherwise, or nothing.',
  contradicted: 'M-PESA contradicted itself: its callback had said that nothing was paid.',
  amount_mismatch: 'Another amount came than was asked for: compare before anything is handed out.',
  receipt_missing: 'The receipt is missing until a callback, C2B, a pull or the statement brings it.',
  receipt_reused: 'The receipt it came with belongs to another payment: one of the two is not paid.',
  resolved_by_operator: 'An operator settled it by hand, with a reason: the audit below has it.',
};

/** What the flags of a success mean. That it is late, or settled by hand, its title has said already. */
function doubtsAbout(payment: Payment): Part[][] {
  const isByHand = payment.confirmedBy === 'operator';
  const said = payment.flags.filter((flag) => flag !== 'late' && !(flag === 'resolved_by_operator' && isByHand));
  return historyOf({ flags: said });
}

/** What happened on the way, as the flags keep it. */
function historyOf({ flags }: Pick<Payment, 'flags'>): Part[][] {
  return flags.map((flag) => say`${flagSentences[flag]}`);
}

function tellDenied(payment: Payment, facts: StoryFacts): Story {
  const { status, failureCode, confirmedBy, submittedAt, completedAt, createdAt, providerCode } = payment;
  const endedAt = completedAt ?? createdAt;
  const word = status === 'failed' ? 'Failed' : 'Cancelled';
  const history = historyOf(payment);
  if (failureCode === 'closed_by_operator')
    return {
      title: say`Closed as not paid by an operator at ${at(endedAt)}`,
      lead: [say`Money that still comes would make it paid, late.`, ...history],
    };
  const reason = failureCode === null ? 'no reason is known' : lowered(failureWords[failureCode]);
  if (submittedAt === null && confirmedBy === null)
    return {
      title:
        failureCode === 'cancelled_by_merchant'
          ? say`Cancelled at ${at(endedAt)}, before anything was sent`
          : say`${word} before anything was sent: ${reason}`,
      lead: [say`The customer has seen nothing and no money moved.`, ...history],
    };
  const after = span(endedAt - (submittedAt ?? createdAt));
  const reading = providerCode === null ? '' : ` (code ${providerCode})`;
  if (confirmedBy === null)
    return {
      title: say`${word}: ${reason}, at ${at(endedAt)}`,
      lead: [say`M-PESA refused the push${reading}: no prompt was shown and no money moved.`, ...history],
    };
  const told =
    failureCode === 'unknown_result'
      ? say`M-PESA ended it with a code that is on no list${reading}: look at the statement before the customer is asked again.`
      : say`${upper(confirmedByWords[confirmedBy])} said so${reading}. Money that still comes would make it paid, late.`;
  const title =
    failureCode === 'cancelled_by_customer'
      ? say`Cancelled by the customer ${after} after the prompt`
      : say`${word}: ${reason}, ${after} after the prompt`;
  const unsure =
    facts.unsureAt === null ? [] : [say`From ${at(facts.unsureAt)} until then Lango said ${strong('not sure yet')}.`];
  return { title, lead: [told, ...alsoMeant(failureCode), ...unsure, ...history] };
}

/** What M-PESA's answer may mean, too. */
function alsoMeant(failureCode: Payment['failureCode']): Part[][] {
  return failureCode === 'cancelled_by_customer'
    ? [say`Some phones say this when the prompt runs out of time, too.`]
    : [];
}

function tellExpired(payment: Payment, facts: StoryFacts): Story {
  const { failureCode, completedAt, expiresAt, createdAt, submittedAt, confirmedBy, providerCode } = payment;
  const endedAt = completedAt ?? expiresAt;
  const history = historyOf(payment);
  if (failureCode === 'not_sent_in_time' || submittedAt === null)
    return {
      title: say`Expired at ${at(endedAt)}: it could not be sent within ${span(expiresAt - createdAt)}`,
      lead: [say`The customer has seen nothing and no money moved.`, ...history],
    };
  const heard =
    failureCode === null || failureCode === 'unknown_result'
      ? say`M-PESA was asked ${times(facts.queries)} and never said yes.`
      : say`${confirmedBy === null ? 'M-PESA' : upper(confirmedByWords[confirmedBy])} says: ${lowered(failureWords[failureCode])}${providerCode === null ? '' : ` (code ${providerCode})`}.`;
  return {
    title: say`Expired at ${at(endedAt)}: M-PESA answered, but never with a yes`,
    lead: [
      heard,
      say`If the customer has an SMS from M-PESA, believe the SMS: money that still comes makes it paid, late.`,
      ...history,
    ],
  };
}

function tellUnknown(payment: Payment, facts: StoryFacts, now: number): Story {
  const { checkoutRequestId, expiresAt } = payment;
  const since = facts.unsureAt ?? expiresAt;
  const title =
    checkoutRequestId === null
      ? say`Not sure yet: the push was not answered clearly, and M-PESA gave no id to ask with`
      : say`Not sure yet: no clear answer from M-PESA for ${span(now - since)}`;
  const asked = facts.queries === 0 ? 'M-PESA has not been asked yet.' : `M-PESA was asked ${times(facts.queries)}.`;
  const told = say`The customer may have paid. Nobody is told “failed” while this is not known, and nothing is sent again.`;
  return { title, lead: [say`${asked} ${told}`, ...historyOf(payment)] };
}

const reviewTitles: Readonly<Record<Exclude<ReviewReason, 'amount'>, string>> = {
  receipt: 'Needs review: money came with a receipt that belongs to another payment',
  shortcode: 'Needs review: the money went to another shortcode',
  phone: 'Needs review: another phone paid than was asked',
  no_answer: 'Needs review: M-PESA never answered what became of it',
};

function reviewTitle({ reviewReason, amountKes, amountReceivedKes }: Payment): Part[] {
  if (reviewReason === null) return say`Needs review: an operator decides`;
  if (reviewReason !== 'amount') return say`${reviewTitles[reviewReason]}`;
  return amountReceivedKes === null
    ? say`Needs review: another amount came than was asked for`
    : say`Needs review: ${kes(amountReceivedKes)} came, ${numberText(amountKes)} was asked for`;
}

function reviewLead({ reviewReason }: Payment): Part[][] {
  return reviewReason === 'no_answer'
    ? [say`Nobody knows whether the customer paid. M-PESA is asked on, and the statement would tell.`]
    : [say`Money came, but not as it was asked for: nothing is released until an operator has decided.`];
}

const lowered = (text: string): string =>
  /^[A-Z](?![A-Z-])/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
const upper = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
