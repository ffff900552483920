// The audit log: who did what to what, when and why, with what was before and after, and whether the log is still as it
// was written. Operators of one tenant see what was done for theirs. The same filter makes a file.

import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type Koa from 'koa';
import { type AuditFilter, type AuditRow, type AuditVerdict, listAudit } from '../platform/audit-store.ts';
import { numberText } from '../platform/render.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { AuditChain } from './audit-chain.ts';
import { listActions } from './audit-list-store.ts';
import { actWords, showAct } from './audit-words.ts';
import { choicesOf, pageOf, textOf, withQuery } from './form-pages.ts';
import { listOperators } from './operator-store.ts';
import { csvLine, nairobiTime } from './payments-csv.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';
import type { Word } from './status-words.ts';

export type AuditPageDeps = ShellDeps & { sealer: Sealer; auditChain: AuditChain };

const pageSize = 50;
const csvBatch = 500;
const dayMs = 86_400_000;
const nairobiOffsetMs = 3 * 3_600_000;

export function addAuditPages(router: Router, deps: AuditPageDeps): void {
  const { sessions } = deps;
  router.get('/console/audit', sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get('/console/audit.csv', sessions.guard('view'), (ctx) => sendFile(deps, ctx));
}

/** The filter of the address. A tenant's operators never leave their tenant: the scope sees to it. */
function readFilter({ scope }: Asked, query: Koa.Context['query']): Omit<AuditFilter, 'limit'> {
  const [from, to] = [dayOf(query.from), dayOf(query.to)];
  const before = Number(textOf(query.before));
  return {
    tenantId: scope.tenantId,
    actor: textOf(query.actor) ?? undefined,
    action: textOf(query.action) ?? undefined,
    target: textOf(query.target) ?? undefined,
    since: from ?? undefined,
    until: to === null ? undefined : to + dayMs,
    beforeSeq: Number.isSafeInteger(before) && before > 0 ? before : undefined,
  };
}

/** A day of Nairobi (`2026-10-06`) as the time it begins; null where it is none. */
function dayOf(value: unknown): number | null {
  const text = textOf(value);
  const at = text !== null && /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? null : at - nairobiOffsetMs;
}

async function showList(deps: AuditPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope, visitor } = asked;
  const filter = readFilter(asked, ctx.query);
  const rows = await listAudit(deps.db, { ...filter, limit: pageSize + 1 });
  const page = pageOf(ctx, rows, pageSize, ({ seq }) => String(seq));
  const names = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  const { actor, action, target, since, until } = filter;
  await showPage(deps, ctx, asked, 'audit', {
    title: 'Audit',
    now: deps.now(),
    chain: chainWord(await deps.auditChain.verdict(), visitor.operator.tenantId === null),
    actors: await actorChoices(deps, asked, actor),
    actions: choicesOf(
      [['', 'Anything'], ...(await listActions(deps.db)).map((one) => [one, actWords(one)] as const)],
      action ?? '',
    ),
    target: target ?? '',
    from: textOf(ctx.query.from) ?? '',
    to: textOf(ctx.query.to) ?? '',
    isFiltered: [actor, action, target, since, until].some((one) => one !== undefined),
    rows: page.shown.map((row) => ({
      ...showAct(row),
      ...(row.target?.startsWith('opr_') === true && !asked.may('people') ? { targetHref: null } : {}),
      tenantName: row.tenantId === null ? null : (names.get(row.tenantId) ?? row.tenantId),
      targetFilterHref: row.target === null ? null : withQuery(ctx, { target: row.target, before: null }),
      actorFilterHref: withQuery(ctx, { actor: row.actor, before: null }),
    })),
    pager: page.pager,
    csvHref: withQuery(ctx, { before: null }).replace('/console/audit?', '/console/audit.csv?'),
  });
}

async function actorChoices({ db, sealer }: AuditPageDeps, { scope }: Asked, chosen: string | undefined) {
  const operators = await listOperators(db, sealer, scope.tenantId);
  const known = [['', 'Anybody'], ['cli', 'The command line'], ...operators.map(({ id, email }) => [id, email])] as [
    string,
    string,
  ][];
  const isKnown = known.some(([value]) => value === (chosen ?? ''));
  return choicesOf(isKnown ? known : [...known, [chosen!, chosen!] as const], chosen ?? '');
}

/** How far the chain reaches is about the whole server, so operators of one tenant hear only whether it holds. */
function chainWord(verdict: AuditVerdict, isForAll: boolean): Word {
  if (!verdict.isIntact) {
    const where = isForAll ? ` at row ${numberText(verdict.brokenSeq)}: ${verdict.why}` : '';
    return { word: `Chain broken${where}`, icon: 'f-alert-triangle', tone: 'bad' };
  }
  const words = isForAll ? `Chain intact to row ${numberText(verdict.lastSeq)}` : 'Chain intact';
  return { word: words, icon: 'shield-check', tone: 'ok' };
}

/** Exactly the filter, newest first, one batch in memory at a time. */
async function sendFile(deps: AuditPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const filter = readFilter(asked, { ...ctx.query, before: undefined });
  ctx.set(
    'Content-Disposition',
    `attachment; filename="lango-audit-${new Date(deps.now()).toISOString().slice(0, 10)}.csv"`,
  );
  ctx.type = 'text/csv; charset=utf-8';
  ctx.body = Readable.from(writeFile(deps, filter));
}

const heads = [
  'Row',
  'Time (Nairobi)',
  'Who',
  'Who (id)',
  'What',
  'Tenant',
  'Target',
  'Why',
  'Before',
  'After',
  'From',
];

async function* writeFile({ db }: AuditPageDeps, filter: Omit<AuditFilter, 'limit'>): AsyncGenerator<string> {
  yield `\ufeff${csvLine(heads)}`;
  for (let beforeSeq = filter.beforeSeq; ; ) {
    const rows = await listAudit(db, { ...filter, beforeSeq, limit: csvBatch });
    if (rows.length > 0) yield rows.map(csvRow).join('');
    if (rows.length < csvBatch) return;
    beforeSeq = rows.at(-1)!.seq;
  }
}

function csvRow({ seq, at, actorName, actor, action, tenantId, target, reason, before, after, ip }: AuditRow): string {
  const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
  return csvLine([
    seq,
    nairobiTime(at),
    actorName,
    actor,
    action,
    tenantId,
    target,
    reason,
    json(before),
    json(after),
    ip,
  ]);
}
