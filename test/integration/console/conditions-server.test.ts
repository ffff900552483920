// Conditions of the server itself that no page can bring about: the audit chain, Redis, the database. Read as the strip
// reads them, from the real services.

import { expect } from 'chai';
import { createAuditChain } from '../../../src/console/audit-chain.ts';
import { findConditions } from '../../../src/console/conditions.ts';
import { createSituations, type ReadSituation } from '../../../src/console/conditions-snapshot.ts';
import type { Snapshot } from '../../../src/console/conditions-words.ts';
import { appendAudit } from '../../../src/platform/audit-store.ts';
import { type Db, inTransaction, openDatabase } from '../../../src/platform/database.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { connectRedis } from '../../../src/platform/redis.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { openCuttableProxy } from '../../support/cuttable-proxy.ts';
import { eventually } from '../../support/gateway-process.ts';

const minute = 60_000;

describe('console: conditions of the server', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  type Deps = Parameters<typeof createSituations>[0];

  function situations(other: Partial<Deps> = {}): ReadSituation {
    const { core } = app.gateway;
    const auditChain = createAuditChain({ ...core, auditKey: core.dataKeys.audit });
    const deps = { ...core, auditChain, spoolDepth: async () => 0, redisProblem: null };
    return createSituations({ ...deps, ...other });
  }

  /** Kinds and titles of what holds, a second later than what was believed. */
  async function hold(read: ReadSituation, tenantId: string | null = null): Promise<string[]> {
    const { db, now } = app.gateway.core;
    await app.clock.advance(1100);
    await createHeartbeat(db, now).beat();
    const tenants = [{ id: app.tenant.id, name: 'Duka' }];
    return (await read({ tenantId, mode: 'test', tenants })).conditions.map(({ kind, title }) => `${kind}: ${title}`);
  }

  it('the audit log was changed behind our back, until it is as it was', async () => {
    const { db, dataKeys, now } = app.gateway.core;
    const actor = { id: 'cli', name: 'test' };
    for (const action of ['key.created', 'key.revoked', 'tenant.created'])
      await inTransaction(db, (trx) =>
        appendAudit(trx, dataKeys.audit, { actor, action, tenantId: null, target: null }, now()),
      );
    const read = situations();
    expect(await hold(read)).to.deep.equal([]);
    await rewrite(db, 'nobody');
    await app.clock.advance(30 * minute);
    const broken = await eventually('a broken chain', async () => {
      const found = await hold(read);
      return found.length > 0 ? found : undefined;
    });
    expect(broken).to.deep.equal(['audit_broken: The audit log is broken at row 2']);
    expect(await hold(read, app.tenant.id), 'not the business of an operator of one tenant').to.deep.equal([]);
    await rewrite(db, 'test');
    await eventually('an intact chain', async () => ((await hold(read)).length === 0 ? true : undefined));
  });

  it('Redis is away, until it is back', async () => {
    let problem: string | null = 'connection refused';
    const read = situations({ redisProblem: async () => problem });
    expect(await hold(read)).to.deep.equal(['redis: Redis is not answering']);
    problem = null;
    expect(await hold(read)).to.deep.equal([]);
  });

  if (isProductionProfile) {
    it('the database is away and back: nothing is thrown, and it is said since when', async () => {
      const proxy = await openCuttableProxy(app.config.databaseUrl.replace('mysql:', 'http:'));
      const url = new URL(app.config.databaseUrl);
      url.port = String(proxy.port);
      const db = openDatabase(url.href, 4);
      try {
        const read = situations({ db });
        expect(await hold(read)).to.deep.equal([]);
        await proxy.cut();
        const since = app.clock.now();
        expect(await hold(read)).to.deep.equal(['database_away: The database is not answering']);
        const { conditions } = await read({ tenantId: null, mode: 'test', tenants: [] });
        expect(conditions[0]!.since).to.be.at.least(since);
        await proxy.restore();
        expect(await hold(read)).to.deep.equal([]);
      } finally {
        await db.destroy();
        await proxy.close();
      }
    });

    it('a real Redis that is cut off and restored', async () => {
      const proxy = await openCuttableProxy((app.config.redisUrl ?? '').replace('redis:', 'http:'));
      const redis = connectRedis(`redis://127.0.0.1:${proxy.port}`, silentLogger);
      try {
        const read = situations({ redisProblem: redis.problem });
        await eventually('Redis', async () => ((await hold(read)).length === 0 ? true : undefined));
        await proxy.cut();
        await eventually('its absence', async () => ((await hold(read)).length === 1 ? true : undefined));
        await proxy.restore();
        await eventually('its return', async () => ((await hold(read)).length === 0 ? true : undefined));
      } finally {
        await redis.close();
        await proxy.close();
      }
    });
  }

  it('the database is slow, or its clock differs from ours by more than 30 s', async () => {
    const { db, now } = app.gateway.core;
    await createHeartbeat(db, now).beat();
    const { snapshot } = await situations()({ tenantId: null, mode: 'test', tenants: [] });
    const kinds = (server: Partial<Snapshot['server']>): string[] =>
      findConditions({ ...snapshot!, server: { ...snapshot!.server, ...server } }).map(({ title }) => title);
    expect(kinds({})).to.deep.equal([]);
    expect(kinds({ databaseMs: 812 })).to.deep.equal(['The database takes 812\u00a0ms for an empty question']);
    expect(kinds({ databaseMs: 499 })).to.deep.equal([]);
    expect(kinds({ skewMs: -31_000 })).to.deep.equal(['Clocks differ by 31\u00a0s']);
    expect(kinds({ skewMs: 29_000 })).to.deep.equal([]);
  });

  it('everything at once is told from the worst on', async () => {
    const { snapshot } = await situations()({ tenantId: null, mode: 'test', tenants: [] });
    const server = { ...snapshot!.server, workers: [], spoolDepth: 3, redisProblem: 'away', databaseMs: 900 };
    const found = findConditions({ ...snapshot!, server: { ...server, skewMs: 60_000 } }).map(({ kind }) => kind);
    expect(found).to.deep.equal(['no_worker', 'spool', 'database_slow', 'clock_skew', 'redis']);
    const ofOneTenant = findConditions({ ...snapshot!, isWhole: false, server: { ...server, skewMs: 60_000 } });
    expect(ofOneTenant.map(({ kind, link }) => [kind, link?.path ?? null])).to.deep.equal([
      ['no_worker', '/console/payments'],
      ['spool', '/console/payments'],
      ['database_slow', null],
    ]);
  });
});

/** Changes who did what in row 2, as somebody with the database's own tools would. */
async function rewrite(db: Db, actorName: string): Promise<void> {
  await db.raw('DROP TRIGGER IF EXISTS audit_log_no_update');
  await db('audit_log').where({ seq: 2 }).update({ actor_name: actorName });
}
