// Callbacks: every one whose address was right, as it came, with what became of it; forged and unreadable ones too. Its
// body is shown without the customer's number and folded.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Sealer } from '../platform/sealing.ts';
import { type CallbackFilter, findCallback, listCallbacks } from './callback-list-store.ts';
import { callbackVerdicts, showCallback, verdictWords } from './callback-view.ts';
import { choicesOf, mine, pageOf, textOf } from './form-pages.ts';
import { showExchange } from './payment-exchange.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';

export type CallbackPageDeps = ShellDeps & { sealer: Sealer };

const pageSize = 50;
const dayMs = 86_400_000;
const usualDays = 7;
const mostDays = 31;
const nairobiOffsetMs = 3 * 3_600_000;

export function addCallbackPages(router: Router, deps: CallbackPageDeps): void {
  const { sessions } = deps;
  router.get('/console/callbacks', sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get('/console/callbacks/:id', sessions.guard('view'), (ctx) => showOne(deps, ctx));
}

const namesOf = ({ scope }: Asked): Map<string, string> => new Map(scope.tenants.map(({ id, name }) => [id, name]));

/** The days that were asked for, at most 31 of them; the last seven where none were. */
function readWindow(query: Koa.Context['query'], now: number): { since: number; until: number } {
  const [from, to] = [dayOf(query.from), dayOf(query.to)];
  const until = to === null ? now + dayMs : to + dayMs;
  const earliest = until - mostDays * dayMs;
  return { since: Math.max(earliest, from ?? until - (usualDays + 1) * dayMs), until };
}

/** A day of Nairobi (`2026-10-06`) as the time it begins; null where it is none. */
function dayOf(value: unknown): number | null {
  const text = textOf(value);
  const at = text !== null && /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? null : at - nairobiOffsetMs;
}

function readPosition(value: unknown): CallbackFilter['before'] {
  const match = /^(\d{1,15})\.(evd_[0-9a-z]{26})$/.exec(textOf(value) ?? '');
  return match === null ? null : { at: Number(match[1]), id: match[2]! };
}

async function showList(deps: CallbackPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const verdict = callbackVerdicts.find((one) => one === textOf(ctx.query.verdict));
  const filter = {
    tenantId: scope.tenantId,
    mode: scope.mode,
    verdicts: verdict === undefined ? callbackVerdicts : [verdict],
    ...readWindow(ctx.query, deps.now()),
    before: readPosition(ctx.query.before),
  };
  const rows = await listCallbacks(deps.db, filter, pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ at, id }) => `${at}.${id}`);
  const words = callbackVerdicts.map((one) => [one, verdictWords[one].word] as const);
  await showPage(deps, ctx, asked, 'callbacks', {
    title: 'Callbacks',
    now: deps.now(),
    callbacks: page.shown.map((one) => showCallback(one, namesOf(asked), scope.query)),
    pager: page.pager,
    verdicts: choicesOf([['', 'Any'], ...words], verdict ?? ''),
    verdict: verdict === undefined ? null : verdictWords[verdict],
    from: textOf(ctx.query.from) ?? '',
    to: textOf(ctx.query.to) ?? '',
    since: filter.since,
    hasTenant: scope.tenantId !== null,
    isFiltered: verdict !== undefined || textOf(ctx.query.from) !== null || textOf(ctx.query.to) !== null,
  });
}

async function showOne(deps: CallbackPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const found = mine(asked, 'callback', await findCallback(deps.db, deps.sealer, String(ctx.params.id)));
  const callback = showCallback(found, namesOf(asked), asked.scope.query);
  await showPage(deps, ctx, asked, 'callback', {
    title: `Callback, ${callback.verdict.word.toLowerCase()}`,
    now: deps.now(),
    callback,
    exchange: showExchange({ ...found, source: 'callback', httpStatus: null, durationMs: null }),
    listHref: `/console/callbacks${asked.scope.query}`,
  });
}
