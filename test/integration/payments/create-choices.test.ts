// What POST /v1/payments makes of a request: the payment's first form, the shortcode it is for, and what the database
// keeps of it.

import { expect } from 'chai';
import { addShortcode } from '../../../src/mpesa/manage-shortcodes.ts';
import { buildGateway, freshPhone, sandboxPasskey, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

describe('a new payment', () => {
  let app: TestGateway;
  let paused: Story;
  before(async () => {
    app = await buildGateway();
    paused = await beginPausedStory(app);
  });
  after(() => app.close());

  const add = (story: Story, shortcode: string, isDefault = false) =>
    addShortcode(
      { ...app.gateway.core, blindIndexKey: app.gateway.core.dataKeys.blindIndex },
      {
        tenantId: story.tenant.id,
        mode: 'test',
        kind: 'paybill',
        shortcode,
        till: null,
        environment: 'simulator',
        isDefault,
        credentials: { consumer_key: `key-${shortcode}`, consumer_secret: 'secret', passkey: sandboxPasskey },
      },
    );

  it('has every field of the contract, null where nothing is known yet', async () => {
    const phone = freshPhone();
    const answer = await app.pay(
      { phone, amount: 1500, reference: 'INV-2031', description: 'Order 2031', metadata: { order_id: '2031' } },
      { key: paused.tenant.key },
    );
    const { id, ...payment } = answer.body;
    expect(id).to.match(/^pay_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(answer.headers.get('Location')).to.equal(`/v1/payments/${id}`);
    const now = app.clock.now();
    expect(payment).to.deep.equal({
      object: 'payment',
      mode: 'test',
      version: 1,
      status: 'queued',
      flags: [],
      amount: 1500,
      amount_received: null,
      currency: 'KES',
      phone,
      shortcode: '174379',
      reference: 'INV-2031',
      description: 'Order 2031',
      merchant_request_id: null,
      checkout_request_id: null,
      mpesa_receipt: null,
      confirmed_by: null,
      failure: null,
      metadata: { order_id: '2031' },
      retry_of: null,
      payment_link: null,
      created_at: new Date(now).toISOString(),
      submitted_at: null,
      completed_at: null,
      expires_at: new Date(now + 300_000).toISOString(),
      updated_at: new Date(now).toISOString(),
    });
    expect((await paused.call(`/v1/payments/${id}`)).body).to.deep.equal(answer.body);
  });

  it('is for the tenant’s only shortcode, the default of several, or the one that is named', async () => {
    const story = await beginPausedStory(app);
    expect((await story.pay()).shortcode).to.equal('174379');
    await add(story, '600111');
    await app.clock.advance(1000);
    const unnamed = await app.pay({}, { key: story.tenant.key });
    expect(unnamed.status).to.equal(400);
    expect(unnamed.body.errors).to.have.length(1);
    expect(unnamed.body.errors[0]).to.include({ pointer: '/shortcode', code: 'required' });
    expect((await story.pay({ shortcode: '600111' })).shortcode).to.equal('600111');
    await add(story, '600222', true);
    await app.clock.advance(1000);
    expect((await story.pay()).shortcode).to.equal('600222');
    expect((await story.pay({ shortcode: '174379' })).shortcode).to.equal('174379');
  });

  it('rests sealed: the customer’s number cannot be read in any table', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0');
    const { db } = app.gateway.core;
    for (const table of ['payments', 'evidence', 'payment_transitions', 'receipts', 'events']) {
      const rows = await db(table).where(
        table === 'payments' ? { id: paid.id } : table === 'events' ? { object_id: paid.id } : { payment_id: paid.id },
      );
      expect(rows, table).to.not.have.length(0);
      const text = JSON.stringify(
        rows.map((row: Record<string, unknown>) => ({ ...row, checkout_request_id: undefined })),
      );
      expect(text, table).to.not.include(paid.phone.slice(3));
    }
  });

  it('that cannot be read as JSON or lacks a field is not made', async () => {
    const phone = freshPhone();
    for (const body of ['{', { phone }, { phone, amount: 5, reference: 'A', ammount: 5 }]) {
      const { status } = await paused.call('/v1/payments', {
        method: 'POST',
        body,
        headers: { 'Idempotency-Key': 'never-made' },
      });
      expect(status).to.equal(400);
    }
    expect((await paused.call(`/v1/payments?phone=${phone}`)).body.data).to.deep.equal([]);
  });

  it('has a timeline that tells everything, oldest first, without what only we know', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0');
    await app.simulator.control.sendCallback({ phone: paid.phone });
    const { status, body } = await story.call(`/v1/payments/${paid.id}/timeline`);
    expect(status).to.equal(200);
    expect(body).to.include({ object: 'list', has_more: false, next_cursor: null });
    const told = body.data.map((entry: Record<string, string>) =>
      entry.kind === 'transition'
        ? `${entry.from} > ${entry.to}`
        : `${entry.source} ${entry.strength} ${entry.verdict}`,
    );
    expect(told).to.deep.equal([
      'null > queued',
      'queued > submitting',
      'push null applied',
      'submitting > pending',
      'callback A applied',
      'pending > succeeded',
      'callback A repeated',
    ]);
    const times = body.data.map(({ at }: { at: string }) => Date.parse(at));
    expect(times).to.deep.equal([...times].sort((left, right) => left - right));
    const money = body.data.find(
      (entry: Record<string, string>) => entry.verdict === 'applied' && entry.source === 'callback',
    );
    expect(money).to.include({ result_code: '0', receipt: paid.mpesa_receipt, amount: 100 });
    expect(JSON.stringify(body))
      .to.not.include(paid.phone)
      .and.not.match(/raw|source_ip|127\.0\.0\.1|sealed/);
  });
});

describe('GET /v1/shortcodes', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  it('lists the tenant’s own in this mode, with how they fare, and never a credential', async () => {
    const story = await beginStory(app);
    const [shortcode] = (await story.call('/v1/shortcodes')).body.data;
    expect(shortcode).to.deep.equal({
      id: story.tenant.shortcodeId,
      object: 'shortcode',
      mode: 'test',
      kind: 'paybill',
      shortcode: '174379',
      till: null,
      environment: 'simulator',
      status: 'active',
      health: 'up',
      success_rate_15m: null,
      last_callback_at: null,
    });
    await endPayment(app, story, '0');
    await endPayment(app, story, '1032');
    const { body, text } = await story.call('/v1/shortcodes');
    expect(body).to.include({ object: 'list', has_more: false, next_cursor: null });
    expect(body.data).to.have.length(1);
    expect(body.data[0]).to.include({ health: 'up', success_rate_15m: 0.5 });
    expect(text).to.not.match(/passkey|consumer|secret/i);
  });

  it('shows that one is paused', async () => {
    const paused = await beginPausedStory(app);
    expect((await paused.call('/v1/shortcodes')).body.data[0].status).to.equal('paused');
  });
});
