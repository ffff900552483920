// C2B as Safaricom has it (daraja.md section 6.3): registering, the confirmation of each payment in its flat shape and
// with its payer masked, validation, and above all that a paid push is told of twice, in either order.

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Received, Stage } from './stage.ts';
import { openStage, stkCallback, to } from './stage.ts';

const phone = '254722000126';

describe('the simulator’s C2B', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  const confirmations = (): Received[] => stage.callbacks.filter(({ path }) => path === '/c2b/confirmation');
  const bodyOf = (received: Received | undefined): Record<string, string> => JSON.parse(received?.text ?? '{}');

  async function payPush(changes: Record<string, unknown> = {}): Promise<void> {
    await stage.push({ ...to(phone), ...changes });
    stage.simulator.control.answer({ phone }, 'pin');
    await stage.simulator.control.callbacksDone();
  }

  it('registers with the misspelt key, again as often as asked, as the sandbox does', async () => {
    const first = await stage.registerUrls();
    expect(first.status).to.equal(200);
    expect(first.json).to.include({ ResponseCode: '0', ResponseDescription: 'Success' });
    expect(first.json).to.have.property('OriginatorCoversationID');
    expect((await stage.registerUrls()).status).to.equal(200);
  });

  it('refuses a second registration as production does, until the URLs are deleted', async () => {
    stage.simulator.control.changeSettings({ reregisterUrls: false });
    await stage.registerUrls();
    const second = await stage.registerUrls();
    expect(second.status).to.equal(500);
    expect(second.json).to.include({ errorCode: '500.003.1001', errorMessage: 'Urls are already registered.' });
    expect((await stage.registerUrls({ ShortCode: '600966' })).status).to.equal(200);
    await fetch(`${stage.url}/control/urls/174379`, { method: 'DELETE' });
    expect((await stage.registerUrls()).status).to.equal(200);
  });

  it('insists on the exact case of ResponseType, on addresses, and on a token for C2B', async () => {
    const wrong = await stage.registerUrls({ ResponseType: 'completed' });
    expect(wrong.status).to.equal(400);
    expect(wrong.json.errorMessage).to.equal('Bad Request - Invalid ResponseType');
    expect((await stage.registerUrls({ ConfirmationURL: 'nowhere' })).json.errorMessage).to.include('ConfirmationURL');
    expect((await stage.registerUrls({ ShortCode: 'x' })).json.errorMessage).to.include('ShortCode');
    stage.simulator.control.changeSettings({ strictCallbackUrls: true });
    expect((await stage.registerUrls()).json.errorMessage).to.include('ConfirmationURL');
    stage.simulator.control.expireTokens();
    const refused = await stage.registerUrls();
    expect(refused.status).to.equal(401);
    expect(refused.json.errorMessage).to.match(/^Error Occurred - Invalid Access Token - \w{28}$/);
  });

  it('answers an app without the product as Daraja does', async () => {
    stage.simulator.control.registerApp({ consumerKey: 'key', consumerSecret: 'secret', products: ['stk'] });
    expect((await stage.registerUrls()).json.errorMessage).to.include('no apiproduct match');
  });

  it('sends a payment by hand in the flat shape, v2 with a masked number', async () => {
    await stage.registerUrls();
    const command = { ShortCode: '174379', CommandID: 'CustomerPayBillOnline', Amount: '1500', Msisdn: phone };
    const answer = await stage.daraja('/mpesa/c2b/v2/simulate', { ...command, BillRefNumber: 'INV 7' });
    expect(answer.json).to.include({ ResponseCode: '0' });
    await stage.simulator.control.callbacksDone();
    const { TransID, ...rest } = bodyOf(confirmations()[0]);
    expect(TransID).to.match(/^UJ6[0-9A-Z]{7}$/);
    expect(rest).to.deep.equal({
      TransactionType: 'Pay Bill',
      TransTime: '20261006141530',
      TransAmount: '1500.00',
      BusinessShortCode: '174379',
      BillRefNumber: 'INV 7',
      InvoiceNumber: '',
      OrgAccountBalance: '101500.00',
      ThirdPartyTransID: '',
      MSISDN: '2547 ***** 126',
      FirstName: 'JOHN',
      MiddleName: '',
      LastName: '',
    });
  });

  it('v1 shows the payer as SHA-256, and a switch has the other mask', async () => {
    await stage.registerUrls({}, 1);
    await payPush();
    expect(bodyOf(confirmations()[0]).MSISDN).to.equal(createHash('sha256').update(phone).digest('hex'));
    stage.simulator.control.changeSettings({ confirmationPhone: 'stars' });
    await payPush({ Amount: 151 });
    expect(bodyOf(confirmations()[1]).MSISDN).to.equal('25472****126');
  });

  it('confirms a paid push after its callback, with its receipt and reference', async () => {
    await stage.registerUrls();
    await payPush();
    expect(stage.callbacks.map(({ path }) => path)).to.deep.equal(['/callbacks/stk/pay_1/token', '/c2b/confirmation']);
    const receipt = stage.simulator.ledger.pushes[0]?.result?.receipt;
    const told = bodyOf(confirmations()[0]);
    expect(told).to.include({ TransID: receipt, BillRefNumber: 'INV-1042', TransAmount: '150.00' });
    expect(stage.simulator.ledger.confirmations[0]).to.include({ receipt, status: 200, kind: 'confirmation' });
  });

  it('confirms before the callback, or instead of it, when switched', async () => {
    await stage.registerUrls();
    stage.simulator.control.changeSettings({ confirmations: 'before', callbackMs: 0 });
    await payPush();
    stage.simulator.control.changeSettings({ confirmations: 'only' });
    await payPush({ Amount: 151 });
    expect(stage.callbacks.map(({ path }) => path)).to.deep.equal([
      '/c2b/confirmation',
      '/callbacks/stk/pay_1/token',
      '/c2b/confirmation',
    ]);
  });

  it('keeps the order with Daraja’s delays', async () => {
    await stage.registerUrls();
    stage.simulator.control.changeSettings({ callbackMs: 3_000, confirmationMs: 500 });
    await payPush();
    expect(stage.callbacks).to.have.length(0);
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    expect(stage.callbacks).to.have.length(1);
    await stage.clock.advance(500);
    await stage.simulator.control.callbacksDone();
    expect(confirmations()).to.have.length(1);
  });

  it('is silent for a push that was not paid, and where nothing is registered', async () => {
    await payPush();
    await stage.registerUrls();
    await stage.push(to('254722000127'));
    stage.simulator.control.answer({ phone: '254722000127' }, 'cancel');
    await stage.simulator.control.callbacksDone();
    expect(confirmations()).to.have.length(0);
  });

  it('confirms although the callback is lost, twice or never when a fault says so', async () => {
    await stage.registerUrls();
    const { control } = stage.simulator;
    control.setFault({ group: 'callback', fault: 'lost', reach: 'next' });
    await payPush();
    expect(stage.callbacks.map(({ path }) => path)).to.deep.equal(['/c2b/confirmation']);
    control.setFault({ group: 'confirmation', fault: 'twice', reach: 'next' });
    await payPush({ Amount: 151 });
    await stage.clock.advance(200);
    await control.callbacksDone();
    expect(confirmations()).to.have.length(3);
    expect(confirmations()[1]?.text).to.equal(confirmations()[2]?.text);
    control.setFault({ group: 'confirmation', fault: 'lost', reach: 'next' });
    await payPush({ Amount: 152 });
    expect(confirmations()).to.have.length(3);
  });

  describe('with validation on', () => {
    beforeEach(async () => {
      stage.simulator.control.changeSettings({ validation: true });
    });

    it('asks first, then tells, with the same receipt', async () => {
      await stage.registerUrls();
      await payPush();
      expect(stage.callbacks.map(({ path }) => path)).to.deep.equal([
        '/c2b/validation',
        '/callbacks/stk/pay_1/token',
        '/c2b/confirmation',
      ]);
      expect(bodyOf(stage.callbacks[0]).TransID).to.equal(bodyOf(stage.callbacks[2]).TransID);
    });

    it('takes no money that the merchant refuses', async () => {
      await stage.registerUrls();
      stage.receiver.body = '{"ResultCode":"C2B00012","ResultDesc":"Rejected"}';
      await payPush();
      expect(stkCallback(stage.callbacks[1]).ResultCode).to.equal(2007);
      const receipt = await stage.simulator.control.record.payByHand({
        shortcode: '174379',
        amount: 10,
        phone,
        account: 'NOPE',
      });
      expect(receipt).to.equal(null);
      expect(stage.simulator.control.record.entries({ shortcode: '174379' })).to.have.length(0);
      expect(confirmations()).to.have.length(0);
    });

    it('does as ResponseType says when nobody answers', async () => {
      stage.receiver.status = 500;
      await stage.registerUrls({ ResponseType: 'Cancelled' });
      await payPush();
      expect(stkCallback(stage.callbacks.at(-1)).ResultCode).to.equal(2007);
      await stage.registerUrls({ ResponseType: 'Completed' });
      await payPush();
      expect(confirmations()).to.have.length(1);
    });
  });
});
