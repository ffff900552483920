// From lines to figures: what M-PESA says moved, each receipt once, and what of it our payments account for. Pure, so
// that the same lines give the same figures in a preview, in a close, and in a test.

import type { LineKind, LineSource } from '../mpesa/source-line.ts';
import type { CloseDraft, Movements, PriorLine } from './close.ts';
import { mostPriorLines } from './close.ts';
import type { LineStatus } from './line.ts';

/** A line that no close has counted, with the payment it belongs to. */
export interface OpenLine {
  id: string;
  source: LineSource;
  kind: LineKind;
  receipt: string;
  amountCents: number;
  balanceCents: number | null;
  /** Of the account that customers pay into. */
  isMain: boolean;
  completedAt: number;
  day: string;
  status: LineStatus;
  /** Null where it has none. */
  payment: { status: string; receivedKes: number; receipt: string | null } | null;
}

/** The same receipt and kind in a line that is not among these: counted in an earlier close, or of another open day. */
export interface LineElsewhere {
  receipt: string;
  kind: LineKind;
  source: LineSource;
  isCounted: boolean;
}

export interface LineFigures extends Pick<CloseDraft, 'movements' | 'toldAgain' | 'priorPeriod' | 'matching'> {
  unexplainedCents: number;
  /** Where a payment says more than its line. */
  unprovenCents: number;
  writtenOffCents: number;
  /** Money without a payment that M-PESA took back. */
  returnedCents: number;
  /** Lines that wait for matching: figures are not true before it has looked. */
  unmatched: number;
  linesOfDay: Record<LineSource, number>;
  /** Lines whose receipt a better source tells of another open day: they are counted there. */
  deferred: readonly string[];
}

/**
 * How far a source is believed about the amount and the time of a receipt: a statement is M-PESA's account book; a
 * confirmation is told at the moment itself; the time zone of Pull is disputed (daraja.md section 6.4).
 */
const trust: Readonly<Record<LineSource, number>> = { pull: 0, c2b: 1, statement: 2 };

/** Lines with a payment, as matching left them. */
const linked: ReadonlySet<LineStatus> = new Set(['matched', 'mismatch', 'settled']);

interface Receipt {
  kind: LineKind;
  receipt: string;
  /** Of the source that is believed most. */
  source: LineSource;
  day: string;
  cents: number;
  status: LineStatus;
  payment: OpenLine['payment'];
  lineIds: string[];
}

/** @param lines of the day and of days before it, all of one shortcode */
export function foldLines(lines: readonly OpenLine[], elsewhere: readonly LineElsewhere[], day: string): LineFigures {
  const all = receiptsOf(lines);
  const others = new Map<string, LineElsewhere[]>();
  for (const one of elsewhere) others.set(keyOf(one), [...(others.get(keyOf(one)) ?? []), one]);
  const places = all.map((one) => ({ one, place: placeOf(one, others.get(keyOf(one)) ?? []) }));
  const counted = places.filter(({ place }) => place === 'here').map(({ one }) => one);
  const prior = counted.filter((one) => one.day < day);
  return {
    movements: sumUp(counted.filter((one) => one.day === day)),
    toldAgain: places.filter(({ place }) => place === 'earlier').length,
    priorPeriod: {
      movements: sumUp(prior),
      count: prior.length,
      lines: prior.map(asPriorLine).sort(byDay).slice(0, mostPriorLines),
    },
    ...accountFor(counted.filter(({ kind }) => kind === 'payment')),
    unmatched: lines.filter(({ status }) => status === 'new').length,
    linesOfDay: countSources(lines.filter((line) => line.day === day)),
    deferred: places.flatMap(({ one, place }) => (place === 'later' ? one.lineIds : [])),
  };
}

const keyOf = ({ kind, receipt }: Pick<OpenLine, 'kind' | 'receipt'>): string => `${kind} ${receipt}`;

/** A payment or a reversal is told by several sources; other rows have only the statement, each for itself. */
const isToldOften = ({ kind }: Pick<OpenLine, 'kind'>): boolean => kind === 'payment' || kind === 'reversal';

function receiptsOf(lines: readonly OpenLine[]): Receipt[] {
  const found = new Map<string, OpenLine[]>();
  for (const line of lines) {
    const key = isToldOften(line) ? keyOf(line) : line.id;
    const known = found.get(key);
    if (known === undefined) found.set(key, [line]);
    else known.push(line);
  }
  return [...found.values()].map(believe);
}

