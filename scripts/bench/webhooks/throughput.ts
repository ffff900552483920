// How many webhooks one worker process hands over in a second, all the way: events are let go at once, and the clock
// runs until every delivery is written down as delivered. The floor takes its turn in each round. Lost, doubled or
// badly signed deliveries are mistakes, whatever the speed.

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CaseResult, type Measured, type Round, rateOf, ratioOf, wrongCount } from '../cases.ts';
import type { LoadResult } from '../load.ts';
import { askChild, cpuMicrosOf, type Part, type Server, startPart } from '../processes.ts';
import type { StatementCount } from '../sql-probe.ts';
import type { FloorJob } from './floor.ts';
import { concurrency, type HeldEvents, type Setting } from './setting.ts';

export interface ThroughputOptions {
  rounds: number;
  seconds: number;
  /** Where CPU profiles go; null: none is made. */
  profile: string | null;
  say(line: string): void;
}

export interface Throughput {
  result: CaseResult;
  /** The statements of all rounds and how many deliveries they served; with `--profile`. */
  sql: { statements: StatementCount[]; deliveries: number } | null;
  /** Of the worker; its profile bears it in its name. */
  pid: number;
}

const floorWarmUpSeconds = 2;
const warmUpDeliveries = 6000;
/** What is delivered in a second at the very least; slower than this counts as lost. */
const leastPerSecond = 50;
const probe = path.join(import.meta.dirname, '..', '..', '..', 'dist', 'scripts', 'bench', 'sql-probe.js');

export async function measureThroughput(setting: Setting, options: ThroughputOptions): Promise<Throughput> {
  const { stage, say } = { ...setting, ...options };
  const floor = await startPart<object>('webhooks/floor', { DATABASE_URL: String(stage.env.DATABASE_URL) });
  const isProfiled = options.profile !== null;
  const profiling = [`--cpu-prof`, `--cpu-prof-dir=${options.profile}`, '--import', probe];
  const worker = await setting.startServer('worker', {
    nodeArgs: isProfiled ? profiling : [],
    hasChannel: isProfiled,
  });
  const statements: StatementCount[] = [];
  const mistakes: string[] = [];
  await runFloor(floor, setting, floorWarmUpSeconds);
  let rate = rateOf(await deliver(setting, worker, await setting.hold(warmUpDeliveries), mistakes));
  const rounds: Round[] = [];
  let deliveries = 0;
  while (rounds.length < options.rounds) {
    const held = await setting.hold(Math.max(1000, Math.round(rate * options.seconds)));
    const floorRun = await runFloor(floor, setting, options.seconds);
    if (isProfiled) await takeStatements(worker);
    const lango = await deliver(setting, worker, held, mistakes);
    const round: Round = { floor: floorRun, lango };
    if (isProfiled) statements.push(...(await takeStatements(worker)));
    rounds.push(round);
    rate = rateOf(round.lango);
    deliveries += held.deliveries;
    const line = `  round ${rounds.length}: floor ${rateOf(round.floor).toFixed(0)}/s, Lango ${rate.toFixed(0)}/s, ratio ${ratioOf(round).toFixed(2)}`;
    const { firstMs, connections, cpuMicros } = lango;
    say(`${line}, CPU ${cpuMicros?.toFixed(0) ?? '–'} µs each, first after ${firstMs} ms, ${connections} connections`);
  }
  mistakes.push(...wrongAnswers(rounds), ...(await findLost(setting, deliveries)));
  await Promise.all([floor.stop(), worker.stop()]);
  return {
    result: {
      name: 'webhooks',
      title: 'webhook deliveries',
      floorTitle: 'node:http POST and one autocommit INSERT each, 100 at once',
      target: 0.4,
      aim: 0.4,
      enoughPerSecond: 1000,
      rounds,
      mistakes,
    },
    sql: isProfiled ? { statements, deliveries } : null,
    pid: worker.child.pid ?? 0,
  };
}

async function runFloor(floor: Part<object>, { receiver, sampleBody }: Setting, seconds: number): Promise<Measured> {
  const job: FloorJob = { urls: [...receiver.urls], body: sampleBody, concurrency, seconds };
  const before = cpuMicrosOf(floor.child);
  const result = await floor.ask<LoadResult>(job);
  const after = cpuMicrosOf(floor.child);
  const total = rateOf(result) * result.seconds;
  return { ...result, cpuMicros: before === null || after === null ? null : (after - before) / total };
}

