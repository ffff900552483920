// What the console calls the things of reconciliation: one word, one icon, one tone for each state of a line, each
// severity and each kind of difference, and money in cents as people read it.

import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import { numberText } from '../platform/render.ts';
import type { ClosedBecause, DiscrepancyType, Severity } from '../reconciliation/discrepancy.ts';
import type { LineStatus, Rule } from '../reconciliation/line.ts';
import type { Word } from './status-words.ts';

export const severityWords: Readonly<Record<Severity, Word>> = {
  critical: { word: 'Critical', icon: 'f-alert-triangle', tone: 'bad' },
  high: { word: 'High', icon: 'f-flag', tone: 'warn' },
  medium: { word: 'Medium', icon: 'minus', tone: 'mute' },
  info: { word: 'To know', icon: 'info-circle', tone: 'mute' },
};

/** What differs, as the name of a row; and what that means. */
export const typeWords: Readonly<Record<DiscrepancyType, { name: string; meaning: string }>> = {
  missing_at_provider: {
    name: 'Paid here, no line at M-PESA',
    meaning: 'Goods may have been given for money that never came. A record was forged, or M-PESA’s list has a gap.',
  },
  amount_mismatch: {
    name: 'Another amount came than was asked',
    meaning: 'The customer paid more or less than the merchant asked for.',
  },
  receipt_reused: {
    name: 'One receipt, used twice',
    meaning: 'A receipt is proof of one payment. Two cannot have it.',
  },
  balance_break: {
    name: 'The account’s balance does not follow',
    meaning: 'Between two rows of the statement something is missing, or a row was changed.',
  },
  duplicate_payment: {
    name: 'The customer paid twice',
    meaning: 'The payment has its money already. This came on top of it and is the customer’s.',
  },
  orphan_receipt: {
    name: 'Money in, no payment',
    meaning: 'Money came that nobody here had asked for, or under an account that no payment has.',
  },
  reversed_externally: {
    name: 'M-PESA took the money back',
    meaning: 'The payment is paid here, and the customer has the money again.',
  },
  ambiguous: {
    name: 'Several payments fit',
    meaning: 'The line belongs to one of them, and nothing that it shows says to which.',
  },
  receipt_missing: {
    name: 'Paid by a query, no receipt found',
    meaning: 'A query confirms a payment without a receipt, and M-PESA’s record of that time has none for it.',
  },
  unproven_resolution: {
    name: 'Settled by hand, no line at M-PESA',
    meaning: 'An operator settled it with a receipt that M-PESA’s record of that time does not have.',
  },
  unknown_shortcode: {
    name: 'A shortcode nobody has',
    meaning: 'M-PESA told of money for a number that is not set up here.',
  },
  late_success: { name: 'Paid late', meaning: 'The money came after the payment had expired or been denied.' },
  contradiction: { name: 'Paid, and denied as well', meaning: 'Money that came wins over a denial; both are kept.' },
};

export const lineStatusWords: Readonly<Record<LineStatus, Word & { meaning: string }>> = {
  new: {
    word: 'Not looked at',
    icon: 'circle-dashed',
    tone: 'wait',
    meaning: 'Nothing fits yet; it is looked at again.',
  },
  matched: { word: 'Matched', icon: 'f-circle-check', tone: 'ok', meaning: 'It is the money of one payment.' },
  mismatch: {
    word: 'Another amount',
    icon: 'f-alert-triangle',
    tone: 'bad',
    meaning: 'It belongs to a payment by its receipt, and does not agree with it.',
  },
  suggested: {
    word: 'Suggested',
    icon: 'help-circle',
    tone: 'warn',
    meaning: 'One payment fits, but the line does not show enough to be sure. An operator confirms it.',
  },
  ambiguous: {
    word: 'Several fit',
    icon: 'help-circle',
    tone: 'warn',
    meaning: 'Several payments fit alike. An operator chooses.',
  },
  reversal: { word: 'Taken back', icon: 'repeat', tone: 'mute', meaning: 'Money that went back to the customer.' },
  classified: {
    word: 'No payment expected',
    icon: 'circle-minus',
    tone: 'mute',
    meaning: 'A charge, a withdrawal or a move between own accounts.',
  },
  orphan: {
    word: 'Without a payment',
    icon: 'f-flag',
    tone: 'warn',
    meaning: 'Money in, and no payment of ours fits it.',
  },
  settled: { word: 'Written off', icon: 'check', tone: 'mute', meaning: 'An operator has dealt with it.' },
};

export const ruleWords: Readonly<Record<Rule, string>> = {
  R1: 'Receipt, shortcode and amount are those of the payment.',
  R2: 'The receipt is the payment’s; the amount is another one.',
  R3: 'Amount, account, phone and time fit exactly one payment that had no receipt yet.',
  R4: 'Amount, account and time fit several payments.',
  R5: 'Amount and time fit one payment; the account or the phone is not shown.',
  R6: 'It takes money back, or was itself taken back.',
  R7: 'Not money from a customer of this shortcode.',
  R8: 'Money in, and nothing fitted within 15 minutes.',
  OP: 'An operator linked it.',
};

export const kindWords: Readonly<Record<LineKind, string>> = {
  payment: 'Money in',
  reversal: 'Reversal',
  charge: 'Charge',
  withdrawal: 'Withdrawal',
  float: 'Move between own accounts',
  other: 'Other',
};

export const sourceWords: Readonly<Record<LineSource, string>> = {
  c2b: 'C2B',
  pull: 'Pull',
  statement: 'Statement',
};

export const endWords: Readonly<Record<ClosedBecause, string>> = {
  cause_gone: 'Closed itself',
  linked: 'Linked to a payment',
  amount_accepted: 'Amount accepted',
  payment_made: 'Made into a payment',
  marked_reversed: 'Marked as reversed',
  written_off: 'Written off',
  acknowledged: 'Acknowledged',
};

/** `34.2 M`, `872 k`, `4,500`: for a cell. */
export function shortCents(cents: number): string {
  const kes = cents / 100;
  if (Math.abs(kes) >= 999_500) return `${(kes / 1_000_000).toPrecision(3)}\u00a0M`;
  if (Math.abs(kes) >= 99_950) return `${Math.round(kes / 1000)}\u00a0k`;
  return numberText(kes);
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-10-06` as `Tue 6 Oct`. */
export function nairobiDayText(day: string): string {
  const at = new Date(`${day}T00:00:00.000Z`);
  return `${days[at.getUTCDay()]} ${at.getUTCDate()} ${months[at.getUTCMonth()]}`;
}
