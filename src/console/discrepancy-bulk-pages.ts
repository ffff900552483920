// One act with many discrepancies, chosen one by one or as all that a filter shows. First a page says how many they are and
// what they come to; it is done with exactly those, or not at all. What moves money asks for a fresh code, a write-off for
// a second person.

import type { ParsedUrlQuery } from 'node:querystring';
import type Router from '@koa/router';
import type Koa from 'koa';
import { AppError } from '../platform/errors.ts';
import { type BulkAct, bulkActs } from '../reconciliation/discrepancy-acts.ts';
import { type BulkChoice, bulkAtMost, previewBulk } from '../reconciliation/discrepancy-bulk.ts';
import type { DiscrepancyFilter } from '../reconciliation/discrepancy-store.ts';
import { tellRequest } from './approval-pages.ts';
import { centsText } from './close-view.ts';
import { actInBulkAs, requestAs } from './discrepancy-acts.ts';
import { filterOf, pairsOf, readChosen } from './discrepancy-filter.ts';
import { discrepancyKind } from './discrepancy-kind.ts';
import { actNames, choiceOf, type DiscrepancyPageDeps } from './discrepancy-pages.ts';
import { discrepanciesPath as base, showDiscrepancies } from './discrepancy-view.ts';
import { actingAs, type FormProblem, fieldsOf, textOf, tryForm } from './form-pages.ts';
import { hrefsOf, namesOfShortcodes } from './reconciliation-scope.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, showPage } from './shell-pages.ts';

type Guard = 'act' | 'settle';

/** What each guard lets through; `take` and `drop` assign. */
const names: Readonly<Record<Guard, readonly string[]>> = {
  act: ['ask_again', 'acknowledge', 'take', 'drop', 'comment'],
  settle: ['make_payment', 'mark_reversed', 'write_off'],
};
const paths: Readonly<Record<Guard, string>> = { act: `${base}/bulk`, settle: `${base}/bulk-settle` };

const words = (name: string): string =>
  name === 'take' ? 'Assign to me' : name === 'drop' ? 'Assign to nobody' : actNames[name as BulkAct];

export function addDiscrepancyBulkPages(router: Router, deps: DiscrepancyPageDeps): void {
  const { sessions } = deps;
  for (const guard of ['act', 'settle'] as const) {
    router.get(paths[guard], sessions.guard(guard), async (ctx) => {
      const asked = await ask(deps, ctx);
      await preview(deps, ctx, asked, guard, ctx.query);
    });
    router.post(paths[guard], sessions.guard(guard), async (ctx) => {
      const form = await sessions.readForm(ctx);
      const asked = await ask(deps, ctx);
      // What was chosen stands in the form as it stood in the address.
      const fields = asQuery(form);
      const tried = await tryForm(() => act(deps, ctx, asked, guard, fields, form));
      if ('problems' in tried) await preview(deps, ctx, asked, guard, fields, form, tried.problems);
    });
  }
}

const chosenFields = ['do', 'all', 'type', 'severity', 'assignee', 'shortcode', 'day'] as const;

function asQuery(form: Form): ParsedUrlQuery {
  return { ...Object.fromEntries(chosenFields.map((name) => [name, form.get(name)])), id: form.all('id') };
}

/** @throws AppError `invalid_request` where nothing was chosen */
function readChoice(asked: Asked, guard: Guard, query: ParsedUrlQuery) {
  const name = textOf(query.do) ?? '';
  if (!names[guard].includes(name)) throw new AppError('invalid_request', 'Choose what to do with them.');
  const ids = [query.id ?? []].flat().filter((id) => /^dsc_[0-9a-z]{26}$/.test(id));
  const isAll = textOf(query.all) !== null;
  const chosen = readChosen({ ...query, status: 'open' });
  // By the filter alone, or by name: never more than the operator may see.
  const filter: DiscrepancyFilter = isAll
    ? filterOf(asked, chosen)
    : { tenantIds: filterOf(asked, chosen).tenantIds, mode: asked.scope.mode, ids: ids.slice(0, bulkAtMost) };
  return { name, act: actOf(name), filter, ids, isAll, hidden: isAll ? pairsOf(chosen) : [] };
}

function actOf(name: string): BulkAct {
  const act = bulkActs.find((one) => one === name);
  return act ?? 'assign';
}

async function preview(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  guard: Guard,
  query: ParsedUrlQuery,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  const { scope } = asked;
  const chosen = readChoice(asked, guard, query);
  if (!chosen.isAll && chosen.ids.length === 0) {
    flash(ctx, 'Nothing was chosen.', 'bad');
    return ctx.redirect(base + scope.query);
  }
  if (problems.length > 0) ctx.status = 400;
  const { items, atRiskCents, left, hasMore, digest } = await previewBulk(deps.db, chosen.filter, chosen.act);
  await showPage(deps, ctx, asked, 'discrepancies-bulk', {
    title: words(chosen.name),
    now: deps.now(),
    word: words(chosen.name),
    do: chosen.name,
    rows: showDiscrepancies(items, asked, await namesOfShortcodes(deps.db, scope), deps.now()),
    ids: chosen.isAll ? [] : chosen.ids,
    isAll: chosen.isAll,
    hidden: chosen.hidden,
    count: items.length,
    atRisk: centsText(atRiskCents),
    left,
    hasMore,
    most: bulkAtMost,
    digest: form?.get('digest') ?? digest,
    needsOther: chosen.act === 'write_off',
    needsTwoPersons: deps.needsTwoPersons,
    f: fieldsOf(['reason'], form, problems),
    problems,
    action: paths[guard] + scope.query,
    back: base + scope.query,
    hrefs: hrefsOf(scope),
  });
}

async function act(
  deps: DiscrepancyPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  guard: Guard,
  query: ParsedUrlQuery,
  form: Form,
): Promise<void> {
  const { query: scopeQuery } = asked.scope;
  const chosen = readChoice(asked, guard, query);
  const by = actingAs(deps, ctx);
  const [reason, digest] = [form.get('reason'), form.get('digest')];
  const changed = 'Others are chosen by now, or one of them has changed. Nothing was done; look at them again.';
  if (chosen.act === 'write_off') {
    const shown = await previewBulk(deps.db, chosen.filter, 'write_off');
    if (shown.digest !== digest || shown.items.length === 0) {
      flash(ctx, changed, 'bad');
      return ctx.redirect(base + scopeQuery);
    }
    const requested = await requestAs(deps, by, 'write_off', shown.items, reason, digest);
    return tellRequest(ctx, asked, requested, discrepancyKind(deps));
  }
  const acted = await actInBulkAs(deps, by, chosen.filter, digest, choiceFor(chosen.name, by.actor), reason);
  if (acted.outcome === 'changed') flash(ctx, changed, 'bad');
  else {
    const all = acted.done.length + acted.refused.length;
    const why = acted.refused[0] === undefined ? '' : ` ${acted.refused[0].why}`;
    const text = `${words(chosen.name)}: done for ${acted.done.length} of ${all}.${why}`;
    flash(ctx, text, acted.refused.length === 0 ? 'ok' : 'bad');
  }
  ctx.redirect(base + scopeQuery);
}

function choiceFor(name: string, actor: { id: string; name: string }): BulkChoice {
  return name === 'make_payment' || name === 'mark_reversed' ? { act: name } : choiceOf(name, actor);
}
