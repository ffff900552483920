// What callbacks do, through HTTP, in whatever order and number they come (design.md sections 6 and 8): each moves a
// payment once, only to where its evidence allows, and every one whose path is ours is acknowledged.

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import {
  beginStory,
  callbackUrlOf,
  move,
  received,
  rest,
  type Story,
  sendCallback,
  taken,
} from '../../support/payment-story.ts';

const minutes = 60_000;

describe('callbacks', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  /** A payment whose prompt is open. */
  async function prompted(body: Record<string, unknown> = {}): Promise<{ id: string; phone: string }> {
    const made = await story.pay(body);
    await story.until(made.id, 'pending');
    return made;
  }

  async function metric(name: string): Promise<number> {
    const text = (await app.call('/metrics')).text;
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  }

  for (const [code, status] of [
    ['0', 'succeeded'],
    ['1032', 'cancelled'],
    ['1', 'failed'],
  ] as const) {
    it(`settles a payment as ${status} by a callback that overtakes the push’s own answer, and never sends it again`, async () => {
      const phone = freshPhone();
      app.simulator.control.setOutcome({ phone, code });
      app.simulator.control.setFault({ group: 'callback', fault: 'before_answer', reach: 'next', phone });
      const { id } = await story.pay({ phone });
      const settled = await story.until(id, status);
      await rest(app);
      expect(settled.checkout_request_id).to.equal(taken(app, phone)[0]?.checkoutRequestId);
      expect(await story.verdicts(id, 'push')).to.deep.equal(['late_answer']);
      expect(await story.events(id)).to.deep.equal([`payment.${status}`]);
      await move(app, 10 * minutes);
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
    });
  }

  it('makes one change and one event of the same callback 50 times at once, and acknowledges all 50', async () => {
    const { id, phone } = await prompted();
    const claim = { receipt: 'UJ6FIFTY50' };
    const sent = await Promise.all(Array.from({ length: 50 }, () => sendCallback(app, phone, claim)));
    expect(new Set(sent.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect(await story.read(id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6FIFTY50', version: 4 });
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
    const verdicts = await story.verdicts(id, 'callback');
    expect(verdicts.filter((verdict) => verdict === 'applied')).to.have.length(1);
    expect(verdicts.filter((verdict) => verdict === 'repeated')).to.have.length(49);
  });

  it('makes one change of 25 yes and 25 no at once, and ends paid', async () => {
    const { id, phone } = await prompted();
    const claims = Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0 ? { receipt: 'UJ6MIXED50' } : { resultCode: '1032' },
    );
    const sent = await Promise.all(claims.map((claim) => sendCallback(app, phone, claim)));
    expect(new Set(sent.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect((await story.read(id)).status).to.equal('succeeded');
    expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
  });

  it('answers a forged token as any unknown address, counts it, and keeps nothing', async () => {
    const { id, phone } = await prompted();
    const before = await metric('lango_callback_forged_tokens_total');
    const real = new URL(callbackUrlOf(app, phone)).pathname;
    const token = real.split('/').at(-1)!;
    const forgeries = [
      `/callbacks/stk/${id}/${'A'.repeat(token.length)}`,
      `/callbacks/stk/${id}/${token.slice(0, -1)}`,
      `/callbacks/stk/${id}/${token}A`,
      `/callbacks/stk/pay_00000000000000000000000000/${token}`,
    ];
    const unknown = await app.call('/callbacks/none', { method: 'POST', body: '{}', key: '' });
    for (const path of forgeries) {
      const answer = await app.call(path, { method: 'POST', body: '{}', key: '' });
      expect(answer.status).to.equal(404);
      expect({ ...answer.body, request_id: '' }).to.deep.equal({ ...unknown.body, request_id: '' });
    }
    expect((await metric('lango_callback_forged_tokens_total')) - before).to.equal(forgeries.length);
    expect(await story.verdicts(id, 'callback')).to.deep.equal([]);
  });

  it('keeps a callback with forged ids as evidence, acknowledges it, and moves nothing', async () => {
    const { id, phone } = await prompted();
    const forged = { checkoutRequestId: 'ws_CO_01012020000000', merchantRequestId: 'dead-1', receipt: 'UJ6FORGED1' };
    for (const claim of [forged, { ...forged, resultCode: '1032' }, { merchantRequestId: 'dead-1' }])
      expect((await sendCallback(app, phone, claim)).status).to.equal(200);
    expect(await story.read(id)).to.include({ status: 'pending', mpesa_receipt: null, version: 3 });
    expect(await story.verdicts(id, 'callback')).to.deep.equal(['forged_ids', 'forged_ids', 'forged_ids']);
    await sendCallback(app, phone, { receipt: 'UJ6FORGED1' });
    expect(await story.read(id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6FORGED1' });
  });

  it('does not let the ids of one payment’s push settle another payment', async () => {
    const mine = await prompted();
    const phone = freshPhone();
    app.simulator.control.setFault({ group: 'push', fault: 'lost', reach: 'next', phone });
    const other = await story.pay({ phone });
    await story.until(other.id, 'unknown');
    const [push] = taken(app, mine.phone);
    const claim = { checkoutRequestId: push!.checkoutRequestId, merchantRequestId: push!.merchantRequestId };
    expect((await sendCallback(app, phone, claim)).status).to.equal(200);
    expect((await story.read(other.id)).status).to.equal('unknown');
    expect(await story.verdicts(other.id, 'callback')).to.deep.equal(['forged_ids']);
  });

  it('puts money of another amount into review with the amount that came, and releases nothing', async () => {
    const { id, phone } = await prompted({ amount: 500 });
    await sendCallback(app, phone, { amount: 1, receipt: 'UJ6WRONGA1' });
    const held = await story.read(id);
    expect(held).to.include({ status: 'needs_review', amount: 500, amount_received: 1, mpesa_receipt: 'UJ6WRONGA1' });
    expect(held.flags).to.deep.equal(['amount_mismatch']);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.needs_review']);
    await sendCallback(app, phone, { resultCode: '1032' });
    await move(app, 48 * 60 * minutes);
    expect((await story.read(id)).status).to.equal('needs_review');
  });

  it('puts money with a receipt of another payment into review, and the receipt stays where it was', async () => {
    const first = await prompted();
    await sendCallback(app, first.phone, { receipt: 'UJ6TWICE01' });
    const second = await prompted();
    await sendCallback(app, second.phone, { receipt: 'uj6twice01' });
    const held = await story.read(second.id);
    expect(held).to.include({ status: 'needs_review', mpesa_receipt: null });
    expect(held.flags).to.deep.equal(['receipt_reused']);
    expect((await story.call('/v1/receipts/UJ6TWICE01')).body.id).to.equal(first.id);
  });

  it('gives one receipt to one of two payments when both are called back with it at once', async () => {
    const both = [await prompted(), await prompted()];
    await Promise.all(both.map(({ phone }) => sendCallback(app, phone, { receipt: 'UJ6ATONCE1' })));
    const ended = await Promise.all(both.map(({ id }) => story.read(id)));
    expect(ended.map(({ status }) => status).sort()).to.deep.equal(['needs_review', 'succeeded']);
  });

  it('lets money win over a failure heard before: late and contradicted', async () => {
    const { id, phone } = await prompted();
    await sendCallback(app, phone, { resultCode: '1037' });
    expect((await story.read(id)).status).to.equal('failed');
    await sendCallback(app, phone, { receipt: 'UJ6AFTER01' });
    const paid = await story.read(id);
    expect(paid).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6AFTER01', failure: null });
    expect(paid.flags).to.deep.equal(['late', 'contradicted']);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.failed', 'payment.succeeded']);
  });

  it('keeps a success whatever failure is called back after it', async () => {
    const { id, phone } = await prompted();
    await sendCallback(app, phone, { receipt: 'UJ6FIRST01' });
    const paid = await story.read(id);
    for (const resultCode of ['1032', '1037', '1', '9999'])
      expect((await sendCallback(app, phone, { resultCode })).status).to.equal(200);
    expect(await story.read(id)).to.deep.equal(paid);
    expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied', ...Array(4).fill('contradicts')]);
  });

  it('overturns a failure up to seven days later, and not after that', async () => {
    const [within, after] = [await prompted(), await prompted()];
    for (const { phone } of [within, after]) await sendCallback(app, phone, { resultCode: '1032' });
    await move(app, 7 * 24 * 60 * minutes - 1000);
    await sendCallback(app, within.phone, { resultCode: '0', receipt: 'UJ6WITHIN1' });
    await move(app, 2000);
    await sendCallback(app, after.phone, { resultCode: '0', receipt: 'UJ6AFTER71' });
    expect((await story.read(within.id)).status).to.equal('succeeded');
    expect((await story.read(after.id)).status).to.equal('cancelled');
    expect((await story.verdicts(after.id, 'callback')).at(-1)).to.equal('too_late');
  });
});
