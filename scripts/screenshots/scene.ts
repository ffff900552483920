// What is photographed: a gateway and a simulator in this process on a clock that stands still, with a past of eight days
// and a few payments of the present that are really asked for over the API. The incident is real, too: the simulator
// answers pushes as Daraja does on a bad day, and everything on the pages follows from that. The clock is moved by hand,
// so minutes cost moments and the pictures show the same day every time.

import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Core } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createOwnerLink, linkOf } from '../../src/console/manage-operators.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { createManualClock, type ManualClock } from '../../test/support/manual-clock.ts';
import { type Chance, createChance } from '../demo/seed/chance.ts';
import type { PastMerchant } from '../demo/seed/past-merchants.ts';
import { type Progress, seedPast } from '../demo/seed/seed-past.ts';

export interface Scene {
  url: string;
  core: Core;
  /** The page that makes the console's owner. */
  ownerLink: string;
  /** Customers who are at their prompts at this moment. */
  bringCustomers(): Promise<void>;
  /** Safaricom answers one merchant's pushes no more, for some minutes. */
  breakSafaricom(): Promise<void>;
  close(): Promise<void>;
}

/** Tuesday 6 October 2026, 14:26 in Nairobi. */
const begin = Date.UTC(2026, 9, 6, 11, 26, 12);
const payments = 20_000;
const second = 1000;
/** Between two looks at whether the gateway has come to rest. */
const lookEveryMs = 5;
const patienceMs = 20_000;
const brokenForSeconds = 8 * 60;

export async function openScene(onProgress: (progress: Progress) => void): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'lango-screenshots-'));
  const clock = createManualClock(begin);
  const logger = createLogger('silent');
  const simulator = createSimulator({ clock, logger, nodeEnv: 'development' }, { seed: 1 });
  let server: RunningServer | undefined;

  async function close(): Promise<void> {
    await server?.stop();
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    const { url: darajaUrl } = await simulator.listen(0);
    const config = readConfig({
      DATA_DIR: folder,
      PORT: String(await freePort()),
      DARAJA_PRODUCTION_URL: darajaUrl,
      CALLBACK_ALLOWED_IPS: '127.0.0.1',
    });
    // Nobody is to be reached from here: names lead nowhere.
    const webhooks = {
      resolve: () => Promise.reject(Object.assign(new Error('no names here'), { code: 'ENOTFOUND' })),
    };
    server = await startServer(config, { clock, logger, random: () => 0.5, webhooks });
    const { core } = server.gateway;
    const endpointUrl = (name: string): string => `https://${name}.example.co.ke/lango`;
    const { merchants } = await seedPast(core, { payments, mode: 'live', endpointUrl, onProgress });
    const { db, sealer, now, dataKeys } = core;
    const deps = { db, sealer, now, consoleKey: dataKeys.console, auditKey: dataKeys.audit };
    const token = await createOwnerLink(deps, { actor: { id: 'cli', name: 'first start' }, ip: null });
    const stage = { server, simulator, clock, merchants, chance: createChance(7) };
    return {
      url: server.url,
      core,
      ownerLink: linkOf(server.url, token!),
      bringCustomers: () => bringCustomers(stage),
      breakSafaricom: () => breakSafaricom(stage),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

interface Stage {
  server: RunningServer;
  simulator: Simulator;
  clock: ManualClock;
  merchants: readonly PastMerchant[];
  chance: Chance;
}

let customers = 0;

/**
 * A customer is asked for money over the API, as a merchant's app does; the push is answered when this returns.
 * @param result what comes of it some seconds later; null: the customer does nothing; `broken`: the push is not answered
 */
async function askOne(stage: Stage, merchant: PastMerchant, result: string | 'broken' | null): Promise<void> {
  customers += 1;
  const { amountKes: amount, reference } = merchant.order(stage.chance);
  const phone = `25470012${String(customers).padStart(4, '0')}`;
  const { control } = stage.simulator;
  if (result === 'broken') control.setFault({ group: 'push', fault: 'http_500_not_taken', reach: 'all', phone });
  else if (result !== null) control.setOutcome({ phone, code: result, afterMs: stage.chance.between(7, 16) * second });
  const response = await fetch(`${stage.server.url}/v1/payments`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${merchant.apiKey}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': `customer-${customers}`,
    },
    body: JSON.stringify({ amount, phone, reference }),
  });
  if (response.status !== 201) throw new Error(`a payment was answered ${response.status}: ${await response.text()}`);
  await rest(stage);
}

/** Until no worker is at anything and nothing is on its way from the simulator. */
async function rest({ server, simulator }: Stage): Promise<void> {
  const deadline = performance.now() + patienceMs;
  let quiet = 0;
  while (quiet < 3) {
    if (performance.now() > deadline) throw new Error('the gateway does not come to rest');
    await sleep(lookEveryMs);
    await simulator.control.callbacksDone();
    quiet = server.gateway.worker.inFlight() === 0 ? quiet + 1 : 0;
  }
}

/** In steps of a second, so that everything that repeats gets its turn. */
async function pass(stage: Stage, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 1) {
    await stage.clock.advance(second);
    await rest(stage);
  }
}

/** A minute and a half as any other; the last ones are at their prompts. */
async function bringCustomers(stage: Stage): Promise<void> {
  const { merchants, chance } = stage;
  for (let number = 0; number < 14; number += 1) {
    await askOne(stage, chance.pick(merchants), number < 10 ? someResult(chance) : null);
    await pass(stage, chance.between(4, 9));
  }
}

/** The others go on as they did. */
async function breakSafaricom(stage: Stage): Promise<void> {
  const { merchants, chance } = stage;
  const [struck, ...others] = merchants;
  for (let passed = 0; passed < brokenForSeconds; ) {
    await askOne(stage, struck!, 'broken');
    const pause = chance.between(6, 14);
    await pass(stage, pause);
    await askOne(stage, chance.pick(others), someResult(chance));
    await pass(stage, pause);
    passed += 2 * pause;
  }
}

const someResult = (chance: Chance): string => chance.pick(['0', '0', '0', '0', '0', '0', '0', '0', '1032', '1']);

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
