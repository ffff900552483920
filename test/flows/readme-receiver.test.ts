// The receiver in the README is what merchants copy, so it is run here as it stands there: as a process, on the real
// deliveries of a gateway. And docs/webhooks.md must say what the policy says.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import { createMerchant, type Merchant } from '../../scripts/demo/merchant.ts';
import { openStage, type Stage } from '../../scripts/demo/stage.ts';
import { eventTypes } from '../../src/events/event-store.ts';
import { attemptErrors } from '../../src/webhooks/attempt.ts';
import { deliveryStatuses } from '../../src/webhooks/delivery.ts';
import { scheduleMs } from '../../src/webhooks/policy.ts';
import { eventually, freePort } from '../support/gateway-process.ts';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function exampleOf(markdown: string): string {
  const section = markdown.slice(markdown.indexOf('\n## Webhooks\n'));
  const code = /```js\n([\s\S]*?)```/.exec(section)?.[1];
  if (code === undefined) throw new Error('the README has no example in JavaScript under Webhooks');
  return code;
}

describe('the receiver of the README', () => {
  let stage: Stage;
  let merchant: Merchant;
  let folder: string;
  let receiver: ChildProcess;
  let printed = '';
  let url: string;
  let endpoint: { id: string; secret: string };

  before(async () => {
    stage = await openStage({ speed: 30, apiPort: 0, handsetPort: 0 });
    merchant = createMerchant(stage.apiUrl, stage.apiKey, new AbortController().signal);
    const port = await freePort();
    url = `http://127.0.0.1:${port}/lango`;
    endpoint = await merchant.registerEndpoint(url);
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'readme-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'receiver.mjs'), exampleOf(readme));
    receiver = spawn(process.execPath, [join(folder, 'receiver.mjs')], {
      env: { PATH: process.env.PATH ?? '', PORT: String(port), LANGO_WEBHOOK_SECRET: endpoint.secret },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [receiver.stdout, receiver.stderr])
      stream?.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
      });
    const isUp = async () => (await fetch(url, { method: 'POST' }).catch(() => undefined))?.status;
    expect(await eventually('the receiver', isUp), 'an unsigned request').to.equal(400);
  });
  after(async () => {
    receiver.kill('SIGKILL');
    await stage.close({ keepFolder: false });
    rmSync(folder, { recursive: true, force: true });
  });

  const post = (path: string) =>
    fetch(`${stage.apiUrl}/v1${path}`, { method: 'POST', headers: { Authorization: `Bearer ${stage.apiKey}` } });

  const delivered = (eventId: string, attempts: number) =>
    eventually(`attempt ${attempts} of ${eventId}`, async () => {
      const delivery = await merchant.delivery(endpoint.id, eventId);
      return delivery?.status === 'delivered' && delivery.attempts.length === attempts ? delivery : undefined;
    });

  it('takes the webhooks of a payment and says each once, however often it comes', async () => {
    const payment = await merchant.askForMoney({ amount: 10, phone: '254708374149', reference: 'README-1' });
    await eventually('the money', async () =>
      (await merchant.read(payment.id)).status === 'succeeded' ? true : undefined,
    );
    const events = await merchant.events();
    expect(events.map(({ type }) => type)).to.deep.equal(['payment.pending', 'payment.succeeded']);
    for (const { id } of events) {
      const { id: deliveryId } = await delivered(id, 1);
      expect((await post(`/deliveries/${deliveryId}/retry`)).status).to.equal(202);
      await delivered(id, 2);
    }
    const lines = await eventually('two lines', () => (printed.split('\n').length > 2 ? printed : undefined));
    expect(lines.trim().split('\n')).to.deep.equal([
      'payment.pending: README-1 is pending',
      'payment.succeeded: README-1 is succeeded',
    ]);
  });

  it('takes a ping', async () => {
    const { event } = (await (await post(`/webhook-endpoints/${endpoint.id}/test`)).json()) as { event: string };
    await delivered(event, 1);
  });

  it('refuses what was changed on the way, and does nothing for what it knows or what was overtaken', async () => {
    const send = (id: string, data: object, tampered = ''): Promise<Response> => {
      const body = JSON.stringify({ type: 'payment.updated', timestamp: new Date().toISOString(), data });
      const at = new Date();
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(endpoint.secret).sign(id, at, body),
      };
      return fetch(url, { method: 'POST', headers, body: body + tampered });
    };
    expect(
      (await send('evt_1', { id: 'pay_1', version: 3, reference: 'NEW', status: 'pending' }, ' ')).status,
    ).to.equal(400);
    expect((await send('evt_2', { id: 'pay_1', version: 3, reference: 'NEW', status: 'succeeded' })).status).to.equal(
      204,
    );
    expect((await send('evt_3', { id: 'pay_1', version: 2, reference: 'OLD', status: 'pending' })).status).to.equal(
      204,
    );
    for (let times = 0; times < 2; times++)
      expect((await send('evt_4', { id: 'pay_2', reference: 'TWICE', status: 'pending' })).status).to.equal(204);
    await eventually('the new one', () => (printed.includes('NEW is succeeded') ? true : undefined));
    expect(printed).not.to.match(/NEW is pending|OLD/);
    expect(printed.split('TWICE')).to.have.length(2);
  });
});

describe('docs/webhooks.md', () => {
  const page = readFileSync(join(root, 'docs', 'webhooks.md'), 'utf8').replaceAll('\n', ' ');

  it('names every type, every error of an attempt and every status of a delivery', () => {
    for (const name of [...eventTypes, 'ping', ...Object.keys(attemptErrors), ...deliveryStatuses])
      expect(page).to.include(`\`${name}\``);
  });

  it('has the schedule of the policy', () => {
    const words = scheduleMs.slice(1).map((ms) => {
      if (ms < 60_000) return `${ms / 1000} s`;
      return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
    });
    expect(page).to.include(`at once, then after ${words.slice(0, -1).join(', ')} and ${words.at(-1)}`);
    const hours = scheduleMs.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
    expect(page).to.include(`${hours.toFixed(1)} hours in all`);
  });
});
