// The bodies of callbacks, byte for byte against daraja.md section 4, and how many of them each fault sends. The gateway
// reads these bodies for money, so their shape is worth more than one look.

import { expect } from 'chai';
import { faults } from '../../../src/simulator/faults.ts';
import type { Push, PushResult } from '../../../src/simulator/ledger.ts';
import type { PlannedCallback } from '../../../src/simulator/plan-callbacks.ts';
import { planCallbacks } from '../../../src/simulator/plan-callbacks.ts';
import { splitUrl } from '../../../src/simulator/post-json.ts';
import type { Settings } from '../../../src/simulator/settings.ts';
import { defaultSettings } from '../../../src/simulator/settings.ts';

const push: Push = {
  serial: 1,
  takenAt: 0,
  consumerKey: 'key',
  request: {
    shortcode: '174379',
    password: '',
    timestamp: '',
    transactionType: 'CustomerPayBillOnline',
    amount: 150,
    partyA: '254712345678',
    partyB: '174379',
    phone: '254712345678',
    callbackUrl: 'https://example.com/cb',
    reference: 'INV-1042',
    description: 'Order',
  },
  merchantRequestId: '7c1e-4f0a-9b52-3d8f6a1c20e4118207',
  checkoutRequestId: 'ws_CO_06102026141530412712345678',
  merchantName: 'Example',
  state: 'done',
  prompt: null,
  result: null,
  callbackCount: 0,
};
const paid: PushResult = { code: '0', at: Date.UTC(2026, 9, 6, 11, 15, 52), receipt: 'UJ68K3W0QZ', by: 'Right PIN' };
const cancelled: PushResult = { code: '1032', at: paid.at, receipt: null, by: 'Cancel' };

function plan(fault: string, result = paid, changes: Partial<Settings> = {}): PlannedCallback[] {
  return planCallbacks({
    push,
    result,
    fault,
    settings: { ...defaultSettings, ...changes },
    usedReceipt: 'UJ61111111',
  });
}

function only(fault: string, result = paid, changes: Partial<Settings> = {}): string {
  const [callback] = plan(fault, result, changes);
  return callback!.body;
}

describe('the callbacks of a result', () => {
  it('is the success of daraja.md section 4.2, byte for byte', () => {
    expect(only('normal')).to.equal(
      '{"Body":{"stkCallback":{"MerchantRequestID":"7c1e-4f0a-9b52-3d8f6a1c20e4118207",' +
        '"CheckoutRequestID":"ws_CO_06102026141530412712345678","ResultCode":0,' +
        '"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":[' +
        '{"Name":"Amount","Value":150.00},{"Name":"MpesaReceiptNumber","Value":"UJ68K3W0QZ"},{"Name":"Balance"},' +
        '{"Name":"TransactionDate","Value":20261006141552},{"Name":"PhoneNumber","Value":254712345678}]}}}}',
    );
  });

  it('has no metadata in a failure', () => {
    expect(JSON.parse(only('normal', cancelled)).Body.stkCallback).to.deep.equal({
      MerchantRequestID: push.merchantRequestId,
      CheckoutRequestID: push.checkoutRequestId,
      ResultCode: 1032,
      ResultDesc: 'Request cancelled by user',
    });
  });

  it('writes a code that is no number as text', () => {
    expect(only('normal', { ...cancelled, code: 'SFC_IC0003' })).to.include('"ResultCode":"SFC_IC0003"');
  });

  it('shows the phone as a number, text, masked, hashed, or not at all', () => {
    expect(only('normal', paid, { callbackPhone: 'string' })).to.include('"Value":"254712345678"');
    expect(only('masked_phone')).to.include('"Value":"254712***678"');
    expect(only('hashed_phone')).to.match(/"PhoneNumber","Value":"[0-9a-f]{64}"/);
    expect(only('no_phone')).not.to.include('PhoneNumber');
  });

  it('has a Balance without a value, with one, or none', () => {
    expect(only('normal')).to.include('{"Name":"Balance"}');
    expect(only('balance_value')).to.include('{"Name":"Balance","Value":49197.00}');
    expect(only('no_balance')).not.to.include('Balance');
  });

  it('writes every number as text when asked to', () => {
    const items = JSON.parse(only('string_codes')).Body.stkCallback.CallbackMetadata.Item as { Value?: unknown }[];
    expect(only('string_codes')).to.include('"ResultCode":"0"');
    expect(items.filter(({ Value }) => typeof Value === 'number')).to.deep.equal([]);
  });

  it('repeats, delays, loses and holds back', () => {
    expect(plan('twice').map(({ afterMs }) => afterMs)).to.deep.equal([0, 200]);
    expect(plan('three_times')).to.have.length(3);
    expect(plan('four_times')).to.have.length(4);
    expect(plan('late').map(({ afterMs }) => afterMs)).to.deep.equal([90_000]);
    expect(plan('lost')).to.deep.equal([]);
    expect(plan('out_of_order').map(({ isHeld }) => isHeld)).to.deep.equal([true]);
  });

  it('says no and then yes, or yes and then no', () => {
    expect(plan('failure_then_success').map(({ summary }) => summary)).to.deep.equal(['1037', '0, UJ68K3W0QZ']);
    expect(plan('success_then_failure').map(({ summary }) => summary)).to.deep.equal(['0, UJ68K3W0QZ', '1032']);
  });

  it('forges amount, ids, receipt, phone and shortcode', () => {
    expect(only('wrong_amount')).to.include('"Amount","Value":1.00');
    expect(only('forged_ids')).not.to.include(push.merchantRequestId).and.not.to.include(push.checkoutRequestId);
    expect(only('reused_receipt')).to.include('UJ61111111');
    expect(only('other_phone'))
      .to.match(/"PhoneNumber","Value":254712\d{6}\}/)
      .and.not.to.include('254712345678}');
    expect(plan('other_receipt').map(({ body }) => body.includes('UJ68K3W0QZ'))).to.deep.equal([true, false]);
    expect(plan('other_shortcode')[0]?.shortcode).to.equal('600000');
    expect(() => JSON.parse(only('unreadable'))).to.throw();
  });

  it('knows every fault of the callback dial', () => {
    // `before_answer` is decided when the push is taken; the callback itself is as it should be.
    const usual = JSON.stringify(plan('normal'));
    const plain = faults.callback.map(({ name }) => name).filter((name) => JSON.stringify(plan(name)) === usual);
    expect(plain).to.deep.equal(['before_answer']);
  });
});

describe('the address of a callback', () => {
  it('keeps the path as it was given, also where a URL would tidy it', () => {
    const { origin, path } = splitUrl('https://example.com:8443/a//b/../c/%7Ex?y=%2F|z');
    expect(origin.host).to.equal('example.com:8443');
    expect(path).to.equal('/a//b/../c/%7Ex?y=%2F|z');
    expect(splitUrl('http://example.com?x=1').path).to.equal('/?x=1');
  });
});
