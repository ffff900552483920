// Statements as the organisation portal exports them (daraja.md section 7), made from a ledger that a test invents: both
// formats, three types of file, with every trap that real ones hold. Written apart from the simulator's own, so that the
// importer is held against two readings of the same description. All people and numbers are invented.

import { utils, write } from '@e965/xlsx';

const nairobiOffsetMs = 3 * 3_600_000;

export type MoveKind = 'payment' | 'charge' | 'withdrawal' | 'sweepOut' | 'sweepIn' | 'reversal';

/** What moved on the account; `amountCents` with its sign. */
export interface Move {
  kind: MoveKind;
  receipt: string;
  at: number;
  amountCents: number;
  account?: string;
  /** As the portal shows it: `25471****678 - JANE **** DOE`. */
  party?: string;
  linkedReceipt?: string;
  /** `Completed` where it is not said. */
  status?: string;
}

export interface LedgerRow extends Move {
  balanceCents: number;
}

/** Moves in order of time, each with the balance after it; what is not completed moves nothing. */
export function ledgerOf(moves: readonly Move[], openingCents = 0): LedgerRow[] {
  let balanceCents = openingCents;
  return moves.map((move) => {
    if ((move.status ?? 'Completed') === 'Completed') balanceCents += move.amountCents;
    return { ...move, balanceCents };
  });
}

type Cell = string | number;

const two = (value: number): string => String(value).padStart(2, '0');

/** `06-10-2026 14:15:52` of Nairobi, with another mark between the parts of the day. */
export function portalTime(at: number, mark: '-' | '/' = '-'): string {
  const local = new Date(at + nairobiOffsetMs);
  const day = [two(local.getUTCDate()), two(local.getUTCMonth() + 1), local.getUTCFullYear()].join(mark);
  return `${day} ${local.toISOString().slice(11, 19)}`;
}

