// What is measured and what must be true afterwards: every answer had the right status, and every answer has its rows.
// Floor and gateway take turns in each round, because the machine drifts by more than the differences of interest.

import type { LoadResult } from './load.ts';
import { cpuMicrosOf, type Loader, type Server } from './processes.ts';
import { seedCallbacks, seedFinished } from './seed.ts';
import type { Shots } from './shots.ts';
import type { Stage } from './stage.ts';

export const caseNames = ['payments', 'callbacks', 'reads'] as const;
export type CaseName = (typeof caseNames)[number];

export interface Bench {
  stage: Stage;
  floor: Server;
  gateway: Server;
  loader: Loader;
  rounds: number;
  seconds: number;
  say(line: string): void;
}

/** What was answered, and the processor time that the server took for it: null where the system does not say. */
export interface Measured extends LoadResult {
  cpuMicros: number | null;
}

export interface Round {
  floor: Measured;
  lango: Measured;
}

export interface CaseResult {
  name: CaseName | 'webhooks';
  title: string;
  floorTitle: string;
  /** Of the floor's throughput: what must be reached, and what is aimed at. */
  target: number;
  aim: number;
  /** So many a second are enough, whatever the ratio; left out where it is the ratio alone that counts. */
  enoughPerSecond?: number;
  rounds: Round[];
  /** What was not right; empty when all was. */
  mistakes: string[];
}

const connections = 64;
/** Long enough for V8 to have compiled what is hot: in the first seconds a request costs half as much again. */
const warmUpSeconds = { floor: 2, lango: 6 };
const readableRows = 100_000;
const insertFloor = 'node:http, JSON.parse, one autocommit INSERT';

/** Serials of payments asked for are never used twice in a run. */
let serial = 0;

export const cases: Readonly<Record<CaseName, (bench: Bench) => Promise<CaseResult>>> = { payments, callbacks, reads };

async function payments(bench: Bench): Promise<CaseResult> {
  const shots = (): Shots => {
    serial += 1_000_000;
    return { kind: 'create', path: '/v1/payments', headers: bench.stage.headers, firstSerial: serial, expect: 201 };
  };
  const before = await bench.stage.count('SELECT COUNT(*) FROM payments');
  const { rounds, warmUp } = await measure(bench, shots, shots);
  const answered = answersOf([warmUp, ...rounds.map(({ lango }) => lango)], 201);
  const rows = (await bench.stage.count('SELECT COUNT(*) FROM payments')) - before;
  const mistakes = wrongAnswers(rounds, 201, 201);
  if (rows !== answered) mistakes.push(`${answered} payments were answered 201, but there are ${rows} rows`);
  return {
    name: 'payments',
    title: 'POST /v1/payments',
    floorTitle: insertFloor,
    target: 0.4,
    aim: 0.7,
    rounds,
    mistakes,
  };
}

async function callbacks(bench: Bench): Promise<CaseResult> {
  const { stage } = bench;
  let seeded = 0;
  let file = '';
  // Each callback is sent once, so before a round there must be more than the gateway can take in it.
  const prepare = async (rate: number, seconds: number): Promise<void> => {
    const count = Math.ceil(rate * seconds * 1.6) + 1000;
    file = stage.writeList('callbacks', await seedCallbacks(stage, seeded, count));
    seeded += count;
  };
  const lango = (): Shots => ({ kind: 'list', file, expect: 200 });
  const floor = (): Shots => {
    serial += 1_000_000;
    return { kind: 'create', path: '/callbacks', headers: {}, firstSerial: serial, expect: 201 };
  };
  await prepare(4000, warmUpSeconds.lango);
  const { rounds, warmUp } = await measure(bench, lango, floor, prepare);
  const answered = answersOf([warmUp, ...rounds.map((round) => round.lango)], 200);
  const mistakes = wrongAnswers(rounds, 201, 200);
  for (const [what, sql] of Object.entries(tracesOfCallbacks)) {
    const rows = await stage.count(sql);
    if (rows !== answered) mistakes.push(`${answered} callbacks were answered 200, but there are ${rows} ${what}`);
  }
  return {
    name: 'callbacks',
    title: 'POST /callbacks/stk',
    floorTitle: insertFloor,
    target: 0.25,
    aim: 0.5,
    rounds,
    mistakes,
  };
}

