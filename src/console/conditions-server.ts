// Conditions of this server itself and of the way to the merchants: workers, database, Redis, the callback spool, clocks,
// the audit log, webhook endpoints. What stops payments is told to everybody; hosts, numbers and what only those can mend
// who run the server, to those who see all tenants.

import { numberText, spanText } from '../platform/render.ts';
import type { WorkerBeat } from './conditions-store.ts';
import {
  type Condition,
  type ConditionKind,
  counted,
  namesOf,
  type Snapshot,
  sumWaiting,
  waitingLine,
} from './conditions-words.ts';
import { code, type Part, say } from './payment-words.ts';

export const silentWorkerMs = 30_000;
/** One that was not replaced within so long is not coming back: what runs then is how it is. */
const mournedForMs = 3_600_000;
const slowDatabaseMs = 500;
const skewMs = 30_000;
const endpointFailingMs = 15 * 60_000;

type Given = Pick<Condition, 'title' | 'since' | 'meaning' | 'diagnosis' | 'advice'> & Partial<Condition>;

const everybody = say`Every tenant of this server`;
const noRisk = say`No. What was taken is kept; nothing is lost.`;
const system = { path: '/console/system', query: {}, words: 'See the system' };
/** For operators of one tenant, whom the system page refuses. */
const waiting = { path: '/console/payments', query: { view: 'waiting' }, words: 'See what waits' };

function condition(kind: ConditionKind, tone: Condition['tone'], given: Given): Condition {
  return {
    kind,
    tone,
    affected: everybody,
    risk: noRisk,
    link: system,
    shortcodeIds: [],
    kes: 0,
    tell: null,
    ...given,
  };
}

export function serverConditions(snapshot: Snapshot): Condition[] {
  const found = [...workers(snapshot), ...slowDatabase(snapshot), ...spool(snapshot), ...failingEndpoints(snapshot)];
  if (!snapshot.isWhole) return found;
  return [...found, ...redis(snapshot), ...audit(snapshot), ...skew(snapshot)];
}

/** While the database is away nothing else can be known. */
export function databaseAway(since: number): Condition {
  return condition('database_away', 'bad', {
    title: 'The database is not answering',
    since,
    meaning: 'Payments are refused; callbacks are kept on the disk and settled when it is back.',
    diagnosis: say`This server’s: the database is down, unreachable or has no connection left.`,
    advice: say`Look at the database and its disk first. Lango goes on by itself when it is back.`,
    // No page opens without it.
    link: null,
  });
}

function workers({ server, waiting: payments, now, isWhole }: Snapshot): Condition[] {
  const alive = server.workers.filter(({ seenAt }) => now - seenAt < silentWorkerMs);
  const silent = server.workers.filter(({ seenAt }) => now - seenAt >= silentWorkerMs);
  if (alive.length === 0) {
    const last = server.workers.map(({ seenAt }) => seenAt);
    const sums = sumWaiting(payments, null);
    return [
      condition('no_worker', 'bad', {
        title: 'No worker is running',
        since: last.length === 0 ? null : Math.max(...last),
        meaning: `Nothing is sent, asked or delivered. ${waitingLine(sums)}`,
        diagnosis: say`Ours: no process with the role ${code('worker')} has been heard of for 30 seconds.`,
        risk: say`No new one: nothing is sent. What was sent before is asked about when a worker is back.`,
        advice: say`Start a process with the role ${code('worker')}, and read the end of the log of the one that stopped.`,
        link: isWhole ? system : waiting,
        kes: sums.held.kes + sums.sent.kes,
      }),
    ];
  }
  const lost = unreplaced(server.workers, silent, now);
  if (lost.length === 0 || !isWhole) return [];
  const hosts = [...new Set(lost.map(({ host }) => host))].join(', ');
  return [
    condition('worker_lost', 'warn', {
      title: `${counted(lost.length, 'worker')} stopped answering (${hosts})`,
      since: Math.max(...lost.map(({ seenAt }) => seenAt)),
      meaning: `${counted(alive.length, 'other')} ${alive.length === 1 ? 'does' : 'do'} the work.`,
      diagnosis: say`Ours: the process ended without saying so, or its host is gone.`,
      advice: say`Start it again. Payments it was sending when it went are “not sure yet” and asked about.`,
    }),
  ];
}

/** Workers that went silent and in whose place none has begun: each that began later, silent itself or not, stands for one. */
function unreplaced(workers: readonly WorkerBeat[], silent: readonly WorkerBeat[], now: number): WorkerBeat[] {
  const successors = [...workers].sort((a, b) => a.startedAt - b.startedAt);
  return [...silent]
    .sort((a, b) => a.seenAt - b.seenAt)
    .filter(({ seenAt }) => {
      const place = successors.findIndex(({ startedAt }) => startedAt > seenAt);
      if (place >= 0) successors.splice(place, 1);
      return place < 0 && now - seenAt < mournedForMs;
    });
}

