// Asking because somebody wants to know: `check`, read-repair, a late yes, and the budget that all askings of one
// credential pair share (design.md section 9, api.md check).

import { expect } from 'chai';
import { addShortcode } from '../../../src/mpesa/manage-shortcodes.ts';
import { buildGateway, sandboxPasskey, type TestGateway } from '../../support/build-gateway.ts';
import {
  beginStory,
  idle,
  move,
  received,
  rest,
  type Story,
  silentPhone,
  tellStory,
} from '../../support/payment-story.ts';

const seconds = 1000;
const minutes = 60 * seconds;

describe('asking M-PESA on demand', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway({ env: idle });
    story = await beginStory(app);
  });
  after(() => app.close());

  const answer = (phone: string, fault: string): void =>
    app.simulator.control.setFault({ group: 'query', fault, reach: 'all', phone });

  async function pushed(
    fault = 'processing_4999',
    body: Record<string, unknown> = {},
  ): Promise<{ id: string; phone: string; asked(): number }> {
    const phone = silentPhone(app);
    answer(phone, fault);
    const { id } = await story.pay({ phone, ...body });
    const { checkout_request_id } = await story.until(id, 'pending');
    const asked = (): number =>
      app.simulator.ledger.queries.filter((query) => query.checkoutRequestId === checkout_request_id).length;
    return { id, phone, asked };
  }

  const check = (id: string) => story.call(`/v1/payments/${id}/check`, { method: 'POST' });

  it('check asks at once, and inside 15 s of an asking nothing new is sent', async () => {
    const payment = await pushed();
    expect((await check(payment.id)).status).to.equal(202);
    await rest(app);
    expect(payment.asked()).to.equal(1);
    await move(app, 14 * seconds);
    expect((await check(payment.id)).status).to.equal(202);
    await rest(app);
    expect(payment.asked()).to.equal(1);
    await move(app, 1 * seconds);
    answer(payment.phone, 'says_paid');
    await check(payment.id);
    await story.until(payment.id, 'succeeded');
    expect(payment.asked()).to.equal(2);
  });

  it('asks once when 20 checks come at once', async () => {
    const payment = await pushed();
    const answers = await Promise.all(Array.from({ length: 20 }, () => check(payment.id)));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([202]));
    await rest(app);
    expect(payment.asked()).to.equal(1);
  });

  it('check answers 409 for a payment that is final, and for one whose push’s ids are not known', async () => {
    const paid = await pushed('says_paid');
    await move(app, 45 * seconds);
    await story.until(paid.id, 'succeeded');
    expect((await check(paid.id)).body).to.include({ status: 409, code: 'nothing_to_check' });
    const phone = silentPhone(app);
    app.simulator.control.setFault({ group: 'push', fault: 'lost', reach: 'next', phone });
    const { id } = await story.pay({ phone });
    await story.until(id, 'unknown');
    expect((await check(id)).body).to.include({ status: 409, code: 'nothing_to_check' });
  });

  it('repairs on read: reading a payment that was not asked about for 15 s asks, reading it again at once does not', async () => {
    const payment = await pushed();
    await story.read(payment.id);
    await rest(app);
    expect(payment.asked()).to.equal(0);
    await move(app, 45 * seconds);
    expect(payment.asked()).to.equal(1);
    await move(app, 14 * seconds);
    await story.read(payment.id);
    await rest(app);
    expect(payment.asked()).to.equal(1);
    await move(app, 1 * seconds);
    answer(payment.phone, 'says_paid');
    await story.read(payment.id);
    await story.until(payment.id, 'succeeded');
    expect(payment.asked()).to.equal(2);
  });

  it('expires by silence 30 min after expiry when queries only ever said no too early, and a later yes still wins', async () => {
    const payment = await pushed('says_failed', { expires_in: 3600 });
    for (const wait of [45, 30, 45]) await move(app, wait * seconds);
    answer(payment.phone, 'processing_4999');
    await move(app, 3600 * seconds);
    await move(app, 30 * minutes);
    const expired = await story.until(payment.id, 'expired');
    expect(expired.failure.code).to.equal('unknown_result');
    expect(expired.failure.customer_message).to.match(/not heard from M-PESA/i);
    answer(payment.phone, 'says_paid');
    await move(app, 120 * minutes);
    const paid = await story.until(payment.id, 'succeeded');
    expect(paid.flags).to.deep.equal(['late', 'receipt_missing']);
    expect(received(app, payment.phone)).to.have.length(1);
  });

  it('lets a query’s yes end a review that began with silence', async () => {
    const payment = await pushed('processing_4999');
    await move(app, 35 * minutes);
    await story.until(payment.id, 'needs_review');
    answer(payment.phone, 'says_paid');
    await move(app, 120 * minutes);
    const paid = await story.until(payment.id, 'succeeded');
    expect(paid.flags).to.deep.equal(['late', 'receipt_missing']);
  });

  it('shares one budget between two shortcodes of the same credentials: what is over it is asked later, not dropped', async () => {
    const strict = await buildGateway({
      beside: app,
      env: { QUERY_RATE_PER_CREDENTIAL: '2;w=1', ROLES: 'api,worker' },
    });
    try {
      const { core } = strict.gateway;
      const tenant = await strict.addTenant({ shortcode: '600101' });
      const credentials = { consumer_key: 'shared-key', consumer_secret: 'shared-secret', passkey: sandboxPasskey };
      const add = (shortcode: string) =>
        addShortcode(
          { ...core, blindIndexKey: core.dataKeys.blindIndex },
          {
            tenantId: tenant.id,
            mode: 'test',
            kind: 'paybill',
            shortcode,
            till: null,
            environment: 'simulator',
            isDefault: false,
            credentials,
          },
        );
      await add('600102');
      await add('600103');
      strict.clock.set(strict.clock.now() + 2000);
      const own = tellStory(strict, tenant);
      const made = [];
      for (const shortcode of ['600102', '600103', '600102', '600103', '600102']) {
        const phone = silentPhone(strict);
        answer(phone, 'says_paid');
        const { id } = await own.pay({ phone, shortcode });
        await own.until(id, 'pending');
        made.push(id);
      }
      const before = strict.simulator.ledger.counts.queries;
      await move(strict, 45 * seconds);
      expect(strict.simulator.ledger.counts.queries - before).to.equal(2);
      // The budget's window runs on the real clock.
      const deadline = Date.now() + 8000;
      while (strict.simulator.ledger.counts.queries - before < 5 && Date.now() < deadline)
        await move(strict, 1 * seconds);
      for (const id of made) expect((await own.read(id)).status).to.equal('succeeded');
      expect(strict.simulator.ledger.counts.queries - before).to.equal(5);
    } finally {
      await strict.close();
    }
  });
});
