// What each answer to a push does to the payment (design.md section 6), with the number of pushes that reached Daraja
// counted at Daraja: what may have been taken is never sent again (promise 1).

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import {
  beginStory,
  callbackUrlOf,
  move,
  received,
  rest,
  sendCallback,
  silentPhone,
  taken,
} from '../../support/payment-story.ts';

const seconds = 1000;
const minutes = 60 * seconds;

describe('answers to a push', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  const fail = (fault: string, phone: string, reach: 'next' | 'all' = 'next'): void =>
    app.simulator.control.setFault({ group: 'push', fault, reach, phone });

  const notSent = [
    ['spike_arrest', 'spike_arrest', 5 * seconds],
    ['spike_arrest_500', 'spike_arrest', 5 * seconds],
    ['quota', 'quota', 5 * seconds],
    ['busy', 'busy', 5 * seconds],
    ['maintenance', 'busy', 5 * seconds],
    ['lock', 'subscriber_locked', 60 * seconds],
  ] as const;
  for (const [fault, reason, backOffMs] of notSent) {
    it(`sends again after the back-off, and is then paid, when M-PESA says ${fault}`, async () => {
      const story = await beginStory(app);
      const phone = freshPhone();
      fail(fault, phone);
      const { id } = await story.pay({ phone });
      await rest(app);
      expect(await story.read(id)).to.include({ status: 'queued', submitted_at: null, failure: null });
      const causes = (await story.timeline(id)).map(({ cause }) => cause);
      expect(causes).to.include(`not sent: ${reason}`);

      await move(app, backOffMs - 1);
      expect(received(app, phone)).to.have.length(1);
      await move(app, 1);
      await story.until(id, 'pending');
      app.simulator.control.answer({ phone }, 'pin');
      await story.until(id, 'succeeded');
      expect(await story.statuses(id)).to.deep.equal([
        'queued',
        'submitting',
        'queued',
        'submitting',
        'pending',
        'succeeded',
      ]);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([2, 1]);
    });
  }

  it('waits for the customer’s open prompt to end before it prompts the same phone for another amount', async () => {
    const story = await beginStory(app);
    const phone = freshPhone();
    const first = await story.pay({ phone, amount: 10 });
    await story.until(first.id, 'pending');
    const second = await story.pay({ phone, amount: 20 });
    await rest(app);
    expect((await story.read(second.id)).status).to.equal('queued');
    await move(app, 59 * seconds);
    expect(taken(app, phone)).to.have.length(1);
    await move(app, 1 * seconds);
    await story.until(second.id, 'pending');
    expect(taken(app, phone).map(({ request }) => request.amount)).to.deep.equal([10, 20]);
  });

  it('backs off 5, 15, 45, 90, 90 s, and expires unsent when M-PESA stays busy', async () => {
    const story = await beginStory(app);
    const phone = freshPhone();
    fail('busy', phone, 'all');
    const { id } = await story.pay({ phone });
    await rest(app);
    for (const wait of [5, 15, 45, 90, 90]) {
      const before = received(app, phone).length;
      await move(app, wait * seconds - 1);
      expect(received(app, phone)).to.have.length(before);
      await move(app, 1);
      expect(received(app, phone)).to.have.length(before + 1);
    }
    await move(app, 55 * seconds);
    const expired = await story.until(id, 'expired');
    expect(expired.failure.code).to.equal('not_sent_in_time');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([6, 0]);
  });

  const refused = [
    ['wrong_credentials', 'invalid_credentials', 1],
    ['no_merchant', 'misconfigured_shortcode', 1],
    ['no_iccid', 'not_mpesa_customer', 1],
    ['no_product', 'invalid_credentials', 2],
  ] as const;
  for (const [fault, code, calls] of refused) {
    it(`fails with ${code}, and asks nobody anything, when M-PESA says ${fault}`, async () => {
      const story = await beginStory(app);
      const phone = freshPhone();
      fail(fault, phone, 'all');
      const { id } = await story.pay({ phone });
      const failed = await story.until(id, 'failed');
      expect(failed.failure.code).to.equal(code);
      expect(await story.events(id)).to.deep.equal(['payment.failed']);
      await move(app, 10 * minutes);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([calls, 0]);
      expect(await story.verdicts(id, 'query')).to.deep.equal([]);
    });
  }

  for (const fault of ['invalid_token', 'no_product']) {
    it(`fetches another token and sends the same push when the token is refused once (${fault})`, async () => {
      const story = await beginStory(app);
      const phone = freshPhone();
      fail(fault, phone);
      const { id } = await story.pay({ phone });
      await story.until(id, 'pending');
      expect(await story.statuses(id)).to.deep.equal(['queued', 'submitting', 'pending']);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([2, 1]);
    });
  }

  const unclear = [
    ['lost', 1],
    ['http_500', 1],
    ['unreadable', 1],
    ['output_invalid', 1],
    ['gateway_timeout', 1],
    ['lost_before', 0],
    ['http_500_not_taken', 0],
    ['waf_503', 0],
    ['waf_403', 0],
    ['empty_400', 0],
  ] as const;
  for (const [fault, prompts] of unclear) {
    it(`is unknown, never sent again, and in review 30 min after it expired, when the answer is ${fault} and nothing is heard`, async () => {
      const story = await beginStory(app);
      const phone = silentPhone(app);
      fail(fault, phone);
      const { id } = await story.pay({ phone });
      const unknown = await story.until(id, 'unknown');
      expect(unknown.failure.code).to.equal('unknown_result');
      expect((await story.timeline(id)).at(-1)?.cause).to.match(/^no clear answer to the push: /);
      await move(app, 5 * minutes + 30 * minutes - 1);
      expect((await story.read(id)).status).to.equal('unknown');
      await move(app, 1);
      await story.until(id, 'needs_review');
      expect(await story.events(id)).to.deep.equal(['payment.unknown', 'payment.needs_review']);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, prompts]);
    });
  }

  for (const fault of ['lost', 'http_500', 'unreadable', 'output_invalid', 'gateway_timeout']) {
    it(`is paid by its callback, which names the ids we never got, when the answer was ${fault}`, async () => {
      const story = await beginStory(app);
      const phone = freshPhone();
      fail(fault, phone);
      const { id } = await story.pay({ phone });
      expect(await story.until(id, 'unknown')).to.include({ checkout_request_id: null });
      app.simulator.control.answer({ phone }, 'pin');
      const paid = await story.until(id, 'succeeded');
      expect(paid).to.include({ checkout_request_id: taken(app, phone)[0]?.checkoutRequestId, flags: paid.flags });
      expect(paid.flags).to.deep.equal([]);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
    });
  }

  it('is unknown at the time-out of a slow push, and the answer that comes after it changes nothing', async () => {
    const story = await beginStory(app);
    const phone = silentPhone(app);
    fail('slow', phone);
    const { id } = await story.pay({ phone });
    await app.gateway.worker.dispatch();
    await app.simulator.ledger.until(() => taken(app, phone).length === 1);
    expect((await story.read(id)).status).to.equal('submitting');
    await app.clock.advance(15 * seconds);
    await story.until(id, 'unknown');
    await move(app, 60 * seconds);
    expect((await story.read(id)).status).to.equal('unknown');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
  });

  it('believes a callback although the push’s answer looked like a refusal', async () => {
    const story = await beginStory(app);
    const phone = freshPhone();
    const { id } = await story.pay({ phone, amount: 30 });
    await story.until(id, 'pending');
    const other = await story.pay({ phone: freshPhone(), amount: 40 });
    const otherPhone = other.phone;
    fail('wrong_credentials', otherPhone);
    await story.until(other.id, 'failed');
    const claim = {
      url: callbackUrlOf(app, otherPhone),
      amount: 40,
      phone: otherPhone,
      checkoutRequestId: 'ws_CO_X1',
      merchantRequestId: 'x-1',
    };
    expect((await sendCallback(app, phone, claim)).status).to.equal(200);
    const paid = await story.until(other.id, 'succeeded');
    expect(paid.flags).to.deep.equal(['late']);
    expect(received(app, otherPhone)).to.have.length(1);
  });
});
