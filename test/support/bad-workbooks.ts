// Spreadsheets that must be refused: with a password, or made to unpack to more than they say. Nothing here is larger
// than a few kilobytes.

import { deflateRawSync } from 'node:zlib';
import { CFB } from '@e965/xlsx';
import { workbookFile } from './statement-files.ts';

interface Entry {
  name: string;
  bytes: Buffer;
  /** What the zip says of its size. */
  saidSize?: number;
}

/** A zip of deflated parts, by the book (APPNOTE 4.3), but for sizes that may be lies. */
function zipOf(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, saidSize = bytes.length } of entries) {
    const packed = deflateRawSync(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(saidSize, 22);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(saidSize, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    parts.push(local, Buffer.from(name), packed);
    list.push(entry, Buffer.from(name));
    at += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(list).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...list, end]);
}

export const emptyZip = (name: string): Buffer => zipOf([{ name, bytes: Buffer.from('nothing') }]);

/** Says that a part has 100 bytes; it has three million. */
export const lyingZip = (): Buffer =>
  zipOf([{ name: 'xl/workbook.xml', bytes: Buffer.alloc(3_000_000, ' '), saidSize: 100 }]);

/** Says that its parts have more together than a statement ever has. */
export const hugeZip = (): Buffer =>
  zipOf([{ name: 'xl/workbook.xml', bytes: Buffer.from('<workbook/>'), saidSize: 0xfff0_0000 }]);

/** An .xlsx with a password is a compound file with the packed one inside, encrypted ([MS-OFFCRYPTO] 2.3). */
export function lockedWorkbook(): Buffer {
  const container = CFB.utils.cfb_new();
  CFB.utils.cfb_add(container, '/EncryptionInfo', Buffer.from([4, 0, 4, 0, 0x40, 0, 0, 0, 0x3c, 0x65]));
  CFB.utils.cfb_add(container, '/EncryptedPackage', Buffer.alloc(64, 7));
  return CFB.write(container, { type: 'buffer' }) as Buffer;
}

/** An .xls with a password has a FILEPASS record behind its first BOF ([MS-XLS] 2.4.117). */
export function lockedOldWorkbook(): Buffer {
  const container = CFB.read(workbookFile([['Receipt No.', 'Completion Time']], 'xls'), { type: 'buffer' });
  const stream = CFB.find(container, '/Workbook')!;
  const whole = Buffer.from(stream.content as Uint8Array);
  const behind = 4 + whole.readUInt16LE(2);
  const filePass = Buffer.from([0x2f, 0, 6, 0, 0, 0, 0x12, 0x34, 0x56, 0x78]);
  const content = Buffer.concat([whole.subarray(0, behind), filePass, whole.subarray(behind)]);
  Object.assign(stream, { content, size: content.length });
  return CFB.write(container, { type: 'buffer' }) as Buffer;
}
