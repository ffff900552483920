// Whether the audit log's chain holds, for whoever looks at a page: what was added since the last look is checked at each
// look, the whole of it every half hour, because a row that was checked can still be changed afterwards.

import { type AuditVerdict, verifyAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';

export interface AuditChain {
  /** Looks a few seconds apart share one answer. */
  verdict(): Promise<AuditVerdict>;
}

const believedForMs = 5000;
const wholeEveryMs = 30 * 60_000;

export function createAuditChain({ db, auditKey, now }: { db: Db; auditKey: Buffer; now(): number }): AuditChain {
  let verified: { seq: number; hash: string } | undefined;
  let wholeAt = 0;
  let known: { at: number; verdict: Promise<AuditVerdict> } | null = null;

  async function look(): Promise<AuditVerdict> {
    const isWhole = verified === undefined || now() - wholeAt >= wholeEveryMs;
    const found = await verifyAudit(db, auditKey, isWhole ? undefined : verified);
    if (isWhole) wholeAt = now();
    verified = found.isIntact ? { seq: found.lastSeq, hash: found.hash ?? '' } : undefined;
    return found;
  }

  return {
    verdict() {
      const age = known === null ? Number.POSITIVE_INFINITY : now() - known.at;
      if (known !== null && age >= 0 && age < believedForMs) return known.verdict;
      const asked = { at: now(), verdict: look() };
      known = asked;
      asked.verdict.catch(() => {
        if (known === asked) known = null;
      });
      return asked.verdict;
    },
  };
}
