// Finds the payments that lines without an owner may be: those without a receipt that were pushed when the money came,
// and those with one of their own within a day, of which the money may be a second payment. Lines are looked for
// together, two statements for a batch; only a line that shows no account, or one that very many payments share, is
// looked for by itself, and in less time.

import {
  countByReference,
  findByReferences,
  findSimilarPayments,
  isCrowded,
  type Sought,
  type SoughtTogether,
} from '../payments/candidate-store.ts';
import type { Payment } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { earliestMs, latestMs, pushedAt, referencesOf, secondWithinMs } from './candidates.ts';
import type { Line } from './line.ts';

const hourMs = 3_600_000;
/** A payment waits for its push until it expires (api.md, expires_in). */
const waitedAtMostMs = 24 * hourMs;
/** A reference that more payments of a batch's time have is looked for line by line. */
const fewPayments = 200;

export interface FoundPayments {
  /** Without a receipt. */
  unpaid: readonly Payment[];
  /** With a receipt of their own. */
  paid: readonly Payment[];
}

const none: FoundPayments = { unpaid: [], paid: [] };

/** What was found for each line, by its id. */
export async function findCandidates(
  trx: Db,
  sealer: Sealer,
  lines: readonly Line[],
): Promise<ReadonlyMap<string, FoundPayments>> {
  const found = new Map<string, FoundPayments>();
  // A payment is of whole shillings.
  const whole = lines.filter(({ amountCents }) => amountCents > 0 && amountCents % 100 === 0);
  for (const shortcodeId of new Set(whole.map((line) => line.shortcodeId))) {
    const own = whole.filter((line) => line.shortcodeId === shortcodeId);
    const alone = await findTogether(trx, sealer, own, found);
    for (const line of alone) found.set(line.id, await findAlone(trx, sealer, line));
  }
  return found;
}

/** Fills in what was found; those that are to be looked for by themselves. */
async function findTogether(
  trx: Db,
  sealer: Sealer,
  lines: readonly Line[],
  found: Map<string, FoundPayments>,
): Promise<Line[]> {
  const named = lines.filter((line) => referencesOf(line) !== null);
  const [first] = named;
  if (first === undefined) return [...lines];
  const times = named.map(({ completedAt }) => completedAt);
  const sought: SoughtTogether = {
    tenantId: first.tenantId,
    mode: first.mode,
    shortcodeId: first.shortcodeId,
    references: [...new Set(named.flatMap((line) => referencesOf(line) ?? []))],
    createdFrom: Math.min(...times) - secondWithinMs - waitedAtMostMs,
    createdTo: Math.max(...times) + secondWithinMs,
  };
  const counts = await countByReference(trx, sought);
  const isRare = (line: Line): boolean =>
    referencesOf(line)?.every((reference) => (counts.get(reference) ?? 0) <= fewPayments) ?? false;
  const rare = lines.filter(isRare);
  const references = [...counts.keys()].filter((reference) => counts.get(reference)! <= fewPayments);
  const amounts = [...new Set(rare.map(({ amountCents }) => amountCents / 100))];
  const payments =
    references.length === 0 ? [] : await findByReferences(trx, sealer, { ...sought, references }, amounts);
  for (const line of rare) found.set(line.id, pickFor(line, payments));
  return lines.filter((line) => !isRare(line));
}

function pickFor(line: Line, payments: readonly Payment[]): FoundPayments {
  const references = referencesOf(line) ?? [];
  const like = payments.filter(
    ({ reference, amountKes }) => amountKes * 100 === line.amountCents && references.includes(reference),
  );
  const isNear = (payment: Payment): boolean => Math.abs(line.completedAt - pushedAt(payment)) <= secondWithinMs;
  return {
    unpaid: like.filter(({ mpesaReceipt }) => mpesaReceipt === null),
    paid: like.filter((payment) => payment.mpesaReceipt !== null && isNear(payment)),
  };
}

async function findAlone(trx: Db, sealer: Sealer, line: Line): Promise<FoundPayments> {
  const { tenantId, mode, shortcodeId, amountCents, completedAt } = line;
  const references = referencesOf(line);
  const isNarrow = references === null || (await isCrowded(trx, { tenantId, mode, references, ...dayAround(line) }));
  const sought: Sought = {
    tenantId,
    mode,
    shortcodeId,
    amountKes: amountCents / 100,
    references,
    hasReceipt: false,
    pushedFrom: completedAt - latestMs,
    pushedTo: completedAt - earliestMs,
    waitedAtMostMs: isNarrow ? hourMs : waitedAtMostMs,
  };
  const unpaid = await findSimilarPayments(trx, sealer, sought);
  if (references === null) return { ...none, unpaid };
  const aroundMs = isNarrow ? hourMs : secondWithinMs;
  const around = { pushedFrom: completedAt - aroundMs, pushedTo: completedAt + aroundMs };
  return { unpaid, paid: await findSimilarPayments(trx, sealer, { ...sought, ...around, hasReceipt: true }) };
}

function dayAround({ completedAt }: Line): Pick<SoughtTogether, 'createdFrom' | 'createdTo'> {
  return { createdFrom: completedAt - waitedAtMostMs, createdTo: completedAt + secondWithinMs };
}
