// People: owners let others in, change what they may do, shut them out and end their sessions. Nobody sets a password
// for somebody else: a one-time link does, and it is shown once, on the answer to the form that made it.

import type Router from '@koa/router';
import type Koa from 'koa';
import { findWaitingApproval } from '../platform/approval-store.ts';
import { newId } from '../platform/ids.ts';
import { keyedHash } from '../platform/sealing.ts';
import { kindNames, waitingFor } from './approval-kind.ts';
import { readReason } from './audit-act.ts';
import { listActsOn } from './audit-words.ts';
import { actingAs, choicesOf, type FormProblem, fieldsOf, mayTouch, mine, notHere, tryForm } from './form-pages.ts';
import {
  changeOperator,
  checkNewOperator,
  createOperator,
  createPasswordLink,
  endSessions,
  linkOf,
  makesOwner,
} from './manage-operators.ts';
import { findOperator, listOperators, listSessionsOf, type Operator } from './operator-store.ts';
import { roleWords, showOperator, showSessions } from './operator-view.ts';
import { askForOwner, type OwnerPageDeps } from './owner-pages.ts';
import { operatorRoles } from './permissions.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, showPage } from './shell-pages.ts';

export type OperatorPageDeps = OwnerPageDeps;

export function addOperatorPages(router: Router, deps: OperatorPageDeps): void {
  const { sessions } = deps;
  router.get('/console/operators', sessions.guard('people'), (ctx) => showList(deps, ctx));
  addNewOperator(router, deps);
  addOneOperator(router, deps);
  addLink(router, deps);
}

const namesOf = ({ scope }: Asked): Map<string, string> => new Map(scope.tenants.map(({ id, name }) => [id, name]));

async function showList(deps: OperatorPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  const { scope } = asked;
  const operators = await listOperators(deps.db, deps.sealer, scope.tenantId);
  await showPage(deps, ctx, asked, 'operators', {
    title: 'Operators',
    now: deps.now(),
    people: operators.map((one) => showOperator(one, namesOf(asked), scope.query)),
    hasTenant: scope.tenantId !== null,
    newHref: `/console/operators/new${scope.query}`,
  });
}

/** Where somebody may work: an owner of one tenant lets others into that one only. */
function tenantChoices({ scope, visitor }: Asked, chosen: string) {
  const all = visitor.operator.tenantId === null ? ([['', 'All tenants']] as const) : [];
  return choicesOf([...all, ...scope.tenants.map(({ id, name }) => [id, name] as const)], chosen);
}

const roleChoices = (chosen: string) =>
  choicesOf(
    operatorRoles.map((role) => [role, roleWords[role]] as const),
    chosen,
  );

/** @throws AppError `not_found` for a tenant that is not the owner's to let others into */
function readTenant({ scope, visitor }: Asked, form: Form): string | null {
  const tenantId = form.get('tenant') === '' ? null : form.get('tenant');
  const isKnown = tenantId === null || scope.tenants.some(({ id }) => id === tenantId);
  if (!isKnown || !mayTouch(visitor.operator, tenantId)) throw notHere('tenant');
  return tenantId;
}

function addNewOperator(router: Router, deps: OperatorPageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, asked: Asked, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    if (problems.length > 0) ctx.status = 400;
    await showPage(deps, ctx, asked, 'operator-new', {
      title: 'Let somebody in',
      f: fieldsOf(['email', 'reason'], form, problems),
      roles: roleChoices(form?.get('role') ?? 'operator'),
      tenants: tenantChoices(asked, form?.get('tenant') ?? asked.scope.tenantId ?? ''),
      problems,
    });
  };

  router.get('/console/operators/new', sessions.guard('people'), async (ctx) => show(ctx, await ask(deps, ctx)));

  router.post('/console/operators', sessions.guard('people'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const request = {
      email: form.get('email'),
      role: form.get('role'),
      tenantId: readTenant(asked, form),
      password: null,
    };
    if (request.role === 'owner') {
      const owner = await tryForm(async () => ({
        ...(await checkNewOperator(deps, request)),
        reason: readReason(form.get('reason')),
      }));
      if ('problems' in owner) return show(ctx, asked, form, owner.problems);
      const { email, reason } = owner.done;
      // Only one may wait for the same address: it has no id of its own yet.
      const openKey = `${kindNames.owner} ${keyedHash(deps.consoleKey, `owner ${email}`, 24)}`;
      await askForOwner(deps, ctx, asked, { id: newId('opr'), email, tenantId: request.tenantId, reason, openKey });
      return;
    }
    const made = await tryForm(() => createOperator(deps, actingAs(deps, ctx), request));
    if ('problems' in made) return show(ctx, asked, form, made.problems);
    await showLink(deps, ctx, asked, made.done.operator, made.done.linkToken!);
  });
}

