// Webhooks in the console: endpoints and how they fare, the deliveries of one, one delivery with what was sent and what
// came back, and what a person does about them. Every act is a use case of the webhooks' own slice, audited.

import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { readBodiesAcrossTenants } from '../events/event-store.ts';
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
import { choicesOf, type FormProblem, fieldsOf } from './form-pages.ts';
import { tenantIdsOf } from './scope.ts';
import type { Form } from './session.ts';
import { type Asked, ask, type ShellDeps, showPage } from './shell-pages.ts';
import { deliveryWords, endpointWords } from './status-words.ts';
import { addWebhookActs, replayedOnly, replayWindows, type WebhookActDeps } from './webhook-act-pages.ts';
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
    const all = await findEndpointsOfTenantsAcrossTenants(db, tenantIdsOf(scope));
    const endpoints = all.filter(({ mode }) => mode === scope.mode).slice(0, 500);
    const ids = endpoints.map(({ id }) => id);
    const days = await readEndpointDays(db, ids, deps.now() - dayMs);
    await showPage(deps, ctx, asked, 'webhooks', {
      title: 'Webhooks',
      endpoints: endpoints.map((endpoint) =>
        viewEndpoint(endpoint, days.get(endpoint.id) ?? freshDay, asked, deps.now()),
      ),
      isEmpty: endpoints.length === 0,
    });
  });

  /** @param form what was typed for a replay, with what is wrong with it */
  async function showEndpoint(
    ctx: Koa.Context,
    asked: Asked,
    endpoint: Endpoint,
    { form, problems = [] }: { form?: Form; problems?: FormProblem[] } = {},
  ): Promise<void> {
    const { cursor, status } = validateQuery(deliveriesQuery, ctx.query);
    const filter = { limit: 50, cursor, ...(status === undefined ? {} : { status: [status] }) };
    const page = await listDeliveries(db, endpoint.tenantId, endpoint.id, filter);
    if (problems.length > 0) ctx.status = 400;
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
      f: fieldsOf(['from', 'to'], form, problems),
      windows: choicesOf(replayWindows, form?.get('window') ?? 'day'),
      onlies: choicesOf(replayedOnly, form?.get('only') ?? 'failed'),
      problems,
    });
  }

  router.get(`${base}/:id`, sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    await showEndpoint(ctx, asked, await getEndpoint(deps, asked, String(ctx.params.id)));
  });

  router.get('/console/deliveries/:id', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const { delivery, endpoint } = await getDelivery(deps, asked, String(ctx.params.id));
    const attempts = await listAttempts(db, delivery.tenantId, deps.sealer, delivery.id);
    const bodies = await readBodiesAcrossTenants(db, deps.sealer, [delivery.eventId]);
    await showPage(deps, ctx, asked, 'delivery', {
      title: `${delivery.type} to ${hostOf(endpoint.url)}`,
      sentence: sentenceOf(delivery, endpoint, attempts),
      delivery: viewDelivery(delivery, asked),
      endpoint: { url: endpoint.url, href: `${base}/${endpoint.id}${asked.scope.query}` },
      attempts: attempts.toReversed().map(viewAttempt),
      body: readable(bodies.get(delivery.eventId) ?? ''),
      mayAct: asked.may('act') && delivery.status !== 'sending' && delivery.status !== 'cancelled',
    });
  });

  addWebhookActs(router, deps, showEndpoint);
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
    p95: day.p95Ms === null ? null : answerTime(day.p95Ms),
    delivered: day.delivered,
    dead: day.dead,
    waiting: day.waiting,
    oldest: day.oldestWaitingAt === null ? null : spanText(now - day.oldestWaitingAt),
    failingSince,
    lastSuccessAt,
    leftAloneUntil: waitUntil !== null && waitUntil > now ? waitUntil : null,
  };
}

/** `240 ms`, `1.4 s` */
function answerTime(ms: number): string {
  return ms < 1000 ? `${ms}\u00a0ms` : `${(ms / 1000).toFixed(1)}\u00a0s`;
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
    result: attempt.statusCode === null ? 'no answer' : `HTTP ${attempt.statusCode}`,
    words: attempt.error === null ? 'Taken.' : attemptErrors[attempt.error],
    request: redactText(headers(attempt.requestHeaders)),
    response:
      redactText(`${headers(attempt.responseHeaders)}\n\n${attempt.responseBody ?? ''}`.trim()) ||
      '(nothing came back)',
  };
}

/** What was sent, without the customer's number. */
function readable(body: string): string {
  try {
    return redactText(JSON.stringify(JSON.parse(body), null, 2));
  } catch {
    return redactText(body);
  }
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
