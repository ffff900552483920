// What a run happens on: a database and a Redis prefix of its own, one tenant with one shortcode and one key, and a
// folder for logs and lists. Everything is removed when the run ends, also by Ctrl-C.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { type Core, composeCore } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { addShortcode } from '../../src/mpesa/manage-shortcodes.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createKey, createTenant } from '../../src/tenants/manage-tenants.ts';
import { createDatabase, createRedisPrefix, type Services } from '../../test/support/services.ts';

/** Is told how to remove a thing as soon as it exists. */
export type Undo = (step: () => Promise<void> | void) => void;

export interface Stage {
  core: Core;
  /** The gateway's environment. */
  env: Readonly<Record<string, string>>;
  folder: string;
  tenantId: string;
  shortcodeId: string;
  /** Headers of an authenticated request. */
  headers: Readonly<Record<string, string>>;
  /** One number from SQL. */
  count(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Runs SQL on a connection of the bench's own. */
  query<T = unknown>(sql: string, values?: readonly unknown[]): Promise<T>;
  /** Writes a list for the load generator; its path. */
  writeList(name: string, list: readonly unknown[]): string;
}

export const shortcode = '600997';

export async function openStage(services: Services, undo: Undo): Promise<Stage> {
  const database = await createDatabase(services.mysql);
  undo(() => database.drop());
  const redis = createRedisPrefix(services.redis);
  undo(() => redis.clear());
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lango-bench-'));
  undo(() => rmSync(folder, { recursive: true, force: true }));
  const env = gatewayEnv(database.url, services.redis.url, redis.prefix, folder);
  const core = await composeCore(readConfig(env), { logger: createLogger('silent') });
  undo(() => core.close());
  const connection = await mysql.createConnection(database.url);
  undo(() => connection.end());
  const { tenantId, shortcodeId } = await addTenant(core, 'Bench');
  const { key } = await createKey(
    { ...core, apiKeyPepper: core.dataKeys.apiKeys },
    { tenantId, mode: 'test', name: 'bench', scopes: [], allowedIps: [], expiresInDays: null },
  );
  async function query<T>(sql: string, values: readonly unknown[] = []): Promise<T> {
    const [rows] = await connection.query(sql, [...values]);
    return rows as T;
  }
  return {
    core,
    env,
    folder,
    tenantId,
    shortcodeId,
    headers: { Authorization: `Bearer ${key}` },
    query,
    async count(sql, values) {
      const [row] = await query<object[]>(sql, values);
      return Number(Object.values(row ?? {})[0]);
    },
    writeList(name, list) {
      const file = path.join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(list));
      return file;
    },
  };
}

export interface Owner {
  tenantId: string;
  shortcodeId: string;
}

/** A tenant with its shortcode. */
export async function addTenant(core: Core, name: string): Promise<Owner> {
  const { id: tenantId } = await createTenant(core, name);
  const credentials = { consumer_key: 'bench', consumer_secret: 'bench', passkey: 'bench' };
  const added = await addShortcode(
    { ...core, blindIndexKey: core.dataKeys.blindIndex },
    {
      tenantId,
      mode: 'test',
      kind: 'paybill',
      shortcode,
      till: null,
      environment: 'simulator',
      isDefault: true,
      credentials,
    },
  );
  return { tenantId, shortcodeId: added.id };
}

/** As in production, with limits that one key alone would hit set aside. No worker: nothing is sent anywhere. */
function gatewayEnv(
  databaseUrl: string,
  redisUrl: string,
  redisPrefix: string,
  folder: string,
): Record<string, string> {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    REDIS_KEY_PREFIX: redisPrefix,
    AUTO_MIGRATE: 'true',
    DATA_DIR: folder,
    MASTER_KEY: randomBytes(32).toString('base64'),
    PUBLIC_URL: 'https://bench.example',
    CALLBACK_ALLOWED_IPS: '127.0.0.1',
    ROLES: 'api',
    LOG_LEVEL: 'info',
    RATE_LIMIT_PER_KEY: '9999999;w=1',
  };
}
