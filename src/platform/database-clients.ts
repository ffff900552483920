// The engines' dialects of knex, each with what it lacks: SQLite without a compiler (knex's better-sqlite3 dialect on
// libsql, whose binary ships inside its registry package), and MySQL where a statement of its own that met a deadlock is
// done again, as a transaction is.

import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import { retryWhenBusy } from './deadlocks.ts';

const require = createRequire(import.meta.url);
/** What knex's dialect has and its types do not say. */
type Dialect = new (
  config: Knex.Config,
) => Knex.Client & { _query(connection: unknown, query: unknown): Promise<unknown> };

const BetterSqlite3 = require('knex/lib/dialects/better-sqlite3') as Dialect;
const Mysql2 = require('knex/lib/dialects/mysql2') as Dialect;

export class LibsqlClient extends BetterSqlite3 {
  _driver(): unknown {
    return require('libsql');
  }

  /**
   * libsql never resets a statement that failed otherwise than by a constraint (busy, disk full): every later COMMIT on
   * its connection then fails as well. The pool is told to open another.
   */
  override async _query(connection: { __knex__disposed?: unknown }, query: unknown): Promise<unknown> {
    try {
      return await super._query(connection, query);
    } catch (thrown) {
      if (!/CONSTRAINT/.test(String((thrown as { code?: string }).code))) connection.__knex__disposed = thrown;
      throw thrown;
    }
  }
}

export class MysqlClient extends Mysql2 {
  /** InnoDB may choose a single INSERT as the victim of a deadlock just as well; nothing of it has happened then. */
  override _query(connection: { __knexTxId?: string }, query: unknown): Promise<unknown> {
    // Inside a transaction all of it is gone: whoever began it begins again.
    if (connection.__knexTxId !== undefined) return super._query(connection, query);
    return retryWhenBusy(() => super._query(connection, query));
  }
}
