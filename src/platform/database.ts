// One database behind two engines: SQLite in a file, or MySQL/MariaDB. What differs between them (row locks, ignoring a
// duplicate, telling a unique violation) lives here and nowhere else. All times in the database are milliseconds since
// the epoch and all documents are text, so that rows read the same from both.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import knex, { type Knex } from 'knex';
import { LibsqlClient, MysqlClient } from './database-clients.ts';
import { errorCodeOf, retryWhenBusy } from './deadlocks.ts';
import type { ListWindow, Page } from './listing.ts';

/** A connection pool or an open transaction: the first parameter of every store function. */
export type Db = Knex;

export type Dialect = 'mysql' | 'sqlite';

export function dialectOf(db: Db): Dialect {
  return db.client.dialect === 'mysql' ? 'mysql' : 'sqlite';
}

/** Opens the database of `DATABASE_URL`: `sqlite:PATH` or `mysql://…`. Connects on first use. */
export function openDatabase(databaseUrl: string, poolSize = 20): Db {
  return databaseUrl.startsWith('sqlite:')
    ? openSqlite(databaseUrl.slice('sqlite:'.length))
    : openMysql(databaseUrl, poolSize);
}

/** Failures are thrown to whoever asked; knex's own lines on the console would say them twice. */
const quiet = { warn() {}, error() {}, deprecate() {}, debug() {} };

function openSqlite(filename: string): Db {
  if (filename !== ':memory:') mkdirSync(dirname(filename), { recursive: true, mode: 0o700 });
  return knex({
    client: LibsqlClient as unknown as typeof Knex.Client,
    connection: { filename },
    useNullAsDefault: true,
    log: quiet,
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection: { exec(sql: string): void }, done: (error: Error | null, connection: unknown) => void) {
        // WAL with synchronous=FULL: a commit is on the disk when it returns (promise 2). The driver waits for another
        // writer with the whole process, so it waits briefly and `retryWhenBusy` goes on without blocking.
        connection.exec(
          'PRAGMA busy_timeout = 100; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;',
        );
        done(null, connection);
      },
    },
  });
}

function openMysql(databaseUrl: string, poolSize: number): Db {
  const url = new URL(databaseUrl);
  return knex({
    client: MysqlClient as unknown as typeof Knex.Client,
    log: quiet,
    connection: {
      host: url.hostname,
      port: url.port === '' ? 3306 : Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
      charset: 'utf8mb4',
      connectTimeout: 5000,
      ...(url.searchParams.get('ssl') === 'true' ? { ssl: { rejectUnauthorized: true } } : {}),
    },
    acquireConnectionTimeout: 5000,
    pool: {
      min: 0,
      max: poolSize,
      afterCreate(
        connection: { query(sql: string, done: (error: Error | null) => void): void },
        done: (error: Error | null, connection: unknown) => void,
      ) {
        // READ COMMITTED: claims under REPEATABLE READ deadlock (stack.md). Strict mode: a value that does not fit is an error.
        connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', (isolationError) => {
          if (isolationError !== null) return done(isolationError, connection);
          connection.query(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION innodb_lock_wait_timeout = 5",
            (error) => done(error, connection),
          );
        });
      },
    },
  });
}

/**
 * Runs `work` in one transaction, again when the engine chose it as the victim of a deadlock or another process holds
 * the file. `work` must therefore have no effect outside the transaction, and never wait for the network.
 */
export function inTransaction<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  // A deadlock undoes the outermost transaction whole, savepoints and all, so only that one may begin again.
  return db.isTransaction === true ? db.transaction(work) : retryWhenBusy(() => db.transaction(work));
}

/** Locks the rows a query reads until the transaction ends. SQLite has one writer and needs no row locks. */
export function forUpdate<T extends Knex.QueryBuilder>(query: T, db: Db): T {
  return dialectOf(db) === 'mysql' ? (query.forUpdate() as T) : query;
}

/** {@link forUpdate}, passing over rows that another transaction holds: for claims, which may take any row that is free. */
export function forUpdateOfFree<T extends Knex.QueryBuilder>(query: T, db: Db): T {
  return dialectOf(db) === 'mysql' ? (query.forUpdate().skipLocked() as T) : query;
}

/** One statement of several queries, each with its own order and limit. */
export function unionAll(db: Db, queries: readonly Knex.QueryBuilder[]): Knex.QueryBuilder {
  const parts = queries.map((query, index) => db.select('*').from(query.as(`part_${index}`)));
  const [first, ...others] = parts;
  return others.length === 0 ? first! : first!.unionAll(others);
}

/**
 * Inserts rows in one statement and leaves out those that break a unique index; how many went in. All rows have the
 * columns of the first. Written for the hot path: the SQL is put together here, not by knex's compiler.
 */
