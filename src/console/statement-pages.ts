// Statements: give a file, see what is in it before anything of it counts, have it imported, and what it came to. The
// page of an import that is under way loads itself again by a header, so it needs no script.

import type Router from '@koa/router';
import type Koa from 'koa';
import { findShortcodeAcrossTenants, listShortcodesAcrossTenants } from '../mpesa/shortcode-store.ts';
import { AppError } from '../platform/errors.ts';
import type { Statements } from '../reconciliation/connect-statements.ts';
import type { Previewed } from '../reconciliation/preview-statement.ts';
import { badFile, fileLimitBytes, type Statement } from '../reconciliation/statement.ts';
import { countFates } from '../reconciliation/statement-line-store.ts';
import { findStatementAcrossTenants, listStatementsAcrossTenants } from '../reconciliation/statement-store.ts';
import { listActsOn } from './audit-words.ts';
import { actingAs, choicesOf, type FormProblem, fieldsOf, mine, pageOf, textOf, tryForm } from './form-pages.ts';
import { isUpload, readUpload, type UploadedFile } from './read-upload.ts';
import { hrefsOf } from './reconciliation-scope.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { shortcodeName } from './shortcode-view.ts';
import { discardStatementAs, importStatementAs, previewStatementAs, type StatementActDeps } from './statement-acts.ts';
import { showInList, showProgress, showResult, showStatement } from './statement-view.ts';

export type StatementPageDeps = ShellDeps & StatementActDeps & { statements: Pick<Statements, 'begin'> };

const path = '/console/reconciliation/imports';
const pageSize = 50;
const mostShortcodes = 500;
const refreshSeconds = 2;

export function addStatementPages(router: Router, deps: StatementPageDeps): void {
  const { sessions } = deps;
  router.get(path, sessions.guard('view'), async (ctx) => showList(deps, ctx, await ask(deps, ctx)));
  router.post(path, sessions.guard('act'), (ctx) => takeUpload(deps, ctx));
  router.get(`${path}/:id`, sessions.guard('view'), async (ctx) => showOne(deps, ctx, await ask(deps, ctx)));

  router.post(`${path}/:id/commit`, sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { id } = await getMyStatement(deps, ctx, asked);
    deps.statements.begin(await importStatementAs(deps, actingAs(deps, ctx), id));
    ctx.redirect(urlOf(id, asked));
  });

  router.post(`${path}/:id/discard`, sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { id } = await getMyStatement(deps, ctx, asked);
    await discardStatementAs(deps, actingAs(deps, ctx), id);
    flash(ctx, 'Discarded. Nothing of the file is kept.');
    ctx.redirect(path + asked.scope.query);
  });
}

const urlOf = (id: string, { scope }: Asked): string => `${path}/${id}${scope.query}`;

/** @throws AppError `not_found` for a statement that is not the operator's */
async function getMyStatement(deps: StatementPageDeps, ctx: Koa.Context, asked: Asked): Promise<Statement> {
  return mine(asked, 'statement', await findStatementAcrossTenants(deps.db, String(ctx.params.id)));
}

async function takeUpload(deps: StatementPageDeps, ctx: Koa.Context): Promise<void> {
  const { sessions, db } = deps;
  const asked = await ask(deps, ctx);
  const proven = async (fields: ReadonlyMap<string, string>, file: UploadedFile | null) => {
    sessions.proveForm(ctx, fields.get('_token') ?? '');
    const shortcode = await findShortcodeAcrossTenants(db, fields.get('shortcode') ?? '');
    return { shortcode: mine(asked, 'shortcode', shortcode), file };
  };
  const uploaded = await tryForm(async (): Promise<Previewed> => {
    if (!isUpload(ctx.req)) {
      await sessions.readForm(ctx);
      throw badFile('Choose a file.');
    }
    const read = await readUpload(ctx.req, fileLimitBytes, async (fields, file) => {
      const { shortcode } = await proven(fields, file);
      if (file.name === '') throw badFile('Choose a file.');
      return previewStatementAs(deps, actingAs(deps, ctx), shortcode, { fileName: file.name, bytes: file.bytes });
    });
    if ('taken' in read) return read.taken;
    await proven(read.fields, null);
    throw badFile('Choose a file.');
  });
  if ('problems' in uploaded) return showList(deps, ctx, asked, uploaded.problems);
  const { statement, isKnown } = uploaded.done;
  if (isKnown) flash(ctx, 'This very file was given before. Here is what became of it.');
  ctx.redirect(urlOf(statement.id, asked));
}

