// SQL for pages about lines of M-PESA's record: the list by filter, one line, and all that was told of a receipt. Which
// rows are on a page is decided inside one index, a tenant and a status at a time; only those are read.

import type { LineSource } from '../mpesa/source-line.ts';
import { type Db, unionAll } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Line, LineStatus } from '../reconciliation/line.ts';
import { toLine } from '../reconciliation/line-store.ts';

export interface LineFilter {
  /** Those the reader may see. */
  tenantIds: readonly string[];
  mode: string;
  /** Null: of all. */
  shortcodeId: string | null;
  source: LineSource | null;
  statuses: readonly LineStatus[] | null;
  receipt: string | null;
  /** Milliseconds, the end excluded; null: without end. */
  since: number | null;
  until: number | null;
}

export interface LinePosition {
  at: number;
  id: string;
}

/** SQLite takes 500 parts at most. */
const mostParts = 100;

/** Newest first, from a position on. */
export async function listLines(
  db: Db,
  sealer: Sealer,
  filter: LineFilter,
  before: LinePosition | null,
  limit: number,
): Promise<Line[]> {
  const { statuses, receipt } = filter;
  const only = receipt === null ? null : await findByReceipt(db, filter, receipt);
  const parts = filter.tenantIds.flatMap((tenantId) =>
    (statuses ?? [null]).map((status) => partOf(db, filter, tenantId, status, before, limit, only)),
  );
  const found: { id: string; at: number }[] = [];
  for (let from = 0; from < parts.length; from += mostParts)
    found.push(...(await unionAll(db, parts.slice(from, from + mostParts))));
  const ids = found
    .sort((left, right) => Number(right.at) - Number(left.at) || (left.id < right.id ? 1 : -1))
    .slice(0, limit)
    .map(({ id }) => id);
  const byId = new Map((await readLines(db, sealer, ids)).map((line) => [line.id, line]));
  return ids.map((id) => byId.get(id)!);
}

/** A receipt has a handful of lines. */
const mostOfReceipt = 200;

/** Rides on `(environment, shortcode, receipt)`: in one question with the order, an engine walks the order instead. */
async function findByReceipt(db: Db, { tenantIds, mode }: LineFilter, receipt: string): Promise<string[]> {
  const own: { shortcode: string; environment: string }[] = await db('shortcodes')
    .distinct('shortcode', 'environment')
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode });
  const found: string[] = [];
  for (const environment of new Set(own.map((one) => one.environment))) {
    const numbers = own.filter((one) => one.environment === environment).map(({ shortcode }) => shortcode);
    const its = db('statement_lines').where({ environment, receipt }).whereIn('shortcode', numbers);
    found.push(...(await its.limit(mostOfReceipt).pluck('id')));
  }
  return found;
}

/** Rides on `(tenant_id, mode, completed_at, id)`, with a status on the index that has it. */
function partOf(
  db: Db,
  { mode, shortcodeId, source, since, until }: LineFilter,
  tenantId: string,
  status: LineStatus | null,
  before: LinePosition | null,
  limit: number,
  only: readonly string[] | null,
) {
  const query = db('statement_lines')
    .select('id', { at: 'completed_at' })
    .where({ tenant_id: tenantId, mode })
    .orderBy([
      { column: 'completed_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit);
  if (status !== null) query.where({ status });
  if (shortcodeId !== null) query.where({ shortcode_id: shortcodeId });
  if (source !== null) query.where({ source });
  if (only !== null) query.whereIn('id', [...only]);
  if (since !== null) query.where('completed_at', '>=', since);
  if (until !== null) query.where('completed_at', '<', until);
  if (before !== null)
    query
      .where('completed_at', '<=', before.at)
      .where((either) => either.where('completed_at', '<', before.at).orWhere('id', '<', before.id));
  return query;
}

export async function readLines(db: Db, sealer: Sealer, lineIds: readonly string[]): Promise<Line[]> {
  if (lineIds.length === 0) return [];
  return (await db('statement_lines').whereIn('id', [...lineIds])).map((row) => toLine(row, sealer));
}

export async function findLine(db: Db, sealer: Sealer, lineId: string): Promise<Line | undefined> {
  return (await readLines(db, sealer, [lineId]))[0];
}

/** All that was told of a line's receipt, and what took it back, the oldest first. */
export async function listLinesOfReceipt(
  db: Db,
  sealer: Sealer,
  { environment, shortcode, shortcodeId, receipt }: Pick<Line, 'environment' | 'shortcode' | 'shortcodeId' | 'receipt'>,
): Promise<Line[]> {
  const same = await db('statement_lines')
    .where({ environment, shortcode, receipt })
    .where({ shortcode_id: shortcodeId })
    .limit(50);
  const back = await db('statement_lines').where({ shortcode_id: shortcodeId, linked_receipt: receipt }).limit(50);
  const rows = new Map([...same, ...back].map((row) => [String(row.id), row]));
  return [...rows.values()]
    .map((row) => toLine(row, sealer))
    .sort((left, right) => left.completedAt - right.completedAt);
}
