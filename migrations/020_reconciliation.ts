// What M-PESA itself says it moved: lines from its confirmations (C2B), its Pull API and its statements, each immutable;
// where they differ from the payments; and the days that were closed (reconciliation.md).

import type { Knex } from 'knex';
import { dialectOf } from '../src/platform/database.ts';
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
    // Of the account that customers pay into, whose balance it tells; false for a row of another of the organisation's.
    table.boolean('is_main').notNullable();
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
    // The daily close that counted it; null until then. Set once, by the close, so that no line is counted twice or never.
    id(table, 'close_id');
    table.unique(['shortcode_id', 'source', 'external_key']);
    table.index(['shortcode_id', 'close_id', 'day']);
    table.index(['shortcode_id', 'day', 'status']);
    table.index(['environment', 'shortcode', 'receipt']);
    // What was taken back is found from what it took back.
    table.index(['shortcode_id', 'linked_receipt']);
    table.index(['payment_id']);
    table.index(['statement_id', 'id']);
    table.index(['tenant_id', 'mode', 'completed_at', 'id']);
    table.index(['tenant_id', 'mode', 'status', 'completed_at', 'id']);
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
    // Who works on its import, and until when he is believed to be alive; null while there is nothing to do.
    table.string('lease_token', 24);
    time(table, 'lease_until').index();
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
    // The stretch that is being pulled and how far, as JSON: whoever takes over goes on there.
    table.string('pull_progress', 500);
    // The last Nairobi day whose night was reconciled.
    table.string('reconciled_day', 10);
    table.string('lease_token', 24);
    time(table, 'lease_until');
  });

  // What came to a shortcode's own address for confirmations and is no line of it, kept in sight: the same body once.
  await createTable(knex, 'stray_confirmations', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id').notNullable();
    // `unreadable`, or `other_shortcode`.
    table.string('reason', 16).notNullable();
    table.string('named_shortcode', 20);
    table.string('receipt', 20);
    table.bigInteger('amount_cents');
    table.string('source_ip', 45).notNullable();
    table.string('body_hash', 64).notNullable();
    table.text('raw_sealed', 'mediumtext').notNullable();
    time(table, 'at').notNullable();
    table.unique(['shortcode_id', 'body_hash']);
    table.index(['tenant_id', 'mode', 'at', 'id']);
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
    // When it was last held against what it is about; a payment that changed since is looked at again.
    time(table, 'checked_at').notNullable();
    time(table, 'closed_at');
    table.string('closed_by', 64);
    table.string('resolution', 20);
    table.string('closed_why', 500);
    table.index(['status', 'severity', 'opened_at']);
    table.index(['tenant_id', 'mode', 'status', 'opened_at', 'id']);
    table.index(['mode', 'status', 'opened_at', 'id']);
    table.index(['shortcode_id', 'day', 'status']);
    table.index(['status', 'payment_id']);
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
  for (const act of ['update', 'delete'] as const) await refuse(knex, act);
}

/** As for the audit log (004): a day that was closed never changes. */
async function refuse(knex: Knex, act: 'update' | 'delete'): Promise<void> {
  const words = `a closed day never changes: no ${act} of daily_closes`;
  const body =
    dialectOf(knex) === 'mysql'
      ? `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${words}'`
      : `BEGIN SELECT RAISE(ABORT, '${words}'); END`;
  const when = `BEFORE ${act.toUpperCase()} ON daily_closes FOR EACH ROW`;
  await knex.raw(`CREATE TRIGGER daily_closes_no_${act} ${when} ${body}`);
}
