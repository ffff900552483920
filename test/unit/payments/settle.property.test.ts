// Promise 4 as a property: whatever is true about a payment, and in whatever order M-PESA tells it, repeats it, denies it
// or keeps silent, the payment ends where the evidence says. Evidence is generated from a truth and from the lies that
// daraja.md allows (a query that denies what was paid; a failure called back before the success; repeats; no answers),
// with time passing in between and a worker that looks whenever something is due.

import { expect } from 'chai';
import fc from 'fast-check';
import type { HeardEvidence } from '../../../src/payments/evidence.ts';
import type { Payment } from '../../../src/payments/payment.ts';
import {
  changed,
  createdAt,
  days,
  decideAt,
  denial,
  hear,
  hours,
  makePayment,
  minutes,
  money,
  noAnswer,
  queryDenial,
  seconds,
  yes,
} from '../../support/payment-evidence.ts';

const receipt = 'UJ68K3W0QZ';
const denialCodes = ['1', '17', '26', '1001', '1032', '1036', '1037', '2001', '9999', 'SFC_IC0003'] as const;

/** A piece of evidence that can be heard any number of times. */
type Word = { name: string; tell(): HeardEvidence };
const say = {
  money: { name: 'A', tell: () => money({ receipt }) },
  lessMoney: { name: 'A of another amount', tell: () => money({ receipt, amountCents: 100 }) },
  yes: { name: 'B', tell: () => yes() },
  no: (code: string): Word => ({ name: `C ${code}`, tell: () => denial(code) }),
  queryNo: (code: string): Word => ({ name: `D ${code}`, tell: () => queryDenial(code) }),
  nothing: { name: 'no answer', tell: () => noAnswer() },
} as const;

interface Step {
  word: Word;
  /** Time since the step before. */
  afterMs: number;
}

/** Tells the steps, while the worker looks at the payment whenever it is due. */
function play(start: Payment, steps: readonly Step[]): Payment[] {
  const seen: Payment[] = [start];
  let now = createdAt + 10 * seconds;
  let payment = start;
  function see(next: Payment): void {
    payment = next;
    seen.push(next);
  }
  for (const { word, afterMs } of steps) {
    const end = now + afterMs;
    for (let looks = 0; payment.dueAt !== null && payment.dueAt <= end && looks < 20; looks += 1) {
      now = Math.max(now, payment.dueAt);
      const decision = decideAt(payment, { kind: 'timePassed' }, now);
      // What is due and not moved by time is an asking; what it is told is a step of its own.
      see(
        decision === null
          ? { ...payment, nextAskAt: null, dueAt: decideTimeOnly(payment) }
          : changed(payment, decision),
      );
    }
    now = end;
    see(changed(payment, hear(payment, word.tell(), now)));
  }
  return seen;
}

/** When time alone will move the payment. */
function decideTimeOnly({ status, expiresAt: expiry }: Payment): number | null {
  if (status === 'pending') return expiry;
  return status === 'unknown' ? expiry + 30 * minutes : null;
}

const asSent = fc.constantFrom<Payment['status']>('submitting', 'pending', 'unknown');
const sentStarts = asSent.map((status) => makePayment(status));
const starts = fc
  .constantFrom<Payment['status']>('queued', 'submitting', 'pending', 'unknown')
  .map((status) => makePayment(status));
const shortWhile = fc.integer({ min: 0, max: 40 * seconds });
const anyWhile = fc.oneof(
  shortWhile,
  fc.integer({ min: 0, max: 20 * minutes }),
  fc.integer({ min: 0, max: 6 * hours }),
);
const anyCode = fc.constantFrom(...denialCodes);
const lies = fc.oneof(anyCode.map(say.queryNo), fc.constant(say.nothing));

/** `must` all occur, with any of `may` and repeats between them, in any order. */
function tellings(must: readonly Word[], may: fc.Arbitrary<Word>, whiles: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  return fc
    .tuple(fc.constant(must), fc.array(fc.oneof(may, fc.constantFrom(...must)), { maxLength: 8 }))
    .chain(([needed, more]) => fc.shuffledSubarray([...needed, ...more], { minLength: needed.length + more.length }))
    .chain((words) => fc.tuple(...words.map((word) => whiles.map((afterMs): Step => ({ word, afterMs })))));
}

const story = (steps: readonly Step[]): string =>
  steps.map(({ word, afterMs }) => `${word.name} +${afterMs / 1000}s`).join(', ');
const last = (seen: readonly Payment[]): Payment => seen.at(-1)!;

