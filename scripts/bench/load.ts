// Fires requests, a process of its own so that its work shows in no server's time. It reads answers by hand from plain
// sockets: a full HTTP client would cost more CPU than the floor server does and flatter every ratio. Each connection
// has one request under way; at the end of the time nothing new is sent and everything sent is waited for, so that
// answers can be counted against rows.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Shot, type Shots, shotMaker } from './shots.ts';

export interface LoadJob {
  url: string;
  connections: number;
  seconds: number;
  /** What to send; see bench/shots. */
  shots: Shots;
}

export interface LoadResult {
  /** From the first request to the last answer. */
  seconds: number;
  /** Answers by status; `0` is a connection that broke or an answer that could not be read. */
  statuses: Record<string, number>;
  p50Ms: number;
  p99Ms: number;
  /** The first answer whose status was not the one asked for. */
  firstWrong: string | null;
}

const headEnd = Buffer.from('\r\n\r\n');

/** One connection: sends what `next` gives until it gives undefined. */
function runConnection(
  url: URL,
  next: () => Shot | undefined,
  done: (status: number, startedAt: number, text: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    let buffered: Buffer = Buffer.alloc(0);
    let startedAt = 0;
    const send = (): void => {
      const shot = next();
      if (shot === undefined) {
        socket.destroy();
        resolve();
        return;
      }
      startedAt = performance.now();
      socket.write(shot);
    };
    const fail = (why: string): void => {
      done(0, startedAt, why);
      socket.destroy();
      resolve();
    };
    socket.on('connect', send);
    socket.on('error', (error) => fail(error.message));
    socket.on('end', () => fail('the server closed the connection'));
    socket.on('data', (chunk) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      const headLength = buffered.indexOf(headEnd);
      if (headLength < 0) return;
      const head = buffered.toString('latin1', 0, headLength);
      const bodyLength = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      if (bodyLength === undefined) return fail(`no Content-Length: ${head}`);
      if (buffered.length < headLength + 4 + Number(bodyLength)) return;
      const text = buffered;
      buffered = Buffer.alloc(0);
      done(Number(head.slice(9, 12)), startedAt, text.length > 4096 ? head : text.toString('latin1'));
      send();
    });
  });
}

async function run(job: LoadJob): Promise<LoadResult> {
  const make = shotMaker(job.shots, (file) => JSON.parse(readFileSync(file, 'utf8')));
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  let firstWrong: string | null = null;
  const startedAt = performance.now();
  const endsAt = startedAt + job.seconds * 1000;
  let lastAt = startedAt;
  const next = (): Shot | undefined => (performance.now() < endsAt ? make() : undefined);
  const done = (status: number, sentAt: number, text: string): void => {
    lastAt = performance.now();
    latencies.push(lastAt - sentAt);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status !== job.shots.expect) firstWrong ??= text;
  };
  await Promise.all(Array.from({ length: job.connections }, () => runConnection(new URL(job.url), next, done)));
  latencies.sort((left, right) => left - right);
  const quantile = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  return { seconds: (lastAt - startedAt) / 1000, statuses, p50Ms: quantile(0.5), p99Ms: quantile(0.99), firstWrong };
}

process.on('message', (job: LoadJob) => {
  run(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
