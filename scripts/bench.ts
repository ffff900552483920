// `npm run bench`: how fast Lango is, as ratios to a floor measured in the same run and in turns with it, so that the
// numbers mean the same on any machine. Runs on a real MySQL or MariaDB and a real Redis, with the compiled gateway in a
// process of its own and its log on. Missing a target is said; only wrong answers, lost rows and a console that is too
// slow are errors, unless `--assert` is given.

import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findServices, type Services } from '../test/support/services.ts';
import { type Bench, type CaseName, caseNames, cases } from './bench/cases.ts';
import {
  type ConsolePart,
  type ConsoleResult,
  consoleParts,
  describeConsole,
  measureConsole,
} from './bench/console/measure.ts';
import { type MemoryResult, measureMemory } from './bench/memory.ts';
import { build, killChildren, startFloor, startGateway, startLoader } from './bench/processes.ts';
import { type CaseSummary, summarise, table } from './bench/report.ts';
import { openStage, type Stage, type Undo } from './bench/stage.ts';
import { measureStatements, type StatementProfile } from './bench/statements.ts';
import {
  describeWebhooks,
  measureWebhooks,
  type WebhookOptions,
  type WebhookPart,
  type WebhookResult,
  webhookParts,
} from './bench/webhooks/measure.ts';

const usage = `usage: npm run bench [-- [payments|callbacks|reads|webhooks|statements|memory|console|all] [options]]
  --rounds N       rounds of floor and Lango, at least 3 (default 3; for console 7)
  --seconds N      length of each measurement (default 5; for memory 300)
  --part NAME      of webhooks: throughput, latency, recovery or plans; of console: pages or plans
  --payments N     for console: on top of how many (default 1000000); it is not part of all, and exits with 1 when
                   Home or Payments is slower than it may be or a statement reads all of a big table
  --memory         with all: also the memory run
  --json FILE      write the results there
  --assert         exit 1 when a target is missed
  --profile FOLDER write a CPU profile of the gateway there (read it with Chrome's DevTools); of webhooks a summary
                   is said, too, with the SQL of each delivery`;

interface Options {
  cases: readonly CaseName[];
  webhooks: readonly WebhookPart[];
  console: readonly ConsolePart[];
  payments: number;
  withStatements: boolean;
  withMemory: boolean;
  rounds: number | null;
  seconds: number | null;
  json: string | null;
  mustReach: boolean;
  profile: string | null;
}

/** Undone in reverse order, whatever happened: the end of the run, an error or a signal. */
const undoing: (() => Promise<void> | void)[] = [];
let isStopping = false;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: text,
      seconds: text,
      json: text,
      profile: text,
      part: text,
      payments: text,
      memory: flag,
      assert: flag,
    },
  });
  const [name = 'all', ...rest] = positionals;
  const known = ['all', 'memory', 'webhooks', 'statements', 'console', ...caseNames].includes(name);
  if (rest.length > 0 || !known) throw new Error(`there is no measurement ${positionals.join(' ')}`);
  const partsOf = <Part extends string>(all: readonly Part[]): Part[] =>
    all.filter((part) => values.part === undefined || part === values.part);
  const webhooks = name === 'all' || name === 'webhooks' ? partsOf(webhookParts) : [];
  const consoles = name === 'console' ? partsOf(consoleParts) : [];
  if (values.part !== undefined && (name === 'all' || webhooks.length + consoles.length === 0))
    throw new Error(`--part is one of ${webhookParts.join(', ')} for webhooks, ${consoleParts.join(', ')} for console`);
  return {
    cases: name === 'all' ? caseNames : caseNames.filter((one) => one === name),
    webhooks,
    console: consoles,
    payments: wholeNumber('payments', values.payments ?? '1000000', 100_000),
    withStatements: name === 'all' || name === 'statements',
    withMemory: name === 'memory' || values.memory,
    rounds: values.rounds === undefined ? null : wholeNumber('rounds', values.rounds, 3),
    seconds: values.seconds === undefined ? null : wholeNumber('seconds', values.seconds, 1),
    json: values.json === undefined ? null : path.resolve(values.json),
    mustReach: values.assert,
    profile: values.profile === undefined ? null : path.resolve(values.profile),
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new Error(`--${name} is a whole number of at least ${least}`);
  return value;
}

async function runCases(stage: Stage, options: Options): Promise<CaseSummary[]> {
  if (options.cases.length === 0) return [];
  const nodeArgs = options.profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  const loader = startLoader();
  const floor = await startFloor(String(stage.env.DATABASE_URL));
  const gateway = await startGateway({ env: stage.env, logFile: path.join(stage.folder, 'gateway.log'), nodeArgs });
  const bench: Bench = {
    stage,
    floor,
    gateway,
    loader,
    rounds: options.rounds ?? 3,
    seconds: options.seconds ?? 5,
    say,
  };
  const summaries: CaseSummary[] = [];
  for (const name of options.cases) {
    say(name);
    summaries.push(summarise(await cases[name](bench)));
  }
  await Promise.all([loader.stop(), floor.stop(), gateway.stop()]);
  return summaries;
}

