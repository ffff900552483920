// M-PESA's own record of every account: what moved, when, and what was left. C2B, Pull and the statements all tell from
// it, so they agree unless a fault says otherwise. Rows are small and kept by the hundred thousand, because a statement
// of a busy month has that many; when the oldest are dropped, their sum stays in the opening balance.

/** Who tells of a row. */
export const feedSources = ['c2b', 'pull', 'statement'] as const;
export type FeedSource = (typeof feedSources)[number];

/**
 * `payment`: money in from a customer. `charge`: M-PESA's fee for it, under the same receipt. `reversal`: it was given
 * back. `withdrawal` and `settlement`: money out of the account. `sweep`: out of it and in again, under one receipt.
 */
export type EntryKind = 'payment' | 'charge' | 'reversal' | 'withdrawal' | 'settlement' | 'sweep';

export interface Entry {
  /** Of the order in which rows were written: rows of the same moment stand so in a statement. */
  serial: number;
  kind: EntryKind;
  receipt: string;
  shortcode: string;
  /** When it was completed, and when it was begun. */
  at: number;
  initiatedAt: number;
  /** Whole shillings; money out is negative. */
  amount: number;
  /** The payer; null where there is none. */
  phone: string | null;
  /** What the payer gave as account; empty for buy goods and for what is no payment. */
  account: string;
  /** Reason Type of the classic statement. */
  reason: string;
  /** Receipt of the payment that a reversal takes back. */
  linkedReceipt: string;
  /** Sources that keep silent about it. All of them: the money never moved, and no balance has it. */
  hiddenFrom: readonly FeedSource[];
  /** The fault that made it what it is, for tests that look up what they planted. */
  planted: string | null;
}

export type NewEntry = Omit<Entry, 'serial'>;

export interface StatementPart {
  /** Shillings before the first row and after the last. */
  opening: number;
  closing: number;
  /** Oldest first, each with the balance after it; rows that moved nothing are left out. */
  rows: { entry: Entry; balance: number }[];
}

const mostEntries = 300_000;

export class AccountBook {
  private readonly accounts = new Map<string, Entry[]>();
  private readonly payments = new Map<string, Entry>();
  /** Sums of dropped rows, by shortcode. */
  private readonly dropped = new Map<string, number>();
  private serials = 0;
  private size = 0;

  add(row: NewEntry): Entry {
    const entry: Entry = { ...row, serial: ++this.serials };
    const account = this.accounts.get(entry.shortcode);
    if (account === undefined) this.accounts.set(entry.shortcode, [entry]);
    else insert(account, entry);
    if (entry.kind === 'payment') this.payments.set(entry.receipt, entry);
    if (++this.size > mostEntries) this.dropOldest();
    return entry;
  }

  /** The payment with this receipt, not its charge or reversal. */
  findPayment(receipt: string): Entry | undefined {
    return this.payments.get(receipt);
  }

  /** Everything under one receipt: a payment and its charge, both halves of a sweep. */
  entriesWith(receipt: string, shortcode: string): Entry[] {
    return this.entriesOf(shortcode).filter((entry) => entry.receipt === receipt);
  }

  /** Oldest first; also rows that moved nothing. */
  entriesOf(shortcode: string): readonly Entry[] {
    return this.accounts.get(shortcode) ?? [];
  }

  shortcodes(): string[] {
    return [...this.accounts.keys()];
  }

  /** Shillings on the account after everything in the book. */
  balanceOf(shortcode: string, openingBalance: number): number {
    return this.entriesOf(shortcode).reduce((sum, entry) => sum + moved(entry), this.start(shortcode, openingBalance));
  }

  /** The same after one row, its charge not yet taken. */
  balanceAfter(entry: Entry, openingBalance: number): number {
    let balance = this.start(entry.shortcode, openingBalance);
    for (const row of this.entriesOf(entry.shortcode)) {
      balance += moved(row);
      if (row === entry) break;
    }
    return balance;
  }

  /** The rows from `from` up to, and without, `to`. */
  part(shortcode: string, from: number, to: number, openingBalance: number): StatementPart {
    let balance = this.start(shortcode, openingBalance);
    let opening = balance;
    const rows: StatementPart['rows'] = [];
    for (const entry of this.entriesOf(shortcode)) {
      if (entry.at >= to) break;
      balance += moved(entry);
      if (entry.at < from) opening = balance;
      else if (isMoved(entry)) rows.push({ entry, balance });
    }
    return { opening, closing: balance, rows };
  }

  clear(): void {
    this.accounts.clear();
    this.payments.clear();
    this.dropped.clear();
    this.size = 0;
  }

  private start(shortcode: string, openingBalance: number): number {
    return openingBalance + (this.dropped.get(shortcode) ?? 0);
  }

  /** A tenth of the largest account, so that it is rarely done. */
  private dropOldest(): void {
    const [shortcode, entries] = [...this.accounts].reduce((one, other) =>
      other[1].length > one[1].length ? other : one,
    );
    const gone = entries.splice(0, Math.ceil(entries.length / 10));
    this.size -= gone.length;
    const sum = gone.reduce((total, entry) => total + moved(entry), this.dropped.get(shortcode) ?? 0);
    this.dropped.set(shortcode, sum);
    for (const entry of gone) if (this.payments.get(entry.receipt) === entry) this.payments.delete(entry.receipt);
  }
}

/** Whether money moved at all: a row that every source hides is one of a payment that M-PESA never made. */
export function isMoved({ hiddenFrom }: Entry): boolean {
  return feedSources.some((source) => !hiddenFrom.includes(source));
}

function moved(entry: Entry): number {
  return isMoved(entry) ? entry.amount : 0;
}

/** Rows mostly come in the order of time; one from the past goes where it belongs, behind its contemporaries. */
function insert(entries: Entry[], entry: Entry): void {
  if (entries.at(-1)!.at <= entry.at) {
    entries.push(entry);
    return;
  }
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.at <= entry.at) low = middle + 1;
    else high = middle;
  }
  entries.splice(low, 0, entry);
}
