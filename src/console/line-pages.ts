// Lines of M-PESA's record: the list with its filters in the address, the same as a file, and one line with what matching
// made of it. Whose money a line is may be said here, with a reason; nothing else about it ever changes.

import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { Sealer } from '../platform/sealing.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import { type Line, type LineStatus, sources, startOfDay } from '../reconciliation/line.ts';
import { endOfDay, isDay } from '../reconciliation/nairobi-days.ts';
import { type ActDeps, auditAct } from './audit-act.ts';
import { showDiscrepancies } from './discrepancy-view.ts';
import { actingAs, choicesOf, mine, pageOf, textOf, withQuery } from './form-pages.ts';
import { mayLink } from './line-link-pages.ts';
import { findLine, type LineFilter, type LinePosition, listLines, listLinesOfReceipt } from './line-list-store.ts';
import { linesPath, showFullLine, showLine, writeLinesCsv } from './line-view.ts';
import { hrefsOf, namesOfShortcodes, tenantsOf } from './reconciliation-scope.ts';
import { lineStatusWords, sourceWords } from './reconciliation-words.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';

export type LinePageDeps = ShellDeps & ActDeps & { sealer: Sealer };

const pageSize = 50;
const csvBatch = 500;

export function addLinePages(router: Router, deps: LinePageDeps): void {
  const { sessions } = deps;
  router.get(linesPath, sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get(`${linesPath}.csv`, sessions.guard('view'), (ctx) => sendFile(deps, ctx));
  router.get(`${linesPath}/:id`, sessions.guard('view'), (ctx) => showOne(deps, ctx));
}

interface Chosen {
  shortcode: string;
  source: string;
  status: string;
  from: string;
  to: string;
  receipt: string;
}

const statuses = Object.keys(lineStatusWords) as LineStatus[];
const receiptText = z.string().regex(/^[A-Z0-9]{4,20}$/);

function readChosen({ query }: Koa.Context): Chosen {
  const one = (name: string): string => textOf(query[name]) ?? '';
  const day = (name: string): string => (isDay(one(name)) ? one(name) : '');
  return {
    shortcode: one('shortcode'),
    source: sources.find((source) => source === one('source')) ?? '',
    status: statuses.find((status) => status === one('status')) ?? '',
    from: day('from'),
    to: day('to'),
    receipt: one('receipt').toUpperCase(),
  };
}

function filterOf({ scope }: Asked, { shortcode, source, status, from, to, receipt }: Chosen): LineFilter {
  return {
    // A receipt that cannot be one is found nowhere.
    tenantIds: receipt === '' || receiptText.safeParse(receipt).success ? tenantsOf(scope) : [],
    mode: scope.mode,
    shortcodeId: shortcode === '' ? null : shortcode,
    source: sources.find((one) => one === source) ?? null,
    statuses: status === '' ? null : [status as LineStatus],
    receipt: receipt === '' ? null : receipt,
    since: from === '' ? null : startOfDay(from),
    until: to === '' ? null : endOfDay(to),
  };
}

function readPosition(ctx: Koa.Context): LinePosition | null {
  const match = /^(\d{1,15})\.(lin_[0-9a-z]{26})$/.exec(textOf(ctx.query.before) ?? '');
  return match === null ? null : { at: Number(match[1]), id: match[2]! };
}

async function showList(deps: LinePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const chosen = readChosen(ctx);
  const rows = await listLines(deps.db, deps.sealer, filterOf(asked, chosen), readPosition(ctx), pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ completedAt, id }) => `${completedAt}.${id}`);
  const names = await namesOfShortcodes(deps.db, scope);
  await showPage(deps, ctx, asked, 'lines', {
    title: 'Lines',
    now: deps.now(),
    lines: page.shown.map((line) => showLine(line, scope.query, names)),
    pager: page.pager,
    shortcodes: choicesOf([['', 'Any shortcode'], ...names], chosen.shortcode),
    sources: choicesOf([['', 'Any source'], ...sources.map((one) => [one, sourceWords[one]] as const)], chosen.source),
    statuses: choicesOf(
      [['', 'Any state'], ...statuses.map((one) => [one, lineStatusWords[one].word] as const)],
      chosen.status,
    ),
    status: chosen.status === '' ? null : lineStatusWords[chosen.status as LineStatus],
    chosen,
    isFiltered: Object.values(chosen).some((value) => value !== ''),
    csvHref: `${linesPath}.csv${withQuery(ctx, { before: null }).slice(ctx.path.length)}`,
    path: linesPath,
    hrefs: hrefsOf(scope),
  });
}

async function sendFile(deps: LinePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const chosen = readChosen(ctx);
  const filter = filterOf(asked, chosen);
  const after = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== ''));
  // Taking data away is an act.
  await auditAct(deps, actingAs(deps, ctx), async () => ({
    result: undefined,
    entry: { action: 'lines.exported', tenantId: scope.tenantId, target: null, after: { mode: scope.mode, ...after } },
  }));
  const names = await namesOfShortcodes(deps.db, scope);
  ctx.type = 'text/csv; charset=utf-8';
  ctx.set('Cache-Control', 'no-store');
  ctx.attachment('lines.csv');
  ctx.body = Readable.from(writeLinesCsv(walk(deps, filter), names));
}

async function* walk({ db, sealer }: LinePageDeps, filter: LineFilter): AsyncGenerator<Line[]> {
  let before: LinePosition | null = null;
  for (;;) {
    const lines: Line[] = await listLines(db, sealer, filter, before, csvBatch);
    yield lines;
    const last = lines.at(-1);
    if (last === undefined || lines.length < csvBatch) return;
    before = { at: last.completedAt, id: last.id };
  }
}

async function showOne(deps: LinePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const line = mine(asked, 'line', await findLine(deps.db, deps.sealer, String(ctx.params.id)));
  const names = await namesOfShortcodes(deps.db, scope);
  const told = await listLinesOfReceipt(deps.db, deps.sealer, line);
  const { tenantId, mode, shortcodeId, receipt } = line;
  const about = { tenantIds: [tenantId], mode, shortcodeId, receipt, status: 'open' } as const;
  const open = await listDiscrepancies(deps.db, about, { limit: 20 });
  await showPage(deps, ctx, asked, 'line', {
    title: `${line.receipt}, ${sourceWords[line.source]}`,
    now: deps.now(),
    line: showFullLine(line, scope.query, names),
    others: told.filter(({ id }) => id !== line.id).map((one) => showLine(one, scope.query, names)),
    discrepancies: showDiscrepancies(open.items, asked, names, deps.now()),
    linkHref: asked.may('settle') && mayLink(line) ? `${linesPath}/${line.id}/link${scope.query}` : null,
    hrefs: hrefsOf(scope),
  });
}
