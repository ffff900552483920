// The lines of a statement, some at a time, for an import: what the preview saw, read again from the same file by the
// same rules.

import type { SourceLine } from '../mpesa/source-line.ts';
import { createStatementParser } from './parse-statement.ts';
import type { FileRow } from './statement.ts';

export interface LineBatch {
  lines: SourceLine[];
  /** Of the file, so far. */
  rowsDone: number;
}

/** @throws AppError for a file that is no statement */
export async function* readLines(rows: AsyncIterable<FileRow>, size: number): AsyncGenerator<LineBatch> {
  const parser = createStatementParser();
  let lines: SourceLine[] = [];
  let rowsDone = 0;
  for await (const row of rows) {
    const parsed = parser.take(row);
    if (parsed === null) continue;
    rowsDone += 1;
    if (parsed.is === 'line') lines.push({ ...parsed.value, isMain: parsed.isMain });
    if (lines.length < size) continue;
    yield { lines, rowsDone };
    lines = [];
  }
  parser.finish();
  yield { lines, rowsDone };
}
