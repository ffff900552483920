// Finds what a statement is told in: the row of column names, wherever it stands, and the preamble above it (daraja.md
// section 7). Columns are known by their names, so that any number of them in any order will do.

import { type Cell, parseDayOrTime, parseMoney, textOf } from './parse-cells.ts';
import { badFile, type Preamble, type StatementFormat } from './statement.ts';

const names = {
  receipt: /^receipt(no|number)?$/,
  completedAt: /^completiontime$/,
  details: /^details$/,
  status: /^(transaction)?status$/,
  paidIn: /^paidin$/,
  withdrawn: /^withdrawn$/,
  balance: /^balance$/,
  reasonType: /^reasontype$/,
  otherParty: /^otherpartyinfo$/,
  linkedReceipt: /^linkedtransactionid$/,
  account: /^(ac|account)(no|number)$/,
  currency: /^currency$/,
} as const;

export type Column = keyof typeof names;
export type Columns = ReadonlyMap<Column, number>;

const needed = {
  receipt: 'Receipt No.',
  completedAt: 'Completion Time',
  details: 'Details',
  status: 'Transaction Status',
  paidIn: 'Paid In',
  withdrawn: 'Withdrawn',
  balance: 'Balance',
} as const;

/** `Paid In (KSHs)` as `paidin`, `A/C No.` as `acno`. */
export function plainName(cell: Cell | undefined): string {
  const text = textOf(cell).replace(/\([^)]*\)/g, '');
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Whether a row names the columns: no other row has both these names. */
export function isHeader(cells: readonly Cell[]): boolean {
  const plain = cells.map(plainName);
  return plain.some((name) => names.receipt.test(name)) && plain.some((name) => names.completedAt.test(name));
}

/** Where each column is; the first of a name counts. @throws AppError for a header that lacks what is needed */
export function readColumns(cells: readonly Cell[]): Columns {
  const columns = new Map<Column, number>();
  cells.map(plainName).forEach((name, index) => {
    for (const [column, form] of Object.entries(names) as [Column, RegExp][])
      if (form.test(name) && !columns.has(column)) columns.set(column, index);
  });
  const missing = Object.entries(needed).filter(([column]) => !columns.has(column as Column));
  if (missing.length === 0) return columns;
  const list = missing.map(([, name]) => name).join(', ');
  throw badFile(
    `The statement lacks the column${missing.length === 1 ? '' : 's'} ${list}. Export it with all columns.`,
  );
}

/** The newer export has seven columns and tells who paid in Details only. */
export function formatOf(columns: Columns): StatementFormat {
  return columns.has('reasonType') || columns.has('otherParty') ? 'classic' : 'newer';
}

/** Labels with what stands behind them: in the same cell after a colon, or in the next one that is not empty. */
export function readPreamble(rows: readonly (readonly Cell[])[]): Preamble {
  const labels = new Map<string, Cell>();
  for (const cells of rows)
    cells.forEach((cell, index) => {
      const [before, ...after] = textOf(cell).split(':');
      const label = plainName(before ?? '');
      const inside = after.join(':').trim();
      const value = inside === '' ? cells.slice(index + 1).find((next) => textOf(next) !== '') : inside;
      if (label !== '' && value !== undefined && !labels.has(label)) labels.set(label, value);
    });
  const period = readPeriod(rows);
  const shortcode = textOf(labels.get('shortcode')).replace(/\s/g, '');
  return {
    shortcode: /^\d{4,10}$/.test(shortcode) ? shortcode : null,
    account: textOf(labels.get('account')) || null,
    from: period?.from ?? null,
    to: period?.to ?? null,
    reportAt: parseDayOrTime(labels.get('dateofreport')) ?? null,
    openingCents: parseMoney(labels.get('openingbalance')) ?? null,
    closingCents: parseMoney(labels.get('closingbalance')) ?? null,
  };
}

/** `Time Period: | From | … | To | …`, or both in one cell. */
function readPeriod(rows: readonly (readonly Cell[])[]): { from: number; to: number } | null {
  const row = rows.find((cells) => /period/.test(plainName(cells.find((cell) => textOf(cell) !== ''))));
  if (row === undefined) return null;
  const words = row.map(textOf).join(' ').replace(/\s+/g, ' ');
  const times = [...words.matchAll(/\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?/g)];
  const [from, to] = times.map(([text]) => parseDayOrTime(text));
  if (typeof from !== 'number' || typeof to !== 'number' || to < from) return null;
  const isDayOnly = !times[1]![0].includes(':');
  return { from, to: isDayOnly ? to + 86_400_000 - 1000 : to };
}

export interface NamedByFile {
  shortcode: string;
  from: number | null;
  to: number | null;
}

const newerName = /^statements? for (\d{4,10}) from (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d)/i;
const classicName = /^ORG_(\d{4,10})_/i;

/** What the portal says in the name it gives a file; null for a name of somebody's own. */
export function readFileName(fileName: string): NamedByFile | null {
  const name = fileName.replace(/^.*[\\/]/, '').trim();
  const newer = newerName.exec(name.replace(/[_+]/g, ' '));
  if (newer !== null) {
    const [from, to] = [parseDayOrTime(newer[2]!), parseDayOrTime(newer[3]!)];
    const isPeriod = typeof from === 'number' && typeof to === 'number' && from <= to;
    return { shortcode: newer[1]!, from: isPeriod ? from : null, to: isPeriod ? to + 86_400_000 - 1000 : null };
  }
  const classic = classicName.exec(name);
  return classic === null ? null : { shortcode: classic[1]!, from: null, to: null };
}
