// A payment becomes rows of M-PESA's record: itself, its charge, and what the record faults make of it. From here its
// C2B confirmation is known too; nothing is sent here. Reversals and second payments are planned for later unless their
// time has passed already, as it has for payments that are booked into the past.

import type { Entry, FeedSource, NewEntry } from './account-book.ts';
import { feedSources } from './account-book.ts';
import { mpesaReceipt } from './daraja-ids.ts';
import type { RecordFault } from './record-faults.ts';
import type { World } from './world.ts';

export interface Payment {
  shortcode: string;
  /** When it was completed, and when it was begun. */
  at: number;
  initiatedAt: number;
  amount: number;
  phone: string;
  account: string;
  /** Reason Type of the classic statement. */
  reason: string;
  /** A new one without it. */
  receipt?: string | undefined;
}

/** Reason types of money that comes in (daraja.md section 7.1). */
export const reasons = {
  push: 'Pay Bill Online',
  paybill: 'Pay Utility',
  till: 'Customer Buy Goods Online',
} as const;

const laterMs = 60_000;

/** What somebody does who hears of money that no push asked for: sends its confirmation. */
export type Announce = (entry: Entry) => void;

/** Books a payment as the next waiting fault has it; `announce` is called for a second payment that follows it. */
export function bookPayment(world: World, payment: Payment, announce: Announce): Entry {
  const entry = bookAsItIs(world, payment);
  const fault = world.recordFaults.take(payment.phone);
  if (fault !== undefined) spoilEntry(world, entry, fault, announce);
  return entry;
}

/** The same without a look at the faults: what a customer does by himself. */
export function bookAsItIs(world: World, payment: Payment): Entry {
  const { shortcode, at, initiatedAt, phone, account, reason, amount } = payment;
  const receipt = payment.receipt ?? newReceipt(world, at);
  const common = { ...blank, receipt, shortcode, at };
  const entry = world.book.add({ ...common, kind: 'payment', initiatedAt, amount, phone, account, reason });
  const charge = world.settings.businessPaysCharges ? chargeFor(amount) : 0;
  if (charge > 0) {
    world.book.add({ ...common, kind: 'charge', initiatedAt: at, amount: -charge, reason: 'Pay Bill Charge' });
  }
  return entry;
}

/** Does to a payment of the record what a fault says; a wrong amount is never the right one. */
export function spoilEntry(world: World, entry: Entry, fault: RecordFault, announce: Announce): void {
  entry.planted = fault.kind;
  switch (fault.kind) {
    case 'missing':
      hide(world, entry, fault.from ?? feedSources);
      return;
    case 'wrong_amount': {
      const other = entry.amount > 1 ? entry.amount - 1 : 2;
      entry.amount = fault.amount === undefined || fault.amount === entry.amount ? other : fault.amount;
      return;
    }
    case 'duplicate':
      later(world, entry.at + (fault.afterMs ?? laterMs), (at) => announce(payAgain(world, entry, at)));
      return;
    case 'reversal':
      later(world, entry.at + (fault.afterMs ?? laterMs), (at) => reverse(world, entry, at));
      return;
  }
}

/** Money that leaves the account, or leaves it and comes back. */
export function bookMove(world: World, kind: 'withdrawal' | 'settlement' | 'sweep', move: Move): Entry {
  const { shortcode, at, amount, receipt = newReceipt(world, at) } = move;
  const out: Omit<NewEntry, 'reason'> = { ...blank, kind, receipt, shortcode, at, initiatedAt: at, amount: -amount };
  if (kind === 'withdrawal') return world.book.add({ ...out, reason: 'Agency Withdrawal of funds to Bank' });
  const entry = world.book.add({ ...out, reason: 'Utility Account to Organization Settlement Account' });
  if (kind === 'sweep') {
    world.book.add({ ...out, amount, reason: 'Organization Settlement Account to Organization MMF Account' });
  }
  return entry;
}

export interface Move {
  shortcode: string;
  at: number;
  amount: number;
  receipt?: string | undefined;
}

const blank = {
  phone: null,
  account: '',
  linkedReceipt: '',
  hiddenFrom: [] as readonly FeedSource[],
  planted: null,
};

export function newReceipt(world: World, at: number): string {
  for (;;) {
    const receipt = mpesaReceipt(at);
    if (world.book.findPayment(receipt) === undefined) return receipt;
  }
}

/** A payment and its charge are seen together or not at all. */
function hide(world: World, entry: Entry, from: readonly FeedSource[]): void {
  for (const row of world.book.entriesWith(entry.receipt, entry.shortcode)) row.hiddenFrom = from;
}

function payAgain(world: World, { shortcode, amount, phone, account }: Entry, at: number): Entry {
  const again = { shortcode, at, initiatedAt: at, amount, phone: phone!, account, reason: reasons.paybill };
  const entry = bookAsItIs(world, again);
  entry.planted = 'second_payment';
  return entry;
}

function reverse(world: World, { shortcode, receipt, amount, phone, account }: Entry, at: number): void {
  world.book.add({
    ...blank,
    kind: 'reversal',
    receipt: newReceipt(world, at),
    shortcode,
    at,
    initiatedAt: at,
    amount: -amount,
    phone,
    account,
    reason: 'Pay Bill Reversal',
    linkedReceipt: receipt,
    planted: 'reversal_row',
  });
  world.ledger.changed();
}

function later(world: World, at: number, run: (at: number) => void): void {
  const waitMs = at - world.timers.now();
  // `speed` shortens the wait, so the moment is taken anew.
  world.timers.after(waitMs, () => run(waitMs > 0 ? world.timers.now() : at));
}

/** What M-PESA takes from a business for a payment, in steps like those of its tariffs; the numbers are invented. */
function chargeFor(amount: number): number {
  if (amount <= 100) return 0;
  const steps: readonly [upTo: number, charge: number][] = [
    [500, 5],
    [1_000, 10],
    [2_500, 20],
    [5_000, 34],
    [10_000, 48],
    [50_000, 103],
  ];
  return steps.find(([upTo]) => amount <= upTo)?.[1] ?? 108;
}
