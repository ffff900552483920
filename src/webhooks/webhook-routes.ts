// What a merchant does about webhooks: endpoints, their deliveries and attempts, retry and replay. Each route reads as
// its contract in api.md.

import type Router from '@koa/router';
import type Koa from 'koa';
import { notFound } from '../platform/errors.ts';
import { readJson, sendJson } from '../platform/http.ts';
import { isId } from '../platform/ids.ts';
import { listOf } from '../platform/listing.ts';
import { invalid, refuseQuery, validateBody, validateQuery } from '../platform/validation.ts';
import type { CallerState } from '../tenants/authenticate.ts';
import type { Scope } from '../tenants/scopes.ts';
import { presentDelivery } from './delivery.ts';
import { findDelivery, listAttempts, listDeliveries } from './delivery-store.ts';
import { type Endpoint, presentEndpoint } from './endpoint.ts';
import { findEndpoint, findEndpointsAcrossTenants, listEndpoints } from './endpoint-store.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  type EndpointDeps,
  type Owner,
  rotateSecret,
  testEndpoint,
} from './manage-endpoints.ts';
import { keepBodiesMs } from './policy.ts';
import { replayDeliveries } from './replay-deliveries.ts';
import { cancelReplays } from './replay-store.ts';
import { retryDelivery } from './retry-delivery.ts';
import { checkEndpointUrl } from './safe-target.ts';
import {
  deliveryListQuery,
  emptyBody,
  endpointBodyFor,
  endpointChangeBodyFor,
  endpointListQuery,
  type FindUrlProblem,
  replayBody,
  rotateBody,
} from './webhook-requests.ts';

export type WebhookRouteDeps = EndpointDeps & { authenticate(scope: Scope | null): Koa.Middleware };

const base = '/v1/webhook-endpoints';

export function addWebhookRoutes(router: Router, deps: WebhookRouteDeps): void {
  addEndpointRoutes(router, deps);
  addEndpointActionRoutes(router, deps);
  addDeliveryRoutes(router, deps);
}

function addEndpointRoutes(router: Router, deps: WebhookRouteDeps): void {
  const { db } = deps;
  const manage = deps.authenticate('webhooks:manage');

  router.post(base, manage, async (ctx) => {
    refuseQuery(ctx.query);
    const details = validateBody(endpointBodyFor(urlRuleFor(deps, ctx)), await readJson(ctx));
    const { endpoint, secret } = await createEndpoint(deps, ownerOf(ctx), details);
    ctx.set('Location', `${base}/${endpoint.id}`);
    sendSecret(ctx, 201, presentEndpoint(endpoint, { secret }));
  });

  router.get(base, manage, async (ctx) => {
    const { tenantId, mode } = ownerOf(ctx);
    const page = await listEndpoints(db, tenantId, mode, validateQuery(endpointListQuery, ctx.query));
    sendJson(
      ctx,
      200,
      listOf(page, (endpoint) => presentEndpoint(endpoint)),
    );
  });

  router.get(`${base}/:id`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    sendJson(ctx, 200, presentEndpoint(await getEndpoint(deps, ctx)));
  });

  router.patch(`${base}/:id`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    const change = validateBody(endpointChangeBodyFor(urlRuleFor(deps, ctx)), await readJson(ctx));
    await sendChanged(deps, ctx, change);
  });

  router.delete(`${base}/:id`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    await deleteEndpoint(deps, ownerOf(ctx), idOf(ctx));
    ctx.status = 204;
  });
}

function addEndpointActionRoutes(router: Router, deps: WebhookRouteDeps): void {
  const manage = deps.authenticate('webhooks:manage');

  router.post(`${base}/:id/enable`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    await readEmptyBody(ctx);
    await sendChanged(deps, ctx, { status: 'enabled' });
  });

  router.post(`${base}/:id/rotate-secret`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    const { overlap_seconds } = validateBody(rotateBody, await readJson(ctx));
    const { endpoint, secret } = await rotateSecret(deps, ownerOf(ctx), idOf(ctx), overlap_seconds);
    sendSecret(ctx, 200, presentEndpoint(endpoint, { secret }));
  });

  router.post(`${base}/:id/test`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    await readEmptyBody(ctx);
    sendJson(ctx, 202, presentDelivery(await testEndpoint(deps, ownerOf(ctx), idOf(ctx)), null));
  });

  router.post(`${base}/:id/replay`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    const { types = null, ...window } = validateBody(replayBody, await readJson(ctx));
    refuseEmptied(window.since, deps.now());
    const endpoint = await getEndpoint(deps, ctx);
    const wake = (): void => deps.nudge([endpoint.id]);
    const { count } = await replayDeliveries({ ...deps, wake }, endpoint, { ...window, types });
    sendJson(ctx, 202, { count });
  });

  router.delete(`${base}/:id/replay`, manage, async (ctx) => {
    refuseQuery(ctx.query);
    const { id, tenantId } = await getEndpoint(deps, ctx);
    sendJson(ctx, 200, { cancelled: await cancelReplays(deps.db, tenantId, id, deps.now()) });
  });
}

