// The sealed columns of every table, for a rotation of the master key: walked in the order of their primary keys, a batch
// at a time, each box replaced only if it is still the one that was read. Crosses tenants by nature.

import { type Db, inTransaction } from './database.ts';

export interface SealedColumn {
  table: string;
  /** The primary key; its value is the row's id in the box's context. */
  key: string;
  column: string;
}

/** Every sealed column there is; a test holds this against the migrated schema. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'data_keys', key: 'purpose', column: 'key_sealed' },
  { table: 'shortcodes', key: 'id', column: 'credentials_sealed' },
  { table: 'payments', key: 'id', column: 'phone_sealed' },
  { table: 'evidence', key: 'id', column: 'raw_sealed' },
  { table: 'events', key: 'id', column: 'body_sealed' },
  { table: 'endpoint_secrets', key: 'id', column: 'secret_sealed' },
  { table: 'operators', key: 'id', column: 'totp_sealed' },
  { table: 'attempts', key: 'id', column: 'response_sealed' },
  { table: 'approvals', key: 'id', column: 'secret_sealed' },
  { table: 'statement_lines', key: 'id', column: 'private_sealed' },
  { table: 'stray_confirmations', key: 'id', column: 'raw_sealed' },
  { table: 'statement_files', key: 'id', column: 'part_sealed' },
];

export interface WalkedRow {
  rowId: string;
  /** The box, where its key is not the newest; null where there is nothing to do. */
  staleBox: string | null;
}

/** The next rows after `afterId`, by primary key. Only stale boxes are read. @param prefix how boxes of the newest key begin */
export async function walkRows(
  db: Db,
  { table, key, column }: SealedColumn,
  prefix: string,
  afterId: string,
  limit: number,
): Promise<WalkedRow[]> {
  const stale = db.raw('case when substr(??, 1, ?) = ? then null else ?? end as stale_box', [
    column,
    prefix.length,
    prefix,
    column,
  ]);
  const rows = (await db(table)
    .select({ row_id: key }, stale)
    .where(key, '>', afterId)
    .orderBy(key)
    .limit(limit)) as unknown as { row_id: string; stale_box: string | null }[];
  return rows.map((row) => ({ rowId: row.row_id, staleBox: row.stale_box }));
}

/** Puts new boxes in the place of old ones in one transaction; how many were still the ones that were read. */
export async function replaceBoxes(
  db: Db,
  { table, key, column }: SealedColumn,
  boxes: readonly { rowId: string; oldBox: string; newBox: string }[],
): Promise<number> {
  if (boxes.length === 0) return 0;
  return inTransaction(db, async (trx) => {
    let replaced = 0;
    for (const { rowId, oldBox, newBox } of boxes) {
      replaced += await trx(table)
        .where({ [key]: rowId, [column]: oldBox })
        .update({ [column]: newBox });
    }
    return replaced;
  });
}

export async function countRows(db: Db, { table }: SealedColumn): Promise<number> {
  const row = await db(table).count({ total: '*' }).first();
  return Number(row?.total ?? 0);
}

/** How many boxes are not of the newest key. Reads the whole table. */
export async function countStaleBoxes(db: Db, { table, column }: SealedColumn, prefix: string): Promise<number> {
  const row = await db(table)
    .whereNotNull(column)
    .whereRaw('substr(??, 1, ?) <> ?', [column, prefix.length, prefix])
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}

/** Workers heard of since `seenSince` that were started before `startedBefore`. */
export async function countWorkersAlive(db: Db, seenSince: number, startedBefore: number): Promise<number> {
  const row = await db('workers')
    .where('seen_at', '>=', seenSince)
    .where('started_at', '<', startedBefore)
    .count({ total: '*' })
    .first();
  return Number(row?.total ?? 0);
}
