// Waiting for a payment (api.md, waiting): the long poll and `Prefer: wait=N`, and that they hear of a change wherever
// it happens. Time stands still, so an answer that comes without the clock moving was woken and not timed out.

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

describe('waiting for a payment', () => {
  let app: TestGateway;
  let story: Story;
  let paused: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    paused = await beginPausedStory(app);
  });
  after(() => app.close());

  /** Requests that came later and read the database are answered: whoever came before has read it, too. */
  async function turns(): Promise<void> {
    for (let round = 0; round < 3; round += 1) await paused.call('/v1/payments?limit=1');
  }

  /** Starts a request and comes back when it is being waited for, or answered. */
  async function begin(answer: Promise<Answer>): Promise<{ answer: Promise<Answer>; isAnswered(): boolean }> {
    let isAnswered = false;
    answer.then(
      () => {
        isAnswered = true;
      },
      () => undefined,
    );
    await turns();
    return { answer, isAnswered: () => isAnswered };
  }

  /** Moves the clock until the answer is there; how long it took. */
  async function timeUntil(begun: { answer: Promise<Answer>; isAnswered(): boolean }): Promise<number> {
    const from = app.clock.now();
    for (let step = 0; !begun.isAnswered() && step < 240; step += 1) {
      await app.clock.advance(500);
      await turns();
    }
    await begun.answer;
    return app.clock.now() - from;
  }

  const cancel = (id: string) => paused.call(`/v1/payments/${id}/cancel`, { method: 'POST' });

  describe('GET /v1/payments/{id}?wait=N', () => {
    it('answers at once for a final status, whatever version is given', async () => {
      for (const code of ['0', '1', '1032']) {
        const ended = await endPayment(app, story, code);
        expect((await story.call(`/v1/payments/${ended.id}?wait=55`)).body).to.deep.equal(ended);
        expect((await story.call(`/v1/payments/${ended.id}?wait=55&version=${ended.version}`)).body).to.deep.equal(
          ended,
        );
      }
    });

    it('answers at once when the version given is not the present one', async () => {
      const queued = await paused.pay();
      expect((await paused.call(`/v1/payments/${queued.id}?wait=55&version=0`)).body).to.deep.equal(queued);
      expect((await paused.call(`/v1/payments/${queued.id}?wait=55&version=99`)).body).to.deep.equal(queued);
    });

    it('without a change answers the same after N seconds', async () => {
      const queued = await paused.pay();
      for (const query of ['wait=5', `wait=5&version=${queued.version}`]) {
        const begun = await begin(paused.call(`/v1/payments/${queued.id}?${query}`));
        expect(begun.isAnswered(), query).to.equal(false);
        expect(await timeUntil(begun), query).to.be.within(5000, 7000);
        expect((await begun.answer).body).to.deep.equal(queued);
      }
    });

    it('answers as soon as the payment changes', async () => {
      const queued = await paused.pay();
      const begun = await begin(paused.call(`/v1/payments/${queued.id}?wait=55`));
      expect(begun.isAnswered()).to.equal(false);
      await cancel(queued.id);
      const { status, body } = await begun.answer;
      expect(status).to.equal(200);
      expect(body).to.include({ status: 'cancelled', version: queued.version + 1 });
    });

    it('answers when a callback settles the payment, and to everybody who waits', async () => {
      const pending = await pendingPayment(app, story);
      const waiting = await Promise.all(
        [1, 2, 3].map(() => begin(story.call(`/v1/payments/${pending.id}?wait=55&version=${pending.version}`))),
      );
      await app.simulator.control.sendCallback({ phone: pending.phone }, { resultCode: '0' });
      for (const { answer } of waiting) expect((await answer).body).to.include({ status: 'succeeded' });
    });

    it('notices a change that nobody told of, long before its time is over', async () => {
      const queued = await paused.pay();
      const begun = await begin(paused.call(`/v1/payments/${queued.id}?wait=55`));
      await app.gateway.core.db('payments').where({ id: queued.id }).update({ version: 9 });
      expect(begun.isAnswered()).to.equal(false);
      expect(await timeUntil(begun)).to.be.at.most(4000);
      expect((await begun.answer).body.version).to.equal(9);
    });

    it('is not final for unknown: it waits on', async () => {
      const pending = await pendingPayment(app, story, { expires_in: 60 });
      await move(app, 60_000);
      await story.until(pending.id, 'unknown');
      const begun = await begin(story.call(`/v1/payments/${pending.id}?wait=55`));
      expect(begun.isAnswered()).to.equal(false);
      await app.simulator.control.sendCallback({ phone: pending.phone }, { resultCode: '0' });
      expect((await begun.answer).body).to.include({ status: 'succeeded' });
    });

    it('refuses a wait or version that is none', async () => {
      const { id } = await paused.pay();
      for (const query of [
        'wait=0',
        'wait=56',
        'wait=x',
        'wait=',
        'wait=1.5',
        'version=x',
        'wait=5&wait=6',
        'wiat=5',
      ]) {
        const { status, body } = await paused.call(`/v1/payments/${id}?${query}`);
        expect(status, query).to.equal(400);
        expect(body.code, query).to.equal('invalid_request');
      }
    });
  });

  describe('Prefer: wait=N', () => {
    it('holds the answer until M-PESA has answered the push, and says that it did', async () => {
      const phone = freshPhone();
      app.simulator.control.setOutcome({ phone, code: 'silent' });
      const answer = await app.pay({ phone }, { key: story.tenant.key, headers: { Prefer: 'wait=55' } });
      expect(answer.status).to.equal(201);
      expect(answer.body).to.include({ status: 'pending' });
      expect(answer.headers.get('Preference-Applied')).to.equal('wait=55');
    });

    it('answers with the refusal when M-PESA refuses the push', async () => {
      const phone = freshPhone();
      app.simulator.control.setFault({ group: 'push', fault: 'no_iccid', reach: 'all', phone });
      const { status, body } = await app.pay({ phone }, { key: story.tenant.key, headers: { Prefer: 'wait=55' } });
      expect(status).to.equal(201);
      expect(body).to.include({ status: 'failed' });
      expect(body.failure.code).to.equal('not_mpesa_customer');
    });

    it('answers after N seconds with the payment as it then is', async () => {
      const begun = await begin(app.pay({}, { key: paused.tenant.key, headers: { Prefer: 'wait=5' } }));
      expect(begun.isAnswered()).to.equal(false);
      expect(await timeUntil(begun)).to.be.within(5000, 7000);
      expect((await begun.answer).body).to.include({ status: 'queued' });
    });

    it('works for a replay and for a retry', async () => {
      const phone = freshPhone();
      app.simulator.control.setOutcome({ phone, code: 'silent' });
      const headers = { 'Idempotency-Key': 'prefer-replay', Prefer: 'wait=55' };
      await app.pay({ phone }, { key: story.tenant.key, headers });
      const replay = await app.pay({ phone }, { key: story.tenant.key, headers });
      expect(replay.headers.get('Idempotency-Replayed')).to.equal('true');
      expect(replay.body.status).to.equal('pending');
      const ended = await endPayment(app, story, '1032', { amount: 91 });
      const retry = await story.call(`/v1/payments/${ended.id}/retry`, {
        method: 'POST',
        headers: { 'Idempotency-Key': 'prefer-retry', Prefer: 'wait=55' },
      });
      expect(retry.body.status).to.equal('pending');
    });

    it('with a bad N is 400 and makes nothing; another preference is ignored', async () => {
      const phone = freshPhone();
      for (const prefer of ['wait=0', 'wait=56', 'wait=soon', 'wait'])
        expect(
          (await app.pay({ phone }, { key: paused.tenant.key, headers: { Prefer: prefer } })).body.errors[0],
          prefer,
        ).to.include({ parameter: 'Prefer' });
      expect((await paused.call(`/v1/payments?phone=${phone}`)).body.data).to.deep.equal([]);
      const answer = await app.pay(
        { phone },
        { key: paused.tenant.key, headers: { Prefer: 'respond-async, handling=lenient' } },
      );
      expect(answer.status).to.equal(201);
      expect(answer.headers.get('Preference-Applied')).to.equal(null);
    });
  });

  // Several processes need MySQL and Redis.
  if (isProductionProfile) {
    it('hears through the bus of a change that another server made', async () => {
      const other = await buildGateway({ beside: app, env: { ROLES: 'api' } });
      try {
        const queued = await paused.pay();
        const begun = await begin(other.call(`/v1/payments/${queued.id}?wait=55`, { key: paused.tenant.key }));
        for (let round = 0; round < 3; round += 1) await other.call('/v1/payments?limit=1');
        expect(begun.isAnswered()).to.equal(false);
        await cancel(queued.id);
        expect((await begun.answer).body).to.include({ status: 'cancelled' });
      } finally {
        await other.close();
      }
    });
  }
});