async function showLink(
  deps: OperatorPageDeps,
  ctx: Koa.Context,
  { visitor, scope, may }: Asked,
  { id, email }: Operator,
  token: string,
): Promise<void> {
  await showPage(deps, ctx, { visitor, scope, may }, 'secret-once', {
    title: `A link for ${email}`,
    words: 'With it they set a password and set up their authenticator. It works once, for three days.',
    until: null,
    secretTitle: 'The link, shown this once',
    secret: linkOf(deps.publicUrl, token),
    secretNote: 'Give it to nobody else: whoever opens it first becomes this operator. A newer link ends it.',
    back: { href: `/console/operators${scope.query}`, words: 'Operators' },
    next: { href: `/console/operators/${id}${scope.query}`, words: 'I have passed it on' },
  });
}

async function getPerson(deps: OperatorPageDeps, ctx: Koa.Context, asked: Asked): Promise<Operator> {
  return mine(asked, 'operator', await findOperator(deps.db, deps.sealer, String(ctx.params.id)));
}

function addOneOperator(router: Router, deps: OperatorPageDeps): void {
  const { sessions } = deps;
  const path = '/console/operators/:id';
  const show = async (ctx: Koa.Context, asked: Asked, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    const operator = await getPerson(deps, ctx, asked);
    const waiting = await findWaitingApproval(deps.db, operator.id, deps.now());
    if (problems.length > 0) ctx.status = 400;
    const self = `/console/operators/${operator.id}`;
    const open = await listSessionsOf(deps.db, operator.id);
    await showPage(deps, ctx, asked, 'operator', {
      title: operator.email,
      now: deps.now(),
      person: showOperator(operator, namesOf(asked), asked.scope.query),
      waiting: waitingFor(waiting, asked),
      f: fieldsOf(['reason'], form, problems),
      isSelf: operator.id === asked.visitor.operator.id,
      roles: roleChoices(operator.role),
      tenants: tenantChoices(asked, operator.tenantId ?? ''),
      statuses: choicesOf(
        [
          ['active', 'May sign in'],
          ['disabled', 'Shut out'],
        ],
        operator.status,
      ),
      openSessions: showSessions(open, asked.visitor.session.id, deps.now()),
      hrefs: { self, list: `/console/operators${asked.scope.query}`, link: `${self}/link${asked.scope.query}` },
      query: asked.scope.query,
      sessionsAction: `${self}/sessions${asked.scope.query}`,
      problems,
      acts: await listActsOn(deps.db, operator.id, asked.visitor.operator.tenantId),
    });
  };

  router.get(path, sessions.guard('people'), async (ctx) => show(ctx, await ask(deps, ctx)));

  router.post(path, sessions.guard('people'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const person = await getPerson(deps, ctx, asked);
    const role = operatorRoles.find((one) => one === form.get('role')) ?? person.role;
    const status = form.get('status') === 'disabled' ? 'disabled' : 'active';
    const change = { role, status, tenantId: readTenant(asked, form) } as const;
    if (makesOwner(person, change)) {
      const why = await tryForm(async () => readReason(form.get('reason')));
      if ('problems' in why) return show(ctx, asked, form, why.problems);
      await askForOwner(deps, ctx, asked, { ...person, tenantId: change.tenantId, reason: why.done }, person);
      return;
    }
    const changed = await tryForm(() => changeOperator(deps, actingAs(deps, ctx), person.id, change));
    if ('problems' in changed) return show(ctx, asked, form, changed.problems);
    flash(ctx, `${person.email} is changed. What they had open has ended.`);
    ctx.redirect(`/console/operators/${person.id}${asked.scope.query}`);
  });

  router.post('/console/operators/:id/sessions', sessions.guard('people'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const person = await getPerson(deps, ctx, asked);
    const which = form.get('session') === '' ? {} : { onlyId: form.get('session') };
    const ended = await endSessions(deps, actingAs(deps, ctx), person, which);
    flash(ctx, ended === 1 ? 'One session has ended.' : `${ended} sessions have ended.`);
    ctx.redirect(`/console/operators/${person.id}${asked.scope.query}`);
  });
}

function addLink(router: Router, deps: OperatorPageDeps): void {
  const { sessions } = deps;
  const path = '/console/operators/:id/link';

  router.get(path, sessions.guard('people'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const operator = await getPerson(deps, ctx, asked);
    await showPage(deps, ctx, asked, 'operator-link', {
      title: 'Make a one-time link',
      person: showOperator(operator, namesOf(asked), asked.scope.query),
      action: `/console/operators/${operator.id}/link${asked.scope.query}`,
      listHref: `/console/operators${asked.scope.query}`,
    });
  });

  router.post(path, sessions.guard('people'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { id } = await getPerson(deps, ctx, asked);
    const { operator, linkToken } = await createPasswordLink(deps, actingAs(deps, ctx), { operatorId: id });
    await showLink(deps, ctx, asked, operator, linkToken);
  });
}
