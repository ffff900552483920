// Reads what the conditions are derived from, once a second at most for each circle of readers, however many of them
// look. What is slow to know (the audit log's chain, the clocks) is looked at now and then and believed in between.

import type { AuditVerdict } from '../platform/audit-store.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { type Db, isDatabaseAway } from '../platform/database.ts';
import type { AuditChain } from './audit-chain.ts';
import { findConditions } from './conditions.ts';
import { databaseAway } from './conditions-server.ts';
import {
  listKnownShortcodes,
  listTroubledEndpoints,
  listWaiting,
  listWorkers,
  readSkewMs,
  timeDatabase,
} from './conditions-store.ts';
import type { Condition, Snapshot } from './conditions-words.ts';
import { listCriticalOpen } from './reconciliation-store.ts';
import { readLastAccepted, readPushMinutes, readShortcodeOutcomes } from './stats-store.ts';

export interface ConditionDeps {
  db: Db;
  clock: Clock;
  now(): number;
  auditChain: AuditChain;
  spoolDepth(): Promise<number>;
  /** Null where there is no Redis to have a problem with. */
  redisProblem: (() => Promise<string | null>) | null;
}

/** Whose conditions: a tenant's, or the whole server's. */
export interface Circle {
  /** Null: the whole server. */
  tenantId: string | null;
  mode: string;
  tenants: readonly { id: string; name: string }[];
}

export interface Situation {
  /** Null while the database is away. */
  snapshot: Snapshot | null;
  conditions: readonly Condition[];
}

export type ReadSituation = (circle: Circle) => Promise<Situation>;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export function createSituations(deps: ConditionDeps): ReadSituation {
  const { clock, now } = deps;
  const cached = createBriefCache(clock);
  const skew = createSkewWatch(deps);
  let awaySince: number | null = null;

  async function read(circle: Circle): Promise<Situation> {
    try {
      const snapshot = await readSnapshot(deps, circle, { audit: deps.auditChain.known(), skewMs: await skew() });
      awaySince = null;
      return { snapshot, conditions: findConditions(snapshot) };
    } catch (thrown) {
      if (!isDatabaseAway(thrown)) throw thrown;
      awaySince ??= now();
      return { snapshot: null, conditions: [databaseAway(awaySince)] };
    }
  }

  return (circle) => cached(`${circle.tenantId ?? ''} ${circle.mode}`, () => read(circle));
}

async function readSnapshot(
  deps: ConditionDeps,
  { tenantId, mode, tenants }: Circle,
  known: { audit: AuditVerdict | null; skewMs: number | null },
): Promise<Snapshot> {
  const { db, spoolDepth, redisProblem } = deps;
  const at = deps.now();
  const own = tenantId === null ? tenants : tenants.filter(({ id }) => id === tenantId);
  const ids = own.map(({ id }) => id);
  const pushes = { tenantId, mode };
  const databaseMs = await timeDatabase(db);
  const [shortcodes, waiting, taken, missed, refused, outcomes, endpoints, workers, critical, depth, redis] =
    await Promise.all([
      listKnownShortcodes(db, ids, mode),
      listWaiting(db, ids, mode, at),
      readPushMinutes(db, { ...pushes, outcomes: ['accepted'], since: at - 15 * minuteMs }),
      readPushMinutes(db, { ...pushes, outcomes: ['not_sent', 'unanswered'], since: at - hourMs }),
      readPushMinutes(db, { ...pushes, outcomes: ['refused'], since: at - 24 * hourMs }),
      readShortcodeOutcomes(db, ids, mode, at - 15 * minuteMs),
      listTroubledEndpoints(db, ids, mode),
      listWorkers(db),
      listCriticalOpen(db, ids, mode),
      // A folder that cannot be read must not take the console away when it is needed most.
      spoolDepth().catch(() => 0),
      redisProblem === null ? null : redisProblem(),
    ]);
  const recent = new Set(taken.map(({ shortcodeId }) => shortcodeId));
  const doubted = [...missed, ...refused].map(({ shortcodeId }) => shortcodeId).filter((id) => !recent.has(id));
  const lastAccepted = await readLastAccepted(db, [...new Set(doubted)]);
  for (const { shortcodeId, lastAt } of taken)
    lastAccepted.set(shortcodeId, Math.max(lastAt, lastAccepted.get(shortcodeId) ?? 0));
  return {
    now: at,
    isWhole: tenantId === null,
    tenants: new Map(own.map(({ id, name }) => [id, name])),
    shortcodes,
    waiting,
    pushes: [...taken, ...missed, ...refused],
    lastAccepted,
    outcomes,
    endpoints,
    critical,
    server: { workers, spoolDepth: depth, redisProblem: redis, databaseMs, ...known },
  };
}

const skewEveryMs = minuteMs;

/** Clocks are compared once a minute, by the system's own clock. */
function createSkewWatch({ db, now }: ConditionDeps): () => Promise<number | null> {
  let known: { at: number; skewMs: number | null } | null = null;
  return async () => {
    if (known === null || now() - known.at >= skewEveryMs)
      known = { at: now(), skewMs: await readSkewMs(db, systemClock.now) };
    return known.skewMs;
  };
}
