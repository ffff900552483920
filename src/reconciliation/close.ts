// The words of the daily close: what the books of one shortcode say about one Nairobi day, once and for ever
// (reconciliation.md, "Daily close"). A close is a body of canonical JSON and the SHA-256 of exactly these bytes; the body
// holds the hash of the close before it, so no day can be changed, taken out or put in without all later ones showing it.

import { createHash } from 'node:crypto';
import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import type { Status } from '../payments/payment.ts';
import type { Mode } from '../tenants/api-key.ts';
import { type Canonical, canonicalJson } from './canonical-json.ts';
import type { DiscrepancyType, Severity } from './discrepancy.ts';
import type { LineStatus } from './line.ts';

/** Before the first close of a shortcode. */
export const noHash = '0'.repeat(64);

/** A type, so that it is plain JSON. */
export type Sum = { count: number; cents: number };

/** What moved, by kind. Each receipt counts once, however many sources told it; money out is negative. */
export type Movements = Record<LineKind, Sum>;

/** A point in time at which M-PESA's statement said what was on the account. */
export type BalancePoint = { at: number; cents: number };

/**
 * How the account went from one balance to the next, by the statement alone. `opening` is the closing balance of the day
 * before, where its close knew one, else what the first row began with. `movements` are all rows between the two
 * points, so a row of the day before that was heard late is in it where the balance of that day did not have it yet.
 */
export type Balance = {
  opening: BalancePoint;
  openingFrom: 'close' | 'statement';
  closing: BalancePoint;
  movementsCents: number;
  /** Places where a row does not begin with what the one before it ended with. */
  breaks: number;
};

/**
 * What does not agree, in three parts, none of which is set off against another:
 *
 * - `balanceCents`: closing balance − (opening balance + all movements), by the statement. Not zero when rows are
 *   missing, or are there that M-PESA never booked. Null where no statement tells a balance.
 * - `unexplainedCents`: money that M-PESA says came in and that no paid payment accounts for, receipt by receipt: an
 *   orphan, or what came in above what its payment says it received. A payment accounts for its own receipt only.
 * - `unprovenCents`: money that paid payments say came in and M-PESA does not: a payment confirmed on this day (of
 *   Nairobi, by our clock) that no line belongs to, or what a payment says above what its line says.
 *
 * `totalCents`, the one number that decides, is the sum of the three without their signs: zero only if every shilling
 * agrees. What is explained is in none of these: what an operator wrote off (`writtenOffCents`), and money without a
 * payment that M-PESA took back (`returnedCents`).
 */
export type Variance = {
  balanceCents: number | null;
  unexplainedCents: number;
  unprovenCents: number;
  writtenOffCents: number;
  returnedCents: number;
  totalCents: number;
};

/** A line of an earlier day that was heard after that day was closed. */
export type PriorLine = { cents: number; day: string; kind: LineKind; receipt: string; source: LineSource };

/** What the close says, but for who closed it and when. The same state always gives the same bytes. */
export type CloseDraft = {
  version: 1;
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  shortcode: string;
  day: string;
  timezone: 'Africa/Nairobi';
  previousDay: string | null;
  previousHash: string;
  movements: Movements;
  /** Lines that tell again what is counted in an earlier close. */
  toldAgain: number;
  /** Lines of earlier days, heard since: their sums, and the first {@link mostPriorLines} of them by day and receipt. */
  priorPeriod: { movements: Movements; count: number; lines: PriorLine[] };
  sources: Record<LineSource, { lines: number; coversDay: boolean }>;
  balance: Balance | null;
  matching: {
    /** Receipts of money in for which a payment is expected, the prior period's too. */
    receipts: number;
    matched: number;
    /** Hundredths of a percent, rounded down; null without a receipt. */
    rateBasisPoints: number | null;
    byStatus: Partial<Record<LineStatus, number>>;
  };
  /** Payments made on this day, as they stood when it was closed. */
  payments: Record<Status, { count: number; kes: number }>;
  /** Open ones of this day, and those of earlier days that were found since they were closed. */
  discrepancies: Partial<Record<DiscrepancyType, { severity: Severity; count: number; atRiskCents: number }>>;
  criticalOpen: number;
  variance: Variance;
  isClean: boolean;
};

/** Who closed it, when and why; `approvedBy` where a second person had to agree. */
export type Closing = {
  closedAt: number;
  closedBy: string;
  approvedBy: string | null;
  reason: string | null;
};

export type CloseBody = CloseDraft & Closing;

export interface DailyClose {
  id: string;
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  day: string;
  isClean: boolean;
  varianceCents: number;
  /** Exactly the bytes that were hashed. */
  body: string;
  previousHash: string;
  hash: string;
  closedBy: string;
  closedName: string;
  closedAt: number;
}

export const mostPriorLines = 200;

/** Of a draft it is the state that an approval is asked against; of a body it is the close's hash. */
export function hashOf(value: CloseDraft | CloseBody | string): string {
  const text = typeof value === 'string' ? value : canonicalJson(value as unknown as Canonical);
  return createHash('sha256').update(text).digest('hex');
}

export function readBody({ body }: Pick<DailyClose, 'body'>): CloseBody {
  return JSON.parse(body) as CloseBody;
}
