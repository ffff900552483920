// A gateway as the tests of webhooks see it: endpoints at real receivers, events recorded as payments record them, and a
// worker that sends only when the test sweeps. The clock is the gateway's own, so days pass in milliseconds; what a test
// leaves behind is removed after it, so that no later one meets its retries.

import { expect } from 'chai';
import { type EventType, recordEvents } from '../../src/events/event-store.ts';
import { inTransaction } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/ids.ts';
import type { Endpoint } from '../../src/webhooks/endpoint.ts';
import { findEndpointsAcrossTenants } from '../../src/webhooks/endpoint-store.ts';
import {
  type Answer,
  type BuildOptions,
  buildGateway,
  type CallOptions,
  type TestGateway,
  type TestTenant,
} from './build-gateway.ts';
import { idle } from './payment-story.ts';
import { type Answer as ReceiverAnswer, startReceiver, type WebhookReceiver } from './webhook-receiver.ts';

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Body = any;

/** A receiver and the endpoint that leads to it. */
export interface Target extends WebhookReceiver {
  id: string;
  secret: string;
  tenant: TestTenant;
  /** The endpoint as the API shows it. */
  shown(): Promise<Body>;
  /** The endpoint with its health, as it is stored. */
  stored(): Promise<Endpoint>;
  /** Its deliveries, oldest first, all pages of them. */
  deliveries(query?: string): Promise<Body[]>;
  /** PATCH, or POST to what is below the endpoint; the body of the 2xx answer. */
  change(body: object): Promise<Body>;
  act(what: 'enable' | 'test' | 'rotate-secret' | 'replay', body?: object): Promise<Body>;
  /** The `webhook-id` of each request, in the order they came. */
  ids(): string[];
}

export interface HappenOptions {
  type?: EventType;
  tenant?: TestTenant;
  mode?: 'test' | 'live';
  data?: object;
}

export interface Stage {
  app: TestGateway;
  tenant: TestTenant;
  /** A call of the stage's tenant, or of the one given. */
  call(path: string, options?: CallOptions & { tenant?: TestTenant }): Promise<Answer>;
  /** A new receiver and an endpoint at it; it is closed and deleted by {@link clear}. */
  target(
    answer?: ReceiverAnswer,
    options?: { tenant?: TestTenant; types?: string[]; url?: (receiver: WebhookReceiver) => string },
  ): Promise<Target>;
  /** Records events; their ids, oldest first. */
  happen(count?: number, options?: HappenOptions): Promise<string[]>;
  /** Works until nothing is due; how many attempts were made. */
  sweep(): Promise<number>;
  /** Moves the clock, then sweeps. */
  pass(ms: number): Promise<void>;
  /** Moves the clock from one due attempt to the next, as life does, for so long. */
  live(ms: number): Promise<void>;
  /** One delivery with its attempts. */
  delivery(id: string, tenant?: TestTenant): Promise<Body>;
  /** Removes every target of this test. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function setStage(options: BuildOptions = {}): Promise<Stage> {
  const app = await buildGateway({ ...options, env: { ...idle, ...options.env } });
  const targets: Target[] = [];
  const { tenant } = app;
  const call: Stage['call'] = (path, { tenant: caller = tenant, ...rest } = {}) =>
    app.call(path, { key: caller.key, ...rest });

  const stage: Stage = {
    app,
    tenant,
    call,
    async target(
      answer,
      { tenant: owner = tenant, types, url = (receiver: WebhookReceiver) => `${receiver.url}/hook` } = {},
    ) {
      const receiver = await startReceiver(answer);
      const body = { url: url(receiver), ...(types === undefined ? {} : { types }) };
      const made = await call('/v1/webhook-endpoints', { tenant: owner, body });
      expect(made.status, made.text).to.equal(201);
      const target = targetOf(stage, receiver, owner, made.body);
      targets.push(target);
      return target;
    },
    happen: (count = 1, how = {}) => recordPayments(app, count, { tenant, ...how }),
    sweep: () => app.gateway.webhooks.sweep(),
    async pass(ms) {
      await stage.sweep();
      await app.clock.advance(ms);
      await stage.sweep();
    },
    async live(ms) {
      const end = app.clock.now() + ms;
      for (;;) {
        await stage.sweep();
        const next = Math.min(end, await nextDueAt(app));
        if (app.clock.now() === end) return;
        await app.clock.advance(Math.max(0, next - app.clock.now()));
      }
    },
    async delivery(id, owner = tenant) {
      const { status, body, text } = await call(`/v1/deliveries/${id}`, { tenant: owner });
      expect(status, text).to.equal(200);
      return body;
    },
    async clear() {
      for (const target of targets.splice(0)) {
        await call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE', tenant: target.tenant });
        await target.close();
      }
      await stage.sweep();
    },
    async close() {
      await stage.clear();
      await app.close();
    },
  };
  return stage;
}

/** When something can be sent again at the earliest. */
async function nextDueAt({ gateway }: TestGateway): Promise<number> {
  const waiting: { due_at: number; wait_until: number | null }[] = await gateway.core
    .db('deliveries')
    .join('endpoints', 'endpoints.id', 'deliveries.endpoint_id')
    .where({ 'deliveries.status': 'pending', 'endpoints.status': 'enabled' })
    .select('due_at', 'wait_until');
  return Math.min(Number.POSITIVE_INFINITY, ...waiting.map((row) => Math.max(row.due_at, row.wait_until ?? 0)));
}

function targetOf(
  { app, call }: Stage,
  receiver: WebhookReceiver,
  tenant: TestTenant,
  { id, secret }: { id: string; secret: string },
): Target {
  const path = `/v1/webhook-endpoints/${id}`;
  const done = ({ status, body, text }: Answer): Body => {
    expect(status, text).to.be.within(200, 299);
    return body;
  };
  return {
    ...receiver,
    id,
    secret,
    tenant,
    shown: async () => done(await call(path, { tenant })),
    async stored() {
      const [endpoint] = await findEndpointsAcrossTenants(app.gateway.core.db, [id]);
      return endpoint!;
    },
    async deliveries(query = '') {
      const found: Body[] = [];
      for (let cursor = ''; ; ) {
        const page = done(await call(`${path}/deliveries?limit=100${query}${cursor}`, { tenant }));
        found.push(...page.data);
        if (!page.has_more) return found.reverse();
        cursor = `&cursor=${page.next_cursor}`;
      }
    },
    change: async (body) => done(await call(path, { method: 'PATCH', body, tenant })),
    act: async (what, body = {}) => done(await call(`${path}/${what}`, { method: 'POST', body, tenant })),
    ids: () => receiver.requests.map(({ headers }) => String(headers['webhook-id'])),
  };
}

/** No more than this many rows of one insert: SQLite takes 500 of those that knex makes. */
const mostAtOnce = 400;

/** Events as payments record them. */
export async function recordPayments(
  app: TestGateway,
  count: number,
  { type = 'payment.succeeded', tenant = app.tenant, mode = 'test', data = {} }: HappenOptions,
): Promise<string[]> {
  const { db, sealer, now } = app.gateway.core;
  const ids: string[] = [];
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(mostAtOnce, count - ids.length) }, () => {
      const objectId = newId('pay');
      const payment = { id: objectId, object: 'payment', phone: '254712345678', version: 1, ...data };
      return { tenantId: tenant.id, mode, type, objectId, version: 1, data: payment };
    });
    ids.push(...(await inTransaction(db, (trx) => recordEvents(trx, sealer, events, now()))));
  }
  return ids;
}
