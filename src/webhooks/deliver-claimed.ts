// Step five and its end: sends what was claimed, each on its own, and hands what came of it to the finisher. No
// transaction is open while the network is used. While the database is away an answer is kept as long as its lease
// lasts; after that the delivery is sent again, which at-least-once allows and losing it does not.

import { readBodiesAcrossTenants } from '../events/event-store.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { type Db, isDatabaseAway } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Exchange } from './attempt.ts';
import type { Delivery } from './delivery.ts';
import type { Endpoint } from './endpoint.ts';
import { readSecretsAcrossTenants } from './endpoint-store.ts';
import type { Finish, Finished } from './finish-deliveries.ts';
import { leaseMs } from './policy.ts';
import type { WebhookSender } from './send-webhook.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

export interface DeliverDeps {
  db: Db;
  sealer: Sealer;
  clock: Clock;
  now(): number;
  logger: Logger;
  sender: WebhookSender;
  metrics: WebhookMetrics;
  finish(item: Finish): Promise<Finished>;
}

/** One delivery on its way. */
export interface Flight {
  delivery: Delivery;
  endpoint: Endpoint;
  isSuspect: boolean;
}

const finishAgainMs = 1000;

/** Begins all flights of one claim; `watch` hears of each at once, with what it comes to. */
export function deliverClaimed(
  deps: DeliverDeps,
  leaseToken: string,
  flights: readonly Flight[],
  watch: (flight: Flight, work: Promise<void>) => void,
): void {
  const leaseUntil = deps.now() + leaseMs;
  const cargo = load(deps, flights);
  for (const flight of flights) watch(flight, deliver(deps, leaseToken, leaseUntil, flight, cargo));
}

interface Cargo {
  bodies: Map<string, string>;
  secrets: { endpointId: string; secret: string; expiresAt: number | null }[];
}

/** What the flights of one claim carry, read together. */
async function load({ db, sealer }: DeliverDeps, flights: readonly Flight[]): Promise<Cargo> {
  const eventIds = [...new Set(flights.map(({ delivery }) => delivery.eventId))];
  const endpointIds = [...new Set(flights.map(({ endpoint }) => endpoint.id))];
  const [bodies, secrets] = await Promise.all([
    readBodiesAcrossTenants(db, sealer, eventIds),
    readSecretsAcrossTenants(db, sealer, endpointIds),
  ]);
  return { bodies, secrets };
}

async function deliver(
  deps: DeliverDeps,
  leaseToken: string,
  leaseUntil: number,
  flight: Flight,
  cargo: Promise<Cargo>,
): Promise<void> {
  const { delivery, endpoint } = flight;
  // What one row of the claim cannot be read for is not the others' fault: then each reads its own.
  const message = await messageFor(flight, cargo).catch(() => messageFor(flight, load(deps, [flight])));
  const startedAt = deps.now();
  const secrets = message.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > startedAt);
  const exchange = await deps.sender.send({
    url: endpoint.url,
    mode: endpoint.mode,
    eventId: delivery.eventId,
    body: message.body,
    secrets: secrets.map(({ secret }) => secret),
  });
  const { id: deliveryId, tenantId, attemptCount: number, nextTrigger: trigger } = delivery;
  const attempt = { deliveryId, tenantId, number, trigger, startedAt, exchange };
  const item = { deliveryId, endpointId: endpoint.id, leaseToken, attempt };
  tell(deps, delivery, startedAt, exchange, await finishWithin(deps, leaseUntil, item));
}

async function messageFor({ delivery, endpoint }: Flight, cargo: Promise<Cargo>) {
  const { bodies, secrets } = await cargo;
  const body = bodies.get(delivery.eventId);
  if (body === undefined) throw new Error(`delivery ${delivery.id} has no event`);
  return { body, secrets: secrets.filter(({ endpointId }) => endpointId === endpoint.id) };
}

async function finishWithin(deps: DeliverDeps, leaseUntil: number, item: Finish): Promise<Finished> {
  for (;;) {
    try {
      return await deps.finish(item);
    } catch (thrown) {
      if (!isDatabaseAway(thrown) || deps.now() >= leaseUntil) throw thrown;
    }
    await new Promise<void>((resolve) => deps.clock.after(finishAgainMs, resolve));
  }
}

function tell(
  { logger, metrics }: DeliverDeps,
  delivery: Delivery,
  startedAt: number,
  exchange: Exchange,
  { delivery: after, disabled, opened }: Finished,
): void {
  const isFirst = delivery.attemptCount === 1 && delivery.nextTrigger === 'first';
  metrics.attempted(exchange.error ?? 'delivered', isFirst ? startedAt - delivery.createdAt : null);
  if (after === null) metrics.fencedOut();
  logger.info('delivery.attempted', {
    tenant_id: delivery.tenantId,
    delivery_id: delivery.id,
    event_id: delivery.eventId,
    endpoint_id: delivery.endpointId,
    type: delivery.type,
    trigger: delivery.nextTrigger,
    number: delivery.attemptCount,
    status: after?.status ?? 'fenced_out',
    status_code: exchange.statusCode,
    error: exchange.error,
    detail: exchange.detail,
    duration_ms: Math.round(exchange.durationMs),
  });
  const ids = { tenant_id: delivery.tenantId, endpoint_id: delivery.endpointId };
  if (after?.status === 'dead') logger.warn('delivery.dead', { ...ids, delivery_id: delivery.id });
  if (opened !== null)
    logger.warn('webhook_endpoint.left_alone', {
      ...ids,
      level: opened.breakerLevel,
      until: isoTime(opened.waitUntil),
    });
  if (disabled !== null) logger.warn('webhook_endpoint.disabled', { ...ids, reason: disabled.disabledReason });
}
