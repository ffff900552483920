// The real MySQL (or MariaDB) and Redis that tests and benchmarks run on, wherever they can be had: what TEST_DATABASE_URL
// and TEST_REDIS_URL name, else the ones on localhost, else private servers started here (loopback, a free port, a
// folder of their own), installed from Debian's packages first where that is possible. Whatever is found may hold other
// people's data: a run makes its own database and its own key prefix, and removes these two and nothing else.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import {
  findOrInstall,
  findProgram,
  isRoot,
  type Kind,
  messageOf,
  type Say,
  type Service,
  startPrivate,
} from './private-server.ts';

export type { Service };

const run = promisify(execFile);
const oldestMysql = '8.0';
const oldestMariadb = '10.6';
const oldestRedis = '6.2';

export interface Services {
  mysql: Service;
  redis: Service;
  stop(): Promise<void>;
}

/** Why there are no services; its message is one line for people. */
export class NoServicesError extends Error {}

/** @throws NoServicesError when either cannot be had */
export async function findServices(say: Say = () => {}, env: NodeJS.ProcessEnv = process.env): Promise<Services> {
  const [sql, redis] = await Promise.allSettled([
    findService(mysqlKind, env.TEST_DATABASE_URL, say),
    findService(redisKind, env.TEST_REDIS_URL, say),
  ]);
  if (sql.status === 'fulfilled' && redis.status === 'fulfilled') {
    const stop = async () => void (await Promise.all([sql.value.stop(), redis.value.stop()]));
    return { mysql: sql.value, redis: redis.value, stop };
  }
  for (const one of [sql, redis]) if (one.status === 'fulfilled') await one.value.stop();
  const reasons = [sql, redis].flatMap((one) => (one.status === 'rejected' ? [messageOf(one.reason)] : []));
  throw new NoServicesError(reasons.join('; '));
}

/** A new, empty database on the server. `drop` removes it; it never takes a name from outside. */
export async function createDatabase(server: Service): Promise<{ url: string; name: string; drop(): Promise<void> }> {
  const name = `lango_test_${randomBytes(5).toString('hex')}`;
  await runSql(server.url, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => runSql(server.url, `DROP DATABASE IF EXISTS ${name}`) };
}

/** A key prefix of one's own. `clear` deletes the keys that begin with it, also in a hash tag (`{prefix…`). */
export function createRedisPrefix(server: Service): { prefix: string; clear(): Promise<void> } {
  const prefix = `lango_test_${randomBytes(5).toString('hex')}`;
  const clear = async (): Promise<void> => {
    const redis = connectRedis(server.url);
    try {
      await redis.connect();
      for (const pattern of [`${prefix}*`, `{${prefix}*`]) {
        for await (const keys of redis.scanStream({ match: pattern, count: 1000 })) {
          if (keys.length > 0) await redis.unlink(...(keys as string[]));
        }
      }
    } finally {
      redis.disconnect();
    }
  };
  return { prefix, clear };
}

const mysqlKind: Kind = {
  name: 'MySQL or MariaDB',
  variable: 'TEST_DATABASE_URL',
  localUrl: 'mysql://root@127.0.0.1:3306',
  packages: ['mariadb-server-core', 'mariadb-client-core'],
  programs: ['mariadbd', 'mysqld'],
  urlAt: (port) => `mysql://root@127.0.0.1:${port}`,
  async probe(url) {
    const connection = await mysql.createConnection({ uri: withoutDatabase(url), connectTimeout: 3000 });
    try {
      const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT VERSION() AS version');
      const version = String(rows[0]?.version);
      const isMariadb = /mariadb/i.test(version);
      const number = version.replace(/^5\.5\.5-/, '').replace(/-.*/, '');
      requireVersion(isMariadb ? 'MariaDB' : 'MySQL', number, isMariadb ? oldestMariadb : oldestMysql);
      return `${isMariadb ? 'MariaDB' : 'MySQL'} ${number}`;
    } finally {
      connection.destroy();
    }
  },
  async prepare(program, folder, port) {
    const data = path.join(folder, 'data');
    const { stdout: version } = await run(program, ['--no-defaults', '--version']);
    const account = isRoot ? ['--user=root'] : [];
    if (/mariadb/i.test(version)) {
      const installer = findProgram('mariadb-install-db') ?? findProgram('mysql_install_db');
      if (!installer) throw new Error('mariadb-install-db is missing');
      const options = ['--auth-root-authentication-method=normal', '--skip-test-db'];
      await run(installer, ['--no-defaults', `--datadir=${data}`, ...options, ...account]);
    } else {
      await run(program, ['--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...account]);
    }
    const files = [`--datadir=${data}`, `--socket=${folder}/sock`, `--pid-file=${folder}/pid`];
    const mysqlOnly = /mariadb/i.test(version) ? [] : ['--mysqlx=OFF'];
    return ['--no-defaults', ...files, '--bind-address=127.0.0.1', `--port=${port}`, ...mysqlOnly, ...account];
  },
};

const redisKind: Kind = {
  name: 'Redis',
  variable: 'TEST_REDIS_URL',
  localUrl: 'redis://127.0.0.1:6379',
  packages: ['redis-server'],
  programs: ['redis-server', 'valkey-server'],
  urlAt: (port) => `redis://127.0.0.1:${port}`,
  async probe(url) {
    const redis = connectRedis(url);
    let cause: Error | undefined;
    redis.on('error', (error) => {
      cause = error;
    });
    try {
      await redis.connect();
      const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '0';
      requireVersion('Redis', version, oldestRedis);
      return `Redis ${version}`;
    } catch (error) {
      throw cause ?? error;
    } finally {
      redis.disconnect();
    }
  },
  async prepare(_program, folder, port) {
    return ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  },
};

async function findService(kind: Kind, given: string | undefined, say: Say): Promise<Service> {
  const stop = async (): Promise<void> => {};
  if (given) {
    const url = kind === mysqlKind ? withoutDatabase(given) : given;
    const what = await kind.probe(url).catch((error) => {
      throw new Error(`${kind.variable} is set, but does not answer as ${kind.name} (${messageOf(error)})`);
    });
    return { url, description: `${what} (${kind.variable})`, stop };
  }
  try {
    return { url: kind.localUrl, description: `${await kind.probe(kind.localUrl)} (localhost)`, stop };
  } catch (error) {
    say(`No ${kind.name} to use on localhost (${messageOf(error)}); starting a private one.`);
  }
  return startPrivate(kind, await findOrInstall(kind, say));
}

async function runSql(url: string, sql: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: 10_000 });
  try {
    await connection.query(sql);
  } finally {
    connection.destroy();
  }
}

function connectRedis(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // the awaited call rejects as well
  return redis;
}

function withoutDatabase(url: string): string {
  const server = new URL(url);
  server.pathname = '';
  return server.href;
}

function requireVersion(name: string, version: string, oldest: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  if (!isNewEnough) throw new Error(`${name} ${version} is older than ${oldest}`);
}
