// The processes of a run: the floor, the gateway and the load generator, each compiled JavaScript in its own process, as
// in production. All of them end with the bench, however it ends.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadJob, LoadResult } from './load.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
const compiled = (name: string): string => path.join(root, 'dist', 'scripts', name);
const children = new Set<ChildProcess>();

export interface Server {
  url: string;
  child: ChildProcess;
  stop(): Promise<void>;
}

export interface Loader {
  run(job: LoadJob): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Compiles the checkout into dist/. */
export async function build(): Promise<void> {
  const child = spawn('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
  const code = await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (code !== 0) throw new Error('npm run build failed');
}

export async function startFloor(databaseUrl: string): Promise<Server> {
  const { ready, ...part } = await startPart<{ url: string }>('floor', { DATABASE_URL: databaseUrl });
  return { ...part, url: ready.url };
}

/** A part of the bench that answers messages. */
export interface Part<Ready> {
  child: ChildProcess;
  /** What it said when it was ready. */
  ready: Ready;
  /** Its next message after this one; ask again only when it has answered. */
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts one of the bench's own programs and waits until it says that it is ready. */
export async function startPart<Ready>(name: string, env: Readonly<Record<string, string>>): Promise<Part<Ready>> {
  const child = track(fork(compiled(`bench/${name}.js`), { env: { ...process.env, ...env }, execArgv: [] }));
  return {
    child,
    ready: (await messageFrom(child)) as Ready,
    ask: (question) => askChild(child, question),
    stop: () => end(child),
  };
}

/** @throws when the child is gone, or ends instead of answering */
export async function askChild<Answer>(child: ChildProcess, question: object): Promise<Answer> {
  const sent = new Promise<void>((resolve, reject) => {
    // Without a callback a channel that is closed would end this process before it has cleaned up.
    child.send(question, (error) => (error === null ? resolve() : reject(error)));
  });
  const [answer] = await Promise.all([messageFrom(child), sent]);
  return answer as Answer;
}

export interface GatewayOptions {
  env: Readonly<Record<string, string>>;
  /** Where its log goes: it writes every line, as in production. */
  logFile: string;
  nodeArgs?: readonly string[];
  /** Opens a channel for messages, for bench/memory-probe. */
  hasChannel?: boolean;
}

/** Starts `lango serve` on a free port and waits until it says that it listens. */
export async function startGateway({
  env,
  logFile,
  nodeArgs = [],
  hasChannel = false,
}: GatewayOptions): Promise<Server> {
  const log = openSync(logFile, 'a');
  const stdio = hasChannel ? (['ignore', log, log, 'ipc'] as const) : (['ignore', log, log] as const);
  const child = track(
    spawn(process.execPath, [...nodeArgs, compiled('lango.js'), 'serve', '--port', '0'], {
      env: { PATH: process.env.PATH, ...env },
      cwd: root,
      stdio: [...stdio],
    }),
  );
  closeSync(log);
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt += 1) {
    const url = /"event":"server.started","url":"([^"]+)"/.exec(readFileSync(logFile, 'utf8'))?.[1];
    if (url !== undefined) return { url, child, stop: () => end(child) };
    await sleep(100);
  }
  throw new Error(`the gateway did not start: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
}

export function startLoader(): Loader {
  const child = track(fork(compiled('bench/load.js'), { execArgv: [] }));
  return {
    run: (job) => askChild<LoadResult>(child, job),
    stop: () => end(child),
  };
}

/** The next message of a child; rejects when it ends instead. */
export function messageFrom(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const leave = (code: number | null): void => reject(new Error(`${child.spawnargs.at(-1)} ended with ${code}`));
    child.once('exit', leave);
    child.once('message', (message) => {
      child.off('exit', leave);
      resolve(message);
    });
  });
}

/** Processor time a child took so far, in microseconds; null where the system does not say (it is Linux that does). */
export function cpuMicrosOf(child: ChildProcess): number | null {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    // User and system time, in ticks of a hundredth of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return null;
  }
}

/** As a machine that loses its power would: nothing is finished, nothing is given back. */
export async function crash({ child }: Server): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Kills whatever still runs; for signals. */
export function killChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

function track<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Ends a child in an orderly way, so that it may close and write what it has (a CPU profile). */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected && !child.spawnargs.includes('serve')) child.disconnect();
  else child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await gone;
  clearTimeout(timer);
}
