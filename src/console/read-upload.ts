// A form with a file in it, read as it streams: its fields first, and the file by whoever takes it, piece by piece. What
// stands behind the file in the form is not looked at: a field that decides about the file must come before it.

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { AppError } from '../platform/errors.ts';

export interface UploadedFile {
  /** As its owner called it; empty where none was chosen. */
  name: string;
  bytes: AsyncIterable<Uint8Array>;
}

const mostFields = 10;
const longestField = 4096;

export function isUpload(request: IncomingMessage): boolean {
  return /^multipart\/form-data\s*;/i.test(request.headers['content-type'] ?? '');
}

/**
 * @param take is given the fields that came before the file, and the file
 * @returns what `take` answered, or the fields of a form without a file
 * @throws AppError for a form that cannot be read or was broken off, and whatever `take` throws
 */
export async function readUpload<T>(
  request: IncomingMessage,
  mostBytes: number,
  take: (fields: ReadonlyMap<string, string>, file: UploadedFile) => Promise<T>,
): Promise<{ taken: T } | { fields: ReadonlyMap<string, string> }> {
  const fields = new Map<string, string>();
  let taking: Promise<T> | null = null;
  let file: Readable | null = null;
  const parser = openParser(request, mostBytes);
  const read = new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new AppError('invalid_request', 'The form ended before its end. Send it again.'));
    parser.on('field', (name, value) => void fields.set(name, value));
    parser.on('file', (_field, stream, name) => {
      file = stream;
      // Whoever reads it hears of an error anyway; where nobody does, it must not end the process.
      stream.on('error', () => undefined);
      taking ??= take(new Map(fields), { name: name ?? '', bytes: stream });
      // Whoever refuses a file leaves it unread, and the end of the form would never come.
      taking.catch(reject).finally(() => stream.resume());
    });
    parser.once('error', fail);
    request.once('close', () => request.complete || fail());
    parser.once('finish', resolve);
    request.pipe(parser);
  });
  try {
    await read;
    return taking === null ? { fields } : { taken: await taking };
  } catch (thrown) {
    request.unpipe(parser);
    parser.destroy();
    // Whoever still reads the file hears of it, and is waited for: what he began to store is removed by then.
    (file as Readable | null)?.destroy(new Error('the upload was broken off'));
    await (taking as Promise<T> | null)?.catch(() => undefined);
    await skipRest(request, 2 * mostBytes);
    throw thrown;
  }
}

function openParser(request: IncomingMessage, mostBytes: number) {
  const limits = { files: 1, fields: mostFields, fieldSize: longestField, parts: mostFields + 1 };
  const headers = { ...request.headers, 'content-type': request.headers['content-type'] ?? '' };
  try {
    // One byte more, so that whoever takes the file sees that it is too large.
    return new Busboy({ headers, limits: { ...limits, fileSize: mostBytes + 1 } });
  } catch (thrown) {
    throw new AppError('invalid_request', 'The form cannot be read. Send it again.', {}, thrown);
  }
}

/** A browser shows no answer while it is still sending; of more than `most` bytes nobody waits for the end. */
async function skipRest(request: IncomingMessage, most: number): Promise<void> {
  if (request.complete || request.destroyed) return;
  let left = most;
  const rest = Readable.prototype.iterator.call(request, { destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    for await (const piece of rest) {
      left -= piece.length;
      if (left < 0) break;
    }
  } catch {
    // Whoever sent it is gone.
  }
}
