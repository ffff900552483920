// The frame of every page: navigation, scope, status strip, who is signed in. A page gives its own part as data; what is
// shown around it is put together here, once.

import type Koa from 'koa';
import type { Db } from '../platform/database.ts';
import type { Renderer } from '../platform/render.ts';
import { version } from '../platform/version.ts';
import { listTenantNames } from '../tenants/tenant-store.ts';
import { may, type Permission } from './permissions.ts';
import { readScope, type Scope } from './scope.ts';
import { isBackground, type Sessions, type Visitor } from './session.ts';

/** The one line on top of every page, as the strip's template takes it. */
export interface Strip {
  tone: 'ok' | 'warn' | 'bad';
  icon: string;
  title: string;
  facts: readonly string[];
  link: { href: string; words: string } | null;
  now: number;
}

export interface ShellDeps {
  db: Db;
  now(): number;
  renderer: Renderer;
  sessions: Sessions;
  publicUrl: string;
  /** False: one person settles by hand what else needs two, and every page says so. */
  needsTwoPersons: boolean;
  readStrip(scope: Scope): Promise<Strip>;
  /** How many need attention, for the navigation. */
  countAttention(scope: Scope): Promise<number>;
}

/** Who asks, and about what; every page begins with it. */
export interface Asked {
  visitor: Visitor;
  scope: Scope;
  may(permission: Permission): boolean;
}

const groups = [
  {
    title: null,
    items: [
      { path: '/console', name: 'Home', icon: 'home' },
      { path: '/console/payments', name: 'Payments', icon: 'cash' },
      { path: '/console/attention', name: 'Needs attention', icon: 'inbox' },
    ],
  },
  {
    title: 'Delivery and books',
    items: [
      { path: '/console/webhooks', name: 'Webhooks', icon: 'webhook' },
      { path: '/console/reconciliation', name: 'Reconciliation', icon: 'scale' },
      { path: '/console/callbacks', name: 'Callbacks', icon: 'arrow-down-left' },
    ],
  },
  {
    title: 'Set-up',
    items: [
      { path: '/console/tenants', name: 'Tenants', icon: 'building-store' },
      { path: '/console/shortcodes', name: 'Shortcodes', icon: 'hash' },
      { path: '/console/keys', name: 'Keys', icon: 'key' },
    ],
  },
  {
    title: 'This server',
    items: [
      { path: '/console/operators', name: 'Operators', icon: 'users' },
      { path: '/console/audit', name: 'Audit', icon: 'history' },
      { path: '/console/system', name: 'System', icon: 'server' },
    ],
  },
] as const;

/** What a page is about. Call after the guard. @throws AppError `not_found` for a tenant that is not the operator's */
export async function ask({ db }: ShellDeps, ctx: Koa.Context, query = ctx.query): Promise<Asked> {
  const visitor = ctx.state.visitor as Visitor;
  const scope = readScope(visitor.operator, await listTenantNames(db), query);
  return { visitor, scope, may: (permission) => may(visitor.operator.role, permission) };
}

/** Shows a page of the console. @param view a file in views/pages/console @param data what its template takes */
export async function showPage(
  deps: ShellDeps,
  ctx: Koa.Context,
  { visitor, scope }: Asked,
  view: string,
  data: { title: string } & Record<string, unknown>,
): Promise<void> {
  const [strip, attention] = await Promise.all([deps.readStrip(scope), deps.countAttention(scope)]);
  const { operator, formToken } = visitor;
  const theme = readTheme(ctx);
  const page = {
    ...data,
    strip,
    scope: { ...scope, tenants: scope.tenants.map((one) => ({ ...one, isChosen: one.id === scope.tenantId })) },
    isOnePerson: !deps.needsTwoPersons,
    isLive: scope.mode === 'live',
    isTest: scope.mode === 'test',
    mayAll: operator.tenantId === null,
    scopeWords: `${scope.tenantName ?? 'All tenants'} · ${scope.mode === 'live' ? 'Live' : 'Test'}`,
    groups: groups.map(({ title, items }) => ({
      title,
      items: items
        .filter(({ path }) => isFor(operator, path))
        .map(({ path, name, icon }) => ({
          name,
          icon,
          href: `${path}${scope.query}`,
          isCurrent: isAt(ctx.path, path),
          count: path === '/console/attention' && attention > 0 ? attention : null,
        })),
    })),
    operator: { email: operator.email, words: whoWords(operator.role, scope, operator.tenantId) },
    formToken,
    path: ctx.path,
    url: ctx.url,
    flash: takeFlash(ctx),
    ...themeOf(theme),
  };
  send(ctx, deps.renderer.render('console', `console/${view}`, page));
}

