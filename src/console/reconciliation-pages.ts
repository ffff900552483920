// Reconciliation in the console: the grid of days and shortcodes with what is to be done about it, and one day of one
// shortcode, where it is matched again and whence it is closed. Everything shown is read at this moment.

import type Router from '@koa/router';
import type Koa from 'koa';
import { findShortcodeAcrossTenants, listShortcodesAcrossTenants } from '../mpesa/shortcode-store.ts';
import type { SettleDeps } from '../payments/settle-payments.ts';
import type { Logger } from '../platform/logger.ts';
import { findCloseOfDay } from '../reconciliation/close-store.ts';
import { countOpen, listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import { isDay } from '../reconciliation/nairobi-days.ts';
import { reconcileDay } from '../reconciliation/reconcile-day.ts';
import { type ActDeps, auditAct } from './audit-act.ts';
import { showDiscrepancies } from './discrepancy-view.ts';
import { actingAs, mine, notHere, pageOf, textOf } from './form-pages.ts';
import { viewDay } from './reconciliation-day.ts';
import { readDayFigures } from './reconciliation-day-store.ts';
import { dayUrl, lastDays, viewGrid } from './reconciliation-grid.ts';
import { reconciliationPath as base, hrefsOf, tenantsOf } from './reconciliation-scope.ts';
import { readGrid, readToDo } from './reconciliation-store.ts';
import { viewToDo } from './reconciliation-todo.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { shortcodeName } from './shortcode-view.ts';

export type ReconciliationPageDeps = ShellDeps & ActDeps & { settling: SettleDeps; logger: Logger };

const dayCount = 14;
const pageSize = 8;
const mostOfDay = 20;

export function addReconciliationPages(router: Router, deps: ReconciliationPageDeps): void {
  const { sessions } = deps;
  router.get(base, sessions.guard('view'), (ctx) => showGrid(deps, ctx));
  router.get(`${base}/days/:id/:day`, sessions.guard('view'), (ctx) => showDay(deps, ctx));
  router.post(`${base}/days/:id/:day/run`, sessions.guard('act'), (ctx) => runDay(deps, ctx));
}

async function showGrid(deps: ReconciliationPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const { tenantId, mode } = scope;
  const tenantIds = tenantsOf(scope);
  const beforeId = textOf(ctx.query.before) ?? undefined;
  const found = await listShortcodesAcrossTenants(deps.db, { tenantId, mode, beforeId }, pageSize + 1);
  const page = pageOf(ctx, found, pageSize, ({ id }) => id);
  const days = lastDays(deps.now(), dayCount);
  const ids = page.shown.map(({ id }) => id);
  const grid = await readGrid(deps.db, tenantIds, mode, ids, days);
  const open = await countOpen(deps.db, { tenantIds, mode });
  await showPage(deps, ctx, asked, 'reconciliation', {
    title: 'Reconciliation',
    now: deps.now(),
    todo: viewToDo(await readToDo(deps.db, tenantIds, mode), open, scope),
    grid: page.shown.length === 0 ? null : viewGrid(grid, page.shown, days, scope, deps.now()),
    pager: page.pager,
    mayAct: asked.may('act'),
    hrefs: hrefsOf(scope),
  });
}

async function readPlace(deps: ReconciliationPageDeps, ctx: Koa.Context, asked: Asked) {
  const shortcode = mine(asked, 'day', await findShortcodeAcrossTenants(deps.db, String(ctx.params.id)));
  const day = String(ctx.params.day);
  if (!isDay(day)) throw notHere('day');
  return { shortcode, day };
}

async function showDay(deps: ReconciliationPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { shortcode, day } = await readPlace(deps, ctx, asked);
  const { id: shortcodeId, tenantId, mode } = shortcode;
  const close = await findCloseOfDay(deps.db, shortcodeId, day);
  const about = { tenantIds: [tenantId], mode, shortcodeId, day, status: 'open' } as const;
  const found = await listDiscrepancies(deps.db, about, { limit: mostOfDay });
  await showPage(deps, ctx, asked, 'reconciliation-day', {
    title: `${shortcodeName(shortcode)}, ${day}`,
    now: deps.now(),
    ...viewDay({
      shortcode,
      day,
      figures: await readDayFigures(deps.db, shortcode, day),
      open: await countOpen(deps.db, about),
      closeId: close?.id ?? null,
      scope: asked.scope,
      now: deps.now(),
      mayAct: asked.may('act'),
      mayClose: asked.may('settle'),
    }),
    discrepancies: showDiscrepancies(
      found.items,
      asked,
      new Map([[shortcode.id, shortcodeName(shortcode)]]),
      deps.now(),
    ),
    hasMore: found.hasMore,
    hrefs: hrefsOf(asked.scope),
  });
}

async function runDay(deps: ReconciliationPageDeps, ctx: Koa.Context): Promise<void> {
  await deps.sessions.readForm(ctx);
  const asked = await ask(deps, ctx);
  const { shortcode, day } = await readPlace(deps, ctx, asked);
  const came = await reconcileDay({ ...deps.settling, logger: deps.logger }, { shortcodeId: shortcode.id, day });
  const { matched, suggested, expected, discrepancies } = came;
  const open = Object.values(discrepancies).reduce((sum, count) => sum + count, 0);
  await auditAct(deps, actingAs(deps, ctx), async () => ({
    result: undefined,
    entry: {
      action: 'day.reconciled',
      tenantId: shortcode.tenantId,
      target: shortcode.id,
      after: { day, matched, suggested, expected, open },
    },
  }));
  flash(
    ctx,
    `Matched again: ${matched} with their payment, ${suggested} suggested, ${expected} expected, ${open} open.`,
  );
  ctx.redirect(dayUrl(shortcode.id, day, asked.scope));
}
