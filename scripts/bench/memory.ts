// Whether memory stays flat: a mixed load at a bounded rate (each payment is asked for, read, called back and read
// again), interrupted every few seconds to collect the garbage and look. Flat means that the last minute's median is at
// most 1.15 times the first one's.

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { callbackToken } from '../../src/mpesa/callback-token.ts';
import { askChild, type Server, startGateway } from './processes.ts';
import { median } from './report.ts';
import type { Stage } from './stage.ts';

interface Sample {
  atSeconds: number;
  rssMb: number;
  heapMb: number;
  externalMb: number;
}

export interface MemoryResult {
  seconds: number;
  payments: number;
  requests: number;
  first: { rssMb: number; heapMb: number };
  last: { rssMb: number; heapMb: number };
  /** Last over first. */
  rss_growth: number;
  heap_growth: number;
  flat: boolean;
  samples: Sample[];
  mistakes: string[];
}

const paymentsPerSecond = 100;
const warmUpSeconds = 15;
const sampleEverySeconds = 5;
const flatBelow = 1.15;
const mb = 1024 * 1024;
const probe = path.join(path.dirname(path.dirname(import.meta.dirname)), 'dist', 'scripts', 'bench', 'memory-probe.js');

export async function measureMemory(stage: Stage, seconds: number, say: (line: string) => void): Promise<MemoryResult> {
  const gateway = await startGateway({
    env: stage.env,
    logFile: path.join(stage.folder, 'memory.log'),
    nodeArgs: ['--expose-gc', '--import', probe],
    hasChannel: true,
  });
  const traffic = createTraffic(stage, gateway.url);
  const samples: Sample[] = [];
  await traffic.run(warmUpSeconds);
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  while (elapsed() < seconds) {
    await traffic.run(Math.min(sampleEverySeconds, seconds));
    samples.push(await look(gateway, elapsed()));
    const { atSeconds, rssMb, heapMb } = samples.at(-1)!;
    const line = `  ${atSeconds.toFixed(0).padStart(4)} s: RSS ${rssMb.toFixed(1)} MB, heap ${heapMb.toFixed(1)} MB after collection`;
    if (samples.length % 6 === 1) say(line);
  }
  await traffic.close();
  await gateway.stop();
  return summariseMemory(samples, seconds, traffic.counts(), traffic.mistakes);
}

async function look({ child }: Server, atSeconds: number): Promise<Sample> {
  await sleep(300);
  const { rss, heapUsed, external } = await askChild<Record<'rss' | 'heapUsed' | 'external', number>>(child, {});
  return { atSeconds, rssMb: rss / mb, heapMb: heapUsed / mb, externalMb: external / mb };
}

function summariseMemory(
  samples: Sample[],
  seconds: number,
  counts: { payments: number; requests: number },
  mistakes: string[],
): MemoryResult {
  const window = Math.min(60, seconds / 3);
  const end = samples.at(-1)!.atSeconds;
  const mid = (part: Sample[]): { rssMb: number; heapMb: number } => ({
    rssMb: Number(median(part.map(({ rssMb }) => rssMb)).toFixed(1)),
    heapMb: Number(median(part.map(({ heapMb }) => heapMb)).toFixed(1)),
  });
  const first = mid(samples.filter(({ atSeconds }) => atSeconds <= Math.max(window, samples[0]!.atSeconds)));
  const last = mid(samples.filter(({ atSeconds }) => atSeconds >= end - window));
  const rssGrowth = Number((last.rssMb / first.rssMb).toFixed(3));
  const heapGrowth = Number((last.heapMb / first.heapMb).toFixed(3));
  return {
    seconds,
    ...counts,
    first,
    last,
    rss_growth: rssGrowth,
    heap_growth: heapGrowth,
    flat: rssGrowth <= flatBelow && heapGrowth <= flatBelow,
    samples,
    mistakes: mistakes.slice(0, 5),
  };
}

/** Payments at a steady rate, each with its reads and its callback. */
function createTraffic(stage: Stage, url: string) {
  const pool = new Pool(url, { connections: 64, pipelining: 1 });
  const mistakes: string[] = [];
  let serial = 90_000_000;
  let payments = 0;
  let requests = 0;

  async function ask(
    method: 'GET' | 'POST',
    at: string,
    headers: Readonly<Record<string, string>>,
    body: unknown,
    expected: number,
  ): Promise<Record<string, unknown>> {
    const sent = body === null ? {} : { body: JSON.stringify(body) };
    const response = await pool.request({
      method,
      path: at,
      headers: { ...headers, 'Content-Type': 'application/json' },
      ...sent,
    });
    requests += 1;
    const text = await response.body.text();
    if (response.statusCode !== expected)
      throw new Error(`${method} ${at.slice(0, 20)}… answered ${response.statusCode}: ${text}`);
    return JSON.parse(text);
  }

  async function onePayment(): Promise<void> {
    serial += 1;
    const own = serial;
    const Amount = 1 + (own % 70_000);
    const { id } = await ask(
      'POST',
      '/v1/payments',
      { ...stage.headers, 'Idempotency-Key': `memory-${own}` },
      { amount: Amount, phone: `07${own}`, reference: 'MEMORY' },
      201,
    );
    await ask('GET', `/v1/payments/${id}`, stage.headers, null, 200);
    const Item = [
      { Name: 'Amount', Value: Amount },
      { Name: 'MpesaReceiptNumber', Value: `UM${own}` },
      { Name: 'PhoneNumber', Value: Number(`2547${own}`) },
    ];
    const stkCallback = {
      MerchantRequestID: `m-${own}`,
      CheckoutRequestID: `ws_CO_M_${own}`,
      ResultCode: 0,
      ResultDesc: 'ok',
      CallbackMetadata: { Item },
    };
    await ask(
      'POST',
      `/callbacks/stk/${id}/${callbackToken(stage.core.dataKeys.callbacks, String(id))}`,
      {},
      { Body: { stkCallback } },
      200,
    );
    const { status } = await ask('GET', `/v1/payments/${id}`, stage.headers, null, 200);
    if (status !== 'succeeded') throw new Error(`payment ${id} is ${status} after its callback`);
    payments += 1;
  }

  return {
    mistakes,
    counts: () => ({ payments, requests }),
    close: () => pool.close(),
    /** Sends for this long and waits for every answer. */
    async run(seconds: number): Promise<void> {
      const under: Promise<void>[] = [];
      for (let tick = 0; tick < seconds * 10; tick += 1) {
        for (let n = 0; n < paymentsPerSecond / 10; n += 1)
          under.push(onePayment().catch((thrown: Error) => void mistakes.push(thrown.message)));
        await sleep(100);
      }
      await Promise.all(under);
    },
  };
}
