// The `lango` command as a process, with only the environment a test gives it.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { isProductionProfile } from './build-gateway.ts';
import { createDatabase } from './services.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Ended {
  status: number | null;
  output: string;
  errors: string;
}

export interface LangoRun {
  child: ChildProcess;
  errors(): string;
  output(): string;
  /** The exit status, once there is one. */
  exit(): number | null | undefined;
  /** Resolves when the process is gone, with its status; null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  ended: Promise<number | null>;
}

export function startLango(args: string[], env: Record<string, string>, input = ''): LangoRun {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/lango.ts', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
  });
  child.stdin.end(input);
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  let status: number | null | undefined;
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      process.off('exit', killAtExit);
      status = code;
      resolve(code);
    });
  });
  return {
    child,
    ended,
    errors: () => Buffer.concat(errors).toString(),
    output: () => Buffer.concat(output).toString(),
    exit: () => status,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs a command to its end. */
export async function lango(args: string[], env: Record<string, string>, input = ''): Promise<Ended> {
  const run = startLango(args, env, input);
  const status = await run.ended;
  return { status, output: run.output(), errors: run.errors() };
}

/** An empty database of the profile: a file in the folder, or one on the run's server. */
export async function freshDatabase(folder: string): Promise<{ url: string; drop(): Promise<void> }> {
  if (!isProductionProfile) return { url: `sqlite:${join(folder, 'lango.db')}`, drop: async () => {} };
  const server = new URL(process.env.TEST_DATABASE_URL ?? 'mysql://root@127.0.0.1:3306/lango_test');
  server.pathname = '';
  return createDatabase({ url: server.href, description: '', stop: async () => {} });
}
