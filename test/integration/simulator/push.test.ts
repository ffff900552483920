// The simulator's push against daraja.md sections 2 and 11: the acknowledgement, the order of the checks, shortcodes and
// tills, the lock on a phone, and the results M-PESA itself comes to.

import { expect } from 'chai';
import { darajaTimestamp } from '../../../src/simulator/nairobi-time.ts';
import { sandboxPasskey } from '../../../src/simulator/registry.ts';
import type { Stage } from './stage.ts';
import { openStage, password, stkCallback, to } from './stage.ts';

describe('the simulator’s push', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  it('acknowledges in Daraja’s words and ids', async () => {
    const answer = await stage.push();
    expect(answer.status).to.equal(200);
    expect(Object.keys(answer.json)).to.deep.equal([
      'MerchantRequestID',
      'CheckoutRequestID',
      'ResponseCode',
      'ResponseDescription',
      'CustomerMessage',
    ]);
    expect(answer.json.CheckoutRequestID).to.match(/^ws_CO_06102026141530\d{1,3}708374149$/);
    expect(answer.json.ResponseCode).to.equal('0');
    expect(answer.json.ResponseDescription).to.equal('Success. Request accepted for processing');
  });

  it('checks token, fields, kind, shortcode, password and lock, in this order', async () => {
    stage.simulator.control.changeSettings({ onlyRegisteredShortcodes: true });
    const wrong = { Amount: 0, TransactionType: 'CustomerBuyGoodsOnline', Password: 'MTIz' };
    expect((await stage.push(wrong, 'no-token')).json.errorCode).to.equal('404.001.03');
    expect((await stage.push(wrong)).json.errorMessage).to.equal('Bad Request - Invalid Amount');
    const typed = await stage.push({ ...wrong, Amount: 1 });
    expect(typed.status).to.equal(400);
    expect(typed.json).to.include({
      errorCode: '400.002.02',
      errorMessage: 'Bad Request - Invalid TransactionType',
    });
    const unknown = await stage.push({ BusinessShortCode: '600123', PartyB: '600123' });
    expect(unknown.status).to.equal(500);
    expect(unknown.json).to.include({ errorCode: '500.001.1001', errorMessage: 'Merchant does not exist' });
    const credentials = await stage.push({ Password: 'MTIz' });
    expect(credentials.json.errorMessage).to.equal('[MerchantValidate] - Wrong credentials');
    expect((await stage.push()).status).to.equal(200);
    const locked = await stage.push();
    expect(locked.status).to.equal(500);
    expect(locked.json.errorMessage).to.match(/^\[STK\] - Unable to lock subscriber/);
  });

  it('needs a Bearer header, JSON, and the content type to say so', async () => {
    const path = '/mpesa/stkpush/v1/processrequest';
    expect((await stage.post(path, {})).json.errorCode).to.equal('404.001.04');
    const headers = { Authorization: `Bearer ${await stage.token()}` };
    expect((await stage.post(path, '{"Amount":', headers)).json.errorCode).to.equal('400.002.05');
    expect((await stage.post(path, '[1]', headers)).json.errorCode).to.equal('400.002.05');
    const form = await stage.post(path, 'Amount=1', { ...headers, 'Content-Type': 'text/plain' });
    expect(form.json.errorMessage).to.equal('Bad Request - Invalid BusinessShortCode');
    expect((await stage.post(path, 'x'.repeat(70_000), headers)).json.errorCode).to.equal('400.002.05');
  });

  it('answers 405 to another method and 404.001.01 to any other path', async () => {
    const get = await fetch(`${stage.url}/mpesa/stkpush/v1/processrequest`);
    expect(get.status).to.equal(405);
    expect(((await get.json()) as Record<string, unknown>).errorMessage).to.equal('GET Method Not Allowed');
    const elsewhere = await stage.post('/mpesa/stkpush/v1/processrequest/', {});
    expect(elsewhere.status).to.equal(404);
    expect(elsewhere.json.errorCode).to.equal('404.001.01');
  });

  it('releases the phone when the prompt has ended', async () => {
    await stage.push();
    await stage.clock.advance(3_000);
    expect((await stage.push({ Amount: 151 })).status).to.equal(200);
  });

  it('gives result 17 to the same amount from the same phone within two minutes of paying', async () => {
    await stage.push();
    await stage.clock.advance(3_000);
    await stage.push();
    await stage.clock.advance(300);
    await stage.clock.advance(120_000);
    await stage.push();
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    expect(stage.simulator.ledger.pushes.map(({ result }) => result?.code)).to.deep.equal(['0', '17', '0']);
    expect(stkCallback(stage.callbacks[1]).ResultDesc).to.equal('Rule limited.');
  });

  it('learns the passkey of an unknown shortcode from its first push, for that consumer key alone', async () => {
    const timestamp = darajaTimestamp(stage.clock.now());
    const mine = { BusinessShortCode: '600123', PartyB: '600123', ...to('254722000001') };
    const first = await stage.push({ ...mine, Password: password('600123', 'my-passkey', timestamp) });
    expect(first.status).to.equal(200);
    const other = { ...mine, ...to('254722000002'), Password: password('600123', 'other-passkey', timestamp) };
    expect((await stage.push(other)).json.errorMessage).to.include('Wrong credentials');
    const headers = { Authorization: `Basic ${Buffer.from('key2:secret').toString('base64')}` };
    const answer = await fetch(`${stage.url}/oauth/v1/generate?grant_type=client_credentials`, { headers });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    expect((await stage.push(other, token)).status).to.equal(200);
  });

  it('takes a till by its store number, and refuses the till number in its place', async () => {
    const timestamp = darajaTimestamp(stage.clock.now());
    const passkey = 'store-passkey';
    stage.simulator.control.registerShortcode({ shortcode: '600456', passkey, kind: 'till', till: '555123' });
    const goods = { TransactionType: 'CustomerBuyGoodsOnline', PartyB: '555123' };
    const byStore = { ...goods, BusinessShortCode: '600456', Password: password('600456', passkey, timestamp) };
    expect((await stage.push(byStore)).status).to.equal(200);
    expect(stage.simulator.ledger.pushes[0]?.prompt?.text).to.equal(
      'Do you want to pay KES 150.00 to TILL 555123? Enter M-PESA PIN:',
    );
    const byTill = { ...goods, BusinessShortCode: '555123', Password: password('555123', passkey, timestamp) };
    const refused = await stage.push({ ...byTill, ...to('254722000003') });
    expect(refused.json.errorMessage).to.equal('Bad Request - Invalid TransactionType');
    await stage.push({ ...byStore, PartyB: '555999', ...to('254722000004') });
    await stage.clock.advance(300);
    expect(stage.simulator.ledger.pushes.at(-1)?.result?.code).to.equal('SFC_IC0003');
  });

  it('comes to 3 over the largest amount, 2028 for another PartyB and 1025 for too long a prompt', async () => {
    await stage.push({ Amount: 250_001, ...to('254722000001') });
    await stage.push({ PartyB: '174380', ...to('254722000002') });
    await stage.push({ AccountReference: 'X'.repeat(100), TransactionDesc: 'Y', ...to('254722000003') });
    const name = 'A MERCHANT WITH A NAME THAT FILLS THE WHOLE OF THE PROMPT';
    const passkey = sandboxPasskey;
    stage.simulator.control.registerShortcode({ shortcode: '174379', passkey, kind: 'paybill', name });
    await stage.push({ AccountReference: 'X'.repeat(100), ...to('254722000004') });
    await stage.clock.advance(300);
    const codes = stage.simulator.ledger.pushes.map(({ result }) => result?.code);
    expect(codes).to.deep.equal(['3', '2028', undefined, '1025']);
  });

  it('is silent about special characters when switched, and says 4999 for ever', async () => {
    stage.simulator.control.changeSettings({ silentSpecials: true });
    const answer = await stage.push({ AccountReference: 'INV#1&2' });
    await stage.clock.advance(600_000);
    expect(stage.simulator.ledger.counts.callbacks).to.equal(0);
    expect((await stage.query(String(answer.json.CheckoutRequestID))).json.ResultCode).to.equal('4999');
  });
});
