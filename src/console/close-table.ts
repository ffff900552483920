// A close as people read it: the same rows for the page, its print, and the file, taken from the close's own body and from
// nothing else. Money in cents, so that the file has exact numbers and the page its own form of them.

import type { LineKind } from '../mpesa/source-line.ts';
import { type Status, statuses } from '../payments/payment.ts';
import type { CloseBody, CloseDraft, DailyClose, Movements } from '../reconciliation/close.ts';
import type { DiscrepancyType } from '../reconciliation/discrepancy.ts';
import type { LineStatus } from '../reconciliation/line.ts';
import { csvLine, nairobiTime } from './payments-csv.ts';
import { lineStatusWords, typeWords } from './reconciliation-words.ts';
import { statusWords } from './status-words.ts';

export interface CloseRow {
  item: string;
  count: number | null;
  cents: number | null;
  note: string | null;
  isTotal: boolean;
}

export interface CloseSection {
  id: string;
  title: string;
  rows: CloseRow[];
}

const kindWords: Readonly<Record<LineKind, string>> = {
  payment: 'Money in',
  reversal: 'Reversed',
  charge: 'Charges',
  withdrawal: 'Withdrawn',
  float: 'Moved between own accounts',
  other: 'Other',
};

const sourceWords = { c2b: 'Confirmations', pull: 'Pull', statement: 'Statement' } as const;

const row = (item: string, values: Partial<CloseRow> = {}): CloseRow => ({
  item,
  count: null,
  cents: null,
  note: null,
  isTotal: false,
  ...values,
});

/** What the books of a day say, closed or not yet. */
export function closeSections(draft: CloseDraft): CloseSection[] {
  const { movements, priorPeriod } = draft;
  const sections = [
    { id: 'variance', title: 'Does it add up', rows: varianceRows(draft) },
    { id: 'moved', title: 'What M-PESA says moved', rows: movementRows(movements) },
    { id: 'balance', title: 'The account, by the statement', rows: balanceRows(draft) },
    { id: 'payments', title: 'Payments made this day', rows: paymentRows(draft) },
    { id: 'matching', title: 'Receipts and payments', rows: matchingRows(draft) },
    { id: 'differences', title: 'Open discrepancies', rows: discrepancyRows(draft) },
    { id: 'sources', title: 'Heard from', rows: sourceRows(draft) },
  ];
  if (priorPeriod.count > 0 || draft.toldAgain > 0)
    sections.push({ id: 'prior', title: 'Of earlier days, heard since they were closed', rows: priorRows(draft) });
  return sections;
}

const kinds = Object.keys(kindWords) as LineKind[];

const movementRows = (movements: Movements): CloseRow[] => kinds.map((kind) => row(kindWords[kind], movements[kind]));

function balanceRows({ balance, variance }: CloseDraft): CloseRow[] {
  if (balance === null) return [row('No statement tells a balance', { note: 'not known' })];
  const { opening, openingFrom, closing, movementsCents, breaks } = balance;
  const from = openingFrom === 'close' ? 'where the day before ended' : 'by the first row of the statement';
  return [
    row('Opening balance', { cents: opening.cents, note: from }),
    row('All rows since', { cents: movementsCents }),
    row('Closing balance, worked out', { cents: opening.cents + movementsCents, isTotal: true }),
    row('Closing balance, by M-PESA', { cents: closing.cents, note: `at ${nairobiTime(closing.at)}` }),
    row('Difference', { cents: variance.balanceCents }),
    row('Places where a row does not follow the one before', { count: breaks }),
  ];
}

function paymentRows({ payments }: CloseDraft): CloseRow[] {
  const rows = statuses.map((status: Status) =>
    row(statusWords[status].word, { count: payments[status].count, cents: payments[status].kes * 100 }),
  );
  return rows.filter(({ count }, index) => index === statuses.indexOf('succeeded') || count !== 0);
}

function matchingRows({ matching }: CloseDraft): CloseRow[] {
  const { receipts, matched, rateBasisPoints, byStatus } = matching;
  const rate = rateBasisPoints === null ? null : `${(rateBasisPoints / 100).toFixed(2)} %`;
  const statusRows = Object.entries(byStatus).map(([status, count]) =>
    row(lineStatusWords[status as LineStatus].word, { count }),
  );
  return [
    row('Receipts that need a payment', { count: receipts }),
    row('With their payment', { count: matched, note: rate, isTotal: true }),
    ...statusRows,
  ];
}

