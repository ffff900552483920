// Who may call, and the secrets they call with: tenants, their shortcodes and API keys; the keys that hash and sign
// (each sealed by the master key); and the processes that are alive.

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'data_keys', (table) => {
    table.string('purpose', 32).primary();
    table.text('key_sealed').notNullable();
    time(table, 'created_at').notNullable();
  });

  await createTable(knex, 'tenants', (table) => {
    id(table).primary();
    table.string('name', 120).notNullable();
    table.string('status', 12).notNullable();
    time(table, 'created_at').notNullable();
  });

  await createTable(knex, 'shortcodes', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    table.string('environment', 12).notNullable();
    table.string('kind', 8).notNullable();
    table.string('shortcode', 10).notNullable();
    table.string('till', 10);
    table.string('status', 8).notNullable();
    table.boolean('is_default').notNullable();
    table.text('credentials_sealed').notNullable();
    table.string('credential_id', 32).notNullable();
    // In production a number belongs to one tenant; in the sandbox many share 174379 (api.md). Null leaves the index alone.
    table.string('production_number', 10).unique();
    time(table, 'last_callback_at');
    time(table, 'created_at').notNullable();
    time(table, 'updated_at').notNullable();
    table.unique(['tenant_id', 'mode', 'shortcode']);
  });

  await createTable(knex, 'api_keys', (table) => {
    id(table).primary();
    table.string('public_id', 8).notNullable().unique();
    id(table, 'tenant_id').notNullable().index();
    table.string('mode', 4).notNullable();
    table.string('name', 120).notNullable();
    table.string('secret_hash', 48).notNullable();
    table.text('scopes').notNullable();
    table.text('allowed_ips').notNullable();
    time(table, 'expires_at');
    time(table, 'revoked_at');
    time(table, 'created_at').notNullable();
  });

  await createTable(knex, 'api_key_uses', (table) => {
    id(table, 'key_id').notNullable();
    table.string('scope', 20).notNullable();
    time(table, 'last_used_at').notNullable();
    table.primary(['key_id', 'scope']);
  });

  await createTable(knex, 'workers', (table) => {
    table.string('id', 64).primary();
    table.string('host', 120).notNullable();
    table.string('version', 20).notNullable();
    time(table, 'started_at').notNullable();
    time(table, 'seen_at').notNullable().index();
  });
}
