// Needs attention: one queue for everything that needs a person. Several items may be taken at once (ask M-PESA again,
// give them to somebody), after a page that says exactly what will happen.

import type Router from '@koa/router';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import { appendAudit, type By } from '../platform/audit-store.ts';
import { inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { spanText } from '../platform/render.ts';
import type { Sealer } from '../platform/sealing.ts';
import { type AttentionItem, type AttentionKind, attentionKinds, type Severity } from './attention.ts';
import { assignBooks } from './attention-books.ts';
import { assign, listAssignments } from './attention-store.ts';
import { actingAs } from './form-pages.ts';
import { type AttentionDeps, listAttention } from './list-attention.ts';
import { askNow, type PaymentActDeps } from './payment-actions.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';

export type AttentionPageDeps = ShellDeps & AttentionDeps & PaymentActDeps & { sealer: Sealer };

const severityWords: Readonly<Record<Severity, { word: string; icon: string; tone: string }>> = {
  critical: { word: 'Critical', icon: 'alert-triangle', tone: 'bad' },
  high: { word: 'High', icon: 'f-flag', tone: 'warn' },
  medium: { word: 'Medium', icon: 'minus', tone: 'mute' },
};

const acts = { check: 'Ask M-PESA again', take: 'Assign to me', drop: 'Assign to nobody' } as const;
type Act = keyof typeof acts;

export function addAttentionPages(router: Router, deps: AttentionPageDeps): void {
  const { sessions } = deps;
  const path = '/console/attention';

  router.get(path, sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const kind = readKind(ctx.query.kind);
    const { items, count, kes } = await listAttention(deps, asked.scope, whoAsks(deps, asked), kind);
    const names = await listAssignments(
      deps.db,
      items.map(({ key }) => key),
    );
    await showPage(deps, ctx, asked, 'attention', {
      title: 'Needs attention',
      count,
      kes,
      listed: items.length,
      isCut: count > items.length,
      kind: kind ?? '',
      tabs: tabsOf(kind, asked),
      severities: (['critical', 'high', 'medium'] as const)
        .map((severity) => ({
          ...severityWords[severity],
          items: items
            .filter((item) => item.severity === severity)
            .map((item) => viewItem(item, asked, names.get(item.key) ?? item.assignee ?? null, deps.now())),
        }))
        .filter((group) => group.items.length > 0),
      mayAct: asked.may('act') && items.length > 0,
      isEmpty: items.length === 0,
      query: asked.scope.query,
    });
  });

  router.post(`${path}/preview`, sessions.guard('act'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { act, items } = await readChoice(deps, asked, form);
    if (items.length === 0) {
      flash(ctx, 'Nothing of what was chosen is open any more, or nothing was chosen.', 'bad');
      return ctx.redirect(path + asked.scope.query);
    }
    const doable = items.filter((item) => act !== 'check' || item.mayAsk);
    await showPage(deps, ctx, asked, 'attention-preview', {
      title: acts[act],
      act,
      word: acts[act],
      items: doable.map((item) => viewItem(item, asked, null, deps.now())),
      count: doable.length,
      left: items.length - doable.length,
      kes: sumOf(doable),
      query: asked.scope.query,
    });
  });

  router.post(`${path}/act`, sessions.guard('act'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { act, items } = await readChoice(deps, asked, form);
    const by = actingAs(deps, ctx);
    const done = act === 'check' ? await checkAll(deps, by, items) : await assignAll(deps, by, act, items);
    if (items.length === 0) flash(ctx, 'Nothing of what was chosen is open any more.', 'bad');
    else flash(ctx, `${acts[act]}: done for ${done} of ${items.length}.`, done === items.length ? 'ok' : 'bad');
    ctx.redirect(path + asked.scope.query);
  });
}

/** Whose own requests wait for somebody else; nobody's where one person is enough. */
function whoAsks({ needsTwoPersons }: AttentionPageDeps, { visitor }: Asked): string | null {
  return needsTwoPersons ? visitor.operator.id : null;
}

function readKind(given: unknown): AttentionKind | null {
  const kind = String(given ?? '');
  return Object.hasOwn(attentionKinds, kind) ? (kind as AttentionKind) : null;
}

/** What was chosen, or all of a list, as far as it is open for this operator: what is not in the queue is not acted on. */
async function readChoice(
  deps: AttentionPageDeps,
  asked: Asked,
  form: Form,
): Promise<{ act: Act; items: AttentionItem[] }> {
  const act = form.get('act');
  if (!Object.hasOwn(acts, act)) throw new AppError('invalid_request', 'Choose what to do with them.');
  const chosen = new Set(form.all('item'));
  const kind = readKind(form.get('kind'));
  const { items } = await listAttention(deps, asked.scope, whoAsks(deps, asked), kind);
  const isAll = form.get('which') === 'all';
  return { act: act as Act, items: items.filter(({ key }) => isAll || chosen.has(key)) };
}

/** Asks M-PESA about each; one that cannot be asked about leaves the others alone. */
async function checkAll(deps: AttentionPageDeps, by: By, items: readonly AttentionItem[]): Promise<number> {
  let done = 0;
  for (const { key, mayAsk } of items) {
    const payment = mayAsk ? await findPaymentAcrossTenants(deps.db, deps.sealer, key) : undefined;
    if (payment === undefined) continue;
    try {
      await askNow(deps, by, payment);
      done += 1;
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
    }
  }
  return done;
}

async function assignAll(
  { db, now, auditKey }: AttentionPageDeps,
  by: By,
  act: 'take' | 'drop',
  items: readonly AttentionItem[],
): Promise<number> {
  await inTransaction(db, async (trx) => {
    const keys = items.map(({ key }) => key);
    const others = await assignBooks(trx, keys, by.actor, act === 'take', now());
    await assign(trx, others, act === 'take' ? by.actor : null, now());
    for (const { key, tenantId } of items) {
      const after = { with: act === 'take' ? by.actor.name : null };
      // What follows the id, if anything does, tells items of one thing apart.
      const target = key.split(' ')[0]!;
      await appendAudit(trx, auditKey, { ...by, action: 'attention.assigned', tenantId, target, after }, now());
    }
  });
  return items.length;
}

function sumOf(items: readonly AttentionItem[]): number {
  return items.reduce((sum, { kesAtRisk }) => sum + (kesAtRisk ?? 0), 0);
}

function tabsOf(chosen: AttentionKind | null, { scope }: Asked) {
  const tab = (kind: AttentionKind | null, word: string) => ({
    word,
    href: `/console/attention${scope.query}${kind === null ? '' : `&kind=${kind}`}`,
    isCurrent: kind === chosen,
  });
  const kinds = Object.entries(attentionKinds) as [AttentionKind, string][];
  return [tab(null, 'Everything'), ...kinds.map(([kind, word]) => tab(kind, word))];
}

function viewItem(item: AttentionItem, { scope }: Asked, assignee: string | null, now: number) {
  return {
    ...item,
    href: item.href + scope.query,
    age: spanText(now - item.since),
    assignee: assignee ?? 'Nobody',
  };
}
