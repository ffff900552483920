// Every body a callback was ever seen with (daraja.md section 4), through HTTP: what can be read counts, what cannot is
// kept and acknowledged, and only what is too large is refused.

import { request as openRequest } from 'node:http';
import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { beginStory, callbackUrlOf, move, rest, type Story, taken } from '../../support/payment-story.ts';

describe('bodies of callbacks', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  async function prompted(body: Record<string, unknown> = {}): Promise<{ id: string; phone: string }> {
    const made = await story.pay(body);
    await story.until(made.id, 'pending');
    return made;
  }

  function post(phone: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(callbackUrlOf(app, phone), { method: 'POST', body: body as string, headers });
  }

  function success(phone: string, items: string, code = '0'): string {
    const { merchantRequestId, checkoutRequestId } = taken(app, phone)[0]!;
    const ids = `"MerchantRequestID":"${merchantRequestId}","CheckoutRequestID":"${checkoutRequestId}"`;
    return `{"Body":{"stkCallback":{${ids},"ResultCode":${code},"ResultDesc":"ok","CallbackMetadata":{"Item":[${items}]}}}}`;
  }

  const shapes = [
    ['masked_phone', 'succeeded', []],
    ['hashed_phone', 'succeeded', []],
    ['no_phone', 'succeeded', []],
    ['string_codes', 'succeeded', []],
    ['balance_value', 'succeeded', []],
    ['no_balance', 'succeeded', []],
    ['no_receipt', 'succeeded', ['receipt_missing']],
    ['other_receipt', 'succeeded', []],
    ['other_shortcode', 'succeeded', []],
    ['other_phone', 'needs_review', []],
    ['wrong_amount', 'needs_review', ['amount_mismatch']],
    ['forged_ids', 'pending', []],
    ['unreadable', 'pending', []],
    ['lost', 'pending', []],
    ['twice', 'succeeded', []],
    ['four_times', 'succeeded', []],
    ['success_then_failure', 'succeeded', []],
    ['failure_then_success', 'succeeded', ['late', 'contradicted']],
  ] as const;
  for (const [fault, status, flags] of shapes) {
    it(`is ${status} after a payment whose callback is ${fault}, and every callback is acknowledged`, async () => {
      const { id, phone } = await prompted();
      app.simulator.control.setFault({ group: 'callback', fault, reach: 'next', phone });
      app.simulator.control.answer({ phone }, 'pin');
      await rest(app);
      await move(app, 3000);
      const payment = await story.read(id);
      expect([payment.status, payment.flags]).to.deep.equal([status, flags]);
      const sent = app.simulator.ledger.callbacks.filter(({ url }) => url.includes(id));
      expect(sent.map((callback) => callback.status)).to.deep.equal(sent.map(() => 200));
      expect(await story.verdicts(id, 'callback')).to.have.length(sent.length);
    });
  }

  for (const code of [
    '1',
    '17',
    '26',
    '1001',
    '1019',
    '1025',
    '1031',
    '1032',
    '1036',
    '1037',
    '2001',
    '8006',
    '9999',
    'SFC_IC0003',
    'E3008',
    '77777',
  ]) {
    it(`says no, with the catalogue’s words, after a callback with ResultCode ${code}`, async () => {
      const phone = freshPhone();
      app.simulator.control.setOutcome({ phone, code });
      const { id } = await prompted({ phone });
      await move(app, 5000);
      const payment = await story.read(id);
      expect(payment.status).to.equal(code === '1031' || code === '1032' ? 'cancelled' : 'failed');
      expect(payment.failure).to.include({ provider_code: code });
      expect(payment.failure.customer_message).to.be.a('string').and.not.empty;
      if (code === '77777') expect(payment.failure.code).to.equal('unknown_result');
    });
  }

  it('reads items by name in any order, with and without values, and a receipt in small letters', async () => {
    const { id, phone } = await prompted({ amount: 150 });
    const items = `{"Name":"PhoneNumber","Value":${phone}},{"Name":"Balance"},{"Name":"TransactionDate","Value":"20261006141552"},{"Name":"MpesaReceiptNumber","Value":"uj68k3w0qz"},{"Name":"Amount","Value":150.00},null`;
    expect((await post(phone, success(phone, items))).status).to.equal(200);
    expect(await story.read(id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ68K3W0QZ', amount_received: 150 });
  });

  it('believes a yes without any metadata as one without a receipt, and fills the receipt in later', async () => {
    const { id, phone } = await prompted();
    await post(phone, success(phone, '', '"0"'));
    expect((await story.read(id)).flags).to.deep.equal(['receipt_missing']);
    await post(
      phone,
      success(phone, '{"Name":"Amount","Value":100},{"Name":"MpesaReceiptNumber","Value":"UJ6FILLED1"}'),
    );
    const filled = await story.read(id);
    expect(filled).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6FILLED1', amount_received: 100 });
    expect(filled.flags).to.deep.equal([]);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded', 'payment.updated']);
  });

  it('puts 99.50 of 100 shillings into review', async () => {
    const { id, phone } = await prompted();
    await post(
      phone,
      success(phone, '{"Name":"Amount","Value":99.50},{"Name":"MpesaReceiptNumber","Value":"UJ6HALF001"}'),
    );
    expect((await story.read(id)).status).to.equal('needs_review');
  });

  it('acknowledges what it cannot read, keeps it as evidence, and can still be paid after it', async () => {
    const { id, phone } = await prompted();
    const unreadable = [
      '',
      'null',
      '[]',
      '{"Body":{}}',
      '{"Body":{"stkCallback":{}}}',
      '{"Body":',
      '<xml/>',
      Uint8Array.of(0xff, 0xfe, 0x00),
    ];
    for (const body of unreadable) {
      const answer = await post(phone, body);
      expect(answer.status).to.equal(200);
      expect(await answer.json()).to.deep.equal({ ResultCode: 0, ResultDesc: 'Accepted' });
    }
    expect((await story.read(id)).status).to.equal('pending');
    expect(await story.verdicts(id, 'callback')).to.deep.equal(unreadable.map(() => 'unreadable'));
    app.simulator.control.answer({ phone }, 'pin');
    await story.until(id, 'succeeded');
  });

  for (const type of [
    'application/json;charset=UTF-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    'text/xml',
    'nonsense',
  ]) {
    it(`reads the body whatever the content type: ${type}`, async () => {
      const { id, phone } = await prompted();
      const body = success(
        phone,
        `{"Name":"Amount","Value":100},{"Name":"MpesaReceiptNumber","Value":"${id.slice(-10)}"}`,
      );
      expect((await post(phone, body, { 'Content-Type': type })).status).to.equal(200);
      expect((await story.read(id)).status).to.equal('succeeded');
    });
  }

  it('answers 413 to more than 64 KB, said or unsaid beforehand, and takes exactly 64 KB', async () => {
    const { id, phone } = await prompted();
    const whole = success(phone, '{"Name":"Amount","Value":100},{"Name":"MpesaReceiptNumber","Value":"UJ6LARGE01"}');
    const limit = 64 * 1024;
    expect((await post(phone, whole.padEnd(limit + 1, ' '))).status).to.equal(413);
    expect(await postInChunks(callbackUrlOf(app, phone), whole.padEnd(limit + 1, ' '))).to.equal(413);
    expect(await story.verdicts(id, 'callback')).to.deep.equal([]);
    expect((await post(phone, whole.padEnd(limit, ' '))).status).to.equal(200);
    expect((await story.read(id)).status).to.equal('succeeded');
  });
});

/** Without a Content-Length. */
function postInChunks(url: string, body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = openRequest(url, { method: 'POST' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
    for (let from = 0; from < body.length; from += 16_384) request.write(body.slice(from, from + 16_384));
    request.end();
  });
}
