// The moments between and inside the six steps of a webhook, as a test sees them from outside: by the statements that
// reach the database. Nothing of the gateway is replaced or knows of it. A test breaks something at such a moment, or a
// process that was told to ends itself there.

import type { Db } from '../../src/platform/database.ts';

/** `query`: as it is about to be sent; `rows`: as it has found some; `commit`: as the transaction it is in is committed. */
interface Sign {
  at: 'query' | 'rows' | 'commit';
  sql: RegExp;
  /** Only after this was seen. */
  after?: RegExp;
}

const marks = /^update `events` set `fanned_out_at`/;
const leases = /^update `deliveries` set .*`lease_token` = \?.*attempt_count \+ 1/;
const locks = /^select \* from `deliveries` where `id` in .* order by `id`/;

const signs = {
  /** The change is committed with its event; the fan-out has seen it and written nothing. */
  recorded: { at: 'rows', sql: /^select .* from `events` where `fanned_out_at` is null/ },
  /** Its deliveries are written, in a transaction that is open. */
  fanningOut: { at: 'query', sql: marks },
  /** The fan-out is committed, nothing is claimed. */
  fannedOut: { at: 'query', sql: /^select `endpoint_id`, `tenant_id`, `lane`, count/, after: marks },
  /** The endpoints are locked, and what is due at them is about to be leased. */
  claiming: { at: 'query', sql: leases },
  /** The claim is written and its COMMIT is about to be sent. */
  committingClaim: { at: 'commit', sql: leases },
  /** The claim is committed, nothing is sent. */
  claimed: { at: 'query', sql: /^select `id`, `body_sealed` from `events`/ },
  /** An answer has come, nothing of it is written. */
  answered: { at: 'query', sql: locks },
  /** All that an answer changes is written, and its COMMIT is about to be sent. */
  finishing: { at: 'commit', sql: locks },
} satisfies Record<string, Sign>;

export type WebhookStep = keyof typeof signs;

export function isWebhookStep(name: string | undefined): name is WebhookStep {
  return name !== undefined && name in signs;
}

interface Statement {
  sql: string;
  __knexTxId?: string;
}

/** Calls `act` the first time a gateway gets there, before it goes on; `act` must not throw. */
export function atWebhookStep(db: Db, step: WebhookStep, act: () => void): void {
  const { at, sql, after }: Sign = signs[step];
  let isOver = false;
  let isArmed = after === undefined;
  let transaction: string | undefined;

  function fire(): void {
    if (isOver) return;
    isOver = true;
    db.off('query', asked).off('query-response', answered);
    act();
  }

  function asked(statement: Statement): void {
    if (after?.test(statement.sql)) isArmed = true;
    if (at === 'query' && isArmed && sql.test(statement.sql)) fire();
    if (at !== 'commit') return;
    if (sql.test(statement.sql)) transaction = statement.__knexTxId;
    if (transaction !== undefined && statement.sql === 'COMMIT;' && statement.__knexTxId === transaction) fire();
  }

  function answered(found: unknown, statement: Statement): void {
    if (at === 'rows' && sql.test(statement.sql) && Array.isArray(found) && found.length > 0) fire();
  }

  db.on('query', asked).on('query-response', answered);
}
