// Imports of statements beside everything else a process does: begun by a page, gone on with by a worker where whoever
// began is gone, and stopped between two steps when the process ends. Previews that nobody imported are dropped.

import { type Db, inTransaction } from '../platform/database.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { claimImport, type ImportClaim, type ImportDeps, runImport } from './import-statement.ts';
import { listLeftFilesAcrossTenants, removePieces } from './statement-file-store.ts';
import { discardPreview, listOldPreviewsAcrossTenants, listStrandedAcrossTenants } from './statement-store.ts';

export interface StatementParts extends ImportDeps {
  logger: Logger;
}

export interface Statements {
  /** Does what was claimed, beside everything else. */
  begin(claim: ImportClaim): void;
  /**
   * Goes on with imports whose worker is gone, and forgets previews of yesterday and files that nothing needs any more.
   * @returns how many imports
   */
  tend(): Promise<number>;
  /** Waits for what was begun. */
  settled(): Promise<void>;
  /** Stops what was begun between two steps and waits for that. */
  stop(): Promise<void>;
}

const keptMs = 24 * 3_600_000;
const atOnce = 50;

export function connectStatements(parts: StatementParts): Statements {
  const { db, now, logger } = parts;
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function run(claim: ImportClaim): Promise<void> {
    const since = now();
    try {
      const done = await runImport(parts, claim, { signal: stopping.signal });
      const { id, tenantId, rows, linesNew, linesKnown } = done;
      const counts = { rows, lines_new: linesNew, lines_known: linesKnown, duration_ms: now() - since };
      logger.info('statement.imported', { statement_id: id, tenant_id: tenantId, ...counts });
    } catch (thrown) {
      if (stopping.signal.aborted) return;
      logger.warn('statement.not_imported', { statement_id: claim.statementId, detail: messageOf(thrown) });
    }
  }

  function begin(claim: ImportClaim): void {
    const doing: Promise<void> = run(claim).finally(() => underWay.delete(doing));
    underWay.add(doing);
  }

  async function resume(): Promise<number> {
    let resumed = 0;
    for (const statementId of await listStrandedAcrossTenants(db, now(), atOnce)) {
      if (stopping.signal.aborted) break;
      const claim = await takeOver(db, statementId, now());
      if (claim === null) continue;
      await run(claim);
      resumed += 1;
    }
    return resumed;
  }

  async function dropOld(): Promise<void> {
    const before = now() - keptMs;
    for (const statementId of await listOldPreviewsAcrossTenants(db, before, atOnce))
      await discardPreview(db, statementId);
    for (const statementId of await listLeftFilesAcrossTenants(db, before)) await removePieces(db, statementId);
  }

  return {
    begin,
    async tend() {
      await dropOld();
      return resume();
    },
    settled: async () => void (await Promise.all(underWay)),
    async stop() {
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}

/** Null when another worker was first. */
async function takeOver(db: Db, statementId: string, now: number): Promise<ImportClaim | null> {
  try {
    return await inTransaction(db, (trx) => claimImport(trx, statementId, now));
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}