interface Delivered extends Measured {
  /** From the release to the first arrival: all of the fan-out, and the first claim. */
  firstMs: number | null;
  /** Opened meanwhile; what is kept alive needs none. */
  connections: number;
}

/** Lets events go and waits until everything is delivered. The times are those of the POSTs, as the worker wrote them. */
async function deliver(setting: Setting, worker: Server, held: HeldEvents, mistakes: string[]): Promise<Delivered> {
  const { receiver, stage } = setting;
  await receiver.reset();
  const before = cpuMicrosOf(worker.child);
  const releasedAt = Date.now();
  const startedAt = performance.now();
  await setting.release(held);
  const patienceSeconds = 30 + held.deliveries / leastPerSecond;
  const isWhole = await waitForAll(setting, held.deliveries, startedAt + patienceSeconds * 1000);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = cpuMicrosOf(worker.child);
  if (!isWhole) mistakes.push(`after ${seconds.toFixed(0)} s not everything was delivered`);
  const { distinct, repeated, checked, forged, firstAt, connections } = await receiver.counts();
  if (distinct !== held.deliveries) mistakes.push(`${held.deliveries} deliveries were made, ${distinct} arrived`);
  if (repeated > 0) mistakes.push(`${repeated} arrived twice, though nothing was killed`);
  if (checked === 0 || forged > 0) mistakes.push(`${forged} of ${checked} signatures were wrong`);
  const attempts = await stage.query<{ status_code: number | null; duration_ms: number }[]>(
    'SELECT a.status_code, a.duration_ms FROM deliveries d JOIN attempts a ON a.delivery_id = d.id WHERE d.created_at = ? ORDER BY a.duration_ms',
    [held.at],
  );
  const statuses: Record<string, number> = {};
  for (const { status_code: status } of attempts) statuses[status ?? 0] = (statuses[status ?? 0] ?? 0) + 1;
  const quantile = (share: number): number => attempts[Math.floor(attempts.length * share)]?.duration_ms ?? Number.NaN;
  return {
    seconds,
    statuses,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    firstWrong: null,
    cpuMicros: before === null || after === null ? null : (after - before) / held.deliveries,
    firstMs: firstAt === null ? null : firstAt - releasedAt,
    connections,
  };
}

/** Whether all arrived and were written down before `deadline`. */
export async function waitForAll({ receiver, stage }: Setting, deliveries: number, deadline: number): Promise<boolean> {
  while (performance.now() < deadline) {
    const { distinct } = await receiver.counts();
    if (distinct >= deliveries && (await stage.count(waiting)) === 0) return true;
    await sleep(20);
  }
  return false;
}

/** Rides on the index of `status`: it is asked again and again while the worker is at it. */
export const waiting =
  "SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'sending', 'held', 'dead', 'cancelled')";

async function findLost({ stage }: Setting, measured: number): Promise<string[]> {
  const made = await stage.count("SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'");
  const events = await stage.count('SELECT COUNT(*) FROM events');
  const wrong = await stage.count(
    'SELECT COUNT(*) FROM deliveries d WHERE d.attempt_count <> 1 OR (SELECT COUNT(*) FROM attempts a WHERE a.delivery_id = d.id AND a.status_code = 204) <> 1',
  );
  const mistakes = [];
  if (made < measured || made !== 2 * events) mistakes.push(`${events} events, but ${made} deliveries are delivered`);
  if (wrong > 0) mistakes.push(`${wrong} deliveries have not exactly one attempt`);
  return mistakes;
}

function wrongAnswers(rounds: readonly Round[]): string[] {
  return rounds.flatMap(({ floor, lango }, index) => [
    ...(wrongCount(floor, 204) > 0
      ? [`round ${index + 1}, floor: ${JSON.stringify(floor.statuses)} ${floor.firstWrong}`]
      : []),
    ...(wrongCount(lango, 204) > 0 ? [`round ${index + 1}: ${JSON.stringify(lango.statuses)}`] : []),
  ]);
}

/** What the probe has counted since the last time. */
const takeStatements = ({ child }: Server): Promise<StatementCount[]> => askChild(child, {});
