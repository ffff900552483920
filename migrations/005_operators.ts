// People in the console: operators, their sessions, and the one-time links that make the first owner or let somebody
// set a password. Tokens rest as keyed hashes, authenticator secrets sealed.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'operators', (table) => {
    id(table).primary();
    table.string('email', 254).notNullable().unique();
    table.string('role', 8).notNullable();
    // Null: all tenants.
    id(table, 'tenant_id');
    table.string('status', 8).notNullable();
    table.string('password_hash', 160).notNullable();
    table.string('totp_sealed', 160);
    // The last time step a code was taken for: a code works once.
    table.bigInteger('totp_step').notNullable();
    // JSON: keyed hashes of the recovery codes that were not used.
    table.text('recovery_hashes').notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'signed_in_at');
  });

  await createTable(knex, 'sessions', (table) => {
    // The keyed hash of the cookie.
    table.string('id', 48).primary();
    id(table, 'operator_id').notNullable().index();
    // `password`: the code is still to come. `full`: signed in.
    table.string('stage', 8).notNullable();
    table.string('ip', 45).notNullable();
    table.string('user_agent', 160).notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'seen_at').notNullable();
    time(table, 'stepped_up_at');
  });

  await createTable(knex, 'one_time_links', (table) => {
    table.string('id', 48).primary();
    // `owner`: makes the first one. `password`: sets one, and enrols anew.
    table.string('purpose', 8).notNullable();
    id(table, 'operator_id');
    time(table, 'created_at').notNullable();
    time(table, 'expires_at').notNullable();
    time(table, 'used_at');
  });
}
