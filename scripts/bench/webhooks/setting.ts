// What webhooks are measured on: a stage of its own (other cases leave payments that a worker would push), ten tenants
// with two endpoints each, so that the limits of 5 in flight per endpoint and 10 per tenant allow the worker's 100, and
// the receiver. Events are made with the gateway's own sealer and kept from the fan-out until they are let go at once.

import { recordEvents } from '../../../src/events/event-store.ts';
import { presentPayment } from '../../../src/payments/present-payment.ts';
import { connectSharedServices } from '../../../src/platform/shared-services.ts';
import { createEndpoint } from '../../../src/webhooks/manage-endpoints.ts';
import type { Services } from '../../../test/support/services.ts';
import { type Part, type Server, startGateway, startPart } from '../processes.ts';
import { makeFinished } from '../seed.ts';
import { addTenant, type Owner, openStage, type Stage, type Undo } from '../stage.ts';
import type { Arrival, ReceiverCounts, ReceiverQuestion } from './receiver.ts';

export const tenantCount = 10;
export const endpointsPerTenant = 2;
/** What the limits of policy.ts let be on its way at once. */
export const concurrency = 100;
const allowedNetworks = ['127.0.0.0/8'];
const eventsPerInsert = 250;

export interface Receiver {
  urls: readonly string[];
  reset(): Promise<void>;
  counts(): Promise<ReceiverCounts>;
  arrivals(): Promise<Arrival[]>;
}

/** Events that wait to be let go. */
export interface HeldEvents {
  /** Marks them: the time all of them and their deliveries were made at. */
  at: number;
  deliveries: number;
}

export interface Setting {
  stage: Stage;
  tenants: readonly Owner[];
  receiver: Receiver;
  /** A webhook's body as it is sent. */
  sampleBody: string;
  /** Starts a gateway process that may reach the receiver. */
  startServer(roles: string, options?: { nodeArgs?: readonly string[]; hasChannel?: boolean }): Promise<Server>;
  /** Records events for so many deliveries at least; the fan-out does not see them yet. */
  hold(deliveries: number): Promise<HeldEvents>;
  /** Lets them go all at once and nudges the worker, as the process that records an event does. */
  release(held: HeldEvents): Promise<void>;
}

export async function openSetting(services: Services, undo: Undo): Promise<Setting> {
  const stage = await openStage(services, undo);
  const { core } = stage;
  const endpointCount = tenantCount * endpointsPerTenant;
  const part = await startPart<{ urls: string[] }>('webhooks/receiver', { ENDPOINTS: String(endpointCount) });
  undo(() => part.stop());
  const tenants: Owner[] = [];
  for (let n = 0; n < tenantCount; n += 1) tenants.push(await addTenant(core, `Bench ${n}`));
  await addEndpoints(stage, tenants, part);
  const { redisUrl, redisPrefix } = core.config;
  const shared = connectSharedServices(redisUrl, redisPrefix, core.clock, core.logger);
  undo(() => shared.close());
  undo(() => shared.queue.close());
  const receiver: Receiver = {
    urls: part.ready.urls,
    reset: () => ask(part, { kind: 'reset' }),
    counts: () => ask(part, { kind: 'counts' }),
    arrivals: () => ask(part, { kind: 'arrivals' }),
  };
  let started = 0;
  let serial = 0;
  return {
    stage,
    tenants,
    receiver,
    sampleBody: bodyOf(tenants[0]!),
    startServer(roles, options = {}) {
      started += 1;
      const env = { ...stage.env, ROLES: roles, WEBHOOK_ALLOW_NETWORKS: allowedNetworks.join(',') };
      return startGateway({ env, logFile: `${stage.folder}/${roles}-${started}.log`, ...options });
    },
    async hold(deliveries) {
      const events = Math.ceil(deliveries / endpointsPerTenant);
      const at = Date.now();
      await recordHeld(stage, tenants, { from: serial, count: events, at });
      serial += events;
      return { at, deliveries: events * endpointsPerTenant };
    },
    async release({ at }) {
      await stage.query('UPDATE events SET fanned_out_at = NULL WHERE fanned_out_at = ?', [at]);
      shared.queue.nudge('webhooks', []);
    },
  };
}

const ask = <Answer>(part: Part<unknown>, question: ReceiverQuestion): Promise<Answer> => part.ask(question);

/** Through the door merchants use, so that their secrets are real and sealed. */
async function addEndpoints(
  { core }: Stage,
  tenants: readonly Owner[],
  part: Part<{ urls: readonly string[] }>,
): Promise<void> {
  const targetRules = { allowNetworks: allowedNetworks, ownUrl: core.config.publicUrl };
  const secrets: string[] = [];
  for (const [n, url] of part.ready.urls.entries()) {
    const { tenantId } = tenants[Math.floor(n / endpointsPerTenant)]!;
    const details = { url, types: ['*'], description: null };
    const made = await createEndpoint({ ...core, targetRules, nudge: () => {} }, { tenantId, mode: 'test' }, details);
    secrets.push(made.secret);
  }
  await ask(part, { kind: 'secrets', secrets });
}

interface Span {
  from: number;
  count: number;
  at: number;
}

/** Says of them that they were fanned out at `at`, in batches and by the gateway's own writer. */
async function recordHeld({ core }: Stage, tenants: readonly Owner[], { from, count, at }: Span): Promise<void> {
  for (let done = 0; done < count; done += eventsPerInsert) {
    const events = Array.from({ length: Math.min(eventsPerInsert, count - done) }, (_, index) => {
      const number = from + done + index;
      const owner = tenants[number % tenants.length]!;
      const payment = makeFinished(owner, number);
      const { id: objectId, version } = payment;
      const data = presentPayment(payment);
      const type = 'payment.succeeded' as const;
      return { tenantId: owner.tenantId, mode: 'test', type, objectId, version, data, isFannedOut: true };
    });
    await core.db.transaction((trx) => recordEvents(trx, core.sealer, events, at));
  }
}

function bodyOf(owner: Owner): string {
  const data = presentPayment(makeFinished(owner, 0));
  return JSON.stringify({ type: 'payment.succeeded', timestamp: new Date().toISOString(), data });
}
