// Webhooks in the console: endpoints and how they fare, the deliveries of one, one delivery with what was sent and what
// came back, and what a person does about them. Every act is a use case of the webhooks' own slice, audited.

import type Router from '@koa/router';
import { z } from 'zod';
import { listQuery } from '../platform/listing.ts';
import { redactText } from '../platform/redaction.ts';
import { spanText } from '../platform/render.ts';
import type { Sealer } from '../platform/sealing.ts';
import { validateQuery } from '../platform/validation.ts';
import { attemptErrors } from '../webhooks/attempt.ts';
import type { Delivery, ShownAttempt } from '../webhooks/delivery.ts';
import { listAttempts, listDeliveries } from '../webhooks/delivery-store.ts';
import type { Endpoint } from '../webhooks/endpoint.ts';
import { findEndpointsOfTenantsAcrossTenants } from '../webhooks/endpoint-store.ts';
import type { ActDeps } from './audit-act.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';
import { deliveryWords, endpointWords } from './status-words.ts';
import { addWebhookActs, type WebhookActDeps } from './webhook-act-pages.ts';
import { getDelivery, getEndpoint } from './webhook-find.ts';
import { type EndpointDay, freshDay, readEndpointDays } from './webhook-list-store.ts';

export type WebhookPageDeps = ShellDeps & ActDeps & WebhookActDeps & { sealer: Sealer };

const dayMs = 24 * 3_600_000;
const base = '/console/webhooks';

const deliveriesQuery = z.looseObject({
  cursor: listQuery.cursor,
  status: z.enum(['dead', 'held', 'pending', 'delivered']).optional().catch(undefined),
});

export function addWebhookPages(router: Router, deps: WebhookPageDeps): void {
  const { sessions, db } = deps;

  router.get(base, sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const { scope } = asked;
    const tenantIds = scope.tenantId === null ? scope.tenants.map(({ id }) => id) : [scope.tenantId];
    const all = await findEndpointsOfTenantsAcrossTenants(db, tenantIds);
    const endpoints = all.filter(({ mode }) => mode === scope.mode).slice(0, 500);
    const days = await readEndpointDays(
      db,
      endpoints.map(({ id }) => id),
      deps.now() - dayMs,
    );
    await showPage(deps, ctx, asked, 'webhooks', {
      title: 'Webhooks',
      endpoints: endpoints.map((endpoint) =>
        viewEndpoint(endpoint, days.get(endpoint.id) ?? freshDay, asked, deps.now()),
      ),
      isEmpty: endpoints.length === 0,
    });
  });

  router.get(`${base}/:id`, sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const { cursor, status } = validateQuery(deliveriesQuery, ctx.query);
    const filter = { limit: 50, cursor, ...(status === undefined ? {} : { status: [status] }) };
    const page = await listDeliveries(db, endpoint.tenantId, endpoint.id, filter);
    const days = await readEndpointDays(db, [endpoint.id], deps.now() - dayMs);
    await showPage(deps, ctx, asked, 'webhook', {
      title: 'Endpoint',
      endpoint: viewEndpoint(endpoint, days.get(endpoint.id) ?? freshDay, asked, deps.now()),
      deliveries: page.items.map((delivery) => viewDelivery(delivery, asked)),
      isEmpty: page.items.length === 0,
      older: page.hasMore ? olderUrl(endpoint, page.items, asked, status) : null,
      tabs: tabsOf(endpoint, status, asked),
      mayAct: asked.may('act') && endpoint.status !== 'deleted',
      maySecret: asked.may('secrets') && endpoint.status !== 'deleted',
      isEnabled: endpoint.status === 'enabled',
    });
  });

  router.get('/console/deliveries/:id', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const { delivery, endpoint } = await getDelivery(deps, asked, String(ctx.params.id));
    const attempts = await listAttempts(db, delivery.tenantId, deps.sealer, delivery.id);
    await showPage(deps, ctx, asked, 'delivery', {
      title: `${delivery.type} to ${hostOf(endpoint.url)}`,
      sentence: sentenceOf(delivery, endpoint, attempts),
      delivery: viewDelivery(delivery, asked),
      endpoint: { url: endpoint.url, href: `${base}/${endpoint.id}${asked.scope.query}` },
      attempts: attempts.toReversed().map(viewAttempt),
      mayAct: asked.may('act') && delivery.status !== 'sending' && delivery.status !== 'cancelled',
    });
  });

  addWebhookActs(router, deps);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

