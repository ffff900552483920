// For the list of late payments. They are one in a thousand, and flags are words in one column, so without this a page of
// them is found by looking at thousands of payments: 160 ms on MariaDB with a million, and not even a full page. The
// column is computed by the database from what is there, so nothing has to be told of it; all others have no place in
// time, and lie together in the index.

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `ALTER TABLE payments ADD COLUMN late_at BIGINT GENERATED ALWAYS AS (CASE WHEN flags LIKE '%late%' THEN created_at END) VIRTUAL`,
  );
  await knex.schema.alterTable('payments', (table) => {
    table.index(['tenant_id', 'mode', 'late_at', 'id'], 'payments_late');
  });
}