describe('payments under any order of evidence', () => {
  it('that were paid end succeeded with their receipt and amount, whatever was denied, expired or repeated around it', () => {
    const steps = tellings([say.money], fc.oneof(lies, anyCode.map(say.no), fc.constant<Word>(say.yes)), anyWhile);
    fc.assert(
      fc.property(starts, steps, (start, told) => {
        const end = last(play(start, told));
        expect(end, story(told)).to.include({
          status: 'succeeded',
          mpesaReceipt: receipt,
          amountReceivedKes: 1500,
          failureCode: null,
          dueAt: null,
        });
        expect(end.flags, story(told)).to.not.include('receipt_missing');
      }),
      { numRuns: 3000 },
    );
  });

  it('that were paid and only a query says so end succeeded, with the receipt marked missing', () => {
    const steps = tellings([say.yes], fc.oneof(lies, anyCode.map(say.no)), anyWhile);
    fc.assert(
      fc.property(starts, steps, (start, told) => {
        const end = last(play(start, told));
        expect(end, story(told)).to.include({ status: 'succeeded', mpesaReceipt: null, amountReceivedKes: null });
        expect(end.flags, story(told)).to.include('receipt_missing');
      }),
      { numRuns: 2000 },
    );
  });

  it('never leave succeeded again, whatever is heard after it', () => {
    const anything = fc.oneof<fc.Arbitrary<Word>[]>(
      lies,
      anyCode.map(say.no),
      fc.constantFrom<Word>(say.money, say.lessMoney, say.yes),
    );
    fc.assert(
      fc.property(starts, tellings([say.nothing], anything, anyWhile), (start, told) => {
        const statuses = play(start, told).map(({ status }) => status);
        const won = statuses.indexOf('succeeded');
        if (won >= 0) expect(new Set(statuses.slice(won)), story(told)).to.deep.equal(new Set(['succeeded']));
      }),
      { numRuns: 3000 },
    );
  });

  it('of which nothing was heard are never called failed or cancelled', () => {
    fc.assert(
      fc.property(starts, tellings([say.nothing], fc.constant<Word>(say.nothing), anyWhile), (start, told) => {
        const end = last(play(start, told));
        expect(['failed', 'cancelled', 'succeeded'], story(told)).to.not.include(end.status);
      }),
      { numRuns: 1000 },
    );
  });

  it('of another amount are never released and never unflagged, whichever word comes first', () => {
    const steps = tellings([say.lessMoney], fc.oneof(lies, anyCode.map(say.no), fc.constant<Word>(say.yes)), anyWhile);
    fc.assert(
      fc.property(starts, steps, (start, told) => {
        const end = last(play(start, told));
        expect(end, story(told)).to.include({ amountReceivedKes: 1, mpesaReceipt: receipt });
        expect(end.flags, story(told)).to.include('amount_mismatch');
        const firstYes = told.find(({ word }) => word === say.yes || word === say.lessMoney)!;
        // A query's yes that came first stays (design.md section 6); else an operator decides.
        expect(end.status, story(told)).to.equal(firstYes.word === say.yes ? 'succeeded' : 'needs_review');
      }),
      { numRuns: 3000 },
    );
  });

  it('that were denied end denied for that reason, whichever channel says it first', () => {
    const steps = anyCode.chain((code) =>
      fc.tuple(
        fc.constant(code),
        tellings(
          [say.no(code)],
          fc.oneof(fc.constant(say.queryNo(code)), fc.constant<Word>(say.nothing)),
          fc.integer({ min: 0, max: 2 * minutes }),
        ),
      ),
    );
    fc.assert(
      fc.property(sentStarts, steps, (start, [code, told]) => {
        const end = last(play(start, told));
        expect(end, story(told)).to.include({
          status: code === '1032' ? 'cancelled' : 'failed',
          providerCode: code,
          dueAt: null,
        });
        expect(end, story(told)).to.include({ mpesaReceipt: null, amountReceivedKes: null });
      }),
      { numRuns: 2000 },
    );
  });

  it('depend on what was heard, not on its order: two orders of the same words at the same times agree', () => {
    const words = fc.array(fc.oneof(lies, anyCode.map(say.no), fc.constantFrom<Word>(say.money, say.yes)), {
      minLength: 1,
      maxLength: 7,
    });
    const orders = words.chain((one) =>
      fc.tuple(
        fc.constant(one),
        fc.shuffledSubarray(one, { minLength: one.length }),
        fc.array(anyWhile, { minLength: one.length, maxLength: one.length }),
      ),
    );
    const said = (list: readonly Word[], name: string): boolean => list.some((word) => word.name === name);
    fc.assert(
      fc.property(starts, orders, (start, [one, other, times]) => {
        const ends = [one, other].map((list) =>
          last(
            play(
              start,
              list.map((word, index) => ({ word, afterMs: times[index]! })),
            ),
          ),
        );
        const isPaid = said(one, 'A') || said(one, 'B');
        const facts = ends.map(({ status, mpesaReceipt, amountReceivedKes }) => ({
          // Which denial is heard before the time runs out is a matter of time; that it is one is not.
          status: isPaid ? status : 'not paid',
          mpesaReceipt,
          amountReceivedKes,
        }));
        expect(facts[0], one.map(({ name }) => name).join(', ')).to.deep.equal(facts[1]);
        if (!isPaid) for (const end of ends) expect(end.status).to.not.equal('succeeded');
      }),
      { numRuns: 3000 },
    );
  });

  it('that turn out paid after a denial succeed within seven days, and stay denied from then on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 14 * days }), anyCode, (laterMs, code) => {
        const denied = last(play(makePayment('pending'), [{ word: say.no(code), afterMs: 0 }]));
        const end = changed(denied, hear(denied, money(), denied.completedAt! + laterMs));
        expect(end.status === 'succeeded').to.equal(laterMs <= 7 * days);
        if (end.status !== 'succeeded') expect(end.status).to.equal(denied.status);
      }),
    );
  });
});
