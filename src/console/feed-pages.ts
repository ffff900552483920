// Where M-PESA tells of a shortcode's money by itself: whether its confirmations (C2B) come here and its transactions are
// pulled, with the forms that ask Safaricom for either, and what came to its address without being a line of it. The
// address itself stays on the command line: whoever knows it may call it.

import type Router from '@koa/router';
import type Koa from 'koa';
import { redactText } from '../platform/redaction.ts';
import { type AskedFeed, describeFeed } from '../reconciliation/manage-feeds.ts';
import { listStrays, type StoredStray } from '../reconciliation/stray-store.ts';
import { readReason } from './audit-act.ts';
import { centsText } from './close-view.ts';
import { type FeedActDeps, registerC2bAs, registerPullAs } from './feed-acts.ts';
import { actingAs, type FormProblem, fieldsOf, tryForm } from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { getMyShortcode } from './shortcode-pages.ts';
import { shortcodeName } from './shortcode-view.ts';

export type FeedPageDeps = ShellDeps & FeedActDeps;

const path = '/console/shortcodes/:id/sources';
const mostStrays = 50;

export function addFeedPages(router: Router, deps: FeedPageDeps): void {
  const { sessions } = deps;

  router.get(path, sessions.guard('view'), async (ctx) => show(deps, ctx, await ask(deps, ctx)));

  // Safaricom is waited for outside of any transaction.
  router.post(`${path}/c2b`, sessions.guard('setUp'), (ctx) =>
    register(deps, ctx, (by, id, form) => registerC2bAs(deps, by, id, readReason(form.get('reason')))),
  );
  router.post(`${path}/pull`, sessions.guard('setUp'), (ctx) =>
    register(deps, ctx, (by, id, form) =>
      registerPullAs(deps, by, id, form.get('phone'), readReason(form.get('reason'))),
    ),
  );
}

async function register(
  deps: FeedPageDeps,
  ctx: Koa.Context,
  work: (by: ReturnType<typeof actingAs>, shortcodeId: string, form: Form) => Promise<AskedFeed>,
): Promise<void> {
  const form = await deps.sessions.readForm(ctx);
  const asked = await ask(deps, ctx);
  const { id } = await getMyShortcode(deps, ctx, asked);
  const tried = await tryForm(() => work(actingAs(deps, ctx), id, form));
  if ('problems' in tried) return show(deps, ctx, asked, form, tried.problems);
  const { outcome, words } = tried.done;
  flash(ctx, words, outcome === 'registered' || outcome === 'alreadyRegistered' ? 'ok' : 'bad');
  ctx.redirect(`/console/shortcodes/${id}/sources${asked.scope.query}`);
}

async function show(
  deps: FeedPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  if (problems.length > 0) ctx.status = 400;
  const shortcode = await getMyShortcode(deps, ctx, asked);
  const { id, tenantId, mode, environment } = shortcode;
  const { c2bRegisteredAt, c2bLastHeardAt, pullRegisteredAt, pulledAt, pullProblem } = await describeFeed(deps, id);
  const strays = await listStrays(deps.db, deps.sealer, { tenantId, mode, shortcodeId: id }, mostStrays);
  const { query } = asked.scope;
  const self = `/console/shortcodes/${id}`;
  await showPage(deps, ctx, asked, 'shortcode-sources', {
    title: `Sources of ${shortcodeName(shortcode)}`,
    name: shortcodeName(shortcode),
    now: deps.now(),
    feed: { c2bRegisteredAt, c2bLastHeardAt, pullRegisteredAt, pulledAt, pullProblem },
    isSandbox: environment === 'sandbox',
    strays: strays.map(showStray),
    mayAct: asked.may('setUp'),
    // Of two forms on the page only the one that was sent comes back with its problems.
    f: fieldsOf(['phone', 'reason'], form, problems),
    problems,
    hrefs: {
      list: `/console/shortcodes${query}`,
      shortcode: self + query,
      c2b: `${self}/sources/c2b${query}`,
      pull: `${self}/sources/pull${query}`,
      lines: `/console/reconciliation/lines${query}&shortcode=${id}`,
    },
  });
}

function showStray({ reason, namedShortcode, receipt, amountCents, sourceIp, raw, at }: StoredStray) {
  return {
    at,
    words:
      reason === 'unreadable' ? 'Could not be read' : `About another shortcode: ${redactText(namedShortcode ?? '?')}`,
    receipt,
    amount: amountCents === null ? null : centsText(amountCents),
    sourceIp,
    raw: redactText(raw.slice(0, 4000)),
  };
}
