// The heart: payments, what happened to each, the evidence for it, the receipts it may be known by, and the events that
// tell it. The unique indexes carry the promises (design.md section 5).

import type { Knex } from 'knex';
import { createTable, id, time } from '../src/platform/schema.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'payments', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('shortcode', 10).notNullable();
    table.string('environment', 12).notNullable();
    table.string('status', 12).notNullable();
    table.integer('version').notNullable();
    table.string('flags', 120).notNullable();
    table.integer('amount_kes').notNullable();
    table.integer('amount_received_kes');
    table.string('phone_sealed', 160).notNullable();
    table.string('phone_index', 32).notNullable();
    table.string('phone_tail', 3).notNullable();
    table.string('reference', 12).notNullable();
    table.string('description', 13).notNullable();
    table.text('metadata').notNullable();
    // The key in its quoted form, so that no engine's padding rules make "k " equal "k".
    table.string('idempotency_key', 520).notNullable();
    table.string('request_hash', 48).notNullable();
    // Held by the first payment with these details in a window of time; see payments/duplicate-window.
    table.string('guard_even', 24);
    table.string('guard_odd', 24);
    id(table, 'retry_of');
    id(table, 'payment_link_id');
    table.string('merchant_request_id', 64);
    table.string('checkout_request_id', 64).unique();
    table.string('mpesa_receipt', 20).index();
    table.string('confirmed_by', 12);
    table.string('failure_code', 40);
    table.string('provider_code', 40);
    table.string('provider_message', 255);
    table.string('review_reason', 20);
    time(table, 'created_at').notNullable();
    time(table, 'submitted_at');
    time(table, 'completed_at');
    time(table, 'expires_at').notNullable();
    time(table, 'updated_at').notNullable();
    // When a worker must look at this payment again; null when there is nothing left to do. The sweep reads only this.
    time(table, 'due_at').index();
    table.integer('attempt_count').notNullable();
    time(table, 'next_attempt_at');
    table.string('lease_token', 24);
    time(table, 'lease_until');
    time(table, 'next_ask_at');
    time(table, 'last_asked_at');
    time(table, 'last_answered_at');
    time(table, 'first_denied_at');
    table.unique(['tenant_id', 'mode', 'idempotency_key']);
    table.unique(['guard_even']);
    table.unique(['guard_odd']);
    table.index(['tenant_id', 'mode', 'created_at', 'id']);
    // Rare statuses (`unknown`, `needs_review`) must be found without reading past all that were paid.
    table.index(['tenant_id', 'mode', 'status', 'created_at', 'id']);
    table.index(['tenant_id', 'mode', 'phone_index', 'created_at']);
    table.index(['tenant_id', 'mode', 'reference', 'created_at']);
  });

  await createTable(knex, 'payment_transitions', (table) => {
    id(table, 'payment_id').notNullable();
    table.integer('version').notNullable();
    id(table, 'tenant_id').notNullable();
    table.string('from_status', 12).notNullable();
    table.string('to_status', 12).notNullable();
    table.string('cause', 160).notNullable();
    id(table, 'evidence_id');
    table.string('actor', 64).notNullable();
    time(table, 'at').notNullable();
    table.primary(['payment_id', 'version']);
  });

  await createTable(knex, 'evidence', (table) => {
    id(table).primary();
    id(table, 'payment_id').notNullable();
    id(table, 'tenant_id').notNullable();
    id(table, 'shortcode_id').notNullable();
    table.string('source', 12).notNullable();
    table.string('strength', 1);
    table.string('verdict', 20).notNullable();
    table.string('result_code', 40);
    table.string('detail', 255);
    table.string('receipt', 20);
    table.bigInteger('amount_cents');
    table.string('source_ip', 45);
    table.integer('http_status');
    table.integer('duration_ms');
    table.text('raw_sealed', 'mediumtext');
    time(table, 'at').notNullable();
    table.index(['payment_id', 'at']);
  });

  await createTable(knex, 'receipts', (table) => {
    table.string('environment', 12).notNullable();
    table.string('shortcode', 10).notNullable();
    table.string('receipt', 20).notNullable();
    id(table, 'payment_id');
    table.string('first_source', 12).notNullable();
    table.bigInteger('amount_cents');
    time(table, 'first_heard_at').notNullable();
    table.primary(['environment', 'shortcode', 'receipt']);
  });

  await createTable(knex, 'events', (table) => {
    id(table).primary();
    id(table, 'tenant_id').notNullable();
    table.string('mode', 4).notNullable();
    table.string('type', 40).notNullable();
    id(table, 'object_id').notNullable();
    table.string('dedupe_key', 64).notNullable();
    // The exact bytes to send, sealed: they hold the customer's number.
    table.text('body_sealed', 'mediumtext').notNullable();
    time(table, 'created_at').notNullable();
    table.unique(['tenant_id', 'dedupe_key']);
    table.index(['tenant_id', 'mode', 'created_at', 'id']);
  });
}
