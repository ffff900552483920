// What an operator or a command does, and the line that says who did it, in one transaction: both happen or neither.
// Every change of tenants, shortcodes and keys goes through here, whether it was asked for on a page or on the command
// line. Reasons are people's own words, so a customer's number in one is masked like everywhere else.

import { type AuditEntry, appendAudit, type By } from '../platform/audit-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { redactText } from '../platform/redaction.ts';
import { invalid } from '../platform/validation.ts';

export type { By };

export interface ActDeps {
  db: Db;
  now(): number;
  auditKey: Buffer;
}

export interface Act<T> {
  result: T;
  /** Null: nothing was changed, so there is nothing to write down. */
  entry: Omit<AuditEntry, 'actor' | 'ip'> | null;
}

/** @param act changes what is to be changed in this transaction; run again when the engine asks for it */
export function auditAct<T>(deps: ActDeps, by: By, act: (trx: Db) => Promise<Act<T>>): Promise<T> {
  return inTransaction(deps.db, async (trx) => {
    const { result, entry } = await act(trx);
    if (entry !== null) {
      const reason = entry.reason == null ? null : redactText(entry.reason);
      await appendAudit(trx, deps.auditKey, { ...entry, ...by, reason }, deps.now());
    }
    return result;
  });
}

/** A reason that others will read. @throws AppError `invalid_request` when it says nothing */
export function readReason(text: string): string {
  const reason = text.trim();
  if (reason.length >= 3 && reason.length <= 500) return reason;
  throw invalid([
    { parameter: 'reason', code: 'required', detail: 'Write why, in 3 to 500 characters: others will read it.' },
  ]);
}
