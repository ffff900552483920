// Reads a file as an import would, without a database: what it is, what it holds, and its lines.

import type { SourceLine } from '../../src/mpesa/source-line.ts';
import { createFileExaminer, type FileFacts, readRows } from '../../src/reconciliation/read-file.ts';
import { readLines } from '../../src/reconciliation/read-lines.ts';
import { readSummary, type StatementContents } from '../../src/reconciliation/read-summary.ts';
import { nairobi } from './statement-files.ts';

export interface ReadStatement extends StatementContents {
  facts: FileFacts;
  lines: SourceLine[];
}

export interface ReadAs {
  fileName?: string;
  numbers?: readonly string[];
  now?: number;
  /** The file comes in pieces of so many bytes. */
  pieceBytes?: number;
}

export async function readStatement(file: Buffer, options: ReadAs = {}): Promise<ReadStatement> {
  const {
    fileName = 'statement',
    numbers = ['600997'],
    now = nairobi('2026-10-20 12:00:00'),
    pieceBytes = 1000,
  } = options;
  const open = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < file.length; at += pieceBytes) yield file.subarray(at, at + pieceBytes);
  };
  const examiner = createFileExaminer();
  for await (const piece of open()) examiner.take(piece);
  const facts = examiner.finish();
  const { encoding } = facts;
  const contents = await readSummary(readRows(facts, open), {
    fileName,
    encoding,
    numbers,
    now,
    countKnown: async () => 0,
  });
  const lines: SourceLine[] = [];
  for await (const batch of readLines(readRows(facts, open), 7)) lines.push(...batch.lines);
  return { ...contents, facts, lines };
}

/** Why a file is not taken, in the words its owner reads. */
export async function refusalOf(file: Buffer, options: ReadAs = {}): Promise<string> {
  try {
    await readStatement(file, options);
  } catch (thrown) {
    const { publicMessage } = thrown as { publicMessage?: string };
    if (publicMessage === undefined) throw thrown;
    return publicMessage;
  }
  return 'taken';
}
