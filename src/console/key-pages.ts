// API keys: which there are, what each may do and when it last did. A key is shown once, on the answer to the form that
// made it; a roll makes a second one and lets the first end by itself, so that nothing stops while it is exchanged.

import type Router from '@koa/router';
import type Koa from 'koa';
import { invalid } from '../platform/validation.ts';
import { longestOverlapDays } from '../tenants/manage-tenants.ts';
import { scopes } from '../tenants/scopes.ts';
import { readReason } from './audit-act.ts';
import { listActsOn } from './audit-words.ts';
import {
  actingAs,
  choicesOf,
  type FormProblem,
  fieldsOf,
  mine,
  pageOf,
  readTenantChoice,
  tenantChoices,
  textOf,
  tryForm,
} from './form-pages.ts';
import { createKeyAs, type KeyActDeps, revokeKeyAs, rollKeyAs } from './key-acts.ts';
import { findKey, type ListedKey, listKeys } from './key-list-store.ts';
import { lifeInDays, readAddresses, type ShownKey, showKey } from './key-view.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';

export type KeyPageDeps = ShellDeps & KeyActDeps;

const pageSize = 50;
const usualScopes: readonly string[] = ['payments:write', 'payments:read'];

export function addKeyPages(router: Router, deps: KeyPageDeps): void {
  const { sessions } = deps;
  router.get('/console/keys', sessions.guard('view'), (ctx) => showList(deps, ctx));
  addNewKey(router, deps);
  router.get('/console/keys/:id', sessions.guard('view'), (ctx) => showOne(deps, ctx));
  addRoll(router, deps);
  addRevoke(router, deps);
}

const namesOf = ({ scope }: Asked): Map<string, string> => new Map(scope.tenants.map(({ id, name }) => [id, name]));

async function showList(deps: KeyPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const isLasting = textOf(ctx.query.show) !== 'ended';
  const filter = { tenantId: scope.tenantId, mode: scope.mode, isLasting, beforeId: textOf(ctx.query.before) };
  const rows = await listKeys(deps.db, filter, deps.now(), pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ id }) => id);
  await showPage(deps, ctx, asked, 'keys', {
    title: 'Keys',
    keys: page.shown.map((key) => showKey(key, namesOf(asked), scope.query, deps.now())),
    pager: page.pager,
    isLasting,
    isEnded: !isLasting,
    hasTenant: scope.tenantId !== null,
    newHref: asked.may('secrets') ? `/console/keys/new${scope.query}` : null,
  });
}

function addNewKey(router: Router, deps: KeyPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, asked: Asked, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    if (problems.length > 0) ctx.status = 400;
    const chosen = form?.all('scopes') ?? usualScopes;
    await showPage(deps, ctx, asked, 'key-new', {
      title: 'Make a key',
      f: fieldsOf(['tenant', 'name', 'allow-ip', 'expires-in-days'], form, problems),
      tenantChoices: tenantChoices(asked, form?.get('tenant')),
      scopeChoices: scopes.map((value) => ({ value, words: scopeWords[value], isChosen: chosen.includes(value) })),
      scopeProblem: problems.find(({ name }) => name === 'scopes')?.detail ?? null,
      problems,
    });
  };

  router.get('/console/keys/new', sessions.guard('secrets'), async (ctx) => show(ctx, await ask(deps, ctx)));

  router.post('/console/keys', sessions.guard('secrets'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { mode } = asked.scope;
    const made = await tryForm(async () => {
      const tenant = readTenantChoice(asked, form);
      if (form.all('scopes').length === 0)
        throw invalid([{ parameter: 'scopes', code: 'required', detail: 'Choose at least one thing it may do.' }]);
      const request = {
        tenantId: tenant.id,
        mode,
        name: form.get('name'),
        scopes: form.all('scopes'),
        allowedIps: readAddresses(form.get('allow-ip')),
        expiresInDays: readDays(form.get('expires-in-days'), 'expires-in-days'),
      };
      return { ...(await createKeyAs(deps, actingAs(deps, ctx), request)), tenantName: tenant.name };
    });
    if ('problems' in made) return show(ctx, asked, form, made.problems);
    await showSecret(deps, ctx, asked, made.done, {
      title: `${mode === 'live' ? 'Live' : 'Test'} key of ${made.done.tenantName}`,
      words: `It works from now on, as ${form.get('name')}.`,
    });
  });
}

const scopeWords: Readonly<Record<(typeof scopes)[number], string>> = {
  'payments:write': 'ask for payments, cancel and retry them',
  'payments:read': 'read payments and shortcodes, ask M-PESA again',
  'events:read': 'read events',
  'webhooks:manage': 'set up webhooks and send them again',
  'links:write': 'make payment links',
  'reports:read': 'read reports and statements',
};

function readDays(text: string, parameter: string): number | null {
  if (text.trim() === '') return null;
  if (/^\d{1,4}$/.test(text.trim())) return Number(text);
  throw invalid([{ parameter, code: 'wrong_format', detail: 'Write a number of days, or leave it empty.' }]);
}

