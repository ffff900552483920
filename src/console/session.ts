// Who is in the console: the session behind the cookie, the guards of pages and actions, and the forms' tokens. Every
// route names the permission it needs; nothing is decided in a template. A change is only ever a POST that comes from
// our own pages: the Origin header says so, and a token bound to the session proves it.

import { randomBytes } from 'node:crypto';
import type Koa from 'koa';
import { type AddressList, clientAddress } from '../platform/addresses.ts';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { readBody } from '../platform/http.ts';
import { keyedHash, type Sealer, sameSecret } from '../platform/sealing.ts';
import {
  deleteSession,
  findOperator,
  findSession,
  type Operator,
  type Session,
  touchSession,
} from './operator-store.ts';
import { may, type Permission, stepUpPermissions } from './permissions.ts';
import { hashToken, type Origin } from './sign-in.ts';

export interface SessionDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  consoleKey: Buffer;
  publicUrl: string;
  trustedProxies: AddressList;
}

/** Who asks, in `ctx.state.visitor` behind {@link createSessions}. */
export interface Visitor {
  session: Session;
  operator: Operator;
  /** To be sent with every form, as `_token`. */
  formToken: string;
}

/** The fields of a form, the last of each name; `all` for lists of checkboxes. */
export interface Form {
  get(name: string): string;
  all(name: string): string[];
}

export const idleMs = 30 * 60_000;
export const absoluteMs = 12 * 3_600_000;
/** A session whose second step is still to come lives no longer than this. */
const halfwayMs = 10 * 60_000;
export const stepUpMs = 10 * 60_000;
const touchEveryMs = 60_000;

export interface Sessions {
  /** Finds out who asks. Runs before every route of the console. */
  load: Koa.Middleware;
  /** Lets only those in who have signed in and may do this; others are led to the sign-in or the step-up. */
  guard(permission: Permission): Koa.Middleware;
  /** The form of a POST, once its origin and token are proved. @throws AppError `address_refused` */
  readForm(ctx: Koa.Context): Promise<Form>;
  /** The same proof for a form that is read elsewhere, before anything of it is kept. @throws AppError `address_refused` */
  proveForm(ctx: Koa.Context, formToken: string): void;
  setCookie(ctx: Koa.Context, token: string): void;
  end(ctx: Koa.Context): Promise<void>;
  origin(ctx: Koa.Context): Origin;
  /** A token for forms before anybody has signed in; bound to a cookie of its own. */
  doorToken(ctx: Koa.Context): string;
}

