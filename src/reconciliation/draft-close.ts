// What the close of a day would say, put together from everything that is known now: the lines that no close has counted,
// the payments of the day, the discrepancies that are open, and the close before. The same for a preview, for whoever
// approves it, and for the close itself, so what was looked at is what is closed, or it is not closed.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { LineSource } from '../mpesa/source-line.ts';
import { type Status, statuses } from '../payments/payment.ts';
import type { Db } from '../platform/database.ts';
import { type Balance, type BalancePoint, type CloseDraft, type DailyClose, noHash, readBody } from './close.ts';
import { walkBalances } from './close-balance.ts';
import { foldLines, type OpenLine } from './close-figures.ts';
import {
  countOpenDiscrepancies,
  type LineSet,
  type OpenDiscrepancies,
  readLinesElsewhere,
  readOpenLines,
  sumUnproven,
} from './close-line-store.ts';
import type { Span } from './coverage.ts';
import { readCoverage } from './coverage-store.ts';
import { countPayments } from './daily-report-store.ts';
import { startOfDay } from './line.ts';
import { dayAfter, endOfDay } from './nairobi-days.ts';

export interface Drafted {
  draft: CloseDraft;
  /** Lines that a later close counts. */
  deferred: readonly string[];
  /** Lines that matching has not looked at yet. */
  unmatched: number;
}

/** @param previous the newest close of this shortcode @param closeId of the close that has taken its lines; null for a preview */
export async function draftClose(
  db: Db,
  shortcode: Shortcode,
  day: string,
  previous: DailyClose | null,
  closeId: string | null,
): Promise<Drafted> {
  const { id: shortcodeId, tenantId, mode } = shortcode;
  const set: LineSet = { shortcodeId, day, closedTo: previous?.day ?? null, closeId };
  const [from, to] = [startOfDay(day), endOfDay(day)];
  const lines = await readOpenLines(db, set);
  const figures = foldLines(lines, await readLinesElsewhere(db, set), day);
  const { unmatched, deferred, linesOfDay, movements, toldAgain, priorPeriod, matching } = figures;
  const { unexplainedCents, returnedCents } = figures;
  const covered = coversOf(await readCoverage(db, shortcodeId), from, to);
  const balance = balanceOf(lines, day, previous, covered.statement);
  const unproven = await sumUnproven(db, { tenantId, mode, shortcodeId, from, to });
  const found = await countOpenDiscrepancies(db, shortcodeId, day, previous);
  const variance = {
    balanceCents: balance === null ? null : balance.closing.cents - (balance.opening.cents + balance.movementsCents),
    unexplainedCents,
    unprovenCents: figures.unprovenCents + unproven.openKes * 100,
    writtenOffCents: figures.writtenOffCents + unproven.writtenOffKes * 100,
    returnedCents,
  };
  const totalCents = Math.abs(variance.balanceCents ?? 0) + variance.unexplainedCents + variance.unprovenCents;
  const criticalOpen = found.reduce((sum, { severity, count }) => sum + (severity === 'critical' ? count : 0), 0);
  const draft: CloseDraft = {
    version: 1,
    tenantId,
    mode,
    shortcodeId,
    shortcode: shortcode.shortcode,
    day,
    timezone: 'Africa/Nairobi',
    previousDay: previous?.day ?? null,
    previousHash: previous?.hash ?? noHash,
    movements,
    toldAgain,
    priorPeriod,
    sources: sourcesOf(linesOfDay, covered),
    balance,
    matching,
    payments: await paymentsOf(db, shortcode, from, to),
    discrepancies: discrepanciesOf(found),
    criticalOpen,
    variance: { ...variance, totalCents },
    isClean: totalCents === 0 && criticalOpen === 0,
  };
  return { draft, deferred, unmatched };
}

/** Of the account that customers pay into; others have balances of their own. A day without rows ends as the day before did, if the statement covers it. */
function balanceOf(
  lines: readonly OpenLine[],
  day: string,
  previous: DailyClose | null,
  isCovered: boolean,
): Balance | null {
  const rows = lines.filter(({ source, isMain }) => source === 'statement' && isMain);
  if (rows.length === 0 && !isCovered) return null;
  return walkBalances(rows, openingOf(previous, day));
}

/** Where the day before ended, if it is the one that was closed last and knew. */
function openingOf(previous: DailyClose | null, day: string): BalancePoint | null {
  if (previous === null || dayAfter(previous.day) !== day) return null;
  return readBody(previous).balance?.closing ?? null;
}

/** A statement's last second is 23:59:59. */
const lastSecondMs = 1000;

/** Which sources have told the day from its beginning to its end. */
function coversOf(
  told: ReadonlyMap<LineSource, readonly Span[]>,
  from: number,
  to: number,
): Record<LineSource, boolean> {
  const covers = (source: LineSource): boolean =>
    (told.get(source) ?? []).some((span) => span.from <= from && span.to >= to - lastSecondMs);
  return { c2b: covers('c2b'), pull: covers('pull'), statement: covers('statement') };
}

function sourcesOf(lines: Record<LineSource, number>, covered: Record<LineSource, boolean>): CloseDraft['sources'] {
  const one = (source: LineSource) => ({ lines: lines[source], coversDay: covered[source] });
  return { c2b: one('c2b'), pull: one('pull'), statement: one('statement') };
}

async function paymentsOf(
  db: Db,
  { id: shortcodeId, tenantId, mode }: Shortcode,
  from: number,
  to: number,
): Promise<CloseDraft['payments']> {
  const sums = Object.fromEntries(statuses.map((status) => [status, { count: 0, kes: 0 }])) as CloseDraft['payments'];
  for (const { status, count, amountKes } of await countPayments(db, tenantId, mode, { from, to, shortcodeId })) {
    const sum = sums[status satisfies Status];
    sum.count += count;
    sum.kes += amountKes;
  }
  return sums;
}

function discrepanciesOf(found: readonly OpenDiscrepancies[]): CloseDraft['discrepancies'] {
  return Object.fromEntries(
    found.map(({ type, severity, count, atRiskCents }) => [type, { severity, count, atRiskCents }]),
  );
}
