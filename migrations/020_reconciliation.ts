// What M-PESA itself says it moved: lines from its confirmations (C2B), its Pull API and its statements, each immutable;
// where they differ from the payments; and the days that were closed (reconciliation.md).

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'statement_lines', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('environment', 12).notNullable();
    table.string('shortcode', 10).notNullable();
    table.string('source', 9).notNullable();
    // What makes a line the same line, however often it comes: see reconciliation/line.
    table.string('external_key', 80).notNullable();
    id(table, 'statement_id');
    table.string('receipt', 20).notNullable();
    table.string('linked_receipt', 20);
    table.string('kind', 10).notNullable();
    // Money in is positive, money out negative.
    table.bigInteger('amount_cents').notNullable();
    table.bigInteger('balance_cents');
    table.string('account', 60);
    // The payer's number and name, the details and the body as they came.
    table.text('private_sealed', 'mediumtext').notNullable();
    time(table, 'completed_at').notNullable();
    // The Nairobi day of completed_at, YYYY-MM-DD.
    table.string('day', 10).notNullable();
    time(table, 'created_at').notNullable();
    // What matching made of it; all else on this row never changes.
    table.string('status', 10).notNullable();
    table.string('rule', 2);
    id(table, 'payment_id');
    time(table, 'matched_at');
    // Set while matching has work with it; the sweep reads only this.
    time(table, 'due_at').index();
    table.unique(['shortcode_id', 'source', 'external_key']);
    table.index(['shortcode_id', 'day', 'status']);
    table.index(['environment', 'shortcode', 'receipt']);
    table.index(['payment_id']);
    table.index(['statement_id', 'id']);
    table.index(['tenant_id', 'mode', 'completed_at', 'id']);
  });

  await createTable(knex, 'statements', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('file_name', 160).notNullable();
    table.string('file_type', 4).notNullable();
    table.string('format', 8).notNullable();
    table.string('sha256', 64).notNullable();
    table.integer('size_bytes').notNullable();
    table.string('status', 10).notNullable();
    time(table, 'period_from');
    time(table, 'period_to');
    table.bigInteger('opening_cents');
    table.bigInteger('closing_cents');
    table.integer('rows').notNullable();
    // How far an import has come, for whoever watches it.
    table.integer('rows_done').notNullable();
    table.integer('lines_new').notNullable();
    table.integer('lines_known').notNullable();
    // The preview as JSON: totals by kind, balance breaks, errors by line (the first thousand).
    table.text('summary', 'mediumtext').notNullable();
    table.string('created_by', 64).notNullable();
    time(table, 'created_at').notNullable();
    time(table, 'imported_at');
    // The same file twice; null for one that was thrown away.
    table.string('file_key', 100).unique();
    table.index(['tenant_id', 'mode', 'created_at', 'id']);
    table.index(['shortcode_id', 'created_at']);
    table.index(['status', 'created_at']);
  });

  // The file between its preview and its import, in pieces that any database takes; removed afterwards.
  await createTable(knex, 'statement_files', (table) => {
    table.string('id', 48).primary();
    id(table, 'statement_id').notNullable();
    table.integer('part').notNullable();
    table.text('part_sealed', 'mediumtext').notNullable();
    table.unique(['statement_id', 'part']);
  });

  // Which stretch of time a source has told completely: what is not in it by then is missing there.
  await createTable(knex, 'coverages', (table) => {
    id(table, 'shortcode_id').notNullable();
    table.string('source', 9).notNullable();
    time(table, 'from_at').notNullable();
    time(table, 'to_at').notNullable();
    time(table, 'created_at').notNullable();
    table.primary(['shortcode_id', 'source', 'from_at', 'to_at']);
  });

  // What is registered at Safaricom for a shortcode, and where pulling stands.
  await createTable(knex, 'feeds', (table) => {
    id(table, 'shortcode_id').primary();
    time(table, 'c2b_registered_at');
    time(table, 'c2b_last_heard_at');
    time(table, 'pull_registered_at');
    // When it is pulled next; null while pulling is not registered. The sweep reads only this.
    time(table, 'pull_due_at').index();
    time(table, 'pull_hour_at');
    time(table, 'pull_night_at');
    time(table, 'pulled_at');
    table.string('pull_problem', 255);
    table.string('lease_token', 24);
    time(table, 'lease_until');
  });

  await createTable(knex, 'discrepancies', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id');
    table.string('type', 24).notNullable();
    table.string('severity', 8).notNullable();
    // What makes it the same discrepancy when matching runs again.
    table.string('fingerprint', 64).notNullable().unique();
    table.string('status', 8).notNullable();
    id(table, 'payment_id');
    id(table, 'line_id');
    table.string('receipt', 20);
    table.string('day', 10).notNullable();
    table.bigInteger('at_risk_cents').notNullable();
    table.string('detail', 500).notNullable();
    // Ranked, JSON: what an operator may choose from.
    table.text('candidates').notNullable();
    table.integer('version').notNullable();
    table.string('assignee_id', 64);
    table.string('assignee_name', 255);
    time(table, 'opened_at').notNullable();
    time(table, 'closed_at');
    table.string('closed_by', 64);
    table.string('resolution', 20);
    table.string('closed_why', 500);
    table.index(['status', 'severity', 'opened_at']);
    table.index(['tenant_id', 'mode', 'status', 'opened_at', 'id']);
    table.index(['shortcode_id', 'day', 'status']);
    table.index(['payment_id']);
    table.index(['line_id']);
  });

  await createTable(knex, 'discrepancy_notes', (table) => {
    id(table).primary();
    id(table, 'discrepancy_id').notNullable().index();
    table.string('actor', 64).notNullable();
    table.string('actor_name', 255).notNullable();
    table.string('act', 24).notNullable();
    table.string('text', 500).notNullable();
    time(table, 'at').notNullable();
  });

  await createTable(knex, 'daily_closes', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('day', 10).notNullable();
    table.boolean('is_clean').notNullable();
    table.bigInteger('variance_cents').notNullable();
    // Canonical JSON: exactly what the hash was taken of.
    table.text('body', 'mediumtext').notNullable();
    table.string('previous_hash', 64).notNullable();
    table.string('hash', 64).notNullable();
    table.string('closed_by', 64).notNullable();
    table.string('closed_name', 255).notNullable();
    time(table, 'closed_at').notNullable();
    table.unique(['shortcode_id', 'day']);
    table.index(['tenant_id', 'mode', 'day']);
  });
}
