// GET /v1/events: what happened to a tenant's payments, newest first, each with the payment as it was then.

import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { isoTime } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { sendJson } from '../platform/http.ts';
import { isId } from '../platform/ids.ts';
import { listOf, listQuery } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import { refuseQuery, validateQuery } from '../platform/validation.ts';
import { eventTypes, findEvent, listEvents, type RecordedEvent } from './event-store.ts';

interface Deps {
  db: Db;
  sealer: Sealer;
  /** Authentication for one scope; leaves who calls in `ctx.state.caller`. */
  authenticate(scope: 'events:read'): Koa.Middleware;
}

type EventCallerState = { caller: { tenantId: string; mode: string } };

const typeError = `type is one of ${eventTypes.join(', ')}.`;

export const eventListQuery = z.strictObject({
  ...listQuery,
  type: z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(z.enum(eventTypes, typeError)).optional(),
  ),
});

export function addEventRoutes(router: Router, deps: Deps): void {
  const { db, sealer, authenticate } = deps;
  const callerOf = (ctx: Koa.Context) => (ctx.state as EventCallerState).caller;

  router.get('/v1/events', authenticate('events:read'), async (ctx) => {
    const { tenantId, mode } = callerOf(ctx);
    sendJson(
      ctx,
      200,
      listOf(await listEvents(db, tenantId, mode, sealer, validateQuery(eventListQuery, ctx.query)), presentEvent),
    );
  });

  router.get('/v1/events/:id', authenticate('events:read'), async (ctx) => {
    refuseQuery(ctx.query);
    const { tenantId, mode } = callerOf(ctx);
    const eventId = String(ctx.params.id);
    // MySQL would find it with blanks behind it, too.
    const event = isId('evt', eventId) ? await findEvent(db, tenantId, mode, sealer, eventId) : undefined;
    if (event === undefined) throw notFound();
    sendJson(ctx, 200, presentEvent(event));
  });
}

function presentEvent(event: RecordedEvent): object {
  const { data } = JSON.parse(event.body) as { data: object };
  return {
    id: event.id,
    object: 'event',
    type: event.type,
    mode: event.mode,
    created_at: isoTime(event.createdAt),
    data,
  };
}
