// How long a page takes, seen from the other end of a kept connection on this machine, so the server's time and a little
// more. Cold is what counts: what the console believes for a second has been forgotten. The floor takes turns with the
// pages: a bare answer of the same server from one query by primary key.

import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../report.ts';
import type { BenchPage } from './pages.ts';
import type { Visitor } from './visitor.ts';

export interface PageTime {
  name: string;
  path: string;
  is_held: boolean;
  cold_ms: number;
  slowest_cold_ms: number;
  warm_ms: number;
  /** Cold, against the floor of the same run. */
  ratio: number;
  kilobytes: number;
  reached: boolean;
}

export interface PageTimes {
  floor_ms: number;
  limit_ms: number;
  pages: PageTime[];
  mistakes: string[];
  reached: boolean;
}

export const limitMs = 100;
/** The console believes what it read for a second. */
const forgottenMs = 1100;
const warmPerRound = 2;
const floorPerRound = 3;
const warmUps = 3;

interface Samples {
  page: BenchPage;
  cold: number[];
  warm: number[];
  bytes: number;
}

export async function measureTimes(
  console: Visitor,
  floor: { visitor: Visitor; path: string },
  pages: readonly BenchPage[],
  rounds: number,
): Promise<PageTimes> {
  const mistakes = new Set<string>();
  const floorTimes: number[] = [];
  const samples: Samples[] = pages.map((page) => ({ page, cold: [], warm: [], bytes: 0 }));

  async function look({ page: { name, path, status } }: Samples): Promise<{ ms: number; bytes: number }> {
    const seen = await console.get(path);
    if (seen.status !== status) mistakes.add(`${name} (${path}) was answered ${seen.status}`);
    return seen;
  }

  async function lookAtFloor(): Promise<void> {
    const { status, ms } = await floor.visitor.get(floor.path);
    if (status !== 200) mistakes.add(`the floor was answered ${status}`);
    floorTimes.push(ms);
  }

  for (const one of samples) for (let time = 0; time < warmUps; time += 1) await look(one);
  for (let time = 0; time < 20; time += 1) await lookAtFloor();
  floorTimes.length = 0;
  for (let round = 0; round < rounds; round += 1)
    for (const one of samples) {
      await sleep(forgottenMs);
      const { ms, bytes } = await look(one);
      one.cold.push(ms);
      one.bytes = bytes;
      for (let time = 0; time < warmPerRound; time += 1) one.warm.push((await look(one)).ms);
      for (let time = 0; time < floorPerRound; time += 1) await lookAtFloor();
    }
  const floorMs = median(floorTimes);
  const times = samples.map((one) => timeOf(one, floorMs));
  const reached = times.every((one) => one.reached);
  return { floor_ms: tenths(floorMs), limit_ms: limitMs, pages: times, mistakes: [...mistakes], reached };
}

function timeOf({ page, cold, warm, bytes }: Samples, floorMs: number): PageTime {
  const coldMs = median(cold);
  return {
    name: page.name,
    path: page.path,
    is_held: page.isHeld,
    cold_ms: tenths(coldMs),
    slowest_cold_ms: tenths(Math.max(...cold)),
    warm_ms: tenths(median(warm)),
    ratio: tenths(coldMs / floorMs),
    kilobytes: Math.round(bytes / 1024),
    reached: !page.isHeld || coldMs <= limitMs,
  };
}

const tenths = (value: number): number => Number(value.toFixed(1));

export function describeTimes({ floor_ms, pages }: PageTimes): string[] {
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(34) : cell.padStart(10)))
      .join('')
      .trimEnd();
  const note = ({ is_held, reached }: PageTime): string =>
    is_held ? `  at most ${limitMs} ms${reached ? '' : ', NOT reached'}` : '';
  return [
    row(['', 'cold ms', 'slowest', 'warm ms', '× floor', 'KB']),
    row(['floor: GET /v1/payments/{id}', String(floor_ms)]),
    ...pages.map(
      (one) =>
        row([one.name, ...[one.cold_ms, one.slowest_cold_ms, one.warm_ms, one.ratio, one.kilobytes].map(String)]) +
        note(one),
    ),
  ];
}
