// The hands on M-PESA's record: booking payments into the past, planting what can be wrong with it, a customer who pays
// by himself, and statements to download. The same for a test in this process, the control API and the handset page.

import type { Entry, FeedSource } from './account-book.ts';
import { isMoved } from './account-book.ts';
import type { HandPayment } from './answer-c2b.ts';
import { payByHand } from './answer-c2b.ts';
import { bookAsItIs, bookMove, bookPayment, reasons, spoilEntry } from './book-payment.ts';
import { nairobiDate, readNairobiTime } from './nairobi-time.ts';
import type { RecordFault, RecordFaultRule } from './record-faults.ts';
import { announcePayment, planConfirmations } from './send-confirmation.ts';
import type { StatementFile, StatementType } from './statement-files.ts';
import { statementFile } from './statement-files.ts';
import type { StatementFormat } from './statement-rows.ts';
import type { World } from './world.ts';

/** A row to book. Amounts are positive; what leaves the account is known by its kind. */
export interface LedgerRow {
  shortcode: string;
  /** `push` (the default): a paid push. `paybill`, `till`: a customer by himself. The others are no payments. */
  kind?: keyof typeof reasons | 'withdrawal' | 'settlement' | 'sweep' | undefined;
  at: number;
  /** Seven seconds before `at` without it. */
  initiatedAt?: number | undefined;
  amount: number;
  /** For payments. */
  phone?: string | undefined;
  account?: string | undefined;
  receipt?: string | undefined;
  /** Reason Type of the classic statement, for example `Pay Utility with OD Online`. */
  reason?: string | undefined;
}

export interface Period {
  shortcode: string;
  /** `2026-10-06` (from its beginning, or to its end) or `2026-10-06 14:00:00`, in Nairobi; today without them. */
  from?: string | undefined;
  to?: string | undefined;
}

export interface StatementRequest extends Period {
  format?: StatementFormat | undefined;
  type?: StatementType | undefined;
  columns?: 13 | 14 | undefined;
}

export interface RecordControl {
  /** Books rows as they are, at any time in the past; waiting faults are for pushes. The entries, in the order given. */
  book(rows: readonly LedgerRow[], options?: { confirm?: boolean | undefined }): Promise<Entry[]>;
  /** For the next payments, or the next one of a phone. */
  plant(rule: RecordFaultRule): void;
  /** For a payment that is in the record already. Throws a RangeError when it is not. */
  spoil(receipt: string, fault: RecordFault): Entry;
  clearFaults(): void;
  /** Receipt of an unasked payment; null when the merchant's validation refused it. */
  payByHand(payment: HandPayment): Promise<string | null>;
  /** Oldest first: everything, or what a source tells. */
  entries(period: Period, source?: FeedSource): Entry[];
  /** Shillings on the account now. */
  balanceOf(shortcode: string): number;
  statement(request: StatementRequest): Promise<StatementFile>;
  /** Self Service > URL Management: a shortcode may then register anew. */
  deleteUrls(shortcode: string): void;
}

export function createRecordControl(world: World): RecordControl {
  const { book, registry, recordFaults, ledger } = world;
  const changed = <Result>(result: Result): Result => {
    ledger.changed();
    return result;
  };
  return {
    async book(rows, { confirm = false } = {}) {
      checkRows(world, rows);
      const entries = rows.map((row) => bookRow(world, row, confirm));
      ledger.noteOf(world.timers.now(), `Booked ${entries.length.toLocaleString('en-US')} rows`, '');
      if (confirm) for (const entry of entries) if (entry.kind === 'payment') await planConfirmations(world, entry);
      return entries;
    },
    plant: (rule) => changed(recordFaults.add(rule)),
    spoil(receipt, fault) {
      const entry = book.findPayment(receipt);
      if (entry === undefined) throw new RangeError('There is no payment with this receipt.');
      spoilEntry(world, entry, fault, (later) => void announcePayment(world, later));
      return changed(entry);
    },
    clearFaults: () => changed(recordFaults.clear()),
    payByHand: (payment) => payByHand(world, payment),
    entries(period, source) {
      const { from, to } = readPeriod(period, world.timers.now());
      const inside = book.entriesOf(period.shortcode).filter(({ at }) => at >= from && at < to);
      return source === undefined ? inside : inside.filter((entry) => isTold(entry, source));
    },
    balanceOf: (shortcode) => book.balanceOf(shortcode, world.settings.openingBalance),
    statement: (request) => makeStatement(world, request),
    deleteUrls: (shortcode) => changed(registry.c2bUrls.delete(shortcode)),
  };
}

/** Before any row is booked: a wrong one must not leave half of them behind. */
function checkRows(world: World, rows: readonly LedgerRow[]): void {
  const receipts = new Set<string>();
  for (const { kind = 'push', phone, receipt } of rows) {
    if (kind in reasons && phone === undefined) throw new RangeError('A payment needs a phone.');
    if (receipt === undefined) continue;
    if (receipts.has(receipt) || world.book.findPayment(receipt) !== undefined) {
      throw new RangeError(`The receipt ${receipt} is taken.`);
    }
    receipts.add(receipt);
  }
}

function bookRow(world: World, row: LedgerRow, isAnnounced: boolean): Entry {
  const { kind = 'push', shortcode, at, amount, receipt, phone = '', account = '' } = row;
  if (kind === 'withdrawal' || kind === 'settlement' || kind === 'sweep') {
    return bookMove(world, kind, { shortcode, at, amount, receipt });
  }
  const reason = row.reason ?? reasons[kind];
  const payment = {
    shortcode,
    at,
    initiatedAt: row.initiatedAt ?? at - 7_000,
    amount,
    phone,
    account,
    reason,
    receipt,
  };
  if (kind !== 'push') return bookAsItIs(world, payment);
  return bookPayment(world, payment, (later) => {
    if (isAnnounced) void announcePayment(world, later);
  });
}

function isTold(entry: Entry, source: FeedSource): boolean {
  const isOfSource = source === 'statement' || entry.kind === 'payment';
  return isMoved(entry) && isOfSource && !entry.hiddenFrom.includes(source);
}

function makeStatement(world: World, request: StatementRequest): Promise<StatementFile> {
  const { shortcode, format = 'classic', type = 'csv', columns = 14 } = request;
  const now = world.timers.now();
  const { from, to } = readPeriod(request, now);
  return statementFile(format, type, {
    shortcode,
    name: world.registry.nameOf(shortcode),
    from,
    to,
    now,
    part: world.book.part(shortcode, from, to, world.settings.openingBalance),
    columns,
    phoneForm: world.settings.statementPhone,
  });
}

/** From the first moment up to, and without, the last. */
function readPeriod({ from, to }: Period, now: number): { from: number; to: number } {
  const today = nairobiDate(now);
  const first = readNairobiTime(from ?? today);
  const last = readNairobiTime(to ?? from?.slice(0, 10) ?? today);
  if (first === undefined || last === undefined) {
    throw new RangeError('A period is written as 2026-10-06, or as 2026-10-06 14:00:00, in Nairobi time.');
  }
  const isDay = (to ?? '').length <= 10;
  const end = last + (isDay ? 24 * 3_600_000 : 1_000);
  if (end <= first) throw new RangeError('The period ends before it begins.');
  return { from: first, to: end };
}
