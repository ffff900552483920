// SQL for finding payments in the console. A page must come in less than 100 ms with a million payments and without
// indexes beyond those the gateway lives by (but one, for late money, which costs the others nothing), so there are three
// ways to a list, each on an index from end to end: equalities are merged from one seek per tenant and status; what begins
// with a reference is sorted when it is little; everything else walks in slices of time, looks at so many payments at
// most, and says how far it came.

import type { Knex } from 'knex';
import type { Payment } from '../payments/payment.ts';
import { toPayment } from '../payments/payment-row.ts';
import type { Db } from '../platform/database.ts';
import type { Position } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import {
  bounded,
  type Heading,
  hasResidue,
  inOrder,
  inSlice,
  ofTenants,
  type PaymentSearch,
  paceOf,
  type Slice,
  seek,
  slicesOf,
  withReference,
  withResidue,
} from './payment-query-store.ts';

export interface Found {
  /** In the order of the heading, nearest first. */
  items: Position[];
  hasMore: boolean;
  /** Where the looking ended before the page was full: there may be more. Null when all there is was looked at. */
  lookedTo: Position | null;
}

/** So many references that begin alike are sorted, out of the index alone. */
const mostSorted = 30_000;
/** Of those that are sorted so many are looked at for one page, a few at a time. */
const mostChecked = 1000;
const checkedAtOnce = 250;

/** A slice that is a little too short costs another one. */
const spare = 1.5;
const leastWanted = 100;

export async function searchPayments(db: Db, search: PaymentSearch, heading: Heading, limit: number): Promise<Found> {
  if (search.tenantIds.length === 0) return toFound([], limit);
  const few = await findFew(db, search);
  if (few !== null) return findAmong(db, few, bounded(few.query, search, heading), heading, limit);
  if (!hasResidue(search)) return toFound(await seek(db, search, heading, limit + 1), limit);
  const items: Position[] = [];
  const { wanted, page } = paceOf(search);
  const demand = { wanted };
  let lookedAt = 0;
  for await (const slice of slicesOf(db, search, heading, demand)) {
    items.push(...(await searchSlice(db, search, heading, slice, limit + 1 - items.length)));
    lookedAt += slice.count;
    if (items.length > limit) break;
    // What is looked at costs more than what is asked for: no more than it seems to take to fill the page.
    const needed = ((limit + 1 - items.length) * lookedAt) / items.length;
    demand.wanted = Math.max(leastWanted, Math.min(wanted, needed * spare));
    if (lookedAt >= page) {
      const isOlder = heading.towards === 'older';
      const lookedTo = isOlder ? { createdAt: slice.from, id: '' } : { createdAt: slice.to, id: '~' };
      return { items, hasMore: false, lookedTo };
    }
  }
  return toFound(items, limit);
}

async function findAmong(
  db: Db,
  { residue }: Few,
  query: Knex.QueryBuilder,
  heading: Heading,
  limit: number,
): Promise<Found> {
  if (residue === null) return toFound(await inOrder(query, heading, limit + 1), limit);
  const places = await inOrder(query, heading, mostChecked + 1);
  const items: Position[] = [];
  for await (const some of checked(db, residue, places.slice(0, mostChecked))) {
    items.push(...some);
    if (items.length > limit) break;
  }
  if (items.length > limit || places.length <= mostChecked) return toFound(items, limit);
  return { items, hasMore: false, lookedTo: places[mostChecked - 1]! };
}

/** Those of some payments that are what is looked for, in their order. */
async function* checked(db: Db, residue: PaymentSearch, places: readonly Position[]): AsyncGenerator<Position[]> {
  for (let start = 0; start < places.length; start += checkedAtOnce) {
    const some = places.slice(start, start + checkedAtOnce);
    const alike = db('payments').whereIn(
      'id',
      some.map(({ id }) => id),
    );
    const right = new Set<string>(await withResidue(alike, residue).pluck('id'));
    yield some.filter(({ id }) => right.has(id));
  }
}

const toFound = (items: Position[], limit: number): Found => ({
  items: items.slice(0, limit),
  hasMore: items.length > limit,
  lookedTo: null,
});

/** Everything a search finds, newest first, in batches that fit into memory whatever the whole is. */
export async function* walkPayments(db: Db, sealer: Sealer, search: PaymentSearch): AsyncGenerator<Payment[]> {
  if (search.tenantIds.length === 0) return;
  const heading: Heading = { towards: 'older', from: null };
  const few = await findFew(db, search);
  if (few !== null) {
    const places = await inOrder(bounded(few.query, search, heading), heading, null);
    if (few.residue === null) return yield* inBatches(db, sealer, places);
    for await (const some of checked(db, few.residue, places)) yield await readFound(db, sealer, some);
    return;
  }
  for await (const slice of slicesOf(db, search, heading)) {
    yield* inBatches(db, sealer, await searchSlice(db, search, heading, slice, null));
  }
}

