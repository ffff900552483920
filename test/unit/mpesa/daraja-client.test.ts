// The HTTP client against real servers on port 0 that behave as Daraja does, and worse: above all, that `notConnected`
// is said only where the server cannot have got a byte of the request, and that no request is ever sent twice.

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { expect } from 'chai';
import {
  createDarajaClient,
  type DarajaClient,
  nairobiTimestamp,
  pushBody,
  type RawAnswer,
  type ShortcodeCredentials,
} from '../../../src/mpesa/daraja-client.ts';
import type { Push } from '../../../src/payments/payment-provider.ts';
import { systemClock } from '../../../src/platform/clock.ts';

const passkey = 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919';
const paybill: ShortcodeCredentials = {
  credentialId: 'fingerprint',
  kind: 'paybill',
  shortcode: '174379',
  till: null,
  baseUrl: '',
  consumerKey: 'consumer-key',
  consumerSecret: 'consumer-secret',
  passkey,
};
const push: Push = {
  paymentId: 'pay_1',
  shortcodeId: 'sc_1',
  amountKes: 1500,
  phone: '254712345678',
  reference: 'INV-2031',
  description: 'Order 2031',
};
const callbackUrl = 'https://pay.example.com/callbacks/stk/pay_1/token';

interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A server whose every request is kept and then answered by `answer`. */
async function listen(
  closers: (() => unknown)[],
  answer: (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void,
): Promise<{ baseUrl: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    answer(request, response, body);
  });
  const baseUrl = await baseUrlOf(closers, server);
  closers.push(() => server.closeAllConnections());
  return { baseUrl, seen };
}

/** A bare TCP server, for what no HTTP server would do. */
async function listenBare(closers: (() => unknown)[], onSocket: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return baseUrlOf(closers, server);
}

