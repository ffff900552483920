// A payment as a stream of server-sent events: its present state at once, each change, a heartbeat every 15 s, and the
// end after a final status (api.md, Endpoints).

import { PassThrough } from 'node:stream';
import type { Clock } from '../platform/clock.ts';
import { finalStatuses, type Payment } from './payment.ts';
import { presentPayment } from './present-payment.ts';
import type { PaymentWatch } from './watch-payments.ts';

const heartbeatMs = 15_000;

interface Deps {
  watch: PaymentWatch;
  clock: Clock;
  read(): Promise<Payment>;
}

/** @param knownVersion what the client has already (Last-Event-ID), 0 for none */
export function streamPayment(deps: Deps, first: Payment, knownVersion: number, signal: AbortSignal): PassThrough {
  const stream = new PassThrough();
  stream.write('retry: 3000\n\n');
  follow(deps, stream, first, knownVersion, signal)
    .catch(() => undefined) // The client reconnects with Last-Event-ID and loses nothing.
    .finally(() => stream.end());
  return stream;
}

async function follow(
  { watch, clock, read }: Deps,
  stream: PassThrough,
  first: Payment,
  knownVersion: number,
  signal: AbortSignal,
): Promise<void> {
  let payment = first;
  let sent = knownVersion;
  let beatAt = clock.now() + heartbeatMs;
  while (!signal.aborted) {
    if (payment.version !== sent) {
      stream.write(`event: payment\nid: ${payment.version}\ndata: ${JSON.stringify(presentPayment(payment))}\n\n`);
      sent = payment.version;
    }
    if (finalStatuses.has(payment.status) || watch.isClosed()) return;
    const known = sent;
    payment = await watch.until(
      first.id,
      read,
      ({ version }) => version !== known,
      Math.max(0, beatAt - clock.now()),
      signal,
    );
    if (clock.now() >= beatAt) {
      stream.write(': heartbeat\n\n');
      beatAt = clock.now() + heartbeatMs;
    }
  }
}
