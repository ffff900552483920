// What everybody may do for themselves: see and end their own sessions, move to another authenticator, make new recovery
// codes. What concerns the second factor asks for it once more first, unless it was just given.

import type Router from '@koa/router';
import type Koa from 'koa';
import { actingAs } from './form-pages.ts';
import { endSessions, type OperatorDeps, renewRecoveryCodes } from './manage-operators.ts';
import { listSessionsOf } from './operator-store.ts';
import { showOperator, showSessions } from './operator-view.ts';
import { stepUpMs, type Visitor } from './session.ts';
import { ask, flash, type ShellDeps, showDoor, showPage } from './shell-pages.ts';

export type OperatorSelfPageDeps = ShellDeps & OperatorDeps;

export function addOperatorSelfPages(router: Router, deps: OperatorSelfPageDeps): void {
  const { sessions } = deps;

  router.get('/console/me', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const { operator, session } = asked.visitor;
    const names = new Map(asked.scope.tenants.map(({ id, name }) => [id, name]));
    const open = await listSessionsOf(deps.db, operator.id);
    await showPage(deps, ctx, asked, 'operator-self', {
      title: 'You',
      now: deps.now(),
      person: showOperator(operator, names, asked.scope.query),
      query: asked.scope.query,
      openSessions: showSessions(open, session.id, deps.now()),
      hasOthers: open.length > 1,
    });
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
