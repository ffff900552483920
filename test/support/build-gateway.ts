// A real gateway for tests: its own database (a SQLite file, or a MySQL database beside the run's own), its own Redis
// prefix, real HTTP on a free port, and a simulator that shares its clock. Nothing runs by itself: a test moves the
// clock and drives the sweep, so nothing is slept and nothing races.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { composeGateway, type Gateway } from '../../src/compose.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { addShortcode } from '../../src/mpesa/manage-shortcodes.ts';
import { type Logger, silentLogger } from '../../src/platform/logger.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { createKey, createTenant } from '../../src/tenants/manage-tenants.ts';
import type { WebhookSurroundings } from '../../src/webhooks/connect-webhooks.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';

export const sandboxPasskey = 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919';
export const isProductionProfile = process.env.TEST_PROFILE === 'production';

export interface TestTenant {
  id: string;
  key: string;
  keyId: string;
  shortcodeId: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  text: string;
}

export interface CallOptions {
  method?: string;
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestGateway {
  gateway: Gateway;
  clock: ManualClock;
  simulator: Simulator;
  config: Config;
  url: string;
  /** The tenant every gateway starts with. */
  tenant: TestTenant;
  addTenant(options?: { mode?: 'test' | 'live'; scopes?: string[]; shortcode?: string }): Promise<TestTenant>;
  /** Calls this gateway; `body` is sent as JSON unless it is a text. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** POST /v1/payments with usual values, a fresh phone and a fresh Idempotency-Key. */
  pay(body?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  /** GET until `isEnough`, while the sweep runs; throws after fifteen real seconds, saying what it saw last. */
  until(paymentId: string, isEnough: string | ((payment: Answer['body']) => boolean)): Promise<Answer['body']>;
  /** Moves the clock, then works off what became due and lets callbacks arrive. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface BuildOptions {
  /** Laid over the environment the gateway reads. */
  env?: Record<string, string>;
  logger?: Logger;
  /** What stands in for DNS and the certificate authorities. */
  webhooks?: WebhookSurroundings;
  /** Another gateway whose database, Redis, clock and simulator this one shares. */
  beside?: TestGateway;
}

export async function buildGateway(options: BuildOptions = {}): Promise<TestGateway> {
  const { beside } = options;
  const clock = beside?.clock ?? createManualClock();
  const simulator = beside?.simulator ?? createSimulator({ clock, logger: silentLogger, nodeEnv: 'test' });
  const simulatorUrl = beside?.config.darajaUrls.simulator ?? (await simulator.listen(0)).url;
  const home = await makeHome(beside);
  let handler: RequestListener = (_request, response) => response.writeHead(503).end();
  const server = createServer((request, response) => handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = readConfig({
    NODE_ENV: 'test',
    AUTO_MIGRATE: 'true',
    RATE_LIMIT_PER_KEY: '100000;w=1',
    PUSH_RATE_PER_SHORTCODE: '100000;w=1',
    QUERY_RATE_PER_CREDENTIAL: '100000;w=1',
    PUBLIC_URL: url,
    WEBHOOK_ALLOW_NETWORKS: '127.0.0.0/8',
    DARAJA_SIMULATOR_URL: simulatorUrl,
    ...home.env,
    ...options.env,
  });
  const gateway = await composeGateway(config, {
    clock,
    logger: options.logger ?? silentLogger,
    random: () => 0.5,
    hasTimers: false,
    ...(options.webhooks === undefined ? {} : { webhooks: options.webhooks }),
  });
  handler = gateway.app.callback();
  await gateway.start();
  const { addTenant, ...calls } = toolsOf({ gateway, clock, simulator, url });
  const tenant = beside?.tenant ?? (await addTenant());
  return {
    gateway,
    clock,
    simulator,
    config,
    url,
    tenant,
    addTenant,
    ...bindTenant(calls, tenant),
    async close() {
      await gateway.stopWorking();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gateway.close();
      if (beside === undefined) await simulator.close();
      await home.remove();
    },
  };
}

let homes = 0;

/** Where a gateway keeps its data: shared with the one it stands beside, else its own. */
async function makeHome(
  beside: TestGateway | undefined,
): Promise<{ env: Record<string, string>; remove(): Promise<void> }> {
  const base = process.env.TEST_DATA_DIR ?? tmpdir();
  mkdirSync(base, { recursive: true });
  const dataDir = mkdtempSync(join(base, 'gateway-'));
  const removeFolder = (): void => rmSync(dataDir, { recursive: true, force: true });
  if (beside !== undefined) {
    const { databaseUrl, redisUrl, redisPrefix } = beside.config;
    const masterKey = beside.gateway.core.masterKeys.map((key) => key.toString('base64')).join(',');
    const env = {
      DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      MASTER_KEY: masterKey,
      REDIS_KEY_PREFIX: redisPrefix,
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    };
    return { env, remove: async () => removeFolder() };
  }
  if (!isProductionProfile)
    return {
      env: { DATA_DIR: dataDir, DATABASE_URL: `sqlite:${join(dataDir, 'lango.db')}` },
      remove: async () => removeFolder(),
    };
  homes += 1;
  const own = await makeMysqlDatabase(`${process.pid}_${homes}`);
  const env = {
    DATA_DIR: dataDir,
    DATABASE_URL: own.url,
    REDIS_URL: process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379',
    REDIS_KEY_PREFIX: `${process.env.TEST_REDIS_PREFIX ?? 'lango_test'}:${process.pid}:${homes}:${randomBytes(3).toString('hex')}`,
  };
  return {
    env,
    async remove() {
      removeFolder();
      await own.drop();
    },
  };
}

/** A database beside the run's own, whose name begins with it, so that the runner can clear what a crash left. */
async function makeMysqlDatabase(suffix: string): Promise<{ url: string; drop(): Promise<void> }> {
  const runUrl = new URL(process.env.TEST_DATABASE_URL ?? 'mysql://root@127.0.0.1:3306/lango_test');
  const name = `${runUrl.pathname.slice(1)}_${suffix}`;
  const run = async (sql: string): Promise<void> => {
    const connection = await mysql.createConnection({
      host: runUrl.hostname,
      port: Number(runUrl.port || 3306),
      user: decodeURIComponent(runUrl.username),
      password: decodeURIComponent(runUrl.password),
    });
    await connection.query(sql).finally(() => connection.end());
  };
  await run(`CREATE DATABASE \`${name}\``);
  const url = new URL(runUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`DROP DATABASE \`${name}\``) };
}

type Calls = Pick<TestGateway, 'call' | 'pay' | 'until' | 'advance'>;

/** Without a key of their own, calls are the gateway's first tenant's. */
function bindTenant(calls: Calls, tenant: TestTenant): Calls {
  const withKey = (options: CallOptions = {}): CallOptions => ({ key: tenant.key, ...options });
  return {
    ...calls,
    call: (path, options) => calls.call(path, withKey(options)),
    pay: (body, options) => calls.pay(body, withKey(options)),
    async until(paymentId, isEnough) {
      const wanted = typeof isEnough === 'string' ? (payment: Answer['body']) => payment.status === isEnough : isEnough;
      const deadline = Date.now() + 15_000;
      for (;;) {
        const { body } = await calls.call(`/v1/payments/${paymentId}`, { key: tenant.key });
        if (wanted(body)) return body;
        if (Date.now() > deadline) throw new Error(`the payment did not get there; last seen: ${JSON.stringify(body)}`);
        await calls.advance(0);
      }
    },
  };
}

function toolsOf({
  gateway,
  clock,
  simulator,
  url,
}: Pick<TestGateway, 'gateway' | 'clock' | 'simulator' | 'url'>): Calls & Pick<TestGateway, 'addTenant'> {
  async function call(path: string, { method, key, body, headers = {} }: CallOptions = {}): Promise<Answer> {
    const response = await fetch(url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(key === undefined || key === '' ? {} : { Authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
      text,
    };
  }

  return {
    call,
    pay(body = {}, options = {}) {
      const payment = { amount: 100, phone: freshPhone(), reference: 'INV-1', ...body };
      const headers = { 'Idempotency-Key': randomBytes(8).toString('hex'), ...options.headers };
      return call('/v1/payments', { ...options, body: payment, headers });
    },
    until: () => Promise.reject(new Error('bound to a tenant below')),
    async advance(ms) {
      await clock.advance(ms);
      await gateway.worker.sweep();
      await clock.advance(0);
      await simulator.control.callbacksDone();
      await gateway.webhooks.sweep();
    },
    async addTenant({ mode = 'test', scopes = [], shortcode = '174379' } = {}) {
      const { core } = gateway;
      const { id } = await createTenant(core, 'Duka la Majaribio');
      const credentials = {
        consumer_key: `key-${randomBytes(6).readUIntBE(0, 6)}`,
        consumer_secret: 'secret',
        passkey: sandboxPasskey,
      };
      const { id: shortcodeId } = await addShortcode(
        { ...core, blindIndexKey: core.dataKeys.blindIndex },
        {
          tenantId: id,
          mode,
          kind: 'paybill',
          shortcode,
          till: null,
          environment: mode === 'live' ? 'production' : 'simulator',
          isDefault: false,
          credentials,
        },
      );
      const made = await createKey(
        { ...core, apiKeyPepper: core.dataKeys.apiKeys },
        { tenantId: id, mode, name: 'test', scopes, allowedIps: [], expiresInDays: null },
      );
      return { id, key: made.key, keyId: made.id, shortcodeId };
    },
  };
}

let phones = Math.floor(Math.random() * 1_000_000);

/** A number no other payment of this run uses and that has no scenario of its own in the simulator. */
export function freshPhone(): string {
  phones = (phones + 1) % 1_000_000;
  return `25472${String(phones).padStart(7, '0')}`;
}
