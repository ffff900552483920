// Where M-PESA's record and ours differ: the kinds of difference, how bad each is, and what makes two findings the same
// one (reconciliation.md, "Discrepancies").

import { createHash } from 'node:crypto';
import type { Mode } from '../tenants/api-key.ts';

export type Severity = 'critical' | 'high' | 'medium' | 'info';

/** Worst first. */
export const severities: readonly Severity[] = ['critical', 'high', 'medium', 'info'];

export const severityOf = {
  missing_at_provider: 'critical',
  amount_mismatch: 'critical',
  receipt_reused: 'critical',
  balance_break: 'critical',
  duplicate_payment: 'high',
  orphan_receipt: 'high',
  reversed_externally: 'high',
  ambiguous: 'medium',
  receipt_missing: 'medium',
  unproven_resolution: 'medium',
  unknown_shortcode: 'medium',
  late_success: 'info',
  contradiction: 'info',
} as const satisfies Record<string, Severity>;
export type DiscrepancyType = keyof typeof severityOf;

/** How it ended. `cause_gone`: by itself, because what it said is no longer so. */
export type ClosedBecause =
  | 'cause_gone'
  | 'linked'
  | 'amount_accepted'
  | 'payment_made'
  | 'marked_reversed'
  | 'written_off'
  | 'acknowledged';

/** A payment or line an operator may choose, best first. `why` says what speaks for it, in words. */
export interface Candidate {
  paymentId: string;
  score: number;
  why: string;
}

/** What a pass of matching found. */
export interface Finding {
  tenantId: string;
  mode: Mode;
  /** Null for `unknown_shortcode`. */
  shortcodeId: string | null;
  type: DiscrepancyType;
  paymentId: string | null;
  lineId: string | null;
  receipt: string | null;
  /** The Nairobi day it belongs to. */
  day: string;
  atRiskCents: number;
  /** One sentence for whoever looks at it; no phone in it. */
  detail: string;
  candidates: readonly Candidate[];
}

export interface Discrepancy extends Finding {
  id: string;
  severity: Severity;
  fingerprint: string;
  status: 'open' | 'closed';
  /** Counts changes: an act is done against the version that was looked at. */
  version: number;
  assigneeId: string | null;
  assigneeName: string | null;
  openedAt: number;
  closedAt: number | null;
  closedBy: string | null;
  resolution: ClosedBecause | null;
  closedWhy: string | null;
}

/**
 * The same finding always has the same fingerprint: its type, and the payment and receipt it is about. Several sources
 * tell one receipt in a line each, which is one discrepancy.
 */
export function fingerprintOf({
  type,
  tenantId,
  shortcodeId,
  paymentId,
  lineId,
  receipt,
}: Omit<Finding, 'day' | 'atRiskCents' | 'detail' | 'candidates' | 'mode'>): string {
  const about = [type, tenantId, shortcodeId ?? '-', paymentId ?? '-', receipt ?? lineId ?? '-'].join(' ');
  return createHash('sha256').update(about).digest('hex');
}
