// The list of payments: one search box, quick views, times and filters, all of them in the address; a page of twenty,
// newest first, without totals; and the same as a CSV file. What is named exactly (an id, a receipt) is gone to at once.

import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type Koa from 'koa';
import { phoneIndex } from '../payments/create-payment.ts';
import type { Payment } from '../payments/payment.ts';
import type { Sealer } from '../platform/sealing.ts';
import { type ActDeps, auditAct } from './audit-act.ts';
import { actingAs } from './form-pages.ts';
import { type PaymentFilter, quickViews, readFilter, windowOf } from './payment-filter.ts';
import { paymentUrl } from './payment-pages.ts';
import type { Heading, PaymentSearch } from './payment-query-store.ts';
import { type Meant, recogniseSearch } from './payment-search.ts';
import {
  type Found,
  findByName,
  findByReceipt,
  listShortcodeNames,
  readFound,
  searchPayments,
  walkPayments,
} from './payment-search-store.ts';
import { nairobiTime, writePaymentsCsv } from './payments-csv.ts';
import { type ListAround, viewPayments } from './payments-view.ts';
import type { Scope } from './scope.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';

export type PaymentListDeps = ShellDeps & ActDeps & { sealer: Sealer; blindIndexKey: Buffer };

const pageSize = 20;

export function addPaymentListPages(router: Router, deps: PaymentListDeps): void {
  const { sessions, db, sealer, now } = deps;

  router.get('/console/payments', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const filter = readFilter(ctx.query);
    const meant = await findMeaning(deps, asked, filter.q);
    if ('payment' in meant) return ctx.redirect(paymentUrl(meant.payment, asked));
    const search = searchOf(deps, asked.scope, filter, meant.meant);
    const found = await findPage(deps, search, filter);
    // What is newer than a page and less than a page is the first page.
    if (filter.after !== null && !found.hasMore && found.lookedTo === null && found.items.length < pageSize)
      return ctx.redirect(firstPage(ctx));
    const around: ListAround = {
      now: now(),
      scope: asked.scope,
      filter,
      ...meant,
      found,
      payments: await readFound(db, sealer, found.items),
      shortcodes: await listShortcodeNames(db, search.tenantIds, search.mode),
      urlOf: (payment) => paymentUrl(payment, asked),
    };
    await showPage(deps, ctx, asked, 'payments', viewPayments(around));
  });

  router.get('/console/payments.csv', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const filter = { ...readFilter(ctx.query), before: null, after: null };
    const meant = await findMeaning(deps, asked, filter.q);
    const batches = 'payment' in meant ? once(meant.payment) : walk(deps, asked, filter, meant.meant);
    await noteExport(deps, ctx, asked, filter);
    const names = await namesOf(deps, asked.scope);
    const day = (nairobiTime(now()) ?? '').slice(0, 10);
    ctx.type = 'text/csv; charset=utf-8';
    ctx.set({ 'Content-Disposition': `attachment; filename="payments-${day}.csv"`, 'Cache-Control': 'no-store' });
    const file = Readable.from(writePaymentsCsv(batches, names, now()), { objectMode: false, highWaterMark: 1 });
    // A file that breaks off must look broken, not whole.
    file.once('error', () => ctx.res.destroy());
    ctx.body = file;
  });
}

type Meaning = { payment: Payment } | { meant: Meant; noReceipt: string | null };

/** What was typed means one payment, or is to be looked for. A receipt nobody has may be a reference that looks like one. */
async function findMeaning({ db, sealer }: PaymentListDeps, { scope }: Asked, q: string): Promise<Meaning> {
  const meant = recogniseSearch(q);
  const own = scope.tenants.map(({ id }) => id);
  if (meant.kind === 'id' || meant.kind === 'checkout') {
    const name = meant.kind === 'id' ? { id: meant.paymentId } : { checkout_request_id: meant.checkoutRequestId };
    const payment = await findByName(db, sealer, own, name);
    return payment === undefined ? { meant, noReceipt: null } : { payment };
  }
  if (meant.kind !== 'receipt') return { meant, noReceipt: null };
  const all = await findByReceipt(db, sealer, own, meant.receipt);
  const inScope = all.filter(({ mode, tenantId }) => mode === scope.mode && tenantsOf(scope).includes(tenantId));
  const [only, second] = inScope.length > 0 ? inScope : all;
  if (only !== undefined && second === undefined) return { payment: only };
  if (inScope.length > 0) return { meant, noReceipt: null };
  return { meant: { kind: 'reference', reference: q.trim() }, noReceipt: meant.receipt };
}

