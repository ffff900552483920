// The door: sign in with password and code, the one-time link, enrolling an authenticator, the step-up before money and
// secrets, signing out. Pages say what is wrong in one way for all that may be wrong with an account.

import type Router from '@koa/router';
import type Koa from 'koa';
import { inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import type { Renderer } from '../platform/render.ts';
import { touchSession } from './operator-store.ts';
import { checkPassword } from './passwords.ts';
import { type Sessions, safeNext, stepUpMs, type Visitor } from './session.ts';
import { setTheme, showDoor } from './shell-pages.ts';
import {
  beginSignIn,
  enrolAuthenticator,
  findOneTimeLink,
  finishSignIn,
  nextStep,
  type SignIn,
  type SignInDeps,
  takeSecondFactor,
  useOneTimeLink,
} from './sign-in.ts';
import { newTotpSecret, qrCodeSvg, totpUri } from './totp.ts';

export interface SignInPageDeps extends SignInDeps {
  sessions: Sessions;
  renderer: Renderer;
  publicUrl: string;
}

const wrongPair = 'The e-mail address or the password is wrong.';
const wrongCode = 'This code is wrong, too old, or was used already. Wait for the next one and try again.';
export const tooMany = (seconds: number): string =>
  `Too many tries. Wait ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`} and try again.`;

export function addSignInPages(router: Router, deps: SignInPageDeps): void {
  const { sessions } = deps;
  addPasswordPages(router, deps);
  addCodePages(router, deps);
  addEnrolPages(router, deps);
  addLinkPages(router, deps);
  addStepUpPages(router, deps);

  router.post('/console/sign-out', async (ctx) => {
    await sessions.readForm(ctx);
    await sessions.end(ctx);
    ctx.redirect('/console/sign-in');
  });

  router.post('/console/theme', sessions.guard('view'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    setTheme(ctx, form.get('theme'));
    ctx.redirect(safeNext(form.get('back')));
  });
}

const visitorOf = (ctx: Koa.Context): Visitor | null => ctx.state.visitor as Visitor | null;

function addPasswordPages(router: Router, deps: SignInPageDeps): void {
  const { sessions } = deps;
  const show = (ctx: Koa.Context, data: { problem?: string; email?: string; next: string }): void =>
    showDoor(deps, ctx, 'sign-in', { title: 'Sign in', formToken: sessions.doorToken(ctx), ...data });

  router.get('/console/sign-in', (ctx) => {
    const next = safeNext(ctx.query.next);
    if (visitorOf(ctx)?.session.stage === 'full') return ctx.redirect(next);
    show(ctx, { next });
  });

  router.post('/console/sign-in', async (ctx) => {
    ctx.state.visitor = null;
    const form = await sessions.readForm(ctx);
    const [email, next] = [form.get('email'), safeNext(form.get('next'))];
    const result = await beginSignIn(deps, { email, password: form.get('password') }, sessions.origin(ctx));
    if (result.outcome === 'begun') return goOn(deps, ctx, result, next);
    ctx.status = result.outcome === 'throttled' ? 429 : 401;
    show(ctx, { problem: result.outcome === 'throttled' ? tooMany(result.waitSeconds) : wrongPair, email, next });
  });
}

/** Hands out the new session and leads to what is still to come. */
function goOn(
  { sessions }: SignInPageDeps,
  ctx: Koa.Context,
  begun: SignIn & { outcome: 'begun' },
  next: string,
): void {
  sessions.setCookie(ctx, begun.token);
  const step = { code: '/console/sign-in/code', enrol: '/console/enrol', nothing: null }[begun.next];
  ctx.redirect(step === null ? next : `${step}?next=${encodeURIComponent(next)}`);
}

/** The visitor who has given a password; leads everybody else away. */
function halfway(ctx: Koa.Context): Visitor | null {
  const visitor = visitorOf(ctx);
  if (visitor?.session.stage === 'password') return visitor;
  ctx.redirect(visitor === null ? '/console/sign-in' : '/console');
  return null;
}

function addCodePages(router: Router, deps: SignInPageDeps): void {
  const { sessions } = deps;
  const show = (ctx: Koa.Context, visitor: Visitor, data: { problem?: string; next: string }): void => {
    const words = { why: '', button: 'Sign in', action: '/console/sign-in/code' };
    showDoor(deps, ctx, 'code', { title: 'Enter your code', formToken: visitor.formToken, ...words, ...data });
  };

  router.get('/console/sign-in/code', (ctx) => {
    const visitor = halfway(ctx);
    if (visitor === null) return;
    const next = safeNext(ctx.query.next);
    if (nextStep(deps, visitor.operator) === 'enrol') return ctx.redirect('/console/enrol');
    show(ctx, visitor, { next });
  });

  router.post('/console/sign-in/code', async (ctx) => {
    const visitor = halfway(ctx);
    if (visitor === null) return;
    const form = await sessions.readForm(ctx);
    const next = safeNext(form.get('next'));
    const result = await finishSignIn(deps, visitor.session, form.get('code'), sessions.origin(ctx));
    if (result !== null && 'token' in result) {
      sessions.setCookie(ctx, result.token);
      return ctx.redirect(next);
    }
    ctx.status = result === null ? 401 : 429;
    show(ctx, visitor, { problem: result === null ? wrongCode : tooMany(result.waitSeconds), next });
  });
}

function addEnrolPages(router: Router, deps: SignInPageDeps): void {
  const { sessions, sealer, publicUrl } = deps;
  const name = 'lango-enrol';
  const context = (visitor: Visitor) => ['console', 'enrol', visitor.operator.id] as const;
  /** The secret travels sealed in a cookie until a code has shown that the app has it. */
  function secretOf(ctx: Koa.Context, visitor: Visitor): string {
    const box = ctx.cookies.get(name);
    try {
      if (box !== undefined) return sealer.open(box, context(visitor));
    } catch {
      // Another operator's, or sealed under a key that is gone: a new one is made.
    }
    const secret = newTotpSecret();
    const options = {
      httpOnly: true,
      sameSite: 'strict',
      secure: publicUrl.startsWith('https:'),
      path: '/console',
    } as const;
    ctx.cookies.set(name, sealer.seal(secret, context(visitor)), options);
    return secret;
  }
  /** Who signs in for the first time, or has proved within the last minutes who he is. */
  const enrolling = (ctx: Koa.Context): Visitor | null => {
    const visitor = visitorOf(ctx);
    const { session, operator } = visitor ?? {};
    const isFirst = session?.stage === 'password' && operator?.totpSecret === null;
    const isProved = session?.stage === 'full' && deps.now() - (session.steppedUpAt ?? 0) <= stepUpMs;
    if (visitor !== null && (isFirst || isProved)) return visitor;
    const where = session?.stage === 'full' ? '/console/step-up?next=%2Fconsole%2Fenrol' : '/console/sign-in';
    ctx.redirect(where);
    return null;
  };
  const show = (ctx: Koa.Context, visitor: Visitor, data: { problem?: string; next: string }): void => {
    const secret = secretOf(ctx, visitor);
    const shown = { secret: secret.replace(/(.{4})/g, '$1 ').trim(), stamp: deps.now() };
    showDoor(deps, ctx, 'enrol', {
      title: 'Set up your authenticator',
      formToken: visitor.formToken,
      ...shown,
      ...data,
    });
  };

  router.get('/console/enrol', (ctx) => {
    const visitor = enrolling(ctx);
    if (visitor !== null) show(ctx, visitor, { next: safeNext(ctx.query.next) });
  });

  router.get('/console/enrol/qr.svg', async (ctx) => {
    const visitor = enrolling(ctx);
    if (visitor === null) return;
    ctx.type = 'image/svg+xml';
    const host = new URL(publicUrl).host;
    ctx.body = await qrCodeSvg(totpUri(secretOf(ctx, visitor), visitor.operator.email, host));
  });

  router.post('/console/enrol', async (ctx) => {
    const visitor = enrolling(ctx);
    if (visitor === null) return;
    const form = await sessions.readForm(ctx);
    const next = safeNext(form.get('next'));
    const secret = secretOf(ctx, visitor);
    const done = await enrolAuthenticator(deps, visitor.operator.id, secret, form.get('code'), sessions.origin(ctx));
    if (done === null) {
      ctx.status = 401;
      return show(ctx, visitor, { problem: wrongCode, next });
    }
    ctx.cookies.set(name, null, { path: '/console' });
    sessions.setCookie(ctx, done.token);
    showDoor(deps, ctx, 'recovery-codes', { title: 'Your recovery codes', codes: done.recoveryCodes, next });
  });
}

function addLinkPages(router: Router, deps: SignInPageDeps): void {
  const { sessions } = deps;
  const path = '/console/welcome/:token';
  const gone = (): AppError =>
    new AppError(
      'not_found',
      'This link was used or has ended. Ask an owner for another, or run `lango operators link`.',
    );
  async function show(ctx: Koa.Context, token: string, data: { problem?: string; email?: string } = {}): Promise<void> {
    const link = await findOneTimeLink(deps, token);
    if (link === undefined) throw gone();
    const isOwner = link.purpose === 'owner';
    showDoor(deps, ctx, 'welcome', {
      title: isOwner ? 'Welcome to Lango' : 'Set your password',
      heading: isOwner ? 'Welcome to Lango' : 'Set your password',
      words: isOwner
        ? 'This makes the owner of this server: who may do everything, and lets others in.'
        : 'Then you set up your authenticator anew. Your other sessions end.',
      asksEmail: isOwner,
      // With the query, which may say where to go on.
      action: ctx.url,
      formToken: sessions.doorToken(ctx),
      ...data,
    });
  }

  router.get(path, (ctx) => {
    ctx.set('Referrer-Policy', 'no-referrer');
    return show(ctx, String(ctx.params.token));
  });

  router.post(path, async (ctx) => {
    ctx.state.visitor = null;
    const form = await sessions.readForm(ctx);
    const [token, email] = [String(ctx.params.token), form.get('email')];
    const result = await useOneTimeLink(deps, token, { email, password: form.get('password') }, sessions.origin(ctx));
    if (result === null) throw gone();
    if ('problem' in result) {
      ctx.status = 400;
      return show(ctx, token, { problem: result.problem, email });
    }
    if (result.outcome === 'begun') goOn(deps, ctx, result, safeNext(ctx.query.next));
  });
}

function addStepUpPages(router: Router, deps: SignInPageDeps): void {
  const { sessions, db } = deps;
  const show = (ctx: Koa.Context, visitor: Visitor, data: { problem?: string; next: string }): void => {
    const why = 'What you are about to do moves money or shows a secret.';
    const words = { why, button: 'Continue', action: '/console/step-up', title: 'Once more' };
    const view = visitor.operator.totpSecret === null ? 'password-again' : 'code';
    showDoor(deps, ctx, view, { formToken: visitor.formToken, ...words, ...data });
  };

  router.get('/console/step-up', sessions.guard('view'), (ctx) => {
    show(ctx, visitorOf(ctx)!, { next: safeNext(ctx.query.next) });
  });

  router.post('/console/step-up', sessions.guard('view'), async (ctx) => {
    const visitor = visitorOf(ctx)!;
    const form = await sessions.readForm(ctx);
    const next = safeNext(form.get('next'));
    const { id, totpSecret, passwordHash } = visitor.operator;
    const rate = await deps.accountLimiter.take(`code ${id}`);
    const isRight =
      rate.allowed &&
      (totpSecret === null
        ? await checkPassword(form.get('password'), passwordHash)
        : (await inTransaction(db, (trx) => takeSecondFactor(trx, deps, id, form.get('code')))) !== null);
    if (!isRight) {
      ctx.status = rate.allowed ? 401 : 429;
      const wrong = totpSecret === null ? 'The password is wrong.' : wrongCode;
      return show(ctx, visitor, { problem: rate.allowed ? wrong : tooMany(Math.ceil(rate.resetMs / 1000)), next });
    }
    await touchSession(db, visitor.session.id, { steppedUpAt: deps.now(), seenAt: deps.now() });
    ctx.redirect(next);
  });
}
