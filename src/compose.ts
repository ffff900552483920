// The only place where objects are joined. Everything is opened here in order and closed in reverse; nothing else
// creates a connection, a timer or a cache.

import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { type Console, type ConsoleSurroundings, connectConsole, forgetWhatEnded } from './console/connect-console.ts';
import { createCallbackSpool } from './mpesa/callback-spool.ts';
import { type Callbacks, connectCallbacks } from './mpesa/connect-callbacks.ts';
import { connectMpesa } from './mpesa/connect-mpesa.ts';
import { longerThanAnyCallMs } from './mpesa/daraja.ts';
import { createAnnouncer, paymentsLane } from './payments/announce-changes.ts';
import { createInsertBatcher } from './payments/create-payment.ts';
import { countTransitions, forgetOldSpans } from './payments/hourly-stats-relay.ts';
import { createPaymentMetrics } from './payments/payment-metrics.ts';
import { createPaymentWorker, type PaymentWorker } from './payments/payment-worker.ts';
import { createReadPayment } from './payments/read-payment.ts';
import { createPaymentWatch } from './payments/watch-payments.ts';
import { createAlerts } from './platform/alerts.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type DataKeys, loadDataKeys } from './platform/data-key-store.ts';
import { type Db, openDatabase } from './platform/database.ts';
import { createHealthChecks } from './platform/health-checks.ts';
import { createLogger, type Logger } from './platform/logger.ts';
import { readOrMakeMasterKeys } from './platform/master-key.ts';
import { migrate, pendingMigrations } from './platform/migrate.ts';
import type { Queue } from './platform/queue.ts';
import { createBackground, task } from './platform/repeat.ts';
import { createSealer, type Sealer } from './platform/sealing.ts';
import { connectSharedServices } from './platform/shared-services.ts';
import { createHeartbeat, type Heartbeat } from './platform/worker-store.ts';
import { connectFeeds, type Feeds } from './reconciliation/connect-feeds.ts';
import { connectStatements, type Statements } from './reconciliation/connect-statements.ts';
import { createReconcileWorker, type ReconcileWorker } from './reconciliation/reconcile-worker.ts';
import { createAuthenticate } from './tenants/authenticate.ts';
import { createKeyCache } from './tenants/key-cache.ts';
import { connectWebhooks, type WebhookSurroundings, type Webhooks } from './webhooks/connect-webhooks.ts';
import type { WebhookWorker } from './webhooks/webhook-worker.ts';

/** What the world outside gives; tests bring their own clock and logger. */
export interface Surroundings {
  clock?: Clock;
  logger?: Logger;
  random?: () => number;
  /** How long a push may take before its worker counts as lost; derived from DARAJA_TIMEOUT_MS where it is not given. */
  leaseMs?: number;
  /** False: nothing runs by itself, a test drives the sweep. */
  hasTimers?: boolean;
  webhooks?: WebhookSurroundings;
}

/** The database and the keys: all that a command of the `lango` tool needs. */
export interface Core {
  config: Config;
  clock: Clock;
  logger: Logger;
  db: Db;
  sealer: Sealer;
  dataKeys: DataKeys;
  /** The key ring, newest first. */
  masterKeys: readonly Buffer[];
  now(): number;
  close(): Promise<void>;
}

/** Thrown when the schema is older than the code and migrating is not this process's job. */
export class PendingMigrations extends Error {
  constructor(names: readonly string[]) {
    super(
      `the database lacks ${names.length} migration(s): ${names.join(', ')}. Run \`lango migrate\`, or set AUTO_MIGRATE=true.`,
    );
    this.name = 'PendingMigrations';
  }
}

/** Opens the database, brings its schema up to date where that is wanted, and loads the keys. */
export async function composeCore(config: Config, surroundings: Surroundings = {}): Promise<Core> {
  const clock = surroundings.clock ?? systemClock;
  const logger = surroundings.logger ?? createLogger(config.logLevel);
  const db = openDatabase(config.databaseUrl);
  try {
    const pending = await pendingMigrations(db);
    if (pending.length > 0 && !config.autoMigrate) throw new PendingMigrations(pending);
    if (pending.length > 0) logger.info('database.migrated', { applied: await migrate(db) });
    const masterKeys = config.masterKeys ?? readOrMakeMasterKeys(config.dataDir);
    const sealer = createSealer(masterKeys);
    const dataKeys = await loadDataKeys(db, sealer, clock.now());
    return {
      config,
      clock,
      logger,
      db,
      sealer,
      dataKeys,
      masterKeys,
      now: () => clock.now(),
      close: () => db.destroy(),
    };
  } catch (thrown) {
    await db.destroy();
    throw thrown;
  }
}