export function createSessions(deps: SessionDeps): Sessions {
  const { db, sealer, now, consoleKey } = deps;
  const isSecure = deps.publicUrl.startsWith('https:');
  const cookieName = isSecure ? '__Host-lango' : 'lango';
  const doorName = isSecure ? '__Host-lango-door' : 'lango-door';
  const cookie = { httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/', overwrite: true } as const;
  const formTokenOf = (secret: string): string => keyedHash(consoleKey, `form ${secret}`, 24);

  function proveForm(ctx: Koa.Context, formToken: string): void {
    checkOrigin(ctx, deps.publicUrl);
    const secret = ctx.cookies.get((ctx.state.visitor as Visitor | null) === null ? doorName : cookieName) ?? '';
    if (secret !== '' && sameSecret(formToken, formTokenOf(secret))) return;
    const advice = 'This form is too old, or did not come from this console. Go back, load the page again and repeat.';
    throw new AppError('address_refused', advice);
  }

  async function findVisitor(ctx: Koa.Context): Promise<Visitor | null> {
    const token = ctx.cookies.get(cookieName);
    if (token === undefined || token.length > 100) return null;
    const session = await findSession(db, hashToken(consoleKey, token));
    if (session === undefined) return null;
    const operator = await findOperator(db, sealer, session.operatorId);
    if (operator?.status !== 'active' || hasEnded(session, now())) {
      await deleteSession(db, session.id);
      return null;
    }
    if (!isBackground(ctx) && now() - session.seenAt > touchEveryMs)
      await touchSession(db, session.id, { seenAt: now() });
    return { session, operator, formToken: formTokenOf(token) };
  }

  return {
    async load(ctx, next) {
      // TLS ends before us; without this Koa would take our cookies for ones on a way that anybody can read.
      if (isSecure) ctx.cookies.secure = true;
      // Under `no-referrer`, the server's own policy, a browser would not say that a form comes from here.
      ctx.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' });
      ctx.state.visitor = await findVisitor(ctx);
      return next();
    },
    guard: (permission) => (ctx, next) => {
      const visitor = ctx.state.visitor as Visitor | null;
      if (visitor === null) return leadTo(ctx, '/console/sign-in');
      if (visitor.session.stage !== 'full') return leadTo(ctx, '/console/sign-in/code');
      if (!may(visitor.operator.role, permission))
        throw new AppError('scope_missing', `Your role (${visitor.operator.role}) does not allow this. Ask an owner.`);
      const steppedUpAt = visitor.session.steppedUpAt ?? 0;
      if (stepUpPermissions.has(permission) && now() - steppedUpAt > stepUpMs) return leadTo(ctx, '/console/step-up');
      return next();
    },
    proveForm,
    async readForm(ctx) {
      checkOrigin(ctx, deps.publicUrl);
      const fields = new URLSearchParams((await readBody(ctx.req)).toString('utf8'));
      proveForm(ctx, fields.get('_token') ?? '');
      return { get: (name) => fields.getAll(name).at(-1) ?? '', all: (name) => fields.getAll(name) };
    },
    setCookie: (ctx, token) => void ctx.cookies.set(cookieName, token, cookie),
    async end(ctx) {
      const visitor = ctx.state.visitor as Visitor | null;
      if (visitor !== null) await deleteSession(db, visitor.session.id);
      ctx.cookies.set(cookieName, null, cookie);
    },
    origin: (ctx) => ({
      ip: clientAddress(ctx.req, deps.trustedProxies),
      userAgent: ctx.get('User-Agent').slice(0, 160),
    }),
    doorToken(ctx) {
      const known = ctx.cookies.get(doorName);
      const isKnown = known !== undefined && /^[\w-]{43}$/.test(known);
      const secret = isKnown ? known : randomBytes(32).toString('base64url');
      if (!isKnown) ctx.cookies.set(doorName, secret, cookie);
      return formTokenOf(secret);
    },
  };
}

/** What a page does by itself, without anybody there: it keeps nobody signed in. */
export function isBackground(ctx: Koa.Context): boolean {
  return /^\/console\/live\/?$/.test(ctx.path) || ctx.get('Lango-Background') !== '';
}

function hasEnded({ stage, createdAt, seenAt }: Session, now: number): boolean {
  if (stage === 'password') return now - createdAt > halfwayMs;
  return now - createdAt > absoluteMs || now - seenAt > idleMs;
}

/** To a page that asks for something first; back to where one was going, if that was a page. */
function leadTo(ctx: Koa.Context, where: string): void {
  if (ctx.method !== 'GET') {
    const isStepUp = where === '/console/step-up';
    const advice = 'Your session has ended. Sign in and repeat this.';
    const again = 'This needs a fresh code. Enter one, and repeat this: nothing was done yet.';
    throw new AppError('unauthenticated', isStepUp ? again : advice);
  }
  ctx.redirect(`${where}?next=${encodeURIComponent(ctx.url)}`);
}

/** Where to go after signing in: a page of the console and nothing else. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/console(?=[/?]|$)[^\\\s]*$/.test(next) ? next : '/console';
}

/**
 * A form is sent from a page of ours. A browser that sends no Origin says so by Sec-Fetch-Site; so does one that sends
 * `null`, as Chromium does from a page whose Referrer-Policy is `no-referrer`.
 */
function checkOrigin(ctx: Koa.Context, publicUrl: string): void {
  const origin = ctx.get('Origin');
  const isOurs =
    origin === '' || origin === 'null'
      ? ctx.get('Sec-Fetch-Site') === 'same-origin'
      : isSameOrigin(origin, ctx, publicUrl);
  if (!isOurs) throw new AppError('address_refused', 'This form did not come from a page of this console.');
}

function isSameOrigin(origin: string, ctx: Koa.Context, publicUrl: string): boolean {
  return origin === new URL(publicUrl).origin || (URL.canParse(origin) && new URL(origin).host === ctx.host);
}
