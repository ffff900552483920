// What everybody may do for themselves: see and end their own sessions, change the password, move to another
// authenticator, make new recovery codes. What concerns either factor asks for the second one first, unless it was just
// given.

import type Router from '@koa/router';
import type Koa from 'koa';
import { actingAs, type FormProblem, fieldsOf, tryForm } from './form-pages.ts';
import { changeOwnPassword, endSessions, type OperatorDeps, renewRecoveryCodes } from './manage-operators.ts';
import { listSessionsOf } from './operator-store.ts';
import { showOperator, showSessions } from './operator-view.ts';
import { stepUpMs, type Visitor } from './session.ts';
import { ask, flash, type ShellDeps, showDoor, showPage } from './shell-pages.ts';
import type { SignInDeps } from './sign-in.ts';
import { tooMany } from './sign-in-pages.ts';

export type OperatorSelfPageDeps = ShellDeps & OperatorDeps & Pick<SignInDeps, 'accountLimiter'>;

export function addOperatorSelfPages(router: Router, deps: OperatorSelfPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, problems: FormProblem[] = [], status = 400): Promise<void> => {
    const asked = await ask(deps, ctx);
    const { operator, session } = asked.visitor;
    const names = new Map(asked.scope.tenants.map(({ id, name }) => [id, name]));
    const open = await listSessionsOf(deps.db, operator.id);
    if (problems.length > 0) ctx.status = status;
    await showPage(deps, ctx, asked, 'operator-self', {
      title: 'You',
      now: deps.now(),
      person: showOperator(operator, names, asked.scope.query),
      query: asked.scope.query,
      openSessions: showSessions(open, session.id, deps.now()),
      hasOthers: open.length > 1,
      // What was typed is never shown again.
      f: fieldsOf(['present', 'password'], {}, problems),
      problems,
    });
  };

  router.get('/console/me', sessions.guard('view'), (ctx) => show(ctx));

  router.post('/console/me/password', sessions.guard('view'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    if (!hasSteppedUp(deps, ctx)) return ctx.redirect('/console/step-up?next=%2Fconsole%2Fme');
    const { operator, session } = ctx.state.visitor as Visitor;
    const rate = await deps.accountLimiter.take(`password ${operator.id}`);
    if (!rate.allowed) return show(ctx, [{ name: 'present', detail: tooMany(Math.ceil(rate.resetMs / 1000)) }], 429);
    const given = { operator, sessionId: session.id, present: form.get('present'), next: form.get('password') };
    const changed = await tryForm(() => changeOwnPassword(deps, actingAs(deps, ctx), given));
    if ('problems' in changed) return show(ctx, changed.problems);
    flash(ctx, 'Your password is changed. Your other sessions have ended.');
    ctx.redirect('/console/me');
  });

  router.post('/console/me/sessions', sessions.guard('view'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const { operator, session } = ctx.state.visitor as Visitor;
    const which = form.get('session') === '' ? { exceptId: session.id } : { onlyId: form.get('session') };
    const ended = await endSessions(deps, actingAs(deps, ctx), operator, which);
    flash(ctx, ended === 1 ? 'One session has ended.' : `${ended} sessions have ended.`);
    ctx.redirect('/console/me');
  });

  router.post('/console/me/recovery-codes', sessions.guard('view'), async (ctx) => {
    await sessions.readForm(ctx);
    if (!hasSteppedUp(deps, ctx)) return ctx.redirect('/console/step-up?next=%2Fconsole%2Fme');
    const { operator } = ctx.state.visitor as Visitor;
    const codes = await renewRecoveryCodes(deps, actingAs(deps, ctx), operator.id);
    if (codes === null) return ctx.redirect('/console/enrol?next=%2Fconsole%2Fme');
    showDoor(deps, ctx, 'recovery-codes', { title: 'Your recovery codes', codes, next: '/console/me' });
  });
}

function hasSteppedUp({ now }: OperatorSelfPageDeps, ctx: Koa.Context): boolean {
  const { session } = ctx.state.visitor as Visitor;
  return now() - (session.steppedUpAt ?? 0) <= stepUpMs;
}