function tenantsOf({ tenantId, tenants }: Scope): string[] {
  return tenantId === null ? tenants.map(({ id }) => id) : [tenantId];
}

function searchOf(
  { blindIndexKey, now }: PaymentListDeps,
  scope: Scope,
  filter: PaymentFilter,
  meant: Meant,
): PaymentSearch {
  const { statuses } = quickViews[filter.view];
  return {
    // An id that is nobody's is found nowhere.
    tenantIds: meant.kind === 'id' || meant.kind === 'checkout' ? [] : tenantsOf(scope),
    mode: scope.mode,
    statuses: filter.code === null ? statuses : withReason(statuses),
    isLate: filter.view === 'late',
    phoneIndex: meant.kind === 'phone' ? phoneIndex(meant.phone, blindIndexKey) : null,
    reference: meant.kind === 'reference' ? meant.reference : null,
    receipt: meant.kind === 'receipt' ? meant.receipt : null,
    amountKes: meant.kind === 'amount' ? meant.amountKes : null,
    shortcode: filter.shortcode,
    failureCode: filter.code,
    confirmedBy: filter.confirmedBy,
    ...windowOf(filter, now()),
  };
}

/** Only these have a reason, and by these an index is entered. */
function withReason(statuses: PaymentSearch['statuses']): PaymentSearch['statuses'] {
  const having = ['failed', 'cancelled', 'expired'] as const;
  return statuses === null ? having : having.filter((status) => statuses.includes(status));
}

/** A page in the list's order, newest first, whichever way it was looked for. */
async function findPage(
  { db }: PaymentListDeps,
  search: PaymentSearch,
  { before, after }: PaymentFilter,
): Promise<Found> {
  const heading: Heading = after === null ? { towards: 'older', from: before } : { towards: 'newer', from: after };
  if (search.statuses?.length === 0) return { items: [], hasMore: false, lookedTo: null };
  const found = await searchPayments(db, search, heading, pageSize);
  return after === null ? found : { ...found, items: found.items.reverse() };
}

function firstPage(ctx: Koa.Context): string {
  const query = new URLSearchParams(ctx.querystring);
  query.delete('after');
  return `${ctx.path}?${query}`;
}

async function* once(payment: Payment): AsyncGenerator<Payment[]> {
  yield [payment];
}

async function* walk(deps: PaymentListDeps, { scope }: Asked, filter: PaymentFilter, meant: Meant) {
  const search = searchOf(deps, scope, filter, meant);
  if (search.statuses?.length !== 0) yield* walkPayments(deps.db, deps.sealer, search);
}

async function namesOf({ db }: PaymentListDeps, scope: Scope) {
  const shortcodes = await listShortcodeNames(db, tenantsOf(scope), scope.mode);
  const kinds = new Map(shortcodes.map(({ id, kind }) => [id, kind]));
  const tenants = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  return {
    tenant: (tenantId: string) => tenants.get(tenantId) ?? tenantId,
    shortcode: ({ shortcodeId, shortcode }: Payment) =>
      `${kinds.get(shortcodeId) === 'till' ? 'Till' : 'Paybill'} ${shortcode}`,
  };
}

/** Taking data away is an act; what was typed may be a customer's number and is not kept. */
async function noteExport(deps: PaymentListDeps, ctx: Koa.Context, { scope }: Asked, filter: PaymentFilter) {
  const { view, time, from, to, shortcode, code, confirmedBy, q } = filter;
  const given = {
    mode: scope.mode,
    view,
    time,
    from,
    to,
    shortcode,
    code,
    confirmedBy,
    search: recogniseSearch(q).kind,
  };
  const after = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== ''));
  await auditAct(deps, actingAs(deps, ctx), async () => ({
    result: undefined,
    entry: { action: 'payments.exported', tenantId: scope.tenantId, target: null, after },
  }));
}
