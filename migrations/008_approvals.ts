// What one person asked for and a second one must approve. The state it was asked against is kept, so that what changed
// in the meantime is noticed; one request at a time for one thing.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'approvals', (table) => {
    id(table).primary();
    table.string('kind', 32).notNullable();
    id(table, 'tenant_id');
    table.string('mode', 4);
    table.string('subject', 64).notNullable();
    // The subject's state when it was asked for; the act is done against this state or not at all.
    table.string('state_key', 64).notNullable();
    table.text('payload').notNullable();
    table.string('reason_code', 32).notNullable();
    table.string('reason', 500).notNullable();
    table.string('status', 10).notNullable();
    // Held while it waits: a second request for the same thing meets it.
    table.string('open_key', 100).unique();
    table.string('requested_by', 64).notNullable();
    table.string('requested_name', 255).notNullable();
    table.string('decided_by', 64);
    table.string('decided_name', 255);
    table.string('decision_note', 500);
    time(table, 'created_at').notNullable();
    time(table, 'expires_at').notNullable();
    time(table, 'decided_at');
    table.index(['status', 'created_at']);
    table.index(['subject', 'created_at']);
  });
}