/** A running gateway without its HTTP server. */
export interface Gateway {
  app: ReturnType<typeof createApp>;
  core: Core;
  worker: PaymentWorker;
  webhooks: WebhookWorker;
  feeds: Feeds;
  statements: Statements;
  registry: Registry;
  /** Begins to work: takes nudges, sweeps, beats. */
  start(): Promise<void>;
  /** Answers every request that waits for a change, pushes and asks nothing new, and waits for what is under way. */
  stopWorking(): Promise<void>;
  /** Settles what waits in the callback spool. */
  drainSpool(): Promise<number>;
  /** Stops taking work, finishes what is under way, and closes everything in reverse order. */
  close(): Promise<void>;
}

const sweepEveryMs = 1000;
const flushEveryMs = 5000;
const tendEveryMs = 15_000;
const retentionEveryMs = 24 * 3_600_000;

export async function composeGateway(config: Config, surroundings: Surroundings = {}): Promise<Gateway> {
  const core = await composeCore(config, surroundings);
  const { clock, logger, db, sealer, dataKeys, now } = core;
  const services = connectSharedServices(config.redisUrl, config.redisPrefix, clock, logger);
  const { bus, cache, queue, limiter } = services;
  const mpesa = connectMpesa({ clock, logger, db, sealer, cache, limiter, callbackKey: dataKeys.callbacks }, config);
  const { provider, breaker, daraja, shortcodes } = mpesa;
  const spool = createCallbackSpool(join(config.dataDir, 'spool'), sealer, logger);
  const registry = new Registry();
  const metrics = createPaymentMetrics(registry, { db, now, spoolDepth: spool.depth, breakersOpen: breaker.openCount });
  const { random = Math.random } = surroundings;
  const alerts = createAlerts({ ...config, logger, now });
  const webhooks = connectWebhooks(
    { ...core, queue, registry, random, alert: (alert) => void alerts.tell(alert) },
    config,
    surroundings.webhooks,
  );
  const announcer = createAnnouncer({ now, bus, queue, metrics, onRecorded: webhooks.nudge });
  const settling = { db, sealer, now, random, readDenial: provider.readDenial, announce: announcer.settled };

  const leaseMs = surroundings.leaseMs ?? longerThanAnyCallMs(config.darajaTimeoutMs);
  const pushing = { ...settling, clock, logger, provider, leaseMs, onPushAnswered: metrics.pushAnswered };
  const worker = createPaymentWorker(pushing);
  const feeds = connectFeeds({ ...settling, logger, queue, registry, limiter, daraja, leaseMs }, config);
  const reconciling = createReconcileWorker({ ...settling, logger }, registry);
  const statements = connectStatements({ ...settling, logger, reconcileDay: reconciling.reconcileDay });
  const arriving = { ...settling, clock, logger, spool, shortcodes, metrics, c2b: feeds.c2b };
  const callbacks = connectCallbacks({ ...arriving, callbackKey: dataKeys.callbacks }, config);
  const inserts = createInsertBatcher({ db, sealer, onCreated: announcer.created });
  const watch = createPaymentWatch(bus, clock);
  const keys = createKeyCache(db, clock);
  const { trustedProxies } = callbacks.routes;
  const calling = { now, keys, apiKeyPepper: dataKeys.apiKeys, trustedProxies };
  // What may be done with payments, by whoever asks: a merchant's app or an operator.
  const payments = {
    ...settling,
    clock,
    logger,
    cache,
    provider,
    nudge: announcer.nudge,
    onCreated: announcer.created,
    insert: inserts.add,
    blindIndexKey: dataKeys.blindIndex,
  };
  const around = { ...services, daraja, trustedProxies, spoolDepth: spool.depth };
  const pages = joinConsole(core, { ...around, payments, webhooks, statements });

  const app = createApp({
    ...payments,
    watch,
    readPayment: createReadPayment(db, sealer),
    authenticate: createAuthenticate({ ...calling, limiter: limiter('key', config.rateLimitPerKey) }),
    callbacks: callbacks.routes,
    webhooks: { db, sealer, now, targetRules: webhooks.targetRules, nudge: webhooks.nudge },
    checks: createHealthChecks({ db, now, redisProblem: services.redisProblem }),
    registry,
    hasApi: config.roles.includes('api'),
    console: pages?.router ?? null,
  });

  const life = liveBy(core, surroundings, {
    payments: worker,
    webhooks,
    feeds,
    statements,
    reconciling,
    callbacks,
    queue,
    flush: () => Promise.all([keys.flush(), callbacks.flush(), feeds.flush()]),
    stopWaiting() {
      watch.close();
      pages?.close();
    },
    drain: () => Promise.all([inserts.drain(), callbacks.drain()]),
    closeConnections: () => Promise.all([mpesa.close(), alerts.close(), services.close()]),
  });
  const { drainSpool } = callbacks;
  return { app, core, worker, webhooks: webhooks.worker, feeds, statements, registry, ...life, drainSpool };
}

