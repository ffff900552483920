// What `lango doctor` asks the database about itself. Reads only, and only what every account may read.

import { type Db, dialectOf } from './database.ts';

export interface DatabaseFacts {
  engine: 'SQLite' | 'MySQL' | 'MariaDB';
  /** Such as `10.11.6`. */
  version: string;
  /** The isolation level of our connections; null on SQLite, where transactions take turns. */
  isolation: string | null;
  /** Whether a commit is on the disk when it returns, as far as the engine says. */
  isDurable: boolean;
  /** The database's own clock in milliseconds since the epoch; null on SQLite, which has ours. */
  nowMs: number | null;
}

export async function readDatabaseFacts(db: Db): Promise<DatabaseFacts> {
  return dialectOf(db) === 'sqlite' ? readSqlite(db) : readMysql(db);
}

async function readSqlite(db: Db): Promise<DatabaseFacts> {
  const [row] = (await db.select(db.raw('sqlite_version() as version'))) as { version: string }[];
  const [journal] = (await db.raw('PRAGMA journal_mode')) as { journal_mode: string }[];
  const [synchronous] = (await db.raw('PRAGMA synchronous')) as { synchronous: number }[];
  const isDurable = journal?.journal_mode === 'wal' && (synchronous?.synchronous ?? 0) >= 2;
  return { engine: 'SQLite', version: row!.version, isolation: null, isDurable, nowMs: null };
}

async function readMysql(db: Db): Promise<DatabaseFacts> {
  const [row] = (await db.select(
    db.raw('VERSION() as version'),
    db.raw('CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) as now_ms'),
  )) as { version: string; now_ms: number }[];
  // MySQL 8 has only the first name of the isolation level, MariaDB before 11.1 only the second.
  const [variables] = (await db.raw(
    "SHOW VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation', 'innodb_flush_log_at_trx_commit')",
  )) as [{ Variable_name: string; Value: string }[]];
  const variable = (name: RegExp): string | null =>
    variables.find(({ Variable_name }) => name.test(Variable_name))?.Value ?? null;
  const { version, now_ms: nowMs } = row!;
  return {
    engine: /mariadb/i.test(version) ? 'MariaDB' : 'MySQL',
    version: version.replace(/^5\.5\.5-/, '').replace(/-.*/, ''),
    isolation: variable(/isolation/),
    isDurable: (variable(/flush_log/) ?? '1') === '1',
    nowMs: Number(nowMs),
  };
}

/** The box of the installation's root key, or undefined before the first start; opens nothing. */
export async function findRootKeyBox(db: Db): Promise<string | undefined> {
  const row = await db('data_keys').where({ purpose: 'hashing' }).first('key_sealed');
  return row?.key_sealed;
}
