// The merchant's end of webhooks in the demo: a plain HTTP server on this machine, as a merchant would write it. It
// believes only what `standardwebhooks` has verified, knows an event that comes again by its webhook-id (at least once),
// and answers 500 one time on purpose, so that the gateway can show that it tries again.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** One webhook that came. */
export interface Heard {
  id: string;
  type: string;
  /** The payment as it was when it happened; an endpoint's own events have no reference. */
  data: { id: string; status: string; reference?: string; amount?: number };
  /** The same webhook-id was here before. */
  isKnown: boolean;
  answered: 204 | 500;
}

export interface Receiver {
  url: string;
  /** Everything that verified, in order. */
  heard: readonly Heard[];
  /** Requests whose signature did not verify. */
  refused(): number;
  /** The secret that came with an endpoint at this path; until then nothing is believed there. */
  trust(secret: string, path?: string): void;
  /** The first webhook that matches is kept, and yet answered with 500. */
  failOnceAt(isIt: (heard: Heard) => boolean): void;
  /** Called for each webhook; the last one given counts. */
  onHeard(tell: (heard: Heard) => void): void;
  /** Resolves when the condition holds, or after `patienceMs`; whether it holds. */
  until(isEnough: () => boolean, patienceMs: number): Promise<boolean>;
  close(): Promise<void>;
}

const lookEveryMs = 50;
const ownPath = '/webhooks';

export async function openReceiver(): Promise<Receiver> {
  const heard: Heard[] = [];
  const webhooks = new Map<string, Webhook>();
  let refused = 0;
  let tell: (heard: Heard) => void = () => {};
  let fails: ((heard: Heard) => boolean) | null = null;

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString();
    const headers = request.headers as Record<string, string>;
    let event: Pick<Heard, 'type' | 'data'>;
    try {
      const webhook = webhooks.get(request.url ?? '');
      if (webhook === undefined) throw new Error('no secret yet');
      event = webhook.verify(body, headers) as typeof event;
    } catch {
      refused++;
      response.writeHead(400).end();
      return;
    }
    const id = headers['webhook-id'] ?? '';
    const isKnown = heard.some((earlier) => earlier.id === id);
    const one: Heard = { id, type: event.type, data: event.data, isKnown, answered: 204 };
    if (fails?.(one)) {
      fails = null;
      one.answered = 500;
    }
    heard.push(one);
    response.writeHead(one.answered).end();
    tell(one);
  }

  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${ownPath}`,
    heard,
    refused: () => refused,
    trust(secret, path = ownPath) {
      webhooks.set(path, new Webhook(secret));
    },
    failOnceAt(isIt) {
      fails = isIt;
    },
    onHeard(teller) {
      tell = teller;
    },
    async until(isEnough, patienceMs) {
      const deadline = Date.now() + patienceMs;
      while (!isEnough() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      return isEnough();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