/** One receipt out of all that tells it. A statement may tell one in several rows: they add up. */
function believe(told: readonly OpenLine[]): Receipt {
  const source = told.reduce((best, line) => (trust[line.source] > trust[best] ? line.source : best), told[0]!.source);
  const believed = told.filter((line) => line.source === source);
  const { kind, receipt, day, status } = believed[0]!;
  const link = told.find((line) => linked.has(line.status) && line.payment !== null);
  return {
    kind,
    receipt,
    source,
    day,
    cents: believed.reduce((sum, { amountCents }) => sum + amountCents, 0),
    status: told.some((line) => line.status === 'settled') ? 'settled' : (link?.status ?? status),
    payment: link?.payment ?? null,
    lineIds: told.map(({ id }) => id),
  };
}

function placeOf(one: Receipt, others: readonly LineElsewhere[]): 'here' | 'earlier' | 'later' {
  if (!isToldOften(one)) return 'here';
  if (others.some(({ isCounted }) => isCounted)) return 'earlier';
  return others.some(({ source }) => trust[source] > trust[one.source]) ? 'later' : 'here';
}

const kinds: readonly LineKind[] = ['payment', 'reversal', 'charge', 'withdrawal', 'float', 'other'];

function sumUp(receipts: readonly Receipt[]): Movements {
  const sums = Object.fromEntries(kinds.map((kind) => [kind, { count: 0, cents: 0 }])) as Movements;
  for (const { kind, cents } of receipts) {
    sums[kind].count += 1;
    sums[kind].cents += cents;
  }
  return sums;
}

const asPriorLine = ({ cents, day, kind, receipt, source }: Receipt): PriorLine => ({
  cents,
  day,
  kind,
  receipt,
  source,
});

function byDay(left: PriorLine, right: PriorLine): number {
  const texts = ({ day, receipt, kind }: PriorLine): string => `${day} ${receipt} ${kind}`;
  return texts(left) < texts(right) ? -1 : texts(left) > texts(right) ? 1 : left.cents - right.cents;
}

function countSources(lines: readonly OpenLine[]): Record<LineSource, number> {
  const counts: Record<LineSource, number> = { c2b: 0, pull: 0, statement: 0 };
  for (const { source } of lines) counts[source] += 1;
  return counts;
}

type Accounted = Pick<
  LineFigures,
  'matching' | 'unexplainedCents' | 'unprovenCents' | 'writtenOffCents' | 'returnedCents'
>;

/** Statuses of money in that say why there is no payment: it went back, or it is another tenant's of a shared number. */
const needsNone: ReadonlySet<LineStatus> = new Set(['reversal', 'classified']);

/** What payments say about money that came in, receipt by receipt; nothing is set off. */
function accountFor(moneyIn: readonly Receipt[]): Accounted {
  const sums = { unexplainedCents: 0, unprovenCents: 0, writtenOffCents: 0, returnedCents: 0 };
  const byStatus: Accounted['matching']['byStatus'] = {};
  for (const one of moneyIn) {
    const paid = paidCents(one);
    const above = Math.max(0, one.cents - paid);
    if (one.status === 'settled') sums.writtenOffCents += above;
    else if (one.status === 'reversal') sums.returnedCents += above;
    else if (!needsNone.has(one.status)) sums.unexplainedCents += above;
    sums.unprovenCents += Math.max(0, paid - one.cents);
    byStatus[one.status] = (byStatus[one.status] ?? 0) + 1;
  }
  const expected = moneyIn.filter(({ status }) => !needsNone.has(status));
  const receipts = expected.length;
  const matched = expected.filter(({ payment }) => payment !== null).length;
  const rateBasisPoints = receipts === 0 ? null : Math.floor((matched * 10_000) / receipts);
  return { matching: { receipts, matched, rateBasisPoints, byStatus }, ...sums };
}

/** A payment that is paid speaks for its own receipt, and for no second one that the customer also paid. */
function paidCents({ payment, receipt, cents }: Receipt): number {
  if (payment?.status !== 'succeeded') return 0;
  if (payment.receipt !== null && payment.receipt !== receipt) return 0;
  // A payment knows whole shillings only.
  return Math.floor(cents / 100) === payment.receivedKes ? cents : payment.receivedKes * 100;
}
