// A gateway whose database a test can take away and give back: in production the connection to it is cut or hangs, in
// the embedded profile another connection holds the file so that nothing can be written.

import Database from 'libsql';
import { type BuildOptions, buildGateway, isProductionProfile, type TestGateway } from './build-gateway.ts';
import { openCuttableProxy } from './cuttable-proxy.ts';
import { idle } from './payment-story.ts';

export interface FragileGateway {
  app: TestGateway;
  takeAway(): Promise<void>;
  /** Production only: connections stay, and nothing is answered. */
  hang(): void;
  giveBack(): Promise<void>;
  close(): Promise<void>;
}

export async function buildFragileGateway(options: BuildOptions = {}): Promise<FragileGateway> {
  return isProductionProfile ? behindProxy(options) : besideAnotherWriter(options);
}

async function behindProxy(options: BuildOptions): Promise<FragileGateway> {
  const home = await buildGateway({ env: idle });
  const proxy = await openCuttableProxy(home.config.databaseUrl.replace('mysql:', 'http:'));
  const url = new URL(home.config.databaseUrl);
  url.port = String(proxy.port);
  const app = await buildGateway({
    ...options,
    beside: home,
    env: { ROLES: 'api,worker', ...options.env, DATABASE_URL: url.href },
  });
  return {
    app,
    takeAway: proxy.cut,
    hang: proxy.hang,
    giveBack: proxy.restore,
    async close() {
      await proxy.restore();
      await app.close();
      await proxy.close();
      await home.close();
    },
  };
}

async function besideAnotherWriter(options: BuildOptions): Promise<FragileGateway> {
  const app = await buildGateway(options);
  // Both connections live in this one thread: to wait for the other would only stop the clock for both.
  const { pool } = app.gateway.core.db.client;
  pool.on('createSuccess', (_eventId: number, connection: { exec(sql: string): void }) =>
    connection.exec('PRAGMA busy_timeout = 20'),
  );
  await app.gateway.core.db.raw('PRAGMA busy_timeout = 20');
  const other = new Database(app.config.databaseUrl.slice('sqlite:'.length));
  let isHeld = false;
  const giveBack = async (): Promise<void> => {
    if (isHeld) other.exec('ROLLBACK');
    isHeld = false;
  };
  return {
    app,
    async takeAway() {
      other.exec('BEGIN EXCLUSIVE');
      isHeld = true;
    },
    hang: () => {
      throw new Error('a file does not hang');
    },
    giveBack,
    async close() {
      await giveBack();
      other.close();
      await app.close();
    },
  };
}
