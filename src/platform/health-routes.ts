// Whether the process lives and whether it can serve. Safaricom's health is shown in /metrics and the console and never
// makes us unready: an instance that is taken out of service cannot hear callbacks.

import type Router from '@koa/router';
import type { Registry } from 'prom-client';
import { sendJson } from './http.ts';

export interface HealthCheck {
  name: string;
  /** Null when all is well, else what is wrong and what to do. Must answer soon. */
  problem(): Promise<string | null>;
}

const patienceMs = 3000;

export function addHealthRoutes(router: Router, checks: readonly HealthCheck[], registry: Registry): void {
  router.get('/healthz', (ctx) => sendJson(ctx, 200, { status: 'ok' }));

  router.get('/readyz', async (ctx) => {
    const results = await Promise.all(
      checks.map(async ({ name, problem }) => [name, (await soon(problem())) ?? 'ok'] as const),
    );
    const isReady = results.every(([, result]) => result === 'ok');
    sendJson(ctx, isReady ? 200 : 503, { status: isReady ? 'ok' : 'not_ready', checks: Object.fromEntries(results) });
  });

  router.get('/metrics', async (ctx) => {
    ctx.type = registry.contentType;
    ctx.body = await registry.metrics();
  });
}

async function soon(problem: Promise<string | null>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, patienceMs, `no answer within ${patienceMs} ms`);
  });
  return Promise.race([
    problem.catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown))),
    late,
  ]).finally(() => clearTimeout(timer));
}
