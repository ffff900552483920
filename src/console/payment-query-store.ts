// The pieces of SQL that finding payments in the console is made of: what is looked for, the seeks that each begin at
// the head of an index, and the slices of time in which a list is walked through where no index knows the answer.
// Every piece keeps to the tenants of the search; there is none without.

import type { Knex } from 'knex';
import type { ConfirmedBy, Status } from '../payments/payment.ts';
import { type Db, unionAll } from '../platform/database.ts';
import type { Position } from '../platform/listing.ts';
import type { Mode } from '../tenants/api-key.ts';

/** What is looked for. The tenants are those the operator may see and has chosen; without any, nothing is found. */
export interface PaymentSearch {
  tenantIds: readonly string[];
  mode: Mode;
  /** Null: all. */
  statuses: readonly Status[] | null;
  /** Money that came late, and is there: paid, or under review. */
  isLate: boolean;
  phoneIndex: string | null;
  /** Exactly this, or what begins with it. */
  reference: string | null;
  receipt: string | null;
  /** Asked for or received. */
  amountKes: number | null;
  shortcode: string | null;
  failureCode: string | null;
  confirmedBy: ConfirmedBy | null;
  /** Created from here on. */
  since: number | null;
  /** Created before. */
  until: number | null;
}

/** From a place in the list towards older or newer payments; null: from the end. */
export interface Heading {
  towards: 'older' | 'newer';
  from: Position | null;
}

const lateStatuses: readonly Status[] = ['succeeded', 'needs_review'];

/** Seeks in one statement: SQLite takes 500 parts of a union. */
const mostSeeks = 200;

export function ofTenants(db: Db, { tenantIds, mode }: PaymentSearch): Knex.QueryBuilder {
  return db('payments').whereIn('tenant_id', tenantIds).where({ mode });
}

export function withReference(query: Knex.QueryBuilder, reference: string): Knex.QueryBuilder {
  return query.where('reference', '>=', reference).where('reference', '<', `${reference}\u{10ffff}`);
}

/** Whether anything is left to be compared beside what {@link seek} finds by index. */
export function hasResidue(search: PaymentSearch): boolean {
  const { isLate, reference, amountKes, shortcode, failureCode, confirmedBy } = search;
  if (search.phoneIndex !== null && (search.statuses !== null || isLate)) return true;
  if (isLate && !coversLate(search.statuses)) return true;
  return [reference, amountKes, shortcode, failureCode, confirmedBy].some((value) => value !== null);
}

/** Whether late payments need not be compared with these statuses. */
function coversLate(statuses: readonly Status[] | null): boolean {
  return statuses === null || lateStatuses.every((status) => statuses.includes(status));
}

type TimeColumn = 'created_at' | 'late_at';

/** Late payments have an index of their own, by the same times, in which there are no others. */
function timeColumn({ isLate, phoneIndex }: Pick<PaymentSearch, 'isLate' | 'phoneIndex'>): TimeColumn {
  return isLate && phoneIndex === null ? 'late_at' : 'created_at';
}

/** Everything that is looked for but the tenants and the time; what an index was entered by may be said twice. */
export function withResidue(query: Knex.QueryBuilder, search: PaymentSearch): Knex.QueryBuilder {
  const { statuses, isLate, phoneIndex, reference, amountKes, shortcode, failureCode, confirmedBy } = search;
  if (statuses !== null) query.whereIn('status', statuses);
  if (isLate) query.whereNotNull('late_at');
  if (phoneIndex !== null) query.where({ phone_index: phoneIndex });
  if (reference !== null) withReference(query, reference);
  if (amountKes !== null)
    query.where((either) => either.where({ amount_kes: amountKes }).orWhere({ amount_received_kes: amountKes }));
  if (shortcode !== null) query.where({ shortcode });
  if (failureCode !== null) query.where({ failure_code: failureCode });
  if (confirmedBy !== null) query.where({ confirmed_by: confirmedBy });
  return query;
}

/** Inside the search's time and beyond the heading's start. */
export function bounded(
  query: Knex.QueryBuilder,
  { since, until }: Pick<PaymentSearch, 'since' | 'until'>,
  { towards, from }: Heading,
  column: TimeColumn = 'created_at',
): Knex.QueryBuilder {
  if (since !== null) query.where(column, '>=', since);
  if (until !== null) query.where(column, '<', until);
  if (from === null) return query;
  const [notBefore, beyond] = towards === 'older' ? (['<=', '<'] as const) : (['>=', '>'] as const);
  // The first condition is implied by the second; it is what lets the index be entered at the place.
  return query.where(column, notBefore, from.createdAt).where((either) => {
    either.where(column, beyond, from.createdAt).orWhere('payments.id', beyond, from.id);
  });
}

/** Where the payments of a query stand, nearest first. */
export async function inOrder(query: Knex.QueryBuilder, heading: Heading, limit: number | null): Promise<Position[]> {
  const ordered = query.select('payments.id', 'created_at').orderBy(orderOf(heading));
  const rows: { id: string; created_at: number }[] = await (limit === null ? ordered : ordered.limit(limit));
  return rows.map(({ id, created_at }) => ({ id, createdAt: created_at }));
}

function orderOf({ towards }: Heading, column: TimeColumn = 'created_at'): { column: string; order: 'asc' | 'desc' }[] {
  const order = towards === 'older' ? 'desc' : 'asc';
  return [
    { column, order },
    { column: 'payments.id', order },
  ];
}

