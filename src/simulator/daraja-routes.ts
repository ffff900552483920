// Daraja's paths. Koa only carries: a request becomes a call, an answer is written as it is, and a dropped answer cuts
// the connection. Anything Daraja does not know is its own 404, and a wrong method its own 405.

import Router from '@koa/router';
import type { Context } from 'koa';
import type { DarajaCall } from './accept-push.ts';
import { acceptPush } from './accept-push.ts';
import { answerRegisterUrl, answerSimulate } from './answer-c2b.ts';
import { answerOauth } from './answer-oauth.ts';
import { answerPullQuery, answerPullRegister } from './answer-pull.ts';
import { answerQuery } from './answer-query.ts';
import type { DarajaAnswer } from './daraja-answer.ts';
import { errorAnswer, invalidPayload } from './daraja-answer.ts';
import { readText } from './read-text.ts';
import type { World } from './world.ts';

const paths = {
  oauth: '/oauth/v1/generate',
  push: '/mpesa/stkpush/v1/processrequest',
  query: '/mpesa/stkpushquery/v1/query',
  registerUrl1: '/mpesa/c2b/v1/registerurl',
  registerUrl2: '/mpesa/c2b/v2/registerurl',
  simulate1: '/mpesa/c2b/v1/simulate',
  simulate2: '/mpesa/c2b/v2/simulate',
  pullRegister: '/pulltransactions/v1/register',
  pullQuery: '/pulltransactions/v1/query',
};

type Answering = (world: World, call: DarajaCall) => DarajaAnswer | Promise<DarajaAnswer>;

const posts: readonly [path: string, answering: Answering][] = [
  [paths.push, acceptPush],
  [paths.query, answerQuery],
  [paths.registerUrl1, (world, call) => answerRegisterUrl(world, call, 1)],
  [paths.registerUrl2, (world, call) => answerRegisterUrl(world, call, 2)],
  [paths.simulate1, answerSimulate],
  [paths.simulate2, answerSimulate],
  [paths.pullRegister, answerPullRegister],
  [paths.pullQuery, answerPullQuery],
];

export function createDarajaRoutes(world: World): Router {
  const router = new Router({ strict: true, sensitive: true });
  router.get(paths.oauth, async (ctx) => {
    const call = { authorization: ctx.get('Authorization'), grantType: oneText(ctx.query.grant_type) };
    writeAnswer(ctx, await answerOauth(world, call));
  });
  for (const [path, answering] of posts) {
    router.post(path, async (ctx) => {
      const call = await readCall(ctx);
      writeAnswer(ctx, call === undefined ? invalidPayload() : await answering(world, call));
    });
  }
  router.all(Object.values(paths), (ctx) => {
    writeAnswer(ctx, errorAnswer('405.001', `${ctx.method} Method Not Allowed`));
  });
  return router;
}

/** Writes the answer to the connection, or cuts it. */
export function writeAnswer(ctx: Context, answer: DarajaAnswer): void {
  if (answer.isDropped === true) {
    ctx.respond = false;
    ctx.req.socket.destroy();
    return;
  }
  ctx.status = answer.status;
  ctx.set('Content-Type', answer.contentType);
  if (answer.body === '') {
    // Koa would put the words of the status into an empty body.
    ctx.respond = false;
    ctx.res.setHeader('Content-Length', 0);
    ctx.res.end();
    return;
  }
  ctx.body = answer.body;
}

/** The call, or undefined when the body is larger than Daraja would read. */
async function readCall(ctx: Context): Promise<DarajaCall | undefined> {
  const text = await readText(ctx.req);
  if (text === undefined) return undefined;
  return { authorization: ctx.get('Authorization'), contentType: ctx.get('Content-Type'), text };
}

function oneText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