function varianceRows({ variance, criticalOpen }: CloseDraft): CloseRow[] {
  const { balanceCents, unexplainedCents, unprovenCents, writtenOffCents, returnedCents, totalCents } = variance;
  return [
    row('Account: closing balance against opening balance and rows', {
      cents: balanceCents,
      note: balanceCents === null ? 'not known: no statement' : null,
    }),
    row('Money in that no payment accounts for', { cents: unexplainedCents }),
    row('Payments that M-PESA has no money for', { cents: unprovenCents }),
    row('Variance', { cents: totalCents, note: 'the three without their signs', isTotal: true }),
    row('Critical discrepancies open', { count: criticalOpen }),
    ...(writtenOffCents === 0 ? [] : [row('Written off by an operator', { cents: writtenOffCents })]),
    ...(returnedCents === 0 ? [] : [row('Taken back, without a payment', { cents: returnedCents })]),
  ];
}

function discrepancyRows({ discrepancies }: CloseDraft): CloseRow[] {
  const rows = Object.entries(discrepancies).map(([type, { severity, count, atRiskCents }]) =>
    row(typeWords[type as DiscrepancyType].name, { count, cents: atRiskCents, note: severity }),
  );
  return rows.length === 0 ? [row('None', { count: 0 })] : rows;
}

function sourceRows({ sources }: CloseDraft): CloseRow[] {
  return (['c2b', 'pull', 'statement'] as const).map((source) =>
    row(sourceWords[source], {
      count: sources[source].lines,
      note: sources[source].coversDay ? 'told the whole day' : null,
    }),
  );
}

function priorRows({ priorPeriod, toldAgain }: CloseDraft): CloseRow[] {
  const sums = kinds.filter((kind) => priorPeriod.movements[kind].count > 0);
  const { lines, count } = priorPeriod;
  return [
    ...sums.map((kind) => row(kindWords[kind], { ...priorPeriod.movements[kind], isTotal: true })),
    ...lines.map(({ day, receipt, cents, kind }) => row(`${receipt}, ${day}`, { cents, note: kindWords[kind] })),
    ...(count > lines.length ? [row('And more', { count: count - lines.length })] : []),
    ...(toldAgain === 0 ? [] : [row('Told again by another source', { count: toldAgain, note: 'not counted again' })]),
  ];
}

/** Who closed it, and what makes it certain. */
export function sealRows({ hash, previousHash, closedName }: DailyClose, body: CloseBody): CloseRow[] {
  const { closedAt, approvedBy, closedBy, reason, previousDay } = body;
  return [
    row('Closed by', { note: closedName }),
    row('Closed at (Nairobi)', { note: nairobiTime(closedAt) }),
    ...(approvedBy === null
      ? []
      : [
          row('Agreed to by', { note: approvedBy === closedBy ? 'nobody else (one-person installation)' : approvedBy }),
        ]),
    ...(reason === null ? [] : [row('Reason', { note: reason })]),
    row('Hash (SHA-256)', { note: hash }),
    row(previousDay === null ? 'Before it' : `Hash of ${previousDay}`, { note: previousHash }),
  ];
}

/** A close as a file: RFC 4180 with a byte order mark, no cell that a spreadsheet would run. */
export function writeCloseCsv(close: DailyClose, body: CloseBody, shortcodeName: string): string {
  const about = [
    row('Shortcode', { note: shortcodeName }),
    row('Day (Nairobi)', { note: body.day }),
    row('Clean', { note: body.isClean ? 'yes' : 'no' }),
  ];
  const sections = [{ title: 'Close', rows: [...about, ...sealRows(close, body)] }, ...closeSections(body)];
  const lines = sections.flatMap(({ title, rows }) =>
    rows.map(({ item, count, cents, note }) =>
      csvLine([title, item, count, cents === null ? null : cents / 100, note]),
    ),
  );
  return `\ufeff${csvLine(['Section', 'Item', 'Lines', 'KES', 'Note'])}${lines.join('')}`;
}
