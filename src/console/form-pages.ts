// What pages with a form share: who acts, whether the thing belongs to them, what a form was sent with and what is wrong
// with it, and lists that go on. A wrong value is shown beside its field with everything else as it was typed; whatever
// is refused for another reason is a page of its own.

import type Koa from 'koa';
import { AppError } from '../platform/errors.ts';
import { invalid } from '../platform/validation.ts';
import type { By } from './audit-act.ts';
import type { Operator } from './operator-store.ts';
import type { Form, Sessions, Visitor } from './session.ts';
import type { Asked } from './shell-pages.ts';
import { actorOf } from './sign-in.ts';

export function actingAs({ sessions }: { sessions: Sessions }, ctx: Koa.Context): By {
  const { operator } = ctx.state.visitor as Visitor;
  return { actor: actorOf(operator), ip: sessions.origin(ctx).ip };
}

/** The same words for what is missing and for what is another tenant's. */
export function notHere(what: string): AppError {
  return new AppError('not_found', `There is no such ${what}, or it is not yours to see.`);
}

/** What was found, if it is the operator's to see. @throws AppError `not_found` */
export function mine<T extends { tenantId: string | null }>({ visitor }: Asked, what: string, found: T | undefined): T {
  if (found === undefined || !mayTouch(visitor.operator, found.tenantId)) throw notHere(what);
  return found;
}

export function mayTouch(operator: Operator, tenantId: string | null): boolean {
  return operator.tenantId === null || operator.tenantId === tenantId;
}

/** @throws AppError for operators of one tenant: this is about the server */
export function onlyForAllTenants({ visitor }: Asked): void {
  if (visitor.operator.tenantId === null) return;
  throw new AppError('scope_missing', 'This is for operators of all tenants. Ask one of them.');
}

export interface FormProblem {
  name: string;
  detail: string;
}

/** Does what a form asks for. @returns what is wrong with its values, where that is why it was refused */
export async function tryForm<T>(work: () => Promise<T>): Promise<{ done: T } | { problems: FormProblem[] }> {
  try {
    return { done: await work() };
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.details.errors === undefined) throw thrown;
    const problems = thrown.details.errors.map(({ parameter, pointer, detail }) => ({
      name: parameter ?? pointer?.slice(1) ?? '',
      detail,
    }));
    return { problems };
  }
}

/** A field as the templates take it. */
export interface Field {
  name: string;
  value: string;
  problem: string | null;
}

export function fieldsOf<Name extends string>(
  names: readonly Name[],
  values: Form | Partial<Record<Name, string>> = {},
  problems: readonly FormProblem[] = [],
): Record<Name, Field> {
  const given = (name: Name): string => ('all' in values ? (values as Form).get(name) : (values[name] ?? ''));
  const fields = names.map((name): [Name, Field] => [
    name,
    { name, value: given(name), problem: problems.find((one) => one.name === name)?.detail ?? null },
  ]);
  return Object.fromEntries(fields) as Record<Name, Field>;
}

export interface Choice {
  value: string;
  words: string;
  isChosen: boolean;
}

export function choicesOf(options: readonly (readonly [string, string])[], chosen: string): Choice[] {
  return options.map(([value, words]) => ({ value, words, isChosen: value === chosen }));
}

/** Whose something new is; nobody is chosen for somebody who looks at all tenants. */
export function tenantChoices({ scope }: Asked, chosen: string | undefined): Choice[] {
  const { tenants, tenantId } = scope;
  const none = tenantId === null && tenants.length > 1 ? [['', 'Choose one'] as const] : [];
  const known = tenants.map(({ id, name }) => [id, name] as const);
  return choicesOf([...none, ...known], chosen ?? tenantId ?? '');
}

/** @throws AppError `invalid_request` where none was chosen, `not_found` for one that is not the operator's */
export function readTenantChoice({ scope }: Asked, form: Form): { id: string; name: string } {
  const chosen = form.get('tenant');
  if (chosen === '') throw invalid([{ parameter: 'tenant', code: 'required', detail: 'Choose whose it is.' }]);
  const found = scope.tenants.find(({ id }) => id === chosen);
  if (found === undefined) throw notHere('tenant');
  return found;
}

/** A text of the query, null where it is missing or empty. */
export function textOf(value: unknown): string | null {
  const text = (Array.isArray(value) ? value.at(-1) : value) as unknown;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : null;
}

/** The same page with other values in its query; null takes one out. */
export function withQuery(ctx: Koa.Context, change: Record<string, string | null>): string {
  const query = new URLSearchParams(ctx.querystring);
  for (const [name, value] of Object.entries(change)) {
    query.delete(name);
    if (value !== null) query.set(name, value);
  }
  return `${ctx.path}?${query}`;
}

/** Takes one row more than is shown, to know whether there are more. @param position of a row, for the next page's `before` */
export function pageOf<T>(
  ctx: Koa.Context,
  rows: readonly T[],
  size: number,
  position: (row: T) => string,
): { shown: readonly T[]; pager: { newest: string | null; older: string | null } } {
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  const hasMore = rows.length > size && last !== undefined;
  return {
    shown,
    pager: {
      newest: textOf(ctx.query.before) === null ? null : withQuery(ctx, { before: null }),
      older: hasMore ? withQuery(ctx, { before: position(last) }) : null,
    },
  };
}