function readPosition(value: unknown): { createdAt: number; id: string } | null {
  const match = /^(\d{1,15})\.(stm_[0-9a-z]{26})$/.exec(textOf(value) ?? '');
  return match === null ? null : { createdAt: Number(match[1]), id: match[2]! };
}

async function showList(
  deps: StatementPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  problems: FormProblem[] = [],
): Promise<void> {
  const { scope } = asked;
  const { tenantId, mode } = scope;
  const shortcodes = await listShortcodesAcrossTenants(deps.db, { tenantId, mode }, mostShortcodes);
  const names = new Map(shortcodes.map((one) => [one.id, nameOf(one, asked)]));
  const filter = { tenantId, mode, before: readPosition(ctx.query.before) };
  const rows = await listStatementsAcrossTenants(deps.db, filter, pageSize + 1);
  const page = pageOf(ctx, rows, pageSize, ({ createdAt, id }) => `${createdAt}.${id}`);
  if (problems.length > 0) ctx.status = 400;
  const chosen = textOf(ctx.query.shortcode) ?? '';
  await showPage(deps, ctx, asked, 'statements', {
    title: 'Statements',
    now: deps.now(),
    statements: page.shown.map((one) => showInList(one, names.get(one.shortcodeId) ?? '–', scope.query, deps.now())),
    pager: page.pager,
    mayAct: asked.may('act'),
    hrefs: hrefsOf(scope),
    action: path + scope.query,
    shortcodes: choicesOf([...names], names.size === 1 ? [...names.keys()][0]! : chosen),
    hasShortcodes: names.size > 0,
    limitMb: fileLimitBytes / 1024 / 1024,
    f: fieldsOf(['file'], {}, problems),
    problems,
  });
}

/** With its tenant where several are shown. */
function nameOf(shortcode: Parameters<typeof shortcodeName>[0] & { tenantId: string }, { scope }: Asked): string {
  const tenant = scope.tenantId === null ? scope.tenants.find(({ id }) => id === shortcode.tenantId) : undefined;
  return tenant === undefined ? shortcodeName(shortcode) : `${shortcodeName(shortcode)}, ${tenant.name}`;
}

async function showOne(deps: StatementPageDeps, ctx: Koa.Context, asked: Asked): Promise<void> {
  const statement = await getMyStatement(deps, ctx, asked);
  const shortcode = await findShortcodeAcrossTenants(deps.db, statement.shortcodeId);
  if (shortcode === undefined) throw new AppError('not_found', 'The shortcode of this statement is gone.');
  const progress = showProgress(statement);
  if (progress.isUnderWay) ctx.set('Refresh', String(refreshSeconds));
  const isImported = statement.status === 'imported';
  const { query } = asked.scope;
  await showPage(deps, ctx, asked, 'statement', {
    title: statement.fileName,
    now: deps.now(),
    statement: showStatement(statement, nameOf(shortcode, asked), deps.now()),
    progress,
    result: isImported ? showResult(statement, await countFates(deps.db, statement.id)) : null,
    isPreview: statement.status === 'previewed',
    isDiscarded: statement.status === 'discarded',
    mayAct: asked.may('act'),
    hrefs: { ...hrefsOf(asked.scope), self: `${path}/${statement.id}` },
    query,
    acts: await listActsOn(deps.db, statement.id, asked.visitor.operator.tenantId),
  });
}
