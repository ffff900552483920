// The demo is the first thing anybody sees: it must tell the truth on every machine, at any pace, beside a gateway that
// has the usual ports.

import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { createMerchant } from '../../scripts/demo/merchant.ts';
import { type Played, runDemo } from '../../scripts/demo/run-demo.ts';
import { openStage, type Stage } from '../../scripts/demo/stage.ts';
import { createScreen } from '../../scripts/demo/terminal.ts';
import { settleTold } from '../../scripts/demo/told.ts';
import { openBrowser } from '../support/console-browser.ts';

describe('the demo', () => {
  let stage: Stage;
  let printed = '';
  let endings: Played['endings'];
  let told: Played['told'];

  before(async () => {
    stage = await openStage({ speed: 30, apiPort: 0, handsetPort: 0 });
    const screen = createScreen((text) => {
      printed += text;
    }, false);
    ({ endings, told } = await runDemo(stage, screen, new AbortController().signal));
  });

  after(() => stage.close({ keepFolder: false }));

  it('ends with a payment paid, one cancelled, one found by asking and one still unknown', () => {
    expect(endings.flatMap(({ problems }) => problems)).to.deep.equal([]);
    const ended = endings.map(({ payment }) => [payment.status, payment.confirmed_by]);
    expect(ended).to.deep.equal([
      ['succeeded', 'callback'],
      ['cancelled', 'callback'],
      ['succeeded', 'query'],
      ['unknown', null],
    ]);
  });

  it('prints each payment’s status, its receipt and its whole timeline, in plain text where there is no terminal', () => {
    const table = printed.slice(printed.indexOf('What was known when'));
    expect(table).to.match(/DEMO-1 .*Paid +U[A-Z0-9]{9} +callback/);
    expect(table).to.match(/DEMO-2 .*Cancelled/);
    expect(table).to.match(/DEMO-3 .*Paid +missing +query .*asked/);
    expect(table).to.match(/DEMO-4 .*Not sure yet/);
    expect(printed).to.include('do not pay again');
    for (const { payment, timeline } of endings) {
      expect(printed).to.include(`/v1/payments/${payment.id}/timeline`);
      for (const entry of timeline)
        expect(printed).to.include(entry.kind === 'transition' ? entry.cause : entry.verdict);
    }
    expect(printed).not.to.include('\u001b');
  });

  it('pushed the payment that nobody can tell about once only', () => {
    expect(stage.simulator.ledger.pushesOf(endings[3]!.payment.phone)).to.have.length(1);
  });

  it('told the merchant all of it by webhook, and came again with the one that was answered with 500', () => {
    expect(told.problems).to.deep.equal([]);
    const types = told.events.map(({ type, data }) => `${data.reference} ${type}`);
    expect(types).to.deep.equal([
      'DEMO-1 payment.pending',
      'DEMO-1 payment.succeeded',
      'DEMO-2 payment.pending',
      'DEMO-2 payment.cancelled',
      'DEMO-3 payment.pending',
      'DEMO-3 payment.succeeded',
      'DEMO-4 payment.unknown',
    ]);
    const { delivery } = told.retried!;
    expect(delivery.attempts.map(({ number, status_code }) => [number, status_code])).to.deep.equal([
      [1, 500],
      [2, 204],
    ]);
    expect(printed).to.match(/webhook +payment.succeeded of DEMO-1: verified and kept, but answered 500 on purpose/);
    expect(printed).to.match(/webhook +payment.succeeded of DEMO-1 again: the same webhook-id, not kept twice/);
    expect(printed).to.match(new RegExp(`/v1/deliveries/${delivery.id}\n.*attempt 1  500 .*\n.*attempt 2  204 `));
  });

  it('offers the console: the one-time link makes the owner, who then sees the demo’s payments', async () => {
    const link = new URL(await stage.makeOwnerLink());
    expect(link.origin).to.equal(stage.apiUrl);
    const browser = openBrowser({ url: stage.apiUrl });
    const path = link.pathname + link.search;
    expect((await browser.get(path)).status).to.equal(200);
    const made = await browser.submit(path, { email: 'me@demo.example', password: 'four unrelated words' });
    expect(made.location).to.equal('/console?mode=test');
    const list = await browser.get('/console/payments?mode=test');
    for (const { payment } of endings) expect(list.html).to.contain(payment.reference);
  });

  it('is not content when a webhook does not arrive', async () => {
    const deaf = await openStage({ speed: 30, apiPort: 0, handsetPort: 0 });
    try {
      const merchant = createMerchant(deaf.apiUrl, deaf.apiKey, new AbortController().signal);
      const { id } = await merchant.registerEndpoint(deaf.receiver.url);
      await merchant.askForMoney({ amount: 10, phone: '254708374149', reference: 'DEAF-1' });
      // Nobody told the receiver the secret: it refuses what it cannot verify.
      await deaf.receiver.until(() => deaf.receiver.refused() > 0, 5000);
      const { problems } = await settleTold(merchant, deaf.receiver, id, [], new AbortController().signal, 100);
      expect(problems.join('\n')).to.match(/payment\.pending \(evt_\w+\) arrived/);
      expect(problems.join('\n')).to.match(/every signature verified; 1 did not/);
    } finally {
      await deaf.close({ keepFolder: false });
    }
  });

  it('logs to its own folder, which the end removes', async () => {
    const other = await openStage({ speed: 30, apiPort: 0, handsetPort: 0 });
    expect(existsSync(other.logFile)).to.equal(true);
    await other.close({ keepFolder: false });
    expect(existsSync(other.folder)).to.equal(false);
  });
});
