// Receivers that misbehave in every way we know of. Whatever they do, an attempt ends within its time with the right
// class of failure, holds little memory, and leaves no connection behind; and the next attempt is not harmed by it.

import { once } from 'node:events';
import type net from 'node:net';
import { expect } from 'chai';
import type { Exchange } from '../../../src/webhooks/attempt.ts';
import { readAtMostBytes } from '../../../src/webhooks/policy.ts';
import { createWebhookSender, type WebhookSender } from '../../../src/webhooks/send-webhook.ts';
import { answers, startRawReceiver, startReceiver } from '../../support/webhook-receiver.ts';

const timeoutMs = 300;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const noContent = 'HTTP/1.1 204 No Content\r\n\r\n';

describe('a webhook to a receiver that', () => {
  let sender: WebhookSender;
  const closers: (() => Promise<void>)[] = [];

  beforeEach(() => {
    sender = createWebhookSender({
      now: Date.now,
      timeoutMs,
      rules: { allowNetworks: ['127.0.0.0/8'], ownUrl: 'http://127.0.0.1:8080' },
      resolve: () => new Promise(() => {}),
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
  const sendTo = async (speak: (socket: net.Socket) => void): Promise<Exchange> => send((await startRaw(speak)).url);

  /** Sends the text, then the piece again and again, until the connection is cut; resolves then. */
  function dripping(text: string, piece: string, everyMs: number): (socket: net.Socket) => void {
    return (socket) => {
      socket.write(text);
      const timer = setInterval(() => socket.write(piece), everyMs);
      socket.on('close', () => clearInterval(timer));
    };
  }

  describe('is slow', () => {
    const expectTimeout = (exchange: Exchange, statusCode: number | null): void => {
      expect(exchange).to.include({ error: 'timeout', statusCode });
      expect(exchange.durationMs).to.be.within(timeoutMs - 10, timeoutMs + 1000);
    };

    it('and never answers: times out and is cut off', async () => {
      const raw = await startRaw(() => {});
      expectTimeout(await send(raw.url), null);
      while (raw.open() > 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it('and drips its headers: times out', async () => {
      expectTimeout(await sendTo(dripping('HTTP/1.1 200 OK\r\n', 'x-more: 1\r\n', 10)), null);
    });

    it('and drips its body: times out, even after 200, with what came', async () => {
      const exchange = await sendTo(dripping('HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n', 'd', 10));
      expectTimeout(exchange, 200);
      expect(exchange.responseBody).to.match(/^d{5,}$/);
    });

    it('and never finishes the TLS handshake: times out', async () => {
      const raw = await startRaw(() => {});
      expectTimeout(await send(raw.url.replace('http:', 'https:')), null);
    });

    it('behind a resolver that is silent: our fault', async () => {
      const exchange = await send('http://slow.example.com/');
      expect(exchange).to.include({ error: 'resolver_failed', statusCode: null });
      expect(exchange.durationMs).to.be.lessThan(timeoutMs + 1000);
    });
  });

  describe('talks too much', () => {
    it('with a body of 1 GB: is delivered, the rest is not read', async () => {
      let written = 0;
      const receiver = await startReceiver(async (_request, response) => {
        const piece = Buffer.alloc(1024 * 1024, 'x');
        response.writeHead(200, { 'content-length': 1024 * piece.length });
        for (let i = 0; i < 1024 && !response.destroyed; i++) {
          written += piece.length;
          if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
        }
      });
      closers.push(receiver.close);
      const before = process.memoryUsage().rss;
      const exchange = await send(receiver.url);
      expect(exchange).to.include({ error: null, statusCode: 200, responseBody: 'x'.repeat(16 * 1024) });
      expect(written).to.be.lessThan(64 * 1024 * 1024);
      expect(process.memoryUsage().rss - before).to.be.lessThan(128 * 1024 * 1024);
    });

    it('in a body without end: has the status it said', async () => {
      const flood = (status: string) => (socket: net.Socket) => {
        socket.write(`HTTP/1.1 ${status}\r\ntransfer-encoding: chunked\r\n\r\n`);
        const more = (): void => void socket.write(`ffff\r\n${'x'.repeat(0xffff)}\r\n`, (error) => error || more());
        more();
      };
      expect(await sendTo(flood('200 OK'))).to.include({ error: null, statusCode: 200 });
      expect(await sendTo(flood('500 Oh'))).to.include({ error: 'server_error', statusCode: 500 });
    });

    it('in a body just as long as is read: keeps the connection', async () => {
      const receiver = await startReceiver(answers.status(200, {}, 'x'.repeat(readAtMostBytes - 1)));
      closers.push(receiver.close);
      for (let i = 0; i < 3; i++) expect((await send(receiver.url)).error).to.equal(null);
      expect(receiver.connections()).to.equal(1);
    });

    it('in headers: is unreadable', async () => {
      const exchange = await sendTo(dripping('HTTP/1.1 200 OK\r\n', `x-${'y'.repeat(900)}: z\r\n`, 1));
      expect(exchange).to.include({ error: 'unreadable_answer', detail: 'HPE_HEADER_OVERFLOW', statusCode: null });
    });

    it('in early answers: is unreadable', async () => {
      const exchange = await sendTo((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(5000)));
      expect(exchange).to.include({ error: 'unreadable_answer', statusCode: null });
    });

    it('in frames that are nearly empty: is cut off after 1 MiB', async () => {
      let written = 0;
      const exchange = await sendTo((socket) => {
        const frame = `1;${'x'.repeat(15_000)}\r\ny\r\n`;
        const more = (): void => {
          written += frame.length;
          socket.write(frame, (error) => error || more());
        };
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', more);
      });
      expect(exchange).to.include({ error: null, statusCode: 200 });
      expect(exchange.responseBody).to.match(/^y{50,90}$/);
      expect(written).to.be.lessThan(16 * 1024 * 1024);
    });
  });

  describe('breaks off', () => {
    it('because nobody listens: connect_failed', async () => {
      const receiver = await startReceiver();
      await receiver.close();
      expect(await send(receiver.url)).to.include({ error: 'connect_failed', detail: 'ECONNREFUSED' });
    });

    it('before it answers: connection_lost, and a new connection is not tried', async () => {
      for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
        const raw = await startRaw((socket) => socket[end]());
        expect(await send(raw.url), end).to.include({ error: 'connection_lost', statusCode: null });
        expect(raw.connections()).to.equal(1);
      }
    });

    it('within the headers or the body: connection_lost', async () => {
      const beginnings = ['HTTP/1.1 20', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour'];
      const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel';
      for (const text of [...beginnings, chunked]) {
        expect((await sendTo((socket) => socket.end(text))).error, text).to.equal('connection_lost');
      }
    });

    it('to end a body of no said length: has answered', async () => {
      const exchange = await sendTo((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
      expect(exchange).to.include({ error: null, responseBody: 'all of it' });
    });
  });

  describe('does not speak HTTP', () => {
    it('is unreadable', async () => {
      const texts = [
        'SSH-2.0-OpenSSH_9.2\r\n',
        '220 mail.example.com ESMTP\r\n',
        '\x15\x03\x01\x00\x02\x02',
        '{"ok":true}',
      ];
      for (const text of [...texts, 'HTTP/1.1 abc\r\n\r\n', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n']) {
        expect((await sendTo((socket) => socket.write(text))).error, text).to.equal('unreadable_answer');
      }
    });

    it('after 101 is unreadable', async () => {
      const switching = 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nhello';
      expect((await sendTo((socket) => socket.write(switching))).error).to.equal('unreadable_answer');
      const bare = 'HTTP/1.1 101 Switching\r\n\r\n';
      expect((await sendTo((socket) => socket.write(bare))).error).to.equal('unreadable_answer');
    });

    it('after a whole answer is delivered', async () => {
      const texts = [
        'HTTP/1.1 204 No Content\r\n\r\nnot empty',
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok, really',
      ];
      for (const text of [...texts, noContent.repeat(3)]) {
        expect(await sendTo((socket) => socket.write(text)), text).to.include({ error: null });
      }
    });

    it('but plain HTTP where TLS is expected: tls_failed', async () => {
      const receiver = await startReceiver();
      closers.push(receiver.close);
      expect((await send(receiver.url.replace('http:', 'https:'))).error).to.equal('tls_failed');
      expect(receiver.requests).to.have.length(0);
    });
  });

  it('hints early is delivered when the answer follows', async () => {
    const early = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
    expect(await sendTo((socket) => socket.write(early + noContent))).to.include({ error: null, statusCode: 204 });
  });
});
