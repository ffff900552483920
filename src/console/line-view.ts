// Lines of M-PESA's record as pages and files show them: what came, what matching made of it and why; the payer's number
// masked, never his name in full.

import { maskPhone, redactText } from '../platform/redaction.ts';
import type { Line } from '../reconciliation/line.ts';
import { centsText } from './close-view.ts';
import { type ShownExchange, showExchange } from './payment-exchange.ts';
import { csvLine, nairobiTime } from './payments-csv.ts';
import { kindWords, lineStatusWords, ruleWords, sourceWords } from './reconciliation-words.ts';
import type { Word } from './status-words.ts';

export const linesPath = '/console/reconciliation/lines';

export interface ShownLine {
  id: string;
  href: string;
  at: number;
  receipt: string;
  source: string;
  kind: string;
  amount: string;
  account: string | null;
  phone: string | null;
  shortcode: string;
  status: Word;
  paymentId: string | null;
  paymentHref: string | null;
}

export function showLine(line: Line, query: string, shortcodeNames: ReadonlyMap<string, string>): ShownLine {
  const { id, completedAt, receipt, source, kind, amountCents, shortcode, shortcodeId, status, paymentId } = line;
  const { word, icon, tone } = lineStatusWords[status];
  return {
    id,
    href: `${linesPath}/${id}${query}`,
    at: completedAt,
    receipt,
    source: sourceWords[source],
    kind: kindWords[kind],
    amount: centsText(amountCents),
    account: accountOf(line),
    phone: payerPhone(line),
    shortcode: shortcodeNames.get(shortcodeId) ?? shortcode,
    status: { word, icon, tone },
    paymentId,
    paymentHref: paymentId === null ? null : `/console/payments/${paymentId}${query}`,
  };
}

/** Payers write their own number as the account. */
const accountOf = ({ account }: Line): string | null => (account === null ? null : redactText(account));

/** As far as M-PESA shows it, and no further than pages show phones. */
export function payerPhone({ phone }: Pick<Line, 'phone'>): string | null {
  if (phone === null || phone === '') return null;
  if (/^[0-9a-f]{64}$/i.test(phone)) return `hashed (${phone.slice(0, 6)}…)`;
  return /^\d{9,12}$/.test(phone) ? maskPhone(phone.replace(/^0?(?=[17]\d{8}$)/, '254')) : redactText(phone);
}

/** `Jane W.`: enough to ask a customer, who knows the rest. */
function payerName({ payerName: name }: Line): string | null {
  const [first, ...others] = (name ?? '').trim().split(/\s+/);
  if (first === undefined || first === '') return null;
  const last = others.at(-1);
  return last === undefined ? first : `${first} ${last.slice(0, 1)}.`;
}

/** One line with all that may be said of it. */
export function showFullLine(line: Line, query: string, shortcodeNames: ReadonlyMap<string, string>) {
  const { linkedReceipt, balanceCents, details, createdAt, matchedAt, dueAt, rule, status, statementId, source, raw } =
    line;
  const exchange: ShownExchange | null = showExchange({
    source,
    at: createdAt,
    httpStatus: null,
    durationMs: null,
    sourceIp: null,
    raw,
  });
  return {
    ...showLine(line, query, shortcodeNames),
    name: payerName(line),
    linkedReceipt,
    balance: balanceCents === null ? null : centsText(balanceCents),
    details: details === null ? null : redactText(details),
    heardAt: createdAt,
    matchedAt,
    lookedAtAgain: dueAt,
    meaning: lineStatusWords[status].meaning,
    why: rule === null ? null : ruleWords[rule],
    rule,
    importHref: statementId === null ? null : `/console/reconciliation/imports/${statementId}${query}`,
    exchange,
  };
}

const columns = [
  'Line',
  'Shortcode',
  'Source',
  'Completed (Nairobi)',
  'Receipt',
  'Linked receipt',
  'Kind',
  'Amount, KES',
  'Balance, KES',
  'Account',
  'Payer',
  'Status',
  'Rule',
  'Payment',
];

/** The file of a list in pieces of one batch each; no cell that a spreadsheet would run. */
export async function* writeLinesCsv(
  batches: AsyncIterable<readonly Line[]>,
  shortcodeNames: ReadonlyMap<string, string>,
): AsyncGenerator<string> {
  yield `\ufeff${csvLine(columns)}`;
  for await (const lines of batches) yield lines.map((line) => csvRow(line, shortcodeNames)).join('');
}

function csvRow(line: Line, shortcodeNames: ReadonlyMap<string, string>): string {
  const { id, shortcode, shortcodeId, source, completedAt, receipt, linkedReceipt, kind, amountCents, rule } = line;
  const { balanceCents, status, paymentId } = line;
  return csvLine([
    id,
    shortcodeNames.get(shortcodeId) ?? shortcode,
    sourceWords[source],
    nairobiTime(completedAt),
    receipt,
    linkedReceipt,
    kindWords[kind],
    amountCents / 100,
    balanceCents === null ? null : balanceCents / 100,
    accountOf(line),
    payerPhone(line),
    lineStatusWords[status].word,
    rule,
    paymentId,
  ]);
}
