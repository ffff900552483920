// Whether the closed days are as they were closed: each body fits its hash and its row, each follows the day before it by
// its hash and by the calendar, and the audit log, which only who holds the master key could write anew, names the same
// hash for each. So it shows when a day was changed, taken out, put in, or when a whole chain was made up.

import { listAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';
import { type CloseBody, type DailyClose, hashOf, noHash, readBody } from './close.ts';
import { listClosedShortcodeIds, listClosesOf } from './close-store.ts';
import { dayAfter } from './nairobi-days.ts';

/** The act that the audit log has for each close, with what it says after it. */
export const closedAction = 'day.closed';

export type ClosesVerdict =
  | { isIntact: true; days: number }
  | { isIntact: false; shortcodeId: string; day: string; why: string };

const batch = 200;

/** The first broken day of the first shortcode that has one. @param shortcodeId null: all shortcodes */
export async function verifyCloses(db: Db, shortcodeId: string | null = null): Promise<ClosesVerdict> {
  const audited = await readAudited(db);
  const closed = await listClosedShortcodeIds(db);
  const all = [...new Set([...closed, ...audited.keys()])].sort();
  let days = 0;
  for (const id of shortcodeId === null ? all : [shortcodeId]) {
    const verdict = await verifyChain(db, id, audited.get(id) ?? new Map());
    if (!verdict.isIntact) return verdict;
    days += verdict.days;
  }
  return { isIntact: true, days };
}

/** @param audited the hash of each day, as the audit log has it */
async function verifyChain(db: Db, shortcodeId: string, audited: ReadonlyMap<string, string>): Promise<ClosesVerdict> {
  const left = new Map(audited);
  let previous: DailyClose | null = null;
  let days = 0;
  for (;;) {
    const closes: DailyClose[] = await listClosesOf(db, shortcodeId, previous?.day ?? null, batch);
    for (const close of closes) {
      const missing = previous === null || close.day === dayAfter(previous.day) ? null : dayAfter(previous.day);
      if (missing !== null) return { isIntact: false, shortcodeId, day: missing, why: 'the day is missing' };
      const why = whatIsWrong(close, previous?.hash ?? noHash) ?? auditProblem(close, left.get(close.day));
      if (why !== null) return { isIntact: false, shortcodeId, day: close.day, why };
      left.delete(close.day);
      previous = close;
      days += 1;
    }
    if (closes.length < batch) break;
  }
  const [gone] = [...left.keys()].sort();
  if (gone !== undefined) return { isIntact: false, shortcodeId, day: gone, why: 'the day was taken out' };
  return { isIntact: true, days };
}

function whatIsWrong(close: DailyClose, previousHash: string): string | null {
  if (hashOf(close.body) !== close.hash) return 'its body does not fit its hash';
  const body = readBody(close);
  if (close.previousHash !== previousHash || body.previousHash !== previousHash)
    return 'it does not follow the day before it';
  return rowProblem(close, body) ? 'its row says something else than its body' : null;
}

/** The columns beside the body are for lists; they must say the same. */
function rowProblem(close: DailyClose, body: CloseBody): boolean {
  const { tenantId, mode, shortcodeId, day, isClean, closedAt, closedBy } = body;
  const said = [tenantId, mode, shortcodeId, day, isClean, closedAt, closedBy, body.variance.totalCents];
  const shown = [close.tenantId, close.mode, close.shortcodeId, close.day, close.isClean, close.closedAt];
  return [...shown, close.closedBy, close.varianceCents].some((value, index) => value !== said[index]);
}

function auditProblem({ hash }: DailyClose, audited: string | undefined): string | null {
  if (audited === undefined) return 'the audit log does not know of it';
  return audited === hash ? null : 'the audit log has another hash for it';
}

/** The hash of each day that was closed, by shortcode. */
async function readAudited(db: Db): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  for (let beforeSeq: number | undefined; ; ) {
    const rows = await listAudit(db, { tenantId: null, action: closedAction, beforeSeq, limit: batch });
    for (const { after } of rows) {
      const { shortcode_id, day, hash } = after as Record<string, string>;
      const days = found.get(shortcode_id!) ?? new Map<string, string>();
      found.set(shortcode_id!, days.set(day!, hash!));
    }
    if (rows.length < batch) return found;
    beforeSeq = rows.at(-1)!.seq;
  }
}
