// What C2B confirmations come to: each one is a line of the shortcode whose address it came to, in one transaction with
// the others of the moment; matching is told of it afterwards and finds it by itself if it is not. What cannot be read,
// and what names another shortcode, is no line: it is kept as a stray, and the latter is a discrepancy at once.

import { readC2bConfirmation } from '../mpesa/c2b-body.ts';
import type { ArrivedConfirmation } from '../mpesa/callback-spool.ts';
import { findShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import type { SourceLine } from '../mpesa/source-line.ts';
import type { HeardConfirmation } from '../mpesa/take-c2b.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Finding } from './discrepancy.ts';
import { openFindings } from './discrepancy-store.ts';
import { ownerOf } from './feed.ts';
import { findDueC2bLines } from './feed-store.ts';
import { nairobiDay } from './line.ts';
import { addLines } from './line-store.ts';
import { addStrays, type StrayConfirmation } from './stray-store.ts';

export interface HearDeps {
  db: Db;
  sealer: Sealer;
  logger: Logger;
  now(): number;
  /** Tells matching of new lines; must not wait and not throw. */
  nudge(lineIds: readonly string[]): void;
}

/** Whether an address may call back for a shortcode of this environment. */
type IsAllowed = (address: string, environment: string) => boolean;

/** One result each, in order. Hearing one again adds nothing. */
export async function hearC2b(
  deps: HearDeps,
  arrived: readonly ArrivedConfirmation[],
  isAllowed: IsAllowed,
): Promise<readonly HeardConfirmation[]> {
  const { results, lineIds } = await inTransaction(deps.db, (trx) => hearInside(trx, deps, arrived, isAllowed));
  if (lineIds.length > 0) deps.nudge(lineIds);
  return results;
}

interface Heard {
  results: HeardConfirmation[];
  lineIds: string[];
}

async function hearInside(
  trx: Db,
  deps: HearDeps,
  arrived: readonly ArrivedConfirmation[],
  isAllowed: IsAllowed,
): Promise<Heard> {
  const shortcodes = new Map<string, Shortcode | undefined>();
  for (const shortcodeId of new Set(arrived.map((one) => one.shortcodeId)))
    shortcodes.set(shortcodeId, await findShortcodeAcrossTenants(trx, shortcodeId));
  const lines = new Map<Shortcode, SourceLine[]>();
  const strays: StrayConfirmation[] = [];
  const results = arrived.map((one): HeardConfirmation => {
    const shortcode = shortcodes.get(one.shortcodeId);
    if (shortcode === undefined) return 'unknown_shortcode';
    if (!isAllowed(one.sourceIp, shortcode.environment)) return 'refused';
    const sorted = sort(shortcode, one);
    if ('line' in sorted) {
      lines.set(shortcode, [...(lines.get(shortcode) ?? []), sorted.line]);
      return 'kept';
    }
    deps.logger.warn('c2b.stray', {
      request_id: one.requestId,
      tenant_id: shortcode.tenantId,
      shortcode_id: shortcode.id,
      reason: sorted.stray.reason,
      detail: sorted.why,
    });
    strays.push(sorted.stray);
    return 'stray';
  });
  const now = deps.now();
  await addStrays(trx, deps.sealer, strays);
  await openFindings(trx, strays.flatMap(findingOf), now);
  const lineIds: string[] = [];
  for (const [shortcode, own] of lines) {
    await addLines(trx, deps.sealer, ownerOf(shortcode), own, { now });
    lineIds.push(
      ...(await findDueC2bLines(
        trx,
        shortcode.id,
        own.map(({ receipt }) => receipt),
      )),
    );
  }
  return { results, lineIds };
}

type Sorted = { line: SourceLine } | { stray: StrayConfirmation; why: string };

/** A till's confirmation may name the till or its store number. */
function sort({ id, tenantId, mode, shortcode, till }: Shortcode, arrived: ArrivedConfirmation): Sorted {
  const { raw, arrivedAt: at, sourceIp } = arrived;
  const read = readC2bConfirmation(raw, at);
  const common = { tenantId, mode, shortcodeId: id, sourceIp, raw, at };
  if (!read.readable) {
    const stray = { ...common, reason: 'unreadable' as const, namedShortcode: null, receipt: null, amountCents: null };
    return { stray, why: read.why };
  }
  const { line, shortcode: named } = read;
  if (named === null || named === shortcode || named === till) return { line };
  const { receipt, amountCents } = line;
  const stray = { ...common, reason: 'other_shortcode' as const, namedShortcode: named, receipt, amountCents };
  return { stray, why: 'it names another shortcode' };
}

/** What cannot be read is no known money: it stays in sight without being a discrepancy. */
function findingOf({ tenantId, mode, reason, namedShortcode, receipt, amountCents, at }: StrayConfirmation): Finding[] {
  if (reason !== 'other_shortcode') return [];
  const detail = `M-PESA confirmed receipt ${receipt} for shortcode ${namedShortcode} at the address of another one. Its URLs are registered for the wrong shortcode, or that one is missing here.`;
  return [
    {
      tenantId,
      mode,
      shortcodeId: null,
      type: 'unknown_shortcode',
      paymentId: null,
      lineId: null,
      receipt,
      day: nairobiDay(at),
      atRiskCents: amountCents ?? 0,
      detail,
      candidates: [],
    },
  ];
}
