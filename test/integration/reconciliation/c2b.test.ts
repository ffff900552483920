// A payment and its C2B confirmation, in every order in which they come: one receipt, one success, one event; and money
// that nobody asked for is an orphan, never somebody's payment.

import { expect } from 'chai';
import type { Line } from '../../../src/reconciliation/line.ts';
import { buildGateway, freshPhone, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { confirm, confirmationBody, freshNumber, linesOf, registerC2b } from '../../support/feeds.ts';
import { eventually } from '../../support/gateway-process.ts';
import { move, rest, type Story, sendCallback, taken, tellStory } from '../../support/payment-story.ts';

const minute = 60_000;

describe('a payment and its confirmation', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  let story: Story;
  let number: string;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    number = freshNumber();
    tenant = await app.addTenant({ shortcode: number });
    story = tellStory(app, tenant);
    expect(await registerC2b(app, tenant.shortcodeId)).to.include({ outcome: 'registered' });
  });
  afterEach(() => {
    app.simulator.control.clearFaults();
    app.simulator.control.changeSettings({ confirmations: 'after' });
  });
  after(() => app.close());

  /** A payment whose prompt is open. */
  async function prompted(body: Record<string, unknown> = {}): Promise<{ id: string; phone: string }> {
    const phone = freshPhone();
    const made = await story.pay({ phone, ...body });
    await story.until(made.id, 'pending');
    return { id: made.id, phone };
  }

  const masked = (phone: string): string => `2547 ***** ${phone.slice(-3)}`;

  const receiptsOf = (receipt: string) =>
    app.gateway.core.db('receipts').where({ shortcode: number, receipt }).select('payment_id', 'first_source');

  /** The lines of the shortcode, when matching has looked at each: a nudge may be at one just now. */
  async function settledLines(): Promise<Line[]> {
    await rest(app);
    return eventually('lines that were looked at', async () => {
      await app.gateway.feeds.matchDue();
      const lines = await linesOf(app, tenant);
      return lines.length > 0 && lines.every(({ status }) => status !== 'new') ? lines : undefined;
    });
  }

  /** However it came there: paid once, told once, one receipt, and its line is the payment's. */
  async function expectPaidOnce(id: string): Promise<void> {
    const lines = await settledLines();
    const payment = await story.until(
      id,
      ({ status, mpesa_receipt }) => status === 'succeeded' && mpesa_receipt !== null,
    );
    expect(lines.map(({ status, paymentId, receipt }) => [status, paymentId, receipt])).to.deep.equal([
      ['matched', id, payment.mpesa_receipt],
    ]);
    expect(payment).to.include({ amount_received: payment.amount });
    expect(payment.flags).to.deep.equal([]);
    expect((await receiptsOf(payment.mpesa_receipt)).map(({ payment_id }) => payment_id)).to.deep.equal([id]);
    expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
  }

  for (const [confirmations, confirmedBy] of [
    ['after', 'callback'],
    ['before', 'c2b'],
    ['only', 'c2b'],
  ] as const) {
    it(`is paid once, by ${confirmedBy}, when the confirmation comes ${confirmations === 'only' ? 'instead of the callback' : `${confirmations} the callback`}`, async () => {
      app.simulator.control.changeSettings({ confirmations });
      const { id, phone } = await prompted();
      app.simulator.control.answer({ phone }, 'pin');
      await rest(app);
      await expectPaidOnce(id);
      // Whichever of two that come within a moment is settled first: never both.
      const { confirmed_by } = await story.read(id);
      expect(confirmations === 'before' ? ['c2b', 'callback'] : [confirmedBy]).to.include(confirmed_by);
      const heard = (await story.timeline(id)).filter(({ source }) => source === 'callback' || source === 'c2b');
      expect(heard.map(({ verdict }) => verdict).sort()).to.deep.equal(
        confirmations === 'only' ? ['applied'] : ['applied', 'repeated'],
      );
    });
  }

  it('is paid once when the confirmation comes twice', async () => {
    app.simulator.control.changeSettings({ confirmations: 'only' });
    const { id, phone } = await prompted();
    app.simulator.control.setFault({ group: 'confirmation', fault: 'twice', reach: 'next', phone });
    app.simulator.control.answer({ phone }, 'pin');
    await rest(app);
    await move(app, 1000);
    await expectPaidOnce(id);
    const sent = app.simulator.ledger.confirmations.filter(({ shortcode }) => shortcode === number);
    expect(sent.map(({ status }) => status)).to.deep.equal([200, 200]);
  });

  it('is paid once when ten confirmations and ten callbacks of it come at once', async () => {
    const { id, phone } = await prompted();
    const receipt = 'UJ6ATONCE9';
    const body = confirmationBody(app, { BusinessShortCode: number, TransID: receipt, MSISDN: masked(phone) });
    const sent = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        if (index % 2 === 0) return (await sendCallback(app, phone, { receipt })).status;
        return (await confirm(app, tenant.shortcodeId, body)).status;
      }),
    );
    expect(new Set(sent)).to.deep.equal(new Set([200]));
    await expectPaidOnce(id);
  });

  it('is paid once by a confirmation that overtakes the push’s own answer', async () => {
    const phone = freshPhone();
    app.simulator.control.setOutcome({ phone, code: 'silent' });
    app.simulator.control.changeSettings({ slowAnswerMs: 5000 });
    app.simulator.control.setFault({ group: 'push', fault: 'slow', reach: 'next', phone });
    const { id } = await story.pay({ phone });
    await app.gateway.worker.dispatch();
    await eventually('its push', () => (taken(app, phone).length === 1 ? true : undefined));
    expect((await story.read(id)).status).to.equal('submitting');
    const body = confirmationBody(app, { BusinessShortCode: number, MSISDN: masked(phone) });
    expect((await confirm(app, tenant.shortcodeId, body)).status).to.equal(200);
    await app.clock.advance(5000);
    await expectPaidOnce(id);
    expect(await story.read(id)).to.include({ mpesa_receipt: body.TransID, confirmed_by: 'c2b' });
    expect((await story.read(id)).checkout_request_id).to.equal(taken(app, phone)[0]!.checkoutRequestId);
    expect(taken(app, phone)).to.have.length(1);
  });

  it('gets the receipt of a payment that only a query had confirmed, and tells so', async () => {
    app.simulator.control.changeSettings({ confirmations: 'only' });
    const { id, phone } = await prompted();
    app.simulator.control.setFault({ group: 'confirmation', fault: 'late', reach: 'next', phone });
    app.simulator.control.answer({ phone }, 'pin');
    await rest(app);
    await move(app, 50_000);
    expect((await story.until(id, 'succeeded')).flags).to.deep.equal(['receipt_missing']);
    await move(app, 60_000);
    await expectPaidOnce(id);
    expect((await story.events(id)).slice(-2)).to.deep.equal(['payment.succeeded', 'payment.updated']);
  });

  it('is found by the sweep when the nudge was lost', async () => {
    const { id, phone } = await prompted();
    const { db } = app.gateway.core;
    const receipt = 'UJ6NUDGE01';
    const body = confirmationBody(app, { BusinessShortCode: number, TransID: receipt, MSISDN: masked(phone) });
    // An API process on its own: what it nudges is heard by nobody here.
    const beside = await buildGateway({ beside: app, env: { PUBLIC_URL: app.url, REDIS_KEY_PREFIX: 'elsewhere' } });
    await beside.gateway.feeds.stop();
    expect((await confirm(beside, tenant.shortcodeId, body)).status).to.equal(200);
    await beside.close();
    const waiting = await db('statement_lines').where({ shortcode_id: tenant.shortcodeId }).first();
    expect(waiting).to.include({ status: 'new', payment_id: null });
    expect((await story.read(id)).status).to.equal('pending');
    await expectPaidOnce(id);
    expect(taken(app, phone)).to.have.length(1);
  });

  it('is nobody’s when nothing was asked: an orphan after a quarter of an hour, with its receipt kept', async () => {
    const { id } = await prompted({ reference: 'OTHER' });
    const receipt = await app.simulator.control.record.payByHand({
      shortcode: number,
      amount: 250,
      phone: freshPhone(),
      account: 'WALK-IN',
    });
    await rest(app);
    const now = async (): Promise<string | undefined> => {
      await app.gateway.feeds.matchDue();
      return (await linesOf(app, tenant))[0]?.status;
    };
    expect(await now()).to.equal('new');
    await app.clock.advance(16 * minute);
    await eventually('an orphan', async () => ((await now()) === 'orphan' ? true : undefined));
    expect((await receiptsOf(receipt!)).map(({ payment_id }) => payment_id)).to.deep.equal([null]);
    const [found] = await app.gateway.core.db('discrepancies').where({ tenant_id: tenant.id, type: 'orphan_receipt' });
    expect(found).to.include({ status: 'open', receipt });
    expect(Number(found.at_risk_cents)).to.equal(25_000);
    expect((await story.read(id)).mpesa_receipt).to.equal(null);
  });
});
