// The books in the console: which days are closed and which comes next, a day as it would be closed, with the form that
// closes it or asks a second person, and one close as a page to print and as a file. What is closed never changes here or
// anywhere; viewers see it, operators and owners close.

import type Router from '@koa/router';
import type Koa from 'koa';
import { findShortcodeAcrossTenants, listShortcodesAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { type Approval, findApproval, findWaitingApproval } from '../platform/approval-store.ts';
import { type Decided, reject } from '../platform/approvals.ts';
import { invalid } from '../platform/validation.ts';
import { type DailyClose, readBody } from '../reconciliation/close.ts';
import { type ClosePreview, findNextDay, previewClose } from '../reconciliation/close-day.ts';
import { findClose, findCloseOfDay, listCloses } from '../reconciliation/close-store.ts';
import { isOver } from '../reconciliation/nairobi-days.ts';
import { kindNames } from './approval-kind.ts';
import { approveClose, type CloseActDeps, closeDayAs, dayOfApproval, subjectOf } from './close-acts.ts';
import { sealRows, writeCloseCsv } from './close-table.ts';
import {
  closeDayText,
  closesPath,
  newCloseHref,
  showListed,
  showRequest,
  showRows,
  showSections,
  verdictWord,
} from './close-view.ts';
import { actingAs, type FormProblem, fieldsOf, mine, notHere, pageOf, textOf, tryForm } from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { shortcodeName } from './shortcode-view.ts';

export type ClosePageDeps = ShellDeps & CloseActDeps;

const pageSize = 50;
const mostShortcodes = 50;

export function addClosePages(router: Router, deps: ClosePageDeps): void {
  const { sessions } = deps;
  router.get(closesPath, sessions.guard('view'), (ctx) => showList(deps, ctx));
  router.get(`${closesPath}/new`, sessions.guard('settle'), (ctx) => showNew(deps, ctx));
  router.post(closesPath, sessions.guard('settle'), (ctx) => makeClose(deps, ctx));
  router.post(`${closesPath}/approvals/:id/approve`, sessions.guard('settle'), (ctx) => decide(deps, ctx, 'approve'));
  router.post(`${closesPath}/approvals/:id/reject`, sessions.guard('settle'), (ctx) => decide(deps, ctx, 'reject'));
  router.get(`${closesPath}/:id`, sessions.guard('view'), (ctx) => showOne(deps, ctx));
  router.get(`${closesPath}/:id/csv`, sessions.guard('view'), (ctx) => sendCsv(deps, ctx));
}

const tenantNames = ({ scope }: Asked): Map<string, string> => new Map(scope.tenants.map(({ id, name }) => [id, name]));

async function showList(deps: ClosePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { tenantId, mode, tenants, query } = asked.scope;
  const shortcodes = await listShortcodesAcrossTenants(deps.db, { tenantId, mode }, mostShortcodes);
  const chosen = textOf(ctx.query.shortcode) ?? '';
  const rows = await listCloses(
    deps.db,
    {
      tenantIds: tenantId === null ? tenants.map(({ id }) => id) : [tenantId],
      mode,
      shortcodeId: chosen === '' ? undefined : chosen,
      before: readPosition(ctx),
    },
    pageSize + 1,
  );
  const page = pageOf(ctx, rows, pageSize, ({ day, id }) => `${day} ${id}`);
  const names = tenantNames(asked);
  const numbers = await shortcodeNames(deps, shortcodes, page.shown);
  await showPage(deps, ctx, asked, 'closes', {
    title: 'Closes',
    now: deps.now(),
    closes: page.shown.map((close) =>
      showListed(close, {
        shortcode: numbers.get(close.shortcodeId) ?? close.shortcodeId,
        tenantName: names.get(close.tenantId) ?? '',
        query,
      }),
    ),
    pager: page.pager,
    next: await nextToClose(deps, asked, shortcodes),
    choices: [
      { value: '', words: 'All shortcodes', isChosen: chosen === '' },
      ...shortcodes.map((one) => ({ value: one.id, words: shortcodeName(one), isChosen: one.id === chosen })),
    ],
    isFiltered: chosen !== '',
    hasTenant: tenantId !== null,
    reconciliationHref: `/console/reconciliation${query}`,
  });
}

/** `2026-10-05 cls_…`, where the page before ended. */
function readPosition(ctx: Koa.Context): { day: string; id: string } | undefined {
  const [, day, id] = /^(\d{4}-\d\d-\d\d) (cls_\w{26})$/.exec(textOf(ctx.query.before) ?? '') ?? [];
  return day === undefined || id === undefined ? undefined : { day, id };
}

async function shortcodeNames(
  { db }: ClosePageDeps,
  known: readonly Shortcode[],
  closes: readonly { shortcodeId: string }[],
): Promise<Map<string, string>> {
  const names = new Map(known.map((one) => [one.id, shortcodeName(one)]));
  for (const { shortcodeId } of closes) {
    if (names.has(shortcodeId)) continue;
    const found = await findShortcodeAcrossTenants(db, shortcodeId);
    if (found !== undefined) names.set(shortcodeId, shortcodeName(found));
  }
  return names;
}

/** Of each shortcode the day that can be closed now. */
async function nextToClose({ db, now }: ClosePageDeps, asked: Asked, shortcodes: readonly Shortcode[]) {
  const names = tenantNames(asked);
  const found = [];
  for (const shortcode of shortcodes) {
    const day = await findNextDay(db, shortcode.id);
    if (day === null || !isOver(day, now())) continue;
    found.push({
      name: shortcodeName(shortcode),
      tenantName: names.get(shortcode.tenantId) ?? '',
      day: closeDayText(day),
      href: asked.may('settle') ? newCloseHref(shortcode.id, day, asked.scope.query) : null,
    });
  }
  return found;
}

/** The shortcode and the day that are asked about. @throws AppError for another tenant's, and for none */
async function readDay(deps: ClosePageDeps, asked: Asked, shortcodeId: string, day: string): Promise<ClosePreview> {
  if (shortcodeId === '' || day === '')
    throw invalid([{ parameter: 'day', code: 'required', detail: 'Choose a shortcode and a day.' }]);
  mine(asked, 'shortcode', await findShortcodeAcrossTenants(deps.db, shortcodeId));
  return previewClose(deps, shortcodeId, day);
}

async function showNew(deps: ClosePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const [shortcodeId, day] = [textOf(ctx.query.shortcode) ?? '', textOf(ctx.query.day) ?? ''];
  const preview = await readDay(deps, asked, shortcodeId, day);
  const closed = await findCloseOfDay(deps.db, shortcodeId, day);
  if (closed !== undefined) return ctx.redirect(`${closesPath}/${closed.id}${asked.scope.query}`);
  await showPreview(deps, ctx, asked, preview);
}

async function showPreview(
  deps: ClosePageDeps,
  ctx: Koa.Context,
  asked: Asked,
  { shortcode, draft, stateKey, obstacle }: ClosePreview,
  form?: Form,
  problems: FormProblem[] = [],
): Promise<void> {
  if (problems.length > 0) ctx.status = 400;
  const waiting = await findWaiting(deps, shortcode.id, draft.day);
  const { operator } = asked.visitor;
  await showPage(deps, ctx, asked, 'close-new', {
    title: `Close ${closeDayText(draft.day)}`,
    name: shortcodeName(shortcode),
    dayWords: closeDayText(draft.day),
    shortcodeId: shortcode.id,
    day: draft.day,
    stateKey,
    obstacle,
    verdict: verdictWord(draft.isClean),
    isClean: draft.isClean,
    sections: showSections(draft),
    request: waiting === null ? null : showRequest(waiting, operator.id, deps.needsTwoPersons),
    hasMoved: waiting !== null && waiting.stateKey !== stateKey,
    mayClose: obstacle === null && waiting === null,
    needsTwoPersons: deps.needsTwoPersons,
    f: fieldsOf(['reason'], form, problems),
    problems,
    query: asked.scope.query,
    action: closesPath,
    listHref: closesPath + asked.scope.query,
    reconciliationHref: `/console/reconciliation${asked.scope.query}`,
  });
}

async function findWaiting({ db, now }: ClosePageDeps, shortcodeId: string, day: string): Promise<Approval | null> {
  return (await findWaitingApproval(db, subjectOf(shortcodeId, day), now())) ?? null;
}

async function makeClose(deps: ClosePageDeps, ctx: Koa.Context): Promise<void> {
  const form = await deps.sessions.readForm(ctx);
  const asked = await ask(deps, ctx);
  const { query } = asked.scope;
  const [shortcodeId, day] = [form.get('shortcode'), form.get('day')];
  const preview = await readDay(deps, asked, shortcodeId, day);
  const changed = { name: 'reason', detail: 'The day has changed since you opened this page. Look at it again.' };
  if (form.get('state') !== preview.stateKey) return showPreview(deps, ctx, asked, preview, form, [changed]);
  const tried = await tryForm(() => closeDayAs(deps, actingAs(deps, ctx), preview, form.get('reason')));
  if ('problems' in tried) return showPreview(deps, ctx, asked, preview, form, tried.problems);
  switch (tried.done.outcome) {
    case 'closed':
      flash(ctx, `${closeDayText(day)} is closed. It never changes from now on.`);
      return ctx.redirect(`${closesPath}/${tried.done.close.id}${query}`);
    case 'asked':
      flash(ctx, deps.needsTwoPersons ? 'Asked for. Somebody else has to agree within a day.' : 'Asked for.');
      break;
    case 'waiting':
      flash(ctx, 'This day waits for somebody to agree already.', 'bad');
      break;
    case 'changed':
      flash(ctx, 'The day changed in this moment. Look at it again.', 'bad');
      break;
    default:
      tried.done satisfies never;
  }
  ctx.redirect(newCloseHref(shortcodeId, day, query));
}

const decisionWords: Readonly<Record<Decided, readonly [words: string, tone: 'ok' | 'bad']>> = {
  approved: ['Agreed to: the day is closed. It never changes from now on.', 'ok'],
  rejected: ['Turned down. The day stays open.', 'ok'],
  withdrawn: ['Withdrawn. The day stays open.', 'ok'],
  outdated: ['The day has changed since it was asked for. Nothing was done; look at it and ask again.', 'bad'],
  own: ['You asked for this yourself: somebody else has to agree.', 'bad'],
  ended: ['This was decided already, or has waited longer than a day.', 'bad'],
};

async function decide(deps: ClosePageDeps, ctx: Koa.Context, act: 'approve' | 'reject'): Promise<void> {
  const form = await deps.sessions.readForm(ctx);
  const asked = await ask(deps, ctx);
  const approval = await findApproval(deps.db, String(ctx.params.id));
  if (approval?.kind !== kindNames.close) throw notHere('request');
  mine(asked, 'request', approval);
  const by = actingAs(deps, ctx);
  const decided =
    act === 'approve'
      ? await approveClose(deps, by, approval.id)
      : await reject(deps, by, approval.id, form.get('note'));
  const [words, tone] = decisionWords[decided];
  flash(ctx, words, tone);
  const { shortcodeId, day } = dayOfApproval(approval);
  ctx.redirect(newCloseHref(shortcodeId, day, asked.scope.query));
}

async function findMine(deps: ClosePageDeps, ctx: Koa.Context, asked: Asked): Promise<[DailyClose, Shortcode]> {
  const close = mine(asked, 'close', await findClose(deps.db, String(ctx.params.id)));
  return [close, mine(asked, 'close', await findShortcodeAcrossTenants(deps.db, close.shortcodeId))];
}

async function showOne(deps: ClosePageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const [close, shortcode] = await findMine(deps, ctx, asked);
  const body = readBody(close);
  const { query } = asked.scope;
  await showPage(deps, ctx, asked, 'close', {
    title: `${shortcodeName(shortcode)}, ${closeDayText(close.day)}`,
    name: shortcodeName(shortcode),
    dayWords: closeDayText(close.day),
    tenantName: tenantNames(asked).get(close.tenantId) ?? '',
    verdict: verdictWord(close.isClean),
    sections: showSections(body),
    seal: showRows(sealRows(close, body)),
    csvHref: `${closesPath}/${close.id}/csv${query}`,
    listHref: closesPath + query,
    reconciliationHref: `/console/reconciliation${query}`,
  });
}

async function sendCsv(deps: ClosePageDeps, ctx: Koa.Context): Promise<void> {
  const [close, shortcode] = await findMine(deps, ctx, await ask(deps, ctx));
  ctx.type = 'text/csv; charset=utf-8';
  ctx.set('Cache-Control', 'no-store');
  ctx.attachment(`close-${shortcode.shortcode}-${close.day}.csv`);
  ctx.body = writeCloseCsv(close, readBody(close), shortcodeName(shortcode));
}
