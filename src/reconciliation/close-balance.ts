// From one balance to the next: walks the rows of a statement in time and says where the account stood before and after
// them, and whether each row begins with what the one before it ended with. M-PESA writes times to the second, so rows of
// one second are put in order by their balances. Pure.

import type { Balance, BalancePoint } from './close.ts';

export interface BalanceRow {
  completedAt: number;
  amountCents: number;
  /** After the row; null where the file does not say. */
  balanceCents: number | null;
}

/**
 * @param rows of the statement source, in any order; those up to the opening are in its balance already and left out
 * @param opening where the day before ended, if that is known
 * @returns null where no balance is told
 */
export function walkBalances(rows: readonly BalanceRow[], opening: BalancePoint | null): Balance | null {
  const fresh = rows.filter(({ completedAt }) => opening === null || completedAt > opening.at);
  const seconds = bySecond(fresh);
  const [first] = seconds;
  const start = opening ?? (first === undefined ? null : startOf(first));
  if (start === null) return null;
  let running = start.cents;
  let breaks = 0;
  for (const second of seconds) {
    const follows = canFollow(second, running);
    if (!follows) breaks += 1;
    running = follows ? running + sumOf(second) : endOf(second, running);
  }
  return {
    opening: start,
    openingFrom: opening === null ? 'statement' : 'close',
    closing: { at: seconds.at(-1)?.[0]?.completedAt ?? start.at, cents: running },
    movementsCents: sumOf(fresh),
    breaks,
  };
}

const sumOf = (rows: readonly BalanceRow[]): number => rows.reduce((sum, { amountCents }) => sum + amountCents, 0);

function bySecond(rows: readonly BalanceRow[]): BalanceRow[][] {
  const seconds = new Map<number, BalanceRow[]>();
  for (const row of rows) {
    const known = seconds.get(row.completedAt);
    if (known === undefined) seconds.set(row.completedAt, [row]);
    else known.push(row);
  }
  return [...seconds].sort(([left], [right]) => left - right).map(([, second]) => second);
}

/** From the balance before a row to the one after it. */
type Step = readonly [before: number, after: number];

function stepsOf(second: readonly BalanceRow[]): Step[] {
  return second.flatMap(({ amountCents, balanceCents }): Step[] =>
    balanceCents === null ? [] : [[balanceCents - amountCents, balanceCents]],
  );
}

/** Whether the rows of one second, in some order, begin at a balance and each go on where the one before ended. */
function canFollow(second: readonly BalanceRow[], from: number): boolean {
  const steps = stepsOf(second);
  const to = from + sumOf(second);
  if (steps.length < second.length) return steps.length === 0 || steps.some(([, after]) => after === to);
  const surplus = surplusOf(steps);
  surplus.set(from, (surplus.get(from) ?? 0) + 1);
  surplus.set(to, (surplus.get(to) ?? 0) - 1);
  return [...surplus.values()].every((count) => count === 0) && walk(steps, from).left === 0;
}

/** How much oftener each balance is arrived at than left. */
function surplusOf(steps: readonly Step[]): Map<number, number> {
  const surplus = new Map<number, number>();
  for (const [before, after] of steps) {
    surplus.set(before, (surplus.get(before) ?? 0) - 1);
    surplus.set(after, (surplus.get(after) ?? 0) + 1);
  }
  return surplus;
}

/** Goes on from a balance as far as steps lead, detours too; where it ended first, and how many steps it did not meet. */
function walk(steps: readonly Step[], from: number): { end: number; left: number } {
  const ways = new Map<number, number[]>();
  for (const [before, after] of steps) ways.set(before, [...(ways.get(before) ?? []), after]);
  const open = [from];
  let end: number | null = null;
  let left = steps.length;
  for (let here = open.at(-1); here !== undefined; here = open.at(-1)) {
    const next = ways.get(here)?.pop();
    if (next === undefined) {
      end ??= here;
      open.pop();
    } else {
      open.push(next);
      left -= 1;
    }
  }
  return { end: end ?? from, left };
}

/** Just before the first row of a second: the balance that is left oftener than arrived at. Null where none is told. */
function startOf(second: readonly BalanceRow[]): BalancePoint | null {
  const steps = stepsOf(second);
  const [left] = [...surplusOf(steps)].find(([, count]) => count < 0) ?? [];
  const cents = left ?? steps[0]?.[0];
  return cents === undefined ? null : { at: second[0]!.completedAt - 1, cents };
}

/** After the last row of a second in which rows are missing: where steps end that do not go on from the balance before. */
function endOf(second: readonly BalanceRow[], from: number): number {
  const steps = stepsOf(second);
  const ends = [...surplusOf(steps)].filter(([, count]) => count > 0).map(([balance]) => balance);
  const { end } = walk(steps, from);
  return ends.find((balance) => balance !== end) ?? ends[0] ?? steps.at(-1)![1];
}
