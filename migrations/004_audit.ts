// Who did what: one row for each act of an operator or of the command line, chained by a keyed hash to the row before.
// The database itself refuses to change or remove a row; the head says where the chain ends, so that a missing end shows.

import type { Knex } from 'knex';
import { dialectOf } from '../src/platform/database.ts';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'audit_log', (table) => {
    table.bigInteger('seq').primary();
    time(table, 'at').notNullable();
    table.string('actor', 64).notNullable();
    table.string('actor_name', 255).notNullable();
    table.string('action', 64).notNullable();
    id(table, 'tenant_id');
    table.string('target', 64);
    table.string('reason', 500);
    // JSON: what was before and what is after, and where it came from.
    table.text('details').notNullable();
    table.string('hash', 48).notNullable();
    table.index(['tenant_id', 'seq']);
    table.index(['target', 'seq']);
    table.index(['action', 'seq']);
    table.index(['actor', 'seq']);
  });
  await createTable(knex, 'audit_head', (table) => {
    table.integer('id').primary();
    table.bigInteger('seq').notNullable();
    table.string('hash', 48).notNullable();
  });
  await knex('audit_head').insert({ id: 1, seq: 0, hash: '' });
  for (const act of ['update', 'delete'] as const) await refuse(knex, act);
}

/** On MySQL a user without SUPER needs `log_bin_trust_function_creators` for this; the error says so. */
async function refuse(knex: Knex, act: 'update' | 'delete'): Promise<void> {
  const words = `audit_log is append-only: no ${act}`;
  const body =
    dialectOf(knex) === 'mysql'
      ? `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${words}'`
      : `BEGIN SELECT RAISE(ABORT, '${words}'); END`;
  await knex.raw(`CREATE TRIGGER audit_log_no_${act} BEFORE ${act.toUpperCase()} ON audit_log FOR EACH ROW ${body}`);
}
