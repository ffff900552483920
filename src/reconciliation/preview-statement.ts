// Takes a statement's file and says what is in it, before anything of it counts (reconciliation.md, "Statement import").
// The file is kept, sealed, until it is imported or thrown away: the import reads the very bytes that were looked at.
// Upload and reading both stream, so memory does not grow with a text.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { SourceLine } from '../mpesa/source-line.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';
import { createFileExaminer, type FileFacts, type OpenFile, readRows } from './read-file.ts';
import { readSummary, type StatementContents } from './read-summary.ts';
import type { Statement } from './statement.ts';
import { addPiece, pieceBytes, readPieces, removePieces } from './statement-file-store.ts';
import { countKnownLines } from './statement-line-store.ts';
import { findStatementOfFile, insertStatement } from './statement-store.ts';

export interface PreviewDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
}

export interface Upload {
  shortcode: Pick<Shortcode, 'id' | 'tenantId' | 'mode' | 'shortcode' | 'till'>;
  /** As its owner called it; the portal's own names say whose statement it is. */
  fileName: string;
  bytes: AsyncIterable<Uint8Array>;
  createdBy: string;
}

export interface Previewed {
  statement: Statement;
  /** This very file was given before: this is what became of it then. */
  isKnown: boolean;
}

/**
 * @param onStored what else is written in the transaction that stores a preview
 * @throws AppError for a file that is no statement of this shortcode; then nothing of it is kept
 */
export async function previewStatement(
  deps: PreviewDeps,
  upload: Upload,
  onStored: (trx: Db, statement: Statement) => Promise<void> = async () => undefined,
): Promise<Previewed> {
  const { db, sealer } = deps;
  const id = newId('stm');
  try {
    const facts = await storeFile(deps, id, upload.bytes);
    const known = await findStatementOfFile(db, upload.shortcode.id, facts.sha256);
    if (known !== undefined) {
      await removePieces(db, id);
      return { statement: known, isKnown: true };
    }
    const contents = await readContents(deps, upload, facts, () => readPieces(db, sealer, id));
    const statement = statementOf(id, upload, facts, contents, deps.now());
    const isStored = await inTransaction(db, async (trx) => {
      if (!(await insertStatement(trx, statement))) return false;
      await onStored(trx, statement);
      return true;
    });
    if (isStored) return { statement, isKnown: false };
    // The same file came twice at the same time.
    await removePieces(db, id);
    return { statement: (await findStatementOfFile(db, upload.shortcode.id, facts.sha256))!, isKnown: true };
  } catch (thrown) {
    // What a crash leaves of it, retention removes.
    await removePieces(db, id).catch(() => undefined);
    throw thrown;
  }
}

/** What {@link previewStatement} would say, with nothing stored. @param open the file, from its beginning each time */
export async function tryStatement(
  deps: PreviewDeps,
  upload: Omit<Upload, 'bytes' | 'createdBy'>,
  open: OpenFile,
): Promise<{ contents: StatementContents; known: Statement | undefined }> {
  const examiner = createFileExaminer();
  for await (const bytes of open()) examiner.take(bytes);
  const facts = examiner.finish();
  const known = await findStatementOfFile(deps.db, upload.shortcode.id, facts.sha256);
  return { contents: await readContents(deps, upload, facts, open), known };
}

async function storeFile(
  { db, sealer }: PreviewDeps,
  statementId: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<FileFacts> {
  const examiner = createFileExaminer();
  let waiting: Uint8Array[] = [];
  let size = 0;
  let part = 0;
  const store = async (): Promise<void> => {
    await addPiece(db, sealer, statementId, part, Buffer.concat(waiting));
    part += 1;
    [waiting, size] = [[], 0];
  };
  for await (const piece of bytes) {
    examiner.take(piece);
    waiting.push(piece);
    size += piece.length;
    if (size >= pieceBytes) await store();
  }
  if (size > 0) await store();
  return examiner.finish();
}

function readContents(
  { db, now }: PreviewDeps,
  { shortcode, fileName }: Pick<Upload, 'shortcode' | 'fileName'>,
  facts: FileFacts,
  open: OpenFile,
): Promise<StatementContents> {
  const numbers = [shortcode.shortcode, shortcode.till].filter((number) => number !== null);
  const countKnown = (lines: readonly SourceLine[]): Promise<number> => countKnownLines(db, shortcode.id, lines);
  return readSummary(readRows(facts, open), { fileName, encoding: facts.encoding, numbers, now: now(), countKnown });
}

const longestName = 160;

function statementOf(
  id: string,
  { shortcode, fileName, createdBy }: Upload,
  { fileType, sha256, sizeBytes }: FileFacts,
  { format, periodFrom, periodTo, summary }: StatementContents,
  now: number,
): Statement {
  return {
    id,
    tenantId: shortcode.tenantId,
    mode: shortcode.mode,
    shortcodeId: shortcode.id,
    fileName: fileName.replace(/^.*[\\/]/, '').slice(-longestName) || 'statement',
    fileType,
    format,
    sha256,
    sizeBytes,
    status: 'previewed',
    periodFrom,
    periodTo,
    openingCents: summary.preamble.openingCents,
    closingCents: summary.preamble.closingCents,
    rows: summary.rows,
    rowsDone: 0,
    linesNew: 0,
    linesKnown: 0,
    summary,
    createdBy,
    createdAt: now,
    importedAt: null,
    leaseUntil: null,
  };
}
