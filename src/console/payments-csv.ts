// The list of payments as a file: exactly the filter, newest first, one batch in memory at a time however many there
// are. RFC 4180 (quotes doubled, CRLF), in UTF-8 with a byte order mark, because it is opened in Excel, which without
// one reads any other letter wrong; programs have the API. A text that a spreadsheet would run as a formula gets an
// apostrophe before it. Phones are masked as on the page.

import type { Payment } from '../payments/payment.ts';
import { maskPhone } from '../platform/redaction.ts';
import { plain, shortStory } from './payment-words.ts';
import { confirmedByWords, flagWords, statusWords } from './status-words.ts';

export interface CsvNames {
  tenant(tenantId: string): string;
  /** `Paybill 654321` */
  shortcode(payment: Payment): string;
}

type Cell = string | number | null;

const columns: readonly [head: string, cell: (payment: Payment, names: CsvNames, now: number) => Cell][] = [
  ['Payment', ({ id }) => id],
  ['Tenant', ({ tenantId }, names) => names.tenant(tenantId)],
  ['Mode', ({ mode }) => mode],
  ['Created (Nairobi)', ({ createdAt }) => nairobiTime(createdAt)],
  ['Status', ({ status }) => statusWords[status].word],
  ['Flags', ({ flags }) => flags.map((flag) => flagWords[flag]).join(', ')],
  ['What happened', (payment, _names, now) => plain(shortStory(payment, now), now).replaceAll('\u00a0', ' ')],
  ['Amount, KES', ({ amountKes }) => amountKes],
  ['Received, KES', ({ amountReceivedKes }) => amountReceivedKes],
  ['Phone', ({ phone }) => maskPhone(phone)],
  ['Reference', ({ reference }) => reference],
  ['Description', ({ description }) => description],
  ['Receipt', ({ mpesaReceipt }) => mpesaReceipt],
  ['Shortcode', (payment, names) => names.shortcode(payment)],
  ['Confirmed by', ({ confirmedBy }) => (confirmedBy === null ? null : confirmedByWords[confirmedBy])],
  ['Failure code', ({ failureCode }) => failureCode],
  ['M-PESA’s code', ({ providerCode }) => providerCode],
  ['Sent (Nairobi)', ({ submittedAt }) => nairobiTime(submittedAt)],
  ['Ended (Nairobi)', ({ completedAt }) => nairobiTime(completedAt)],
  ['Retry of', ({ retryOf }) => retryOf],
];

/** The file in pieces of one batch each. */
export async function* writePaymentsCsv(
  batches: AsyncIterable<readonly Payment[]>,
  names: CsvNames,
  now: number,
): AsyncGenerator<string> {
  yield `\ufeff${csvLine(columns.map(([head]) => head))}`;
  for await (const payments of batches)
    yield payments.map((payment) => csvLine(columns.map(([, cell]) => cell(payment, names, now)))).join('');
}

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** What makes a spreadsheet take a text for a formula or a command; the wide forms are what some take for the same. */
const formulaStart = /^[=+\-@\t\r\n＝＋－＠]/;

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = formulaStart.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const nairobiOffsetMs = 3 * 3_600_000;

/** `2026-10-06 14:15:30`, which spreadsheets take for a time. */
export function nairobiTime(at: number | null): string | null {
  return at === null ? null : new Date(at + nairobiOffsetMs).toISOString().slice(0, 19).replace('T', ' ');
}
