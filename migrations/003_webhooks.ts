// Telling the tenant: endpoints and their secrets, one delivery for each event and endpoint, one attempt for each POST,
// replays, and the mark on events that says the fan-out has seen them. A delivery's `due_at` is what every search for
// work rides on: when a pending one is to be sent, when the lease of one that is being sent ends, since when one is held.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('events', (table) => {
    time(table, 'fanned_out_at');
  });
  // No endpoint existed before this migration: nobody was to be told of these.
  await knex('events').update({ fanned_out_at: knex.ref('created_at') });
  await knex.schema.alterTable('events', (table) => {
    table.index(['fanned_out_at', 'id']);
  });

  await createTable(knex, 'endpoints', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    table.string('url', 2048).notNullable();
    table.text('types').notNullable();
    table.string('description', 255);
    table.string('status', 8).notNullable();
    table.string('disabled_reason', 8);
    // Grows with each event about the endpoint itself; the other half of that event's dedupe key.
    table.integer('version').notNullable();
    // What its attempts came to; see webhooks/endpoint-health.
    time(table, 'last_success_at');
    time(table, 'failing_since');
    table.integer('failure_count').notNullable();
    table.integer('timeouts_in_row').notNullable();
    table.string('recent_minutes', 255).notNullable();
    table.integer('breaker_level').notNullable();
    time(table, 'wait_until');
    table.integer('told_level').notNullable();
    table.string('notice', 8);
    time(table, 'notified_at');
    // The least recently served endpoint is served next.
    time(table, 'served_at').notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'updated_at').notNullable();
    table.index(['tenant_id', 'mode', 'created_at', 'id']);
    table.index(['status', 'served_at']);
    table.index(['notice', 'notified_at']);
  });

  await createTable(knex, 'endpoint_secrets', (table) => {
    id(table).primary();
    id(table, 'endpoint_id').notNullable().index();
    table.string('secret_sealed', 160).notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'expires_at');
  });

  await createTable(knex, 'deliveries', (table) => {
    id(table).primary();
    id(table, 'event_id').notNullable();
    id(table, 'endpoint_id').notNullable();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    table.string('type', 40).notNullable();
    table.string('status', 9).notNullable();
    table.integer('lane').notNullable();
    // Why the next attempt will be made, and how many failed since the schedule began.
    table.string('next_trigger', 6).notNullable();
    table.integer('step').notNullable();
    table.integer('attempt_count').notNullable();
    time(table, 'due_at');
    table.string('lease_token', 24);
    table.integer('last_status_code');
    table.string('last_error', 20);
    time(table, 'retried_at');
    // The event's own time, so that a window of time means the same for both.
    time(table, 'created_at').notNullable();
    time(table, 'delivered_at');
    table.unique(['event_id', 'endpoint_id']);
    table.index(['endpoint_id', 'status', 'lane', 'due_at', 'id']);
    table.index(['status', 'due_at']);
    table.index(['endpoint_id', 'created_at', 'id']);
    table.index(['endpoint_id', 'status', 'created_at', 'id']);
  });

  await createTable(knex, 'attempts', (table) => {
    // The delivery's id, a dot and the number: writing the same attempt twice is one row.
    table.string('id', 40).primary();
    id(table, 'delivery_id').notNullable();
    id(table, 'tenant_id').notNullable();
    table.integer('number').notNullable();
    table.string('cause', 6).notNullable();
    time(table, 'started_at').notNullable();
    table.integer('duration_ms').notNullable();
    table.integer('status_code');
    table.string('error', 20);
    table.string('detail', 120);
    table.text('request_headers').notNullable();
    // Headers and body, sealed: an endpoint may answer with the customer's number.
    table.text('response_sealed', 'mediumtext');
    table.unique(['delivery_id', 'number']);
  });

  await createTable(knex, 'replays', (table) => {
    id(table).primary();
    id(table, 'endpoint_id').notNullable();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    table.string('only', 6).notNullable();
    table.text('types');
    time(table, 'since').notNullable();
    time(table, 'until').notNullable();
    table.string('status', 9).notNullable();
    table.integer('count').notNullable();
    table.integer('done_count').notNullable();
    // The last event or delivery that was taken up.
    time(table, 'cursor_at').notNullable();
    id(table, 'cursor_id').notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'updated_at').notNullable();
    table.index(['status', 'created_at']);
    table.index(['endpoint_id', 'created_at']);
  });
}
