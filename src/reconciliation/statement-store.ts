// SQL for statements: files that were shown, are coming in, or are in. Whoever works on an import holds a lease; when it
// runs out, somebody else goes on. Lists page by keyset, newest first.

import { type Db, forUpdate, isUniqueViolation } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Statement, StatementStatus } from './statement.ts';

interface Row {
  id: string;
  tenant_id: string;
  mode: Mode;
  shortcode_id: string;
  file_name: string;
  file_type: Statement['fileType'];
  format: Statement['format'];
  sha256: string;
  size_bytes: number;
  status: StatementStatus;
  period_from: number | null;
  period_to: number | null;
  opening_cents: number | null;
  closing_cents: number | null;
  rows: number;
  rows_done: number;
  lines_new: number;
  lines_known: number;
  summary: string;
  created_by: string;
  created_at: number;
  imported_at: number | null;
  lease_until: number | null;
}

const fileKey = (shortcodeId: string, sha256: string): string => `${shortcodeId}:${sha256}`;

/** @returns false when this file of this shortcode is here already */
export async function insertStatement(trx: Db, statement: Statement): Promise<boolean> {
  const row: Row & { file_key: string } = {
    id: statement.id,
    tenant_id: statement.tenantId,
    mode: statement.mode,
    shortcode_id: statement.shortcodeId,
    file_name: statement.fileName,
    file_type: statement.fileType,
    format: statement.format,
    sha256: statement.sha256,
    size_bytes: statement.sizeBytes,
    status: statement.status,
    period_from: statement.periodFrom,
    period_to: statement.periodTo,
    opening_cents: statement.openingCents,
    closing_cents: statement.closingCents,
    rows: statement.rows,
    rows_done: statement.rowsDone,
    lines_new: statement.linesNew,
    lines_known: statement.linesKnown,
    summary: JSON.stringify(statement.summary),
    created_by: statement.createdBy,
    created_at: statement.createdAt,
    imported_at: statement.importedAt,
    lease_until: statement.leaseUntil,
    file_key: fileKey(statement.shortcodeId, statement.sha256),
  };
  try {
    await trx('statements').insert(row);
    return true;
  } catch (thrown) {
    if (isUniqueViolation(thrown)) return false;
    throw thrown;
  }
}

export async function findStatementAcrossTenants(db: Db, statementId: string): Promise<Statement | undefined> {
  const row: Row | undefined = await db('statements').where({ id: statementId }).first();
  return row === undefined ? undefined : toStatement(row);
}

/** The same file of the same shortcode, unless it was thrown away. */
export async function findStatementOfFile(db: Db, shortcodeId: string, sha256: string): Promise<Statement | undefined> {
  const row: Row | undefined = await db('statements')
    .where({ file_key: fileKey(shortcodeId, sha256) })
    .first();
  return row === undefined ? undefined : toStatement(row);
}

/** Held until the transaction ends. */
export async function lockStatement(trx: Db, statementId: string): Promise<Statement | undefined> {
  const row: Row | undefined = await forUpdate(trx('statements').where({ id: statementId }), trx).first();
  return row === undefined ? undefined : toStatement(row);
}

export interface Lease {
  token: string;
  until: number;
}

/** Takes a statement for its import. Call with it locked. */
export async function takeStatement(
  trx: Db,
  statementId: string,
  status: StatementStatus,
  { token, until }: Lease,
): Promise<void> {
  await trx('statements').where({ id: statementId }).update({ status, lease_token: token, lease_until: until });
}

export interface ImportChange {
  rowsDone?: number;
  status?: StatementStatus;
  linesNew?: number;
  linesKnown?: number;
  importedAt?: number;
}

/** Notes how far an import is, and goes on holding it. @returns false when somebody else holds it by now */
export async function noteImport(
  db: Db,
  statementId: string,
  { token, until }: Lease,
  { rowsDone, status, linesNew, linesKnown, importedAt }: ImportChange = {},
): Promise<boolean> {
  const change = {
    lease_until: until,
    ...(rowsDone === undefined ? {} : { rows_done: rowsDone }),
    ...(status === undefined ? {} : { status }),
    ...(linesNew === undefined ? {} : { lines_new: linesNew }),
    ...(linesKnown === undefined ? {} : { lines_known: linesKnown }),
    ...(importedAt === undefined ? {} : { imported_at: importedAt }),
  };
  return (await db('statements').where({ id: statementId, lease_token: token }).update(change)) === 1;
}

/** Nothing is left to do with it, or for now: `until` is when somebody may go on. */
export async function leaveStatement(
  db: Db,
  statementId: string,
  token: string,
  until: number | null = null,
): Promise<void> {
  await db('statements')
    .where({ id: statementId, lease_token: token })
    .update({ lease_token: null, lease_until: until });
}

/** @returns false when it is no preview any more */
export async function discardPreview(db: Db, statementId: string): Promise<boolean> {
  const gone = { status: 'discarded', file_key: null };
  return (await db('statements').where({ id: statementId, status: 'previewed' }).update(gone)) === 1;
}

/** Imports whose worker is gone, the oldest first. */
export async function listStrandedAcrossTenants(db: Db, now: number, limit: number): Promise<string[]> {
  return db('statements').where('lease_until', '<=', now).orderBy('lease_until').limit(limit).pluck('id');
}

/** Previews that nobody imported. Rides on `(status, created_at)`. */
export async function listOldPreviewsAcrossTenants(db: Db, before: number, limit: number): Promise<string[]> {
  return db('statements').where({ status: 'previewed' }).where('created_at', '<', before).limit(limit).pluck('id');
}

export interface StatementFilter {
  /** Null: of all tenants. */
  tenantId: string | null;
  mode: Mode;
  shortcodeId?: string | undefined;
  before?: { createdAt: number; id: string } | null;
}

/** Newest first. */
export async function listStatementsAcrossTenants(
  db: Db,
  filter: StatementFilter,
  limit: number,
): Promise<Statement[]> {
  const { tenantId, mode, shortcodeId, before } = filter;
  const query = db('statements').where({ mode });
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  if (shortcodeId !== undefined) query.where({ shortcode_id: shortcodeId });
  if (before != null)
    query.where('created_at', '<=', before.createdAt).where((either) => {
      either.where('created_at', '<', before.createdAt).orWhere('id', '<', before.id);
    });
  const order = [
    { column: 'created_at', order: 'desc' },
    { column: 'id', order: 'desc' },
  ] as const;
  return ((await query.orderBy([...order]).limit(limit)) as Row[]).map(toStatement);
}

const numberOrNull = (value: number | null): number | null => (value === null ? null : Number(value));

function toStatement(row: Row): Statement {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    shortcodeId: row.shortcode_id,
    fileName: row.file_name,
    fileType: row.file_type,
    format: row.format,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    status: row.status,
    periodFrom: numberOrNull(row.period_from),
    periodTo: numberOrNull(row.period_to),
    openingCents: numberOrNull(row.opening_cents),
    closingCents: numberOrNull(row.closing_cents),
    rows: row.rows,
    rowsDone: row.rows_done,
    linesNew: row.lines_new,
    linesKnown: row.lines_known,
    summary: JSON.parse(row.summary) as Statement['summary'],
    createdBy: row.created_by,
    createdAt: Number(row.created_at),
    importedAt: numberOrNull(row.imported_at),
    leaseUntil: numberOrNull(row.lease_until),
  };
}
