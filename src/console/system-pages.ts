// System: whether this server does its work and is set up right. Queues, workers, the callback spool, versions,
// migrations, and the checks of `lango doctor` that ask nothing of Safaricom. For operators of all tenants only.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Check } from '../platform/check-report.ts';
import { listMigrations, pendingMigrations } from '../platform/migrate.ts';
import type { Queue } from '../platform/queue.ts';
import { spanText } from '../platform/render.ts';
import { version } from '../platform/version.ts';
import { listWorkers, type WorkerSeen } from '../platform/worker-store.ts';
import { onlyForAllTenants } from './form-pages.ts';
import { ask, type ShellDeps, showPage } from './shell-pages.ts';
import type { Word } from './status-words.ts';
import { checkSystem, type SystemCheckDeps } from './system-checks.ts';
import { listWaitingWorkAcrossTenants } from './system-store.ts';

export interface SystemPageDeps extends ShellDeps, SystemCheckDeps {
  publicUrl: string;
  queue: Pick<Queue, 'depths'>;
  /** Callbacks that wait on this process's disk. */
  spoolDepth(): Promise<number>;
  startedAt: number;
}

const deadAfterMs = 30_000;

const checkWords: Readonly<Record<Check['status'], Word>> = {
  ok: { word: 'Good', icon: 'f-circle-check', tone: 'ok' },
  warning: { word: 'Look', icon: 'alert-triangle', tone: 'warn' },
  problem: { word: 'Wrong', icon: 'f-circle-x', tone: 'bad' },
};

export function addSystemPages(router: Router, deps: SystemPageDeps): void {
  router.get('/console/system', deps.sessions.guard('view'), (ctx) => showSystem(deps, ctx));
}

async function showSystem(deps: SystemPageDeps, ctx: Koa.Context): Promise<void> {
  const asked = await ask(deps, ctx);
  onlyForAllTenants(asked);
  const now = deps.now();
  const { checks, facts } = await checkSystem(deps);
  const [work, workers, depths, spooled, migrations, pending] = [
    await listWaitingWorkAcrossTenants(deps.db, now),
    await listWorkers(deps.db),
    await deps.queue.depths().catch(() => []),
    await deps.spoolDepth(),
    await listMigrations(deps.db),
    await pendingMigrations(deps.db),
  ];
  await showPage(deps, ctx, asked, 'system', {
    title: 'System',
    now,
    checks: checks.map(({ name, ...check }) => ({
      ...check,
      name: name.slice(0, 1).toUpperCase() + name.slice(1),
      word: checkWords[check.status],
    })),
    troubles: checks.filter(({ status }) => status !== 'ok').length,
    work: work.map((one) => ({ ...one, age: one.oldestAt === null ? null : spanText(now - one.oldestAt) })),
    lanes: depths,
    spooled,
    spoolWord: spoolWord(spooled),
    workers: workers.map((worker) => showWorker(worker, now)),
    versions: [
      { name: 'Lango', value: version },
      { name: 'Node.js', value: process.versions.node },
      { name: 'Database', value: facts === null ? 'does not answer' : `${facts.engine} ${facts.version}` },
      { name: 'Redis', value: redisVersion(checks, deps.redis !== null) },
      { name: 'Up for', value: spanText(now - deps.startedAt) },
      { name: 'Public address', value: deps.publicUrl },
    ],
    migrations,
    pending,
  });
}

function spoolWord(depth: number): Word {
  return depth === 0
    ? { word: 'Empty', icon: 'f-circle-check', tone: 'ok' }
    : { word: `${depth} waiting`, icon: 'alert-triangle', tone: 'warn' };
}

/** As the check of Redis found it: `Redis 7.0.15, noeviction`. */
function redisVersion(checks: readonly Check[], hasRedis: boolean): string {
  if (!hasRedis) return 'none: one process';
  const detail = checks.find(({ name }) => name === 'redis')?.detail ?? '';
  return /^Redis (\S+?),?(?:\s|$)/.exec(detail)?.[1] ?? 'does not answer';
}

function showWorker({ id, host, version: its, startedAt, seenAt }: WorkerSeen, now: number) {
  const isAlive = now - seenAt < deadAfterMs;
  const word: Word = isAlive
    ? { word: 'Working', icon: 'f-circle-check', tone: 'ok' }
    : { word: 'Silent', icon: 'f-circle-x', tone: 'bad' };
  return {
    id,
    host,
    version: its,
    startedAt,
    isOther: its !== version,
    word,
    seenAgo: `${spanText(now - seenAt)} ago`,
  };
}
