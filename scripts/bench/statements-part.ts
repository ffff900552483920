// A process that imports statements, for bench/statements: first the floor (csv-parse alone, and bare inserts of what it
// read), then Lango's preview and import of the same number of rows. Meanwhile it looks how long another transaction on
// the same database has to wait, as a payment would, and how much memory the process takes.

import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse';
import { composeCore } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { findShortcodeAcrossTenants } from '../../src/mpesa/shortcode-store.ts';
import { type Db, insertIgnoringDuplicates } from '../../src/platform/database.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { importStatement } from '../../src/reconciliation/import-statement.ts';
import { previewStatement } from '../../src/reconciliation/preview-statement.ts';
import { median } from './report.ts';
import { addTenant } from './stage.ts';

export type Question = { floor: string } | { lango: string };

export interface Answer {
  seconds: number;
  /** Of Lango: until the preview was shown. */
  previewSeconds: number;
  rows: number;
  /** Milliseconds that another transaction took meanwhile, from when it wanted to begin. */
  waits: { p50: number; p99: number; max: number };
  /** The most that the process took, and its last quarter over its second one. */
  peakMb: number;
  growth: number;
}

const rowsAtOnce = 250;
const waiterEveryMs = 20;
const mb = 1024 * 1024;

const core = await composeCore(readConfig(), { logger: createLogger('silent') });
const { shortcodeId } = await addTenant(core, 'Bench of statements');
const shortcode = (await findShortcodeAcrossTenants(core.db, shortcodeId))!;

async function makeFloorTable(db: Db): Promise<void> {
  await db.schema.createTable('bench_lines', (table) => {
    table.string('id', 40).primary();
    table.bigInteger('amount').notNullable();
    table.bigInteger('balance').notNullable();
    table.bigInteger('at').notNullable();
    table.text('row').notNullable();
  });
  await db.schema.createTable('bench_waiter', (table) => {
    table.integer('id').primary();
    table.integer('value').notNullable();
  });
  await db('bench_waiter').insert({ id: 1, value: 0 });
}

async function floor(file: string): Promise<number> {
  const parser = createReadStream(file).pipe(parse({ from_line: 2 }));
  let waiting: object[] = [];
  let rows = 0;
  for await (const row of parser as AsyncIterable<string[]>) {
    rows += 1;
    const values = { amount: Number(row[5]) * 100, balance: Number(row[7]) * 100, at: rows, row: JSON.stringify(row) };
    waiting.push({ id: `${row[0]} ${row[7]}`, ...values });
    if (waiting.length < rowsAtOnce) continue;
    await insertIgnoringDuplicates(core.db, 'bench_lines', waiting);
    waiting = [];
  }
  await insertIgnoringDuplicates(core.db, 'bench_lines', waiting);
  return rows;
}

async function lango(file: string): Promise<{ rows: number; previewSeconds: number }> {
  const since = performance.now();
  const upload = { shortcode, fileName: 'bench.csv', bytes: createReadStream(file), createdBy: 'bench' };
  const { statement } = await previewStatement(core, upload);
  const previewSeconds = (performance.now() - since) / 1000;
  const done = await importStatement({ ...core, reconcileDay: async () => undefined }, statement.id);
  if (done.linesNew !== done.rows) throw new Error(`${done.linesNew} of ${done.rows} rows became lines`);
  return { rows: done.rows, previewSeconds };
}

/** Runs `work` beside somebody who wants to write a little all the time. */
async function beside<T>(work: () => Promise<T>): Promise<{ done: T } & Pick<Answer, 'waits' | 'peakMb' | 'growth'>> {
  const times: number[] = [];
  const memory: number[] = [];
  let isOver = false;
  const waiter = (async () => {
    while (!isOver) {
      const wanted = performance.now() + waiterEveryMs;
      await sleep(waiterEveryMs);
      await core.db.transaction(async (trx) => {
        await trx('bench_waiter').where({ id: 1 }).increment('value', 1);
      });
      times.push(performance.now() - wanted);
      memory.push(process.memoryUsage().rss / mb);
    }
  })();
  try {
    const done = await work();
    return { done, waits: waitsOf(times), peakMb: Math.round(Math.max(0, ...memory)), growth: growthOf(memory) };
  } finally {
    isOver = true;
    await waiter;
  }
}

function growthOf(memory: readonly number[]): number {
  if (memory.length < 8) return 1;
  const quarter = (at: number): number =>
    median(memory.slice(Math.floor((at * memory.length) / 4), Math.floor(((at + 1) * memory.length) / 4)));
  return Number((quarter(3) / quarter(1)).toFixed(2));
}

function waitsOf(times: number[]): Answer['waits'] {
  const sorted = [...times].sort((left, right) => left - right);
  const at = (share: number): number => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function answer(question: Question): Promise<Answer> {
  const since = performance.now();
  const { done, ...beheld } = await beside(async () =>
    'floor' in question ? { rows: await floor(question.floor), previewSeconds: 0 } : lango(question.lango),
  );
  return { seconds: (performance.now() - since) / 1000, ...done, ...beheld };
}

await makeFloorTable(core.db);
process.on('message', (question: Question) => {
  answer(question).then(
    (found) => process.send?.(found),
    (thrown: Error) => {
      process.stderr.write(`${thrown.stack}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => void core.close().then(() => process.exit(0)));
process.send?.({ ready: true });
