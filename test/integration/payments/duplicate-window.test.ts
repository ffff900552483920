// One customer asked twice (api.md, POST /v1/payments): the same phone, amount and shortcode inside 120 s is refused
// while the first is live or paid, at whatever server the second arrives.

import { expect } from 'chai';
import {
  type Answer,
  buildGateway,
  freshPhone,
  isProductionProfile,
  type TestGateway,
} from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, type Story } from '../../support/payment-story.ts';

describe('the duplicate window', () => {
  let app: TestGateway;
  let story: Story;
  /** Its payments stay queued, so that only time passes when the clock moves. */
  let still: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    still = await beginPausedStory(app);
  });
  after(() => app.close());

  const pay = (body: Record<string, unknown>, from: TestGateway = app): Promise<Answer> =>
    from.pay(body, { key: story.tenant.key });
  const again = (body: Record<string, unknown>): Promise<Answer> => app.pay(body, { key: still.tenant.key });
  const same = () => ({ phone: freshPhone(), amount: 80 });

  function expectRefused(answer: Answer, existing: string, retryAfter: number): void {
    expect(answer.status, answer.text).to.equal(409);
    expect(answer.body).to.include({ code: 'duplicate_window', existing, retryable: true, retry_after: retryAfter });
  }

  it('refuses the second, naming the first and how long to wait', async () => {
    const body = same();
    const { id } = await still.pay(body);
    expectRefused(await again(body), id, 120);
    await app.clock.advance(50_500);
    expectRefused(await again({ ...body, reference: 'INV-9' }), id, 70);
  });

  it('ends after exactly 120 s and not a millisecond before', async () => {
    const body = same();
    const { id } = await still.pay(body);
    await app.clock.advance(119_999);
    expectRefused(await again(body), id, 1);
    await app.clock.advance(1);
    expect((await again(body)).status).to.equal(201);
  });

  it('begins anew with each payment: a third is measured against the second', async () => {
    const body = same();
    await still.pay(body);
    await app.clock.advance(120_000);
    const { id } = await still.pay(body);
    await app.clock.advance(100_000);
    expectRefused(await again(body), id, 20);
  });

  it('is the same wherever in time it falls', async () => {
    for (let offset = 0; offset < 5; offset += 1) {
      await app.clock.advance(53_000);
      const body = same();
      const { id } = await still.pay(body);
      await app.clock.advance(119_000);
      expectRefused(await again(body), id, 1);
      await app.clock.advance(1000);
      expect((await again(body)).status, `offset ${offset}`).to.equal(201);
    }
  });

  it('lets another amount, phone or shortcode through', async () => {
    const body = same();
    await story.pay(body);
    expect((await pay({ ...body, amount: 81 })).status).to.equal(201);
    expect((await pay({ ...body, phone: freshPhone() })).status).to.equal(201);
  });

  it('lets the very same through with allow_duplicate, which then stands in the way of the next', async () => {
    const body = same();
    await story.pay(body);
    const second = await story.pay({ ...body, allow_duplicate: true });
    expectRefused(await pay(body), second.id, 120);
  });

  it('stands while the first is queued, pending, unknown or succeeded', async () => {
    const body = same();
    const { id } = await still.pay(body);
    expectRefused(await again(body), id, 120);

    const pending = await pendingPayment(app, story, { amount: 82, expires_in: 60 });
    expectRefused(await pay({ phone: pending.phone, amount: 82 }), pending.id, 120);
    await move(app, 60_000);
    await story.until(pending.id, 'unknown');
    expectRefused(await pay({ phone: pending.phone, amount: 82 }), pending.id, 60);

    const paid = await endPayment(app, story, '0', { amount: 83 });
    expect((await pay({ phone: paid.phone, amount: 83 })).body).to.include({ existing: paid.id, status: 409 });
  });

  it('opens at once when the first failed or was cancelled', async () => {
    for (const code of ['1', '1032']) {
      const ended = await endPayment(app, story, code, { amount: 84 });
      expect((await pay({ phone: ended.phone, amount: 84 })).status, code).to.equal(201);
    }
  });

  it('sees past payments that ended: the live one among several is found', async () => {
    const phone = freshPhone();
    await endPayment(app, story, '1032', { phone, amount: 85 });
    const live = await pay({ phone, amount: 85 });
    expect(live.status).to.equal(201);
    expect((await pay({ phone, amount: 85 })).body).to.include({ existing: live.body.id, status: 409 });
  });

  it('accepts one of 20 at once after a first that failed', async () => {
    const ended = await endPayment(app, story, '1032', { amount: 86 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay({ phone: ended.phone, amount: 86 })));
    expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
    expect(answers.filter(({ status }) => status === 409)).to.have.length(19);
  });

  it('accepts all of 10 at once with allow_duplicate', async () => {
    const body = { ...same(), allow_duplicate: true };
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(body)));
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(10).fill(201));
  });

  // SQLite serves one process only.
  if (isProductionProfile) {
    it('accepts one of 20 that arrive at two servers at once', async () => {
      const other = await buildGateway({ beside: app });
      try {
        const body = same();
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, index) => pay(body, index % 2 === 0 ? app : other)),
        );
        expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
        expect(answers.filter(({ status }) => status === 409)).to.have.length(19);
      } finally {
        await other.close();
      }
    });

    it('makes one payment of 20 identical requests at two servers at once', async () => {
      const other = await buildGateway({ beside: app });
      try {
        const body = same();
        const options = { key: story.tenant.key, headers: { 'Idempotency-Key': 'two servers' } };
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? app : other).pay(body, options)),
        );
        expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
        expect(new Set(answers.map(({ body: payment }) => payment.id)).size).to.equal(1);
      } finally {
        await other.close();
      }
    });
  }
});
