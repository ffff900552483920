// Gathers what the database knows about lines for `match-rules`: whose their receipts are, which payments fit, and what
// other lines say. A batch of lines costs a handful of statements.

import { findReceipts, type KnownReceipt, type ReceiptName, receiptKey } from '../payments/evidence-store.ts';
import type { Payment } from '../payments/payment.ts';
import { findPaymentsAcrossTenants } from '../payments/payment-store.ts';
import type { Db } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { findCandidates } from './find-candidates.ts';
import type { Line } from './line.ts';
import type { LineFacts } from './match-rules.ts';
import { listByLinkedReceipt, listByReceipt, type Twin } from './match-store.ts';

export interface KnownLine {
  line: Line;
  facts: LineFacts;
  /** Whether its receipt was heard of before. */
  isReceiptKnown: boolean;
  /** Other lines of its receipt, and those that took it back or that it took back. */
  twins: readonly Twin[];
}

/** The receipt by which a line has its payment: for money that was taken back, the one it was taken from. */
export function soughtReceipt({ kind, receipt, linkedReceipt }: Line): string {
  return kind === 'reversal' || linkedReceipt !== null ? (linkedReceipt ?? receipt) : receipt;
}

export async function readFacts(trx: Db, sealer: Sealer, lines: readonly Line[], now: number): Promise<KnownLine[]> {
  const twins = await readTwins(trx, lines);
  const seen = lines.map((line) => {
    const own = twins.filter((twin) => isTwin(line, twin));
    return { line, twins: own, reversedBy: reversalOf(line, own) };
  });
  const receipts = await findReceipts(trx, lines.map(receiptNameOf));
  const isOwned = (line: Line): boolean => (receipts.get(keyOf(line))?.paymentId ?? null) !== null;
  const sought = seen.filter(({ line, reversedBy }) => isSought(line) && reversedBy === null && !isOwned(line));
  const similar = await findCandidates(
    trx,
    sealer,
    sought.map(({ line }) => line),
  );
  // Read last: a payment that got its receipt in the meantime is not among the unpaid, and must be found here.
  const later = await findReceipts(
    trx,
    sought.map(({ line }) => receiptNameOf(line)),
  );
  for (const [key, receipt] of later) receipts.set(key, receipt);
  const owners = await readOwners(trx, sealer, [...receipts.values()]);
  return seen.map(({ line, twins: own, reversedBy }): KnownLine => {
    const receipt = receipts.get(keyOf(line));
    const found = receipt === undefined || receipt.paymentId === null ? undefined : owners.get(receipt.paymentId);
    const owner = found === undefined ? null : found.shortcodeId === line.shortcodeId ? found : 'elsewhere';
    const { unpaid, paid } = similar.get(line.id) ?? { unpaid: [], paid: [] };
    const facts = { now, owner, unpaid, paid, reversedBy, isRepeated: isRepeated(line, own) } as const;
    return { line, facts, isReceiptKnown: receipt !== undefined, twins: own };
  });
}

function receiptNameOf(line: Line): ReceiptName {
  return { environment: line.environment, shortcode: line.shortcode, receipt: soughtReceipt(line) };
}

const keyOf = (line: Line): string => receiptKey(receiptNameOf(line));

/** Whether payments are looked for by what the line shows. */
function isSought({ kind, linkedReceipt }: Line): boolean {
  return kind === 'payment' && linkedReceipt === null;
}

function readOwners(trx: Db, sealer: Sealer, receipts: readonly KnownReceipt[]): Promise<Map<string, Payment>> {
  const ids = receipts.map(({ paymentId }) => paymentId).filter((id) => id !== null);
  return findPaymentsAcrossTenants(trx, sealer, [...new Set(ids)]);
}

/** Lines that have to do with these lines' receipts, one shortcode after the other. */
async function readTwins(trx: Db, lines: readonly Line[]): Promise<Twin[]> {
  const found: Twin[] = [];
  for (const shortcodeId of new Set(lines.map((line) => line.shortcodeId))) {
    const own = lines.filter((line) => line.shortcodeId === shortcodeId);
    const receipts = [...new Set(own.flatMap((line) => [line.receipt, soughtReceipt(line)]))];
    found.push(...(await listByReceipt(trx, own[0]!, receipts)));
    found.push(...(await listByLinkedReceipt(trx, shortcodeId, receipts)));
  }
  return [...new Map(found.map((twin) => [twin.id, twin])).values()];
}

function isTwin(line: Line, twin: Twin): boolean {
  if (twin.id === line.id || twin.shortcodeId !== line.shortcodeId) return false;
  return [line.receipt, soughtReceipt(line)].some(
    (receipt) => twin.receipt === receipt || twin.linkedReceipt === receipt,
  );
}

/** The receipt of what took all of a line's money back. */
function reversalOf(line: Line, twins: readonly Twin[]): string | null {
  const reversal = twins.find(
    (twin) =>
      twin.kind === 'reversal' &&
      (twin.linkedReceipt ?? twin.receipt) === line.receipt &&
      twin.amountCents <= -line.amountCents,
  );
  return line.kind === 'payment' ? (reversal?.receipt ?? null) : null;
}

/** Statements say each receipt's payment once: a second row has another balance. Of the two, the one stored later is wrong. */
function isRepeated(line: Line, twins: readonly Twin[]): boolean {
  if (line.source !== 'statement' || line.kind !== 'payment' || line.balanceCents === null) return false;
  return twins.some(
    (twin) =>
      twin.source === 'statement' &&
      twin.kind === 'payment' &&
      twin.receipt === line.receipt &&
      twin.amountCents === line.amountCents &&
      twin.balanceCents !== null &&
      twin.id < line.id,
  );
}
