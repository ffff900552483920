// The words of statement imports: what a file was found to be, what was found in it, and how far its import has come
// (reconciliation.md, "Statement import").

import type { LineKind } from '../mpesa/source-line.ts';
import { AppError } from '../platform/errors.ts';
import { invalid } from '../platform/validation.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Cell } from './parse-cells.ts';

export const fileLimitBytes = 20 * 1024 * 1024;
/** More than any file of the portal has; a spreadsheet can claim to have a million. */
export const mostRows = 250_000;
/** The preamble stands above the header, never at the same place. */
export const headerWithin = 60;
/** Of errors, skipped rows and balance breaks a statement keeps so many, and counts the rest. */
export const mostListed = 1000;

export type FileType = 'csv' | 'xls' | 'xlsx';
/** The two exports of the portal (daraja.md section 7). */
export type StatementFormat = 'classic' | 'newer';
/**
 * `previewed`: read and shown, nothing of it counts. `importing`: decided, its lines come in; whoever dies on the way,
 * somebody else goes on. `imported`: all its lines are in. `discarded`: thrown away before it was imported.
 */
export type StatementStatus = 'previewed' | 'importing' | 'imported' | 'discarded';

/** A row of a file, with the number a person finds it by. */
export interface FileRow {
  line: number;
  cells: readonly Cell[];
}

/** What stands above the header, as far as it is there. */
export interface Preamble {
  shortcode: string | null;
  /** Which of the organisation's accounts: `Utility Account`. */
  account: string | null;
  from: number | null;
  to: number | null;
  /** When the file was made: what it says of later is not told yet. */
  reportAt: number | null;
  openingCents: number | null;
  closingCents: number | null;
}

export interface RowProblem {
  line: number;
  /** What is wrong and what to do. */
  detail: string;
}

/** Between two rows the balance moved by more than the rows say. */
export interface BalanceBreak {
  /** Of the later row. */
  line: number;
  receipt: string;
  at: number;
  /** The row before it in time. */
  afterReceipt: string;
  afterAt: number;
  /** Of the later row, with its balance: they say which line it is. */
  amountCents: number;
  balanceCents: number;
  /** What is missing between them: money in is positive. */
  gapCents: number;
}

export interface Span {
  from: number;
  to: number;
}

export interface KindTotal {
  kind: LineKind;
  count: number;
  cents: number;
}

/** What a preview found, and what an import needs to read the same file again. */
export interface StatementSummary {
  encoding: string;
  preamble: Preamble;
  /** Rows below the header that are no totals, empty lines or notes. */
  rows: number;
  lines: number;
  kinds: readonly KindTotal[];
  /** Of the rows. */
  firstAt: number | null;
  lastAt: number | null;
  /** Lines that other files have told already, when it was looked at. */
  known: number;
  skipped: { count: number; listed: readonly { line: number; receipt: string; status: string }[] };
  errors: { count: number; listed: readonly RowProblem[] };
  balance: {
    /** `mixed`: the rows are in no order of time, so nothing can be said. */
    order: 'newestFirst' | 'oldestFirst' | 'mixed';
    checked: number;
    breaks: { count: number; listed: readonly BalanceBreak[] };
  };
  /** The stretches of time that it tells completely. */
  coverage: readonly Span[];
}

export interface Statement {
  id: string;
  tenantId: string;
  mode: Mode;
  shortcodeId: string;
  fileName: string;
  fileType: FileType;
  format: StatementFormat;
  sha256: string;
  sizeBytes: number;
  status: StatementStatus;
  periodFrom: number | null;
  periodTo: number | null;
  openingCents: number | null;
  closingCents: number | null;
  rows: number;
  rowsDone: number;
  linesNew: number;
  linesKnown: number;
  summary: StatementSummary;
  createdBy: string;
  createdAt: number;
  importedAt: number | null;
  /** Until when whoever works on it is believed to be alive; null while nobody needs to. */
  leaseUntil: number | null;
}

/** A file that cannot be taken as it is. @param detail what is wrong and what to do */
export function badFile(detail: string): AppError {
  return invalid([{ parameter: 'file', code: 'wrong_format', detail }]);
}

export function tooLarge(): AppError {
  const detail = `A statement may have at most ${fileLimitBytes / 1024 / 1024} MB. Export a shorter period.`;
  return new AppError('payload_too_large', detail);
}
