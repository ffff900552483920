// Evidence: anything that says what happened to a payment, kept for ever and never changed. Its strength says how far
// it is trusted, its verdict what came of it.

import type { FailureCode } from './failures.ts';
import type { ConfirmedBy } from './payment.ts';

/**
 * A: money arrived, verified (callback with code 0 and a receipt, C2B, pull, statement).
 * B: a yes that carries no receipt (a query's code 0; a callback's code 0 without its metadata).
 * C: M-PESA's own word that no money came (a verified callback with another code).
 * D: a query's clear no.
 * Null: says nothing about money.
 */
export type Strength = 'A' | 'B' | 'C' | 'D' | null;

/** What evidence came to when it was weighed. */
export type Verdict =
  | 'applied' // it moved the payment, or filled in what was missing
  | 'repeated' // known already
  | 'noted' // kept, and too weak or too early to move anything
  | 'contradicts' // it denies what is settled: a discrepancy, never a change
  | 'too_late' // money after the seven days in which a denial may be overturned
  | 'amount_mismatch'
  | 'receipt_reused'
  | 'other_shortcode'
  | 'other_phone'
  | 'forged_ids' // right path, wrong ids: kept, moves nothing
  | 'unreadable'
  | 'no_answer'
  | 'late_answer'; // the push's answer came when its lease was over: it only fills in the ids

/** Where evidence that may move a payment comes from. */
export type HeardFrom = Exclude<ConfirmedBy, 'operator'>;

/** Evidence about money, as opposed to the record of our own push. */
export type HeardEvidence = Evidence & { source: HeardFrom };

export interface Evidence {
  id: string;
  source: HeardFrom | 'push' | 'operator';
  strength: Strength;
  at: number;
  resultCode: string | null;
  /** M-PESA's own text. */
  resultDesc: string | null;
  /** Upper case. */
  receipt: string | null;
  amountCents: number | null;
  /** As it was seen: in full, masked, hashed. */
  phone: string | null;
  /** The shortcode the evidence names, where it names one. */
  shortcode: string | null;
  /** The ids it carries; null for evidence that has none to compare (a query was asked by id). */
  ids: { merchantRequestId: string; checkoutRequestId: string } | null;
  /** What could not be read, for a verdict of `unreadable`. */
  unreadable: string | null;
  sourceIp: string | null;
  httpStatus: number | null;
  durationMs: number | null;
  /** The body as it came; sealed before it is stored. */
  raw: string | null;
}

/** A piece of stored evidence, as the timeline shows it. */
export interface StoredEvidence {
  id: string;
  source: string;
  strength: Strength;
  verdict: string;
  resultCode: string | null;
  detail: string | null;
  receipt: string | null;
  amountCents: number | null;
  at: number;
}

/** How a denial's code reads: the catalogue's code, and the status it leads to. */
export interface Denial {
  failureCode: FailureCode;
  to: 'failed' | 'cancelled' | 'expired';
}

/** Reads a denial's result code; from mpesa, which knows the codes. */
export type ReadDenial = (resultCode: string, source: HeardFrom) => Denial;
