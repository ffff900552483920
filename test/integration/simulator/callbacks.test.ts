// What the simulator posts to a CallBackURL, and when: daraja.md section 4 over real HTTP, with time moved by hand. The
// bodies themselves are tested byte for byte in `test/unit/simulator/plan-callbacks.test.ts`.

import { expect } from 'chai';
import { testNumbers } from '../../../src/simulator/outcomes.ts';
import type { Stage } from './stage.ts';
import { metadata, openStage, stkCallback, to } from './stage.ts';

describe('the simulator’s callback', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  async function run(ms: number): Promise<void> {
    await stage.clock.advance(ms);
    await stage.simulator.control.callbacksDone();
  }

  it('goes to the exact path, with Daraja’s content type and the BusinessShortCode header', async () => {
    const path = '/cb/a//b/../%7E/x?y=%2f';
    await stage.push({ CallBackURL: new URL(stage.callbackUrl).origin + path });
    await run(3_000);
    const [callback] = stage.callbacks;
    expect(callback?.path).to.equal(path);
    expect(callback?.headers['content-type']).to.equal('application/json;charset=UTF-8');
    expect(callback?.rawHeaders).to.include('BusinessShortCode');
    expect(callback?.headers.businessshortcode).to.equal('174379');
  });

  for (const { phone, code } of testNumbers.filter((number) => number.code !== 'silent')) {
    it(`says ${code} for ${phone}`, async () => {
      await stage.push(to(phone));
      await run(3_000);
      const [callback] = stage.callbacks;
      expect(String(stkCallback(callback).ResultCode)).to.equal(code);
      const isPaid = code === '0';
      expect(metadata(callback, 'Amount')).to.equal(isPaid ? 150 : undefined);
      expect(metadata(callback, 'TransactionDate')).to.equal(isPaid ? 20261006141533 : undefined);
    });
  }

  it('asks at the handset for any other number, and gives up after 30 s', async () => {
    await stage.push(to('254722000001'));
    await run(29_999);
    expect(stage.callbacks).to.have.length(0);
    await run(1);
    expect(stkCallback(stage.callbacks[0])).to.include({ ResultCode: 1037, ResultDesc: 'No response from user.' });
  });

  for (const [answer, code] of [
    ['pin', 0],
    ['wrong_pin', 2001],
    ['cancel', 1032],
    ['no_balance', 1],
  ] as const) {
    it(`says ${code} when the customer answers ${answer}`, async () => {
      await stage.push(to('254722000001'));
      stage.simulator.control.answer({ phone: '254722000001' }, answer);
      await run(0);
      expect(stkCallback(stage.callbacks[0]).ResultCode).to.equal(code);
      expect(() => stage.simulator.control.answer({ phone: '254722000001' }, 'pin')).to.throw(RangeError);
      await run(60_000);
      expect(stage.callbacks).to.have.length(1);
    });
  }

  it('says 1037 when the phone is off, and at the end of a prompt that is ignored', async () => {
    await stage.push(to('254722000001'));
    await stage.push(to('254722000002'));
    stage.simulator.control.answer({ phone: '254722000001' }, 'phone_off');
    stage.simulator.control.answer({ phone: '254722000002' }, 'ignore');
    await run(3_000);
    expect(stage.callbacks).to.have.length(1);
    await run(27_000);
    expect(stage.callbacks.map((callback) => stkCallback(callback).ResultCode)).to.deep.equal([1037, 1037]);
  });

  it('is tried once only, whatever the receiver answers', async () => {
    stage.receiver.status = 500;
    await stage.push();
    await run(3_000);
    await run(3_600_000);
    expect(stage.callbacks).to.have.length(1);
    expect(stage.simulator.ledger.callbacks[0]?.status).to.equal(500);
  });

  it('waits five seconds for an answer, and no longer', async () => {
    stage.receiver.status = 'silent';
    await stage.push();
    await stage.clock.advance(3_000);
    while (stage.callbacks.length === 0) await stage.clock.advance(0);
    await stage.clock.advance(4_999);
    expect(stage.simulator.ledger.counts.callbacks).to.equal(0);
    await run(1);
    expect(stage.simulator.ledger.callbacks[0]).to.include({ status: null, error: 'no answer in 5 s' });
  });

  it('notes a receiver that is not there, and goes on', async () => {
    await stage.push({ CallBackURL: 'http://127.0.0.1:9/cb' });
    await run(3_000);
    expect(stage.simulator.ledger.callbacks[0]?.error).to.include('ECONNREFUSED');
    expect((await stage.push({ Amount: 151 })).status).to.equal(200);
  });

  it('overtakes the push’s own answer when it must come before', async () => {
    const token = await stage.token();
    stage.simulator.control.changeSettings({ ackMs: 500 });
    stage.simulator.control.setFault({ group: 'callback', fault: 'before_answer', reach: 'next' });
    const waiting = stage.push(to('254722000001'), token);
    await stage.simulator.ledger.until(({ counts }) => counts.callbacks === 1);
    expect(stage.simulator.ledger.received[0]?.status).to.equal(null);
    expect(stkCallback(stage.callbacks[0]).ResultCode).to.equal(0);
    await run(500);
    expect((await waiting).json.CheckoutRequestID).to.equal(stkCallback(stage.callbacks[0]).CheckoutRequestID);
    await run(60_000);
    expect(stage.callbacks).to.have.length(1);
  });

  it('comes after the next payment’s when out of order, or after two minutes alone', async () => {
    const { control } = stage.simulator;
    control.setFault({ group: 'callback', fault: 'out_of_order', reach: 'next' });
    const first = await stage.push();
    await run(3_000);
    expect(stage.callbacks).to.have.length(0);
    const second = await stage.push({ Amount: 151 });
    await run(3_000);
    expect(stage.callbacks.map((callback) => stkCallback(callback).CheckoutRequestID)).to.deep.equal([
      second.json.CheckoutRequestID,
      first.json.CheckoutRequestID,
    ]);
    control.setFault({ group: 'callback', fault: 'out_of_order', reach: 'next' });
    await stage.push({ Amount: 152 });
    await run(123_000);
    expect(stage.callbacks).to.have.length(3);
  });

  it('says no and then yes about a payment that was made, whatever the customer did', async () => {
    stage.simulator.control.setFault({ group: 'callback', fault: 'failure_then_success', reach: 'next' });
    const answer = await stage.push(to('254700000000'));
    await run(3_000);
    await run(2_000);
    expect(stage.callbacks.map((callback) => stkCallback(callback).ResultCode)).to.deep.equal([1037, 0]);
    expect((await stage.query(String(answer.json.CheckoutRequestID))).json.ResultCode).to.equal('0');
  });

  it('repeats the receipt of the payment before when it must', async () => {
    await stage.push();
    await run(3_000);
    stage.simulator.control.setFault({ group: 'callback', fault: 'reused_receipt', reach: 'next' });
    await stage.push({ Amount: 151 });
    await run(3_000);
    const receipts = stage.callbacks.map((callback) => metadata(callback, 'MpesaReceiptNumber'));
    expect(receipts[1])
      .to.equal(receipts[0])
      .and.to.match(/^UJ6[0-9A-Z]{7}$/);
  });

  it('is sent again, or forged, by hand', async () => {
    const { control } = stage.simulator;
    const answer = await stage.push(to('254722000001'));
    const checkoutRequestId = String(answer.json.CheckoutRequestID);
    await control.sendCallback({ checkoutRequestId }, { resultCode: '0', amount: 1, receipt: 'UJ60000000' });
    expect(metadata(stage.callbacks[0], 'MpesaReceiptNumber')).to.equal('UJ60000000');
    expect(stage.simulator.ledger.findPush(checkoutRequestId)?.result).to.equal(null);
    await control.sendCallback({ checkoutRequestId }, { body: 'garbage' });
    expect(stage.callbacks[1]?.text).to.equal('garbage');
    await control.settle({ checkoutRequestId }, '1019');
    expect(stkCallback(stage.callbacks[2]).ResultCode).to.equal(1019);
  });
});
