// A server of one's own for the length of a run: found among the installed programs, or installed with Debian's packages
// (as root; nothing is started by the package), then run on loopback, on a free port, in a folder of its own that is
// removed with it. What a given kind of server needs is described by a Kind; test/support/services.ts has the two.

import { execFile, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const isRoot = process.getuid?.() === 0;

export type Say = (line: string) => void;

export interface Service {
  /** For SQL the server, without a database; it may create and drop databases. */
  url: string;
  /** What it is and where it came from, for people: `MariaDB 10.11.19 (localhost)`. */
  description: string;
  /** Stops it when it was started here; else does nothing. */
  stop(): Promise<void>;
}

export interface Kind {
  name: string;
  variable: string;
  localUrl: string;
  /** Debian's packages with the server alone: no unit that would start at boot but Redis's own. */
  packages: readonly string[];
  programs: readonly string[];
  /** Connects, checks the version; resolves to what it is. */
  probe(url: string): Promise<string>;
  /** Prepares `folder` (may take seconds) and returns the arguments that run it there. */
  prepare(program: string, folder: string, port: number): Promise<string[]>;
  urlAt(port: number): string;
}

/** The program's path, after an install with apt-get where that is possible. */
export async function findOrInstall(kind: Kind, say: Say): Promise<string> {
  const find = (): string | undefined => kind.programs.map(findProgram).find((program) => program !== undefined);
  const program = find();
  if (program) return program;
  const nothing = `no ${kind.name}: none on localhost, ${kind.programs.join(' or ')} not installed`;
  if (!mayInstall()) throw new Error(`${nothing} (set ${kind.variable}, or install it)`);
  await install(kind.packages, say).catch((error) => {
    throw new Error(`${nothing}, and apt-get could not install it (${messageOf(error)})`);
  });
  const installed = find();
  if (!installed) throw new Error(`${nothing}, not even by ${kind.packages.join(' ')}`);
  return installed;
}

/** Whether this machine takes Debian's packages from us. */
export function mayInstall(): boolean {
  return isRoot && findProgram('apt-get') !== undefined && existsSync('/etc/debian_version');
}

/** Installs Debian's packages with apt-get; only where {@link mayInstall} says so. */
export function install(packages: readonly string[], say: Say): Promise<void> {
  const aptGet = findProgram('apt-get') ?? 'apt-get';
  say(`Installing ${packages.join(' ')} with apt-get …`);
  return inTurn(() => installPackages(aptGet, packages));
}

let lastTurn: Promise<unknown> = Promise.resolve();

/** apt-get takes a lock: the two kinds install one after the other. */
function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(task, task);
  lastTurn = turn.catch(() => {});
  return turn;
}

/** Debian starts what it installs unless a policy says no; ours stays for the length of the install only. */
async function installPackages(aptGet: string, packages: readonly string[]): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  try {
    // The package lists of a bare machine are missing or old; an update that fails may still leave usable ones.
    await run(aptGet, ['update', '-q'], { env, timeout: 120_000 }).catch(() => {});
    await run(aptGet, install, { env, timeout: 300_000, maxBuffer: 1 << 26 });
  } finally {
    if (isOurs) await rm(policy, { force: true });
  }
}

/** Starts `program` in a new folder on a free port of loopback and waits until it answers. */
export async function startPrivate(kind: Kind, program: string): Promise<Service> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'lango-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeFolder);
  const port = await freePort();
  const args = await kind.prepare(program, folder, port).catch((error) => {
    removeFolder();
    throw new Error(`a private ${kind.name} could not be prepared (${messageOf(error)})`);
  });
  const server = startServer(program, args, folder);
  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder();
    process.off('exit', removeFolder);
  };
  const url = kind.urlAt(port);
  for (let attempt = 0; attempt < 150 && server.isRunning(); attempt++) {
    try {
      return { url, description: `${await kind.probe(url)} (private)`, stop };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const log = await readFile(path.join(folder, 'log'), 'utf8');
  await stop();
  throw new Error(`a private ${kind.name} did not start: ${log.trim().split('\n').slice(-2).join(' | ')}`);
}

/** The process, with its output in `folder`/log; killed at the latest when this process exits. */
function startServer(program: string, args: string[], folder: string) {
  const log = openSync(path.join(folder, 'log'), 'a');
  // A group of its own: Ctrl-C in a terminal must reach the tests first, and the server only through stop().
  const child = spawn(program, args, { stdio: ['ignore', log, log], detached: true, cwd: folder });
  closeSync(log);
  let running = true;
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.prependOnceListener('exit', killAtExit);
  const gone = new Promise<void>((resolve) => {
    const leave = (): void => {
      running = false;
      process.off('exit', killAtExit);
      resolve();
    };
    child.once('exit', leave).once('error', leave);
  });
  const stop = async (): Promise<void> => {
    if (running) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  };
  return { isRunning: () => running, stop };
}

export function findProgram(name: string): string | undefined {
  // Servers live in sbin, which an ordinary account's PATH leaves out.
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this one
    }
  }
  return undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** What went wrong in one line, for a sentence: of a command the last thing it said. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const said = 'stderr' in inner ? String(inner.stderr).trim().split('\n').at(-1) : '';
  return said || (inner.message.split('\n')[0] ?? '');
}
