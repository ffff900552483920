// What the demo plays on: a gateway with its console, a simulator and the merchant's receiver of webhooks in this process,
// with a database of their own in a fresh temporary folder. It reads nothing of the caller's environment and touches
// nothing of the caller's ./data, so it can be run anywhere, again, and twice at once.

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Core } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createOwnerLink, linkOf } from '../../src/console/manage-operators.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import { addShortcode } from '../../src/mpesa/manage-shortcodes.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { createKey, createTenant } from '../../src/tenants/manage-tenants.ts';
import { openReceiver, type Receiver } from './receiver.ts';

export interface StageOptions {
  /** How many times faster than Daraja the simulator is. */
  speed: number;
  /** Taken if they are free; 0 is any. */
  apiPort: number;
  handsetPort: number;
}

export interface Stage {
  /** Holds the database, its key and the log; removed by `close` unless told otherwise. */
  folder: string;
  logFile: string;
  apiUrl: string;
  handsetUrl: string;
  simulator: Simulator;
  receiver: Receiver;
  tenantId: string;
  tenantName: string;
  shortcode: string;
  apiKey: string;
  /** The database and the keys, for what is written into it directly. */
  core: Core;
  /** The page that makes the console's owner, and then shows test mode, in which all of the demo is. */
  makeOwnerLink(): Promise<string>;
  close(options: { keepFolder: boolean }): Promise<void>;
}

/** The paybill of Daraja's sandbox with the passkey that Safaricom publishes for it; the simulator believes any app. */
const shortcode = '174379';
const credentials = {
  consumer_key: 'demo',
  consumer_secret: 'demo',
  passkey: 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919',
};
const tenantName = 'Duka la Demo';

export async function openStage({ speed, apiPort, handsetPort }: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'lango-demo-'));
  const logFile = join(folder, 'lango.log');
  const log = createWriteStream(logFile);
  const logger = createLogger('info', log);
  // Daraja's pace, without the one query in five that it answers with an error: the demo asks once.
  const simulator = createSimulator(
    { clock: systemClock, logger, nodeEnv: 'development' },
    { pace: 'realistic', settings: { queryNoise: 0 }, speed },
  );
  const receiver = await openReceiver();
  let server: RunningServer | undefined;

  async function close({ keepFolder }: { keepFolder: boolean }): Promise<void> {
    await server?.stop();
    await simulator.close();
    await receiver.close();
    await new Promise<void>((resolve) => log.end(resolve));
    if (!keepFolder) await rm(folder, { recursive: true, force: true });
  }

  try {
    const { url: handsetUrl } = await simulator.listen(await freePort(handsetPort));
    const port = await freePort(apiPort);
    const config = readConfig({
      DATA_DIR: folder,
      PORT: String(port),
      DARAJA_SIMULATOR_URL: handsetUrl,
      // The receiver is on this machine, where webhooks go only when they are allowed to.
      WEBHOOK_ALLOW_NETWORKS: '127.0.0.0/8',
    });
    server = await startServer(config, { logger });
    const { core } = server.gateway;
    const tenant = await createTenant(core, tenantName);
    await addShortcode(
      { ...core, blindIndexKey: core.dataKeys.blindIndex },
      {
        tenantId: tenant.id,
        mode: 'test',
        kind: 'paybill',
        shortcode,
        till: null,
        environment: 'simulator',
        isDefault: true,
        credentials,
      },
    );
    const { key: apiKey } = await createKey(
      { ...core, apiKeyPepper: core.dataKeys.apiKeys },
      { tenantId: tenant.id, mode: 'test', name: 'demo', scopes: [], allowedIps: [], expiresInDays: null },
    );
    const { url: apiUrl } = server;
    const merchant = { tenantId: tenant.id, tenantName, shortcode, apiKey };
    const parts = { core, simulator, receiver, makeOwnerLink: () => makeOwnerLink(core) };
    return { folder, logFile, apiUrl, handsetUrl, ...parts, ...merchant, close };
  } catch (thrown) {
    await close({ keepFolder: false });
    throw thrown;
  }
}

async function makeOwnerLink(core: Core): Promise<string> {
  const { db, sealer, now, dataKeys, config } = core;
  const deps = { db, sealer, now, consoleKey: dataKeys.console, auditKey: dataKeys.audit };
  const token = await createOwnerLink(deps, { actor: { id: 'cli', name: 'the demo' }, ip: null });
  if (token === null) throw new Error('there is an owner already');
  return `${linkOf(config.publicUrl, token)}?next=${encodeURIComponent('/console?mode=test')}`;
}

/** `preferred` if nobody has it, else any free port of this machine. */
async function freePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? preferred;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const taken = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(taken));
    });
  });
}