/** More than any slice holds. */
const wholeSlice = 1_000_000;

/** An order beside the conditions would lead MariaDB out of the slice, along the index, until the page is full. */
function searchSlice(
  db: Db,
  search: PaymentSearch,
  heading: Heading,
  slice: Slice,
  limit: number | null,
): Promise<Position[]> {
  const inside = bounded(withResidue(inSlice(db, search, slice), search), search, heading);
  const found = inside.select('payments.id', 'created_at').limit(wholeSlice).as('payments');
  return inOrder(db.from(found), heading, limit);
}

const batchSize = 500;

async function* inBatches(db: Db, sealer: Sealer, items: readonly Position[]): AsyncGenerator<Payment[]> {
  for (let start = 0; start < items.length; start += batchSize)
    yield await readFound(db, sealer, items.slice(start, start + batchSize));
}

/** The payments themselves, in the order given. */
export async function readFound(db: Db, sealer: Sealer, items: readonly Pick<Position, 'id'>[]): Promise<Payment[]> {
  const ids = items.map(({ id }) => id);
  const rows: Record<string, unknown>[] = ids.length === 0 ? [] : await db('payments').whereIn('id', ids);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toPayment(row, sealer)];
  });
}

interface Few {
  /** Handed on inside an object, because a query that is waited for is run. */
  query: Knex.QueryBuilder;
  /** What of a search is still to be compared; null: nothing. */
  residue: PaymentSearch | null;
}

/**
 * A receipt, a phone or references, where they are few enough to be sorted. Null: not that kind of search, or too many.
 * What is alike is picked out first and without an order, so that nothing leads an engine to another index.
 */
async function findFew(db: Db, search: PaymentSearch): Promise<Few | null> {
  const { receipt, phoneIndex, reference } = search;
  if (receipt !== null) {
    const own = ofTenants(db, search).join(withReceipt(db, receipt), 'alike.id', 'payments.id');
    return { query: withResidue(own, search), residue: null };
  }
  if (phoneIndex === null && reference === null) return null;
  const others = { ...search, ...(phoneIndex === null ? { reference: null } : { phoneIndex: null }) };
  const isBare = search.statuses === null && !search.isLate && !hasResidue(others);
  const alike = (): Knex.QueryBuilder => {
    const own = ofTenants(db, search).limit(mostSorted);
    return phoneIndex === null ? withReference(own, reference ?? '') : own.where({ phone_index: phoneIndex });
  };
  const tooMany: unknown[] = await alike().select(db.raw('1')).limit(1).offset(mostSorted);
  if (tooMany.length > 0) return null;
  return { query: db.from(alike().select('id', 'created_at').as('payments')), residue: isBare ? null : others };
}

/** A receipt is one payment's, or in tests a few; the limit only keeps the engine from beginning elsewhere. */
function withReceipt(db: Db, receipt: string): Knex.QueryBuilder {
  return db('payments').select('id').where({ mpesa_receipt: receipt }).limit(1000).as('alike');
}

/** Payments of these tenants with this receipt, in whatever mode; newest first, at most ten. */
export async function findByReceipt(
  db: Db,
  sealer: Sealer,
  tenantIds: readonly string[],
  receipt: string,
): Promise<Payment[]> {
  const rows: Record<string, unknown>[] = await db('payments')
    .select('payments.*')
    .join(withReceipt(db, receipt), 'alike.id', 'payments.id')
    .whereIn('tenant_id', tenantIds)
    .orderBy('created_at', 'desc')
    .limit(10);
  return rows.map((row) => toPayment(row, sealer));
}

/** The payment with this id, or this CheckoutRequestID, if it belongs to one of these tenants. */
export async function findByName(
  db: Db,
  sealer: Sealer,
  tenantIds: readonly string[],
  name: { id: string } | { checkout_request_id: string },
): Promise<Payment | undefined> {
  const row: Record<string, unknown> | undefined = await db('payments').where(name).first();
  return row === undefined || !tenantIds.includes(String(row.tenant_id)) ? undefined : toPayment(row, sealer);
}

export interface ShortcodeName {
  id: string;
  number: string;
  kind: 'paybill' | 'till';
}

/** The shortcodes of these tenants in a mode, by number; at most 500. */
export async function listShortcodeNames(db: Db, tenantIds: readonly string[], mode: string): Promise<ShortcodeName[]> {
  return db('shortcodes')
    .select('id', 'kind', { number: 'shortcode' })
    .whereIn('tenant_id', tenantIds)
    .where({ mode })
    .orderBy('shortcode')
    .limit(500);
}
