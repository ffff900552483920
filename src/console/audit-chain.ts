// Whether the audit log's chain holds, for whoever looks at a page: what was added since the last look is checked at each
// look, the whole of it every half hour, because a row that was checked can still be changed afterwards.

import { type AuditVerdict, verifyAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';

export interface AuditChain {
  /** Looks a few seconds apart share one answer. */
  verdict(): Promise<AuditVerdict>;
  /** What the last look found, while the next one is under way: the whole of a long log takes seconds. Null at first. */
  known(): AuditVerdict | null;
}

const believedForMs = 5000;
const wholeEveryMs = 30 * 60_000;

export function createAuditChain({ db, auditKey, now }: { db: Db; auditKey: Buffer; now(): number }): AuditChain {
  let verified: { seq: number; hash: string } | undefined;
  let wholeAt = 0;
  let asked: { at: number; verdict: Promise<AuditVerdict> } | null = null;
  let found: AuditVerdict | null = null;

  async function look(): Promise<AuditVerdict> {
    const isWhole = verified === undefined || now() - wholeAt >= wholeEveryMs;
    const verdict = await verifyAudit(db, auditKey, isWhole ? undefined : verified);
    if (isWhole) wholeAt = now();
    verified = verdict.isIntact ? { seq: verdict.lastSeq, hash: verdict.hash ?? '' } : undefined;
    found = verdict;
    return verdict;
  }

  function verdict(): Promise<AuditVerdict> {
    const age = asked === null ? Number.POSITIVE_INFINITY : now() - asked.at;
    if (asked !== null && age >= 0 && age < believedForMs) return asked.verdict;
    const asking = { at: now(), verdict: look() };
    asked = asking;
    asking.verdict.catch(() => {
      if (asked === asking) asked = null;
    });
    return asking.verdict;
  }

  return {
    verdict,
    known() {
      void verdict().catch(() => undefined);
      return found;
    },
  };
}
