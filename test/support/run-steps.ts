// The steps of `npm test` as child processes, each with a limit and each counted: a command passes or fails as one, a
// mocha run by what its reporter sends over the process channel. A run that crashes, never ends, or leaves something
// open after its last test counts as one more failure; its whole process group is ended, so that nothing outlives it.

import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

export interface Tally {
  passed: number;
  failed: number;
}

/** What came of a mocha run. */
export interface MochaTally extends Tally {
  failedFiles: readonly string[];
  /** What was still open after the last test, counted as one failure; null where nothing was. */
  leak: string | null;
  /** It came to its end. */
  isWhole: boolean;
}

/** What test/support/reporter.mjs sends. */
type Report =
  | { kind: 'begin' }
  | { kind: 'test'; title: string }
  | { kind: 'failed'; file: string }
  | { kind: 'counts' | 'end'; passed: number; failed: number; skipped: number }
  | { kind: 'leak'; open: string[] };

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  error?: Error;
}

const running = new Set<ChildProcess>();

/** Ends every step that runs, with all that it started. */
export function killChildren(): void {
  for (const child of running) killGroup(child);
}

/** One command, silent unless it fails. */
export async function runCommand(
  title: string,
  command: string,
  args: readonly string[],
  limitMs: number,
  env = process.env,
): Promise<Tally> {
  const startedAt = Date.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const ending = await ended(child, limitMs);
  const isPassed = ending.code === 0;
  say(`  ${isPassed ? '✓' : '✗'} ${title} (${Date.now() - startedAt} ms)`);
  if (!isPassed) say(`${Buffer.concat(output).toString()}\n  ${title}: ${describe(ending, limitMs)}`);
  return { passed: isPassed ? 1 : 0, failed: isPassed ? 0 : 1 };
}

/** Mocha over `args` (files and filters) in a process of its own. */
export async function runMocha(
  profile: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<MochaTally> {
  say(profile);
  const startedAt = Date.now();
  const mocha = path.resolve('node_modules/mocha/lib/cli/cli.js');
  const reporter = path.resolve('test/support/reporter.mjs');
  // Not mocha's own launcher, which would put another process between us and the counts.
  const command = ['--import', 'tsx', mocha, '--reporter', reporter, ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 1, 2, 'ipc'], detached: true, env });
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failedFiles = new Set<string>();
  let lastTest = 'no test';
  let isComplete = false;
  let trouble = '';
  let leak: string | null = null;
  child.on('message', (report: Report) => {
    if (report.kind === 'test') lastTest = report.title;
    if (report.kind === 'failed') failedFiles.add(path.relative('.', report.file));
    if (report.kind === 'counts' || report.kind === 'end') {
      counts.passed = report.passed;
      counts.failed = report.failed;
      counts.skipped = report.skipped;
    }
    if (report.kind === 'end') isComplete = true;
    if (report.kind === 'leak') leak = `still open after the last test: ${report.open.join(', ') || 'unknown'}`;
  });
  const ending = await ended(child, limitMs);
  if (!isComplete) trouble = `${describe(ending, limitMs)} before its end; the last test begun was “${lastTest}”`;
  else if (leak !== null) trouble = leak;
  else if ((ending.code ?? 1) !== 0 && counts.failed === 0) trouble = describe(ending, limitMs);
  else if (isComplete && counts.passed + counts.failed === 0 && counts.skipped > 0) trouble = 'every test was skipped';
  if (trouble) {
    counts.failed += 1;
    say(`  ✗ ${profile}: ${trouble}`);
  }
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  say(`  ${profile}: ${counts.passed} passed, ${counts.failed} failed${skipped} in ${seconds} s`);
  return { ...counts, failedFiles: [...failedFiles], leak, isWhole: isComplete };
}

/** Waits for the child's end; at the limit its group is killed. What it left running is killed in any case. */
function ended(child: ChildProcess, limitMs: number): Promise<Ending> {
  running.add(child);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, limitMs);
  return new Promise((resolve) => {
    const finish = (ending: Omit<Ending, 'timedOut'>): void => {
      clearTimeout(timer);
      killGroup(child);
      running.delete(child);
      resolve({ ...ending, timedOut });
    };
    child.once('error', (error) => finish({ code: null, signal: null, error }));
    // Not `close`: a grandchild that keeps the pipe open must not make us wait.
    child.once('exit', (code, signal) => setTimeout(() => finish({ code, signal }), 50));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // the whole group is gone
  }
}

function describe({ code, signal, timedOut, error }: Ending, limitMs: number): string {
  if (error) return `could not be started (${error.message})`;
  if (timedOut) return `was killed after ${limitMs / 1000} s`;
  return signal ? `was ended by ${signal}` : `exited with status ${code}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
