// The control API over HTTP: what tests in other processes and people with curl rely on. It must say what is wrong with a
// request, and never let a page of another origin steer it.

import { expect } from 'chai';
import type { Stage } from './stage.ts';
import { metadata, openStage, stkCallback, to } from './stage.ts';

describe('the simulator’s control API', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const init: RequestInit = { method };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(`${stage.url}/control${path}`, init);
    return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
  }

  async function list(path: string): Promise<Record<string, unknown>[]> {
    return (await (await fetch(`${stage.url}/control${path}`)).json()) as Record<string, unknown>[];
  }

  it('sets outcomes for a phone, an amount and the next push', async () => {
    await call('POST', '/outcomes', { code: '1', phone: '254722000001' });
    await call('POST', '/outcomes', { code: '2001', amount: 77, afterMs: 10 });
    await stage.push(to('254722000001'));
    await stage.push({ ...to('254722000002'), Amount: 77 });
    await call('POST', '/outcomes', { code: '1032', next: 1 });
    await stage.push(to('254722000003'));
    await stage.clock.advance(3_000);
    const codes = stage.simulator.ledger.pushes.map(({ result }) => result?.code);
    expect(codes).to.deep.equal(['1', '2001', '1032']);
  });

  it('sets faults and takes them away', async () => {
    const state = await call('POST', '/faults', { group: 'push', fault: 'busy', reach: 'all' });
    expect(state.faults).to.deep.equal([{ group: 'push', fault: 'busy', reach: 'all' }]);
    expect((await stage.push()).json.errorCode).to.equal('500.003.02');
    expect((await call('DELETE', '/faults')).faults).to.deep.equal([]);
    expect((await stage.push()).status).to.equal(200);
  });

  it('says what is wrong with a request, and changes nothing', async () => {
    const fault = await call('POST', '/faults', { group: 'push', fault: 'nonsense' });
    expect(fault).to.include({ status: 400, error: 'There is no fault "nonsense" for push.' });
    const setting = await call('PATCH', '/settings', { callbackMs: -1, speling: 1 });
    expect(setting.status).to.equal(400);
    expect(setting.error).to.include('callbackMs').and.to.include('speling');
    expect((await call('POST', '/prompts/answer', { phone: '254722000009', answer: 'pin' })).status).to.equal(400);
    expect((await call('POST', '/faults')).status).to.equal(400);
    expect((await call('GET', '/state')).faults).to.deep.equal([]);
  });

  it('changes switches', async () => {
    await call('PATCH', '/settings', { callbackPhone: 'masked', callbackBalance: 'absent' });
    await stage.push();
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    expect(metadata(stage.callbacks[0], 'PhoneNumber')).to.equal('254708***149');
  });

  it('answers the open prompt and shows what came of it', async () => {
    await stage.push(to('254722000001'));
    const prompts = (await call('GET', '/state')).openPrompts as Record<string, unknown>[];
    expect(prompts).to.have.length(1);
    await call('POST', '/prompts/answer', { phone: '254722000001', answer: 'pin' });
    await stage.simulator.control.callbacksDone();
    const [push] = await list('/pushes');
    expect(push).to.include({ state: 'done', callbackCount: 1 });
    const [callback] = await list('/callbacks?limit=1');
    expect(callback).to.include({ status: 200, url: stage.callbackUrl });
    expect((await list('/log'))[0]?.what).to.match(/^Callback sent, 0, UJ6/);
    expect(await list('/received')).to.have.length(1);
    expect(await list('/queries')).to.have.length(0);
  });

  it('forces a result and a callback', async () => {
    const pushed = await stage.push(to('254722000001'));
    const id = pushed.json.CheckoutRequestID;
    await call('POST', '/callbacks', {
      checkoutRequestId: id,
      claim: { resultCode: '0', amount: 5, receipt: 'UJ6AAAAAAA' },
    });
    expect(metadata(stage.callbacks[0], 'Amount')).to.equal(5);
    await call('POST', '/pushes/settle', { checkoutRequestId: id, code: '1' });
    await stage.simulator.control.callbacksDone();
    expect(stkCallback(stage.callbacks[1]).ResultCode).to.equal(1);
  });

  it('registers apps and shortcodes, and never shows a passkey or a secret', async () => {
    await call('POST', '/apps', { consumerKey: 'mine', consumerSecret: 'hush-hush', products: ['c2b'] });
    await call('POST', '/shortcodes', { shortcode: '600456', passkey: 'hush-hush', kind: 'till', till: '555123' });
    const state = await call('GET', '/state');
    expect(state.shortcodes).to.deep.include({
      shortcode: '600456',
      kind: 'till',
      till: '555123',
      name: 'TILL 555123',
    });
    expect(state.apps).to.deep.include({ consumerKey: 'mine', products: ['c2b'] });
    expect(JSON.stringify(state)).not.to.include('hush-hush');
    const token = await stage.token();
    await call('POST', '/tokens/expire');
    expect((await stage.push({}, token)).json.errorCode).to.equal('404.001.03');
    await call('POST', '/reset');
    expect((await call('GET', '/state')).apps).to.deep.equal([]);
  });

  it('refuses to be steered by pages of other origins', async () => {
    const headers = { Origin: 'https://evil.example' };
    const answer = await fetch(`${stage.url}/control/reset`, { method: 'POST', headers });
    expect(answer.status).to.equal(403);
  });
});
