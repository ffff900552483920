// The merchants' side, a process of its own: one server for each endpoint, each on a port of its own, because the
// gateway keeps connections per host. It reads the whole body, answers 204 at once, remembers what came and when, and
// checks the signature of every twentieth webhook. What carries no webhook-id comes from the floor and is only counted.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export type ReceiverQuestion =
  /** The endpoints' secrets, in the order of the ports. */
  | { kind: 'secrets'; secrets: string[] }
  /** Forgets what came before. */
  | { kind: 'reset' }
  | { kind: 'counts' }
  | { kind: 'arrivals' };

export interface ReceiverCounts {
  /** Deliveries that came at least once: an event at an endpoint. */
  distinct: number;
  /** Those that came once more. */
  repeated: number;
  /** Signatures that were checked, and those of them that were not right. */
  checked: number;
  forged: number;
  /** When the first one came, in milliseconds since the epoch. */
  firstAt: number | null;
  /** Connections that were opened. */
  connections: number;
}

/** One delivery: the event, the number of the endpoint, and when it came first. */
export type Arrival = [eventId: string, endpoint: number, at: number];

const checkEvery = 20;

const arrivals = new Map<string, Arrival>();
let verifiers: Webhook[] = [];
let counts: ReceiverCounts = freshCounts();

function freshCounts(): ReceiverCounts {
  return { distinct: 0, repeated: 0, checked: 0, forged: 0, firstAt: null, connections: 0 };
}

function take(endpoint: number, headers: IncomingHttpHeaders, chunks: Buffer[]): void {
  const eventId = headers['webhook-id'];
  if (typeof eventId !== 'string') return;
  const at = Date.now();
  const key = `${eventId} ${endpoint}`;
  if (arrivals.has(key)) {
    counts.repeated += 1;
    return;
  }
  arrivals.set(key, [eventId, endpoint, at]);
  counts.firstAt ??= at;
  counts.distinct += 1;
  if (counts.distinct % checkEvery !== 1) return;
  counts.checked += 1;
  try {
    verifiers[endpoint]?.verify(Buffer.concat(chunks).toString('utf8'), headers as Record<string, string>);
  } catch {
    counts.forged += 1;
  }
}

function serve(endpoint: number, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(204);
    response.end();
    take(endpoint, request.headers, chunks);
  });
}

function listen(endpoint: number): Promise<string> {
  const server = createServer((request, response) => serve(endpoint, request, response));
  server.keepAliveTimeout = 65_000;
  server.on('connection', () => {
    counts.connections += 1;
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`));
  });
}

function answer(question: ReceiverQuestion): unknown {
  switch (question.kind) {
    case 'secrets':
      verifiers = question.secrets.map((secret) => new Webhook(secret));
      return {};
    case 'reset':
      arrivals.clear();
      counts = freshCounts();
      return {};
    case 'counts':
      return counts;
    case 'arrivals':
      return [...arrivals.values()];
    default:
      return question satisfies never;
  }
}

process.on('message', (question: ReceiverQuestion) => process.send?.(answer(question)));
process.on('disconnect', () => process.exit(0));
const ports = Array.from({ length: Number(process.env.ENDPOINTS) }, (_, endpoint) => listen(endpoint));
process.send?.({ urls: await Promise.all(ports) });
