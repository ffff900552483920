// Idempotency-Key on the API (api.md, idempotency): the same key and request is the same payment, whatever has happened
// meanwhile; another request under the same key is refused; a refusal uses no key up.

import { expect } from 'chai';
import { type Answer, buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment } from '../../support/payment-states.ts';
import { beginStory, move, type Story } from '../../support/payment-story.ts';

describe('the Idempotency-Key', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  let names = 0;
  function freshKey(): string {
    names += 1;
    return `key-${names}`;
  }

  const post = (idempotencyKey: string | null, body: unknown, path = '/v1/payments'): Promise<Answer> =>
    story.call(path, {
      method: 'POST',
      body,
      headers: idempotencyKey === null ? {} : { 'Idempotency-Key': idempotencyKey },
    });
  const request = (more: Record<string, unknown> = {}) => ({
    amount: 20,
    phone: freshPhone(),
    reference: 'INV-1',
    ...more,
  });

  function expectReplay(answer: Answer, paymentId: string): void {
    expect(answer.status, answer.text).to.equal(201);
    expect(answer.headers.get('Idempotency-Replayed')).to.equal('true');
    expect(answer.headers.get('Location')).to.equal(`/v1/payments/${paymentId}`);
    expect(answer.body.id).to.equal(paymentId);
  }

  it('is required to create and to retry: without it 400, and nothing is made', async () => {
    for (const key of [null, '', '""', 'x'.repeat(256)]) {
      const phone = freshPhone();
      const answer = await post(key, request({ phone }));
      expect(answer.body, String(key)).to.include({ status: 400, code: 'idempotency_key_missing' });
      expect((await story.call(`/v1/payments?phone=${phone}`)).body.data).to.deep.equal([]);
    }
    const declined = await endPayment(app, story, '1032');
    expect((await post(null, {}, `/v1/payments/${declined.id}/retry`)).body.code).to.equal('idempotency_key_missing');
  });

  it('with the same request answers the payment as it stands now, 201 and marked as a replay', async () => {
    const key = freshKey();
    const phone = freshPhone();
    app.simulator.control.setOutcome({ phone, code: '0' });
    const first = await post(key, request({ phone }));
    expect(first.headers.get('Idempotency-Replayed')).to.equal(null);
    await story.until(first.body.id, 'pending');
    await move(app, 5000);
    await story.until(first.body.id, 'succeeded');
    const again = await post(key, request({ phone }));
    expectReplay(again, first.body.id);
    expect(again.body.status).to.equal('succeeded');
    expect(app.simulator.ledger.pushesOf(phone)).to.have.length(1);
  });

  it('takes requests that mean the same for the same: other spellings, defaults spelled out, other order', async () => {
    const key = freshKey();
    const phone = freshPhone();
    const first = await post(key, { amount: 20, phone, reference: 'INV-1', metadata: { a: '1', b: '2' } });
    const local = `0${phone.slice(3)}`;
    const spelled = {
      metadata: { b: '2', a: '1' },
      allow_duplicate: false,
      expires_in: 300,
      shortcode: '174379',
      description: ' Payment ',
      reference: 'INV-1 ',
      phone: `${local.slice(0, 4)} ${local.slice(4, 7)}-${local.slice(7)}`,
      amount: 20.0,
    };
    expectReplay(await post(key, spelled), first.body.id);
  });

  it('"k" and k are one key', async () => {
    const key = freshKey();
    const body = request();
    const first = await post(`"${key}"`, body);
    expectReplay(await post(key, body), first.body.id);
  });

  it('with any other value is 422, names the payment it belongs to, and makes nothing', async () => {
    const key = freshKey();
    const body = request();
    const first = await post(key, body);
    const others = [
      { amount: 21 },
      { phone: freshPhone() },
      { reference: 'INV-2' },
      { description: 'Other' },
      { metadata: { a: '1' } },
      { expires_in: 301 },
      { allow_duplicate: true },
    ];
    for (const other of others) {
      const answer = await post(key, { ...body, ...other });
      expect(answer.body, JSON.stringify(other)).to.include({
        status: 422,
        code: 'idempotency_key_reused',
        existing: first.body.id,
      });
    }
    expect((await story.call(`/v1/payments?phone=${body.phone}`)).body.data).to.have.length(1);
  });

  it('is not used up by a 400, a 409 or an answer 401: the mended request is a first one', async () => {
    const key = freshKey();
    const body = request();
    expect((await post(key, { ...body, amount: 0 })).status).to.equal(400);
    expect((await post(key, '{')).status).to.equal(400);
    expect((await post(key, { ...body, shortcode: '999999' })).status).to.equal(400);
    expect((await app.call('/v1/payments', { key: '', body, headers: { 'Idempotency-Key': key } })).status).to.equal(
      401,
    );
    await post(freshKey(), body);
    expect((await post(key, body)).body.code).to.equal('duplicate_window');
    const made = await post(key, { ...body, allow_duplicate: true });
    expect(made.status).to.equal(201);
    expect(made.headers.get('Idempotency-Replayed')).to.equal(null);
  });

  it('of an unmended 409 makes the payment once the window is over', async () => {
    const paused = await beginPausedStory(app);
    const headers = { 'Idempotency-Key': freshKey() };
    const body = request();
    await paused.pay(body);
    expect((await paused.call('/v1/payments', { body, headers })).status).to.equal(409);
    await app.clock.advance(120_000);
    expect((await paused.call('/v1/payments', { body, headers })).status).to.equal(201);
  });

  it('wins over the duplicate window: a repeat inside it is a replay', async () => {
    const key = freshKey();
    const body = request();
    const first = await post(key, body);
    const repeats = await Promise.all(Array.from({ length: 5 }, () => post(key, body)));
    for (const repeat of repeats) expectReplay(repeat, first.body.id);
  });

  it('is shared by create and retry: a name used for one is 422 for the other', async () => {
    const declined = await endPayment(app, story, '1032');
    const [forCreate, forRetry] = [freshKey(), freshKey()];
    const made = await post(forCreate, request());
    expect((await post(forCreate, {}, `/v1/payments/${declined.id}/retry`)).body).to.include({
      status: 422,
      existing: made.body.id,
    });
    const retried = await post(forRetry, {}, `/v1/payments/${declined.id}/retry`);
    expect((await post(forRetry, request())).body).to.include({ status: 422, existing: retried.body.id });
  });

  it('of a create never becomes a retry, even with the very same details', async () => {
    const declined = await endPayment(app, story, '1032', { amount: 33 });
    const key = freshKey();
    await post(key, request({ phone: declined.phone, amount: 33 }));
    expect((await post(key, {}, `/v1/payments/${declined.id}/retry`)).body.code).to.equal('idempotency_key_reused');
  });

  it('is replayed after the tenant’s shortcode is gone', async () => {
    const own = await beginStory(app);
    const headers = { 'Idempotency-Key': freshKey() };
    const body = request();
    const first = await own.call('/v1/payments', { body, headers });
    await story.until(first.body.id, () => true);
    await app.gateway.core
      .db('shortcodes')
      .where({ tenant_id: own.tenant.id })
      .update({ mode: 'live', environment: 'production', shortcode: '612345' });
    await app.clock.advance(1000);
    expect(
      (await own.call('/v1/payments', { body: request(), headers: { 'Idempotency-Key': freshKey() } })).status,
    ).to.equal(400);
    expectReplay(await own.call('/v1/payments', { body, headers }), first.body.id);
    expect((await own.call('/v1/payments', { body: { ...body, amount: 21 }, headers })).status).to.equal(422);
  });

  it('keeps keys apart that differ in case or trailing blanks inside quotes', async () => {
    const made = await Promise.all(['Case', 'case', '"case "'].map((key) => post(key, request())));
    expect(made.map(({ status }) => status)).to.deep.equal([201, 201, 201]);
    expect(new Set(made.map(({ body }) => body.id)).size).to.equal(3);
  });
});