const ofCallbacks = "WHERE reference = 'CALLBACK'";
const tracesOfCallbacks = {
  'succeeded payments': `SELECT COUNT(*) FROM payments ${ofCallbacks} AND status = 'succeeded' AND confirmed_by = 'callback' AND mpesa_receipt IS NOT NULL`,
  'pieces of evidence': `SELECT COUNT(*) FROM evidence e JOIN payments p ON p.id = e.payment_id ${ofCallbacks} AND e.verdict = 'applied'`,
  receipts: `SELECT COUNT(*) FROM receipts r JOIN payments p ON p.id = r.payment_id ${ofCallbacks}`,
  events: `SELECT COUNT(*) FROM events e JOIN payments p ON p.id = e.object_id ${ofCallbacks} AND e.type = 'payment.succeeded'`,
};

async function reads(bench: Bench): Promise<CaseResult> {
  const { stage } = bench;
  bench.say(`  seeding ${readableRows} payments`);
  const idsFile = stage.writeList('ids', await seedFinished(stage, readableRows));
  const shots = (headers: Readonly<Record<string, string>>) => (): Shots => ({
    kind: 'read',
    prefix: '/v1/payments/',
    headers,
    idsFile,
    expect: 200,
  });
  const { rounds } = await measure(bench, shots(stage.headers), shots({}));
  return {
    name: 'reads',
    title: 'GET /v1/payments/{id}',
    floorTitle: 'node:http, one SELECT of the same row by primary key',
    target: 0.6,
    aim: 0.6,
    rounds,
    mistakes: wrongAnswers(rounds, 200, 200),
  };
}

/** @param prepare makes ready what the gateway is sent in a round, knowing the rate it had last */
async function measure(
  bench: Bench,
  lango: () => Shots,
  floor: () => Shots,
  prepare?: (rate: number, seconds: number) => Promise<void>,
): Promise<{ rounds: Round[]; warmUp: Measured }> {
  const { loader, say } = bench;
  const run = async ({ url, child }: Server, shots: Shots, seconds: number): Promise<Measured> => {
    const before = cpuMicrosOf(child);
    const result = await loader.run({ url, connections, seconds, shots });
    const after = cpuMicrosOf(child);
    return { ...result, cpuMicros: before === null || after === null ? null : (after - before) / total(result) };
  };
  await run(bench.floor, floor(), warmUpSeconds.floor);
  const warmUp = await run(bench.gateway, lango(), warmUpSeconds.lango);
  const rounds: Round[] = [];
  while (rounds.length < bench.rounds) {
    await prepare?.(rateOf(rounds.at(-1)?.lango ?? warmUp), bench.seconds);
    const round = {
      floor: await run(bench.floor, floor(), bench.seconds),
      lango: await run(bench.gateway, lango(), bench.seconds),
    };
    rounds.push(round);
    const [base, ours] = [rateOf(round.floor).toFixed(0), rateOf(round.lango).toFixed(0)];
    say(`  round ${rounds.length}: floor ${base}/s, Lango ${ours}/s, ratio ${ratioOf(round).toFixed(2)}`);
  }
  return { rounds, warmUp };
}

export const ratioOf = ({ floor, lango }: Round): number => rateOf(lango) / rateOf(floor);

export function rateOf(result: LoadResult): number {
  return total(result) / result.seconds;
}

function total({ statuses }: LoadResult): number {
  return Object.values(statuses).reduce((sum, count) => sum + count, 0);
}

/** How many answers had another status than the one that is right. */
export function wrongCount(result: LoadResult, expected: number): number {
  return total(result) - (result.statuses[expected] ?? 0);
}

function answersOf(results: readonly LoadResult[], status: number): number {
  return results.reduce((sum, { statuses }) => sum + (statuses[status] ?? 0), 0);
}

function wrongAnswers(rounds: readonly Round[], floorStatus: number, langoStatus: number): string[] {
  return rounds.flatMap(({ floor, lango }, index) => [
    ...(wrongCount(floor, floorStatus) > 0
      ? [`round ${index + 1}, floor: ${JSON.stringify(floor.statuses)} ${floor.firstWrong}`]
      : []),
    ...(wrongCount(lango, langoStatus) > 0
      ? [`round ${index + 1}: ${JSON.stringify(lango.statuses)} ${lango.firstWrong}`]
      : []),
  ]);
}
