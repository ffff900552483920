// The other side of a webhook in tests: a real HTTP (or HTTPS) server on a free port of 127.0.0.1 that writes down every
// request as it came and answers 204 until told otherwise. Signatures are judged by the two official packages, never by
// code of ours, so that what passes here passes at a real receiver.

import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';

export interface ReceivedWebhook {
  method: string;
  /** Path and query, as asked for. */
  path: string;
  headers: http.IncomingHttpHeaders;
  /** The bytes as text, untouched. */
  body: string;
  /** When the whole request was here, in real time. */
  at: number;
}

/** Answers one request; what it throws or rejects with breaks the connection. */
export type Answer = (request: ReceivedWebhook, response: http.ServerResponse) => unknown;

export interface WebhookReceiver {
  /** Without a path or a slash at the end. */
  url: string;
  port: number;
  /** Oldest first; only whole requests. */
  requests: ReceivedWebhook[];
  /** Connections taken so far. */
  connections(): number;
  /** Changes the answer for all requests from now on. */
  answerWith(answer: Answer): void;
  /** Resolves once so many requests are here. */
  received(count: number): Promise<void>;
  /**
   * Verifies every recorded request with both official packages and returns the bodies as they parsed them; throws at the
   * first that does not verify.
   * @param isFresh false where the sender's clock is not the real one: then the age of the timestamp is not judged
   */
  verified(secret: string, isFresh?: boolean): unknown[];
  /** Breaks every connection. */
  close(): Promise<void>;
}

/** `tls` makes it an HTTPS server. */
export async function startReceiver(
  answer: Answer = answers.status(204),
  tls?: { key: string; cert: string },
): Promise<WebhookReceiver> {
  const requests: ReceivedWebhook[] = [];
  const waiting = new Set<{ count: number; resolve: () => void }>();
  let connections = 0;

  async function take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = request;
    const received = { method, path, headers, body: Buffer.concat(chunks).toString(), at: Date.now() };
    requests.push(received);
    for (const one of waiting) {
      if (requests.length < one.count) continue;
      waiting.delete(one);
      one.resolve();
    }
    await answer(received, response);
  }

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    take(request, response).catch(() => response.destroy());
  };
  // The client closes idle connections first, as long as the test does not mean otherwise.
  const options = { keepAliveTimeout: 60_000 };
  const server = tls
    ? https.createServer({ ...options, ...tls }, onRequest)
    : http.createServer({ ...options }, onRequest);
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => connections,
    answerWith(other) {
      answer = other;
    },
    async received(count) {
      if (requests.length < count) await new Promise<void>((resolve) => waiting.add({ count, resolve }));
    },
    verified: (secret, isFresh = true) => requests.map((request) => verify(request, secret, isFresh)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A bare TCP server, for what no HTTP server would do. `speak` is called once for each connection's first bytes. */
export async function startRawReceiver(
  speak: (socket: net.Socket, connection: number) => void,
): Promise<{ url: string; port: number; connections(): number; open(): number; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    const connection = connections;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.once('data', () => speak(socket, connection));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    open: () => sockets.size,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Ready answers for `startReceiver` and `answerWith`. */
export const answers = {
  status:
    (status: number, headers: http.OutgoingHttpHeaders = {}, body = ''): Answer =>
    (_request, response) =>
      response.writeHead(status, headers).end(body),
  /** Takes the request and says nothing, until the receiver is closed. */
  silence: (): Answer => () => {},
  /** Breaks the connection instead of answering. */
  breaking: (): Answer => (_request, response) => response.destroy(),
  /** One after the other; the last one stays. */
  inTurn:
    (...all: Answer[]): Answer =>
    (request, response) =>
      (all.length > 1 ? all.shift()! : all[0]!)(request, response),
};

function verify({ headers, body }: ReceivedWebhook, secret: string, isFresh: boolean): unknown {
  const sent = headers as Record<string, string>;
  const realNow = Date.now;
  // The packages take the present from Date.now alone; it is put back before anything else can run.
  if (!isFresh) Date.now = () => Number(sent['webhook-timestamp']) * 1000;
  try {
    new SvixWebhook(secret).verify(body, sent);
    return new StandardWebhook(secret).verify(body, sent);
  } finally {
    Date.now = realNow;
  }
}
