// One POST to the CallBackURL of a push: the path byte for byte as it was given, a single attempt, five seconds to
// answer, whatever comes back is only noted (daraja.md sections 4.1 and 4.5). Safaricom does not try again, so neither
// does this.

import http from 'node:http';
import https from 'node:https';
import { messageOf } from '../platform/errors.ts';
import type { Push, SentCallback } from './ledger.ts';
import type { PlannedCallback } from './plan-callbacks.ts';
import type { World } from './world.ts';

const readTimeoutMs = 5_000;
const holdMs = 120_000;

/** Plans all callbacks of one result; resolves when those that were planned for now have been sent. */
export async function scheduleCallbacks(
  world: World,
  push: Push,
  callbacks: PlannedCallback[],
  fault: string,
): Promise<void> {
  const sentNow: Promise<unknown>[] = [];
  for (const callback of callbacks) {
    if (callback.isHeld) {
      hold(world, push, callback);
      continue;
    }
    world.timers.after(callback.afterMs, () => {
      sentNow.push(sendCallback(world, push, callback, fault));
    });
  }
  if (callbacks.length === 0) world.ledger.note(world.timers.now(), 'Callback lost on the way', push);
  await Promise.all(sentNow);
}

/** Sends now. Never throws: a receiver that fails is an ordinary thing, and becomes a row of the ledger. */
export function sendCallback(
  world: World,
  push: Push,
  callback: PlannedCallback,
  fault: string,
  url: string = push.request.callbackUrl,
): Promise<SentCallback> {
  const startedAt = world.timers.now();
  const row: SentCallback = {
    at: startedAt,
    checkoutRequestId: push.checkoutRequestId,
    reference: push.request.reference,
    url,
    body: callback.body,
    fault,
    status: null,
    error: null,
    durationMs: 0,
  };
  push.callbackCount++;
  const done = post(world, url, callback).then(
    (status) => finish(world, push, callback, { ...row, status }),
    (error: unknown) => finish(world, push, callback, { ...row, error: messageOf(error) }),
  );
  world.sending.add(done);
  return done.finally(() => world.sending.delete(done));
}

function finish(world: World, push: Push, callback: PlannedCallback, sent: SentCallback): SentCallback {
  const row = { ...sent, durationMs: world.timers.now() - sent.at };
  world.ledger.addCallback(row);
  const answered = row.status === null ? (row.error ?? 'no answer') : `${row.status} in ${row.durationMs} ms`;
  world.ledger.note(world.timers.now(), `Callback sent, ${callback.summary}`, push, answered);
  world.logger.info('simulator.callback', {
    checkoutRequestId: row.checkoutRequestId,
    status: row.status,
    ...faultOf(row),
  });
  const overtaken = world.held.filter((other) => other.push !== push);
  for (const other of overtaken) release(world, other);
  return row;
}

function faultOf({ fault, error }: SentCallback): Record<string, string> {
  return error === null ? { fault } : { fault, error };
}

/** Out of order: it goes once another payment's callback has gone, or after two minutes without one. */
function hold(world: World, push: Push, callback: PlannedCallback): void {
  const entry = { push, callback };
  world.held.push(entry);
  world.timers.after(holdMs, () => release(world, entry));
}

function release(world: World, entry: World['held'][number]): void {
  const index = world.held.indexOf(entry);
  if (index < 0) return;
  world.held.splice(index, 1);
  void sendCallback(world, entry.push, entry.callback, 'out_of_order');
}

function post(world: World, url: string, callback: PlannedCallback): Promise<number> {
  return new Promise((resolve, reject) => {
    const { origin, path } = splitUrl(url);
    const client = origin.protocol === 'https:' ? https : http;
    const request = client.request({
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port === '' ? undefined : Number(origin.port),
      path,
      method: 'POST',
      headers: {
        'Content-Type': 'application/json;charset=UTF-8',
        'Content-Length': Buffer.byteLength(callback.body),
        BusinessShortCode: callback.shortcode,
        Accept: '*/*',
      },
      // A connection of its own each time, as nobody at Safaricom keeps one open for us.
      agent: false,
    });
    const giveUp = (): unknown => request.destroy(new Error('no answer in 5 s'));
    const stop = world.timers.afterExactly(readTimeoutMs, giveUp, giveUp);
    const settle = (): void => stop();
    request.on('response', (response) => {
      settle();
      response.on('error', () => {});
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error) => {
      settle();
      reject(error);
    });
    request.end(callback.body);
  });
}

/** `URL` tidies paths (`..`, empty segments); the path must arrive as it was given, so it is cut off by hand. */
export function splitUrl(url: string): { origin: URL; path: string } {
  const parts = /^(https?:\/\/[^/?#]+)([^#]*)/.exec(url);
  if (parts === null) throw new Error('The CallBackURL is not an http address.');
  const path = parts[2]!;
  return { origin: new URL(parts[1]!), path: path.startsWith('/') ? path : `/${path}` };
}