export async function insertIgnoringDuplicates(db: Db, table: string, rows: readonly object[]): Promise<number> {
  const [first] = rows;
  if (first === undefined) return 0;
  const columns = Object.keys(first);
  const values = rows.map((row) => columns.map((column) => (row as Record<string, unknown>)[column] ?? null));
  const names = columns.map((column) => `\`${column}\``).join(', ');
  if (dialectOf(db) === 'sqlite') {
    const places = values.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ');
    const { changes } = await run(db, `insert or ignore into ${table} (${names}) values ${places}`, values.flat());
    return changes ?? 0;
  }
  const { affectedRows } = await run(db, `insert ignore into ${table} (${names}) values ?`, [values]);
  return affectedRows ?? 0;
}

/** Updates rows by their `id` in one statement; every row has the same columns, among them `id`. */
export async function updateRows(db: Db, table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const one = `select ${columns.map((column) => `? as ${column}`).join(', ')}`;
  const changed = rows.map(() => one).join(' union all ');
  const set = (prefix: string): string =>
    columns
      .filter((column) => column !== 'id')
      .map((column) => `${prefix}${column} = changed.${column}`)
      .join(', ');
  const values = rows.flatMap((row) => columns.map((column) => row[column] ?? null));
  const sql =
    dialectOf(db) === 'mysql'
      ? `update ${table} as old join (${changed}) as changed on changed.id = old.id set ${set('old.')}`
      : `update ${table} set ${set('')} from (${changed}) as changed where changed.id = ${table}.id`;
  await run(db, sql, values);
}

interface Ran {
  affectedRows?: number;
  changes?: number;
}

/** Runs SQL as it is on a connection of the pool, or on the transaction's own, which is then what is tried again. */
function run(db: Db, sql: string, values: readonly unknown[]): Promise<Ran> {
  const once = (): Promise<Ran> => (dialectOf(db) === 'sqlite' ? runOnSqlite : runOnMysql)(db, sql, values);
  return db.isTransaction === true ? once() : retryWhenBusy(once);
}

function runOnSqlite(db: Db, sql: string, values: readonly unknown[]): Promise<Ran> {
  return db.raw(sql, values.map(toSqlite) as Knex.RawBinding[]);
}

async function runOnMysql(db: Db, sql: string, values: readonly unknown[]): Promise<Ran> {
  const connection = await db.client.acquireConnection();
  try {
    return await new Promise<Ran>((resolve, reject) => {
      connection.query(sql, values, (error: Error | null, result: Ran) =>
        error === null ? resolve(result) : reject(error),
      );
    });
  } finally {
    await db.client.releaseConnection(connection);
  }
}

function toSqlite(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value;
}

export function isUniqueViolation(thrown: unknown): boolean {
  return ['ER_DUP_ENTRY', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'].includes(errorCodeOf(thrown));
}

/** Whether the database did not take the work (away, restarting, out of connections), as opposed to refusing it. */
export function isDatabaseAway(thrown: unknown): boolean {
  if (thrown instanceof Error && thrown.name === 'KnexTimeoutError') return true;
  // A transaction whose connection broke ends with what its ROLLBACK met: an error of mysql2 without a code.
  if (thrown instanceof Error && 'fatal' in thrown && thrown.fatal === true) return true;
  return /^(ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|PROTOCOL_|ER_CON_COUNT|ER_SERVER_SHUTDOWN|ER_ACCESS_DENIED|ER_LOCK_WAIT_TIMEOUT|ER_QUERY_INTERRUPTED|ER_OPTION_PREVENTS|SQLITE_BUSY|SQLITE_IOERR|SQLITE_FULL|SQLITE_READONLY|SQLITE_CANTOPEN)/.test(
    errorCodeOf(thrown),
  );
}

/**
 * Reads one page, newest first, by keyset on `(created_at, id)` inside a window. Rides on an index that begins with
 * the query's own equalities and goes on with `created_at, id`.
 */
export async function readPage<Row, T>(
  query: Knex.QueryBuilder,
  window: ListWindow,
  toItem: (row: Row) => T,
): Promise<Page<T>> {
  if (window.created_after !== undefined) query.where('created_at', '>=', window.created_after);
  if (window.created_before !== undefined) query.where('created_at', '<', window.created_before);
  const { cursor } = window;
  if (cursor !== undefined) {
    // The first condition is implied by the second; it is what lets the index be entered at the cursor.
    query.where('created_at', '<=', cursor.createdAt).where((either) => {
      either.where('created_at', '<', cursor.createdAt).orWhere('id', '<', cursor.id);
    });
  }
  const rows = (await query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(window.limit + 1)) as Row[];
  return { items: rows.slice(0, window.limit).map(toItem), hasMore: rows.length > window.limit };
}

/** Null when the database answers; throws what it says when it does not. */
export async function pingDatabase(db: Db): Promise<null> {
  await db.raw('select 1');
  return null;
}
