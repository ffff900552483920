// What a statement holds, found in one pass and in little memory: totals by kind, what is left out and why, whether the
// balance runs, and which stretch of time it tells completely. Nothing is stored here.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LineKind, SourceLine } from '../mpesa/source-line.ts';
import { type BalanceVerdict, createBalanceCheck } from './parse-balance.ts';
import { type NamedByFile, readFileName } from './parse-header.ts';
import { createStatementParser, type ParsedRow, type StatementHead } from './parse-statement.ts';
import type { Encoding } from './read-file.ts';
import {
  badFile,
  type FileRow,
  type KindTotal,
  mostListed,
  type Preamble,
  type RowProblem,
  type Span,
  type StatementFormat,
  type StatementSummary,
} from './statement.ts';

export interface ReadOptions {
  fileName: string;
  encoding: Encoding;
  /** The numbers a statement of this shortcode may name: the paybill or store, and the till. */
  numbers: readonly string[];
  now: number;
  /** How many of these lines are known already. Called with some at a time. */
  countKnown(lines: readonly SourceLine[]): Promise<number>;
}

export interface StatementContents {
  format: StatementFormat;
  periodFrom: number | null;
  periodTo: number | null;
  summary: StatementSummary;
}

const linesAtOnce = 250;

/** @throws AppError for a file that is no statement, or another shortcode's */
export async function readSummary(rows: AsyncIterable<FileRow>, options: ReadOptions): Promise<StatementContents> {
  const parser = createStatementParser();
  const named = readFileName(options.fileName);
  const tally = createTally();
  let head: StatementHead | null = null;
  let known = 0;
  let waiting: SourceLine[] = [];
  const count = async (): Promise<void> => {
    known += await options.countKnown(waiting);
    waiting = [];
    // SQLite answers without a turn of the event loop: whatever else the process does has its turn here.
    await nextTurn();
  };
  for await (const row of rows) {
    const parsed = parser.take(row);
    if (head === null) {
      head = parser.head();
      if (head !== null) checkOwner(head.preamble, named, options.numbers);
    }
    if (parsed === null) continue;
    tally.take(parsed);
    if (parsed.is === 'line') waiting.push(parsed.value);
    if (waiting.length >= linesAtOnce) await count();
  }
  const { format, preamble } = parser.finish();
  await count();
  const { verdict, ...found } = tally.finish();
  const period = preamble.from === null ? named : preamble;
  const coverage = coverageOf({ preamble, named, verdict, errors: found.errors.count, now: options.now });
  const summary = { encoding: options.encoding, preamble, ...found, known, balance: verdict.balance, coverage };
  return {
    format,
    periodFrom: period?.from ?? summary.firstAt,
    periodTo: period?.to ?? summary.lastAt,
    summary,
  };
}

/** The preamble says whose it is; where there is none, the name the portal gave the file does. */
function checkOwner({ shortcode }: Preamble, named: NamedByFile | null, numbers: readonly string[]): void {
  const said = shortcode ?? named?.shortcode;
  if (said === undefined || numbers.includes(said)) return;
  throw badFile(
    `This is the statement of ${said}, not of ${numbers.join(' or ')}. Choose its shortcode, or another file.`,
  );
}

type Found = Omit<StatementSummary, 'encoding' | 'preamble' | 'known' | 'balance' | 'coverage'>;

function createTally() {
  const kinds = new Map<LineKind, KindTotal>();
  const skipped: { line: number; receipt: string; status: string }[] = [];
  const errors: RowProblem[] = [];
  const counts = { line: 0, skipped: 0, problem: 0 };
  const balance = createBalanceCheck();
  let [firstAt, lastAt] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

  function takeLine(line: number, value: SourceLine, isMain: boolean): void {
    const { kind, receipt, amountCents, balanceCents, completedAt } = value;
    const total = kinds.get(kind) ?? { kind, count: 0, cents: 0 };
    kinds.set(kind, { kind, count: total.count + 1, cents: total.cents + amountCents });
    firstAt = Math.min(firstAt, completedAt);
    lastAt = Math.max(lastAt, completedAt);
    balance.take({ line, receipt, at: completedAt, amountCents, balanceCents, isMain });
  }

  return {
    take(parsed: ParsedRow): void {
      counts[parsed.is] += 1;
      if (parsed.is === 'line') takeLine(parsed.line, parsed.value, parsed.isMain);
      else if (parsed.is === 'skipped') {
        const { line, receipt, status } = parsed;
        if (skipped.length < mostListed) skipped.push({ line, receipt, status });
      } else {
        balance.cut();
        if (errors.length < mostListed) errors.push({ line: parsed.line, detail: parsed.detail });
      }
    },
    finish(): Found & { verdict: BalanceVerdict } {
      const hasLines = counts.line > 0;
      return {
        rows: counts.line + counts.skipped + counts.problem,
        lines: counts.line,
        kinds: [...kinds.values()],
        firstAt: hasLines ? firstAt : null,
        lastAt: hasLines ? lastAt : null,
        skipped: { count: counts.skipped, listed: skipped },
        errors: { count: counts.problem, listed: errors },
        verdict: balance.finish(),
      };
    },
  };
}

interface Told {
  preamble: Preamble;
  named: NamedByFile | null;
  verdict: BalanceVerdict;
  /** Rows that could not be read. */
  errors: number;
  now: number;
}

/** Accounts of the organisation that no customer pays into: their statements tell nothing of payments. */
const otherAccounts = /settle|mmf|charges? paid|working|loan/i;

/**
 * Which stretches of time a statement tells completely: between its rows as long as the balance runs on, and from and to
 * the ends of its period where they agree with its rows. A heading may promise more than the file holds (daraja.md
 * section 7.1), so a period counts at an end only if the balance there is the one that the rows begin or end with.
 */
export function coverageOf({ preamble, named, verdict, errors, now }: Told): Span[] {
  if (preamble.account !== null && otherAccounts.test(preamble.account)) return [];
  const isNamedOver = named?.to != null && named.to < now;
  const [from, to] = preamble.from === null ? [named?.from ?? null, isNamedOver ? named.to : null] : endsOf(preamble);
  const { openingCents, closingCents } = preamble;
  const spans = verdict.balance.order === 'mixed' && errors > 0 ? [] : verdict.spans;
  const hasBegin = from !== null && (openingCents === null || openingCents === verdict.openingCents);
  const hasEnd = to !== null && (closingCents === null || closingCents === verdict.closingCents);
  if (spans.length === 0) {
    const isQuiet = from !== null && to !== null && openingCents !== null && openingCents === closingCents;
    return isQuiet && errors === 0 && verdict.spans.length === 0 && to > from ? [{ from, to }] : [];
  }
  const sorted = spans.map((span) => ({ ...span })).sort((left, right) => left.from - right.from);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  if (hasBegin) first.from = Math.min(first.from, from);
  if (hasEnd) last.to = Math.max(last.to, to);
  return sorted;
}

function endsOf({ from, to, reportAt }: Preamble): [number | null, number | null] {
  return [from, to === null || reportAt === null ? to : Math.min(to, reportAt)];
}
