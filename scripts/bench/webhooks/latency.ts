// How long a merchant waits for news: payments are settled by their callbacks at a steady hundred a second, through the
// gateway's own route, and each event goes to two endpoints. From the event's own time to the receiver's clock, which
// are clocks of one machine.

import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { seedCallbacks } from '../seed.ts';
import { endpointsPerTenant, type Setting, tenantCount } from './setting.ts';
import { waitForAll } from './throughput.ts';

export interface Latency {
  seconds: number;
  events: number;
  deliveries: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
  /** From the moment Safaricom had its answer; it may be negative. */
  after_answer_p50_ms: number;
  reached: boolean;
  mistakes: string[];
}

export const latencyTargets = { p50_ms: 50, p95_ms: 250, p99_ms: 1000 } as const;
const eventsPerSecond = 100;
const warmUpSeconds = 5;
const patienceMs = 60_000;

type Callback = [path: string, body: string];

export async function measureLatency(setting: Setting, seconds: number): Promise<Latency> {
  const { stage, receiver } = setting;
  const warmUp = warmUpSeconds * eventsPerSecond;
  const callbacks = await seedForAll(setting, warmUp + seconds * eventsPerSecond);
  const server = await setting.startServer('api,worker');
  const pool = new Pool(server.url, { connections: 32, pipelining: 1 });
  const mistakes: string[] = [];
  await postSteadily(pool, callbacks.slice(0, warmUp), mistakes);
  await sleep(1000);
  await receiver.reset();
  const since = Date.now();
  const answeredAt = await postSteadily(pool, callbacks.slice(warmUp), mistakes);
  const expected = answeredAt.size * endpointsPerTenant;
  if (!(await waitForAll(setting, expected, performance.now() + patienceMs)))
    mistakes.push('a minute after the last event not everything was delivered');
  const events = await stage.query<{ id: string; object_id: string; created_at: number }[]>(
    "SELECT id, object_id, created_at FROM events WHERE created_at >= ? AND type = 'payment.succeeded'",
    [since],
  );
  const byId = new Map(events.map((event) => [event.id, event]));
  const arrivals = (await receiver.arrivals()).flatMap(([eventId, , at]) => {
    const event = byId.get(eventId);
    return event === undefined ? [] : [{ at, event }];
  });
  if (events.length !== answeredAt.size || arrivals.length !== expected)
    mistakes.push(`${answeredAt.size} callbacks, ${events.length} events, ${arrivals.length} of ${expected} arrived`);
  await pool.close();
  await server.stop();
  const waits = sorted(arrivals.map(({ at, event }) => at - event.created_at));
  const afterAnswer = sorted(arrivals.map(({ at, event }) => at - (answeredAt.get(event.object_id) ?? at)));
  const quantiles = { p50_ms: quantile(waits, 0.5), p95_ms: quantile(waits, 0.95), p99_ms: quantile(waits, 0.99) };
  return {
    seconds,
    events: events.length,
    deliveries: arrivals.length,
    ...quantiles,
    max_ms: waits.at(-1) ?? Number.NaN,
    after_answer_p50_ms: Math.round(quantile(afterAnswer, 0.5)),
    reached: (['p50_ms', 'p95_ms', 'p99_ms'] as const).every((name) => quantiles[name] <= latencyTargets[name]),
    mistakes: mistakes.slice(0, 5),
  };
}

/** Payments of all tenants in turn. */
async function seedForAll({ stage, tenants }: Setting, count: number): Promise<Callback[]> {
  const each = Math.ceil(count / tenantCount);
  const lists: Callback[][] = [];
  for (const [n, tenant] of tenants.entries()) lists.push(await seedCallbacks({ ...stage, ...tenant }, n * each, each));
  return Array.from({ length: count }, (_, index) => lists[index % tenantCount]![Math.floor(index / tenantCount)]!);
}

/** When each payment's callback was answered, by its id. */
async function postSteadily(
  pool: Pool,
  callbacks: readonly Callback[],
  mistakes: string[],
): Promise<Map<string, number>> {
  const answeredAt = new Map<string, number>();
  async function post([path, body]: Callback): Promise<void> {
    const response = await pool.request({
      method: 'POST',
      path,
      body,
      headers: { 'content-type': 'application/json' },
    });
    await response.body.dump();
    if (response.statusCode === 200) answeredAt.set(path.split('/')[3]!, Date.now());
    else mistakes.push(`a callback was answered ${response.statusCode}`);
  }
  const under: Promise<void>[] = [];
  const startedAt = performance.now();
  for (const [index, callback] of callbacks.entries()) {
    const early = startedAt + (index * 1000) / eventsPerSecond - performance.now();
    if (early > 0) await sleep(early);
    under.push(post(callback).catch((thrown: Error) => void mistakes.push(thrown.message)));
  }
  await Promise.all(under);
  return answeredAt;
}

const sorted = (values: number[]): number[] => values.sort((left, right) => left - right);

function quantile(values: readonly number[], share: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
}
