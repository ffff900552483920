// Tenants: the organisations that take payments here. Operators of all tenants make, enable and disable them; those of
// one tenant see theirs and may rename it.

import type Router from '@koa/router';
import type Koa from 'koa';
import { type ActDeps, readReason } from './audit-act.ts';
import { listActsOn } from './audit-words.ts';
import {
  actingAs,
  type FormProblem,
  fieldsOf,
  mayTouch,
  notHere,
  onlyForAllTenants,
  pageOf,
  textOf,
  tryForm,
} from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import type { Word } from './status-words.ts';
import { changeTenantStatusAs, createTenantAs, renameTenantAs } from './tenant-acts.ts';
import { type ListedTenant, listTenants, type TenantFilter } from './tenant-list-store.ts';

export type TenantPageDeps = ShellDeps & ActDeps;

const pageSize = 50;

export const tenantWords: Readonly<Record<ListedTenant['status'], Word>> = {
  active: { word: 'Active', icon: 'f-circle-check', tone: 'ok' },
  disabled: { word: 'Disabled', icon: 'ban', tone: 'bad' },
};

export function addTenantPages(router: Router, deps: TenantPageDeps): void {
  const { sessions } = deps;
  router.get('/console/tenants', sessions.guard('view'), (ctx) => showList(deps, ctx));
  addNewTenant(router, deps);
  router.get('/console/tenants/:id', sessions.guard('view'), async (ctx) => {
    await showTenant(deps, ctx, await ask(deps, ctx));
  });
  addTenantActs(router, deps);
}

async function showList(deps: TenantPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const name = textOf(ctx.query.name);
  const filter = { tenantId: scope.tenantId, mode: scope.mode, name, after: readPosition(ctx.query.before) };
  const rows = await listTenants(deps.db, filter, deps.now(), pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, (row) =>
    Buffer.from(JSON.stringify([row.name, row.id])).toString('base64url'),
  );
  await showPage(deps, ctx, asked, 'tenants', {
    title: 'Tenants',
    now: deps.now(),
    name: name ?? '',
    isFiltered: name !== null,
    tenants: page.shown.map((tenant) => ({
      ...tenant,
      href: `/console/tenants/${tenant.id}${scope.query}`,
      status: tenantWords[tenant.status],
    })),
    pager: page.pager,
    newHref: asked.may('setUp') && mayTouch(asked.visitor.operator, null) ? `/console/tenants/new${scope.query}` : null,
  });
}

function readPosition(text: unknown): TenantFilter['after'] {
  try {
    const position: unknown = JSON.parse(Buffer.from(textOf(text) ?? '', 'base64url').toString('utf8'));
    if (!Array.isArray(position)) return null;
    const [name, id] = position as unknown[];
    return typeof name === 'string' && typeof id === 'string' ? { name, id } : null;
  } catch {
    return null;
  }
}

function addNewTenant(router: Router, deps: TenantPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, asked: Asked, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    if (problems.length > 0) ctx.status = 400;
    await showPage(deps, ctx, asked, 'tenant-new', {
      title: 'Add a tenant',
      f: fieldsOf(['name'], form, problems),
      problems,
    });
  };

  router.get('/console/tenants/new', sessions.guard('setUp'), async (ctx) => {
    const asked = await ask(deps, ctx);
    onlyForAllTenants(asked);
    await show(ctx, asked);
  });

  router.post('/console/tenants', sessions.guard('setUp'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    onlyForAllTenants(asked);
    const made = await tryForm(() => createTenantAs(deps, actingAs(deps, ctx), form.get('name')));
    if ('problems' in made) return show(ctx, asked, form, made.problems);
    flash(ctx, 'The tenant is there. Next: its shortcode and a key.');
    ctx.redirect(`/console/tenants/${made.done.id}?tenant=${made.done.id}&mode=${asked.scope.mode}`);
  });
}

async function findMine({ db, now }: TenantPageDeps, ctx: Koa.Context, asked: Asked): Promise<ListedTenant> {
  const id = String(ctx.params.id);
  const filter = { tenantId: id, mode: asked.scope.mode, name: null, after: null };
  const [tenant] = await listTenants(db, filter, now(), 1);
  if (tenant === undefined || !mayTouch(asked.visitor.operator, id)) throw notHere('tenant');
  return tenant;
}

async function showTenant(
  deps: TenantPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  const tenant = await findMine(deps, ctx, asked);
  if (problems.length > 0) ctx.status = 400;
  const { scope } = asked;
  const inTenant = `?tenant=${tenant.id}&mode=${scope.mode}`;
  const isActive = tenant.status === 'active';
  await showPage(deps, ctx, asked, 'tenant', {
    title: tenant.name,
    now: deps.now(),
    tenant: { ...tenant, status: tenantWords[tenant.status] },
    hrefs: {
      list: `/console/tenants${scope.query}`,
      self: `/console/tenants/${tenant.id}`,
      payments: `/console/payments${inTenant}`,
      shortcodes: `/console/shortcodes${inTenant}`,
      keys: `/console/keys${inTenant}`,
      webhooks: `/console/webhooks${inTenant}`,
    },
    query: scope.query,
    mayRename: asked.may('setUp'),
    isSwitchable: asked.may('setUp') && mayTouch(asked.visitor.operator, null),
    isActive,
    nextStatus: isActive ? 'disabled' : 'active',
    f: fieldsOf(['name', 'reason'], { name: tenant.name, ...valuesOf(form) }, problems),
    problems,
    acts: await listActsOn(deps.db, tenant.id, asked.visitor.operator.tenantId),
  });
}

function valuesOf(form: Form | undefined): { name?: string; reason?: string } {
  if (form === undefined) return {};
  const [name, reason] = [form.all('name').at(-1), form.all('reason').at(-1)];
  return { ...(name === undefined ? {} : { name }), ...(reason === undefined ? {} : { reason }) };
}

function addTenantActs(router: Router, deps: TenantPageDeps): void {
  const { sessions } = deps;

  router.post('/console/tenants/:id/rename', sessions.guard('setUp'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { id } = await findMine(deps, ctx, asked);
    const renamed = await tryForm(() => renameTenantAs(deps, actingAs(deps, ctx), id, form.get('name')));
    if ('problems' in renamed) return showTenant(deps, ctx, asked, form, renamed.problems);
    flash(ctx, `It is called ${renamed.done.name} now.`);
    ctx.redirect(`/console/tenants/${id}${asked.scope.query}`);
  });

  router.post('/console/tenants/:id/status', sessions.guard('setUp'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    onlyForAllTenants(asked);
    const { id, name } = await findMine(deps, ctx, asked);
    const status = form.get('status') === 'active' ? 'active' : 'disabled';
    const changed = await tryForm(async () => {
      const reason = readReason(form.get('reason'));
      return changeTenantStatusAs(deps, actingAs(deps, ctx), id, status, reason);
    });
    if ('problems' in changed) return showTenant(deps, ctx, asked, form, changed.problems);
    const words =
      status === 'active'
        ? `${name} is enabled: its keys work again within a second.`
        : `${name} is disabled: its keys are refused within a second. What is under way is settled all the same.`;
    flash(ctx, words);
    ctx.redirect(`/console/tenants/${id}${asked.scope.query}`);
  });
}