function joinConsole(core: Core, surroundings: ConsoleSurroundings): Console | null {
  const { config, dataKeys } = core;
  if (!config.roles.includes('console')) return null;
  return connectConsole({
    ...core,
    ...surroundings,
    consoleKey: dataKeys.console,
    auditKey: dataKeys.audit,
    apiKeyPepper: dataKeys.apiKeys,
    blindIndexKey: dataKeys.blindIndex,
    callbackKey: dataKeys.callbacks,
    settings: config,
  });
}

interface LivingParts {
  payments: PaymentWorker;
  webhooks: Webhooks;
  feeds: Feeds;
  statements: Statements;
  reconciling: ReconcileWorker;
  callbacks: Callbacks;
  queue: Queue;
  flush(): Promise<unknown>;
  stopWaiting(): void;
  /** Waits for what is being written. */
  drain(): Promise<unknown>;
  closeConnections(): Promise<unknown>;
}

/** How a gateway begins and ends: its repeated work, and the order of closing. */
function liveBy(core: Core, surroundings: Surroundings, parts: LivingParts) {
  const { config, db, now, clock, logger } = core;
  const isWorker = config.roles.includes('worker');
  const heartbeat = createHeartbeat(db, now);
  const tasks = [task('flush', flushEveryMs, parts.flush), task('spool', flushEveryMs, parts.callbacks.drainSpool)];
  if (isWorker) tasks.push(...workOf(core, parts, heartbeat));
  const background = createBackground(clock, logger, tasks);

  function beginWork(): void {
    parts.queue.work(paymentsLane, parts.payments.look);
    parts.webhooks.work();
    parts.feeds.work();
  }

  async function start(): Promise<void> {
    if (isWorker) beginWork();
    if (surroundings.hasTimers === false) return;
    if (isWorker) await heartbeat.beat();
    background.start();
  }

  async function stopWorking(): Promise<void> {
    parts.stopWaiting();
    await Promise.all([
      background.stop(),
      parts.payments.drain(),
      parts.webhooks.stop(),
      parts.feeds.stop(),
      parts.statements.stop(),
    ]);
  }

  async function close(): Promise<void> {
    await stopWorking();
    await parts.queue.close();
    await parts.drain();
    await Promise.allSettled([parts.flush(), heartbeat.end()]);
    await parts.closeConnections();
    await core.close();
  }

  return { start, stopWorking, close };
}

/** What only a process with the role `worker` does again and again. */
function workOf(core: Core, { payments, webhooks, feeds, ...parts }: LivingParts, heartbeat: Heartbeat) {
  return [
    task('heartbeat', flushEveryMs, heartbeat.beat),
    task('sweep', sweepEveryMs, payments.dispatch),
    task('webhooks', sweepEveryMs, webhooks.worker.dispatch),
    task('pull', flushEveryMs, feeds.pulls.dispatch),
    ...parts.reconciling.tasks,
    task('statements', tendEveryMs, parts.statements.tend),
    task('stats', sweepEveryMs, () => countTransitions(core)),
    task('retention', retentionEveryMs, () =>
      Promise.all([webhooks.emptyOldBodies(), forgetOldSpans(core), forgetWhatEnded(core)]),
    ),
  ];
}