function viewEndpoint(endpoint: Endpoint, day: EndpointDay, { scope }: Asked, now: number) {
  const { id, url, tenantId, types, description, status, disabledReason, failingSince, lastSuccessAt, waitUntil } =
    endpoint;
  const ended = day.delivered + day.dead;
  return {
    id,
    url,
    description,
    host: hostOf(url),
    href: `${base}/${id}${scope.query}`,
    act: `${base}/${id}`,
    query: scope.query,
    tenant: scope.tenants.find((tenant) => tenant.id === tenantId)?.name ?? tenantId,
    types: types.join(', '),
    ...(status === 'deleted' ? endpointWords.disabled : endpointWords[status]),
    why:
      disabledReason === 'gone'
        ? 'it answered 410 Gone'
        : disabledReason === 'failing'
          ? 'five days without a success'
          : null,
    share: ended === 0 ? null : day.delivered / ended,
    delivered: day.delivered,
    dead: day.dead,
    waiting: day.waiting,
    oldest: day.oldestWaitingAt === null ? null : spanText(now - day.oldestWaitingAt),
    failingSince,
    lastSuccessAt,
    leftAloneUntil: waitUntil !== null && waitUntil > now ? waitUntil : null,
  };
}

function viewDelivery(delivery: Delivery, { scope }: Asked) {
  const { id, type, eventId, attemptCount, lastStatusCode, lastError, createdAt, deliveredAt, dueAt, status } =
    delivery;
  return {
    id,
    type,
    eventId,
    attemptCount,
    createdAt,
    deliveredAt,
    href: `/console/deliveries/${id}${scope.query}`,
    retry: `/console/deliveries/${id}/retry${scope.query}`,
    nextAt: status === 'pending' ? dueAt : null,
    last:
      lastStatusCode === null ? (lastError ?? '–') : `${lastStatusCode}${lastError === null ? '' : `, ${lastError}`}`,
    ...deliveryWords[status],
  };
}

function sentenceOf(delivery: Delivery, endpoint: Endpoint, attempts: readonly ShownAttempt[]): string {
  const host = hostOf(endpoint.url);
  const tries = `${delivery.attemptCount} ${delivery.attemptCount === 1 ? 'attempt' : 'attempts'}`;
  const last = attempts.at(-1)?.error;
  const why = last == null ? '' : ` ${attemptErrors[last]}`;
  switch (delivery.status) {
    case 'delivered':
      return `${delivery.type} reached ${host} after ${tries}.`;
    case 'pending':
      return `${delivery.type} waits for its next attempt at ${host}, after ${tries}.${why}`;
    case 'sending':
      return `${delivery.type} is on its way to ${host}.`;
    case 'held':
      return `${delivery.type} is held: ${host} is switched off.${why}`;
    case 'dead':
      return `${delivery.type} was given up after ${tries} at ${host}.${why}`;
    case 'cancelled':
      return `${delivery.type} was cancelled: the endpoint was deleted.`;
    default:
      return delivery.status satisfies never;
  }
}

function viewAttempt(attempt: ShownAttempt) {
  const headers = (values: Record<string, string> | null): string =>
    Object.entries(values ?? {})
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n');
  return {
    number: attempt.number,
    trigger: attempt.trigger,
    startedAt: attempt.startedAt,
    durationMs: attempt.durationMs,
    isGood: attempt.error === null,
    result: attempt.statusCode === null ? '–' : `HTTP ${attempt.statusCode}`,
    words: attempt.error === null ? 'Taken.' : attemptErrors[attempt.error],
    request: redactText(headers(attempt.requestHeaders)),
    response: redactText(`${headers(attempt.responseHeaders)}\n\n${attempt.responseBody ?? ''}`.trim()),
  };
}

function tabsOf(endpoint: Endpoint, chosen: string | undefined, { scope }: Asked) {
  const tab = (status: string | undefined, word: string) => ({
    word,
    href: `${base}/${endpoint.id}${scope.query}${status === undefined ? '' : `&status=${status}`}`,
    isCurrent: status === chosen,
  });
  return [
    tab(undefined, 'All'),
    tab('pending', 'Waiting'),
    tab('delivered', 'Delivered'),
    tab('held', 'Held'),
    tab('dead', 'Given up'),
  ];
}

function olderUrl(
  endpoint: Endpoint,
  items: readonly Delivery[],
  { scope }: Asked,
  status: string | undefined,
): string {
  const last = items.at(-1)!;
  const cursor = Buffer.from(`${last.createdAt}.${last.id}`).toString('base64url');
  return `${base}/${endpoint.id}${scope.query}&cursor=${cursor}${status === undefined ? '' : `&status=${status}`}`;
}
