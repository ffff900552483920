// SQL for the file of a statement between its preview and its import: sealed, in pieces that any database takes, and
// removed afterwards. It is what an import is done from, so a preview that was decided on survives whatever comes.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Db } from '../platform/database.ts';
import { idAt } from '../platform/ids.ts';
import type { Sealer } from '../platform/sealing.ts';

export const pieceBytes = 192 * 1024;

const pieceId = (statementId: string, part: number): string => `${statementId}.${part}`;
const sealedBox = (id: string): [string, string, string] => ['statement_files', 'part_sealed', id];

export async function addPiece(
  db: Db,
  sealer: Sealer,
  statementId: string,
  part: number,
  bytes: Buffer,
): Promise<void> {
  const id = pieceId(statementId, part);
  const part_sealed = sealer.seal(bytes.toString('base64'), sealedBox(id));
  await db('statement_files').insert({ id, statement_id: statementId, part, part_sealed });
}

/** The bytes of a file from its beginning, one piece in memory at a time. */
export async function* readPieces(db: Db, sealer: Sealer, statementId: string): AsyncGenerator<Buffer> {
  for (let part = 0; ; part += 1) {
    const id = pieceId(statementId, part);
    const row: { part_sealed: string } | undefined = await db('statement_files').where({ id }).first('part_sealed');
    if (row === undefined) return;
    yield Buffer.from(sealer.open(row.part_sealed, sealedBox(id)), 'base64');
  }
}

/** One piece at a time: together they are as large as the file. */
export async function removePieces(db: Db, statementId: string): Promise<void> {
  for (;;) {
    const id: string | undefined = (await db('statement_files').where({ statement_id: statementId }).first('id'))?.id;
    if (id === undefined) return;
    await db('statement_files').where({ id }).delete();
    await nextTurn();
  }
}

/** Files that nothing will be done with: of uploads that were broken off, and of statements that are done. */
export async function listLeftFilesAcrossTenants(db: Db, before: number): Promise<string[]> {
  const wanted = db('statements')
    .select(db.raw('1'))
    .whereRaw('statements.id = statement_files.statement_id')
    .where((still) => still.whereIn('status', ['previewed', 'importing']).orWhereNotNull('lease_until'));
  return db('statement_files')
    .where('statement_id', '<', idAt('stm', before))
    .whereNotExists(wanted)
    .distinct('statement_id')
    .pluck('statement_id');
}