function slowDatabase({ server, isWhole }: Snapshot): Condition[] {
  if (server.databaseMs <= slowDatabaseMs) return [];
  return [
    condition('database_slow', 'warn', {
      title: `The database takes ${numberText(server.databaseMs)}\u00a0ms for an empty question`,
      since: null,
      meaning: 'Everything is slow; callbacks that take too long go to the disk first.',
      diagnosis: say`This server’s: the database or its disk is overloaded, or all connections are in use.`,
      advice: say`Look at the load of the database and its disk.`,
      link: isWhole ? system : null,
    }),
  ];
}

function redis({ server }: Snapshot): Condition[] {
  if (server.redisProblem === null) return [];
  return [
    condition('redis', 'warn', {
      title: 'Redis is not answering',
      since: null,
      meaning: 'Slower by up to a second; nothing is lost, because the database is the truth.',
      diagnosis: say`This server’s: ${server.redisProblem}`,
      advice: say`Start Redis again. Nothing has to be put back into it.`,
    }),
  ];
}

function spool({ server, isWhole }: Snapshot): Condition[] {
  if (server.spoolDepth === 0) return [];
  return [
    condition('spool', 'warn', {
      title: 'Callbacks wait on the disk',
      since: null,
      meaning: `${isWhole ? counted(server.spoolDepth, 'callback') : 'They'} came while the database did not take them, and are settled when it does.`,
      diagnosis: say`This server’s: the database was away or too slow when they came.`,
      risk: say`Their payments look unpaid until then. The callbacks themselves are safe, sealed on the disk.`,
      advice: say`Nothing, if the number falls. If it stays, look at the database, and at the folder ${code('spool')} of DATA_DIR.`,
      link: isWhole ? system : waiting,
    }),
  ];
}

function audit({ server }: Snapshot): Condition[] {
  if (server.audit === null || server.audit.isIntact) return [];
  const { brokenSeq, why } = server.audit;
  return [
    condition('audit_broken', 'bad', {
      title: `The audit log is broken at row ${numberText(brokenSeq)}`,
      since: null,
      meaning: `It says: ${why}. What stands there may not be what was done.`,
      diagnosis: say`Somebody’s with access to the database itself: Lango never changes a row of it.`,
      affected: say`Everybody who relies on who did what`,
      risk: say`It may be. Compare what operators settled by hand with M-PESA’s statements.`,
      advice: say`Keep a copy of the database as it is now, find out who had access, and compare with your newest backup.`,
      link: { path: '/console/audit', query: {}, words: 'See the audit log' },
    }),
  ];
}

/** The database's clock, and those of workers that are ahead of ours: one that is behind looks like one that is silent. */
function skew({ server, now }: Snapshot): Condition[] {
  const ahead = server.workers.filter(({ seenAt }) => seenAt - now > skewMs);
  const hosts = [...new Set(ahead.map(({ host }) => host))].join(', ');
  const offMs = Math.abs(server.skewMs ?? 0);
  let who: Part[];
  if (ahead.length > 0) who = say`The clock of ${hosts}, or this server’s own.`;
  else if (offMs > skewMs) who = say`The clock of the database’s host, or this server’s own.`;
  else return [];
  const most = Math.max(offMs, ...ahead.map(({ seenAt }) => seenAt - now));
  return [
    condition('clock_skew', 'warn', {
      title: `Clocks differ by ${spanText(most)}`,
      since: null,
      meaning: 'Leases and expiries may end too early or too late, and M-PESA refuses passwords with a wrong time.',
      diagnosis: who,
      advice: say`Set the clocks by NTP on every host.`,
    }),
  ];
}

function failingEndpoints({ endpoints, tenants, now }: Snapshot): Condition[] {
  const failing = endpoints.filter(
    ({ status, failingSince }) =>
      status === 'enabled' && failingSince !== null && failingSince <= now - endpointFailingMs,
  );
  const [first] = failing;
  if (first === undefined) return [];
  const owner = namesOf(
    tenants,
    failing.map(({ tenantId }) => tenantId),
  );
  return [
    condition('endpoint_failing', 'warn', {
      title:
        failing.length === 1
          ? `The webhook endpoint of ${owner} is failing`
          : `${failing.length} webhook endpoints are failing`,
      since: Math.min(...failing.map(({ failingSince }) => failingSince ?? now)),
      meaning: `${owner} ${failing.length === 1 ? 'does' : 'do'} not hear of payments; deliveries are tried again on the schedule.`,
      diagnosis:
        failing.length === 1
          ? say`The merchant’s: ${first.host} has failed ${counted(first.failureCount, 'time')} in a row.`
          : say`The merchants’, if the endpoints of others work; else look at this server’s way out.`,
      affected: say`${owner}`,
      risk: say`No. Payments are settled all the same; every event is kept and sent when the endpoint works.`,
      advice: say`Look at the answers in its deliveries, and tell the merchant.`,
      link: { path: '/console/webhooks', query: {}, words: 'See the webhooks' },
    }),
  ];
}
