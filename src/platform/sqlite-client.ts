// SQLite without a compiler: knex's better-sqlite3 dialect on libsql, whose binary ships inside its registry package.

import { createRequire } from 'node:module';
import type { Knex } from 'knex';

const require = createRequire(import.meta.url);
/** What knex's dialect has and its types do not say. */
type Dialect = new (
  config: Knex.Config,
) => Knex.Client & { _query(connection: unknown, query: unknown): Promise<unknown> };

const BetterSqlite3 = require('knex/lib/dialects/better-sqlite3') as Dialect;

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
