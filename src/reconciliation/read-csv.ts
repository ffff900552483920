// Rows of a statement that is a text: commas, semicolons or tabs, any line end, quotes as spreadsheets write them. Bytes
// come in pieces and rows go out as they are complete, so memory does not grow with the file.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Info, parse } from 'csv-parse';
import { badFile, type FileRow } from './statement.ts';

/** No row of a statement is near to it; a quote that is never closed would swallow the rest of the file. */
const longestRowBytes = 32 * 1024;
/** The header is within this; what lies before it says nothing of the separator. */
const sniffedChars = 256 * 1024;

interface Parsed {
  record: string[];
  info: Info;
}

/** @throws AppError where the text is no table */
export async function* readCsv(bytes: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<FileRow> {
  const text = decode(bytes, encoding);
  const [begin, rest] = await takeBegin(text);
  const parser = parse({
    delimiter: separatorOf(begin),
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: longestRowBytes,
    info: true,
  });
  // Its errors reach whoever reads the parser; the pipeline only brings what the source throws.
  const feeding = pipeline(Readable.from(join(begin, rest)), parser).catch(() => undefined);
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) yield { line: info.lines, cells: record };
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown;
    // Where the parser gave up is far below the quote: it stands behind the last row that was complete.
    const line = Number(thrown.records) + Number(thrown.empty_lines) + 1;
    const advice = 'Export the statement again and do not change it.';
    throw badFile(`Line ${line}: a quote is opened and never closed. ${advice}`);
  } finally {
    parser.destroy();
    await feeding;
  }
}

async function* decode(bytes: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<string> {
  // It also takes the byte order mark away.
  const decoder = new TextDecoder(encoding);
  for await (const piece of bytes) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

/** Enough of the text to know its separator, and what follows. */
async function takeBegin(text: AsyncGenerator<string>): Promise<[begin: string, rest: AsyncGenerator<string>]> {
  let begin = '';
  while (begin.length < sniffedChars) {
    const { value, done } = await text.next();
    if (done === true) break;
    begin += value;
  }
  return [begin, text];
}

async function* join(begin: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (begin !== '') yield begin;
  for await (const piece of rest) if (piece !== '') yield piece;
}

/** What the column names are separated by. Elsewhere any of them may be part of a text. */
function separatorOf(begin: string): string {
  const lines = begin.split(/\r\n|\n|\r/);
  const header = lines.find((line) => /receipt\s*(no|number)/i.test(line) && /completion\s*time/i.test(line));
  const counts = [',', ';', '\t'].map((mark): [string, number] => [mark, (header ?? '').split(mark).length - 1]);
  const [best] = counts.sort((left, right) => right[1] - left[1]);
  return best![1] > 0 ? best![0] : ',';
}
