// What every command of `lango` shares: how it gets at the database, who the audit log says it was, what it prints, and how
// it says what went wrong.

import { userInfo } from 'node:os';
import { CommanderError, InvalidArgumentError } from 'commander';
import { type Core, composeCore } from '../src/compose.ts';
import { ConfigError, readConfig } from '../src/config.ts';
import type { ActDeps, By } from '../src/console/audit-act.ts';
import { AppError, messageOf } from '../src/platform/errors.ts';
import { createLogger } from '../src/platform/logger.ts';

/** Runs a command with the database and the keys; its log goes nowhere, its errors to standard error. */
export async function withCore(run: (core: Core) => Promise<void>): Promise<void> {
  const core = await composeCore(readConfig(), { logger: createLogger('silent') });
  try {
    await run(core);
  } finally {
    await core.close();
  }
}

/** Who runs the command, as the audit log names him. */
export function byCommand(): By {
  return { actor: { id: 'cli', name: `${process.env.SUDO_USER ?? accountName()} on the command line` }, ip: null };
}

/** In a container the account may have a number and no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `account ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** What a change that is written down needs. */
export function actDeps({ db, now, dataKeys }: Core): ActDeps {
  return { db, now, auditKey: dataKeys.audit };
}

export function print(options: { json?: boolean }, value: object, words: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : `${words}\n`);
}

export async function readStandardInput(
  hint = 'Paste JSON with consumer_key, consumer_secret and passkey, then Ctrl-D:\n',
): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(hint);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('standard input is not JSON; give {"consumer_key": …, "consumer_secret": …, "passkey": …}');
  }
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

export function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''); // prettier-ignore
}

/** Says what went wrong in words somebody can act on; the exit status. */
export function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (thrown instanceof ConfigError) {
    process.stderr.write(`${thrown.message}\n`);
    return 78;
  }
  if (thrown instanceof AppError)
    process.stderr.write(
      [thrown.publicMessage, ...(thrown.details.errors ?? []).map(({ detail }) => detail)]
        .filter((line, index, all) => all.indexOf(line) === index)
        .join('\n') + '\n',
    );
  else process.stderr.write(`${messageOf(thrown)}\n`);
  return 1;
}
