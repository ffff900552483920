// Finding payments by every way of the store, against a plain look through all of them: whatever is combined, in pages
// forward and back and as a walk, the same payments come in the same order. And where no index knows the answer, a page
// looks at so many payments at most, says how far it came, and the next one goes on from there.

import { expect } from 'chai';
import type { Heading, PaymentSearch } from '../../../src/console/payment-query-store.ts';
import { findByReceipt, searchPayments, walkPayments } from '../../../src/console/payment-search-store.ts';
import { phoneIndex } from '../../../src/payments/create-payment.ts';
import type { Flag, Payment, Status } from '../../../src/payments/payment.ts';
import { insertPayments } from '../../../src/payments/payment-store.ts';
import { newId } from '../../../src/platform/ids.ts';
import type { Position } from '../../../src/platform/listing.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { makePayment } from '../../support/payment-evidence.ts';

const start = Date.UTC(2026, 9, 1);
const hour = 3_600_000;

/** A run of numbers that is the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('console: searching payments', () => {
  let app: TestGateway;
  const next = numbers(7);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const tenants = [newId('ten'), newId('ten'), newId('ten')];
  const phones = ['254712000001', '254712000002', '254112000003'];
  const references = ['A', 'A-1', 'A-11', 'A-2', 'B', 'a-1'];
  const made: Payment[] = [];
  const blindIndex = (): Buffer => app.gateway.core.dataKeys.blindIndex;

  async function insert(payments: readonly Payment[]): Promise<void> {
    const { db, sealer } = app.gateway.core;
    for (let begin = 0; begin < payments.length; begin += 250) {
      const rows = payments.slice(begin, begin + 250).map((payment) => ({
        payment,
        idempotencyKey: JSON.stringify(payment.id),
        phoneIndex: phoneIndex(payment.phone, blindIndex()),
        guardEven: null,
        guardOdd: null,
      }));
      expect((await insertPayments(db, sealer, rows)).size).to.equal(rows.length);
    }
    // What a new payment does not have yet.
    for (const { id, confirmedBy, failureCode, mpesaReceipt, amountReceivedKes } of payments)
      if (confirmedBy !== null || failureCode !== null || mpesaReceipt !== null || amountReceivedKes !== null)
        await db('payments').where({ id }).update({
          confirmed_by: confirmedBy,
          failure_code: failureCode,
          mpesa_receipt: mpesaReceipt,
          amount_received_kes: amountReceivedKes,
        });
  }

  function randomPayment(createdAt: number): Payment {
    const status = pick<Status>(['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled', 'unknown', 'queued']);
    const flags: Flag[] = status === 'succeeded' && next(4) === 0 ? pick([['late'], ['late', 'contradicted']]) : [];
    return makePayment(status, {
      id: newId('pay'),
      tenantId: pick(tenants),
      mode: pick(['test', 'test', 'live']),
      shortcode: pick(['174379', '600001']),
      flags,
      phone: pick(phones),
      reference: pick(references),
      amountKes: pick([100, 200, 300]),
      amountReceivedKes: next(5) === 0 ? 200 : null,
      confirmedBy: status === 'succeeded' ? pick(['callback', 'query', 'statement']) : null,
      failureCode: status === 'failed' ? pick(['wrong_pin', 'insufficient_funds']) : null,
      mpesaReceipt: status === 'succeeded' && next(20) === 0 ? 'UJ6SHARED1' : null,
      createdAt,
    });
  }

  before(async function () {
    this.timeout(60_000);
    app = await buildGateway();
    // Some share a moment, and there are days without any.
    let at = start;
    for (let count = 0; count < 400; count += 1) {
      at += pick([0, 0, 1, 1000, hour, 30 * hour]);
      made.push(randomPayment(at));
    }
    await insert(made);
  });
  after(() => app.close());

  const all: PaymentSearch = {
    tenantIds: tenants,
    mode: 'test',
    statuses: null,
    isLate: false,
    phoneIndex: null,
    reference: null,
    receipt: null,
    amountKes: null,
    shortcode: null,
    failureCode: null,
    confirmedBy: null,
    since: null,
    until: null,
  };

  /** Newest first, as a plain look through everything finds them. */
  function expected(search: PaymentSearch): string[] {
    const isWanted = (payment: Payment): boolean =>
      search.tenantIds.includes(payment.tenantId) &&
      payment.mode === search.mode &&
      (search.statuses?.includes(payment.status) ?? true) &&
      (!search.isLate || payment.flags.includes('late')) &&
      (search.phoneIndex === null || phoneIndex(payment.phone, blindIndex()) === search.phoneIndex) &&
      (search.reference === null || payment.reference.startsWith(search.reference)) &&
      (search.receipt === null || payment.mpesaReceipt === search.receipt) &&
      (search.amountKes === null || [payment.amountKes, payment.amountReceivedKes].includes(search.amountKes)) &&
      (search.shortcode === null || payment.shortcode === search.shortcode) &&
      (search.failureCode === null || payment.failureCode === search.failureCode) &&
      (search.confirmedBy === null || payment.confirmedBy === search.confirmedBy) &&
      (search.since === null || payment.createdAt >= search.since) &&
      (search.until === null || payment.createdAt < search.until);
    const order = (left: Payment, right: Payment): number =>
      right.createdAt - left.createdAt || (left.id < right.id ? 1 : -1);
    return made
      .filter(isWanted)
      .sort(order)
      .map(({ id }) => id);
  }

  async function pages(search: PaymentSearch, towards: Heading['towards'], limit: number): Promise<string[]> {
    const found: string[] = [];
    let from: Position | null = null;
    for (;;) {
      const page = await searchPayments(app.gateway.core.db, search, { towards, from }, limit);
      found.push(...page.items.map(({ id }) => id));
      if (!page.hasMore) return found;
      from = page.items.at(-1)!;
    }
  }

  async function walked(search: PaymentSearch): Promise<string[]> {
    const { db, sealer } = app.gateway.core;
    const ids: string[] = [];
    for await (const batch of walkPayments(db, sealer, search)) ids.push(...batch.map(({ id }) => id));
    return ids;
  }

  function randomSearch(): PaymentSearch {
    const maybe = <T>(value: () => T): T | null => (next(3) === 0 ? value() : null);
    const since = maybe(() => start + next(3000) * hour);
    return {
      tenantIds: pick([tenants, tenants, [tenants[0]!], [tenants[1]!, tenants[2]!], []]),
      mode: pick(['test', 'live']),
      statuses: maybe(() =>
        pick<Status[]>([['succeeded'], ['failed', 'cancelled'], ['unknown', 'succeeded'], ['expired']]),
      ),
      isLate: next(6) === 0,
      phoneIndex: maybe(() => phoneIndex(pick(phones), blindIndex())),
      reference: maybe(() => pick(['A', 'A-1', 'A-11', 'B', 'Z', 'a'])),
      receipt: next(10) === 0 ? 'UJ6SHARED1' : null,
      amountKes: maybe(() => pick([100, 200, 999])),
      shortcode: maybe(() => pick(['174379', '600001', '999999'])),
      failureCode: next(6) === 0 ? 'wrong_pin' : null,
      confirmedBy: next(6) === 0 ? 'statement' : null,
      since,
      until: maybe(() => (since ?? start) + next(2000) * hour),
    };
  }

  it('finds the same as a plain look, whatever is combined, forward, back and as a walk', async function () {
    this.timeout(120_000);
    const alone: Partial<PaymentSearch>[] = [
      {},
      { statuses: ['succeeded'] },
      { phoneIndex: phoneIndex(phones[0]!, blindIndex()) },
      { reference: 'A-1' },
      { isLate: true, statuses: ['succeeded', 'needs_review'] },
      { amountKes: 200 },
    ];
    const searches = [...alone.map((one) => ({ ...all, ...one })), ...Array.from({ length: 60 }, randomSearch)];
    let found = 0;
    for (const search of searches) {
      const ids = expected(search);
      found += ids.length;
      const what = JSON.stringify({ ...search, phoneIndex: search.phoneIndex === null ? null : 'a phone' });
      expect(await pages(search, 'older', 7), what).to.deep.equal(ids);
      expect(await pages(search, 'newer', 7), what).to.deep.equal([...ids].reverse());
      expect(await walked(search), what).to.deep.equal(ids);
    }
    expect(found).to.be.greaterThan(500);
  });

  it('finds a receipt in both modes, for these tenants only', async () => {
    const { db, sealer } = app.gateway.core;
    const owners = made.filter(({ mpesaReceipt }) => mpesaReceipt !== null);
    const [tenant] = owners.map(({ tenantId }) => tenantId);
    const own = await findByReceipt(db, sealer, [tenant!], 'UJ6SHARED1');
    expect(own.map(({ tenantId }) => tenantId)).to.satisfy((ids: string[]) => ids.every((id) => id === tenant));
    expect(own.length).to.equal(Math.min(10, owners.filter(({ tenantId }) => tenantId === tenant).length));
    expect(await findByReceipt(db, sealer, [], 'UJ6SHARED1')).to.deep.equal([]);
  });

  it('looks at so many payments at most for a page, says how far it came, and goes on from there', async function () {
    this.timeout(120_000);
    const tenantId = newId('ten');
    const many = Array.from({ length: 22_000 }, (_, index) =>
      makePayment('queued', {
        id: newId('pay'),
        tenantId,
        createdAt: start + index * 1000,
        amountKes: index < 3 ? 7 : 8,
      }),
    );
    await insert(many);
    const search = { ...all, tenantIds: [tenantId], amountKes: 7 };
    const { db } = app.gateway.core;
    let from: Position | null = null;
    const looks: number[] = [];
    const found: string[] = [];
    for (;;) {
      const page = await searchPayments(db, search, { towards: 'older', from }, 20);
      found.push(...page.items.map(({ id }) => id));
      if (page.lookedTo === null) break;
      looks.push((from?.createdAt ?? many.at(-1)!.createdAt) - page.lookedTo.createdAt);
      from = page.lookedTo;
    }
    expect(found).to.deep.equal(
      many
        .slice(0, 3)
        .reverse()
        .map(({ id }) => id),
    );
    expect(looks.length).to.be.within(3, 5);
    for (const ms of looks) expect(ms / 1000).to.be.within(4000, 9000);
    const up = await searchPayments(db, { ...search, amountKes: 9 }, { towards: 'newer', from: null }, 20);
    expect(up.items).to.deep.equal([]);
    expect(up.lookedTo?.createdAt).to.be.greaterThan(start + 4_000_000);
  });

  it('looks at a thousand of many references that begin alike for a page, and goes on from there', async () => {
    const tenantId = newId('ten');
    const many = Array.from({ length: 2500 }, (_, index) =>
      makePayment('queued', {
        id: newId('pay'),
        tenantId,
        createdAt: start + Math.floor(index / 2),
        reference: `REF-${index % 7}`,
        amountKes: index < 3 || index === 1700 ? 7 : 8,
      }),
    );
    await insert(many);
    const search = { ...all, tenantIds: [tenantId], reference: 'REF-', amountKes: 7 };
    const wanted = many.filter(({ amountKes }) => amountKes === 7).map(({ id }) => id);
    for (const towards of ['older', 'newer'] as const) {
      const found: string[] = [];
      let from: Position | null = null;
      let looks = 0;
      for (;;) {
        const page = await searchPayments(app.gateway.core.db, search, { towards, from }, 20);
        found.push(...page.items.map(({ id }) => id));
        if (page.lookedTo === null) break;
        looks += 1;
        from = page.lookedTo;
      }
      expect(looks).to.equal(2);
      expect(found).to.deep.equal(towards === 'newer' ? wanted : [...wanted].reverse());
    }
    expect(await walked(search)).to.deep.equal([...wanted].reverse());
  });
});
