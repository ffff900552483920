// The sentences about a payment, over every status with every set of flags, whoever confirmed it: they say what is true,
// and nothing more than what is known.

import { expect } from 'chai';
import { weighKnowledge } from '../../../src/console/payment-knowledge.ts';
import { factsOf, lastedText, lifeOf } from '../../../src/console/payment-life.ts';
import { type StoryFacts, tellStory } from '../../../src/console/payment-story.ts';
import { failureWords, plain, say, shortStory, strong } from '../../../src/console/payment-words.ts';
import { statusWords } from '../../../src/console/status-words.ts';
import type { Transition } from '../../../src/payments/evidence-store.ts';
import { type FailureCode, failureCatalogue } from '../../../src/payments/failures.ts';
import { type ConfirmedBy, type Flag, flags, type Payment, statuses } from '../../../src/payments/payment.ts';
import { createdAt, days, expiresAt, makePayment, minutes, seconds } from '../../support/payment-evidence.ts';

const confirmers: (ConfirmedBy | null)[] = [null, 'callback', 'query', 'c2b', 'pull', 'statement', 'operator'];
const sets: Flag[][] = Array.from({ length: 2 ** flags.length }, (_, bits) =>
  flags.filter((_flag, index) => (bits >> index) % 2 === 1),
);
const factsNone: StoryFacts = { paidAt: null, unsureAt: null, deniedAt: null, callbacks: 0, queries: 0 };
const factsFull: StoryFacts = {
  paidAt: createdAt + 21 * seconds,
  unsureAt: expiresAt,
  deniedAt: expiresAt + minutes,
  callbacks: 2,
  queries: 4,
};
const now = createdAt + 12 * minutes;

interface Told {
  payment: Payment;
  title: string;
  all: string;
}

function tell(payment: Payment, facts: StoryFacts, at = now): Told {
  const story = tellStory(payment, facts, at);
  const lead = story.lead.map((sentence) => plain(sentence, at));
  const title = plain(story.title, at);
  return { payment, title, all: [title, ...lead].join(' ') };
}

/** Every status with every set of flags, every confirmer, with the facts bare and full, in time and late. */
function* everything(): Generator<Told> {
  for (const status of statuses)
    for (const flagSet of sets)
      for (const confirmedBy of confirmers)
        for (const facts of [factsNone, factsFull])
          for (const completedAt of [createdAt + 9 * seconds, expiresAt + 6 * minutes])
            yield tell(makePayment(status, { flags: flagSet, confirmedBy, completedAt }), facts);
}

