// What a receiver gets and what its answer comes to: the request with its signatures, judged by the two official
// packages, each class of status, and what is kept of an answer. Receivers are real servers on this machine; those that
// misbehave are in the tests beside this one.

import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import type { Exchange } from '../../../src/webhooks/attempt.ts';
import { createWebhookSender, type WebhookMessage, type WebhookSender } from '../../../src/webhooks/send-webhook.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const [oldSecret, newSecret] = [secretOf(1), secretOf(2)];
const body = JSON.stringify({ type: 'payment.succeeded', data: { description: 'chakula cha mchana ☕ 🥘' } });

describe('sending a webhook', () => {
  let nowMs: number;
  let sender: WebhookSender;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    nowMs = Date.now();
    sender = createWebhookSender({
      now: () => nowMs,
      timeoutMs: 2000,
      rules: { allowNetworks: ['127.0.0.0/8'], ownUrl: 'http://127.0.0.1:8080' },
    });
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await sender.close();
    await receiver.close();
  });

  const send = (changed: Partial<WebhookMessage> = {}): Promise<Exchange> =>
    sender.send({
      url: `${receiver.url}/hook?shop=1`,
      mode: 'test',
      eventId: 'evt_01kahq8z2pf0rs6w5v2r7r3d4e',
      body,
      secrets: [newSecret],
      ...changed,
    });

  describe('the request', () => {
    it('posts the exact bytes to the path and query', async () => {
      expect(await send()).to.include({ error: null, detail: null, statusCode: 204, responseBody: '' });
      expect(receiver.requests).to.have.length(1);
      expect(receiver.requests[0]).to.include({ method: 'POST', path: '/hook?shop=1', body });
    });

    it('has the headers of Standard Webhooks, which the exchange keeps without the signature', async () => {
      const { requestHeaders } = await send();
      expect(requestHeaders).to.have.all.keys(
        'content-type',
        'user-agent',
        'accept-encoding',
        'content-length',
        'webhook-id',
        'webhook-timestamp',
      );
      expect(requestHeaders).to.include({
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        'content-length': String(Buffer.byteLength(body)),
        'webhook-id': 'evt_01kahq8z2pf0rs6w5v2r7r3d4e',
        'webhook-timestamp': String(Math.floor(nowMs / 1000)),
      });
      expect(requestHeaders['user-agent']).to.match(/^Lango\/\d+\.\d+\.\d+$/);
      expect(receiver.requests[0]?.headers).to.include(requestHeaders);
    });

    it('has a fresh timestamp and signature at every attempt and the same id', async () => {
      await send();
      nowMs += 90_000;
      await send();
      const [first, second] = receiver.requests.map((request) => request.headers);
      expect(Number(second?.['webhook-timestamp']) - Number(first?.['webhook-timestamp'])).to.equal(90);
      expect(second?.['webhook-signature']).not.to.equal(first?.['webhook-signature']);
      expect(second?.['webhook-id']).to.equal(first?.['webhook-id']);
      expect(receiver.verified(newSecret)).to.have.length(2);
    });

    it('goes over the connection of the one before', async () => {
      for (let i = 0; i < 5; i++) expect((await send()).error).to.equal(null);
      expect(receiver.connections()).to.equal(1);
    });
  });

  describe('the signature', () => {
    it('verifies with both official packages', async () => {
      await send();
      expect(receiver.verified(newSecret)).to.deep.equal([JSON.parse(body)]);
    });

    it('verifies with the old secret alone and with the new one alone while they overlap, newest first', async () => {
      await send({ secrets: [newSecret, oldSecret] });
      expect(receiver.verified(newSecret)).to.have.length(1);
      expect(receiver.verified(oldSecret)).to.have.length(1);
      const { headers } = receiver.requests[0]!;
      const at = new Date(Number(headers['webhook-timestamp']) * 1000);
      const expected = [newSecret, oldSecret].map((s) => new Webhook(s).sign(String(headers['webhook-id']), at, body));
      expect(headers['webhook-signature']).to.equal(expected.join(' '));
    });

    it('does not verify with a secret that has expired, nor over another body', async () => {
      await send();
      expect(() => receiver.verified(oldSecret)).to.throw(/signature/);
      receiver.requests[0]!.body = body.replace('succeeded', 'failed');
      expect(() => receiver.verified(newSecret)).to.throw(/signature/);
    });

    it('is never left out: without a usable secret nothing is sent, and the endpoint is not to blame', async () => {
      for (const secrets of [[], ['whsec_'], [newSecret, 'whsec_%%%']]) {
        expect((await send({ secrets })).error).to.equal('interrupted');
      }
      expect(receiver.requests).to.have.length(0);
    });
  });

  describe('the status', () => {
    const expected: Record<number, Exchange['error']> = {
      200: null,
      201: null,
      202: null,
      299: null,
      300: 'redirect',
      304: 'redirect',
      400: 'client_error',
      401: 'client_error',
      404: 'client_error',
      409: 'client_error',
      410: 'gone',
      418: 'client_error',
      429: 'rate_limited',
      499: 'client_error',
      500: 'server_error',
      502: 'server_error',
      503: 'server_error',
      599: 'server_error',
      600: 'unreadable_answer',
      999: 'unreadable_answer',
    };
    for (const [status, error] of Object.entries(expected)) {
      it(`${status} is ${error ?? 'a success'}`, async () => {
        receiver.answerWith(answers.status(Number(status)));
        expect(await send()).to.include({ statusCode: Number(status), error });
      });
    }

    for (const status of [301, 302, 303, 307, 308]) {
      it(`${status} is not followed`, async () => {
        const other = await startReceiver();
        receiver.answerWith(answers.status(status, { location: other.url }));
        expect(await send()).to.include({ statusCode: status, error: 'redirect' });
        expect(other.connections()).to.equal(0);
        await other.close();
      });
    }
  });

  describe('Retry-After', () => {
    const asked = async (header: string): Promise<number | null> => {
      receiver.answerWith(answers.status(503, { 'retry-after': header }));
      return (await send()).retryAfterMs;
    };

    it('is read as whole seconds', async () => {
      expect(await asked('120')).to.equal(120_000);
      expect(await asked('0')).to.equal(0);
    });

    it('is read as a date in each of its three forms', async () => {
      nowMs = Date.UTC(2026, 10, 21, 12, 0, 0);
      expect(await asked('Sat, 21 Nov 2026 12:01:30 GMT')).to.equal(90_000);
      expect(await asked('Saturday, 21-Nov-26 12:01:30 GMT')).to.equal(90_000);
      expect(await asked('Sat Nov 21 12:01:30 2026')).to.equal(90_000);
    });

    it('is six hours at most', async () => {
      for (const long of ['21601', '99999999999999999999', 'Mon, 21 Nov 2044 12:00:00 GMT']) {
        expect(await asked(long), long).to.equal(6 * 3600 * 1000);
      }
    });

    it('is null where it is neither or lies in the past', async () => {
      for (const odd of ['-5', '1.5', 'soon', '12 seconds', '', 'Sat, 21 Nov 2020 12:00:00 GMT', 'Sat, nonsense']) {
        expect(await asked(odd), odd).to.equal(null);
      }
      receiver.answerWith(answers.status(503));
      expect((await send()).retryAfterMs).to.equal(null);
    });
  });

  describe('what is kept of an answer', () => {
    it('is its first 16 KiB as text, without breaking a character', async () => {
      receiver.answerWith(answers.status(500, {}, 'x' + '☕'.repeat(10_000)));
      const { responseBody } = await send();
      expect(Buffer.byteLength(responseBody!)).to.be.within(16 * 1024 - 3, 16 * 1024);
      expect(responseBody).to.match(/^x☕+$/u);
    });

    it('is text for any database, whatever the bytes are', async () => {
      receiver.answerWith((_request, response) => response.end(Buffer.alloc(20_000, Buffer.from([0, 0xff, 0x41]))));
      const { responseBody } = await send();
      expect(responseBody).to.match(/^[\ufffdA]+$/);
      expect(Buffer.byteLength(responseBody!)).to.be.at.most(16 * 1024);
    });

    it('is what came, not what it unpacks to', async () => {
      const bomb = gzipSync(Buffer.alloc(50_000_000));
      receiver.answerWith((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
      const before = process.memoryUsage().rss;
      const { error, responseBody, responseHeaders } = await send();
      expect(error).to.equal(null);
      expect(responseHeaders).to.include({ 'content-encoding': 'gzip' });
      expect(responseBody!.length).to.be.at.most(16 * 1024);
      expect(process.memoryUsage().rss - before).to.be.lessThan(40_000_000);
    });

    it('is the headers, joined and bounded, without cookies', async () => {
      const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x-${i}`, String(i)]));
      const long = 'v'.repeat(4000);
      const odd = {
        'x-long': long,
        'set-cookie': ['session=secret', 'b=c'],
        'x-twice': ['1', '2'],
        ['__proto__']: '1',
      };
      receiver.answerWith(answers.status(200, { ...odd, ...many }));
      const { responseHeaders } = await send();
      expect(responseHeaders).to.include({ 'x-long': long.slice(0, 1024), 'x-twice': '1, 2', 'x-1': '1' });
      expect(Object.keys(responseHeaders!)).to.have.length(50);
      expect(JSON.stringify(responseHeaders)).not.to.contain('secret');
    });
  });

  it('takes the time of the answer', async () => {
    receiver.answerWith((_request, response) => void setTimeout(() => response.writeHead(200).end(), 120));
    expect((await send()).durationMs).to.be.within(115, 2000);
  });
});
