// The whole surface of the simulator on one screen: Daraja's paths, the control API, the handset, and Daraja's own 404
// for everything else. What is thrown becomes an answer here, so nothing that is sent to it can bring it down.

import type { RequestListener } from 'node:http';
import type { Context, Next } from 'koa';
import Koa from 'koa';
import { z } from 'zod';
import { messageOf } from '../platform/errors.ts';
import type { SimulatorControl } from './control.ts';
import { createControlRoutes } from './control-routes.ts';
import { notFoundAnswer, serverError } from './daraja-answer.ts';
import { createDarajaRoutes, writeAnswer } from './daraja-routes.ts';
import { createHandsetPages } from './handset-pages.ts';
import type { World } from './world.ts';

export function createSimulatorHandler(world: World, control: SimulatorControl): RequestListener {
  const app = new Koa();
  const routers = [createDarajaRoutes(world), createControlRoutes(world, control), createHandsetPages(world, control)];
  app.use((ctx, next) => answerErrors(world, ctx, next));
  app.use(refuseOtherOrigins);
  for (const router of routers) app.use(router.routes());
  app.use((ctx) => writeAnswer(ctx, notFoundAnswer()));
  app.on('error', (error) => world.logger.debug('simulator.connection', { error: messageOf(error) }));
  return app.callback();
}

async function answerErrors(world: World, ctx: Context, next: Next): Promise<void> {
  try {
    await next();
  } catch (thrown) {
    if (isOurs(ctx)) {
      const isExpected = thrown instanceof z.ZodError || thrown instanceof RangeError;
      ctx.status = isExpected ? 400 : 500;
      ctx.type = 'application/json';
      ctx.body = JSON.stringify({
        error: thrown instanceof z.ZodError ? z.prettifyError(thrown) : messageOf(thrown),
      });
      if (isExpected) return;
    } else {
      writeAnswer(ctx, serverError());
    }
    world.logger.error('simulator.failed', { error: thrown });
  }
}

/** A page elsewhere on the web must not steer a simulator on somebody's machine; Daraja's paths have no such callers. */
async function refuseOtherOrigins(ctx: Context, next: Next): Promise<void> {
  const origin = ctx.get('Origin');
  const isForeign = origin !== '' && origin !== `http://${ctx.host}` && origin !== `https://${ctx.host}`;
  if (isOurs(ctx) && ctx.method !== 'GET' && isForeign) {
    ctx.status = 403;
    ctx.type = 'application/json';
    ctx.body = JSON.stringify({ error: 'Only pages of the simulator itself may do this.' });
    return;
  }
  await next();
}

function isOurs(ctx: Context): boolean {
  return ctx.path === '/' || /^\/(control|handset)(\/|$)/.test(ctx.path);
}
