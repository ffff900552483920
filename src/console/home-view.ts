// Home, read and put together: statistics for what was, a few small reads for what is. Read once a second at most for
// each scope, whoever looks. An incident moves the health of shortcodes up and puts its five answers on top.

import { pushOutcomes, spanMinutes, spanStart } from '../payments/hourly-stats.ts';
import { type AuditRow, listAudit } from '../platform/audit-store.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import { dayText } from '../platform/render.ts';
import { showAct } from './audit-words.ts';
import type { ReadSituation } from './conditions-snapshot.ts';
import { countHeldByMinute } from './conditions-store.ts';
import { type Condition, type Snapshot, sumWaiting } from './conditions-words.ts';
import {
  type AttentionItem,
  attentionItems,
  type Doubts,
  deadForMs,
  doubtfulAfterMs,
  kesAtRisk,
} from './home-attention.ts';
import { dayChart, hourText } from './home-chart.ts';
import { hourMs, hoursOf, paidOf, reasonsOf, weekMs, windowOf } from './home-figures.ts';
import { chartSince, incidentOf, type MinuteChart, minuteChart } from './home-incident.ts';
import { reasonRows, restWords } from './home-reasons.ts';
import { shortcodeRows } from './home-shortcodes.ts';
import { listDeadDeliveries, listDoubtful } from './home-store.ts';
import { tilesOf, waitingNow } from './home-tiles.ts';
import { listAttention } from './list-attention.ts';
import type { Scope } from './scope.ts';
import { readPushMinutesOf, readStats, type StatsCell } from './stats-store.ts';
import { circleOf } from './strip.ts';

export interface HomeDeps {
  db: Db;
  clock: Clock;
  now(): number;
  readSituation: ReadSituation;
}

export interface Homes {
  /** What the page shows, as its template takes it. */
  read(scope: Scope): Promise<object>;
  /** How many things need attention. */
  countAttention(scope: Scope): Promise<number>;
  /** Differs when Home would look different. */
  readPulse(scope: Scope): Promise<string>;
}

const shownHours = 24;
const mostReasons = 8;
const mostChanges = 5;
const shortMs = spanMinutes.short * 60_000;
const shortSpans = 12;

export function createHomes(deps: HomeDeps): Homes {
  const { db, now, readSituation } = deps;
  const cached = createBriefCache(deps.clock);
  const keyOf = (scope: Scope): string => `${scope.query} ${circleOf(scope).tenantId ?? ''}`;

  async function readState(scope: Scope): Promise<State> {
    const [{ snapshot, conditions }, doubts] = await Promise.all([
      readSituation(circleOf(scope)),
      cached(`doubts ${keyOf(scope)}`, () => readDoubts(db, scope, now())),
    ]);
    if (snapshot === null) throw new Error('the database is away');
    const own = narrow(snapshot, scope.tenantId);
    return { own, conditions, items: attentionItems(doubts, own, conditions, hrefsOf(scope)) };
  }

  return {
    read: (scope) => cached(`home ${keyOf(scope)}`, async () => readHome(deps, scope, await readState(scope))),
    countAttention: (scope) =>
      cached(`attention ${keyOf(scope)}`, async () => (await listAttention(deps, scope, null)).length),
    readPulse: (scope) =>
      cached(`pulse ${keyOf(scope)}`, async () => {
        const { own, conditions, items } = await readState(scope);
        const cells = await readStats(db, { ...windowFor(scope, 60, spanStart(now(), 60), 1) });
        const counts = cells.map(({ outcome, failureCode, count }) => `${outcome} ${failureCode} ${count}`).sort();
        const { held, sent } = sumWaiting(own.waiting, null);
        return JSON.stringify([
          counts,
          held,
          sent,
          conditions.map(({ title }) => title),
          items.map((one) => one.words),
        ]);
      }),
  };
}

interface State {
  /** Of the page's scope, which may be one tenant of those the strip speaks of. */
  own: Snapshot;
  conditions: readonly Condition[];
  items: AttentionItem[];
}

type HrefOf = (path: string, query?: Record<string, string>) => string;

function hrefsOf(scope: Scope): HrefOf {
  return (path, query = {}) => {
    const more = new URLSearchParams(query).toString();
    return `${path}${scope.query}${more === '' ? '' : `&${more}`}`;
  };
}

function narrow(snapshot: Snapshot, tenantId: string | null): Snapshot {
  if (tenantId === null) return snapshot;
  const shortcodes = snapshot.shortcodes.filter((one) => one.tenantId === tenantId);
  const ids = new Set(shortcodes.map(({ id }) => id));
  const isOwn = ({ shortcodeId }: { shortcodeId: string }): boolean => ids.has(shortcodeId);
  return {
    ...snapshot,
    shortcodes,
    waiting: snapshot.waiting.filter(isOwn),
    pushes: snapshot.pushes.filter(isOwn),
    outcomes: snapshot.outcomes.filter(isOwn),
    endpoints: snapshot.endpoints.filter((one) => one.tenantId === tenantId),
    critical: snapshot.critical.filter((one) => one.tenantId === tenantId),
  };
}

async function readDoubts(db: Db, { tenantId, tenants, mode }: Scope, now: number): Promise<Doubts> {
  const ids = tenantId === null ? tenants.map(({ id }) => id) : [tenantId];
  const [doubtful, dead] = await Promise.all([
    listDoubtful(db, ids, mode, now - doubtfulAfterMs),
    listDeadDeliveries(db, ids, mode, now - deadForMs),
  ]);
  return { doubtful, dead };
}

