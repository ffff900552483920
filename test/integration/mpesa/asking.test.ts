// Asking M-PESA what became of a push (design.md section 9): when it is asked, which answers count, and how slowly a no
// is believed. The clock's jitter stands in its middle, so the plan's times are exact.

import { expect } from 'chai';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import {
  beginStory,
  move,
  received,
  rest,
  type Story,
  sendCallback,
  silentPhone,
} from '../../support/payment-story.ts';

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

describe('asking M-PESA', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  interface Pushed {
    id: string;
    phone: string;
    checkoutRequestId: string;
  }

  /** A payment whose push was accepted and of which nothing will be heard unless somebody asks. */
  async function pushed(fault: string | null = 'processing_4999', body: Record<string, unknown> = {}): Promise<Pushed> {
    const phone = silentPhone(app);
    if (fault !== null) answer(phone, fault);
    const { id } = await story.pay({ phone, ...body });
    const { checkout_request_id } = await story.until(id, 'pending');
    return { id, phone, checkoutRequestId: checkout_request_id };
  }

  const answer = (phone: string, fault: string): void =>
    app.simulator.control.setFault({ group: 'query', fault, reach: 'all', phone });

  const asked = ({ checkoutRequestId }: Pushed): number[] =>
    app.simulator.ledger.queries.filter((query) => query.checkoutRequestId === checkoutRequestId).map(({ at }) => at);

  /** From the timeline: reading the payment itself would ask (read-repair). */
  const lastStatus = async (id: string): Promise<string | undefined> => (await story.statuses(id)).at(-1);

  it('finds a payment whose callback was lost at 45 s, and not before', async () => {
    const lost = await pushed('says_paid');
    await move(app, 45 * seconds - 1);
    expect(asked(lost)).to.have.length(0);
    await move(app, 1);
    const paid = await story.until(lost.id, 'succeeded');
    expect(paid).to.include({ confirmed_by: 'query', mpesa_receipt: null, amount_received: null });
    expect(paid.flags).to.deep.equal(['receipt_missing']);
    await move(app, 2 * hours);
    expect(asked(lost)).to.have.length(1);
    expect(received(app, lost.phone)).to.have.length(1);
  });

  it('fills in the receipt when the callback comes after the query’s yes', async () => {
    const late = await pushed('says_paid');
    await move(app, 45 * seconds);
    await story.until(late.id, 'succeeded');
    await sendCallback(app, late.phone, { receipt: 'UJ6LATER01' });
    const filled = await story.read(late.id);
    expect(filled).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6LATER01', confirmed_by: 'callback' });
    expect(filled.flags).to.deep.equal([]);
    expect((await story.events(late.id)).at(-1)).to.equal('payment.updated');
  });

  for (const fault of [
    'processing_4999',
    'processing_500',
    'empty_message',
    'too_soon',
    'not_found',
    'http_500',
    'busy',
    'quota',
    'waf_503',
    'waf_403',
    'lost',
    'spike_arrest',
  ]) {
    it(`takes ${fault} for no answer: nothing changes, before and after the payment expires`, async () => {
      const silent = await pushed(fault);
      const version = (await story.read(silent.id)).version;
      await move(app, 45 * seconds);
      await move(app, 30 * seconds);
      expect(await story.read(silent.id)).to.include({ status: 'pending', version });
      expect(await story.verdicts(silent.id, 'query')).to.deep.equal(['no_answer', 'no_answer']);
      await move(app, 20 * minutes);
      expect((await story.read(silent.id)).status).to.equal('unknown');
    });
  }

  it('takes a query that is not answered in time for no answer', async () => {
    const slow = await pushed('slow');
    await app.clock.advance(45 * seconds);
    await app.gateway.worker.dispatch();
    await app.clock.advance(0);
    const deadline = Date.now() + 4000;
    while ((await story.verdicts(slow.id, 'query')).length === 0 && Date.now() < deadline)
      await app.clock.advance(1000);
    expect(await story.verdicts(slow.id, 'query')).to.deep.equal(['no_answer']);
    expect((await story.read(slow.id)).status).to.equal('pending');
    answer(slow.phone, 'processing_4999');
    await app.clock.advance(60 * seconds);
  });

  it('fetches another token when a query’s token is refused, and believes the answer it then gets', async () => {
    const refused = await pushed(null);
    app.simulator.control.setFault({
      group: 'query',
      fault: 'invalid_token',
      sequence: ['invalid_token', 'says_paid'],
      reach: 'next',
      phone: refused.phone,
    });
    await move(app, 45 * seconds);
    await story.until(refused.id, 'succeeded');
  });

  it('does not believe a no before the payment expires, and believes it when it is seen twice, 30 s apart, after that', async () => {
    const denied = await pushed('says_failed', { expires_in: 600 });
    for (const wait of [45, 30, 45, 180]) await move(app, wait * seconds);
    expect(asked(denied)).to.have.length(4);
    expect(await lastStatus(denied.id)).to.equal('pending');
    await move(app, 300 * seconds);
    expect(await lastStatus(denied.id)).to.equal('unknown');
    await move(app, 300 * seconds);
    expect(asked(denied)).to.have.length(5);
    expect(await lastStatus(denied.id)).to.equal('unknown');
    await move(app, 30 * seconds);
    const cancelled = await story.until(denied.id, 'cancelled');
    expect(cancelled).to.include({ confirmed_by: 'query' });
    expect(cancelled.failure.code).to.equal('cancelled_by_customer');
    expect((await story.timeline(denied.id)).at(-1)?.cause).to.equal('a query said 1032 twice');
  });

  it('does not count two times no that are less than 30 s apart', async () => {
    const denied = await pushed('says_failed', { expires_in: 60 });
    await move(app, 75 * seconds);
    expect(asked(denied)).to.have.length(1);
    await move(app, 16 * seconds);
    await story.call(`/v1/payments/${denied.id}/check`, { method: 'POST' });
    await rest(app);
    expect(asked(denied)).to.have.length(2);
    expect((await story.read(denied.id)).status).to.equal('unknown');
    await move(app, 15 * seconds);
    await story.until(denied.id, 'cancelled');
    expect(asked(denied)).to.have.length(3);
  });

  it('believes a single no ten minutes after the payment expired', async () => {
    const denied = await pushed('processing_4999');
    await move(app, 900 * seconds - 1);
    expect(await lastStatus(denied.id)).to.equal('unknown');
    answer(denied.phone, 'says_failed');
    await move(app, 15 * seconds);
    await story.call(`/v1/payments/${denied.id}/check`, { method: 'POST' });
    await story.until(denied.id, 'cancelled');
    expect((await story.timeline(denied.id)).at(-1)?.cause).to.equal('a query said 1032');
    expect((await story.verdicts(denied.id, 'query')).at(-1)).to.equal('applied');
  });

  it('never lets a query’s no undo a success that came while it was asked', async () => {
    const raced = await pushed('says_failed', { expires_in: 60 });
    await app.clock.advance(20 * minutes);
    app.simulator.control.changeSettings({ ackMs: 1000 });
    const payments = app.gateway.core.db('payments').where({ id: raced.id });
    const deadline = Date.now() + 20_000;
    await app.gateway.worker.dispatch();
    while ((await payments.clone().first('last_asked_at')).last_asked_at === null && Date.now() < deadline)
      await app.clock.advance(0);
    await sendCallback(app, raced.phone, { resultCode: '0', receipt: 'UJ6RACED01' });
    expect((await story.read(raced.id)).status).to.equal('succeeded');
    while (app.gateway.worker.inFlight() > 0 && Date.now() < deadline) await app.clock.advance(1000);
    app.simulator.control.changeSettings({ ackMs: 0 });
    expect(await story.read(raced.id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6RACED01' });
    expect(await story.verdicts(raced.id, 'query')).to.deep.equal(['contradicts']);
  });

  it('goes on by the hour to 48 h after the push, then stops, and leaves the payment to an operator', async () => {
    const silent = await pushed('processing_4999');
    const pushedAt = app.clock.now();
    for (let hour = 0; hour < 52; hour++) await move(app, hour === 0 ? 45 * seconds : hours);
    for (let minute = 0; minute < 3; minute++) await move(app, hours);
    const times = asked(silent).map((at) => at - pushedAt);
    expect(times.at(-1)).to.be.within(47 * hours, 49 * hours);
    expect(times.length).to.be.within(48, 54);
    expect((await story.read(silent.id)).status).to.equal('needs_review');
    const [row] = await app.gateway.core.db('payments').where({ id: silent.id }).select('due_at');
    expect(row.due_at).to.equal(null);
  });

  it('is asked at 45, 75, 120 s, 5, 15 and 30 min, then hourly', async () => {
    const silent = await pushed('processing_4999');
    const pushedAt = app.clock.now();
    for (const wait of [45, 30, 45, 180, 600, 900, 1800, 3600, 3600]) await move(app, wait * seconds);
    const times = asked(silent).map((at) => (at - pushedAt) / seconds);
    expect(times).to.deep.equal([45, 75, 120, 300, 900, 1800, 3600, 7200, 10_800]);
  });
});
