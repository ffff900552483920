// What a merchant may do with a payment: cancel what was not sent, retry what did not succeed, have M-PESA asked about
// what is open. Asking itself is tested in test/integration/mpesa.

import { expect } from 'chai';
import { type Answer, buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest, type Story } from '../../support/payment-story.ts';

describe('acting on a payment', () => {
  let app: TestGateway;
  let story: Story;
  let paused: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    paused = await beginPausedStory(app);
  });
  after(() => app.close());

  const act = (by: Story, id: string, what: string, options: { body?: unknown; key?: string } = {}): Promise<Answer> =>
    by.call(`/v1/payments/${id}/${what}`, {
      method: 'POST',
      ...(options.body === undefined ? {} : { body: options.body }),
      headers: { 'Idempotency-Key': options.key ?? `act-${id}-${what}` },
    });

  describe('cancel', () => {
    it('of a queued payment is 200 with the payment, told by one event, and nothing is ever sent', async () => {
      const queued = await paused.pay();
      const answer = await act(paused, queued.id, 'cancel');
      expect(answer.status).to.equal(200);
      expect(answer.body).to.include({ id: queued.id, status: 'cancelled', version: queued.version + 1 });
      expect(answer.body.failure).to.include({ code: 'cancelled_by_merchant' });
      expect(answer.body.completed_at).to.be.a('string');
      await move(app, 400_000);
      expect((await paused.read(queued.id)).status).to.equal('cancelled');
      expect(await paused.events(queued.id)).to.deep.equal(['payment.cancelled']);
      expect(app.simulator.ledger.pushesOf(queued.phone)).to.have.length(0);
      const [, cancelled] = await paused.timeline(queued.id);
      expect(cancelled).to.include({ to: 'cancelled', actor: paused.tenant.keyId });
    });

    it('twice is 409 not_cancellable the second time', async () => {
      const queued = await paused.pay();
      const answers = await Promise.all([act(paused, queued.id, 'cancel'), act(paused, queued.id, 'cancel')]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 409]);
      expect(await paused.events(queued.id)).to.deep.equal(['payment.cancelled']);
    });

    it('of what may be on a phone, or has its end, is 409 and changes nothing', async () => {
      const payments = [
        await pendingPayment(app, story),
        await endPayment(app, story, '0'),
        await endPayment(app, story, '1'),
      ];
      for (const payment of payments) {
        expect((await act(story, payment.id, 'cancel')).body, payment.status).to.include({
          status: 409,
          code: 'not_cancellable',
        });
        expect(await story.read(payment.id)).to.deep.equal(payment);
      }
    });

    it('takes no body: {} and none are the same, anything else is 400', async () => {
      const queued = await paused.pay();
      expect((await act(paused, queued.id, 'cancel', { body: { reason: 'x' } })).body).to.include({
        status: 400,
        code: 'invalid_request',
      });
      expect((await act(paused, queued.id, 'cancel', { body: {} })).status).to.equal(200);
    });
  });

  describe('retry', () => {
    it('makes a new payment with the same details that names the old one, and sends it', async () => {
      const old = await endPayment(app, story, '1032', {
        amount: 60,
        reference: 'INV-7',
        description: 'Shoes',
        metadata: { a: '1' },
        expires_in: 900,
      });
      const { status, body, headers } = await act(story, old.id, 'retry');
      expect(status).to.equal(201);
      expect(headers.get('Location')).to.equal(`/v1/payments/${body.id}`);
      const { amount, phone, reference, description, metadata, shortcode } = old;
      expect(body).to.deep.include({
        amount,
        phone,
        reference,
        description,
        metadata,
        shortcode,
        retry_of: old.id,
        status: 'queued',
        failure: null,
      });
      expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).to.equal(900_000);
      await story.until(body.id, 'pending');
      expect((await story.read(old.id)).status).to.equal('cancelled');
    });

    it('takes expires_in, and a body with nothing else', async () => {
      const old = await endPayment(app, story, '1', { amount: 61 });
      expect((await act(story, old.id, 'retry', { body: { amount: 5 } })).body.errors[0]).to.include({
        pointer: '/amount',
        code: 'unknown_field',
      });
      const { body } = await act(story, old.id, 'retry', { body: { expires_in: 60 } });
      expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).to.equal(60_000);
    });

    it('is allowed for an expired payment', async () => {
      const queued = await paused.pay({ expires_in: 60 });
      await move(app, 60_000);
      expect(await paused.until(queued.id, 'expired')).to.include({ status: 'expired' });
      expect((await act(paused, queued.id, 'retry')).body).to.include({ status: 'queued', retry_of: queued.id });
    });

    it('of what is live or paid is 409 not_retryable', async () => {
      const unknown = await pendingPayment(app, story, { expires_in: 60 });
      await move(app, 60_000);
      await story.until(unknown.id, 'unknown');
      for (const { id } of [await pendingPayment(app, story), unknown, await endPayment(app, story, '0')])
        expect((await act(story, id, 'retry')).body).to.include({ status: 409, code: 'not_retryable' });
    });

    it('with the same key is a replay, also when the first one has succeeded late meanwhile', async () => {
      const old = await endPayment(app, story, '1037', { amount: 62 });
      const first = await act(story, old.id, 'retry', { key: 'retry-once' });
      await app.simulator.control.sendCallback(
        { phone: old.phone, checkoutRequestId: old.checkout_request_id },
        { resultCode: '0' },
      );
      await story.until(old.id, 'succeeded');
      const again = await act(story, old.id, 'retry', { key: 'retry-once' });
      expect(again.status, again.text).to.equal(201);
      expect(again.body.id).to.equal(first.body.id);
      expect(again.headers.get('Idempotency-Replayed')).to.equal('true');
      expect((await act(story, old.id, 'retry', { key: 'retry-twice' })).body.code).to.equal('not_retryable');
    });

    it('twice with two keys is one prompt: the second meets the duplicate window', async () => {
      const old = await endPayment(app, story, '1032', { amount: 63 });
      const answers = await Promise.all(
        ['one', 'two'].map((key) => act(story, old.id, 'retry', { key: `both-${key}` })),
      );
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, 409]);
    });
  });

  describe('check', () => {
    it('of a pending payment is 202 with the payment', async () => {
      const pending = await pendingPayment(app, story);
      const answer = await act(story, pending.id, 'check');
      expect(answer.status).to.equal(202);
      expect(answer.body).to.include({ id: pending.id, status: 'pending' });
      await rest(app);
    });

    it('of what is queued or has its end is 409 nothing_to_check', async () => {
      const queued = await paused.pay();
      expect((await act(paused, queued.id, 'check')).body).to.include({ status: 409, code: 'nothing_to_check' });
      for (const code of ['0', '1', '1032']) {
        const ended = await endPayment(app, story, code);
        expect((await act(story, ended.id, 'check')).body, code).to.include({ status: 409, code: 'nothing_to_check' });
      }
    });

    it('of a push whose ids we do not know is 409 nothing_to_check', async () => {
      const phone = '254721000777';
      app.simulator.control.setOutcome({ phone, code: 'silent' });
      app.simulator.control.setFault({ group: 'push', fault: 'unreadable', reach: 'all', phone });
      const { id } = await story.pay({ phone });
      await story.until(id, 'unknown');
      expect((await act(story, id, 'check')).body).to.include({ status: 409, code: 'nothing_to_check' });
    });

    it('takes no body', async () => {
      const pending = await pendingPayment(app, story);
      expect((await act(story, pending.id, 'check', { body: { now: true } })).status).to.equal(400);
    });
  });
});
