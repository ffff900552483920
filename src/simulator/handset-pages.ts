// The virtual handset: one page, rendered on the server, that works with forms and links alone. The script beside it
// only fetches the same page again when something happened, so there is one place that says how things look. The page
// runs under a policy without `unsafe-*`.

import { existsSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import Handlebars from 'handlebars';
import type { Context } from 'koa';
import type { SimulatorControl } from './control.ts';
import type { CustomerAnswer } from './customer.ts';
import { customerAnswers } from './customer.ts';
import type { Reach } from './faults.ts';
import { reaches } from './faults.ts';
import { actOnRecord } from './handset-money.ts';
import { readSwitches } from './handset-switches.ts';
import { handsetView } from './handset-view.ts';
import { readText } from './read-text.ts';
import type { World } from './world.ts';

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const assetTypes = { 'handset.css': 'text/css', 'handset.js': 'text/javascript' } as const;
const quietMs = 150;
const mostListeners = 50;

const problems: Readonly<Record<string, string>> = {
  pin: 'The PIN is four digits. Any will do but 0000, which is the wrong one.',
  closed: 'That prompt is not open any more.',
};

export function createHandsetPages(world: World, control: SimulatorControl): Router {
  const router = new Router({ strict: true });
  const render = Handlebars.compile(readBeside(['../../views/pages/handset.hbs', '../../../views/pages/handset.hbs']), {
    strict: true,
    knownHelpersOnly: true,
  });
  router.get('/', (ctx) => {
    secure(ctx);
    ctx.type = 'html';
    ctx.body = render(
      handsetView(world, {
        promptSerial: Number(ctx.query.prompt) || undefined,
        problem: problems[String(ctx.query.problem)],
        baseUrl: ctx.origin,
      }),
    );
  });
  for (const [name, type] of Object.entries(assetTypes)) {
    const text = readBeside([`./assets/${name}`, `../../../src/simulator/assets/${name}`]);
    router.get(`/handset/${name}`, (ctx) => {
      secure(ctx);
      ctx.type = type;
      ctx.body = text;
    });
  }
  router.get('/favicon.ico', (ctx) => {
    ctx.status = 204;
  });
  router.get('/handset/events', (ctx) => streamChanges(world, ctx));
  acting(router, control);
  return router;
}

function acting(router: Router, control: SimulatorControl): void {
  router.post('/handset/answer', async (ctx) => {
    const form = await readForm(ctx);
    const serial = Number(form.get('prompt'));
    const answer = answerOf(form);
    if (answer === undefined) return back(ctx, `prompt=${serial}&problem=pin`);
    try {
      control.answer({ serial }, answer);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return back(ctx, 'problem=closed');
    }
    back(ctx, answer === 'ignore' ? `prompt=${serial}` : '');
  });
  router.post('/handset/faults', async (ctx) => {
    const form = await readForm(ctx);
    if (form.get('do') === 'clear') control.clearFaults();
    else {
      const reach: Reach = reaches.find((known) => known === form.get('reach')) ?? 'next';
      control.setFault({ group: 'push', fault: form.get('push') ?? 'normal', reach });
      control.setFault({ group: 'callback', fault: form.get('callback') ?? 'normal', reach });
    }
    back(ctx);
  });
  router.post('/handset/record', async (ctx) => {
    await actOnRecord(control, await readForm(ctx));
    back(ctx);
  });
  router.post('/handset/switches', async (ctx) => {
    control.changeSettings(readSwitches(await readForm(ctx)));
    back(ctx);
  });
}

/** The button that was pressed, or what the PIN says; undefined for a PIN that is none. */
function answerOf(form: URLSearchParams): CustomerAnswer | undefined {
  const pressed = form.get('do') ?? 'send';
  if (pressed in customerAnswers) return pressed as CustomerAnswer;
  const pin = form.get('pin') ?? '';
  if (!/^\d{4}$/.test(pin)) return undefined;
  return pin === '0000' ? 'wrong_pin' : 'pin';
}

/** Says `change` at most every 150 ms while things happen; the browser then fetches the page again. */
function streamChanges(world: World, ctx: Context): void {
  if (world.listenerCount.value >= mostListeners) {
    ctx.status = 503;
    return;
  }
  const stream = new PassThrough();
  let isPlanned = false;
  const say = (): void => {
    isPlanned = false;
    if (stream.writable) stream.write('data: change\n\n');
  };
  const stop = world.ledger.onChange(() => {
    if (isPlanned) return;
    isPlanned = true;
    world.timers.afterExactly(quietMs, say, say);
  });
  world.listenerCount.value++;
  stream.on('close', () => {
    stop();
    world.listenerCount.value--;
  });
  secure(ctx);
  ctx.set('Cache-Control', 'no-store');
  ctx.type = 'text/event-stream';
  ctx.body = stream;
  stream.write('retry: 2000\n\n');
}

function secure(ctx: Context): void {
  ctx.set({
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  });
}

function back(ctx: Context, query = ''): void {
  ctx.status = 303;
  ctx.set('Location', query === '' ? '/' : `/?${query}`);
  ctx.body = '';
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  return new URLSearchParams((await readText(ctx.req)) ?? '');
}

/** The first of these files that exists: beside the source, or seen from `dist`. */
function readBeside(places: string[]): string {
  const files = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const file = files.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`The simulator lacks a file of its page: ${places[0]}`);
  return readFileSync(file, 'utf8');
}
