// Creating payments through the real door: HTTP, the database of the profile, the simulator.

import { expect } from 'chai';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';

describe('POST /v1/payments', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  it('answers 201 with the payment, prompts the phone once, and settles it by the callback', async () => {
    const made = await app.pay({
      phone: '0708374149',
      amount: 1500,
      reference: 'INV-2031',
      metadata: { order_id: '2031' },
    });
    expect(made.status).to.equal(201);
    expect(made.body).to.include({
      object: 'payment',
      status: 'queued',
      amount: 1500,
      phone: '254708374149',
      shortcode: '174379',
    });
    await app.until(made.body.id, 'pending');
    await app.advance(5000);
    const paid = await app.until(made.body.id, 'succeeded');
    expect(paid).to.include({ amount_received: 1500, confirmed_by: 'callback', failure: null });
    expect(paid.mpesa_receipt).to.match(/^[A-Z0-9]{10}$/);
    expect(app.simulator.ledger.pushesOf('254708374149')).to.have.length(1);
  });

  it('makes one payment and one prompt of 50 identical requests at once', async () => {
    const request = { phone: '0712000001', amount: 70 };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => app.pay(request, { headers: { 'Idempotency-Key': 'fifty' } })),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.id)).size).to.equal(1);
    expect(answers.filter(({ headers }) => headers.get('Idempotency-Replayed') === 'true')).to.have.length(49);
    await app.until(answers[0]!.body.id, 'pending');
    expect(app.simulator.ledger.pushesOf('254712000001')).to.have.length(1);
  });

  it('accepts exactly one of several requests at once that ask the same phone for the same amount', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.pay({ phone: '0712000002', amount: 71 })));
    expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).to.have.length(19);
    expect(refused[0]!.body).to.include({
      code: 'duplicate_window',
      existing: answers.find(({ status }) => status === 201)!.body.id,
    });
  });
});
