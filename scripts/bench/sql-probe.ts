// Loaded into a gateway's process by `--profile` (`node --import`): counts the statements that go over the wire, by
// their form, with the rows they touched and the time until their answer. When asked it says what it counted since it
// was asked last. It never keeps the process alive.

import mysql from 'mysql2';

export interface StatementCount {
  /** Without values, cut short. */
  form: string;
  count: number;
  /** Rows read, or changed. */
  rows: number;
  /** From the call to the answer, all together; several may be under way at once. */
  waitedMs: number;
}

type Done = (error: Error | null, result?: unknown, ...rest: unknown[]) => void;
type Query = (this: unknown, ...args: unknown[]) => unknown;

const longestForm = 110;
const counts = new Map<string, StatementCount>();

/** One form for all lengths of a list of values. */
function formOf(sql: string): string {
  return sql
    .slice(0, 4000)
    .replace(/\s+/g, ' ')
    .replaceAll('`', '')
    .replace(/\(\?(, \?)*\)/g, '(?)')
    .replace(/\(select \? as id.*/i, '(…)')
    .replace(/( union all select \* from | from \(select \* from \(select).*/i, ' union all …')
    .slice(0, longestForm);
}

function rowsOf(result: unknown): number {
  if (Array.isArray(result)) return result.length;
  return (result as { affectedRows?: number } | undefined)?.affectedRows ?? 0;
}

const connection = mysql.Connection.prototype as unknown as { query: Query };
const query = connection.query;
connection.query = function counted(...args) {
  const [first] = args;
  const sql = typeof first === 'string' ? first : String((first as { sql?: string } | null)?.sql);
  const done = args.at(-1);
  if (typeof done !== 'function') return query.apply(this, args);
  const startedAt = performance.now();
  const counting: Done = (error, result, ...rest) => {
    const waitedMs = performance.now() - startedAt;
    const known = counts.get(sql);
    if (known === undefined) counts.set(sql, { form: '', count: 1, rows: rowsOf(result), waitedMs });
    else {
      known.count += 1;
      known.rows += rowsOf(result);
      known.waitedMs += waitedMs;
    }
    (done as Done)(error, result, ...rest);
  };
  return query.apply(this, [...args.slice(0, -1), counting]);
};

function takeCounts(): StatementCount[] {
  const forms = new Map<string, StatementCount>();
  for (const [sql, { count, rows, waitedMs }] of counts) {
    const form = formOf(sql);
    const known = forms.get(form) ?? { form, count: 0, rows: 0, waitedMs: 0 };
    forms.set(form, {
      form,
      count: known.count + count,
      rows: known.rows + rows,
      waitedMs: known.waitedMs + waitedMs,
    });
  }
  counts.clear();
  return [...forms.values()];
}

process.on('message', () => process.send?.(takeCounts()));
process.channel?.unref();