/** The one time a key can be read: the answer to the form, never a page that can be opened again. */
async function showSecret(
  deps: KeyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  made: { id: string; key: string },
  { title, words, until = null }: { title: string; words: string; until?: number | null },
): Promise<void> {
  await showPage(deps, ctx, asked, 'secret-once', {
    title,
    words,
    until,
    secretTitle: 'The key, shown this once',
    secret: made.key,
    secretNote: 'Put it where the client keeps its secrets now: it cannot be shown again, only replaced.',
    back: { href: `/console/keys${asked.scope.query}`, words: 'Keys' },
    next: { href: `/console/keys/${made.id}${asked.scope.query}`, words: 'I have kept it' },
  });
}

async function getMine(deps: KeyPageDeps, ctx: Koa.Context, asked: Asked): Promise<[ListedKey, ShownKey]> {
  const key = mine(asked, 'key', await findKey(deps.db, String(ctx.params.id)));
  return [key, showKey(key, namesOf(asked), asked.scope.query, deps.now())];
}

async function showOne(deps: KeyPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const [, key] = await getMine(deps, ctx, asked);
  await showPage(deps, ctx, asked, 'key', {
    title: key.name,
    now: deps.now(),
    key,
    listHref: `/console/keys${asked.scope.query}`,
    rollHref: asked.may('secrets') && key.isLasting ? `/console/keys/${key.id}/roll${asked.scope.query}` : null,
    revokeHref: asked.may('secrets') && key.isLasting ? `/console/keys/${key.id}/revoke${asked.scope.query}` : null,
    acts: await listActsOn(deps.db, key.id, asked.visitor.operator.tenantId),
  });
}

function addRoll(router: Router, deps: KeyPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    const asked = await ask(deps, ctx);
    const [key, shown] = await getMine(deps, ctx, asked);
    if (problems.length > 0) ctx.status = 400;
    const days = Array.from({ length: longestOverlapDays + 1 }, (_, day) => [String(day), overlapWords(day)] as const);
    const usual = { 'expires-in-days': String(lifeInDays(key) ?? '') };
    await showPage(deps, ctx, asked, 'key-roll', {
      title: `Roll ${key.name}`,
      key: shown,
      action: `/console/keys/${key.id}/roll${asked.scope.query}`,
      listHref: `/console/keys${asked.scope.query}`,
      f: fieldsOf(['expires-in-days', 'reason'], form ?? usual, problems),
      overlapChoices: choicesOf(days, form?.get('overlap') ?? '1'),
      problems,
    });
  };

  router.get('/console/keys/:id/roll', sessions.guard('secrets'), (ctx) => show(ctx));

  router.post('/console/keys/:id/roll', sessions.guard('secrets'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const [key] = await getMine(deps, ctx, asked);
    const rolled = await tryForm(() => {
      const overlapDays = /^\d$/.test(form.get('overlap')) ? Number(form.get('overlap')) : -1;
      const expiresInDays = readDays(form.get('expires-in-days'), 'expires-in-days');
      return rollKeyAs(deps, actingAs(deps, ctx), key.id, {
        overlapDays,
        expiresInDays,
        reason: textOf(form.get('reason')),
      });
    });
    if ('problems' in rolled) return show(ctx, form, rolled.problems);
    const isOver = rolled.done.oldExpiresAt <= deps.now();
    await showSecret(deps, ctx, asked, rolled.done, {
      title: `${key.name} is rolled`,
      words: isOver
        ? 'The old key is refused from now on: the client works again when it has this one.'
        : 'Both keys work now, and the old one ends by itself. Exchange them before',
      until: isOver ? null : rolled.done.oldExpiresAt,
    });
  });
}

const overlapWords = (days: number): string =>
  days === 0 ? 'ends at once' : `works ${days === 1 ? 'one more day' : `${days} more days`}`;

function addRevoke(router: Router, deps: KeyPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    const asked = await ask(deps, ctx);
    const [, key] = await getMine(deps, ctx, asked);
    if (problems.length > 0) ctx.status = 400;
    await showPage(deps, ctx, asked, 'key-revoke', {
      title: `Revoke ${key.name}`,
      now: deps.now(),
      key,
      action: `/console/keys/${key.id}/revoke${asked.scope.query}`,
      listHref: `/console/keys${asked.scope.query}`,
      f: fieldsOf(['reason'], form, problems),
      problems,
    });
  };

  router.get('/console/keys/:id/revoke', sessions.guard('secrets'), (ctx) => show(ctx));

  router.post('/console/keys/:id/revoke', sessions.guard('secrets'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const [key] = await getMine(deps, ctx, asked);
    const revoked = await tryForm(async () =>
      revokeKeyAs(deps, actingAs(deps, ctx), key.id, readReason(form.get('reason'))),
    );
    if ('problems' in revoked) return show(ctx, form, revoked.problems);
    flash(ctx, `${key.name} is revoked: every server refuses it within a second or two.`);
    ctx.redirect(`/console/keys/${key.id}${asked.scope.query}`);
  });
}
