// What M-PESA and the customer did to a payment of the past, as stories that are told by answers and callbacks: the very
// texts that Daraja sends. What the gateway makes of them is not decided here.

import { type DarajaAnswer, errorAnswer, faultAnswer, jsonAnswer } from '../../../src/simulator/daraja-answer.ts';
import { resultText } from '../../../src/simulator/outcomes.ts';
import type { Chance } from './chance.ts';

/** A callback, counted from the moment M-PESA took the push. */
export interface PastCallback {
  afterMs: number;
  code: string;
  /** Where it is another amount than was asked for. */
  amountKes?: number;
}

export interface PushIds {
  merchantRequestId: string;
  checkoutRequestId: string;
}

/** What one payment meets. */
export interface Outside {
  /** The answer to a push; null: it never came. `attempt` counts from 1. */
  push(ids: PushIds, attempt: number): DarajaAnswer | null;
  callbacks: readonly PastCallback[];
  /** The answer to a query, so long after the push. */
  query(ids: PushIds, sinceMs: number): DarajaAnswer;
}

export interface Scenario {
  name: string;
  /** Of all payments together. */
  weight: number;
  /** How long ago it must have begun for it to be over by now. */
  leastAgeMs: number;
  make(chance: Chance, payment: { amountKes: number; ageMs: number }): Outside;
}

const second = 1000;
const minute = 60 * second;
/** No push of the past takes longer to be answered. */
const slowestAnswerMs = 10 * second;

const accepted = (ids: PushIds): DarajaAnswer =>
  jsonAnswer({
    MerchantRequestID: ids.merchantRequestId,
    CheckoutRequestID: ids.checkoutRequestId,
    ResponseCode: '0',
    ResponseDescription: 'Success. Request accepted for processing',
    CustomerMessage: 'Success. Request accepted for processing',
  });

const processing = (): DarajaAnswer => errorAnswer('500.001.1001', 'The transaction is being processed');

/** The triple s is Daraja's. */
const queried = (ids: PushIds, code: string): DarajaAnswer =>
  jsonAnswer({
    ResponseCode: '0',
    ResponseDescription: 'The service request has been accepted successsfully',
    MerchantRequestID: ids.merchantRequestId,
    CheckoutRequestID: ids.checkoutRequestId,
    ResultCode: code,
    ResultDesc: resultText(code, 'query'),
  });

/** Taken at once, and everything else as given. */
const taken = (callbacks: readonly PastCallback[], query: Outside['query'] = processing): Outside => ({
  push: accepted,
  callbacks,
  query,
});

/** One callback with this result, after about so many seconds; what began a moment ago ends sooner, but it ends. */
const ends = (code: string, seconds: number, spread = 0.45): Scenario['make'] => {
  return (chance, { ageMs }) => {
    const afterMs = Math.max(4 * second, chance.around(seconds * second, spread));
    return taken([{ afterMs: Math.min(afterMs, ageMs - slowestAnswerMs), code }]);
  };
};

const refuses = (fault: string): DarajaAnswer => faultAnswer(fault)!;

/** What happens on a good day; the weights are shares of a thousand. */
export const goodDay: readonly Scenario[] = [
  { name: 'paid', weight: 902, leastAgeMs: 30 * second, make: ends('0', 13) },
  { name: 'cancelled', weight: 33, leastAgeMs: 30 * second, make: ends('1032', 11) },
  { name: 'no funds', weight: 25, leastAgeMs: 30 * second, make: ends('1', 15) },
  { name: 'unreachable', weight: 14, leastAgeMs: 30 * second, make: ends('1037', 26, 0.1) },
  { name: 'wrong PIN', weight: 7, leastAgeMs: 30 * second, make: ends('2001', 17) },
  { name: 'prompt not delivered', weight: 2, leastAgeMs: 30 * second, make: ends('1025', 5) },
  {
    name: 'not a customer',
    weight: 3,
    leastAgeMs: minute,
    make: () => ({ ...taken([]), push: () => refuses('no_iccid') }),
  },
  {
    name: 'sent at the second try',
    weight: 5,
    leastAgeMs: 5 * minute,
    make: (chance, payment) => ({
      ...ends('0', 12)(chance, payment),
      push: (ids, attempt) => (attempt === 1 ? refuses('spike_arrest') : accepted(ids)),
    }),
  },
  // The callback was lost; the first or second asking says that it is paid.
  {
    name: 'found by asking',
    weight: 4,
    leastAgeMs: 4 * minute,
    make: () => taken([], (ids, sinceMs) => (sinceMs < 70 * second ? processing() : queried(ids, '0'))),
  },
  // The callback came long after the prompt had expired.
  {
    name: 'late',
    weight: 3,
    leastAgeMs: 20 * minute,
    make: (chance) => taken([{ afterMs: chance.between(6 * minute, 14 * minute), code: '0' }]),
  },
  // No callback, and a query that says no again and again.
  {
    name: 'expired',
    weight: 2,
    leastAgeMs: 25 * minute,
    make: () => taken([], (ids, sinceMs) => (sinceMs < 4 * minute ? processing() : queried(ids, '1019'))),
  },
];

/** What is so rare that it has no weight and is given once, whatever the number; the first is the newest. */
export const rare: readonly Scenario[] = [
  // The answer to the push was lost: nobody knows the ids, so nobody can ask.
  { name: 'not sure', weight: 0, leastAgeMs: 3 * minute, make: () => ({ ...taken([]), push: () => null }) },
  {
    name: 'another amount',
    weight: 0,
    leastAgeMs: 5 * minute,
    make: (chance, { amountKes }) =>
      taken([{ afterMs: chance.around(14 * second, 0.3), code: '0', amountKes: Math.max(1, amountKes - 50) }]),
  },
  // Neither the callback nor a query ever said anything.
  { name: 'silence', weight: 0, leastAgeMs: 42 * minute, make: () => taken([]) },
];

/** A bad half hour of Safaricom's: most pushes are turned away, until they are no use any more. */
export const badHalfHour: readonly Scenario[] = [
  {
    name: 'turned away',
    weight: 4,
    leastAgeMs: 8 * minute,
    make: () => ({ ...taken([]), push: () => refuses('busy') }),
  },
  { name: 'busy', weight: 2, leastAgeMs: 30 * second, make: ends('26', 6) },
  { name: 'prompt not delivered', weight: 1, leastAgeMs: 30 * second, make: ends('1025', 8) },
  { name: 'paid', weight: 4, leastAgeMs: 30 * second, make: ends('0', 28) },
];
