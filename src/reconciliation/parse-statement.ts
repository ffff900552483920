// From the rows of a statement to lines: finds the header, reads the preamble, and takes every row below it for what it
// is: a line, one that is not completed, one that cannot be read, or nothing (a total, a note, an empty row). Nothing is
// kept but what is being looked at, so a file of any length is read in the same memory.

import type { SourceLine } from '../mpesa/source-line.ts';
import { isOfMainAccount } from './parse-balance.ts';
import { type Cell, parseMoney, parseTime, textOf } from './parse-cells.ts';
import { readWords } from './parse-details.ts';
import { type Column, type Columns, formatOf, isHeader, readColumns, readPreamble } from './parse-header.ts';
import { badFile, type FileRow, headerWithin, mostRows, type Preamble, type StatementFormat } from './statement.ts';

export type ParsedRow =
  | { is: 'line'; line: number; value: SourceLine; isMain: boolean }
  | { is: 'skipped'; line: number; receipt: string; status: string }
  | { is: 'problem'; line: number; detail: string };

export interface StatementHead {
  format: StatementFormat;
  preamble: Preamble;
}

export interface StatementParser {
  /** What a row is; null for one that says nothing. @throws AppError for a file that is no statement */
  take(row: FileRow): ParsedRow | null;
  /** What stands above the rows; null before the header was met. */
  head(): StatementHead | null;
  /** @throws AppError when there was no header, or nothing at all */
  finish(): StatementHead;
}

const noHeader = `No row names the columns (Receipt No., Completion Time, …) among the first ${headerWithin}. Export the account statement of the organisation portal and do not change it.`;

export function createStatementParser(): StatementParser {
  const above: (readonly Cell[])[] = [];
  let columns: Columns | null = null;
  let head: StatementHead | null = null;
  let below = 0;

  function lookForHeader(cells: readonly Cell[]): void {
    if (isHeader(cells)) {
      columns = readColumns(cells);
      head = { format: formatOf(columns), preamble: readPreamble(above) };
      return;
    }
    if (!isEmpty(cells)) above.push(cells);
    if (above.length > headerWithin) throw badFile(noHeader);
  }

  return {
    take({ line, cells }) {
      if (columns === null || head === null) {
        lookForHeader(cells);
        return null;
      }
      below += 1;
      if (below > mostRows) throw badFile(`The statement has more than ${mostRows} rows. Export a shorter period.`);
      if (isEmpty(cells) || isHeader(cells)) return null;
      return readRow({ line, cells }, columns, head);
    },
    head: () => head,
    finish() {
      if (head !== null) return head;
      throw badFile(above.length === 0 ? 'The file is empty. Export the statement again.' : noHeader);
    },
  };
}

const isEmpty = (cells: readonly Cell[]): boolean => cells.every((cell) => textOf(cell) === '');

function readRow({ line, cells }: FileRow, columns: Columns, head: StatementHead): ParsedRow | null {
  const cell = (column: Column): Cell | undefined => {
    const index = columns.get(column);
    return index === undefined ? undefined : cells[index];
  };
  const text = (column: Column): string => textOf(cell(column));
  if (isNote(cells)) return null;
  const problem = (detail: string): ParsedRow => ({ is: 'problem', line, detail });
  const receipt = text('receipt').toUpperCase();
  if (receipt === '') return problem('There is no receipt number. Export the statement again and do not change it.');
  if (!/^[A-Z0-9]{4,20}$/.test(receipt)) return problem(`“${shown(text('receipt'))}” is no receipt number.`);
  const status = text('status');
  if (status.toLowerCase() !== 'completed') return { is: 'skipped', line, receipt, status: shown(status) };
  const completedAt = parseTime(cell('completedAt'));
  if (typeof completedAt !== 'number') return problem(badTime(text('completedAt')));
  const money = readMoney(cell('paidIn'), cell('withdrawn'), cell('balance'));
  if ('detail' in money) return problem(money.detail);
  if (money.amountCents === 0) return { is: 'skipped', line, receipt, status: 'No money moved' };
  const details = text('details');
  const words = {
    details,
    reasonType: text('reasonType'),
    otherParty: text('otherParty'),
    account: text('account'),
    linkedReceipt: text('linkedReceipt'),
  };
  const told = readWords(words, money.amountCents);
  const raw = JSON.stringify(cells.map((one) => (typeof one === 'string' ? one.slice(0, 500) : one)));
  const value = {
    source: 'statement',
    receipt,
    ...told,
    ...money,
    details: details || null,
    completedAt,
    raw,
  } as const;
  const isMain = head.preamble.account !== null || isOfMainAccount(value, details);
  return { is: 'line', line, value, isMain };
}

/** Totals, and what stands below the rows for people: a receipt is never there, and never alone. */
function isNote(cells: readonly Cell[]): boolean {
  const [first, ...more] = cells.filter((cell) => textOf(cell) !== '');
  return more.length === 0 || /^((grand |sub-?)?totals?|opening|closing)\b/i.test(textOf(first));
}

interface Money {
  amountCents: number;
  balanceCents: number | null;
}

function readMoney(
  paidIn: Cell | undefined,
  withdrawn: Cell | undefined,
  balance: Cell | undefined,
): Money | { detail: string } {
  const cells = { 'Paid In': paidIn, Withdrawn: withdrawn, Balance: balance };
  for (const [name, cell] of Object.entries(cells))
    if (parseMoney(cell) === undefined)
      return { detail: `“${shown(textOf(cell))}” in ${name} is no amount. It must read like 1,100.00.` };
  const [inCents, outCents] = [parseMoney(paidIn) ?? 0, parseMoney(withdrawn) ?? 0];
  if (inCents !== 0 && outCents !== 0)
    return { detail: 'It has both Paid In and Withdrawn. Export the statement again and do not change it.' };
  // Withdrawn is negative already; a file that writes it without the sign means the same.
  return { amountCents: inCents === 0 ? -Math.abs(outCents) || 0 : inCents, balanceCents: parseMoney(balance) ?? null };
}

function badTime(text: string): string {
  if (text === '') return 'There is no completion time. Export the statement again and do not change it.';
  return `“${shown(text)}” is no time of the portal's forms (06-10-2026 14:15:52). A spreadsheet program may have changed it: export the statement again and import it unopened.`;
}

/** A value in a sentence: short, and without a customer's number. */
function shown(text: string): string {
  return text.replace(/\d(?=\d{4,})/g, '*').slice(0, 40);
}