async function baseUrlOf(closers: (() => unknown)[], server: net.Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

describe('the Daraja client', () => {
  const closers: (() => unknown)[] = [];
  let client: DarajaClient;

  function clientWith(timeoutMs: number): DarajaClient {
    client = createDarajaClient({ clock: systemClock, timeoutMs });
    closers.push(() => client.close());
    return client;
  }

  beforeEach(() => clientWith(5_000));
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const send = (baseUrl: string): Promise<RawAnswer> =>
    client.stkPush({ ...paybill, baseUrl }, 'the-token', push, callbackUrl);

  describe('asking', () => {
    it('fetches a token with the consumer key pair', async () => {
      const { baseUrl, seen } = await listen(closers, (_request, response) => response.end('{"access_token":"t"}'));
      const raw = await client.fetchAccessToken({ ...paybill, baseUrl: `${baseUrl}/` });
      expect(raw).to.include({ kind: 'response', httpStatus: 200, text: '{"access_token":"t"}' });
      expect(seen[0]).to.include({ method: 'GET', url: '/oauth/v1/generate?grant_type=client_credentials', body: '' });
      const pair = Buffer.from('consumer-key:consumer-secret').toString('base64');
      expect(seen[0]?.headers.authorization).to.equal(`Basic ${pair}`);
    });

    it('pushes with the bearer token as JSON', async () => {
      const { baseUrl, seen } = await listen(closers, (_request, response) => response.writeHead(200).end('{}'));
      expect(await send(baseUrl)).to.include({ kind: 'response', httpStatus: 200, text: '{}' });
      expect(seen).to.have.length(1);
      expect(seen[0]).to.include({ method: 'POST', url: '/mpesa/stkpush/v1/processrequest' });
      expect(seen[0]?.headers).to.include({ authorization: 'Bearer the-token', 'content-type': 'application/json' });
      const body = JSON.parse(seen[0]?.body ?? '');
      expect(body).to.include({ CallBackURL: callbackUrl, TransactionDesc: 'Order 2031', Amount: '1500' });
    });

    it('queries with a fresh Password of its own Timestamp', async () => {
      const { baseUrl, seen } = await listen(closers, (_request, response) => response.end('{}'));
      await client.stkQuery({ ...paybill, baseUrl }, 'the-token', 'ws_CO_1');
      expect(seen[0]).to.include({ method: 'POST', url: '/mpesa/stkpushquery/v1/query' });
      const body = JSON.parse(seen[0]?.body ?? '');
      expect(Object.keys(body)).to.have.members(['BusinessShortCode', 'Password', 'Timestamp', 'CheckoutRequestID']);
      expect(Buffer.from(body.Password, 'base64').toString()).to.equal(`174379${passkey}${body.Timestamp}`);
    });

    it('keeps the path of a base URL', async () => {
      const { baseUrl, seen } = await listen(closers, (_request, response) => response.end('{}'));
      await send(`${baseUrl}/behind/a/proxy/`);
      expect(seen[0]?.url).to.equal('/behind/a/proxy/mpesa/stkpush/v1/processrequest');
    });
  });

  describe('answers', () => {
    it('come with status, text, duration and the time to wait', async () => {
      const { baseUrl } = await listen(closers, (_request, response) =>
        response.writeHead(429, { 'retry-after': '12' }).end('slow down'),
      );
      const raw = await send(baseUrl);
      expect(raw).to.include({ kind: 'response', httpStatus: 429, retryAfterMs: 12_000, text: 'slow down' });
      expect(raw.durationMs).to.be.within(0, 5_000);
    });

    it('read a Retry-After that is a date, and none that is neither', async () => {
      let header = new Date(Date.now() + 60_000).toUTCString();
      const { baseUrl } = await listen(closers, (_request, response) =>
        response.writeHead(503, { 'retry-after': header }).end(),
      );
      expect(await send(baseUrl))
        .to.have.property('retryAfterMs')
        .within(55_000, 60_000);
      header = 'later';
      expect(await send(baseUrl)).to.include({ retryAfterMs: null, text: '' });
    });

    it('that redirect are not followed', async () => {
      const other = await listen(closers, (_request, response) => response.end('{}'));
      const { baseUrl } = await listen(closers, (_request, response) =>
        response.writeHead(307, { location: other.baseUrl }).end(),
      );
      expect(await send(baseUrl)).to.include({ kind: 'response', httpStatus: 307 });
      expect(other.seen).to.have.length(0);
    });

    it('are cut at 256 KiB', async () => {
      const { baseUrl } = await listen(closers, (_request, response) => response.end('x'.repeat(3_000_000)));
      const raw = await send(baseUrl);
      expect(raw.kind === 'response' && raw.text.length).to.equal(256 * 1024);
    });

    it('never repeat a secret that was sent', async () => {
      const { baseUrl } = await listen(closers, (request, response, body) =>
        response
          .writeHead(401)
          .end(`Invalid Access Token - the-token ${request.headers.authorization} ${body} ${passkey}`),
      );
      const raw = await send(baseUrl);
      const text = JSON.stringify(raw);
      expect(text).to.contain('Invalid Access Token - [redacted]');
      for (const secret of ['the-token', passkey, 'MTc0Mzc5']) expect(text).not.to.contain(secret);
    });
  });

  describe('nothing was written', () => {
    it('when the port is closed', async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      const raw = await send(`http://127.0.0.1:${port}`);
      expect(raw.kind).to.equal('notConnected');
      expect(raw)
        .to.have.property('detail')
        .that.matches(/ECONNREFUSED/);
    });

    it('when the name does not resolve', async () => {
      expect((await send('http://daraja.invalid')).kind).to.equal('notConnected');
    });

    it('when the base URL is none', async () => {
      expect((await send('not a url')).kind).to.equal('notConnected');
    });

    it('when the TLS handshake fails', async () => {
      const { baseUrl, seen } = await listen(closers, (_request, response) => response.end('{}'));
      expect((await send(baseUrl.replace('http:', 'https:'))).kind).to.equal('notConnected');
      expect(seen).to.have.length(0);
    });

    it('when the other side hangs up during the TLS handshake', async () => {
      const baseUrl = await listenBare(closers, (socket) => socket.once('data', () => socket.resetAndDestroy()));
      expect((await send(baseUrl.replace('http:', 'https:'))).kind).to.equal('notConnected');
    });

    it('when the deadline passes during the TLS handshake, and is not written afterwards either', async () => {
      clientWith(150);
      const received: Buffer[] = [];
      const baseUrl = await listenBare(closers, (socket) => socket.on('data', (bytes) => received.push(bytes)));
      const raw = await send(baseUrl.replace('http:', 'https:'));
      expect(raw.kind).to.equal('notConnected');
      expect(raw.durationMs).to.be.below(1_500);
      expect(Buffer.concat(received).toString('latin1')).not.to.contain('processrequest');
    });
  });

  describe('something may have been written', () => {
    it('when no answer comes in time', async () => {
      clientWith(150);
      const { baseUrl, seen } = await listen(closers, () => {});
      const raw = await send(baseUrl);
      expect(raw).to.include({ kind: 'lost', detail: 'no answer within 150 ms' });
      expect(seen).to.have.length(1);
    });

    it('when the body of the answer does not end in time', async () => {
      clientWith(150);
      const { baseUrl } = await listen(closers, (_request, response) => response.writeHead(200).write('{"Merchant'));
      expect((await send(baseUrl)).kind).to.equal('lost');
    });

    it('when the connection is cut without an answer, and it is sent once only', async () => {
      let requests = 0;
      const baseUrl = await listenBare(closers, (socket) =>
        socket.once('data', () => {
          requests++;
          socket.destroy();
        }),
      );
      expect((await send(baseUrl)).kind).to.equal('lost');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(requests).to.equal(1);
    });

    it('when the connection is reset', async () => {
      const baseUrl = await listenBare(closers, (socket) => socket.once('data', () => socket.resetAndDestroy()));
      expect((await send(baseUrl)).kind).to.equal('lost');
    });

    it('when the connection is cut in the middle of the answer', async () => {
      const { baseUrl } = await listen(closers, (_request, response) => {
        response.writeHead(200, { 'content-length': '500' }).write('{"MerchantRequestID":"7c1e');
        setTimeout(() => response.destroy(), 20);
      });
      expect((await send(baseUrl)).kind).to.equal('lost');
    });

    it('when the answer is no HTTP', async () => {
      const baseUrl = await listenBare(closers, (socket) => socket.once('data', () => socket.end('hello\r\n\r\n')));
      expect((await send(baseUrl)).kind).to.equal('lost');
    });

    it('when a kept connection is closed just as it is used again, and it is sent once only', async () => {
      const bodies: string[] = [];
      const answerText = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}';
      const baseUrl = await listenBare(closers, (socket) => {
        let requests = 0;
        socket.on('data', (bytes) => {
          bodies.push(bytes.toString());
          if (++requests === 1) socket.write(answerText);
          else socket.resetAndDestroy();
        });
      });
      expect((await send(baseUrl)).kind).to.equal('response');
      // The connection is free for the next request one turn of the event loop later.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const again = client.stkPush({ ...paybill, baseUrl }, 'token', { ...push, reference: 'SECOND' }, callbackUrl);
      expect((await again).kind).to.equal('lost');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(bodies.filter((body) => body.includes('SECOND'))).to.have.length(1);
    });

    it('when the client is closed while it waits', async () => {
      const { baseUrl, seen } = await listen(closers, () => void client.close());
      expect((await send(baseUrl)).kind).to.equal('lost');
      expect(seen).to.have.length(1);
    });
  });

  it('sends many at once, each exactly once', async () => {
    const { baseUrl, seen } = await listen(closers, (_request, response, body) => {
      if (JSON.parse(body).AccountReference.endsWith('7')) response.socket?.destroy();
      else setTimeout(() => response.end('{}'), 5);
    });
    const references = Array.from({ length: 400 }, (_, number) => `R-${number}`);
    const answers = await Promise.all(
      references.map((reference) =>
        client.stkPush({ ...paybill, baseUrl }, 'token', { ...push, reference }, callbackUrl),
      ),
    );
    expect(seen.map(({ body }) => JSON.parse(body).AccountReference)).to.have.members(references);
    expect(seen).to.have.length(400);
    expect(answers.filter(({ kind }) => kind === 'lost')).to.have.length(40);
    expect(answers.filter(({ kind }) => kind === 'response')).to.have.length(360);
  });
});