/** Shows a page outside the console proper: the sign-in and what belongs to it. */
export function showDoor(
  deps: Pick<ShellDeps, 'renderer' | 'publicUrl'>,
  ctx: Koa.Context,
  view: string,
  data: { title: string } & Record<string, unknown>,
): void {
  const door = { problem: null, email: '', host: new URL(deps.publicUrl).host, version, ...themeOf(readTheme(ctx)) };
  send(ctx, deps.renderer.render('door', `console/${view}`, { ...door, ...data }));
}

function send(ctx: Koa.Context, html: string): void {
  ctx.type = 'text/html; charset=utf-8';
  ctx.set({ 'Cache-Control': 'no-store', 'Cross-Origin-Opener-Policy': 'same-origin' });
  ctx.body = html;
}

/** What only refuses is not in the navigation. */
function isFor({ role, tenantId }: Visitor['operator'], path: string): boolean {
  if (path === '/console/operators') return may(role, 'people');
  return path !== '/console/system' || tenantId === null;
}

function isAt(here: string, path: string): boolean {
  return path === '/console' ? here === path : here === path || here.startsWith(`${path}/`);
}

function whoWords(role: string, scope: Scope, tenantId: string | null): string {
  const where = tenantId === null ? 'all tenants' : (scope.tenants[0]?.name ?? 'one tenant');
  return `${role[0]!.toUpperCase()}${role.slice(1)}, ${where}`;
}

const themeCookie = 'lango-theme';

function readTheme(ctx: Koa.Context): 'light' | 'dark' | null {
  const theme = ctx.cookies.get(themeCookie);
  return theme === 'light' || theme === 'dark' ? theme : null;
}

function themeOf(theme: 'light' | 'dark' | null) {
  const isDark = theme === 'dark';
  return {
    theme,
    otherTheme: isDark ? 'light' : 'dark',
    otherThemeWord: isDark ? 'Light' : 'Dark',
    themeIcon: isDark ? 'sun' : 'moon',
  };
}

export function setTheme(ctx: Koa.Context, theme: string): void {
  if (theme === 'light' || theme === 'dark')
    ctx.cookies.set(themeCookie, theme, { sameSite: 'lax', httpOnly: true, maxAge: 365 * 86_400_000 });
}

const flashCookie = 'lango-flash';

/** A word about what was just done, shown on the next page once. */
export function flash(ctx: Koa.Context, text: string, tone: 'ok' | 'bad' = 'ok'): void {
  const value = Buffer.from(JSON.stringify({ text: text.slice(0, 400), tone })).toString('base64url');
  ctx.cookies.set(flashCookie, value, { sameSite: 'lax', httpOnly: true, path: '/console' });
}

function takeFlash(ctx: Koa.Context): { text: string; tone: string; icon: string; role: string } | null {
  const value = ctx.cookies.get(flashCookie);
  // A page that loads itself in the background shows nothing of it, and must not take it from the next one.
  if (value === undefined || isBackground(ctx)) return null;
  ctx.cookies.set(flashCookie, null, { path: '/console' });
  try {
    const { text, tone } = JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as Record<string, unknown>;
    if (typeof text !== 'string') return null;
    return tone === 'bad'
      ? { text, tone, icon: 'f-circle-x', role: 'alert' }
      : { text, tone: 'ok', icon: 'f-circle-check', role: 'status' };
  } catch {
    return null;
  }
}
