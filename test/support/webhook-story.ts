// One tenant's webhooks as a test tells their story: endpoints made through the API, events written down as a change
// would write them, and what the database says became of each delivery. It looks from beside the gateways whose work it
// judges, so it can still tell when they are gone.

import { expect } from 'chai';
import { type NewEvent, recordEvents } from '../../src/events/event-store.ts';
import { inTransaction } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/ids.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';
import type { ReceivedWebhook, WebhookReceiver } from './webhook-receiver.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows of every table
type Row = any;

export interface WebhookStory {
  /** POST /v1/webhook-endpoints, which must answer 201. */
  addEndpoint(url: string, types?: string[]): Promise<{ id: string; secret: string }>;
  /** So many events of payments, in one transaction and without a nudge, as if it had been lost; their ids. */
  record(count: number, at?: number): Promise<string[]>;
  /** Rows, oldest first. */
  events(): Promise<Row[]>;
  deliveries(): Promise<Row[]>;
  endpoint(id: string): Promise<Row>;
  /** What the attempts of a delivery came to, in order: null for one that was answered 2xx. */
  history(deliveryId: string): Promise<(string | null)[]>;
  /** Whether there are deliveries and all are `delivered`. */
  isAllDelivered(): Promise<boolean>;
}

export function tellWebhooks(app: TestGateway, tenant: Pick<TestTenant, 'id' | 'key'> = app.tenant): WebhookStory {
  const { db, sealer } = app.gateway.core;
  const rows = (table: string): Promise<Row[]> => db(table).where({ tenant_id: tenant.id }).orderBy('id');
  const deliveries = (): Promise<Row[]> => rows('deliveries');
  return {
    async addEndpoint(url, types = ['*']) {
      const made = await app.call('/v1/webhook-endpoints', { key: tenant.key, body: { url, types } });
      expect(made.status, made.text).to.equal(201);
      return { id: made.body.id, secret: made.body.secret };
    },
    record(count, at = app.clock.now()) {
      const fresh = Array.from({ length: count }, (): NewEvent => {
        const objectId = newId('pay');
        const data = { id: objectId, object: 'payment', version: 1 };
        return { tenantId: tenant.id, mode: 'test', type: 'payment.succeeded', objectId, version: 1, data };
      });
      return inTransaction(db, (trx) => recordEvents(trx, sealer, fresh, at));
    },
    events: () => rows('events'),
    deliveries,
    endpoint: (id) => db('endpoints').where({ id }).first(),
    async history(deliveryId) {
      return db('attempts').where({ delivery_id: deliveryId }).orderBy('number').pluck('error');
    },
    async isAllDelivered() {
      const all = await deliveries();
      return all.length > 0 && all.every(({ status }) => status === 'delivered');
    },
  };
}

/** How often each event came, by `webhook-id`; to one path where it is given. */
export function countByEvent({ requests }: Pick<WebhookReceiver, 'requests'>, path?: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const request of requests) {
    if (path !== undefined && request.path !== path) continue;
    const id = idOf(request);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function idOf({ headers }: ReceivedWebhook): string {
  return String(headers['webhook-id']);
}

/** The sum of a counter over its labels, or of those that have these. */
export async function readCounter(
  app: TestGateway,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const metric = await app.gateway.registry.getSingleMetric(`lango_webhook_${name}`)?.get();
  const wanted = Object.entries(labels);
  return (metric?.values ?? [])
    .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, sample) => sum + sample.value, 0);
}
