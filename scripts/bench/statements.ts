// How long a statement of 100,000 rows takes from the upload until all its lines are in, against the floor that csv-parse
// and bare inserts set in the same run; how long a payment waits meanwhile; and whether memory grows with the file. On
// both profiles: SQLite has one writer, and there the waiting is what matters.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createDatabase, type Services } from '../../test/support/services.ts';
import { startPart } from './processes.ts';
import { median } from './report.ts';
import type { Undo } from './stage.ts';
import { writeStatement } from './statements-file.ts';
import type { Answer, Question } from './statements-part.ts';

export interface StatementProfile {
  profile: string;
  rows: number;
  floor_seconds: number;
  preview_seconds: number;
  /** Upload, preview and import together. */
  lango_seconds: number;
  /** Lango's time over the floor's. */
  times_the_floor: number;
  /** Of another transaction meanwhile, the worst round. */
  waits_ms: Answer['waits'];
  floor_waits_ms: Answer['waits'];
  /** Of the process at its largest; and how much it grew from the second quarter of the time to the last. */
  peak_mb: number;
  memory_growth: number;
  reached: boolean;
}

const rows = 100_000;
const targetSeconds = 60;
const flatBelow = 1.15;

export async function measureStatements(
  services: Services,
  undo: Undo,
  rounds: number,
  say: (line: string) => void,
): Promise<StatementProfile[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lango-bench-statements-'));
  undo(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string): string => path.join(folder, `${name}.csv`);
  const names = Array.from({ length: rounds }, (_, round) => `U${String.fromCharCode(65 + round)}1`);
  for (const name of names) await writeStatement(file(name), rows, name);
  await writeStatement(file('small'), rows / 4, 'UZ1');
  const database = await createDatabase(services.mysql);
  undo(() => database.drop());
  const env = { AUTO_MIGRATE: 'true', DATA_DIR: folder, LOG_LEVEL: 'error' };
  const profiles = { SQLite: `sqlite:${path.join(folder, 'lango.db')}`, [services.mysql.description]: database.url };
  const results: StatementProfile[] = [];
  for (const [profile, url] of Object.entries(profiles)) {
    const part = await startPart('statements-part', { ...env, DATABASE_URL: url });
    const ask = (question: Question): Promise<Answer> => part.ask<Answer>(question);
    // The code is warm after this.
    await ask({ floor: file('small') });
    await ask({ lango: file('small') });
    const floors: Answer[] = [];
    const langos: Answer[] = [];
    for (const name of names) {
      floors.push(await ask({ floor: file(name) }));
      langos.push(await ask({ lango: file(name) }));
    }
    await part.stop();
    results.push(summarise(profile, floors, langos));
    say(`  ${describeStatements(results.at(-1)!)}`);
  }
  return results;
}

function summarise(profile: string, floors: readonly Answer[], langos: readonly Answer[]): StatementProfile {
  const over = (answers: readonly Answer[], value: (answer: Answer) => number): number =>
    Number(median(answers.map(value)).toFixed(2));
  const worst = (answers: readonly Answer[]): Answer['waits'] =>
    answers.map(({ waits }) => waits).reduce((one, other) => (other.p99 > one.p99 ? other : one));
  const lango_seconds = over(langos, ({ seconds }) => seconds);
  const ratios = langos.map(({ seconds }, round) => seconds / floors[round]!.seconds);
  const memory_growth = over(langos, ({ growth }) => growth);
  return {
    profile,
    rows: langos[0]!.rows,
    floor_seconds: over(floors, ({ seconds }) => seconds),
    preview_seconds: over(langos, ({ previewSeconds }) => previewSeconds),
    lango_seconds,
    times_the_floor: Number(median(ratios).toFixed(2)),
    waits_ms: worst(langos),
    floor_waits_ms: worst(floors),
    peak_mb: Math.max(...langos.map(({ peakMb }) => peakMb)),
    memory_growth,
    reached: lango_seconds <= targetSeconds && memory_growth <= flatBelow,
  };
}

export function describeStatements(one: StatementProfile): string {
  const { profile, waits_ms: waits, floor_waits_ms: floor } = one;
  const time = `${one.rows} rows in ${one.lango_seconds} s, ${one.preview_seconds} s of it the preview (at most ${targetSeconds}); floor ${one.floor_seconds} s (×${one.times_the_floor})`;
  const waiting = `another transaction waits p50 ${waits.p50}, p99 ${waits.p99}, at most ${waits.max} ms (beside the floor ${floor.p50}, ${floor.p99}, ${floor.max})`;
  const memory = `peak ${one.peak_mb} MB, from the second quarter to the last ×${one.memory_growth} (at most ${flatBelow})`;
  return `${profile}: ${time}; ${waiting}; ${memory}: ${one.reached ? 'reached' : 'NOT reached'}`;
}