function machine({ mysql, redis }: Services) {
  const cpus = os.cpus();
  const load = Number(os.loadavg()[0]!.toFixed(1));
  const services = [mysql.description, redis.description];
  return { node: process.version, cpu: cpus[0]?.model ?? 'unknown', cores: cpus.length, load_before: load, services };
}

interface Results {
  summaries: CaseSummary[];
  webhooks: WebhookResult | null;
  console: ConsoleResult | null;
  statements: StatementProfile[];
  memory: MemoryResult | null;
}

const undo: Undo = (step) => undoing.push(step);

async function measure(services: Services, options: Options): Promise<Results> {
  const results: Results = { summaries: [], webhooks: null, console: null, statements: [], memory: null };
  const { seconds, profile } = options;
  if (options.cases.length > 0 || options.withMemory) {
    const stage = await openStage(services, undo);
    say('One gateway process (ROLES=api, no worker, log on and to a file), 64 connections; all share these cores.');
    results.summaries = await runCases(stage, options);
    if (options.withMemory) {
      say('memory');
      results.memory = await measureMemory(stage, options.cases.length === 0 ? (seconds ?? 300) : 300, say);
    }
  }
  if (options.webhooks.length > 0) {
    say('One worker process (ROLES=worker, log on and to a file), 100 in flight; all share these cores.');
    const rounds = options.rounds ?? 3;
    const wanted: WebhookOptions = { parts: options.webhooks, rounds, seconds: seconds ?? 5, profile };
    results.webhooks = await measureWebhooks(services, undo, wanted, say);
    if (results.webhooks.throughput !== null) results.summaries.push(summarise(results.webhooks.throughput));
  }
  if (options.console.length > 0) {
    const wanted = { parts: options.console, payments: options.payments, rounds: options.rounds ?? 7 };
    results.console = await measureConsole(services, undo, wanted, say);
  }
  if (options.withStatements) {
    say('statements');
    results.statements = await measureStatements(services, undo, options.rounds ?? 3, say);
  }
  return results;
}

function sayResults({ summaries, webhooks, console, memory }: Results): void {
  if (summaries.length > 0) say(`\n${table(summaries)}`);
  if (webhooks !== null) for (const line of describeWebhooks(webhooks)) say(line);
  if (console !== null) for (const line of describeConsole(console)) say(line);
  if (memory === null) return;
  const { first, last, payments, requests, flat } = memory;
  const line = `\nmemory over ${memory.seconds} s, ${payments} payments, ${requests} requests: RSS ${first.rssMb} -> ${last.rssMb} MB (×${memory.rss_growth}), heap ${first.heapMb} -> ${last.heapMb} MB (×${memory.heap_growth}): ${flat ? 'flat' : 'NOT flat'}`;
  say(line);
}

/** Runs everything; the exit status. */
async function run(options: Options): Promise<number> {
  await build();
  const services = await findServices(say);
  undo(() => services.stop());
  const on = machine(services);
  say(`Node ${on.node} · ${on.cores} × ${on.cpu} · ${on.services.join(' · ')}`);
  if (on.load_before > 0.7)
    say(`The machine is busy with something else (load ${on.load_before}): the ratios will suffer.`);
  if (options.profile !== null) mkdirSync(options.profile, { recursive: true });
  const results = await measure(services, options);
  const { summaries: cases, webhooks, console, statements, memory } = results;
  sayResults(results);
  if (options.json !== null)
    writeFileSync(
      options.json,
      `${JSON.stringify({ at: new Date().toISOString(), machine: on, cases, webhooks, console, statements, memory }, null, 2)}\n`,
    );
  const mistakes = [
    ...cases.flatMap((one) => one.mistakes.map((text) => `${one.case}: ${text}`)),
    ...(webhooks?.mistakes ?? []).map((text) => `webhooks: ${text}`),
    ...(console?.mistakes ?? []).map((text) => `console: ${text}`),
    ...(memory?.mistakes ?? []).map((text) => `memory: ${text}`),
  ];
  for (const mistake of mistakes) say(`WRONG: ${mistake}`);
  const isBelow =
    cases.some(({ reached }) => !reached) ||
    memory?.flat === false ||
    webhooks?.reached === false ||
    statements.some(({ reached }) => !reached);
  return mistakes.length > 0 || console?.reached === false || (options.mustReach && isBelow) ? 1 : 0;
}

async function cleanUp(): Promise<void> {
  for (const undo of undoing.splice(0).reverse()) {
    try {
      await undo();
    } catch (thrown) {
      say(`cleaning up: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
}

/**
 * Ctrl-C: the processes die first, then what this run made is removed; a second one does not wait. One key press may
 * arrive twice, from the terminal and from npm.
 */
function onSignal(signal: NodeJS.Signals): void {
  const status = 128 + os.constants.signals[signal];
  const since = performance.now();
  process.on(signal, () => performance.now() - since > 500 && process.exit(status));
  isStopping = true;
  killChildren();
  void cleanUp().finally(() => process.exit(status));
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readOptions();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal);
  try {
    process.exitCode = await run(options);
  } catch (thrown) {
    killChildren();
    // After a signal its handler cleans up and ends the process.
    if (isStopping) await new Promise(() => {});
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}

await main();