describe('pushBody', () => {
  const nowMs = Date.UTC(2026, 9, 6, 22, 30, 5);

  it('pays a paybill by its own number, with one time in Password and Timestamp', () => {
    expect(pushBody(paybill, push, callbackUrl, nowMs)).to.deep.equal({
      BusinessShortCode: '174379',
      Password: Buffer.from(`174379${passkey}20261007013005`).toString('base64'),
      Timestamp: '20261007013005',
      TransactionType: 'CustomerPayBillOnline',
      Amount: '1500',
      PartyA: '254712345678',
      PartyB: '174379',
      PhoneNumber: '254712345678',
      CallBackURL: callbackUrl,
      AccountReference: 'INV-2031',
      TransactionDesc: 'Order 2031',
    });
  });

  it('pays a till by the till number, under its store number', () => {
    const till: ShortcodeCredentials = { ...paybill, kind: 'till', shortcode: '600100', till: '600200' };
    expect(pushBody(till, push, callbackUrl, nowMs)).to.include({
      BusinessShortCode: '600100',
      PartyB: '600200',
      TransactionType: 'CustomerBuyGoodsOnline',
    });
  });

  it('always has a TransactionDesc', () => {
    expect(pushBody(paybill, { ...push, description: ' ' }, callbackUrl, nowMs).TransactionDesc).to.equal('Payment');
  });
});

describe('nairobiTimestamp', () => {
  it('is three hours ahead of UTC, over midnight and New Year', () => {
    expect(nairobiTimestamp(Date.UTC(2026, 11, 31, 21, 0, 0, 999))).to.equal('20270101000000');
  });
});
