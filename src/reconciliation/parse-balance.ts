// The running balance of a statement: each row must begin with what the row before it left. Where it does not, rows are
// missing, and what lies between is not told completely. Rows come newest first or oldest first, so both are walked, in
// one pass and in little memory; rows of one second stand in any order. The newer export lists moves of the
// organisation's other accounts among those of the account that customers pay into: only the latter is followed.

import type { LineKind } from '../mpesa/source-line.ts';
import { type BalanceBreak, mostListed, type Span, type StatementSummary } from './statement.ts';

export interface BalanceRow {
  line: number;
  receipt: string;
  at: number;
  amountCents: number;
  /** After it; null where the file does not say. */
  balanceCents: number | null;
  /** Whether it is surely of the account that customers pay into, and not perhaps of another one. */
  isMain: boolean;
}

export interface BalanceVerdict {
  balance: StatementSummary['balance'];
  /** Stretches of rows without a gap. */
  spans: Span[];
  /** Before the oldest row and after the newest; null where no balance is told, or the rows are in no order. */
  openingCents: number | null;
  closingCents: number | null;
}

export interface BalanceCheck {
  take(row: BalanceRow): void;
  /** A row here could not be read: what lies around it is not told completely. */
  cut(): void;
  finish(): BalanceVerdict;
}

export function createBalanceCheck(): BalanceCheck {
  const walks = { newestFirst: createWalk(-1), oldestFirst: createWalk(1) };
  const both = Object.values(walks);
  let lastAt: number | null = null;
  let [isRising, isFalling] = [true, true];
  let checked = 0;
  return {
    take(row) {
      if (lastAt !== null && row.at < lastAt) isRising = false;
      if (lastAt !== null && row.at > lastAt) isFalling = false;
      lastAt = row.at;
      if (row.balanceCents !== null && row.isMain) checked += 1;
      for (const walk of both) walk.take(row);
    },
    cut: () => both.forEach((walk) => void walk.cut()),
    finish() {
      const [newest, oldest] = [walks.newestFirst.finish(), walks.oldestFirst.finish()];
      const isFewer = newest.breaks.count <= oldest.breaks.count;
      const isNewestFirst = isRising === isFalling ? isFewer : isFalling;
      const { breaks, spans, firstCents, lastCents } = isNewestFirst ? newest : oldest;
      if (!isRising && !isFalling && breaks.count > 0) return inNoOrder(spans, checked);
      const order = isNewestFirst ? 'newestFirst' : 'oldestFirst';
      const [openingCents, closingCents] = isNewestFirst ? [lastCents, firstCents] : [firstCents, lastCents];
      return { balance: { order, checked, breaks }, spans, openingCents, closingCents };
    },
  };
}

function inNoOrder(spans: readonly Span[], checked: number): BalanceVerdict {
  const whole = { from: Math.min(...spans.map(({ from }) => from)), to: Math.max(...spans.map(({ to }) => to)) };
  const balance = { order: 'mixed', checked, breaks: { count: 0, listed: [] } } as const;
  return { balance, spans: spans.length === 0 ? [] : [whole], openingCents: null, closingCents: null };
}

/** Rows of one second that are put in order; more of them are taken as they come. */
const mostOfOneSecond = 64;
const mostPending = 64;

/** Where an account stands, and after which row. */
interface Place {
  cents: number;
  row: BalanceRow;
}

/** Walks the rows in one direction of time. @param way 1: oldest first, -1: newest first */
function createWalk(way: 1 | -1) {
  const startOf = ({ balanceCents, amountCents }: BalanceRow): number => balanceCents! - (way === 1 ? amountCents : 0);
  const endOf = ({ balanceCents, amountCents }: BalanceRow): number => balanceCents! - (way === 1 ? 0 : amountCents);
  const listed: BalanceBreak[] = [];
  const spans = createSpans();
  let count = 0;
  let firstCents: number | null = null;
  let here: Place | null = null;
  /** Rows of one second, and those since the last of the account that may be of it too. */
  const second: BalanceRow[] = [];
  let pending: BalanceRow[] = [];

  function step(): void {
    const from = here?.cents;
    const fits = second.findIndex((row) => row.balanceCents === null || startOf(row) === from);
    const [row] = second.splice(Math.max(0, fits), 1);
    walk(row!);
  }

  function walk(row: BalanceRow): void {
    if (row.balanceCents === null) {
      if (here !== null) here = { cents: here.cents + way * row.amountCents, row };
    } else {
      if (here === null) firstCents = startOf(row);
      else if (!isReached(here.cents, startOf(row))) {
        count += 1;
        spans.end();
        if (listed.length < mostListed) listed.push(breakOf(way, here, row, startOf(row)));
      }
      here = { cents: endOf(row), row };
    }
    pending = [];
    spans.extend(row.at);
  }

  /** Whether the account went from one balance to another, by the rows between that may be of it. */
  function isReached(from: number, to: number): boolean {
    let at = from;
    for (const row of pending) {
      if (at === to) return true;
      if (row.balanceCents !== null && startOf(row) === at) at = endOf(row);
    }
    return at === to;
  }

  function endSecond(): void {
    while (second.length > 0) step();
  }

  function take(row: BalanceRow): void {
    if (second.length > 0 && second[0]!.at !== row.at) endSecond();
    if (!row.isMain) {
      if (pending.length < mostPending) pending.push(row);
      return;
    }
    // The same row twice in one file is one row.
    if (second.some((other) => isSame(other, row)) || (here !== null && isSame(here.row, row))) return;
    second.push(row);
    if (second.length > mostOfOneSecond) step();
  }

  return {
    take,
    cut(): void {
      endSecond();
      spans.end();
    },
    finish() {
      endSecond();
      spans.end();
      return { breaks: { count, listed }, spans: spans.list, firstCents, lastCents: here?.cents ?? null };
    },
  };
}

/** Stretches of time, each from its first row to its last. */
function createSpans() {
  const list: Span[] = [];
  let open: Span | null = null;
  return {
    list,
    extend(at: number): void {
      open ??= { from: at, to: at };
      open.from = Math.min(open.from, at);
      open.to = Math.max(open.to, at);
    },
    end(): void {
      if (open !== null && list.length < mostListed) list.push(open);
      open = null;
    },
  };
}

function breakOf(way: 1 | -1, last: Place, row: BalanceRow, startCents: number): BalanceBreak {
  const [earlier, later] = way === 1 ? [last.row, row] : [row, last.row];
  return {
    line: later.line,
    receipt: later.receipt,
    at: later.at,
    afterReceipt: earlier.receipt,
    afterAt: earlier.at,
    amountCents: later.amountCents,
    balanceCents: later.balanceCents ?? last.cents,
    gapCents: way * (startCents - last.cents),
  };
}

function isSame(one: BalanceRow, other: BalanceRow): boolean {
  return (
    one.receipt === other.receipt &&
    one.amountCents === other.amountCents &&
    one.balanceCents === other.balanceCents &&
    one.at === other.at
  );
}

/**
 * Whether a row is surely of the account that customers pay into: a move between the organisation's own accounts is, if
 * its words begin there for money out, or end there for money in.
 */
export function isOfMainAccount(
  { kind, amountCents }: { kind: LineKind; amountCents: number },
  details: string,
): boolean {
  if (kind === 'withdrawal') return false;
  if (kind !== 'float') return true;
  const [from = '', to = ''] = details.split(/\bto\b/i);
  return /utility|merchant/i.test(amountCents < 0 ? from : to);
}
