// A tenant whose receiver takes every connection and never answers, with a backlog far larger than it will ever take,
// and a server with real timers beside it. The receiver counts what is on its way to it at every moment, which is how a
// test knows that the limits hold from outside. And how an engine would run a statement, so that none reads a backlog.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import type { Db } from '../../src/platform/database.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { isProductionProfile, type TestGateway } from './build-gateway.ts';

/** What was on its way when a request came, itself included. */
export interface Arrival {
  path: string;
  onPath: number;
  inAll: number;
  /** The path timed out so long ago that all that was sent before has ended, too. */
  isSuspect: boolean;
}

export interface HangingReceiver {
  url: string;
  arrivals: Arrival[];
  close(): Promise<void>;
}

/**
 * @param timeoutMs the sender's. What is as old is not on its way any more, though this process may not have heard of its
 *   end, or have heard late of its beginning: half of it is certain.
 */
export async function startHangingReceiver(timeoutMs: number): Promise<HangingReceiver> {
  const arrivals: Arrival[] = [];
  const open = new Set<{ path: string; since: number }>();
  const firstEnd = new Map<string, number>();
  const server = createServer((request, response) => {
    const one = { path: request.url ?? '', since: performance.now() };
    open.add(one);
    const onTheirWay = [...open].filter(({ since }) => one.since - since < timeoutMs / 2);
    arrivals.push({
      path: one.path,
      onPath: onTheirWay.filter(({ path }) => path === one.path).length,
      inAll: onTheirWay.length,
      isSuspect: one.since - (firstEnd.get(one.path) ?? one.since) > timeoutMs,
    });
    request.resume();
    response.on('close', () => {
      if (!firstEnd.has(one.path)) firstEnd.set(one.path, performance.now());
      open.delete(one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Makes each event of a tenant a delivery at each of these endpoints, due now: one statement an endpoint. */
export async function insertBacklog(db: Db, tenantId: string, endpointIds: readonly string[]): Promise<void> {
  const dueAt = Date.now();
  await db('events').where({ tenant_id: tenantId }).update({ fanned_out_at: dueAt });
  for (const [index, endpointId] of endpointIds.entries()) {
    // The ids of events with another prefix and a digit that says which endpoint.
    const id = isProductionProfile ? `concat('whd_', ${index}, substr(id, 6))` : `'whd_' || ${index} || substr(id, 6)`;
    const columns = 'id, event_id, endpoint_id, tenant_id, mode, type, status, lane, next_trigger, step, attempt_count';
    await db.raw(
      `insert into deliveries (${columns}, due_at, created_at)
       select ${id}, id, ?, tenant_id, mode, type, 'pending', 0, 'first', 0, 0, ?, created_at
       from events where tenant_id = ?`,
      [endpointId, dueAt, tenantId],
    );
  }
  // SQLite writes so much back to its file at the next commit, with the whole process: that is not what is measured.
  if (!isProductionProfile) await db.raw('pragma wal_checkpoint(truncate)');
}

/** A whole server on the database of `home`, with the real clock and timers; `home` must do no work beside it. */
export async function startRealServer(home: TestGateway, env: Record<string, string>): Promise<RunningServer> {
  const { databaseUrl, redisUrl, redisPrefix, darajaUrls } = home.config;
  const dataDir = mkdtempSync(join(tmpdir(), 'real-server-'));
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    REDIS_KEY_PREFIX: redisPrefix,
    MASTER_KEY: home.gateway.core.masterKeys.map((key) => key.toString('base64')).join(','),
    DARAJA_SIMULATOR_URL: darajaUrls.simulator,
    WEBHOOK_ALLOW_NETWORKS: '127.0.0.0/8',
    ...env,
  });
  const server = await startServer(config, { logger: silentLogger });
  return {
    ...server,
    async stop() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Step {
  table: string;
  /** How the engine gets at the rows of the table, in its own words. */
  access: string;
  isFullScan: boolean;
}

/** How the engine would run a statement. */
export async function explain(db: Db, sql: string, bindings: readonly unknown[]): Promise<Step[]> {
  const prefix = isProductionProfile ? 'explain' : 'explain query plan';
  const result = await db.raw(`${prefix} ${sql}`, bindings as never);
  const rows: Record<string, string | number | null>[] = isProductionProfile ? result[0] : result;
  return rows.map((row) => {
    if (isProductionProfile)
      return {
        table: String(row.table),
        access: `${row.type} on ${row.key}, ${row.rows} rows`,
        isFullScan: row.type === 'ALL' || row.type === 'index',
      };
    const access = String(row.detail);
    return { table: /^(?:SCAN|SEARCH) (\S+)/.exec(access)?.[1] ?? '', access, isFullScan: access.startsWith('SCAN') };
  });
}

/** How many rows and index entries MySQL reads for a query; `db` has one connection. Its own counting adds some dozens. */
export async function countReads(db: Db, sql: string, bindings: readonly unknown[]): Promise<number> {
  const read = async (): Promise<number> => {
    const [rows] = await db.raw("show session status like 'Handler_read%'");
    return rows.reduce((sum: number, { Value }: { Value: string }) => sum + Number(Value), 0);
  };
  const before = await read();
  await db.raw(sql, bindings as never);
  return (await read()) - before;
}
