// The results as a table for people and as an object for `--json`. Medians over the rounds; the ratio is the median of
// the rounds' own ratios, which the drift of the machine leaves alone.

import { type CaseResult, type Round, rateOf, ratioOf } from './cases.ts';

export interface CaseSummary {
  case: string;
  what: string;
  floor: string;
  floor_per_second: number;
  lango_per_second: number;
  ratio: number;
  ratios: number[];
  target: number;
  aim: number;
  enough_per_second: number | null;
  reached: boolean;
  p50_ms: number;
  p99_ms: number;
  floor_p50_ms: number;
  floor_p99_ms: number;
  /** Processor time of the server for one request; the least disturbed of these numbers on a busy machine. */
  cpu_us: number | null;
  floor_cpu_us: number | null;
  requests: number;
  non_2xx: number;
  mistakes: string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function summarise(result: CaseResult): CaseSummary {
  const { name, title, floorTitle, target, aim, enoughPerSecond = null, rounds, mistakes } = result;
  const over = (value: (round: Round) => number, digits = 2): number =>
    Number(median(rounds.map(value)).toFixed(digits));
  const ratio = over(ratioOf, 3);
  const perSecond = over(({ lango }) => rateOf(lango), 0);
  const micros = (value: (round: Round) => number | null): number | null =>
    rounds.some((round) => value(round) === null) ? null : over((round) => value(round)!, 0);
  const answers = rounds.flatMap(({ lango }) => Object.entries(lango.statuses));
  const countOf = (entries: typeof answers): number => entries.reduce((sum, [, count]) => sum + count, 0);
  return {
    case: name,
    what: title,
    floor: floorTitle,
    floor_per_second: over(({ floor }) => rateOf(floor), 0),
    lango_per_second: perSecond,
    ratio,
    ratios: rounds.map((round) => Number(ratioOf(round).toFixed(3))),
    target,
    aim,
    enough_per_second: enoughPerSecond,
    reached: ratio >= target || (enoughPerSecond !== null && perSecond >= enoughPerSecond),
    p50_ms: over(({ lango }) => lango.p50Ms),
    p99_ms: over(({ lango }) => lango.p99Ms),
    floor_p50_ms: over(({ floor }) => floor.p50Ms),
    floor_p99_ms: over(({ floor }) => floor.p99Ms),
    cpu_us: micros(({ lango }) => lango.cpuMicros),
    floor_cpu_us: micros(({ floor }) => floor.cpuMicros),
    requests: countOf(answers),
    non_2xx: countOf(answers.filter(([status]) => !status.startsWith('2'))),
    mistakes,
  };
}

export function table(summaries: readonly CaseSummary[]): string {
  const head = [
    '',
    'floor/s',
    'Lango/s',
    'ratio',
    'p50 ms',
    'p99 ms',
    'floor p50',
    'floor p99',
    'CPU µs',
    'floor CPU µs',
    'requests',
    'non-2xx',
    'target',
  ];
  const rows = summaries.map((one) => [
    one.what,
    String(one.floor_per_second),
    String(one.lango_per_second),
    one.ratio.toFixed(2),
    one.p50_ms.toFixed(1),
    one.p99_ms.toFixed(1),
    one.floor_p50_ms.toFixed(1),
    one.floor_p99_ms.toFixed(1),
    String(one.cpu_us ?? '–'),
    String(one.floor_cpu_us ?? '–'),
    String(one.requests),
    String(one.non_2xx),
    verdict(one),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function verdict({ target, aim, ratio, reached, enough_per_second: enough }: CaseSummary): string {
  const wanted = enough === null ? String(target) : `${target} or ${enough}/s`;
  if (!reached) return `${wanted} NOT reached`;
  if (ratio < aim) return enough === null ? `${wanted} reached (aim ${aim})` : `${wanted} reached`;
  return `${wanted} reached${aim > target ? `, and the aim of ${aim}` : ''}`;
}
