// The figures of Home, counted from the statistics: what was paid and what was not by whose side, hour by hour; the last
// sixty minutes against the same time last week; why payments failed. Pure: the same cells give the same page.

import type { FailureCategory } from '../payments/failures.ts';
import { categoryOf, medianSeconds } from '../payments/hourly-stats.ts';
import { sumOf } from './conditions-words.ts';
import type { StatsCell } from './stats-store.ts';

const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const weekMs = 7 * 24 * hourMs;

/** Whose side it is on that a payment was not paid; `unsure`: nobody knows yet whether it was. */
export const sides = ['customer', 'network', 'provider', 'configuration', 'unsure'] as const;
export type Side = (typeof sides)[number];

export type SideCounts = Record<Side, number>;

export interface HourFigures {
  startsAt: number;
  paid: number;
  paidLastWeek: number;
  notPaid: SideCounts;
}

const isPaid = ({ outcome }: StatsCell): boolean => outcome === 'succeeded';
const isUnsure = ({ outcome }: StatsCell): boolean => outcome === 'unknown' || outcome === 'needs_review';
const isNotPaid = (cell: StatsCell): boolean => !isPaid(cell) && !isUnsure(cell);
const count = (cells: readonly StatsCell[]): number => sumOf(cells, (cell) => cell.count);

/** A code of a later version is taken for the provider's: it must not vanish. */
export const sideOf = (failureCode: string): FailureCategory => categoryOf(failureCode) ?? 'provider';

function countSides(cells: readonly StatsCell[]): SideCounts {
  const counts: SideCounts = { customer: 0, network: 0, provider: 0, configuration: 0, unsure: 0 };
  for (const cell of cells) {
    if (isUnsure(cell)) counts.unsure += cell.count;
    else if (!isPaid(cell)) counts[sideOf(cell.failureCode)] += cell.count;
  }
  return counts;
}

/** The hours from `since` on, with what was paid in the same hours a week before. */
export function hoursOf(
  cells: readonly StatsCell[],
  lastWeek: readonly StatsCell[],
  since: number,
  hours: number,
): HourFigures[] {
  return Array.from({ length: hours }, (_, index) => {
    const startsAt = since + index * hourMs;
    const own = cells.filter((cell) => cell.startsAt === startsAt);
    const before = lastWeek.filter((cell) => cell.startsAt === startsAt - weekMs);
    return {
      startsAt,
      paid: count(own.filter(isPaid)),
      paidLastWeek: count(before.filter(isPaid)),
      notPaid: countSides(own),
    };
  });
}

export interface WindowFigures {
  paid: number;
  paidKes: number;
  /** Paid and not paid; those nobody is sure about are not among them. */
  ended: number;
  /** Of those that ended; null when none did. */
  rate: number | null;
  medianSeconds: number | null;
}

/** @param partSince of the spans from here on only this share has passed: last week's are counted by it */
export function windowOf(cells: readonly StatsCell[], part?: { since: number; share: number }): WindowFigures {
  const weight = ({ startsAt }: StatsCell): number => (part !== undefined && startsAt >= part.since ? part.share : 1);
  const paid = cells.filter(isPaid);
  const latencies = new Map<number, number>();
  for (const cell of paid)
    if (cell.latency > 0) latencies.set(cell.latency, (latencies.get(cell.latency) ?? 0) + cell.count * weight(cell));
  const paidCount = sumOf(paid, (cell) => cell.count * weight(cell));
  const ended = paidCount + sumOf(cells.filter(isNotPaid), (cell) => cell.count * weight(cell));
  return {
    paid: Math.round(paidCount),
    paidKes: Math.round(sumOf(paid, (cell) => cell.kes * weight(cell))),
    ended: Math.round(ended),
    rate: ended <= 0 ? null : paidCount / ended,
    medianSeconds: medianSeconds(latencies),
  };
}

/** How many were paid. @param part as in {@link windowOf} */
export function paidOf(cells: readonly StatsCell[], part: { since: number; share: number }): number {
  return windowOf(cells, part).paid;
}

export interface ReasonFigures {
  code: string;
  count: number;
  /** Of all that were not paid. */
  share: number;
  /** The same a week ago; null where nothing failed then. */
  shareLastWeek: number | null;
}

/** Why payments were not paid, the most frequent first. */
export function reasonsOf(cells: readonly StatsCell[], lastWeek: readonly StatsCell[]): ReasonFigures[] {
  const now = byReason(cells);
  const before = byReason(lastWeek);
  const total = sumOf([...now.values()], (one) => one);
  const totalBefore = sumOf([...before.values()], (one) => one);
  return [...now]
    .filter(([, n]) => n > 0)
    .map(([code, n]) => ({
      code,
      count: n,
      share: n / total,
      shareLastWeek: totalBefore === 0 ? null : (before.get(code) ?? 0) / totalBefore,
    }))
    .sort((a, b) => b.count - a.count || a.code.localeCompare(b.code));
}

function byReason(cells: readonly StatsCell[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const cell of cells.filter(isNotPaid))
    counts.set(cell.failureCode, (counts.get(cell.failureCode) ?? 0) + cell.count);
  return counts;
}
