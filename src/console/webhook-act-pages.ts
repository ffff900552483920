// What an operator does about webhooks: send one again, try an endpoint, pause and enable it, send a window of the past
// again, rotate the secret. Each is the tenant's own use case with the operator written down beside it.

import type Router from '@koa/router';
import { AppError } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Endpoint } from '../webhooks/endpoint.ts';
import { changeEndpoint, type EndpointDeps, rotateSecret, testEndpoint } from '../webhooks/manage-endpoints.ts';
import { overlap } from '../webhooks/policy.ts';
import { replayDeliveries } from '../webhooks/replay-deliveries.ts';
import { retryDelivery } from '../webhooks/retry-delivery.ts';
import { type ActDeps, auditAct } from './audit-act.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { actorOf } from './sign-in.ts';
import { getDelivery, getEndpoint } from './webhook-find.ts';

export interface WebhookActDeps {
  sealer: Sealer;
  webhooks: Pick<EndpointDeps, 'nudge' | 'targetRules'>;
}

type Deps = ShellDeps & ActDeps & WebhookActDeps;

const base = '/console/webhooks';
const hourMs = 3_600_000;
const windows = { hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs } as const;

export function addWebhookActs(router: Router, deps: Deps): void {
  const { sessions } = deps;

  router.post('/console/deliveries/:id/retry', sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { delivery } = await getDelivery(deps, asked, String(ctx.params.id));
    const owner = { tenantId: delivery.tenantId, mode: delivery.mode as 'test' | 'live' };
    await act(deps, asked, ctx.ip, 'delivery.retried', owner.tenantId, delivery.id, (inside) =>
      retryDelivery(inside, owner, delivery.id),
    );
    flash(ctx, 'It is sent again now; load the page in a moment to see the answer.');
    ctx.redirect(`/console/deliveries/${delivery.id}${asked.scope.query}`);
  });

  router.post(`${base}/:id/test`, sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const ping = await act(deps, asked, ctx.ip, 'endpoint.tested', endpoint.tenantId, endpoint.id, (inside) =>
      testEndpoint(inside, endpoint, endpoint.id),
    );
    flash(ctx, endpoint.status === 'enabled' ? 'A ping is on its way.' : 'A ping waits until the endpoint is enabled.');
    ctx.redirect(`/console/deliveries/${ping.id}${asked.scope.query}`);
  });

  addEndpointActs(router, deps);
}

function addEndpointActs(router: Router, deps: Deps): void {
  const { sessions } = deps;

  for (const status of ['enabled', 'paused'] as const)
    router.post(`${base}/:id/${status === 'enabled' ? 'enable' : 'pause'}`, sessions.guard('act'), async (ctx) => {
      await sessions.readForm(ctx);
      const asked = await ask(deps, ctx);
      const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
      const { released } = await act(
        deps,
        asked,
        ctx.ip,
        `endpoint.${status}`,
        endpoint.tenantId,
        endpoint.id,
        (inside) => changeEndpoint(inside, endpoint, endpoint.id, { status }),
      );
      flash(ctx, status === 'paused' ? 'Paused: what happens now is held.' : `Enabled; ${released ?? 0} held go out.`);
      ctx.redirect(urlOf(endpoint, asked));
    });

  router.post(`${base}/:id/replay`, sessions.guard('act'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const length = windows[form.get('window') as keyof typeof windows];
    if (length === undefined) throw new AppError('invalid_request', 'Choose how far back to go.');
    const until = deps.now();
    const only = form.get('only') === 'all' ? ('all' as const) : ('failed' as const);
    const { count } = await act(deps, asked, ctx.ip, 'endpoint.replayed', endpoint.tenantId, endpoint.id, (inside) =>
      replayDeliveries({ ...inside, wake: () => inside.nudge([endpoint.id]) }, endpoint, {
        since: until - length,
        until,
        types: null,
        only,
      }),
    );
    flash(ctx, `${count} will be sent again, beside what is new.`);
    ctx.redirect(urlOf(endpoint, asked));
  });

  router.post(`${base}/:id/rotate`, sessions.guard('secrets'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const { secret } = await act(
      deps,
      asked,
      ctx.ip,
      'endpoint.secret_rotated',
      endpoint.tenantId,
      endpoint.id,
      (inside) => rotateSecret(inside, endpoint, endpoint.id, overlap.defaultSeconds),
    );
    await showPage(deps, ctx, asked, 'webhook-secret', {
      title: 'The new secret',
      secret,
      back: urlOf(endpoint, asked),
    });
  });
}

/** Does it and writes it down in one transaction; workers are nudged when both are durable. */
async function act<T>(
  deps: Deps,
  { visitor }: Asked,
  ip: string,
  action: string,
  tenantId: string,
  target: string,
  work: (inside: EndpointDeps) => Promise<T>,
): Promise<T> {
  const nudged: string[] = [];
  const result = await auditAct(deps, { actor: actorOf(visitor.operator), ip }, async (trx) => {
    const nudge = (ids: readonly string[]): void => void nudged.push(...ids);
    const done = await work({ ...deps, db: trx, targetRules: deps.webhooks.targetRules, nudge });
    return { result: done, entry: { action, tenantId, target } };
  });
  deps.webhooks.nudge(nudged);
  return result;
}

const urlOf = ({ id }: Endpoint, { scope }: Asked): string => `${base}/${id}${scope.query}`;
