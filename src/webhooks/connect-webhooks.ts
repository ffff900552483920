// Webhooks, joined: the sender, the worker, its metrics, and how other processes nudge it.

import type { Registry } from 'prom-client';
import type { Alert } from '../platform/alerts.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { Queue } from '../platform/queue.ts';
import type { Sealer } from '../platform/sealing.ts';
import { emptyOldBodies } from './empty-old-bodies.ts';
import type { EndpointDeps } from './manage-endpoints.ts';
import type { ResolveHost } from './resolve-host.ts';
import { createWebhookSender } from './send-webhook.ts';
import { createWebhookMetrics } from './webhook-metrics.ts';
import { createWebhookWorker, type WebhookWorker } from './webhook-worker.ts';

export interface WebhooksDeps {
  clock: Clock;
  logger: Logger;
  db: Db;
  sealer: Sealer;
  queue: Queue;
  registry: Registry;
  now(): number;
  random(): number;
  /** Tells operators; never throws, is not waited for. */
  alert(alert: Alert): void;
}

export interface WebhookSettings {
  publicUrl: string;
  webhookAllowNetworks: readonly string[];
  webhookTimeoutMs: number;
}

/** What stands in for the public DNS and the public certificate authorities in tests. */
export interface WebhookSurroundings {
  resolve?: ResolveHost | undefined;
  ca?: string | undefined;
}

export interface Webhooks {
  worker: WebhookWorker;
  targetRules: EndpointDeps['targetRules'];
  /** Makes a worker look: at these endpoints, or for events that are new. Never waits and never throws. */
  nudge(endpointIds?: readonly string[]): void;
  /** Takes nudges from other processes. */
  work(): void;
  /** Empties one more batch of what is too old to keep. */
  emptyOldBodies(): Promise<number>;
  /** Takes nothing new, gives what is under way a moment to end, cuts the rest. */
  stop(): Promise<void>;
}

const lane = 'webhooks';
/** What is under way at a stop may end by itself for so long. */
const patienceMs = 8000;

export function connectWebhooks(
  deps: WebhooksDeps,
  { publicUrl, webhookAllowNetworks, webhookTimeoutMs }: WebhookSettings,
  surroundings: WebhookSurroundings = {},
): Webhooks {
  const { queue, now } = deps;
  const targetRules = { allowNetworks: webhookAllowNetworks, ownUrl: publicUrl };
  const sender = createWebhookSender({ now, timeoutMs: webhookTimeoutMs, rules: targetRules, ...surroundings });
  const metrics = createWebhookMetrics(deps.registry, deps);
  const worker = createWebhookWorker({ ...deps, sender, metrics });
  const wanted = new Set<string>();
  let isPlanned = false;

  /** What is nudged in one turn of the event loop travels together. */
  function nudge(endpointIds: readonly string[] = []): void {
    for (const id of endpointIds) wanted.add(id);
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      queue.nudge(lane, [...wanted]);
      wanted.clear();
    });
  }

  return {
    worker,
    targetRules,
    nudge,
    work: () => queue.work(lane, worker.wake),
    emptyOldBodies: () => emptyOldBodies(deps),
    async stop() {
      const cut = setTimeout(() => void sender.close(), patienceMs);
      await worker.drain().finally(() => clearTimeout(cut));
      await sender.close();
    },
  };
}
