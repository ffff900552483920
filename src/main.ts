// Starts one server process: read the configuration, compose, listen; on SIGTERM or SIGINT stop accepting, finish or
// release what is under way within 20 s, and exit 0. Until there is an owner, a start prints the link that makes one.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { composeGateway, type Gateway, type Surroundings } from './compose.ts';
import type { Config } from './config.ts';
import { createOwnerLink, linkOf } from './console/manage-operators.ts';
import { messageOf } from './platform/errors.ts';
import { lockForOneServer } from './platform/file-locks.ts';

export interface RunningServer {
  gateway: Gateway;
  url: string;
  /** Stops accepting, ends what waits, and closes; at most 20 s. */
  stop(): Promise<void>;
}

const shutdownMs = 19_000;
const unfinishedMs = 8_000;

/** Starts a gateway that listens on `HOST:PORT` (port 0 takes a free one). */
export async function startServer(config: Config, surroundings: Surroundings = {}): Promise<RunningServer> {
  const gateway = await composeGateway(config, surroundings);
  const isSqlite = config.databaseUrl.startsWith('sqlite:');
  const unlock = isSqlite ? await lockOrClose(gateway, config.databaseUrl.slice('sqlite:'.length)) : () => {};
  const server = createServer(gateway.app.callback());
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 15_000;
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  }).catch(async (thrown) => {
    unlock();
    await gateway.close();
    throw thrown;
  });
  await gateway.start();
  const { port } = server.address() as AddressInfo;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  gateway.core.logger.info('server.started', {
    url,
    roles: config.roles,
    database: config.databaseUrl.split(':')[0],
    redis: config.redisUrl !== null,
  });

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const worked = gateway.stopWorking();
    // A client keeps its connection after the last answer; whatever has fallen idle is closed, and a request that never
    // ends is not waited for long.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const unfinished = setTimeout(() => server.closeAllConnections(), unfinishedMs);
    await closed.finally(() => clearInterval(idle));
    clearTimeout(unfinished);
    await worked;
    await gateway.close();
    unlock();
  }

  return {
    gateway,
    url,
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, shutdownMs);
      });
      await Promise.race([close(), late]).finally(() => clearTimeout(timer));
      server.closeAllConnections();
    },
  };
}

async function lockOrClose(gateway: Gateway, databaseFile: string): Promise<() => void> {
  try {
    return lockForOneServer(databaseFile);
  } catch (thrown) {
    await gateway.close();
    throw thrown;
  }
}

/** On standard error and not in the log, which others keep and read: whoever opens the link owns the server. */
async function offerFirstOwner({ gateway: { core } }: RunningServer): Promise<void> {
  const { config, dataKeys, logger } = core;
  if (!config.roles.includes('console')) return;
  try {
    const deps = { ...core, consoleKey: dataKeys.console, auditKey: dataKeys.audit };
    const token = await createOwnerLink(deps, { actor: { id: 'system', name: 'first start' }, ip: null });
    if (token === null) return;
    const words = `Nobody owns this server yet. Open this once, within 24 hours, to become its owner:\n  ${linkOf(config.publicUrl, token)}\n`;
    process.stderr.write(words);
  } catch (thrown) {
    logger.warn('server.no_owner_link', { detail: messageOf(thrown) });
  }
}

/** Runs until a signal says stop; resolves with the exit status. */
export async function serveUntilSignal(config: Config): Promise<number> {
  // Listened for before anything is begun: a signal while it starts must not end the process in the middle of something.
  const signalled = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  const server = await startServer(config);
  const { logger } = server.gateway.core;
  const [signal] = await Promise.all([signalled, offerFirstOwner(server)]);
  logger.info('server.stopping', { signal });
  try {
    await server.stop();
    logger.info('server.stopped');
    // What did not end within its time is left behind: its leases run out, its rows are still due.
    setTimeout(() => process.exit(0), 500).unref();
    return 0;
  } catch (thrown) {
    logger.error('server.stop_failed', { detail: messageOf(thrown) });
    return 1;
  }
}