describe('console: the story of a payment', () => {
  it('is told for every status with every set of flags, in whole sentences', () => {
    for (const { title, all, payment } of everything()) {
      const what = `${payment.status} ${payment.flags} ${payment.confirmedBy}: ${all}`;
      expect(title, what)
        .to.match(/^[A-Z]/)
        .and.not.match(/[.:,]$/);
      expect(all, what)
        .to.match(/\.$/)
        .and.not.match(/undefined|null|NaN|\[object|\s,|\s\.| {2}/);
      expect(title.length, what).to.be.below(160);
    }
  });

  it('says paid of what is paid, first of all, and of nothing else', () => {
    for (const { title, payment } of everything())
      expect(/^Paid\b/.test(title), title).to.equal(payment.status === 'succeeded');
  });

  it('never says failed of what is unknown, expired, waiting or under review', () => {
    for (const { all, payment } of everything())
      if (payment.status !== 'failed') expect(all, all).not.to.match(/(?<!“)\bfailed\b/i);
  });

  it('begins with the word of the status', () => {
    for (const { title, payment } of everything()) {
      const word = payment.status === 'submitting' ? 'Sending' : statusWords[payment.status].word;
      expect(title, payment.status).to.match(new RegExp(`^${word}`));
    }
  });

  it('says of each flag of a success what it means', () => {
    const signs: Readonly<Record<Flag, RegExp>> = {
      late: /late|after all/i,
      contradicted: /said no|contradicted/,
      amount_mismatch: /amount/i,
      receipt_missing: /receipt is (missing|still to come)/i,
      receipt_reused: /belongs to another payment/,
      resolved_by_operator: /operator/,
    };
    for (const { all, payment } of everything())
      if (payment.status === 'succeeded')
        for (const flag of payment.flags) expect(all, `${payment.flags}`).to.match(signs[flag]);
  });

  it('names who confirmed a success, and nobody else', () => {
    const names: Readonly<Record<ConfirmedBy, RegExp>> = {
      callback: /by M-PESA’s callback/,
      query: /by a question to M-PESA/,
      c2b: /by M-PESA’s confirmation of money received/,
      pull: /by M-PESA’s list of transactions/,
      statement: /by the M-PESA statement/,
      operator: /by an operator/,
    };
    for (const confirmedBy of confirmers) {
      const { title } = tell(makePayment('succeeded', { confirmedBy }), factsNone);
      const named = Object.entries(names).filter(([, form]) => form.test(title));
      expect(named.map(([name]) => name)).to.deep.equal(confirmedBy === null ? [] : [confirmedBy]);
    }
  });

  it('is the sentence of the design for money that the statement found', () => {
    const payment = makePayment('succeeded', {
      flags: ['late'],
      confirmedBy: 'statement',
      completedAt: expiresAt + 6 * minutes,
    });
    const { title, all } = tell(payment, {
      ...factsNone,
      paidAt: createdAt + 21 * seconds,
      unsureAt: expiresAt,
      queries: 4,
    });
    expect(title).to.equal('Paid late: confirmed 6\u00a0min after expiry by the M-PESA statement');
    expect(all).to.contain('The customer paid at 14:15:51, 21\u00a0s after the prompt.');
    expect(all).to.contain('No callback has come. M-PESA was asked 4 times and gave no clear yes.');
    expect(all).to.contain('Lango said not sure yet, and never “failed”.');
  });

  it('says for every failure why, and that nothing was sent only when nothing was', () => {
    for (const failureCode of Object.keys(failureCatalogue) as FailureCode[]) {
      const sent = tell(makePayment('failed', { failureCode, completedAt: createdAt + 14 * seconds }), factsNone);
      expect(sent.all, failureCode).not.to.match(/before anything was sent|has seen nothing/);
      const refused = { failureCode, submittedAt: null, checkoutRequestId: null, confirmedBy: null } as const;
      const unsent = tell(makePayment('failed', { ...refused, completedAt: createdAt + 1 }), factsNone);
      if (failureCode !== 'closed_by_operator')
        expect(unsent.all, failureCode).to.match(/has seen nothing and no money moved/);
    }
  });

  it('does not say that nothing was sent when M-PESA’s no came before our push was known to have gone', () => {
    const odd = makePayment('failed', { submittedAt: null, completedAt: createdAt + 9 * seconds });
    expect(tell(odd, factsNone).all).not.to.match(/has seen nothing/);
  });

  it('tells a queue that waits from one that was tried, and from one whose time is over', () => {
    const title = (change: Partial<Payment>, at = createdAt + 30 * seconds) =>
      tell(makePayment('queued', change), factsNone, at).title;
    expect(title({})).to.equal('Queued: not sent yet, 30\u00a0s after it was asked for');
    expect(title({ attemptCount: 1, nextAttemptAt: createdAt + minutes })).to.match(
      /could not be sent, the next try is at 14:16:30/,
    );
    expect(title({}, expiresAt)).to.match(/it will not be sent/);
  });
});

describe('console: what happened, in a few words', () => {
  it('is said for every status, flag and failure without a word too many', () => {
    for (const status of statuses)
      for (const flagSet of sets)
        for (const failureCode of [null, ...(Object.keys(failureWords) as FailureCode[])])
          for (const reviewReason of [null, 'amount', 'receipt', 'shortcode', 'phone', 'no_answer'] as const) {
            const words = plain(
              shortStory(makePayment(status, { flags: flagSet, failureCode, reviewReason }), now),
              now,
            );
            expect(words.length, words).to.be.within(4, 60);
            expect(words).not.to.match(/undefined|null|NaN/);
          }
  });

  const examples: [what: string, payment: Payment, words: string][] = [
    ['paid', makePayment('succeeded', { completedAt: createdAt + 9 * seconds }), 'In 9\u00a0s'],
    [
      'paid by a query',
      makePayment('succeeded', { completedAt: createdAt + 75 * seconds, confirmedBy: 'query' }),
      'In 75\u00a0s, by a query',
    ],
    [
      'late by the statement',
      makePayment('succeeded', { flags: ['late'], confirmedBy: 'statement', completedAt: expiresAt + 6 * minutes }),
      '6\u00a0min late, by the statement',
    ],
    ['no funds', makePayment('failed'), 'Not enough money'],
    ['cancelled', makePayment('cancelled'), 'By the customer'],
    ['expired', makePayment('expired'), 'Asked, never a yes'],
    ['unknown', makePayment('unknown', { nextAskAt: now + minutes }), 'No clear answer, asked again 14:28:30'],
    [
      'another amount',
      makePayment('needs_review', { reviewReason: 'amount', amountReceivedKes: 1000, amountKes: 10_000 }),
      'KES\u00a01,000 came, 10,000 asked',
    ],
  ];
  for (const [what, payment, words] of examples)
    it(`${what}: ${words}`, () => expect(plain(shortStory(payment, now), now)).to.equal(words));

  it('a prompt is on the phone for a minute, and then there is no result', () => {
    const pending = makePayment('pending');
    expect(plain(shortStory(pending, createdAt + 15 * seconds), createdAt)).to.equal('Prompt on the phone, 15\u00a0s');
    expect(plain(shortStory(pending, createdAt + 3 * minutes), createdAt)).to.equal('No result yet, 3\u00a0min');
  });

  it('sentences keep their parts in order', () => {
    expect(plain(say`a ${1} ${strong('b')}${say`c${2}`}.`, now)).to.equal('a 1 bc2.');
  });
});

describe('console: what is known of a payment', () => {
  const telling = { tenantName: 'Duka', endpoints: 0, told: 0, lastToldAt: null };
  const known = (payment: Payment, facts = factsNone) => {
    const {
      known: a,
      unknown: b,
      next: c,
    } = weighKnowledge(payment, facts, { name: 'paybill 174379', isPaused: false }, telling, now);
    const texts = (list: typeof a) => list.map((parts) => plain(parts, now));
    return { known: texts(a), unknown: texts(b), next: texts(c) };
  };

  it('is said for every status with every set of flags', () => {
    for (const status of statuses)
      for (const flagSet of sets)
        for (const text of Object.values(known(makePayment(status, { flags: flagSet }))).flat())
          expect(text)
            .to.match(/^[A-ZK]/)
            .and.not.match(/undefined|null|NaN|\.$/);
  });

  it('the customer may have paid wherever that is not certain', () => {
    for (const status of ['pending', 'unknown', 'needs_review', 'expired'] as const)
      expect(known(makePayment(status)).unknown, status).not.to.deep.equal([]);
    expect(known(makePayment('failed')).unknown).to.deep.equal([]);
  });

  it('no money can have moved only for what never left', () => {
    const unsent = makePayment('cancelled', {
      submittedAt: null,
      checkoutRequestId: null,
      confirmedBy: null,
      failureCode: 'cancelled_by_merchant',
    });
    expect(known(unsent).known).to.include('No money can have moved');
    expect(known(unsent).next.join()).to.match(/never sent/);
    for (const status of statuses.filter((one) => one !== 'queued'))
      expect(known(makePayment(status)).known, status).not.to.include('No money can have moved');
  });

  it('next is what the plan of asking and expiry say', () => {
    const pending = known(makePayment('pending', { nextAskAt: now + minutes })).next;
    expect(pending).to.deep.equal([
      'M-PESA is asked at 14:28:30',
      'Without a clear answer by 14:20:30 it becomes “not sure yet”',
    ]);
    expect(known(makePayment('unknown', { nextAskAt: null })).next[0]).to.match(/not asked any more/);
    expect(known(makePayment('unknown', { checkoutRequestId: null, nextAskAt: null })).next[0]).to.match(
      /cannot be asked/,
    );
    expect(known(makePayment('failed', { completedAt: now })).next[0]).to.match(
      /until Tue 13 Oct, 14:27:30 makes it paid, late/,
    );
    expect(known(makePayment('failed', { completedAt: now - 8 * days })).next[0]).to.match(/too late/);
  });
});

describe('console: the bar of a payment’s life', () => {
  const step = (version: number, from: Payment['status'], to: Payment['status'], at: number): Transition => ({
    paymentId: 'pay_x',
    tenantId: 'ten_x',
    version,
    from,
    to,
    cause: 'x',
    evidenceId: null,
    actor: 'system',
    at,
  });
  const late = [
    step(2, 'queued', 'submitting', createdAt + 27),
    step(3, 'submitting', 'pending', createdAt + 1117),
    step(4, 'pending', 'unknown', expiresAt),
    step(5, 'unknown', 'succeeded', expiresAt + 6 * minutes + 8 * seconds),
  ];

  it('shows where the time went, and says it in words', () => {
    const payment = makePayment('succeeded', { flags: ['late'], completedAt: late[3]!.at });
    const life = lifeOf(payment, late, { paidAt: createdAt + 21 * seconds }, now);
    expect(life.swatches).to.deep.equal([
      { fill: 'f-wait', word: 'Waiting', lasted: '5\u00a0min 0\u00a0s' },
      { fill: 'f-unsure', word: 'Not sure yet', lasted: '6\u00a0min 8\u00a0s' },
      { fill: 'f-paid', word: 'Paid', lasted: null },
    ]);
    expect(life.top.map(({ text }) => text)).to.deep.equal(['Customer paid 14:15:51', 'We knew 14:26:38']);
    expect(life.bottom.map(({ text }) => text)).to.deep.equal(['Asked 14:15:30', 'Expired 14:20:30']);
    expect(life.title).to.equal(
      'Asked at 14:15:30. Waiting until 14:20:30, Not sure yet until 14:26:38, Paid since 14:26:38. The customer paid at 14:15:51.',
    );
  });

  it('fits into its frame for every status, from the first millisecond to a week', () => {
    for (const status of statuses)
      for (const age of [0, 1, 9 * seconds, 5 * minutes, 7 * days]) {
        const payment = makePayment(status);
        const { bars, ticks, top, bottom } = lifeOf(payment, late.slice(0, 2), { paidAt: null }, createdAt + age);
        const places = [
          ...bars.map(({ x }) => x),
          ...ticks.map(({ x }) => x),
          ...[...top, ...bottom].map(({ x }) => x),
        ];
        for (const place of places) expect(Number.parseFloat(place), `${status} ${age} ${place}`).to.be.within(0, 100);
        for (const { x, width } of bars) expect(Number.parseFloat(x) + Number.parseFloat(width)).to.be.at.most(100.5);
      }
  });

  it('facts come from the timeline, and the time of paying from M-PESA’s own record', () => {
    const raw = (date: number) =>
      JSON.stringify({
        Body: {
          stkCallback: {
            MerchantRequestID: 'a',
            CheckoutRequestID: 'b',
            ResultCode: 0,
            ResultDesc: 'ok',
            CallbackMetadata: { Item: [{ Name: 'TransactionDate', Value: date }] },
          },
        },
      });
    const proof = {
      id: 'evd_1',
      source: 'callback',
      strength: 'A' as const,
      verdict: 'applied' as const,
      resultCode: '0',
      detail: null,
      receipt: 'UJ68K3W0QZ',
      amountCents: 150_000,
      sourceIp: null,
      httpStatus: null,
      durationMs: null,
      at: createdAt + minutes,
    };
    const facts = factsOf(makePayment('succeeded'), late, [{ ...proof, raw: raw(20_261_006_141_551) }]);
    expect(facts).to.deep.equal({
      paidAt: createdAt + 21 * seconds,
      unsureAt: expiresAt,
      deniedAt: null,
      callbacks: 1,
      queries: 0,
    });
    // What a forger says is nobody's time of paying, and no callback of this push.
    const forged = { ...proof, verdict: 'forged_ids' as const, raw: raw(20_261_006_141_551) };
    expect(factsOf(makePayment('unknown'), late, [forged])).to.include({ paidAt: null, callbacks: 0 });
    // A time before the payment was made, or after it was heard of, is no time of paying.
    for (const odd of [20_250_101_000_000, 20_261_007_000_000, 99_999_999_999_999])
      expect(factsOf(makePayment('succeeded'), late, [{ ...proof, raw: raw(odd) }]).paidAt, String(odd)).to.equal(null);
  });

  it('durations have two units at most', () => {
    const texts = [27, 9400, 65_000, 3_900_000, 3 * days + 4 * 3_600_000].map(lastedText);
    expect(texts).to.deep.equal([
      '27\u00a0ms',
      '9.4\u00a0s',
      '1\u00a0min 5\u00a0s',
      '1\u00a0h 5\u00a0min',
      '3\u00a0d 4\u00a0h',
    ]);
  });
});
