// SQL for the lines of one statement: which of them are known already, when matching may look at them, what became of
// them, and whether what their balances lack has come from elsewhere.

import type { SourceLine } from '../mpesa/source-line.ts';
import type { Db } from '../platform/database.ts';
import { externalKey, type LineStatus } from './line.ts';
import type { BalanceBreak } from './statement.ts';

/** How many of these lines are there already, from any statement. @param lines a few hundred at a time */
export async function countKnownLines(db: Db, shortcodeId: string, lines: readonly SourceLine[]): Promise<number> {
  if (lines.length === 0) return 0;
  const row = await db('statement_lines')
    .where({ shortcode_id: shortcodeId, source: 'statement' })
    .whereIn('external_key', lines.map(externalKey))
    .count({ found: '*' })
    .first();
  return Number(row?.found ?? 0);
}

export async function countLinesOf(db: Db, statementId: string): Promise<number> {
  const row = await db('statement_lines').where({ statement_id: statementId }).count({ found: '*' }).first();
  return Number(row?.found ?? 0);
}

export interface LineFates {
  /** Matched by the rules or by an operator. */
  matched: number;
  suggested: number;
  /** Differ from their payment, are ambiguous, or belong to none: discrepancies. */
  different: number;
  /** Not looked at yet. */
  waiting: number;
}

export async function countFates(db: Db, statementId: string): Promise<LineFates> {
  const rows: { status: LineStatus; found: number }[] = await db('statement_lines')
    .where({ statement_id: statementId })
    .groupBy('status')
    .select('status')
    .count({ found: '*' });
  const of = (...statuses: LineStatus[]): number =>
    rows.filter(({ status }) => statuses.includes(status)).reduce((sum, { found }) => sum + Number(found), 0);
  return {
    matched: of('matched'),
    suggested: of('suggested'),
    different: of('mismatch', 'ambiguous', 'orphan'),
    waiting: of('new'),
  };
}

/**
 * Lets matching look at some lines of a statement that were held. Goes through them by id, from `afterId` on.
 * @returns where to go on; null when there are no more
 */
export async function releaseLines(
  db: Db,
  statementId: string,
  { afterId, size, now }: { afterId: string; size: number; now: number },
): Promise<string | null> {
  const ids: string[] = await db('statement_lines')
    .where({ statement_id: statementId })
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(size)
    .pluck('id');
  const last = ids.at(-1);
  if (last === undefined) return null;
  await db('statement_lines')
    .where({ statement_id: statementId, status: 'new' })
    .whereNull('due_at')
    .where('id', '>', afterId)
    .where('id', '<=', last)
    .update({ due_at: now });
  return last;
}

/** The line that a balance break stands before. */
export async function findBrokenLine(db: Db, shortcodeId: string, one: BalanceBreak): Promise<string | null> {
  const { receipt, amountCents, balanceCents } = one;
  const external_key = externalKey({ source: 'statement', receipt, amountCents, balanceCents });
  const row = await db('statement_lines')
    .where({ shortcode_id: shortcodeId, source: 'statement', external_key })
    .first('id');
  return (row as { id: string } | undefined)?.id ?? null;
}

interface Placed {
  id: string;
  tenant_id: string;
  mode: string;
  shortcode_id: string;
  amount_cents: number;
  balance_cents: number;
  completed_at: number;
}

/**
 * Those of these lines that begin with what another line of the time before them ended with: nothing is missing there.
 * Rides on `(tenant_id, mode, completed_at, id)`.
 */
export async function findBridgedLines(db: Db, lineIds: readonly string[], withinMs: number): Promise<string[]> {
  const lines: Placed[] = await db('statement_lines').whereIn('id', [...lineIds]);
  const bridged: string[] = [];
  for (const line of lines) {
    const [at, before] = [Number(line.completed_at), Number(line.balance_cents) - Number(line.amount_cents)];
    const found = await db('statement_lines')
      .where({ tenant_id: line.tenant_id, mode: line.mode, shortcode_id: line.shortcode_id, source: 'statement' })
      .whereBetween('completed_at', [at - withinMs, at])
      .where({ balance_cents: before })
      .whereNot({ id: line.id })
      .first('id');
    if (found !== undefined) bridged.push(line.id);
  }
  return bridged;
}
