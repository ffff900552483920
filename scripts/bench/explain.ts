// What EXPLAIN says of a statement, in a line for people, and whether it reads all of a big table, which is a mistake of
// the schema, whatever its time.

/** One line of EXPLAIN. */
export interface Access {
  table: string | null;
  type: string | null;
  key: string | null;
  rows: number | string | null;
  Extra: string | null;
}

export interface Judgement {
  /** How each table is got at. */
  access: string[];
  /** It reads all of a big table. */
  isFullScan: boolean;
}

/** A table with more rows than this is big. */
const bigRows = 10_000;
/** Not a full scan, but worth a look. */
export const manyRows = 20_000;

/** What is done to which table. */
export function nameOf(sql: string): string {
  const [verb = ''] = /\w+/.exec(sql) ?? [];
  const tables = [...sql.matchAll(/\b(?:from|update|join) `?(\w+)/gi)].map((match) => match[1]!);
  return `${verb.toLowerCase()} ${tables.find((name) => name !== 'select') ?? ''}`;
}

export function judge(rows: readonly Access[]): Judgement {
  const real = rows.filter(({ table, Extra }) => !table?.startsWith('<') && Extra !== 'No tables used');
  const isFull = ({ type, rows: count }: Access): boolean =>
    (type === 'ALL' || type === 'index') && Number(count) > bigRows;
  // A union of many alike parts is told once.
  const told = new Map<string, { times: number; rows: number }>();
  for (const row of real) {
    const text = textOf(row);
    const known = told.get(text) ?? { times: 0, rows: 0 };
    told.set(text, { times: known.times + 1, rows: known.rows + Number(row.rows) });
  }
  const access = [...told].map(([text, { times, rows: count }]) => {
    return `${count > manyRows ? '~' : ''}${times > 1 ? `${times}× ` : ''}${text}${count > 0 ? `, ${count} rows` : ''}`;
  });
  return { access, isFullScan: real.some(isFull) };
}

/** What has no table says why in its remark: no row can match, or the end of an index answers it. */
function textOf({ table, type, key, Extra }: Access): string {
  if (table === null) return (Extra ?? '').toLowerCase();
  const sorts = /filesort/.test(Extra ?? '') ? 'sort' : '';
  const keeps = /temporary/.test(Extra ?? '') ? 'temporary' : '';
  return [table, type, key === null ? '' : `by ${key.replace(/_index$/, '')}`, sorts, keeps].filter(Boolean).join(' ');
}
