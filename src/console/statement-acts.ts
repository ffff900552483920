// What people do with statements, on a page or on the command line: give a file, decide that it is imported, throw a
// preview away. Each is written down in the transaction that does it. The lines then come in by themselves.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import { appendAudit } from '../platform/audit-store.ts';
import { AppError } from '../platform/errors.ts';
import { claimImport, type ImportClaim } from '../reconciliation/import-statement.ts';
import {
  type PreviewDeps,
  type Previewed,
  previewStatement,
  type Upload,
} from '../reconciliation/preview-statement.ts';
import type { Statement } from '../reconciliation/statement.ts';
import { removePieces } from '../reconciliation/statement-file-store.ts';
import { discardPreview, lockStatement } from '../reconciliation/statement-store.ts';
import { type ActDeps, auditAct, type By } from './audit-act.ts';

export type StatementActDeps = ActDeps & PreviewDeps;

/** @throws AppError for a file that is no statement of this shortcode */
export function previewStatementAs(
  deps: StatementActDeps,
  by: By,
  shortcode: Shortcode,
  file: Pick<Upload, 'fileName' | 'bytes'>,
): Promise<Previewed> {
  return previewStatement(deps, { ...file, shortcode, createdBy: by.actor.id }, async (trx, statement) => {
    const entry = { action: 'statement.uploaded', tenantId: statement.tenantId, target: statement.id };
    const { summary, fileName } = statement;
    const after = { file: fileName, shortcode: shortcode.shortcode, rows: summary.rows, errors: summary.errors.count };
    await appendAudit(trx, deps.auditKey, { ...entry, ...by, after }, deps.now());
  });
}

/** Decides that a statement is imported, or goes on where an import was broken off. */
export function importStatementAs(deps: StatementActDeps, by: By, statementId: string): Promise<ImportClaim> {
  return auditAct(deps, by, async (trx) => {
    const before = await lockStatement(trx, statementId);
    const result = await claimImport(trx, statementId, deps.now());
    return { result, entry: { action: 'statement.imported', ...aboutOf(before!) } };
  });
}

/** @throws AppError when it was decided on already */
export async function discardStatementAs(deps: StatementActDeps, by: By, statementId: string): Promise<void> {
  await auditAct(deps, by, async (trx) => {
    const before = await lockStatement(trx, statementId);
    if (before === undefined || !(await discardPreview(trx, statementId)))
      throw new AppError('invalid_request', 'It was decided on already, and cannot be thrown away.');
    return { result: undefined, entry: { action: 'statement.discarded', ...aboutOf(before) } };
  });
  await removePieces(deps.db, statementId);
}

function aboutOf({ tenantId, id, fileName, summary }: Statement) {
  const { lines, known, errors } = summary;
  return { tenantId, target: id, after: { file: fileName, lines, known_before: known, errors: errors.count } };
}
