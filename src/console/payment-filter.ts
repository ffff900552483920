// What the list of payments shows, as it stands in the address: the search, the quick view, the time, the filters and the
// place in the list. Everything can be combined, and an address means the same to whoever it is sent to. A value that
// makes no sense is left out, as if it had not been given.

import { type FailureCode, failureCatalogue } from '../payments/failures.ts';
import type { ConfirmedBy, Status } from '../payments/payment.ts';
import { isId } from '../platform/ids.ts';
import type { Position } from '../platform/listing.ts';
import { confirmedByWords, statusWords } from './status-words.ts';

export interface QuickView {
  word: string;
  icon: string;
  /** Null: all. */
  statuses: readonly Status[] | null;
}

const viewOf = (status: Status): QuickView => ({ ...statusWords[status], statuses: [status] });

export const quickViews = {
  all: { word: 'All', icon: 'list-details', statuses: null },
  paid: viewOf('succeeded'),
  waiting: { ...viewOf('pending'), statuses: ['queued', 'submitting', 'pending'] },
  failed: viewOf('failed'),
  cancelled: viewOf('cancelled'),
  expired: viewOf('expired'),
  unsure: viewOf('unknown'),
  /** Money that came late is paid, or waits for a review. */
  late: { word: 'Late', icon: 'history', statuses: ['succeeded', 'needs_review'] },
  review: viewOf('needs_review'),
} as const satisfies Record<string, QuickView>;
export type View = keyof typeof quickViews;

export const timePresets = {
  any: { word: 'Any', sentence: '' },
  '15m': { word: '15 min', sentence: 'created in the last 15 minutes' },
  '1h': { word: '1 h', sentence: 'created in the last hour' },
  today: { word: 'Today', sentence: 'created today' },
  '7d': { word: '7 days', sentence: 'created in the last 7 days' },
  other: { word: 'Other', sentence: '' },
} as const;
export type TimePreset = keyof typeof timePresets;

export interface PaymentFilter {
  /** As it was typed. */
  q: string;
  view: View;
  time: TimePreset;
  /** `2026-10-06T14:15` in Nairobi, for the time `other`; empty for no end. */
  from: string;
  to: string;
  shortcode: string | null;
  code: FailureCode | null;
  confirmedBy: ConfirmedBy | null;
  /** Payments older than this place in the list; or newer. At most one of them. */
  before: Position | null;
  after: Position | null;
}

type Query = Readonly<Record<string, string | string[] | undefined>>;

export function readFilter(query: Query): PaymentFilter {
  const text = (name: string): string => {
    const value = query[name];
    return ((Array.isArray(value) ? value.at(-1) : value) ?? '').trim();
  };
  const [from, to, shortcode] = [text('from'), text('to'), text('shortcode')];
  const before = readPosition(text('before'));
  const hasTimes = readNairobi(from) !== null || readNairobi(to) !== null;
  const time = among(timePresets, text('t')) ?? (hasTimes ? 'other' : 'any');
  return {
    q: text('q').slice(0, 100),
    view: among(quickViews, text('view')) ?? 'all',
    time,
    from: time === 'other' && readNairobi(from) !== null ? from : '',
    to: time === 'other' && readNairobi(to) !== null ? to : '',
    shortcode: /^\d{5,7}$/.test(shortcode) ? shortcode : null,
    code: among(failureCatalogue, text('code')) ?? null,
    confirmedBy: among(confirmedByWords, text('confirmed_by')) ?? null,
    before,
    after: before === null ? readPosition(text('after')) : null,
  };
}

/** The key of a table that a text names. */
function among<T extends object>(table: T, text: string): (keyof T & string) | undefined {
  return Object.hasOwn(table, text) ? (text as keyof T & string) : undefined;
}

/** The filter as parts of an address; what says nothing is left out. */
export function filterPairs(filter: PaymentFilter): [name: string, value: string][] {
  const pairs: [string, string | null][] = [
    ['q', filter.q],
    ['view', filter.view === 'all' ? '' : filter.view],
    ['t', filter.time === 'any' ? '' : filter.time],
    ['from', filter.from],
    ['to', filter.to],
    ['shortcode', filter.shortcode],
    ['code', filter.code],
    ['confirmed_by', filter.confirmedBy],
    ['before', filter.before === null ? '' : positionText(filter.before)],
    ['after', filter.after === null ? '' : positionText(filter.after)],
  ];
  return pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== '');
}

/** `path?tenant=…&mode=…&q=…`: another filter leads to its first page. */
export function addressOf(
  path: string,
  scopeQuery: string,
  filter: PaymentFilter,
  change: Partial<PaymentFilter> = {},
): string {
  const pairs = filterPairs({ ...filter, before: null, after: null, ...change });
  return `${path}${scopeQuery}${pairs.map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('')}`;
}

/** Whether anything but the quick view narrows the list. */
export function isNarrowed({ q, time, shortcode, code, confirmedBy }: PaymentFilter): boolean {
  return q !== '' || time !== 'any' || shortcode !== null || code !== null || confirmedBy !== null;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Nairobi is UTC+3 all year. */
const nairobiOffsetMs = 3 * hourMs;

/** From `since` on, and before `until`. */
export function windowOf(
  { time, from, to }: PaymentFilter,
  now: number,
): { since: number | null; until: number | null } {
  switch (time) {
    case 'any':
      return { since: null, until: null };
    case '15m':
      return { since: now - 15 * minuteMs, until: null };
    case '1h':
      return { since: now - hourMs, until: null };
    case 'today':
      return { since: now - ((now + nairobiOffsetMs) % dayMs), until: null };
    case '7d':
      return { since: now - 7 * dayMs, until: null };
    case 'other':
      // A day that is named as the end is meant as a whole.
      return { since: readNairobi(from), until: /T/.test(to) ? readNairobi(to) : addDay(readNairobi(to)) };
    default:
      return time satisfies never;
  }
}

const addDay = (at: number | null): number | null => (at === null ? null : at + dayMs);

/** `2026-10-06`, `2026-10-06T14:15` or with seconds, as Nairobi's clocks show it; null for anything else. */
export function readNairobi(text: string): number | null {
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?$/.exec(text);
  if (parts === null) return null;
  const at = Date.parse(`${parts[1]}T${parts[2] ?? '00:00'}${parts[3] ?? ':00'}+03:00`);
  return Number.isNaN(at) ? null : at;
}

function positionText({ createdAt, id }: Position): string {
  return `${createdAt}.${id}`;
}

/** A place in the list; one that is not a payment's has no id and lies before, or after (`~`), all of its moment. */
function readPosition(text: string): Position | null {
  const [, createdAt = '', id = ''] = /^(\d{1,15})\.(\w*|~)$/.exec(text) ?? [];
  if (createdAt === '' || !(id === '' || id === '~' || isId('pay', id))) return null;
  return { createdAt: Number(createdAt), id };
}
