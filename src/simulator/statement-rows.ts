// An account statement as the organisation portal exports it, in both formats of daraja.md section 7: the classic one
// with a preamble and 14 columns, the newer one with seven. Newest first, with all that trips a reader up: charges under
// the receipt of their payment, the space before A/C No., masked payers, sweeps in pairs. Pure: cells out, no files.

import type { Entry, StatementPart } from './account-book.ts';
import { darajaTimestamp, nairobiDate, statementTime } from './nairobi-time.ts';
import { maskedParty } from './payer.ts';
import type { Settings } from './settings.ts';

export const statementFormats = ['classic', 'newer'] as const;
export type StatementFormat = (typeof statementFormats)[number];

/** Money is a number where the file may hold one; everything else is text. */
export type Cell = string | number;

export interface StatementInput {
  shortcode: string;
  /** Of the organisation. */
  name: string;
  /** Without `to` itself. */
  from: number;
  to: number;
  /** When the report is made. */
  now: number;
  part: StatementPart;
  /** 13 leaves out Currency, as older classic files do. */
  columns: 13 | 14;
  phoneForm: Settings['statementPhone'];
}

type Row = StatementPart['rows'][number];

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
const money = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2 });
const newerHead = [
  'Receipt No',
  'Completion Time',
  'Details',
  'Transaction Status',
  'Paid In (KSHs)',
  'Withdrawn (KSHs)',
  'Balance (KSHs)',
];

/** Rows from the first line of the file to its last. The totals also count rows that a fault hides from the file. */
export function classicRows(input: StatementInput): Cell[][] {
  const { shortcode, name, from, to, now, part, columns } = input;
  const period = [statementTime(from, '-'), statementTime(to - 1_000, '-')];
  const totals = [
    ...['Opening Balance:', part.opening, 'Closing Balance:', part.closing, 'Available Balance:', ''],
    ...['Total Paid In:', sumOf(part, 1), 'Total Withdrawn:', sumOf(part, -1)],
  ];
  const maker = ['Operator:', 'WEBUSER', 'Organization:', name, 'Date of Report:', statementTime(now, '-')];
  return [
    ['Account Holder:', name],
    ['Short Code:', shortcode],
    ['Account:', 'Utility Account'],
    ['Time Period:', 'From', period[0]!, 'To', period[1]!],
    maker,
    totals,
    classicHead.slice(0, columns),
    ...shownRows(part).map((row) => classicRow(row, input).slice(0, columns)),
  ];
}

export function newerRows(input: StatementInput): string[][] {
  return [newerHead, ...shownRows(input.part).map((row) => newerRow(row, input))];
}

/** As the portal names the file, without its ending. */
export function statementName(format: StatementFormat, input: StatementInput): string {
  const { shortcode, from, to, now } = input;
  return format === 'classic'
    ? `ORG_${shortcode}_UtilityAccount_All_${darajaTimestamp(now)}`
    : `Statements for ${shortcode} from ${nairobiDate(from)} to ${nairobiDate(to - 1)}`;
}

function classicRow({ entry, balance }: Row, { phoneForm }: StatementInput): Cell[] {
  const party = partyOf(entry, phoneForm);
  return [
    entry.receipt,
    statementTime(entry.at, '-'),
    statementTime(entry.initiatedAt, '-'),
    detailsOf(entry, party),
    'Completed',
    entry.amount > 0 ? entry.amount : '',
    entry.amount < 0 ? entry.amount : '',
    balance,
    'true',
    entry.reason,
    entry.kind === 'charge' ? 'SP' : party,
    entry.linkedReceipt,
    entry.account === '' ? '' : ` ${entry.account}`,
    'KES',
  ];
}

function newerRow({ entry, balance }: Row, { phoneForm }: StatementInput): string[] {
  return [
    entry.receipt,
    statementTime(entry.at, '/'),
    detailsOf(entry, partyOf(entry, phoneForm)),
    'Completed',
    shillings(Math.max(0, entry.amount)),
    shillings(Math.min(0, entry.amount)),
    shillings(balance),
  ];
}

/** The words beside a row. The newer format has payer, account and linked receipt nowhere else. */
function detailsOf(entry: Entry, party: string): string {
  const { kind, reason, account, linkedReceipt } = entry;
  if (kind === 'reversal') return `${reason} to ${party} Acc. ${account} Original Transaction ID ${linkedReceipt}`;
  if (kind !== 'payment') return reason;
  if (reason === 'Customer Buy Goods Online') return `${reason} from ${party}`;
  // `Pay Utility` and its kin read `Pay Bill` here.
  const words = reason.startsWith('Pay Bill Online') ? 'Pay Bill Online' : 'Pay Bill';
  return `${words} from ${party} Acc. ${account}`;
}

function partyOf({ phone }: Entry, form: Settings['statementPhone']): string {
  return phone === null ? '' : maskedParty(phone, form);
}

function shownRows({ rows }: StatementPart): Row[] {
  return rows.filter(({ entry }) => !entry.hiddenFrom.includes('statement')).reverse();
}

function sumOf({ rows }: StatementPart, sign: 1 | -1): number {
  return rows.reduce((sum, { entry }) => (Math.sign(entry.amount) === sign ? sum + entry.amount : sum), 0);
}

/** `1,100.00`, and zero is `0.00`, never negative. */
function shillings(amount: number): string {
  return money.format(amount || 0);
}
