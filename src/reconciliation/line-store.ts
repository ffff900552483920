// SQL for the lines of M-PESA's own record. A line never changes but for what matching made of it; the same line heard
// again is not stored again.

import type { LineKind, LineSource, SourceLine } from '../mpesa/source-line.ts';
import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';
import { externalKey, isMatched, type Line, type LineOwner, nairobiDay } from './line.ts';

interface Row {
  id: string;
  tenant_id: string;
  mode: Line['mode'];
  shortcode_id: string;
  environment: Line['environment'];
  shortcode: string;
  source: LineSource;
  external_key: string;
  statement_id: string | null;
  receipt: string;
  linked_receipt: string | null;
  kind: LineKind;
  amount_cents: number;
  balance_cents: number | null;
  is_main: boolean;
  account: string | null;
  private_sealed: string;
  completed_at: number;
  day: string;
  created_at: number;
  status: Line['status'];
  rule: Line['rule'];
  payment_id: string | null;
  matched_at: number | null;
  due_at: number | null;
}

/** What is not for every eye, in one box. */
type Private = Pick<SourceLine, 'phone' | 'payerName' | 'details' | 'raw'>;

const sealedBox = (id: string): [string, string, string] => ['statement_lines', 'private_sealed', id];

/**
 * Adds what is new; how many lines were. The same line in one call, or heard before, counts once.
 * @param lines of one shortcode; a few hundred at a time
 * @param isHeld matching does not look at them yet: more lines belong to them
 */
export async function addLines(
  db: Db,
  sealer: Sealer,
  owner: LineOwner,
  lines: readonly SourceLine[],
  { now, statementId = null, isHeld = false }: { now: number; statementId?: string | null; isHeld?: boolean },
): Promise<number> {
  const rows = lines.map((line): Row => {
    const id = newId('lin');
    const { phone, payerName, details, raw } = line;
    const hidden: Private = { phone, payerName, details, raw };
    return {
      id,
      tenant_id: owner.tenantId,
      mode: owner.mode,
      shortcode_id: owner.shortcodeId,
      environment: owner.environment,
      shortcode: owner.shortcode,
      source: line.source,
      external_key: externalKey(line),
      statement_id: statementId,
      receipt: line.receipt,
      linked_receipt: line.linkedReceipt,
      kind: line.kind,
      amount_cents: line.amountCents,
      balance_cents: line.balanceCents,
      is_main: line.isMain ?? true,
      account: line.account?.slice(0, 60) ?? null,
      private_sealed: sealer.seal(JSON.stringify(hidden), sealedBox(id)),
      completed_at: line.completedAt,
      day: nairobiDay(line.completedAt),
      created_at: now,
      status: isMatched(line) ? 'new' : 'classified',
      rule: isMatched(line) ? null : 'R7',
      payment_id: null,
      matched_at: null,
      due_at: isMatched(line) && !isHeld ? now : null,
    };
  });
  return insertIgnoringDuplicates(db, 'statement_lines', rows);
}

// biome-ignore lint/suspicious/noExplicitAny: a row as knex gives it; this function is what types it
export function toLine(row: any, sealer: Sealer): Line {
  const typed = row as Row;
  const hidden = JSON.parse(sealer.open(typed.private_sealed, sealedBox(typed.id))) as Private;
  return {
    ...hidden,
    id: typed.id,
    tenantId: typed.tenant_id,
    mode: typed.mode,
    shortcodeId: typed.shortcode_id,
    environment: typed.environment,
    shortcode: typed.shortcode,
    source: typed.source,
    statementId: typed.statement_id,
    receipt: typed.receipt,
    linkedReceipt: typed.linked_receipt,
    kind: typed.kind,
    amountCents: Number(typed.amount_cents),
    isMain: Boolean(typed.is_main),
    balanceCents: typed.balance_cents === null ? null : Number(typed.balance_cents),
    account: typed.account,
    completedAt: Number(typed.completed_at),
    day: typed.day,
    createdAt: Number(typed.created_at),
    status: typed.status,
    rule: typed.rule,
    paymentId: typed.payment_id,
    matchedAt: typed.matched_at,
    dueAt: typed.due_at,
  };
}