function addDeliveryRoutes(router: Router, deps: WebhookRouteDeps): void {
  const { db, sealer } = deps;
  const manage = deps.authenticate('webhooks:manage');

  router.get(`${base}/:id/deliveries`, manage, async (ctx) => {
    const filter = validateQuery(deliveryListQuery, ctx.query);
    const endpoint = await getEndpoint(deps, ctx);
    const page = await listDeliveries(db, endpoint.tenantId, endpoint.id, filter);
    sendJson(
      ctx,
      200,
      listOf(page, (delivery) => presentDelivery(delivery, endpoint.waitUntil)),
    );
  });

  router.get('/v1/deliveries/:id', manage, async (ctx) => {
    refuseQuery(ctx.query);
    const { tenantId, mode } = ownerOf(ctx);
    const delivery = await findDelivery(db, tenantId, mode, idOf(ctx, 'whd'));
    if (delivery === undefined) throw notFound();
    const attempts = await listAttempts(db, tenantId, sealer, delivery.id);
    sendJson(ctx, 200, presentDelivery(delivery, await waitOf(deps, delivery.endpointId), attempts));
  });

  router.post('/v1/deliveries/:id/retry', manage, async (ctx) => {
    refuseQuery(ctx.query);
    await readEmptyBody(ctx);
    sendJson(ctx, 202, presentDelivery(await retryDelivery(deps, ownerOf(ctx), idOf(ctx, 'whd')), null));
  });
}

function ownerOf(ctx: Koa.Context): Owner {
  return (ctx.state as CallerState).caller;
}

/** MySQL takes `whe_… ` with a space behind it for `whe_…`, so what has not the very form of an id is none. */
function idOf(ctx: Koa.Context, prefix: 'whe' | 'whd' = 'whe'): string {
  const id = String(ctx.params.id);
  if (!isId(prefix, id)) throw notFound();
  return id;
}

function urlRuleFor({ targetRules }: WebhookRouteDeps, ctx: Koa.Context): FindUrlProblem {
  const { mode } = ownerOf(ctx);
  return (url) => checkEndpointUrl(url, mode, targetRules);
}

/** What is older has no body any more: a webhook that says nothing must not go out. */
function refuseEmptied(since: number, now: number): void {
  if (since > now - keepBodiesMs) return;
  const detail = 'Bodies of events are kept for 90 days; a replay begins later than that.';
  throw invalid([{ pointer: '/since', code: 'out_of_range', detail }]);
}

/** The caller's endpoint of the path. @throws AppError `not_found`, the same for what is missing and what is another's */
async function getEndpoint({ db }: WebhookRouteDeps, ctx: Koa.Context): Promise<Endpoint> {
  const { tenantId, mode } = ownerOf(ctx);
  const endpoint = await findEndpoint(db, tenantId, mode, idOf(ctx));
  if (endpoint === undefined) throw notFound();
  return endpoint;
}

async function waitOf({ db }: WebhookRouteDeps, endpointId: string): Promise<number | null> {
  const [endpoint] = await findEndpointsAcrossTenants(db, [endpointId]);
  return endpoint?.waitUntil ?? null;
}

async function sendChanged(
  deps: WebhookRouteDeps,
  ctx: Koa.Context,
  change: Parameters<typeof changeEndpoint>[3],
): Promise<void> {
  const { endpoint, released } = await changeEndpoint(deps, ownerOf(ctx), idOf(ctx), change);
  sendJson(ctx, 200, presentEndpoint(endpoint, released === null ? {} : { released }));
}

/** An answer that holds a secret is nobody's to keep but the caller's. */
function sendSecret(ctx: Koa.Context, status: number, value: object): void {
  ctx.set('Cache-Control', 'no-store');
  sendJson(ctx, status, value);
}

async function readEmptyBody(ctx: Koa.Context): Promise<void> {
  validateBody(emptyBody, await readJson(ctx));
}
