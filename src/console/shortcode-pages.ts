// Shortcodes: how each fares, what it is set to, and what can be done with it at night: pause its prompts, and ask M-PESA
// whether it takes the credentials. Credentials go in and never come out; a page knows their fingerprint and their age.

import type Router from '@koa/router';
import type Koa from 'koa';
import { type CredentialsDeps, testCredentialsOf } from '../mpesa/check-credentials.ts';
import { type HealthDeps, readHealth, type ShortcodeHealth } from '../mpesa/shortcode-health.ts';
import { findShortcodeAcrossTenants, listShortcodesAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { findWaitingApproval } from '../platform/approval-store.ts';
import type { ApprovalDeps } from '../platform/approvals.ts';
import { spanText } from '../platform/render.ts';
import { waitingFor } from './approval-kind.ts';
import { readReason } from './audit-act.ts';
import { findCredentialsReplacedAt } from './audit-list-store.ts';
import { listActsOn } from './audit-words.ts';
import { actingAs, type FormProblem, fieldsOf, mine, pageOf, textOf, tryForm } from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { changeShortcodeStatusAs, noteCredentialTest, type ShortcodeActDeps } from './shortcode-acts.ts';
import { type ShownShortcode, showShortcode, testWords } from './shortcode-view.ts';

export type ShortcodePageDeps = ShellDeps & ShortcodeActDeps & HealthDeps & CredentialsDeps & ApprovalDeps;

const pageSize = 50;

export function addShortcodePages(router: Router, deps: ShortcodePageDeps): void {
  const { sessions } = deps;
  router.get('/console/shortcodes', sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get('/console/shortcodes/:id', sessions.guard('view'), async (ctx) => {
    await showOne(deps, ctx, await ask(deps, ctx));
  });
  addShortcodeActs(router, deps);
}

async function showList(deps: ShortcodePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const beforeId = textOf(ctx.query.before) ?? undefined;
  const filter = { tenantId: scope.tenantId, mode: scope.mode, beforeId };
  const rows = await listShortcodesAcrossTenants(deps.db, filter, pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ id }) => id);
  const shown = await showAll(deps, asked, page.shown);
  await showPage(deps, ctx, asked, 'shortcodes', {
    title: 'Shortcodes',
    shortcodes: shown,
    pager: page.pager,
    hasTenant: scope.tenantId !== null,
    newHref: asked.may('secrets') ? `/console/shortcodes/new${scope.query}` : null,
  });
}

/** Health is read once for each tenant of the page. */
async function showAll(
  deps: ShortcodePageDeps,
  { scope }: Asked,
  shortcodes: readonly Shortcode[],
): Promise<ShownShortcode[]> {
  const names = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  const health = new Map<string, ShortcodeHealth>();
  for (const tenantId of new Set(shortcodes.map((one) => one.tenantId))) {
    const its = shortcodes.filter((one) => one.tenantId === tenantId);
    for (const [id, found] of await readHealth(deps, tenantId, its[0]!.mode, its)) health.set(id, found);
  }
  return shortcodes.map((one) => showShortcode(one, health.get(one.id)!, names, scope.query, deps.now()));
}

/** @throws AppError `not_found` for a shortcode that is not the operator's */
export async function getMyShortcode(
  deps: Pick<ShortcodePageDeps, 'db'>,
  ctx: Koa.Context,
  asked: Asked,
): Promise<Shortcode> {
  return mine(asked, 'shortcode', await findShortcodeAcrossTenants(deps.db, String(ctx.params.id)));
}

async function showOne(
  deps: ShortcodePageDeps,
  ctx: Koa.Context,
  asked: Asked,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  const shortcode = await getMyShortcode(deps, ctx, asked);
  const [shown] = await showAll(deps, asked, [shortcode]);
  const credentialsAt = (await findCredentialsReplacedAt(deps.db, shortcode.id)) ?? shortcode.createdAt;
  const waiting = await findWaitingApproval(deps.db, shortcode.id, deps.now());
  if (problems.length > 0) ctx.status = 400;
  const { query, mode } = asked.scope;
  const self = `/console/shortcodes/${shortcode.id}`;
  await showPage(deps, ctx, asked, 'shortcode', {
    title: shown!.name,
    now: deps.now(),
    shortcode: shown,
    credentialsAt,
    waiting: waitingFor(waiting, asked),
    credentialsAge: spanText(deps.now() - credentialsAt),
    query,
    hrefs: {
      self,
      list: `/console/shortcodes${query}`,
      payments: `/console/payments?tenant=${shortcode.tenantId}&mode=${mode}&shortcode=${shortcode.shortcode}`,
      callbacks: `/console/callbacks?tenant=${shortcode.tenantId}&mode=${mode}`,
    },
    mayAct: asked.may('act'),
    sourcesHref: `${self}/sources${query}`,
    replaceHref: asked.may('secrets') ? `${self}/credentials${query}` : null,
    nextStatus: shown!.isPaused ? 'active' : 'paused',
    f: fieldsOf(['reason'], form, problems),
    problems,
    acts: await listActsOn(deps.db, shortcode.id, asked.visitor.operator.tenantId),
  });
}

function addShortcodeActs(router: Router, deps: ShortcodePageDeps): void {
  const { sessions } = deps;

  router.post('/console/shortcodes/:id/status', sessions.guard('act'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { id } = await getMyShortcode(deps, ctx, asked);
    const status = form.get('status') === 'active' ? 'active' : 'paused';
    const changed = await tryForm(async () => {
      const reason = readReason(form.get('reason'));
      return changeShortcodeStatusAs(deps, actingAs(deps, ctx), id, status, reason);
    });
    if ('problems' in changed) return showOne(deps, ctx, asked, form, changed.problems);
    const words =
      status === 'paused'
        ? 'Its prompts are paused: payments wait here, unsent, until it is resumed or they expire.'
        : 'Its prompts are sent again; what waited goes out now.';
    flash(ctx, words);
    ctx.redirect(`/console/shortcodes/${id}${asked.scope.query}`);
  });

  // The answer of M-PESA is waited for outside of any transaction; the line in the audit log follows it.
  router.post('/console/shortcodes/:id/test', sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const shortcode = await getMyShortcode(deps, ctx, asked);
    const finding = await testCredentialsOf(deps, shortcode);
    await noteCredentialTest(deps, actingAs(deps, ctx), shortcode, finding.outcome);
    const { text, tone } = testWords(finding);
    flash(ctx, text, tone);
    ctx.redirect(`/console/shortcodes/${shortcode.id}${asked.scope.query}`);
  });
}
