// Many rows made inside the database: numbers to select from, and indexes that are taken off while rows go in and built
// again afterwards, which is many times faster; they end the same.

import type { Stage } from './stage.ts';

/** Numbers from 0 below a hundred thousand, without anything only one engine has. */
const digits =
  'SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9';
export const numbers = `SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM (${digits}) a, (${digits}) b, (${digits}) c, (${digits}) e, (${digits}) f`;
export const rowsPerInsert = 100_000;

interface IndexRow {
  TABLE_NAME: string;
  INDEX_NAME: string;
  NON_UNIQUE: number;
  COLUMNS: string;
}

/** Takes off every index but the primary ones; the statements that build them again, one for each table. */
export async function dropIndexes({ query }: Pick<Stage, 'query'>, tables: readonly string[]): Promise<string[]> {
  // The text of a long list of columns would be cut.
  await query('SET SESSION group_concat_max_len = 10000');
  const rows = await query<IndexRow[]>(
    `SELECT TABLE_NAME, INDEX_NAME, MIN(NON_UNIQUE) AS NON_UNIQUE,
       GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX SEPARATOR ', ') AS COLUMNS
     FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (?) AND INDEX_NAME <> 'PRIMARY' GROUP BY TABLE_NAME, INDEX_NAME`,
    [tables],
  );
  const again: string[] = [];
  for (const table of tables) {
    const own = rows.filter(({ TABLE_NAME }) => TABLE_NAME === table);
    if (own.length === 0) continue;
    await query(`ALTER TABLE ${table} ${own.map(({ INDEX_NAME }) => `DROP INDEX ${INDEX_NAME}`).join(', ')}`);
    const adding = own.map((one) => `ADD ${one.NON_UNIQUE ? '' : 'UNIQUE '}INDEX ${one.INDEX_NAME} (${one.COLUMNS})`);
    again.push(`ALTER TABLE ${table} ${adding.join(', ')}`);
  }
  return again;
}