/**
 * One query for each tenant and status (or phone): each is the head of an index that goes on in the list's order. Late
 * ones have an index in which they are alone.
 */
function seeksOf(db: Db, { tenantIds, mode, statuses, isLate, phoneIndex }: PaymentSearch): Knex.QueryBuilder[] {
  return tenantIds.flatMap((tenantId) => {
    const ofTenant = { tenant_id: tenantId, mode };
    if (phoneIndex !== null) return [db('payments').where({ ...ofTenant, phone_index: phoneIndex })];
    if (isLate) return [db('payments').where(ofTenant).whereNotNull('late_at')];
    if (statuses === null) return [db('payments').where(ofTenant)];
    return statuses.map((status) => db('payments').where({ ...ofTenant, status }));
  });
}

/** The first payments of a heading, merged from the seeks; what {@link hasResidue} tells of is not compared. */
export async function seek(db: Db, search: PaymentSearch, heading: Heading, limit: number): Promise<Position[]> {
  const column = timeColumn(search);
  const seeks = seeksOf(db, search).map((query) =>
    bounded(query, search, heading, column)
      .select('payments.id', 'created_at')
      .orderBy(orderOf(heading, column))
      .limit(limit),
  );
  const found: Position[] = [];
  for (let start = 0; start < seeks.length; start += mostSeeks) {
    const merged = db.from(unionAll(db, seeks.slice(start, start + mostSeeks)).as('payments'));
    found.push(...(await inOrder(merged, heading, limit)));
  }
  const sign = heading.towards === 'older' ? -1 : 1;
  return found.sort((left, right) => sign * compare(left, right)).slice(0, limit);
}

function compare(left: Position, right: Position): number {
  return left.createdAt - right.createdAt || (left.id < right.id ? -1 : Number(left.id > right.id));
}

/** A stretch of time, both ends included, and how many payments it holds that must be looked at. */
export interface Slice {
  from: number;
  to: number;
  count: number;
}

const firstSpanMs = 3_600_000;
const shortestSpanMs = 1000;
const fastestGrowth = 24;
const slowestGrowth = 1 / 4;

/** How many payments a slice shall have and may have, and how many are looked at for one page. */
export interface Pace {
  wanted: number;
  most: number;
  page: number;
}

/** What was made at the same time lies together in the table; late ones lie apart, and each costs a reading of its own. */
const paces: Readonly<Record<TimeColumn, Pace>> = {
  created_at: { wanted: 2000, most: 3000, page: 4000 },
  late_at: { wanted: 200, most: 300, page: 400 },
};

export const paceOf = (search: PaymentSearch): Pace => paces[timeColumn(search)];

/**
 * The time of a search in slices, nearest first, without a gap. Their length follows how many payments there are; a
 * time that seems to be without any is leapt over.
 * @param demand how many payments the next slice shall have; may be changed between two
 */
export async function* slicesOf(
  db: Db,
  search: PaymentSearch,
  heading: Heading,
  demand: Pick<Pace, 'wanted'> = paceOf(search),
): AsyncGenerator<Slice> {
  const { most } = paceOf(search);
  const isOlder = heading.towards === 'older';
  let left = search;
  let spanMs = firstSpanMs;
  let edge = heading.from?.createdAt ?? null;
  for (;;) {
    edge ??= (await seek(db, left, heading, 1))[0]?.createdAt ?? null;
    if (edge === null) return;
    let slice = await measure(db, left, heading, edge, spanMs);
    while (slice.count > most && spanMs > shortestSpanMs) {
      spanMs = Math.max(shortestSpanMs, Math.floor(spanMs / 8));
      slice = await measure(db, left, heading, edge, spanMs);
    }
    yield slice;
    left = isOlder ? { ...left, until: slice.from } : { ...left, since: slice.to + 1 };
    const growth = Math.min(fastestGrowth, demand.wanted / Math.max(1, slice.count));
    spanMs = Math.max(shortestSpanMs, Math.floor(spanMs * Math.max(slowestGrowth, growth)));
    // Behind a slice in which there were some there are more; only behind an empty one is it worth while to look where.
    edge = slice.count === 0 ? null : isOlder ? slice.from - 1 : slice.to + 1;
  }
}

async function measure(db: Db, search: PaymentSearch, heading: Heading, edge: number, spanMs: number): Promise<Slice> {
  const isOlder = heading.towards === 'older';
  const since = search.since ?? Number.NEGATIVE_INFINITY;
  const last = (search.until ?? Number.POSITIVE_INFINITY) - 1;
  // A search may be over before its edge, or begin behind it.
  const from = isOlder ? Math.max(Math.min(edge, last) - spanMs, since) : Math.max(edge, since);
  const to = isOlder ? Math.min(edge, last) : Math.min(from + spanMs, last);
  const inside = inSlice(db, search, { from, to })
    .select(db.raw('1'))
    .limit(paceOf(search).most + 1);
  const rows: { total: number }[] = await db.count({ total: '*' }).from(inside.as('inside'));
  return { from, to, count: Number(rows[0]?.total ?? 0) };
}

/** What {@link seek} would find in a slice. */
export function inSlice(db: Db, search: PaymentSearch, { from, to }: Pick<Slice, 'from' | 'to'>): Knex.QueryBuilder {
  const query = ofTenants(db, search).whereBetween(timeColumn(search), [from, to]);
  if (search.phoneIndex !== null) return query.where({ phone_index: search.phoneIndex });
  if (search.isLate && coversLate(search.statuses)) return query;
  return search.statuses === null ? query : query.whereIn('status', search.statuses);
}
