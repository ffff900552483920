// Balances of a statement that do not run on are a discrepancy of their own: M-PESA moved money there that the file does
// not tell. Where another file tells it, the discrepancy closes itself, whichever of them came first.

import { type Db, inTransaction } from '../platform/database.ts';
import type { Finding } from './discrepancy.ts';
import { closeGone, listDiscrepancies, openFindings } from './discrepancy-store.ts';
import { nairobiDay } from './line.ts';
import type { BalanceBreak, Statement } from './statement.ts';
import { findBridgedLines, findBrokenLine } from './statement-line-store.ts';

interface Deps {
  db: Db;
  now(): number;
}

/** What comes between two rows of a statement is looked for in so much time before the later one. */
const bridgedWithinMs = 7 * 86_400_000;
const mostOpen = 500;

/** Opens what is missing in this statement, and closes what it brought to others. */
export async function noteBalanceBreaks({ db, now }: Deps, statement: Statement): Promise<void> {
  const findings = await findBreaks(db, statement);
  await inTransaction(db, async (trx) => {
    await openFindings(trx, findings, now());
    const filter = { tenantIds: [statement.tenantId], mode: statement.mode, shortcodeId: statement.shortcodeId };
    const open = await listDiscrepancies(
      trx,
      { ...filter, status: 'open', types: ['balance_break'] },
      { limit: mostOpen },
    );
    const lineIds = open.items.flatMap(({ lineId }) => lineId ?? []);
    const bridged = await findBridgedLines(trx, lineIds, bridgedWithinMs);
    const why = (): string => 'A statement tells what was missing there.';
    await closeGone(trx, { types: ['balance_break'], lineIds: bridged }, [], why, now());
  });
}

async function findBreaks(db: Db, statement: Statement): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const one of statement.summary.balance.breaks.listed) {
    const lineId = await findBrokenLine(db, statement.shortcodeId, one);
    if (lineId === null || (await findBridgedLines(db, [lineId], bridgedWithinMs)).length > 0) continue;
    found.push(findingOf(statement, one, lineId));
  }
  return found;
}

function findingOf({ tenantId, mode, shortcodeId }: Statement, one: BalanceBreak, lineId: string): Finding {
  return {
    tenantId,
    mode,
    shortcodeId,
    type: 'balance_break',
    paymentId: null,
    lineId,
    receipt: one.receipt,
    day: nairobiDay(one.at),
    atRiskCents: Math.abs(one.gapCents),
    detail: breakWords(one),
    candidates: [],
  };
}

/** One sentence for people. */
export function breakWords({ receipt, afterReceipt, gapCents }: BalanceBreak): string {
  const kes = (Math.abs(gapCents) / 100).toLocaleString('en-KE', { minimumFractionDigits: 2 });
  const moved = gapCents > 0 ? 'came in' : 'went out';
  return `Between ${afterReceipt} and ${receipt} KES ${kes} ${moved} that the statement does not tell.`;
}
