// A statement as its pages show it: what the file holds, how far its import has come, and what it came to, in words and
// sums that a template only has to set. A customer's number is nowhere in it.

import type { LineKind } from '../mpesa/source-line.ts';
import { dayText, numberText } from '../platform/render.ts';
import type { FileType, Statement, StatementFormat, StatementStatus } from '../reconciliation/statement.ts';
import { breakWords } from '../reconciliation/statement-balance.ts';
import type { LineFates } from '../reconciliation/statement-line-store.ts';
import type { Word } from './status-words.ts';

const kindWords: Readonly<Record<LineKind, string>> = {
  payment: 'Paid in by customers',
  reversal: 'Taken back',
  charge: 'Charges',
  withdrawal: 'Withdrawn',
  float: 'Between own accounts',
  other: 'Anything else',
};
const kindOrder: readonly LineKind[] = ['payment', 'reversal', 'charge', 'withdrawal', 'float', 'other'];
const typeWords: Readonly<Record<FileType, string>> = { csv: 'CSV', xls: 'Excel (.xls)', xlsx: 'Excel (.xlsx)' };
const formatWords: Readonly<Record<StatementFormat, string>> = { classic: 'classic export', newer: 'newer export' };
const statementWords: Readonly<Record<StatementStatus, Word>> = {
  previewed: { word: 'Not imported yet', icon: 'circle-dashed', tone: 'warn' },
  importing: { word: 'Importing', icon: 'clock', tone: 'wait' },
  imported: { word: 'Imported', icon: 'f-circle-check', tone: 'ok' },
  discarded: { word: 'Discarded', icon: 'circle-minus', tone: 'mute' },
};
/** A page lists so many of a kind; what it does not list it counts. */
const mostShown = 100;

/** `1,100.00`, negative with a sign. */
export function moneyText(cents: number): string {
  return (cents / 100).toLocaleString('en-KE', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** An import that nobody works on any more goes on by itself within a minute. */
function wordOf({ status, leaseUntil }: Statement, now: number): Word {
  const isHalted = status === 'importing' && (leaseUntil ?? 0) <= now;
  return isHalted ? { word: 'Interrupted, goes on by itself', icon: 'clock', tone: 'warn' } : statementWords[status];
}

/** What stands in the list. */
export function showInList(statement: Statement, shortcodeName: string, query: string, now: number) {
  const { id, fileName, summary, periodFrom, periodTo, createdAt, status, linesNew } = statement;
  return {
    href: `/console/reconciliation/imports/${id}${query}`,
    fileName,
    shortcode: shortcodeName,
    period: periodText(periodFrom, periodTo),
    rows: summary.rows,
    linesNew: status === 'imported' ? linesNew : null,
    errors: summary.errors.count,
    word: wordOf(statement, now),
    createdAt,
  };
}

function periodText(from: number | null, to: number | null): string {
  if (from === null || to === null) return '–';
  const [first, last] = [dayText(from, true), dayText(to, true)];
  return first === last ? first : `${first} to ${last}`;
}

/** What a preview says, and goes on saying after the import. */
export function showStatement(statement: Statement, shortcodeName: string, now: number) {
  const { summary, fileName, fileType, format, sizeBytes, periodFrom, periodTo } = statement;
  const { rows, lines, known, kinds, skipped, errors, balance, preamble, coverage } = summary;
  return {
    fileName,
    file: `${typeWords[fileType]}, ${formatWords[format]}, ${numberText(Math.ceil(sizeBytes / 1024))} KB`,
    shortcode: shortcodeName,
    word: wordOf(statement, now),
    period: periodText(periodFrom, periodTo),
    account: preamble.account,
    opening: preamble.openingCents === null ? null : moneyText(preamble.openingCents),
    closing: preamble.closingCents === null ? null : moneyText(preamble.closingCents),
    rows,
    lines,
    known,
    fresh: Math.max(0, lines - known),
    kinds: kindOrder.flatMap((kind) => {
      const total = kinds.find((one) => one.kind === kind);
      return total === undefined ? [] : [{ words: kindWords[kind], count: total.count, sum: moneyText(total.cents) }];
    }),
    skipped: { count: skipped.count, listed: skipped.listed.slice(0, mostShown), more: more(skipped) },
    errors: { count: errors.count, listed: errors.listed.slice(0, mostShown), more: more(errors) },
    balance: {
      isMixed: balance.order === 'mixed',
      isChecked: balance.checked > 0,
      checked: balance.checked,
      count: balance.breaks.count,
      listed: balance.breaks.listed
        .slice(0, mostShown)
        .map((one) => ({ at: one.at, line: one.line, words: breakWords(one) })),
      more: more(balance.breaks),
    },
    coverage,
    createdAt: statement.createdAt,
    importedAt: statement.importedAt,
  };
}

function more({ count, listed }: { count: number; listed: readonly unknown[] }): number {
  return Math.max(0, count - Math.min(listed.length, mostShown));
}

/** How far an import is, and whether the page is worth loading again. */
export function showProgress(statement: Statement) {
  const { status, rows, rowsDone, leaseUntil } = statement;
  const isAdding = status === 'importing';
  return {
    isUnderWay: isAdding || (status === 'imported' && leaseUntil !== null),
    isAdding,
    rows,
    rowsDone: Math.min(rowsDone, rows),
    percent: rows === 0 ? 100 : Math.floor((Math.min(rowsDone, rows) / rows) * 100),
  };
}

export function showResult({ linesNew, linesKnown }: Statement, fates: LineFates) {
  return { linesNew, linesKnown, ...fates };
}