/** When a time of Nairobi's clocks was: `2026-10-06 14:15:52`. */
export const nairobi = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`) - nairobiOffsetMs;

const typeWords: Readonly<Record<MoveKind, string>> = {
  payment: 'Pay Bill Online',
  charge: 'Pay Bill Charge',
  withdrawal: 'Agency Withdrawal of funds to Bank',
  sweepOut: 'Utility Account to Organization Settlement Account',
  sweepIn: 'Utility Account to Organization Settlement Account',
  reversal: 'Pay Bill Reversal',
};

function detailsOf({ kind, party, account, linkedReceipt }: Move): string {
  if (kind === 'payment') return `${typeWords[kind]} from ${party} Acc. ${account ?? ''}`.trimEnd();
  if (kind === 'reversal')
    return `${typeWords[kind]} to ${party} Acc. ${account ?? ''} Original Transaction ID ${linkedReceipt}`;
  return typeWords[kind];
}

export interface ClassicOptions {
  shortcode?: string;
  account?: string;
  from?: number;
  to?: number;
  reportAt?: number;
  openingCents?: number;
  closingCents?: number;
  /** 13 leaves out Currency, as older files do. */
  columns?: 13 | 14;
  hasPreamble?: boolean;
  /** Money as numbers, as an .xls has it. */
  hasNumbers?: boolean;
  isOldestFirst?: boolean;
  hasTotals?: boolean;
}

const classicHead = [
  'Receipt No.',
  'Completion Time',
  'Initiation Time',
  'Details',
  'Transaction Status',
  'Paid In',
  'Withdrawn',
  'Balance',
  'Balance Confirmed',
  'Reason Type',
  'Other Party Info',
  'Linked Transaction ID',
  'A/C No.',
  'Currency',
];

/** Newest first, unless told otherwise. Balances come with the rows, so a part of a ledger is a part of its statement. */
export function classicRows(rows: readonly LedgerRow[], options: ClassicOptions = {}): Cell[][] {
  const { columns = 14, hasPreamble = true, hasNumbers = false, isOldestFirst = false, hasTotals = false } = options;
  const money = (cents: number): Cell => (hasNumbers ? cents / 100 : (cents / 100).toFixed(2));
  const body = rows.map((row) => [
    row.receipt,
    portalTime(row.at),
    portalTime(row.at - 7000),
    detailsOf(row),
    row.status ?? 'Completed',
    row.amountCents > 0 ? money(row.amountCents) : '',
    row.amountCents < 0 ? money(row.amountCents) : '',
    money(row.balanceCents),
    'true',
    // A charge carries the reason of its payment: nothing may be made of it.
    row.kind === 'charge' || row.kind === 'payment' ? 'Pay Utility with OD Online' : typeWords[row.kind],
    row.kind === 'charge' ? 'SP' : (row.party ?? ''),
    row.linkedReceipt ?? '',
    row.account === undefined || row.kind === 'charge' ? '' : ` ${row.account}`,
    'KES',
  ]);
  const ordered = isOldestFirst ? body : body.reverse();
  const totals = hasTotals ? [['Total', '', '', '', '', money(sumOf(rows, 1)), money(sumOf(rows, -1))]] : [];
  const above = hasPreamble ? preambleOf(rows, options, money) : [];
  return [...above, ...[classicHead, ...ordered].map((row) => row.slice(0, columns)), ...totals];
}

const sumOf = (rows: readonly LedgerRow[], sign: 1 | -1): number =>
  rows.reduce((sum, { amountCents }) => (Math.sign(amountCents) === sign ? sum + amountCents : sum), 0);

function preambleOf(rows: readonly LedgerRow[], options: ClassicOptions, money: (cents: number) => Cell): Cell[][] {
  const [first, last] = [rows[0], rows.at(-1)];
  const { shortcode = '600997', account = 'Utility Account' } = options;
  const from = options.from ?? first?.at ?? 0;
  const to = options.to ?? last?.at ?? 0;
  const opening = options.openingCents ?? (first === undefined ? 0 : first.balanceCents - first.amountCents);
  const closing = options.closingCents ?? last?.balanceCents ?? 0;
  return [
    ['Account Holder:', 'Duka la Majaribio'],
    ['Short Code:', shortcode],
    ['Account:', account],
    ['Time Period:', 'From', portalTime(from), 'To', portalTime(to)],
    [
      'Operator:',
      'WEBUSER',
      'Organization:',
      'Duka la Majaribio',
      'Date of Report:',
      portalTime(options.reportAt ?? to),
    ],
    [
      ...['Opening Balance:', money(opening), 'Closing Balance:', money(closing), 'Available Balance:', ''],
      ...['Total Paid In:', money(sumOf(rows, 1)), 'Total Withdrawn:', money(sumOf(rows, -1))],
    ],
  ];
}

const newerHead = [
  'Receipt No',
  'Completion Time',
  'Details',
  'Transaction Status',
  'Paid In (KSHs)',
  'Withdrawn (KSHs)',
  'Balance (KSHs)',
];

const thousands = (cents: number): string =>
  (cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Header first, newest first, all text. */
export function newerRows(rows: readonly LedgerRow[], { isOldestFirst = false }: ClassicOptions = {}): Cell[][] {
  const body = rows.map((row) => [
    row.receipt,
    portalTime(row.at, '/'),
    detailsOf(row),
    row.status ?? 'Completed',
    thousands(Math.max(0, row.amountCents)),
    thousands(Math.min(0, row.amountCents) || 0),
    thousands(row.balanceCents),
  ]);
  return [newerHead, ...(isOldestFirst ? body : body.reverse())];
}

export interface CsvOptions {
  separator?: ',' | ';' | '\t';
  lineEnd?: '\n' | '\r\n' | '\r';
  encoding?: 'utf8' | 'utf8bom' | 'utf16le' | 'cp1252';
}

export function csvFile(rows: readonly Cell[][], options: CsvOptions = {}): Buffer {
  const { separator = ',', lineEnd = '\r\n', encoding = 'utf8' } = options;
  const cell = (value: Cell): string => {
    const text = String(value);
    return text.includes(separator) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const text = rows.map((row) => row.map(cell).join(separator) + lineEnd).join('');
  if (encoding === 'utf16le') return Buffer.from(`\ufeff${text}`, 'utf16le');
  // As far as these tests go, the letters of Windows-1252 are those of Latin 1, and ’ is 0x92.
  if (encoding === 'cp1252') return Buffer.from(text.replaceAll('’', '\u0092'), 'latin1');
  return Buffer.from((encoding === 'utf8bom' ? '\ufeff' : '') + text, 'utf8');
}

/** A spreadsheet, by the library's own writer; the sheet is named as the portal names it. */
export function workbookFile(rows: readonly Cell[][], type: 'xls' | 'xlsx', sheetName = 'transaction'): Buffer {
  const sheet = utils.aoa_to_sheet(rows.map((row) => [...row]));
  const book = utils.book_new(sheet, sheetName);
  const bookType = type === 'xls' ? 'biff8' : 'xlsx';
  return write(book, { type: 'buffer', bookType, compression: true }) as Buffer;
}
