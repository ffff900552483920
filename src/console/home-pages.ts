// Home: how it goes now, how the day went, what needs somebody, what was changed. Statistics tell what was, a few small
// reads what is; read once a second at most for each scope, whoever looks. An incident moves the health of shortcodes up
// and puts its five answers on top.

import type Router from '@koa/router';
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
import { type AttentionLine, attentionLines } from './home-attention.ts';
import { dayChart, hourText } from './home-chart.ts';
import { hourMs, hoursOf, paidOf, reasonsOf, weekMs, windowOf } from './home-figures.ts';
import { chartSince, incidentOf, type MinuteChart, minuteChart } from './home-incident.ts';
import { reasonRows, restWords } from './home-reasons.ts';
import { shortcodeRows } from './home-shortcodes.ts';
import { tilesOf, waitingNow } from './home-tiles.ts';
import { type Attention, readAttention, readOwn, totalsOf } from './list-attention.ts';
import type { Scope } from './scope.ts';
import { ask, type ShellDeps, showPage } from './shell-pages.ts';
import { readPushMinutesOf, readStats, type StatsCell } from './stats-store.ts';
import { circleOf } from './strip.ts';

export interface HomeDeps {
  db: Db;
  clock: Clock;
  now(): number;
  readSituation: ReadSituation;
}

export interface HomePageDeps extends ShellDeps {
  homes: Homes;
}

export function addHomePages(router: Router, deps: HomePageDeps): void {
  router.get('/console', deps.sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const home = await deps.homes.read(asked.scope);
    await showPage(deps, ctx, asked, 'home', { title: 'Home', now: deps.now(), home });
  });
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
    const { own, conditions } = await readOwn(readSituation, scope);
    const attention = await cached(`attention ${keyOf(scope)}`, () => readAttention(db, scope, own));
    return { own, conditions, attention, lines: attentionLines(attention, own, conditions, hrefsOf(scope)) };
  }

  return {
    read: (scope) => cached(`home ${keyOf(scope)}`, async () => readHome(deps, scope, await readState(scope))),
    countAttention: async (scope) => totalsOf((await readState(scope)).attention, null).count,
    readPulse: (scope) =>
      cached(`pulse ${keyOf(scope)}`, async () => {
        const { own, conditions, lines } = await readState(scope);
        const cells = await readStats(db, { ...windowFor(scope, 60, spanStart(now(), 60), 1) });
        const counts = cells.map(({ outcome, failureCode, count }) => `${outcome} ${failureCode} ${count}`).sort();
        const { held, sent } = sumWaiting(own.waiting, null);
        return JSON.stringify([
          counts,
          held,
          sent,
          conditions.map(({ title }) => title),
          lines.map((one) => one.words),
        ]);
      }),
  };
}

interface State {
  /** Of the page's scope, which may be one tenant of those the strip speaks of. */
  own: Snapshot;
  conditions: readonly Condition[];
  attention: Attention;
  lines: AttentionLine[];
}

type HrefOf = (path: string, query?: Record<string, string>) => string;

function hrefsOf(scope: Scope): HrefOf {
  return (path, query = {}) => {
    const more = new URLSearchParams(query).toString();
    return `${path}${scope.query}${more === '' ? '' : `&${more}`}`;
  };
}

function windowFor({ tenantId, mode }: Scope, minutes: 60 | 5, since: number, spans: number) {
  return { tenantId, mode, minutes, since, until: since + spans * minutes * 60_000 };
}

async function readHome(deps: HomeDeps, scope: Scope, { own, conditions, attention, lines }: State): Promise<object> {
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
      items: lines.map((line) => ({ ...line, isBad: line.tone === 'bad', isWarn: line.tone === 'warn' })),
      kes: totalsOf(attention, null).kes,
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