function windowFor({ tenantId, mode }: Scope, minutes: 60 | 5, since: number, spans: number) {
  return { tenantId, mode, minutes, since, until: since + spans * minutes * 60_000 };
}

async function readHome(deps: HomeDeps, scope: Scope, { own, conditions, items }: State): Promise<object> {
  const { db } = deps;
  const { now } = own;
  const firstHour = spanStart(now, spanMinutes.hour) - (shownHours - 1) * hourMs;
  const thisSpan = spanStart(now, spanMinutes.short);
  const firstSpan = thisSpan - (shortSpans - 1) * shortMs;
  const [hours, hoursBefore, spans, spansBefore, changes, chart] = await Promise.all([
    readStats(db, windowFor(scope, 60, firstHour, shownHours)),
    readStats(db, windowFor(scope, 60, firstHour - weekMs, shownHours)),
    readStats(db, windowFor(scope, 5, firstSpan, shortSpans)),
    readStats(db, windowFor(scope, 5, firstSpan - weekMs, shortSpans)),
    listAudit(db, { tenantId: circleOf(scope).tenantId ?? scope.tenantId, limit: 4 * mostChanges }),
    readMinutes(deps, scope, conditions[0], now),
  ]);
  const passed = { since: thisSpan - weekMs, share: (now - thisSpan) / shortMs };
  const hrefOf = hrefsOf(scope);
  const reasons = reasonsOf(hours, hoursBefore);
  const reasonHref = (code: string): string =>
    hrefOf('/console/payments', { code, t: 'other', from: nairobiMinute(firstHour) });
  return {
    now,
    day: longDay(now),
    weekday: longDay(now).split(' ')[0],
    since: hourText(firstSpan),
    incident: incidentOf(conditions, chart, scope.mode, now),
    tiles: tilesOf(windowOf(spans), windowOf(spansBefore, passed), waitingNow(own.waiting), now, (query) =>
      hrefOf('/console/payments', query),
    ),
    chart: dayChart(hoursSoFar(hours, hoursBefore, spansBefore, firstHour, passed)),
    reasons: {
      rows: reasonRows(reasons.slice(0, mostReasons), reasonHref),
      rest: restWords(reasons.slice(mostReasons)),
    },
    shortcodes: { ...shortcodeRows(own, conditions, hrefOf), href: hrefOf('/console/shortcodes') },
    scopeWords: scope.tenantName === null ? 'All shortcodes.' : `All shortcodes of ${scope.tenantName}.`,
    attention: {
      items: items.map((item) => ({ ...item, isBad: item.tone === 'bad', isWarn: item.tone === 'warn' })),
      kes: kesAtRisk(items),
      href: hrefOf('/console/attention'),
    },
    changes: { rows: changeRows(changes, now), href: hrefOf('/console/audit') },
  };
}

/** The hour that is not over is held against so much of it as had passed a week ago. */
function hoursSoFar(
  cells: readonly StatsCell[],
  before: readonly StatsCell[],
  spansBefore: readonly StatsCell[],
  firstHour: number,
  passed: { since: number; share: number },
) {
  const hours = hoursOf(cells, before, firstHour, shownHours);
  const last = hours.at(-1)!;
  const soFar = spansBefore.filter(({ startsAt }) => startsAt >= last.startsAt - weekMs);
  return [...hours.slice(0, -1), { ...last, paidLastWeek: paidOf(soFar, passed) }];
}

/** The picture of an incident in which prompts fail. */
async function readMinutes(
  { db }: HomeDeps,
  { tenants, mode }: Scope,
  worst: Condition | undefined,
  now: number,
): Promise<MinuteChart | null> {
  if (worst?.kind !== 'pushes_failing') return null;
  const since = chartSince(worst.since, now);
  const [pushes, held] = await Promise.all([
    readPushMinutesOf(db, worst.shortcodeIds, since, pushOutcomes),
    countHeldByMinute(db, { tenantIds: tenants.map(({ id }) => id), mode, shortcodeIds: worst.shortcodeIds, since }),
  ]);
  return minuteChart(pushes, held, worst.since, now);
}

const nairobi = { timeZone: 'Africa/Nairobi' } as const;

/** Tuesday 6 October 2026 */
function longDay(at: number): string {
  const words = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const;
  return new Intl.DateTimeFormat('en-GB', { ...words, ...nairobi }).format(at).replace(',', '');
}

/** `2026-10-06T14:00`, as the payments list takes it. */
function nairobiMinute(at: number): string {
  return new Date(at + 3 * hourMs).toISOString().slice(0, 16);
}

function changeRows(rows: readonly AuditRow[], now: number): object[] {
  // Who came in is in the audit log; it changes nothing.
  const changes = rows.filter(({ action }) => action !== 'operator.signed_in').slice(0, mostChanges);
  return changes.map(showAct).map(({ at, words, actorName, targetHref }) => ({
    iso: new Date(at).toISOString(),
    utc: `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    time: hourText(at),
    words,
    href: targetHref,
    sub: `${dayText(at, true) === dayText(now, true) ? '' : `${dayText(at, false)}, `}by ${actorName}`,
  }));
}
