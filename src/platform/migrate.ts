// Migrations, forward only. One set of files serves both engines; their names are kept without extension, so that a
// database migrated from TypeScript reads the same from the compiled image. On MySQL a named lock makes several
// processes that start together take turns, and it goes away by itself with a process that dies holding it.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';
import { type Db, dialectOf } from './database.ts';
import { inTurn } from './file-locks.ts';

const directory = fileURLToPath(new URL('../../migrations/', import.meta.url));

const migrationSource: Knex.MigrationSource<string> = {
  async getMigrations() {
    const names = readdirSync(directory)
      .filter((file) => /^\d{3}_[a-z0-9_]+\.(ts|js)$/.test(file))
      .map((file) => file.replace(/\.(ts|js)$/, ''));
    return [...new Set(names)].sort();
  },
  getMigrationName: (name) => name,
  async getMigration(name) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const { up } = (await import(
      new URL(`../../migrations/${name}.${extension}`, import.meta.url).href
    )) as Knex.Migration;
    return { up, down: () => Promise.reject(new Error('migrations go forward only; restore a backup to go back')) };
  },
};

export const migratorConfig: Knex.MigratorConfig = { migrationSource, tableName: 'migrations' };

/** Brings the schema to the newest version; the names of what was applied. Safe to run from many processes at once. */
export async function migrate(db: Db): Promise<string[]> {
  return withMigrationLock(db, async () => {
    // Held our lock, no other migrator runs: a lock row left by a killed one may be cleared.
    if (dialectOf(db) === 'mysql') await db.migrate.forceFreeMigrationsLock(migratorConfig);
    const [, applied] = (await db.migrate.latest(migratorConfig)) as [number, string[]];
    return applied;
  });
}

/** Names of migrations this code has and the database has not. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const known = await migrationSource.getMigrations([]);
  if (!(await db.schema.hasTable('migrations'))) return known;
  const applied = new Set<string>(await db('migrations').pluck('name'));
  return known.filter((name) => !applied.has(name));
}

/** What was applied, the newest first, with the time the database was given it. */
export async function listMigrations(db: Db): Promise<{ name: string; at: number }[]> {
  const rows: { name: string; migration_time: string | number | Date }[] = await db('migrations').orderBy('id', 'desc');
  return rows.map(({ name, migration_time: time }) => ({ name, at: new Date(time).getTime() }));
}

async function withMigrationLock<T>(db: Db, work: () => Promise<T>): Promise<T> {
  if (dialectOf(db) === 'sqlite') {
    const { filename } = db.client.config.connection as { filename: string };
    return filename === ':memory:' ? work() : inTurn(`${filename}.migrating`, work);
  }
  const connection = await db.client.acquireConnection();
  try {
    const [[row]] = await connection.promise().query("SELECT GET_LOCK(CONCAT(DATABASE(), '.migrate'), 120) AS got");
    if (row.got !== 1)
      throw new Error(
        'another process has been migrating this database for two minutes; look at it before trying again',
      );
    return await work();
  } finally {
    await connection.promise().query("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.migrate'))");
    await db.client.releaseConnection(connection);
  }
}
