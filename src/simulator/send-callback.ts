// One POST to the CallBackURL of a push: a single attempt, five seconds to answer, whatever comes back is only noted
// (daraja.md sections 4.1 and 4.5). Safaricom does not try again, so neither does this.

import { messageOf } from '../platform/errors.ts';
import type { Push, SentCallback } from './ledger.ts';
import type { PlannedCallback } from './plan-callbacks.ts';
import { postJson } from './post-json.ts';
import type { World } from './world.ts';

const readTimeoutMs = 5_000;
const holdMs = 120_000;

/**
 * Plans all callbacks of one result; resolves when those that were planned for now have been sent. `next` runs once the
 * first of them was answered, or when it would have gone out, if none does.
 */
export async function scheduleCallbacks(
  world: World,
  push: Push,
  callbacks: PlannedCallback[],
  fault: string,
  next?: () => Promise<void>,
): Promise<void> {
  const sentNow: Promise<unknown>[] = [];
  let waiting = next;
  for (const callback of callbacks) {
    if (callback.isHeld) {
      hold(world, push, callback);
      continue;
    }
    const after = waiting;
    waiting = undefined;
    world.timers.after(callback.afterMs, () => {
      const sent = sendCallback(world, push, callback, fault);
      sentNow.push(after === undefined ? sent : track(world, sent.then(after)));
    });
  }
  if (waiting !== undefined) {
    const after = waiting;
    world.timers.after(world.settings.callbackMs, () => {
      sentNow.push(track(world, after()));
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
  const headers = { BusinessShortCode: callback.shortcode };
  const posted = postJson(world.timers, { url, body: callback.body, headers, timeoutMs: readTimeoutMs });
  const done = posted.then(
    ({ status }) => finish(world, push, callback, { ...row, status }),
    (error: unknown) => finish(world, push, callback, { ...row, error: messageOf(error) }),
  );
  return track(world, done);
}

/** Keeps a sending in the list of those on their way until it is over. */
export function track<Result>(world: World, sending: Promise<Result>): Promise<Result> {
  world.sending.add(sending);
  return sending.finally(() => world.sending.delete(sending));
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
