// A simulator on a free port with a clock that stands still, and a receiver for its callbacks: what the simulator's
// tests share. Nothing is stubbed; both talk HTTP.

import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../../src/platform/logger.ts';
import { darajaTimestamp } from '../../../src/simulator/nairobi-time.ts';
import { sandboxPasskey } from '../../../src/simulator/registry.ts';
import type { Simulator, SimulatorOptions } from '../../../src/simulator/simulator.ts';
import { createSimulator } from '../../../src/simulator/simulator.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { createManualClock } from '../../support/manual-clock.ts';

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  text: string;
}

export interface Stage {
  simulator: Simulator;
  clock: ManualClock;
  url: string;
  /** Callbacks as they arrived. */
  callbacks: Received[];
  callbackUrl: string;
  /** What the receiver answers: a status, or nothing at all, and the body. */
  receiver: { status: number | 'silent'; body: string };
  token(): Promise<string>;
  push(changes?: Record<string, unknown>, token?: string): Promise<Answer>;
  /** POST with a bearer token to any of Daraja's paths. */
  daraja(path: string, body: unknown): Promise<Answer>;
  /** Registers C2B URLs on the receiver, at `/c2b/confirmation` and `/c2b/validation`. */
  registerUrls(changes?: Record<string, unknown>, version?: 1 | 2): Promise<Answer>;
  query(checkoutRequestId: string, changes?: Record<string, unknown>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export async function openStage(options: SimulatorOptions = {}): Promise<Stage> {
  const clock = createManualClock();
  const simulator = createSimulator({ clock, logger: silentLogger, nodeEnv: 'test' }, options);
  const { url } = await simulator.listen(0);
  const callbacks: Received[] = [];
  const receiver: Stage['receiver'] = { status: 200, body: '{"ResultCode":0,"ResultDesc":"Accepted"}' };
  const server = await listen(callbacks, receiver);
  const callbackUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callbacks/stk/pay_1/token`;

  async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const given = { 'Content-Type': 'application/json', ...headers };
    return readAnswer(await fetch(url + path, { method: 'POST', headers: given, body: text }));
  }

  async function token(): Promise<string> {
    const headers = { Authorization: `Basic ${Buffer.from('key:secret').toString('base64')}` };
    const answer = await readAnswer(await fetch(`${url}/oauth/v1/generate?grant_type=client_credentials`, { headers }));
    return String(answer.json.access_token);
  }

  let current: string | undefined;
  const bearer = async (): Promise<Record<string, string>> => {
    current ??= await token();
    return { Authorization: `Bearer ${current}` };
  };

  return {
    simulator,
    clock,
    url,
    callbacks,
    callbackUrl,
    receiver,
    token,
    post,
    async push(changes = {}, given) {
      const headers = given === undefined ? await bearer() : { Authorization: `Bearer ${given}` };
      return post('/mpesa/stkpush/v1/processrequest', pushBody(clock.now(), callbackUrl, changes), headers);
    },
    daraja: async (path, body) => post(path, body, await bearer()),
    async registerUrls(changes = {}, version = 2) {
      const { origin } = new URL(callbackUrl);
      const urls = { ConfirmationURL: `${origin}/c2b/confirmation`, ValidationURL: `${origin}/c2b/validation` };
      const body = { ShortCode: '174379', ResponseType: 'Completed', ...urls, ...changes };
      return post(`/mpesa/c2b/v${version}/registerurl`, body, await bearer());
    },
    async query(checkoutRequestId, changes = {}) {
      const { BusinessShortCode, Password, Timestamp } = pushBody(clock.now(), callbackUrl);
      const body = { BusinessShortCode, Password, Timestamp, CheckoutRequestID: checkoutRequestId, ...changes };
      return post('/mpesa/stkpushquery/v1/query', body, await bearer());
    },
    async close() {
      await simulator.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

export function pushBody(
  nowMs: number,
  callbackUrl: string,
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  const timestamp = darajaTimestamp(nowMs);
  return {
    BusinessShortCode: '174379',
    Password: password('174379', sandboxPasskey, timestamp),
    Timestamp: timestamp,
    TransactionType: 'CustomerPayBillOnline',
    Amount: 150,
    PartyA: '254708374149',
    PartyB: '174379',
    PhoneNumber: '254708374149',
    CallBackURL: callbackUrl,
    AccountReference: 'INV-1042',
    TransactionDesc: 'Order 1042',
    ...changes,
  };
}

export function password(shortcode: string, passkey: string, timestamp: string): string {
  return Buffer.from(shortcode + passkey + timestamp).toString('base64');
}

/** Both places where a push names its customer. */
export function to(phone: string): Record<string, unknown> {
  return { PartyA: phone, PhoneNumber: phone };
}

/** The inside of a callback's body. */
export function stkCallback(received: Received | undefined): Record<string, unknown> {
  const body = JSON.parse(received?.text ?? '{}') as { Body?: { stkCallback?: Record<string, unknown> } };
  return body.Body?.stkCallback ?? {};
}

/** Value of one metadata item of a callback; undefined when the item or its value is missing. */
export function metadata(received: Received | undefined, name: string): unknown {
  const { CallbackMetadata } = stkCallback(received) as {
    CallbackMetadata?: { Item: { Name: string; Value?: unknown }[] };
  };
  return CallbackMetadata?.Item.find((item) => item.Name === name)?.Value;
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Some answers are no JSON on purpose; `text` has them.
  }
  return { status: response.status, headers: response.headers, text, json };
}

function listen(callbacks: Received[], receiver: Stage['receiver']): Promise<Server> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      callbacks.push({ path: request.url!, headers: request.headers, rawHeaders: request.rawHeaders, text });
      if (receiver.status === 'silent') return;
      response.statusCode = receiver.status;
      response.end(receiver.body);
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
