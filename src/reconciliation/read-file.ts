// What a file is, by its bytes and not by its name, and its rows. A text is read as it streams, in little memory; a
// spreadsheet is a whole, and is opened in a thread of its own, because that takes seconds in which payments go on.

import { createHash } from 'node:crypto';
import { readCsv } from './read-csv.ts';
import { readWorkbook } from './read-workbook.ts';
import { badFile, type FileRow, type FileType, fileLimitBytes, tooLarge } from './statement.ts';

/** The bytes of a file, from the beginning each time. */
export type OpenFile = () => AsyncIterable<Uint8Array>;

export interface FileFacts {
  fileType: FileType;
  /** Of a text; `binary` for a spreadsheet. */
  encoding: Encoding;
  sha256: string;
  sizeBytes: number;
}

export type Encoding = 'utf-8' | 'utf-16le' | 'windows-1252' | 'binary';

/** Looks at a file as it passes, and knows at its end what it was. */
export interface FileExaminer {
  /** @throws AppError as soon as it is too large or surely no statement */
  take(bytes: Uint8Array): void;
  /** @throws AppError for an empty file */
  finish(): FileFacts;
}

const sniffedBytes = 512;

export function createFileExaminer(): FileExaminer {
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  let sizeBytes = 0;
  // Whatever is valid UTF-8 to its end is UTF-8; else it is what Windows writes in Kenya.
  let utf8: InstanceType<typeof TextDecoder> | null = new TextDecoder('utf-8', { fatal: true });
  const isUtf8 = (bytes: Uint8Array, isEnd: boolean): void => {
    try {
      utf8?.decode(bytes, { stream: !isEnd });
    } catch {
      utf8 = null;
    }
  };
  return {
    take(bytes) {
      sizeBytes += bytes.length;
      if (sizeBytes > fileLimitBytes) throw tooLarge();
      if (head.length < sniffedBytes) {
        head = Buffer.concat([head, bytes.subarray(0, sniffedBytes - head.length)]);
        refuseOthers(head);
      }
      hash.update(bytes);
      isUtf8(bytes, false);
    },
    finish() {
      if (sizeBytes === 0) throw badFile('The file is empty. Export the statement again.');
      isUtf8(new Uint8Array(), true);
      const fileType = typeOf(head);
      const isWide = head[0] === 0xff && head[1] === 0xfe;
      if (fileType === 'csv' && !isWide && head.includes(0))
        throw badFile('This is no statement. Give the .csv, .xls or .xlsx file of the organisation portal.');
      const text = isWide ? 'utf-16le' : utf8 === null ? 'windows-1252' : 'utf-8';
      return { fileType, encoding: fileType === 'csv' ? text : 'binary', sha256: hash.digest('hex'), sizeBytes };
    },
  };
}

const compoundFile = Buffer.from([0xd0, 0xcf, 0x11, 0xe0]);
const zip = Buffer.from('PK\u0003\u0004', 'latin1');

function typeOf(head: Buffer): FileType {
  if (head.subarray(0, 4).equals(compoundFile)) return 'xls';
  return head.subarray(0, 4).equals(zip) ? 'xlsx' : 'csv';
}

/** Files that people take for statements. */
function refuseOthers(head: Buffer): void {
  const text = head.toString('latin1').replace(/^[\s\u00ef\u00bb\u00bf]+/, '');
  if (text.startsWith('%PDF'))
    throw badFile('This is a PDF, which cannot be read. In the portal export the statement as CSV or Excel.');
  if (/^<(!doctype|html|\?xml|table)/i.test(text))
    throw badFile('This is a web page, not a statement. The portal may have signed you out: export it again.');
  if (text.startsWith('\u001f\u008b') || text.startsWith('Rar!') || text.startsWith('7z\u00bc\u00af'))
    throw badFile('This file is packed. Unpack it and give the statement inside.');
}

/** @throws AppError for a file that cannot be read, at once or after some rows */
export function readRows(facts: Pick<FileFacts, 'fileType' | 'encoding'>, open: OpenFile): AsyncIterable<FileRow> {
  return facts.fileType === 'csv' ? readCsv(open(), facts.encoding) : readWorkbook(open(), facts.fileType);
}
