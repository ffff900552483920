// How the database goes about the worker's and the API's questions when the tables are big. The gateway's own functions
// are run in a transaction that is rolled back, so what is explained is what is sent; each statement is timed on its
// second run. A plan that reads all of a big table is a mistake of the schema, whatever its time.

import type { Db } from '../../../src/platform/database.ts';
import type { Exchange } from '../../../src/webhooks/attempt.ts';
import { type Claim, claimDeliveries } from '../../../src/webhooks/claim-deliveries.ts';
import { readBacklogAcrossTenants } from '../../../src/webhooks/claim-store.ts';
import { countHeld, findMisalignedAcrossTenants, listDeliveries } from '../../../src/webhooks/delivery-store.ts';
import { fanOutEvents } from '../../../src/webhooks/fan-out-events.ts';
import { finishDeliveries } from '../../../src/webhooks/finish-deliveries.ts';
import { leaseMs, mostInFlight } from '../../../src/webhooks/policy.ts';
import { reapLeases } from '../../../src/webhooks/reap-leases.ts';
import { countReplayed } from '../../../src/webhooks/replay-store.ts';
import { findUndelivered } from '../../../src/webhooks/retention-store.ts';
import { type Access, type Judgement, judge, nameOf } from '../explain.ts';
import type { Stage } from '../stage.ts';
import { bigDeliveries, bigId, fillBigTables, someEndpoint } from './big-tables.ts';

export interface Plan extends Judgement {
  question: string;
  /** What is done to which table. */
  statement: string;
  ms: number;
}

export interface Plans {
  deliveries: number;
  seeded_seconds: number;
  plans: Plan[];
  reached: boolean;
}

interface Sent {
  sql: string;
  ms: number;
}

export async function measurePlans(stage: Stage, say: (line: string) => void): Promise<Plans> {
  const seconds = await fillBigTables(stage);
  const deliveries = await stage.count('SELECT COUNT(*) FROM deliveries');
  say(
    `  ${deliveries} deliveries seeded in ${seconds.toFixed(0)} s; * is a full scan of a big table, ~ reads many rows`,
  );
  const plans: Plan[] = [];
  for (const [question, ask] of Object.entries(asks(stage))) {
    await explain(stage, question, ask);
    const own = await explain(stage, question, ask);
    for (const { statement, ms, access, isFullScan } of own) {
      const line = `  ${isFullScan ? '*' : ' '} ${question.padEnd(26)} ${ms.toFixed(1).padStart(7)} ms  ${statement.padEnd(18)}`;
      say(`${line} ${access.join(' · ')}`);
    }
    plans.push(...own);
  }
  return {
    deliveries,
    seeded_seconds: Math.round(seconds),
    plans,
    reached: !plans.some(({ isFullScan }) => isFullScan),
  };
}

/** A function that it answers with is what is really meant; what came before made it ready. */
type Ask = (db: Db) => Promise<unknown>;

/** What the worker and the API ask, by its name. */
function asks({ core }: Stage): Record<string, Ask> {
  const { sealer } = core;
  const now = (): number => Date.now();
  const random = (): number => 0.5;
  const room = { slots: mostInFlight.perWorker, lowSlots: 30, suspectSlots: mostInFlight.allSuspects };
  const named = Array.from({ length: 20 }, (_, n) => bigId('whe', n * 10));
  const claim = (db: Db, ids: readonly string[] | null): Promise<Claim> => claimDeliveries({ db, now }, room, ids);
  const [endpointId, tenantId] = [bigId('whe', someEndpoint.number), bigId('ten', 0)];
  const cursor = { createdAt: Date.now() - 3_600_000, id: bigId('whd', bigDeliveries / 2) };
  const list = (db: Db, filter: object): Promise<unknown> =>
    listDeliveries(db, tenantId, endpointId, { limit: 20, ...filter });
  const span = { endpointId, tenantId, mode: 'test' as const, types: null, since: 0, until: Date.now() };
  return {
    'claim, everywhere': (db) => claim(db, null),
    'claim, at 20 endpoints': (db) => claim(db, named),
    'finish of a claim': async (db) => {
      const { leaseToken, deliveries } = await claim(db, null);
      const items = deliveries.map(({ delivery, endpoint }) => {
        const { id: deliveryId, tenantId, attemptCount: number } = delivery;
        const attempt = {
          deliveryId,
          tenantId,
          number,
          trigger: 'first' as const,
          startedAt: now(),
          exchange: success,
        };
        return { deliveryId, endpointId: endpoint.id, leaseToken, attempt };
      });
      return () => finishDeliveries({ db, sealer, now, random }, items);
    },
    reaper: (db) => reapLeases({ db, sealer, now: () => Date.now() + leaseMs }),
    'backlog metric': (db) => readBacklogAcrossTenants(db, now()),
    'fan-out': (db) => fanOutEvents({ db, now }),
    'keep in step': (db) => findMisalignedAcrossTenants(db, 20),
    'held of an endpoint': (db) => countHeld(db, endpointId),
    'list of deliveries': (db) => list(db, {}),
    'list, next page': (db) => list(db, { cursor }),
    'list, dead or pending': (db) => list(db, { status: ['dead', 'pending'] }),
    'list, of one event': (db) => list(db, { event: bigId('evt', someEndpoint.event) }),
    'replay, failed ones': (db) => countReplayed(db, { ...span, only: 'failed' }),
    'replay, a window of all': (db) => countReplayed(db, { ...span, only: 'all' }),
    'retention of events': (db) =>
      findUndelivered(
        db,
        Array.from({ length: 500 }, (_, n) => bigId('evt', n)),
      ),
  };
}

const success: Exchange = {
  durationMs: 5,
  statusCode: 204,
  error: null,
  detail: null,
  requestHeaders: {},
  responseHeaders: {},
  responseBody: null,
  retryAfterMs: null,
};

/** Asks in a transaction, explains in it what was sent, and takes it all back. */
async function explain({ core }: Stage, question: string, ask: Ask): Promise<Plan[]> {
  const trx = await core.db.transaction();
  try {
    const connection: Connection = await trx.client.acquireConnection();
    const sent = await record(connection, () => ask(trx));
    const plans: Plan[] = [];
    for (const { sql, ms } of sent) {
      if (!/^\s*\(?(select|update|delete)\b/i.test(sql)) continue;
      const [rows] = await connection.promise().query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`);
      plans.push({ question, statement: nameOf(sql), ms: Number(ms.toFixed(1)), ...judge(rows as Access[]) });
    }
    return plans;
  } finally {
    await trx.rollback();
  }
}

interface Connection {
  query: (...args: unknown[]) => unknown;
  format(sql: string, values: unknown): string;
  promise(): { query(sql: string): Promise<[unknown, unknown]> };
}

/** What goes over the transaction's connection, also past knex. */
async function record(connection: Connection, work: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const { query } = connection;
  connection.query = (...args) => {
    const [first, values] = args;
    const done = args.at(-1) as (...results: unknown[]) => void;
    const startedAt = performance.now();
    const text = typeof first === 'string' ? first : (first as { sql: string }).sql;
    return query.call(connection, ...args.slice(0, -1), (...results: unknown[]) => {
      const sql = Array.isArray(values) ? connection.format(text, values) : text;
      sent.push({ sql, ms: performance.now() - startedAt });
      done(...results);
    });
  };
  try {
    const meant = await work();
    if (typeof meant === 'function') {
      sent.length = 0;
      await meant();
    }
  } finally {
    connection.query = query;
  }
  return sent;
}
