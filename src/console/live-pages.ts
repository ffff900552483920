// What keeps an open page up to date: a stream of server-sent events with the status strip, rendered, whenever it says
// something new, and a word when the figures of Home have changed. Listening is not using: a session that is idle ends
// although a page of it is open. While the database is away the stream says so; no page could.

import { PassThrough } from 'node:stream';
import type Router from '@koa/router';
import type Koa from 'koa';
import type { Clock } from '../platform/clock.ts';
import { isDatabaseAway } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { findSession } from './operator-store.ts';
import type { Scope } from './scope.ts';
import { absoluteMs, idleMs, type Visitor } from './session.ts';
import { type Asked, ask, type ShellDeps } from './shell-pages.ts';
import type { LiveStrip } from './strip.ts';

export interface LivePageDeps extends ShellDeps {
  clock: Clock;
  readStrip(scope: Scope): Promise<LiveStrip>;
  /** Something that differs when Home would look different. */
  readPulse(scope: Scope): Promise<string>;
}

const lookEveryMs = 2000;
const beatEveryMs = 15_000;
const pulseEveryMs = 6000;
const checkSessionEveryMs = 10_000;
/** Open streams of one process; each costs a read a second for its scope at most, and a socket. */
export const mostStreams = 200;

export interface LivePages {
  /** Ends every stream; browsers come back to whatever process is there then. */
  close(): void;
}

export function addLivePages(router: Router, deps: LivePageDeps): LivePages {
  const open = new Set<AbortController>();
  router.get('/console/live', deps.sessions.guard('view'), async (ctx) => {
    if (open.size >= mostStreams)
      throw new AppError('unavailable', 'Too many pages listen to this server already.', { retryAfterSeconds: 60 });
    ctx.type = 'text/event-stream';
    ctx.set({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    const isHome = ctx.query.of === 'home';
    ctx.body = openStream(deps, ctx, open, { asked: await ask(deps, ctx), isHome });
  });
  return { close: () => [...open].forEach((stream) => void stream.abort()) };
}

interface Listener {
  asked: Asked;
  /** Only Home needs to know that its figures have changed. */
  isHome: boolean;
}

function openStream(deps: LivePageDeps, ctx: Koa.Context, open: Set<AbortController>, listener: Listener): PassThrough {
  const stream = new PassThrough();
  const ended = new AbortController();
  open.add(ended);
  ctx.res.once('close', () => ended.abort());
  stream.write('retry: 5000\n\n');
  follow(deps, ctx, stream, listener, ended.signal)
    .catch(() => undefined) // The browser comes back by itself.
    .finally(() => {
      open.delete(ended);
      stream.end();
    });
  return stream;
}

async function follow(
  deps: LivePageDeps,
  ctx: Koa.Context,
  stream: PassThrough,
  { asked, isHome }: Listener,
  signal: AbortSignal,
): Promise<void> {
  const { clock, now } = deps;
  let { scope } = asked;
  let said = '';
  let pulse: string | null = null;
  let [saidAt, pulsedAt, checkedAt] = [now(), 0, now()];
  while (!signal.aborted) {
    // A browser that does not read is not waited for: what it missed is in the next strip.
    if (stream.writableNeedDrain) return;
    const strip = await deps.readStrip(scope);
    const text = JSON.stringify({ ...strip, now: null });
    if (text !== said || now() - saidAt >= beatEveryMs) {
      stream.write(eventText('strip', deps.renderer.render('fragment', 'console/home-strip', { strip })));
      said = text;
      saidAt = now();
    }
    if (isHome && now() - pulsedAt >= pulseEveryMs) {
      const beat = await deps.readPulse(scope).catch(() => pulse);
      if (pulse !== null && beat !== pulse) stream.write(eventText('changed', 'home'));
      [pulse, pulsedAt] = [beat, now()];
    }
    if (now() - checkedAt >= checkSessionEveryMs) {
      checkedAt = now();
      if (await hasEnded(deps, asked.visitor)) {
        stream.write(eventText('ended', 'session'));
        return;
      }
      // Tenants come and go.
      scope = await ask(deps, ctx).then(
        (again) => again.scope,
        () => scope,
      );
    }
    await pause(clock, lookEveryMs, signal);
  }
}

/** Whether the session was ended, by its time or by somebody. While the database is away nobody can have ended it. */
async function hasEnded({ db, now }: LivePageDeps, { session }: Visitor): Promise<boolean> {
  try {
    const found = await findSession(db, session.id);
    return found === undefined || now() - found.createdAt > absoluteMs || now() - found.seenAt > idleMs;
  } catch (thrown) {
    if (isDatabaseAway(thrown)) return false;
    throw thrown;
  }
}

function eventText(event: string, text: string): string {
  const lines = text.trim().split('\n');
  return `event: ${event}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, done);
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
