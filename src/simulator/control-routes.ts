// The control API: what a test over HTTP, or a curious person with curl, may arrange and look at. JSON in and out, with
// the names that `control.ts` and `settings.ts` have in code, so there is one vocabulary. It has no password, as nothing here is worth one; pages of other origins are refused by
// `simulator-routes`.

import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { SimulatorControl } from './control.ts';
import type { CustomerAnswer } from './customer.ts';
import { customerAnswers } from './customer.ts';
import { faultGroups, reaches } from './faults.ts';
import type { Push } from './ledger.ts';
import { testNumbers } from './outcomes.ts';
import { parseObject, readText } from './read-text.ts';
import { addRecordRoutes } from './record-routes.ts';
import type { Settings } from './settings.ts';
import type { World } from './world.ts';

const phone = z.string().regex(/^254[17]\d{8}$/);
const code = z.string().regex(/^\w{1,20}$/);
const which = {
  checkoutRequestId: z.string().optional(),
  serial: z.number().int().optional(),
  phone: phone.optional(),
};
const shortcode = z.string().regex(/^\d{5,7}$/);

const schemas = {
  outcome: z.strictObject({
    code,
    phone: phone.optional(),
    amount: z.number().int().positive().optional(),
    next: z.number().int().min(1).max(2_000).optional(),
    afterMs: z.number().int().min(0).max(86_400_000).optional(),
  }),
  fault: z.strictObject({
    group: z.enum(faultGroups),
    fault: z.string(),
    reach: z.enum(reaches).default('next'),
    phone: phone.optional(),
    sequence: z.array(z.string()).min(1).max(1_000).optional(),
  }),
  answer: z.strictObject({ ...which, answer: z.enum(Object.keys(customerAnswers) as [CustomerAnswer]) }),
  settle: z.strictObject({ ...which, code }),
  callback: z.strictObject({
    ...which,
    claim: z
      .strictObject({
        resultCode: code.optional(),
        amount: z.number().optional(),
        receipt: z.string().nullable().optional(),
        phone: z.string().optional(),
        merchantRequestId: z.string().optional(),
        checkoutRequestId: z.string().optional(),
        body: z.string().max(65_536).optional(),
        url: z.url({ protocol: /^https?$/ }).optional(),
      })
      .optional(),
  }),
  app: z.strictObject({
    consumerKey: z.string().min(1).max(200),
    consumerSecret: z.string().min(1).max(200),
    products: z.array(z.string()).max(20).optional(),
  }),
  shortcode: z.strictObject({
    shortcode,
    passkey: z.string().min(1).max(200),
    kind: z.enum(['paybill', 'till']),
    till: shortcode.optional(),
    name: z.string().min(1).max(60).optional(),
  }),
};

export function createControlRoutes(world: World, control: SimulatorControl): Router {
  const router = new Router({ prefix: '/control' });
  router.get('/state', (ctx) => answer(ctx, describe(world, control)));
  router.get('/pushes', (ctx) => answer(ctx, newest(world.ledger.pushes, ctx).map(shownPush)));
  router.get('/received', (ctx) => answer(ctx, newest(world.ledger.received, ctx)));
  router.get('/queries', (ctx) => answer(ctx, newest(world.ledger.queries, ctx)));
  router.get('/callbacks', (ctx) => answer(ctx, newest(world.ledger.callbacks, ctx)));
  router.get('/confirmations', (ctx) => answer(ctx, newest(world.ledger.confirmations, ctx)));
  router.get('/pulls', (ctx) => answer(ctx, newest(world.ledger.pulls, ctx)));
  router.get('/log', (ctx) => answer(ctx, newest(world.ledger.log, ctx)));
  changing(router, world, control);
  addRecordRoutes(router, control);
  return router;
}

function changing(router: Router, world: World, control: SimulatorControl): void {
  router.post('/reset', (ctx) => {
    control.reset();
    answer(ctx, describe(world, control));
  });
  router.patch('/settings', async (ctx) => {
    control.changeSettings((await body(ctx)) as Partial<Settings>);
    answer(ctx, control.settings);
  });
  router.post('/outcomes', async (ctx) => {
    control.setOutcome(schemas.outcome.parse(await body(ctx)));
    answer(ctx, describe(world, control));
  });
  router.delete('/outcomes', (ctx) => {
    control.clearOutcomes();
    answer(ctx, describe(world, control));
  });
  router.post('/faults', async (ctx) => {
    control.setFault(schemas.fault.parse(await body(ctx)));
    answer(ctx, describe(world, control));
  });
  router.delete('/faults', (ctx) => {
    control.clearFaults();
    answer(ctx, describe(world, control));
  });
  router.post('/prompts/answer', async (ctx) => {
    const { answer: given, ...choice } = schemas.answer.parse(await body(ctx));
    answer(ctx, shownPush(control.answer(choice, given)));
  });
  router.post('/pushes/settle', async (ctx) => {
    const { code: resultCode, ...choice } = schemas.settle.parse(await body(ctx));
    answer(ctx, shownPush(await control.settle(choice, resultCode)));
  });
  router.post('/callbacks', async (ctx) => {
    const { claim, ...choice } = schemas.callback.parse(await body(ctx));
    answer(ctx, await control.sendCallback(choice, claim));
  });
  registering(router, control);
}

function registering(router: Router, control: SimulatorControl): void {
  router.post('/apps', async (ctx) => {
    const app = schemas.app.parse(await body(ctx));
    control.registerApp(app);
    answer(ctx, { registered: app.consumerKey });
  });
  router.post('/shortcodes', async (ctx) => {
    const input = schemas.shortcode.parse(await body(ctx));
    control.registerShortcode(input);
    answer(ctx, { registered: input.shortcode });
  });
  router.post('/tokens/expire', (ctx) => {
    control.expireTokens();
    answer(ctx, { expired: true });
  });
}

function answer(ctx: Context, value: unknown): void {
  ctx.body = JSON.stringify(value);
  ctx.type = 'application/json';
}

async function body(ctx: Context): Promise<Record<string, unknown>> {
  const text = await readText(ctx.req);
  const value = text === undefined ? undefined : parseObject(text);
  if (value === undefined) throw new RangeError('The body must be a JSON object of at most 64 KB.');
  return value;
}

function newest<Row>(rows: readonly Row[], ctx: Context): Row[] {
  const asked = Number(ctx.query.limit ?? 100);
  const limit = Number.isInteger(asked) && asked > 0 ? Math.min(asked, 1_000) : 100;
  return rows.slice(-limit).reverse();
}

function describe(world: World, control: SimulatorControl): Record<string, unknown> {
  return {
    now: new Date(world.timers.now()).toISOString(),
    counts: world.ledger.counts,
    settings: control.settings,
    faults: world.dials.list(),
    recordFaults: world.recordFaults.list().slice(0, 100),
    outcomes: {
      next: world.outcomes.queue,
      byPhone: Object.fromEntries(world.outcomes.byPhone),
      byAmount: Object.fromEntries(world.outcomes.byAmount),
    },
    openPrompts: control.openPrompts().map(shownPush),
    apps: [...world.registry.apps.values()].map(({ consumerSecret: _secret, ...shown }) => shown),
    shortcodes: [...world.registry.shortcodes.values()].map(({ passkey: _passkey, ...shown }) => shown),
    c2bUrls: [...world.registry.c2bUrls.values()],
    pullRegistered: [...world.registry.pullRegistered.keys()],
    testNumbers,
  };
}

/** Without the password, which holds the passkey. */
function shownPush({ request, ...push }: Push): Record<string, unknown> {
  const { password: _password, ...shown } = request;
  return { ...push, request: shown };
}
