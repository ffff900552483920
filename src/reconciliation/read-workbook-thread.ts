// A thread of its own that opens one spreadsheet and hands its rows over, some at a time (read-workbook starts it).
// Opening takes seconds and hundreds of megabytes, which would stop every payment of the process. What a zip unpacks to
// is measured before the library sees it. Formulas are never calculated: what a cell showed last is its value.

import { parentPort, workerData } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import { read, SSF, type WorkSheet } from '@e965/xlsx';
import { type Cell, serialText } from './parse-cells.ts';
import { isHeader } from './parse-header.ts';

export interface WorkbookTask {
  bytes: Uint8Array;
  isZip: boolean;
  mostRows: number;
  headerWithin: number;
}

export type WorkbookProblem = 'locked' | 'bomb' | 'unreadable' | 'noSheet' | 'noWorkbook';

/** What the thread says: rows, each time it is asked, until there are none; or what is wrong with the file. */
export type WorkbookAnswer = { rows: { line: number; cells: Cell[] }[] } | { problem: WorkbookProblem; detail: string };

/** Of what fits into 20 MB, nothing the portal writes unpacks to more. */
const mostUnpackedBytes = 200 * 1024 * 1024;
const mostEntries = 2000;
const mostColumns = 60;
const rowsAtOnce = 2000;
const daysOf1904 = 1462;

class BadWorkbook extends Error {
  readonly problem: WorkbookProblem;
  constructor(problem: WorkbookProblem, detail = '') {
    super(detail);
    this.problem = problem;
  }
}

interface SheetCell {
  t: string;
  v?: unknown;
  z?: unknown;
}

function openSheet({ bytes, isZip, mostRows, headerWithin }: WorkbookTask) {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isZip) checkZip(file);
  const book = read(file, {
    dense: true,
    raw: true,
    cellFormula: false,
    cellHTML: false,
    cellText: false,
    cellNF: true,
    sheetRows: mostRows + headerWithin + 2,
  });
  const sheets = book.SheetNames.map((name) => book.Sheets[name]!);
  const hasHeader = (sheet: WorkSheet): boolean =>
    rowsOf(sheet)
      .slice(0, headerWithin)
      .some((row) => row !== undefined && isHeader(cellsOf(row, 0)));
  const sheet = sheets.find(hasHeader) ?? sheets[0];
  if (sheet === undefined) throw new BadWorkbook('noSheet');
  return { rows: rowsOf(sheet), shift: book.Workbook?.WBProps?.date1904 === true ? daysOf1904 : 0 };
}

const rowsOf = (sheet: WorkSheet): (SheetCell[] | undefined)[] =>
  (sheet as unknown as { '!data'?: (SheetCell[] | undefined)[] })['!data'] ?? [];

function cellsOf(row: SheetCell[], shift: number): Cell[] {
  return Array.from({ length: Math.min(row.length, mostColumns) }, (_, index) => cellValue(row[index], shift));
}

function cellValue(cell: SheetCell | undefined, shift: number): Cell {
  if (cell?.v === undefined || cell.v === null || cell.t === 'e' || cell.t === 'z') return null;
  if (typeof cell.v === 'number') {
    const isDate = cell.z !== undefined && SSF.is_date(String(cell.z));
    return isDate ? serialText(cell.v + shift) : cell.v;
  }
  return cell.v instanceof Date ? cell.v.toISOString().slice(0, 19).replace('T', ' ') : String(cell.v);
}

/** Walks the list at the end of a zip and unpacks each part once, within a limit, to know how large it really is. */
function checkZip(file: Buffer): void {
  const end = file.lastIndexOf(Buffer.from('PK\u0005\u0006', 'latin1'));
  if (end < 0 || end + 22 > file.length) throw new BadWorkbook('unreadable', 'the zip has no end');
  const count = file.readUInt16LE(end + 10);
  if (count > mostEntries) throw new BadWorkbook('bomb');
  let at = file.readUInt32LE(end + 16);
  let left = mostUnpackedBytes;
  let hasWorkbook = false;
  for (let entry = 0; entry < count; entry += 1) {
    if (at + 46 > file.length || file.readUInt32LE(at) !== 0x02014b50) throw new BadWorkbook('unreadable', 'the zip');
    const name = file.toString('latin1', at + 46, at + 46 + file.readUInt16LE(at + 28));
    if (/^\/?xl\/workbook\.(xml|bin)$/.test(name)) hasWorkbook = true;
    left -= unpackedSize(file, at, left);
    if (left < 0) throw new BadWorkbook('bomb');
    at += 46 + file.readUInt16LE(at + 28) + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  if (!hasWorkbook) throw new BadWorkbook('noWorkbook');
}

/** Of one part, by unpacking it: what the zip says of its size may be a lie. */
function unpackedSize(file: Buffer, at: number, most: number): number {
  const [method, packed, said] = [file.readUInt16LE(at + 10), file.readUInt32LE(at + 20), file.readUInt32LE(at + 24)];
  if (said > most) throw new BadWorkbook('bomb');
  if (method === 0) return packed;
  const local = file.readUInt32LE(at + 42);
  if (method !== 8 || local + 30 > file.length) throw new BadWorkbook('unreadable', 'a part of the zip');
  const begin = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
  try {
    return inflateRawSync(file.subarray(begin, begin + packed), { maxOutputLength: Math.max(1, said) }).length;
  } catch (thrown) {
    const isLie = (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new BadWorkbook(isLie ? 'bomb' : 'unreadable', String(thrown));
  }
}

function problemOf(thrown: unknown): WorkbookAnswer {
  if (thrown instanceof BadWorkbook) return { problem: thrown.problem, detail: thrown.message };
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { problem: /password|encrypt/i.test(detail) ? 'locked' : 'unreadable', detail };
}

function serve(): void {
  const port = parentPort!;
  const say = (answer: WorkbookAnswer): void => port.postMessage(answer);
  try {
    const { rows, shift } = openSheet(workerData as WorkbookTask);
    let next = 0;
    const sayNext = (): void => {
      const batch: { line: number; cells: Cell[] }[] = [];
      for (; next < rows.length && batch.length < rowsAtOnce; next += 1) {
        const row = rows[next];
        rows[next] = undefined;
        if (row !== undefined) batch.push({ line: next + 1, cells: cellsOf(row, shift) });
      }
      say({ rows: batch });
      if (batch.length === 0) port.close();
    };
    port.on('message', sayNext);
    sayNext();
  } catch (thrown) {
    say(problemOf(thrown));
    port.close();
  }
}

serve();
