// What goes wrong in the console is a page, never JSON. An expected refusal is shown in the frame of every page, or at the
// door to who is not signed in. A fault of our own, and a database that is away, are shown without the frame, which needs
// the database: they say what to do, name the request, and are logged like the API's.

import type Router from '@koa/router';
import type Koa from 'koa';
import { isDatabaseAway } from '../platform/database.ts';
import { AppError, type ProblemCode, problems } from '../platform/errors.ts';
import { asAppError, logFailure } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import { safeNext, type Visitor } from './session.ts';
import { ask, type ShellDeps, showDoor, showPage } from './shell-pages.ts';

type ProblemPageDeps = ShellDeps & { logger: Logger };

/** Where the API's words would mislead a person. */
const headings: Partial<Record<ProblemCode, string>> = {
  scope_missing: 'You may not do this',
  unauthenticated: 'Not done: who are you?',
  address_refused: 'This form was not taken',
  invalid_request: 'Something in this form is wrong',
  not_found: 'There is nothing here',
  internal: 'Something went wrong on our side',
  unavailable: 'Lango cannot answer just now',
};

export function showProblems(deps: ProblemPageDeps): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      if (ctx.headerSent) throw thrown;
      await showProblem(deps, ctx, thrown).catch((worse: unknown) => showFailure(deps, ctx, worse));
    }
  };
}

async function showProblem(deps: ProblemPageDeps, ctx: Koa.Context, thrown: unknown): Promise<void> {
  if (!(thrown instanceof AppError) || thrown.status >= 500) return showFailure(deps, ctx, thrown);
  const { code, status, publicMessage, details } = thrown;
  ctx.status = status;
  // The rest of a body that was too large is not read: another request would wait behind it for ever.
  if (status === 413) ctx.set('Connection', 'close');
  if (details.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(details.retryAfterSeconds));
  const heading = headings[code] ?? problems[code].title;
  const data = { title: heading, heading, detail: publicMessage, requestId: String(ctx.state.requestId) };
  const visitor = ctx.state.visitor as Visitor | null | undefined;
  if (visitor?.session.stage !== 'full') return showDoor(deps, ctx, 'door-problem', data);
  const query = ctx.query.mode === 'test' ? { mode: 'test' } : {};
  const codeHref = code === 'unauthenticated' ? stepUpFrom(ctx) : null;
  // Without the tenant, which may be what was refused.
  await showPage(deps, ctx, await ask(deps, ctx, query), 'problem', { ...data, codeHref });
}

/** Where the code is given that a form lacked; from there one comes back to the page with the form. */
function stepUpFrom(ctx: Koa.Context): string {
  const from = ctx.get('Referer');
  const page = URL.canParse(from) ? new URL(from) : null;
  const next = page?.host === ctx.host ? safeNext(page.pathname + page.search) : '/console';
  return `/console/step-up?next=${encodeURIComponent(next)}`;
}

const advice = {
  away: 'The database is not answering. No money is lost by it: callbacks that arrive are kept on the disk and settled when it is back. Try again in a few seconds; if it goes on, look at the database and its disk first.',
  ours: 'It is written in the log under the request below. If it goes on, give that to who runs this server.',
  acted: 'What you asked for may have been done or not: look before you do it again.',
};

function showFailure(deps: ProblemPageDeps, ctx: Koa.Context, thrown: unknown): void {
  const error = asAppError(thrown);
  logFailure(deps.logger, ctx, error);
  ctx.status = error.status;
  if (error.status === 503) ctx.set('Retry-After', String(error.details.retryAfterSeconds ?? 5));
  const heading = headings[error.code] ?? problems[error.code].title;
  const isAct = ctx.method !== 'GET' && ctx.method !== 'HEAD';
  const expected = thrown instanceof AppError ? thrown.publicMessage : advice.ours;
  showDoor(deps, ctx, 'failure', {
    title: heading,
    heading,
    detail: isDatabaseAway(thrown) ? advice.away : expected,
    acted: isAct ? advice.acted : null,
    again: isAct ? null : ctx.url,
    requestId: String(ctx.state.requestId),
  });
}

/** Whatever else is asked for under /console, behind the same door as all other pages. Registered last. */
export function addUnknownPages(router: Router): void {
  router.all('/console/*path', () => {
    throw new AppError(
      'not_found',
      'There is no such page in the console. It may have been a page of another version.',
    );
  });
}
