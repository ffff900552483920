// The words of reconciliation: what became of a line, and what makes two lines the same line.

import type { LineSource, SourceLine } from '../mpesa/source-line.ts';
import type { Mode } from '../tenants/api-key.ts';

/** `new`: matching has not looked. `classified`: no payment is expected (R7). The others are what R1 to R8 came to. */
export type LineStatus =
  | 'new'
  | 'matched'
  | 'mismatch'
  | 'suggested'
  | 'ambiguous'
  | 'reversal'
  | 'classified'
  | 'orphan'
  | 'settled'; // by an operator, without a payment: written off

/** The rules of reconciliation.md; `OP`: an operator linked it. */
export type Rule = 'R1' | 'R2' | 'R3' | 'R4' | 'R5' | 'R6' | 'R7' | 'R8' | 'OP';

/** Whose line it is. */
export interface LineOwner {
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  environment: 'simulator' | 'sandbox' | 'production';
  shortcode: string;
}

/** A line as it is stored. Money in is positive; times are milliseconds since the epoch. */
export interface Line extends LineOwner, SourceLine {
  id: string;
  statementId: string | null;
  /** The Nairobi day, YYYY-MM-DD. */
  day: string;
  createdAt: number;
  status: LineStatus;
  rule: Rule | null;
  paymentId: string | null;
  matchedAt: number | null;
  dueAt: number | null;
}

const nairobiOffsetMs = 3 * 3_600_000;

/** The Nairobi day of a moment, YYYY-MM-DD (UTC+3 all year). */
export function nairobiDay(at: number): string {
  return new Date(at + nairobiOffsetMs).toISOString().slice(0, 10);
}

/** When a Nairobi day begins. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00.000Z`) - nairobiOffsetMs;
}

/**
 * What makes a line the same line in its source. C2B and Pull tell a receipt once. A statement may have several rows of
 * one receipt (a charge beside its payment, a sweep in and out: daraja.md section 7), and both of its formats have the
 * amount and the balance, so that overlapping files of either format meet.
 */
export function externalKey({
  source,
  receipt,
  amountCents,
  balanceCents,
}: Pick<SourceLine, 'source' | 'receipt' | 'amountCents' | 'balanceCents'>): string {
  return source === 'statement' ? `${receipt} ${amountCents} ${balanceCents ?? '-'}` : receipt;
}

/** Kinds that matching has work with; the rest is classified and done. */
export function isMatched({ kind }: Pick<SourceLine, 'kind'>): boolean {
  return kind === 'payment' || kind === 'reversal';
}

/** The order in which sources are believed when they tell the same: what an operator can look up comes last. */
export const sources: readonly LineSource[] = ['c2b', 'pull', 'statement'];
