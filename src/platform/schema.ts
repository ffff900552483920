// Column types that mean the same in both engines, for migrations. Texts compare byte for byte (an Idempotency-Key `k`
// is not `K`), times are milliseconds since the epoch.

import type { Knex } from 'knex';
import { dialectOf } from './database.ts';

/** Creates a table whose texts compare byte for byte on MySQL, as they do on SQLite. */
export async function createTable(
  knex: Knex,
  name: string,
  build: (table: Knex.CreateTableBuilder) => void,
): Promise<void> {
  await knex.schema.createTable(name, (table) => {
    if (dialectOf(knex) === 'mysql') {
      table.charset('utf8mb4');
      table.collate('utf8mb4_bin');
    }
    build(table);
  });
}

/** A TypeID column. */
export const id = (table: Knex.CreateTableBuilder, column = 'id'): Knex.ColumnBuilder => table.string(column, 32);

/** Milliseconds since the epoch. */
export const time = (table: Knex.CreateTableBuilder, column: string): Knex.ColumnBuilder => table.bigInteger(column);
