// A TCP connection that a test can cut, hang and restore, in front of a database, of Redis or of an HTTP server that
// must themselves stay up. Loopback, a free port.

import net from 'node:net';

type State = 'open' | 'cut' | 'hung' | 'deaf';

export interface CuttableProxy {
  port: number;
  /** The same address as `url`, through the proxy. */
  through(url: string): string;
  /** Everything that clients sent, as text. */
  sent(): string;
  /** Connections break and new ones are refused. */
  cut(): Promise<void>;
  /** Connections stay and nothing passes; new ones are taken and nothing passes. */
  hang(): void;
  /** Requests pass, answers do not. */
  holdAnswers(): void;
  /** Everything passes again; what was held back too. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** @param target a URL with host and port */
export async function openCuttableProxy(target: string): Promise<CuttableProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const pairs = new Set<{ client: net.Socket; upstream: net.Socket }>();
  const sent: Buffer[] = [];
  let state: State = 'open';
  let port = 0;
  let server = net.createServer();

  function apply(pair: { client: net.Socket; upstream: net.Socket }): void {
    if (state === 'hung') pair.client.pause();
    else pair.client.resume();
    if (state === 'hung' || state === 'deaf') pair.upstream.pause();
    else pair.upstream.resume();
  }

  function take(client: net.Socket): void {
    const upstream = net.connect({ host: hostname, port: Number(targetPort) });
    const pair = { client, upstream };
    pairs.add(pair);
    client.on('data', (bytes) => {
      sent.push(bytes);
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => client.write(bytes));
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    apply(pair);
  }

  async function listen(): Promise<void> {
    server = net.createServer(take);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    port = (server.address() as net.AddressInfo).port;
  }

  async function cut(): Promise<void> {
    state = 'cut';
    const closed = new Promise((resolve) => server.close(resolve));
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream.destroy();
    }
    await closed;
  }

  await listen();
  return {
    port,
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href.replace(/\/$/, '');
    },
    sent: () => Buffer.concat(sent).toString('latin1'),
    cut,
    hang() {
      state = 'hung';
      for (const pair of pairs) apply(pair);
    },
    holdAnswers() {
      state = 'deaf';
      for (const pair of pairs) apply(pair);
    },
    async restore() {
      if (state === 'cut') await listen();
      state = 'open';
      for (const pair of pairs) apply(pair);
    },
    async close() {
      if (state !== 'cut') await cut();
    },
  };
}
