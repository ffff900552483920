// The virtual handset as a browser without JavaScript sees it: a page, forms and links. The script only fetches this same
// page again, so what holds here holds with it.

import { expect } from 'chai';
import type { Stage } from './stage.ts';
import { openStage, stkCallback, to } from './stage.ts';

describe('the virtual handset', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
    stage.simulator.control.registerShortcode({
      shortcode: '174379',
      passkey: 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919',
      kind: 'paybill',
      name: 'SAFIRI COACHES',
    });
  });
  afterEach(() => stage.close());

  async function page(query = ''): Promise<string> {
    return (await fetch(`${stage.url}/${query}`)).text();
  }

  function submit(path: string, fields: Record<string, string>): Promise<Response> {
    const init: RequestInit = { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' };
    return fetch(`${stage.url}/handset/${path}`, init);
  }

  it('shows the prompt as M-PESA words it, with the phone masked everywhere', async () => {
    await stage.push({ ...to('254712345214'), Amount: 2400, AccountReference: 'INV-2035' });
    const html = await page();
    expect(html.replace(/<[^>]*>/g, '')).to.include(
      'Do you want to pay KES\u00a02,400.00 to SAFIRI COACHES Account no. INV-2035? Enter M-PESA PIN:',
    );
    expect(html).to.include('2547*****214').and.not.to.include('254712345214');
    expect(html).to.include('14:15:30').and.to.include('11:15:30 UTC');
  });

  it('escapes what the caller wrote', async () => {
    await stage.push({ ...to('254722000001'), AccountReference: '<b>"x"</b>' });
    expect(await page())
      .to.include('&lt;b&gt;')
      .and.not.to.include('<b>"x"');
  });

  it('runs under a policy without unsafe, and holds to it', async () => {
    const response = await fetch(stage.url);
    expect(response.headers.get('content-security-policy'))
      .to.include("default-src 'none'")
      .and.not.to.include('unsafe');
    const html = await response.text();
    expect(html).not.to.match(/ style=| on\w+=|<style|javascript:|https?:\/\/(?!127\.0\.0\.1)/);
    expect(html.match(/<script[^>]*>/g)).to.deep.equal(['<script src="/handset/handset.js" defer>']);
    for (const [name, type] of [
      ['handset.css', 'text/css'],
      ['handset.js', 'text/javascript'],
    ]) {
      expect((await fetch(`${stage.url}/handset/${name}`)).headers.get('content-type')).to.include(type);
    }
  });

  it('takes any four digits as the right PIN, 0000 as the wrong one, and nothing else', async () => {
    await stage.push(to('254722000001'));
    const short = await submit('answer', { prompt: '1', pin: '12', do: 'send' });
    expect(short.status).to.equal(303);
    expect(await page(new URL(short.headers.get('location')!, stage.url).search)).to.include('The PIN is four digits');
    await submit('answer', { prompt: '1', pin: '0000', do: 'send' });
    await stage.push(to('254722000002'));
    await submit('answer', { prompt: '2', pin: '1234', do: 'send' });
    await stage.simulator.control.callbacksDone();
    expect(stage.callbacks.map((callback) => stkCallback(callback).ResultCode)).to.deep.equal([2001, 0]);
  });

  it('answers by its buttons, and says so when the prompt is gone', async () => {
    await stage.push(to('254722000001'));
    await submit('answer', { prompt: '1', do: 'cancel' });
    await stage.simulator.control.callbacksDone();
    expect(stkCallback(stage.callbacks[0]).ResultCode).to.equal(1032);
    const late = await submit('answer', { prompt: '1', do: 'pin' });
    expect(late.headers.get('location')).to.equal('/?problem=closed');
    expect(await page('?problem=closed')).to.include('not open any more');
  });

  it('lets somebody pick among several prompts', async () => {
    await stage.push({ ...to('254722000001'), AccountReference: 'INV-1' });
    await stage.push({ ...to('254722000002'), AccountReference: 'INV-2' });
    expect(await page()).to.match(/Account no. <[^>]*>INV-2<[^>]*>\?/);
    expect(await page('?prompt=1')).to.match(/Account no. <[^>]*>INV-1<[^>]*>\?/);
  });

  it('sets both dials for the next one, one in five or all, and clears them', async () => {
    await submit('faults', { push: 'busy', callback: 'late', reach: 'all', do: 'set' });
    expect(await page()).to.include('Set now: push system busy, all; callback late, all');
    expect((await stage.push()).json.errorCode).to.equal('500.003.02');
    await submit('faults', { push: 'busy', callback: 'late', reach: 'all', do: 'clear' });
    expect(await page()).to.include('Nothing is set: all as it should');
  });

  it('sets switches, and keeps a value that only the control API knows', async () => {
    stage.simulator.control.changeSettings({ queryNoise: 0.35 });
    expect(await page()).to.include('<option value="0.35" selected>0.35</option>');
    await submit('switches', { testNumber: '"unreachable"', queryNoise: '0', autoAnswer: 'null' });
    expect(stage.simulator.control.settings).to.include({ testNumber: 'unreachable', queryNoise: 0, autoAnswer: null });
    expect((await submit('switches', { testNumber: 'nonsense' })).status).to.equal(400);
  });

  it('plants faults in the record, lets a customer pay by himself, and has the statement to download', async () => {
    await submit('record', { do: 'plant', fault: 'duplicate', next: '2' });
    await submit('record', { do: 'plant', fault: 'missing_statement', next: '1' });
    expect(await page()).to.include('Set for the next payments: paid twice × 2, missing line × 1');
    await submit('record', { do: 'clear' });
    expect(await page()).to.include('Nothing is set: it is true');
    const payment = { shortcode: '600966', account: 'BOAT 7', amount: '90', phone: '254712345214' };
    expect((await submit('record', { do: 'pay', ...payment })).status).to.equal(303);
    expect((await submit('record', { do: 'pay', ...payment, phone: '0712' })).status).to.equal(400);
    expect((await submit('record', { do: 'plant', fault: 'nonsense', next: '1' })).status).to.equal(400);
    const html = await page();
    expect(html).to.include('Paid without a push').and.not.to.include('254712345214"');
    const form = /action="\/control\/statements".*?<\/form>/s.exec(html)?.[0] ?? '';
    const fields = [...form.matchAll(/name="(\w+)"[^>]*?value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    expect(fields).to.deep.equal([
      ['shortcode', '600966'],
      ['from', '2026-10-06'],
      ['to', '2026-10-06'],
    ]);
    const query = new URLSearchParams(fields as [string, string][]);
    expect(await (await fetch(`${stage.url}/control/statements?${query}&format=newer&type=csv`)).text()).to.include(
      'Pay Bill from 25471****214 - GRACE **** WANJIKU Acc. BOAT 7,Completed,90.00',
    );
  });

  it('says when something changed', async () => {
    const response = await fetch(`${stage.url}/handset/events`);
    const reader = response.body!.getReader();
    await reader.read();
    await stage.push();
    await stage.clock.advance(150);
    expect(new TextDecoder().decode((await reader.read()).value)).to.equal('data: change\n\n');
    await reader.cancel();
  });

  it('lists the test numbers, and what happened, newest first', async () => {
    await stage.push();
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    const html = await page();
    const order = ['Callback sent, 0, UJ6', 'Right PIN, by itself', 'Prompt shown', 'Push accepted, ResponseCode 0'];
    const places = order.map((words) => html.indexOf(words));
    expect(places).to.deep.equal([...places].sort((left, right) => left - right));
    expect(places[0]).to.be.above(0);
    expect(html).to.include('254711111111');
  });
});
