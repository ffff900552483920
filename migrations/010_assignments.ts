// Who looks after what needs attention. The things themselves are derived and never stored; this is only the name beside
// one, kept as long as it lasts.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'assignments', (table) => {
    table.string('item', 64).primary();
    id(table, 'operator_id').notNullable();
    table.string('operator_name', 255).notNullable();
    time(table, 'assigned_at').notNullable();
  });
}
