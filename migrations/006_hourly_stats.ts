// What Home reads instead of payments, so that it costs the same with a thousand or ten million of them. `hourly_stats`
// counts each payment once, under the outcome it has now and in the span of time in which it came to it: in spans of 60
// minutes for ever, and of 5 minutes for some days, because what is said of the last hour needs finer ones. Rows without a
// tenant are all tenants together. `push_minutes` counts how pushes were answered, for a day. The worker keeps both from
// transitions and marks those it has counted.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('payment_transitions', (table) => {
    // Null: not counted yet. That is so for all that were there before this migration, too.
    time(table, 'counted_at');
    // The failure code it stands in hourly_stats with (none: empty); null where it does not stand there.
    table.string('counted_code', 40);
    table.index(['counted_at', 'payment_id']);
  });

  await createTable(knex, 'hourly_stats', (table) => {
    // Empty: all tenants together, and then all shortcodes.
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    // 60 or 5: how long the span is that begins at `starts_at`.
    table.smallint('minutes').notNullable();
    time(table, 'starts_at').notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('outcome', 12).notNullable();
    table.string('failure_code', 40).notNullable();
    // From the push to the money, as the number of a bucket (payments/hourly-stats); 0 where nothing was paid.
    table.smallint('latency').notNullable();
    table.integer('count').notNullable();
    table.bigInteger('kes').notNullable();
    table.primary(['tenant_id', 'mode', 'minutes', 'starts_at', 'shortcode_id', 'outcome', 'failure_code', 'latency']);
    table.index(['minutes', 'starts_at']);
  });

  await createTable(knex, 'push_minutes', (table) => {
    table.string('mode', 4).notNullable();
    table.string('outcome', 10).notNullable();
    time(table, 'starts_at').notNullable();
    id(table, 'shortcode_id').notNullable();
    // Why it was refused or not sent; empty elsewhere.
    table.string('code', 40).notNullable();
    id(table, 'tenant_id').notNullable();
    table.integer('count').notNullable();
    table.bigInteger('duration_ms').notNullable();
    time(table, 'first_at').notNullable();
    time(table, 'last_at').notNullable();
    table.primary(['shortcode_id', 'outcome', 'starts_at', 'code']);
    table.index(['mode', 'outcome', 'starts_at']);
  });

  await createTable(knex, 'stats_state', (table) => {
    table.integer('id').primary();
    // While the statistics are rebuilt, from the newest payment back: those below this id are still to be counted.
    id(table, 'rebuilding_below');
  });
  await knex('stats_state').insert({ id: 1, rebuilding_below: null });
}
