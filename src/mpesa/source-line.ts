// A line of M-PESA's own record, whoever told it: a C2B confirmation, the Pull API, or a row of a statement. Reading is
// done here and in reconciliation's parsers; nothing in it is judged yet.

/** Where a line comes from. */
export type LineSource = 'c2b' | 'pull' | 'statement';

/**
 * `payment`: money in from a customer, for which a payment is expected. `reversal`: money taken back (or a row linked to
 * an earlier receipt). `charge`, `withdrawal`, `float`: M-PESA's fees, money out, moves between the organisation's own
 * accounts (daraja.md section 7). `other`: none of these, shown as it is.
 */
export type LineKind = 'payment' | 'reversal' | 'charge' | 'withdrawal' | 'float' | 'other';

export interface SourceLine {
  source: LineSource;
  kind: LineKind;
  /** Upper case. */
  receipt: string;
  /** The receipt of what it reverses or belongs to. */
  linkedReceipt: string | null;
  /** Money in is positive, money out negative. */
  amountCents: number;
  /** The account's balance after it, where the source says so. */
  balanceCents: number | null;
  /** False for a row of another account of the organisation than the one customers pay into; statements have those. */
  isMain?: boolean;
  /** The account the payer gave, trimmed: a payment's reference. */
  account: string | null;
  /** The payer's number as far as it is shown: in full, masked, hashed. */
  phone: string | null;
  payerName: string | null;
  /** M-PESA's own words. */
  details: string | null;
  completedAt: number;
  /** As it came. */
  raw: string;
}
