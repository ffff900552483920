// Reads the rows of Pull Transactions into lines (daraja.md section 6.4). In which zone their times are is disputed: one
// side writes Nairobi's clock with a `Z` behind it. Receipts whose time is known from elsewhere decide for a page as a
// whole, then the stretch that was asked for, since read wrongly its rows would lie three hours outside. Matching goes by
// the receipt, never by this time alone.

import { byPlainName, readCompactTime, readReceipt, readSignedCents, readText, wallClock } from './line-values.ts';
import type { PullWindow } from './pull-transactions.ts';
import type { SourceLine } from './source-line.ts';

export interface PulledRows {
  lines: SourceLine[];
  /** Rows without a receipt or an amount that can be read. */
  unreadable: number;
}

/** The receipts that rows name, to be looked up. */
export function receiptsOf(rows: readonly Record<string, unknown>[]): string[] {
  return [...new Set(rows.map((row) => receiptOf(byPlainName(row))).filter((receipt) => receipt !== null))];
}

/**
 * @param now for a row without a time it is the window's end, at the latest now
 * @param known when receipts were paid, about, as far as that is known from elsewhere
 */
export function readPullRows(
  rows: readonly Record<string, unknown>[],
  window: PullWindow,
  now: number,
  known: ReadonlyMap<string, number> = new Map(),
): PulledRows {
  const read = rows.map((row) => {
    const fields = byPlainName(row);
    const times = readTimes(firstOf(fields, ['trxdate', 'transactiondate', 'transtime']));
    return { row, fields, receipt: receiptOf(fields), times };
  });
  const zone =
    zoneOfKnown(read, known) ??
    zoneOf(
      read.map(({ times }) => times),
      window,
    );
  const lines: SourceLine[] = [];
  for (const { row, fields, receipt, times } of read) {
    const amountCents = readSignedCents(firstOf(fields, ['amount', 'transamount']));
    if (receipt === null || amountCents === null || amountCents === 0) continue;
    const details = readText(fields.get('transactiontype'));
    const isReversal = /revers/i.test(details ?? '');
    lines.push({
      source: 'pull',
      kind: isReversal ? 'reversal' : amountCents > 0 ? 'payment' : 'other',
      receipt,
      linkedReceipt: null,
      amountCents: isReversal ? -Math.abs(amountCents) : amountCents,
      balanceCents: null,
      account: readText(firstOf(fields, ['billreference', 'billrefnumber', 'accountreference'])),
      phone: readText(firstOf(fields, ['msisdn', 'phonenumber']), 100),
      payerName: readSender(fields.get('sender')),
      details,
      completedAt: times?.[zone] ?? Math.min(window.toAt, now),
      raw: JSON.stringify(row),
    });
  }
  return { lines, unreadable: rows.length - lines.length };
}

function receiptOf(fields: Map<string, unknown>): string | null {
  return readReceipt(firstOf(fields, ['transactionid', 'transid', 'receipt', 'receiptno']));
}

function firstOf(fields: Map<string, unknown>, names: readonly string[]): unknown {
  return names.map((name) => fields.get(name)).find((value) => readText(value) !== null);
}

/** `MPESA` stands there where the name is kept back. */
function readSender(value: unknown): string | null {
  const text = readText(value);
  return text === null || /^m-?pesa$/i.test(text) ? null : text;
}

/** The same text by two clocks; the same moment where it has an offset of its own or is a number of M-PESA's. */
interface Times {
  asWritten: number;
  nairobi: number;
}

function readTimes(value: unknown): Times | null {
  const text = readText(value) ?? '';
  const compact = readCompactTime(text);
  if (compact !== null) return { asWritten: compact, nairobi: compact };
  const parts = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(text);
  const clock = parts === null ? null : wallClock(`${parts[1]}T${parts[2]}`);
  if (parts === null || clock === null) return null;
  const offset = parts[3]?.toUpperCase() ?? '';
  if (offset === '') return { asWritten: clock, nairobi: clock };
  const iso = `${parts[1]}T${parts[2]}${offset === 'Z' ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(-2)}`}`;
  const asWritten = Date.parse(iso);
  if (Number.isNaN(asWritten)) return null;
  return { asWritten, nairobi: offset === 'Z' || /^[+-]00/.test(offset) ? clock : asWritten };
}

/** Half of what lies between the two clocks. */
const nearMs = 90 * 60_000;

/** The clock by which more of the rows lie near the time they are known to have; null where that says nothing. */
function zoneOfKnown(
  rows: readonly { receipt: string | null; times: Times | null }[],
  known: ReadonlyMap<string, number>,
): keyof Times | null {
  let more = 0;
  for (const { receipt, times } of rows) {
    const at = receipt === null ? undefined : known.get(receipt);
    if (at === undefined || times === null) continue;
    const isNear = (zone: keyof Times): boolean => Math.abs(times[zone] - at) < nearMs;
    more += Number(isNear('nairobi')) - Number(isNear('asWritten'));
  }
  return more === 0 ? null : more > 0 ? 'nairobi' : 'asWritten';
}

const slackMs = 5 * 60_000;

/** The clock by which more of the rows lie in the window; as written where both do as well. */
function zoneOf(times: readonly (Times | null)[], { fromAt, toAt }: PullWindow): keyof Times {
  const inside = (at: number): boolean => at >= fromAt - slackMs && at <= toAt + slackMs;
  const count = (zone: keyof Times): number => times.filter((time) => time !== null && inside(time[zone])).length;
  return count('nairobi') > count('asWritten') ? 'nairobi' : 'asWritten';
}
