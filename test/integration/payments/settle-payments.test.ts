// The door through which payments change, on the real database: what `decide` decides is written with its transition, its
// evidence and its event, or not at all; whatever the order, the batch or the number of servers that write at once.

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { readDenial } from '../../../src/mpesa/result-codes.ts';
import type { HeardEvidence } from '../../../src/payments/evidence.ts';
import type { Payment } from '../../../src/payments/payment.ts';
import { findPaymentAcrossTenants } from '../../../src/payments/payment-store.ts';
import { type SettleDeps, settlePayment, settlePayments } from '../../../src/payments/settle-payments.ts';
import { newId } from '../../../src/platform/ids.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { denial, exchange, money, noAnswer, pushAnswered, queryDenial, yes } from '../../support/payment-evidence.ts';
import { beginPausedStory } from '../../support/payment-states.ts';
import type { Story } from '../../support/payment-story.ts';

describe('settlePayments', () => {
  let app: TestGateway;
  let story: Story;
  let deps: SettleDeps;
  before(async () => {
    app = await buildGateway();
    story = await beginPausedStory(app);
    const { db, sealer, now } = app.gateway.core;
    deps = { db, sealer, now, random: () => 0.5, readDenial, announce: () => undefined };
  });
  after(() => app.close());

  const fresh = (): string => randomBytes(6).toString('hex');
  const freshReceipt = (): string => `U${fresh().slice(0, 9).toUpperCase()}`;

  interface Pushed {
    id: string;
    receipt: string;
    ids: { merchantRequestId: string; checkoutRequestId: string };
  }

  /** A payment of 1500 whose push was accepted. */
  async function pushed(): Promise<Pushed> {
    const { id } = await story.pay({ amount: 1500 });
    const ids = { merchantRequestId: `m-${fresh()}`, checkoutRequestId: `ws_CO_${fresh()}` };
    await settlePayment(deps, {
      paymentId: id,
      news: { kind: 'claimed', leaseToken: 'lease', leaseUntil: app.clock.now() + 60_000 },
    });
    await settlePayment(deps, { paymentId: id, news: pushAnswered({ outcome: 'accepted', ...ids, exchange }) });
    return { id, receipt: freshReceipt(), ids };
  }

  const heard = (payment: Pushed, evidence: HeardEvidence) => ({
    paymentId: payment.id,
    news: {
      kind: 'heard' as const,
      evidence: {
        ...evidence,
        id: newId('evd'),
        at: app.clock.now(),
        ids: evidence.ids === null ? null : payment.ids,
        receipt: evidence.receipt === null ? null : payment.receipt,
      },
    },
  });

  const read = async (id: string): Promise<Payment> => (await findPaymentAcrossTenants(deps.db, deps.sealer, id))!;
  const rowsOf = (table: string, id: string) =>
    deps.db(table).where(table === 'events' ? { object_id: id } : { payment_id: id });

  /** What must hold of any payment, however it came to be as it is. */
  async function expectWhole({ id }: Pushed): Promise<void> {
    const payment = await read(id);
    const changes = await rowsOf('payment_transitions', id).orderBy('version');
    let status = 'queued';
    for (const change of changes) {
      expect(change.from_status).to.equal(status);
      status = change.to_status;
    }
    expect(status).to.equal(payment.status);
    const events = await rowsOf('events', id);
    expect(new Set(events.map(({ dedupe_key }: { dedupe_key: string }) => dedupe_key)).size).to.equal(events.length);
    const succeeded = events.filter(({ type }: { type: string }) => type === 'payment.succeeded');
    expect(succeeded).to.have.length(payment.status === 'succeeded' ? 1 : 0);
  }

  const words = {
    money: () => money(),
    lessMoney: () => money({ amountCents: 100 }),
    yes: () => yes(),
    no: () => denial('1032'),
    queryNo: () => queryDenial('1037'),
    nothing: () => noAnswer(),
  };
  type Word = keyof typeof words;

  /** In batches, as callbacks arrive; between two batches the clock moves and time does what it does. */
  async function tell(
    payment: Pushed,
    batches: readonly (readonly Word[])[],
    pausesMs: readonly number[],
  ): Promise<number> {
    for (const [index, batch] of batches.entries()) {
      await settlePayments(
        deps,
        batch.map((word) => heard(payment, words[word]())),
      );
      app.clock.set(app.clock.now() + pausesMs[index % pausesMs.length]!);
      await settlePayment(deps, { paymentId: payment.id, news: { kind: 'timePassed' } });
    }
    return batches.flat().length;
  }

  const stories = (must: Word, may: readonly Word[]) =>
    fc.record({
      batches: fc
        .array(fc.array(fc.constantFrom(must, ...may), { minLength: 1, maxLength: 3 }), { maxLength: 4 })
        .chain((some) => fc.shuffledSubarray([[must], ...some], { minLength: some.length + 1 })),
      pausesMs: fc.array(fc.integer({ min: 0, max: 15 * 60_000 }), { minLength: 1, maxLength: 4 }),
    });

  it('ends what was paid in succeeded with its receipt, in whatever order, batch and time', async () => {
    await fc.assert(
      fc.asyncProperty(stories('money', ['yes', 'no', 'queryNo', 'nothing']), async ({ batches, pausesMs }) => {
        const payment = await pushed();
        const count = await tell(payment, batches, pausesMs);
        expect(await read(payment.id)).to.include({
          status: 'succeeded',
          mpesaReceipt: payment.receipt,
          amountReceivedKes: 1500,
          failureCode: null,
          dueAt: null,
        });
        expect(await rowsOf('evidence', payment.id)).to.have.length(count + 1);
        await expectWhole(payment);
      }),
      { numRuns: 40 },
    );
  });

  it('never releases nor forgets another amount, in whatever order, batch and time', async () => {
    await fc.assert(
      fc.asyncProperty(stories('lessMoney', ['yes', 'no', 'queryNo', 'nothing']), async ({ batches, pausesMs }) => {
        const payment = await pushed();
        await tell(payment, batches, pausesMs);
        const end = await read(payment.id);
        expect(end).to.include({ mpesaReceipt: payment.receipt, amountReceivedKes: 1 });
        expect(end.flags).to.include('amount_mismatch');
        const first = batches.flat().find((word) => word === 'yes' || word === 'lessMoney');
        expect(end.status).to.equal(first === 'yes' ? 'succeeded' : 'needs_review');
        await expectWhole(payment);
      }),
      { numRuns: 40 },
    );
  });

  it('settles once when the same evidence arrives many times at once', async () => {
    const payment = await pushed();
    const results = await Promise.all(Array.from({ length: 10 }, () => settlePayment(deps, heard(payment, money()))));
    expect(results.filter((result) => result!.verdict === 'applied')).to.have.length(1);
    expect(results.filter((result) => result!.verdict === 'repeated')).to.have.length(9);
    await expectWhole(payment);
  });

  it('lets money win over a denial that arrives at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const payment = await pushed();
      await Promise.all(
        [denial('1'), money(), denial('1032'), money()].map((one) => settlePayment(deps, heard(payment, one))),
      );
      expect((await read(payment.id)).status).to.equal('succeeded');
      await expectWhole(payment);
    }
  });

  it('gives a claim to exactly one of many workers', async () => {
    const { id } = await story.pay();
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        settlePayment(deps, {
          paymentId: id,
          news: { kind: 'claimed', leaseToken: `w${index}`, leaseUntil: app.clock.now() + 1000 },
        }),
      ),
    );
    expect(claims.filter((claim) => claim !== undefined)).to.have.length(1);
    expect((await read(id)).attemptCount).to.equal(1);
  });

  it('gives one receipt to one payment: of two that claim it at once, in a batch or apart, the other is reviewed', async () => {
    for (const isBatch of [true, false]) {
      const [one, two] = [await pushed(), await pushed()];
      two.receipt = one.receipt;
      const items = [heard(one, money()), heard(two, money())];
      if (isBatch) await settlePayments(deps, items);
      else await Promise.all(items.map((item) => settlePayment(deps, item)));
      const ends = await Promise.all([read(one.id), read(two.id)]);
      expect(ends.map(({ status }) => status)).to.have.members(['succeeded', 'needs_review']);
      const reviewed = ends.find(({ status }) => status === 'needs_review')!;
      expect(reviewed).to.include({ reviewReason: 'receipt', mpesaReceipt: null });
      expect(reviewed.flags).to.deep.equal(['receipt_reused']);
    }
  });

  // Evidence with the right CheckoutRequestID and a wrong MerchantRequestID moved nothing, but took the receipt.
  it('lets evidence with forged ids claim no receipt: the payment that owns it still succeeds', async () => {
    const [victim, other] = [await pushed(), await pushed()];
    for (const ids of [
      { ...other.ids, merchantRequestId: 'm-forged' },
      { ...other.ids, checkoutRequestId: 'ws_CO_forged' },
      victim.ids,
    ]) {
      const forged = heard({ ...other, receipt: victim.receipt }, money());
      const result = await settlePayment(deps, {
        ...forged,
        news: { ...forged.news, evidence: { ...forged.news.evidence, ids } },
      });
      expect(result).to.include({ verdict: 'forged_ids', isChanged: false });
    }
    await settlePayment(deps, heard(victim, money()));
    expect((await read(victim.id)).status).to.equal('succeeded');
    expect((await read(other.id)).status).to.equal('pending');
  });

  it('writes all or nothing: when the evidence cannot be written, the payment has not changed', async () => {
    const payment = await pushed();
    const item = heard(payment, money());
    await settlePayment(deps, heard(payment, noAnswer()));
    const { id: takenId } = (await rowsOf('evidence', payment.id))[0];
    const doubled = { ...item, news: { ...item.news, evidence: { ...item.news.evidence, id: takenId } } };
    expect(await settlePayment(deps, doubled).catch(() => 'refused')).to.equal('refused');
    expect(await read(payment.id)).to.include({ status: 'pending', mpesaReceipt: null });
    expect((await rowsOf('events', payment.id)).map(({ type }: { type: string }) => type)).to.deep.equal([
      'payment.pending',
    ]);
    await settlePayment(deps, item);
    expect((await read(payment.id)).status).to.equal('succeeded');
  });

  // MySQL refuses a text that is too long: a callback with a strange code was kept out of the database for ever.
  it('takes a result code and a text longer than their columns', async () => {
    const payment = await pushed();
    await settlePayment(deps, heard(payment, denial('X'.repeat(64), { resultDesc: 'y'.repeat(300) })));
    const end = await read(payment.id);
    expect(end).to.include({ status: 'failed', failureCode: 'unknown_result' });
    expect(end.providerCode).to.match(/^X{40,64}$/);
  });

  it('tells of a change only after it is committed, and of what did not change as such', async () => {
    const payment = await pushed();
    const told: string[] = [];
    const announce: SettleDeps['announce'] = (changes) => {
      for (const { isChanged, verdict } of changes) told.push(`${verdict} ${isChanged}`);
    };
    await settlePayments({ ...deps, announce }, [
      heard(payment, money()),
      heard(payment, money()),
      heard(payment, queryDenial()),
    ]);
    expect(told).to.deep.equal(['applied true', 'repeated false', 'contradicts false']);
  });

  it('answers undefined for a payment that does not exist, beside one that does', async () => {
    const payment = await pushed();
    const nobody = { ...payment, id: newId('pay') };
    const results = await settlePayments(deps, [heard(nobody, money()), heard(payment, money())]);
    expect(results[0]).to.equal(undefined);
    expect(results[1]).to.include({ to: 'succeeded' });
  });
});
