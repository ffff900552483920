// What waits for a second person may be a secret: new credentials of a shortcode. It rests sealed, apart from what
// pages and the audit log show, and is removed as soon as the request has come to its end.

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('approvals', (table) => {
    table.text('secret_sealed');
  });
}
