// Connections that stay open between attempts. A receiver may close one at any moment, also just as we write to it; that
// is nobody's failure and must not show as one. And closing the sender ends what is under way, at once.

import type net from 'node:net';
import { expect } from 'chai';
import type { Exchange } from '../../../src/webhooks/attempt.ts';
import { createWebhookSender, type WebhookSender } from '../../../src/webhooks/send-webhook.ts';
import { answers, startRawReceiver, startReceiver } from '../../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const noContent = 'HTTP/1.1 204 No Content\r\n\r\n';

describe('kept connections', () => {
  let sender: WebhookSender;
  const closers: (() => Promise<void>)[] = [];

  beforeEach(() => {
    sender = createWebhookSender({
      now: Date.now,
      timeoutMs: 2000,
      rules: { allowNetworks: ['127.0.0.0/8'], ownUrl: 'http://127.0.0.1:8080' },
    });
  });
  afterEach(async () => {
    await sender.close();
    for (const close of closers.splice(0)) await close();
  });

  const send = (url: string): Promise<Exchange> =>
    sender.send({ url, mode: 'test', eventId: 'evt_1', body: '{}', secrets: [secret] });

  async function startRaw(speak: (socket: net.Socket, connection: number) => void) {
    const raw = await startRawReceiver(speak);
    closers.push(raw.close);
    return raw;
  }

  /** Answers the first request of a connection; `then` is what it does with the next. */
  const onceThen =
    (then: (socket: net.Socket) => void) =>
    (socket: net.Socket): void => {
      socket.write(noContent);
      socket.once('data', () => then(socket));
    };

  it('that broke before a byte of the answer are replaced within the same attempt', async () => {
    for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const raw = await startRaw(onceThen((socket) => socket[end]()));
      expect((await send(raw.url)).error).to.equal(null);
      expect(await send(raw.url), end).to.include({ error: null, statusCode: 204 });
      expect(raw.connections()).to.equal(2);
    }
  });

  it('that all broke at once are all replaced', async () => {
    const raw = await startRaw(onceThen((socket) => socket.resetAndDestroy()));
    const burst = () => Promise.all(Array.from({ length: 8 }, () => send(raw.url)));
    for (let i = 0; i < 3; i++) expect((await burst()).map(({ error }) => error)).to.deep.equal(Array(8).fill(null));
  });

  it('that broke within the answer are not: it was heard', async () => {
    const raw = await startRaw(onceThen((socket) => socket.end('HTTP/1.1 20')));
    expect((await send(raw.url)).error).to.equal(null);
    expect((await send(raw.url)).error).to.equal('connection_lost');
    expect(raw.connections()).to.equal(1);
  });

  it('are tried anew once: a receiver that always breaks has failed', async () => {
    const raw = await startRaw((socket, connection) => {
      if (connection > 1) socket.destroy();
      else onceThen((kept) => kept.destroy())(socket);
    });
    expect((await send(raw.url)).error).to.equal(null);
    expect((await send(raw.url)).error).to.equal('connection_lost');
    expect(raw.connections()).to.equal(2);
  });

  it('are cut when the other side speaks unasked, so that no answer is taken for another', async () => {
    let first: net.Socket | undefined;
    const raw = await startRaw((socket) => {
      first ??= socket;
      socket.write(noContent);
    });
    expect((await send(raw.url)).error).to.equal(null);
    const closed = new Promise((resolve) => first!.once('close', resolve));
    first!.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    await closed;
    expect(await send(raw.url)).to.include({ error: null, statusCode: 204 });
    expect(raw.connections()).to.equal(2);
  });

  it('are fifty at most for a receiver', async () => {
    const receiver = await startReceiver();
    closers.push(receiver.close);
    // Held back until all are here, so that each has a connection of its own.
    const burst = async (count: number): Promise<number> => {
      const upTo = receiver.requests.length + count;
      receiver.answerWith(async (_request, response) => {
        await receiver.received(upTo);
        response.writeHead(204).end();
      });
      await Promise.all(Array.from({ length: count }, () => send(receiver.url)));
      return receiver.connections();
    };
    expect(await burst(80)).to.equal(80);
    expect(await burst(50)).to.equal(80);
    expect(await burst(70)).to.equal(100);
  });

  describe('when the sender closes', () => {
    it('what is under way ends as interrupted, at once, and its connection is cut', async () => {
      const raw = await startRaw(() => {});
      const receiver = await startReceiver(answers.silence());
      closers.push(receiver.close);
      const underWay = [send(raw.url), send(receiver.url), send(`https://127.0.0.1:${raw.port}`)];
      await receiver.received(1);
      const startedAt = performance.now();
      await sender.close();
      for (const exchange of await Promise.all(underWay)) {
        expect(exchange).to.include({ error: 'interrupted', statusCode: null });
      }
      expect(performance.now() - startedAt).to.be.lessThan(500);
      while (raw.open() > 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it('idle connections are dropped and nothing is sent any more', async () => {
      const raw = await startRaw((socket) => socket.write(noContent));
      expect((await send(raw.url)).error).to.equal(null);
      await sender.close();
      while (raw.open() > 0) await new Promise((resolve) => setImmediate(resolve));
      expect((await send(raw.url)).error).to.equal('interrupted');
      expect(raw.connections()).to.equal(1);
      await sender.close();
    });
  });
});
