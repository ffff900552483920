// Gateways as real processes on the database of a gateway in this one, which lends them its tenants and its simulator
// and reads for the test what they did. Whatever is still running is killed at the end.

import { type ChildProcess, fork } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import type { Answer, CallOptions, TestGateway, TestTenant } from './build-gateway.ts';

const entry = path.join(import.meta.dirname, 'crash-server.ts');

export interface GatewayProcess {
  url: string;
  child: ChildProcess;
  output(): string;
  call(path: string, options?: CallOptions): Promise<Pick<Answer, 'status' | 'body'>>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** @param env laid over the environment that makes it one with `home` */
export async function startGatewayProcess(
  home: TestGateway,
  port: number,
  env: Record<string, string> = {},
): Promise<GatewayProcess> {
  const { databaseUrl, redisUrl, redisPrefix, dataDir, darajaUrls } = home.config;
  const child = fork(entry, [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
      REDIS_KEY_PREFIX: redisPrefix,
      MASTER_KEY: home.gateway.core.masterKeys.map((key) => key.toString('base64')).join(','),
      DARAJA_SIMULATOR_URL: darajaUrls.simulator,
      DARAJA_TIMEOUT_MS: '5000',
      RATE_LIMIT_PER_KEY: '100000;w=1',
      PUSH_RATE_PER_SHORTCODE: '100000;w=1',
      QUERY_RATE_PER_CREDENTIAL: '100000;w=1',
      ...env,
    },
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const output = (): string => Buffer.concat(chunks).toString();
  const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { url: string }));
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${output()}`)));
  });
  return {
    url,
    child,
    output,
    async call(target, { method, key, body, headers = {} } = {}) {
      const response = await fetch(url + target, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
          'Content-Type': 'application/json',
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
    async kill() {
      process.off('exit', killAtExit);
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** POST /v1/payments to a process; rejects when it dies meanwhile. */
export function payAt(
  gateway: GatewayProcess,
  tenant: TestTenant,
  phone: string,
): Promise<Pick<Answer, 'status' | 'body'>> {
  return gateway.call('/v1/payments', {
    key: tenant.key,
    body: { amount: 100, phone, reference: 'CRASH' },
    headers: { 'Idempotency-Key': `crash-${phone}` },
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Looks every 20 ms until `look` gives something; fails after `limitMs`, saying what was awaited. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  limitMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
