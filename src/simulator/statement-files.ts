// A statement as a file: .csv, .xls (BIFF8) or .xlsx. The library that knows spreadsheets is loaded when the first one is
// asked for. Its own writer takes a minute for the .xls of a day of 10,000 payments, so the cells of an .xls are written
// here, into the frame that it makes.

import type { Cell, StatementFormat, StatementInput } from './statement-rows.ts';
import { classicRows, newerRows, statementName } from './statement-rows.ts';

export const statementTypes = ['csv', 'xls', 'xlsx'] as const;
export type StatementType = (typeof statementTypes)[number];

export interface StatementFile {
  name: string;
  contentType: string;
  body: Buffer;
}

const contentTypes: Readonly<Record<StatementType, string>> = {
  csv: 'text/csv; charset=utf-8',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};
/** An .xls holds no more. */
const mostXlsRows = 65_536;

export async function statementFile(
  format: StatementFormat,
  type: StatementType,
  input: StatementInput,
): Promise<StatementFile> {
  const rows = format === 'classic' ? classicRows(input) : newerRows(input);
  const sheet = format === 'classic' ? 'transaction' : 'Statements';
  const name = `${statementName(format, input)}.${type}`;
  const contentType = contentTypes[type];
  // The newer one ends its lines as Windows does.
  if (type === 'csv') return { name, contentType, body: csvFile(rows, format === 'newer' ? '\r\n' : '\n') };
  return { name, contentType, body: type === 'xls' ? await xlsFile(sheet, rows) : await xlsxFile(sheet, rows) };
}

function csvFile(rows: readonly Cell[][], lineEnd: string): Buffer {
  const line = (row: Cell[]): string => row.map(csvCell).join(',') + lineEnd;
  return Buffer.from(rows.map(line).join(''), 'utf8');
}

function csvCell(cell: Cell): string {
  const text = typeof cell === 'number' ? cell.toFixed(2) : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function xlsxFile(sheet: string, rows: Cell[][]): Promise<Buffer> {
  const { utils, write } = await import('@e965/xlsx');
  const book = utils.book_new(utils.aoa_to_sheet(rows, { dense: true }), sheet);
  return write(book, { type: 'buffer', bookType: 'xlsx', compression: true }) as Buffer;
}

async function xlsFile(sheet: string, rows: readonly Cell[][]): Promise<Buffer> {
  if (rows.length > mostXlsRows) throw new RangeError('An .xls holds 65,536 rows: ask for a shorter period, or .csv.');
  const { CFB, utils, write } = await import('@e965/xlsx');
  // One cell in the last corner gives the frame its dimensions.
  const width = Math.max(...rows.map((row) => row.length));
  const frame = utils.aoa_to_sheet([[]]);
  frame['!ref'] = utils.encode_range({ s: { r: 0, c: 0 }, e: { r: rows.length - 1, c: width - 1 } });
  const made = write(utils.book_new(frame, sheet), { type: 'buffer', bookType: 'biff8' }) as Buffer;
  const container = CFB.read(made, { type: 'buffer' });
  const stream = CFB.find(container, '/Workbook')!;
  const empty = Buffer.from(stream.content as Uint8Array);
  const at = endOfDimensions(empty);
  const whole = Buffer.concat([empty.subarray(0, at), cellRecords(rows), empty.subarray(at)]);
  Object.assign(stream, { content: whole, size: whole.length });
  return CFB.write(container, { type: 'buffer' }) as Buffer;
}

/** Where the cells belong: behind the DIMENSIONS record of the only sheet. */
function endOfDimensions(stream: Buffer): number {
  for (let at = 0; at + 4 <= stream.length; ) {
    const next = at + 4 + stream.readUInt16LE(at + 2);
    if (stream.readUInt16LE(at) === 0x0200) return next;
    at = next;
  }
  throw new Error('The workbook has no sheet.');
}

/** NUMBER and LABEL records ([MS-XLS] 2.4.180 and 2.4.148), all in the style the library gives plain cells. */
function cellRecords(rows: readonly Cell[][]): Buffer {
  const style = 16;
  const records: Buffer[] = [];
  rows.forEach((row, rowIndex) => {
    row.forEach((cell, column) => {
      const text = typeof cell === 'string' ? Buffer.from(cell.slice(0, 255), 'utf16le') : null;
      const record = Buffer.allocUnsafe(text === null ? 18 : 13 + text.length);
      record.writeUInt16LE(text === null ? 0x0203 : 0x0204, 0);
      record.writeUInt16LE(record.length - 4, 2);
      record.writeUInt16LE(rowIndex, 4);
      record.writeUInt16LE(column, 6);
      record.writeUInt16LE(style, 8);
      if (text === null) record.writeDoubleLE(cell as number, 10);
      else {
        record.writeUInt16LE(text.length / 2, 10);
        record.writeUInt8(1, 12);
        text.copy(record, 13);
      }
      records.push(record);
    });
  });
  return Buffer.concat(records);
}
