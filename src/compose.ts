// The only place where objects are joined. Everything is opened here in order and closed in reverse; nothing else
// creates a connection, a timer or a cache.

import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { type Console, type ConsoleSurroundings, connectConsole, forgetWhatEnded } from './console/connect-console.ts';
import { createCallbackAddresses } from './mpesa/callback-addresses.ts';
import { createCallbackLog } from './mpesa/callback-log.ts';
import type { CallbackRouteDeps } from './mpesa/callback-routes.ts';
import { createCallbackSpool } from './mpesa/callback-spool.ts';
import { connectMpesa } from './mpesa/connect-mpesa.ts';
import { createCallbackTaker, type TakeCallbackDeps } from './mpesa/take-callback.ts';
import { createAnnouncer, paymentsLane } from './payments/announce-changes.ts';
import { createInsertBatcher } from './payments/create-payment.ts';
import { countTransitions, forgetOldSpans } from './payments/hourly-stats-relay.ts';
import { createPaymentMetrics, type PaymentMetrics } from './payments/payment-metrics.ts';
import { createPaymentWorker, type PaymentWorker } from './payments/payment-worker.ts';
import { createReadPayment } from './payments/read-payment.ts';
import { createPaymentWatch } from './payments/watch-payments.ts';
import { createAddressList } from './platform/addresses.ts';
import { createAlerts } from './platform/alerts.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type DataKeys, loadDataKeys } from './platform/data-key-store.ts';
import { type Db, openDatabase } from './platform/database.ts';
import { createHealthChecks } from './platform/health-checks.ts';
import { createLogger, type Logger } from './platform/logger.ts';
import { readOrMakeMasterKeys } from './platform/master-key.ts';
import { migrate, pendingMigrations } from './platform/migrate.ts';
import { createBackground, task } from './platform/repeat.ts';
import { createSealer, type Sealer } from './platform/sealing.ts';
import { connectSharedServices } from './platform/shared-services.ts';
import { createHeartbeat, type Heartbeat } from './platform/worker-store.ts';
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
const retentionEveryMs = 24 * 3_600_000;

export async function composeGateway(config: Config, surroundings: Surroundings = {}): Promise<Gateway> {
  const core = await composeCore(config, surroundings);
  const { clock, logger, db, sealer, dataKeys, now } = core;
  const services = connectSharedServices(config.redisUrl, config.redisPrefix, clock, logger);
  const { bus, cache, queue, limiter } = services;
  const mpesa = connectMpesa({ clock, logger, db, sealer, cache, limiter, callbackKey: dataKeys.callbacks }, config);
  const { provider, breaker } = mpesa;
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

  // A lease outlasts the longest push there can be: token, push, a fresh token, the push again, and a third round.
  const leaseMs = surroundings.leaseMs ?? 10 * config.darajaTimeoutMs + 15_000;
  const pushing = { ...settling, clock, logger, provider, leaseMs, onPushAnswered: metrics.pushAnswered };
  const worker = createPaymentWorker(pushing);
  const callbacks = joinCallbacks(core, { ...settling, clock, logger, spool }, metrics);
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
  const around = { ...services, daraja: mpesa.daraja, trustedProxies, spoolDepth: spool.depth };
  const pages = joinConsole(core, { ...around, payments, webhooks });

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
    drainSpool: callbacks.taker.drainSpool,
    flush: () => Promise.all([keys.flush(), callbacks.log.flush()]),
    beginWork() {
      queue.work(paymentsLane, worker.look);
      webhooks.work();
    },
    stopWaiting() {
      watch.close();
      pages?.close();
    },
    async closeQueues() {
      await queue.close();
      await Promise.all([inserts.drain(), callbacks.taker.drain()]);
    },
    closeConnections: () => Promise.all([mpesa.close(), alerts.close(), services.close()]),
  });
  return { app, core, worker, webhooks: webhooks.worker, registry, ...life, drainSpool: callbacks.taker.drainSpool };
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
    settings: config,
  });
}

interface LivingParts {
  payments: PaymentWorker;
  webhooks: Webhooks;
  drainSpool(): Promise<number>;
  flush(): Promise<unknown>;
  /** Takes nudges. */
  beginWork(): void;
  /** Answers every request that waits for a change. */
  stopWaiting(): void;
  closeQueues(): Promise<void>;
  closeConnections(): Promise<unknown>;
}

/** How a gateway begins and ends: its repeated work, and the order of closing. */
function liveBy(core: Core, surroundings: Surroundings, parts: LivingParts) {
  const { config, db, now, clock, logger } = core;
  const isWorker = config.roles.includes('worker');
  const heartbeat = createHeartbeat(db, now);
  const tasks = [task('flush', flushEveryMs, parts.flush), task('spool', flushEveryMs, parts.drainSpool)];
  if (isWorker) tasks.push(...workOf(core, parts, heartbeat));
  const background = createBackground(clock, logger, tasks);

  async function start(): Promise<void> {
    if (isWorker) parts.beginWork();
    if (surroundings.hasTimers === false) return;
    if (isWorker) await heartbeat.beat();
    background.start();
  }

  async function stopWorking(): Promise<void> {
    parts.stopWaiting();
    await Promise.all([background.stop(), parts.payments.drain(), parts.webhooks.stop()]);
  }

  async function close(): Promise<void> {
    await stopWorking();
    await parts.closeQueues();
    await Promise.allSettled([parts.flush(), heartbeat.end()]);
    await parts.closeConnections();
    await core.close();
  }

  return { start, stopWorking, close };
}

/** What only a process with the role `worker` does again and again. */
function workOf(core: Core, { payments, webhooks }: LivingParts, heartbeat: Heartbeat) {
  return [
    task('heartbeat', flushEveryMs, heartbeat.beat),
    task('sweep', sweepEveryMs, payments.dispatch),
    task('webhooks', sweepEveryMs, webhooks.worker.dispatch),
    task('stats', sweepEveryMs, () => countTransitions(core)),
    task('retention', retentionEveryMs, () =>
      Promise.all([webhooks.emptyOldBodies(), forgetOldSpans(core), forgetWhatEnded(core)]),
    ),
  ];
}

type CallbackParts = Omit<TakeCallbackDeps, 'isAddressAllowed' | 'onTaken'>;

/** Where Safaricom's results arrive: who may send them, what takes them, and what is written down about them. */
function joinCallbacks({ config, db, now, logger, dataKeys }: Core, parts: CallbackParts, metrics: PaymentMetrics) {
  const { callbackAllowedIps, callbackIpMode } = config;
  const addresses = createCallbackAddresses(callbackAllowedIps, callbackIpMode, (address) =>
    logger.warn('callback.unlisted_address', { source_ip: address }),
  );
  const log = createCallbackLog({ db, now, logger, count: metrics.callbackTaken });
  const taker = createCallbackTaker({ ...parts, isAddressAllowed: addresses.isAllowed, onTaken: log.taken });
  const routes: CallbackRouteDeps = {
    now,
    logger,
    callbackKey: dataKeys.callbacks,
    taker,
    trustedProxies: createAddressList(config.trustedProxies),
    isAddressAllowedAnywhere: addresses.isAllowedAnywhere,
    onForgedToken: metrics.forgedToken,
  };
  return { log, taker, routes };
}
