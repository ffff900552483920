// SQL for what is done with one discrepancy: it is closed or assigned against the version that was looked at, and a note
// says by whom and why.

import { type Db, forUpdate } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { ClosedBecause, Discrepancy } from './discrepancy.ts';
import { type DiscrepancyRow, toDiscrepancy } from './discrepancy-row.ts';

/** Who acts when nobody does. */
export const system = { id: 'system', name: 'Lango' };

export interface Closing {
  id: string;
  name: string;
  resolution: ClosedBecause;
  why: string;
  now: number;
}

/** False when it is not open any more at the version that was read. */
export async function closeDiscrepancy(
  trx: Db,
  { id: discrepancyId, version }: Pick<Discrepancy, 'id' | 'version'>,
  { id, name, resolution, why, now }: Closing,
): Promise<boolean> {
  const changed = await trx('discrepancies')
    .where({ id: discrepancyId, version, status: 'open' })
    .update({
      status: 'closed',
      version: version + 1,
      closed_at: now,
      closed_by: id,
      resolution,
      closed_why: why.slice(0, 500),
      checked_at: now,
    });
  if (changed === 1)
    await insertNotes(trx, [{ discrepancyId, actor: { id, name }, act: resolution, text: why, at: now }]);
  return changed === 1;
}

/** False when it is not open any more at the version that was read. @param assignee null: nobody */
export async function assignDiscrepancy(
  trx: Db,
  { id, version }: Pick<Discrepancy, 'id' | 'version'>,
  assignee: { id: string; name: string } | null,
): Promise<boolean> {
  const change = { assignee_id: assignee?.id ?? null, assignee_name: assignee?.name ?? null, version: version + 1 };
  return (await trx('discrepancies').where({ id, version, status: 'open' }).update(change)) === 1;
}

export async function lockDiscrepancy(trx: Db, discrepancyId: string): Promise<Discrepancy | undefined> {
  const row: DiscrepancyRow | undefined = await forUpdate(
    trx('discrepancies').where({ id: discrepancyId }),
    trx,
  ).first();
  return row === undefined ? undefined : toDiscrepancy(row);
}

/** Notes that these were looked at and stay as they are. */
export async function noteChecked(trx: Db, discrepancyIds: readonly string[], now: number): Promise<void> {
  if (discrepancyIds.length > 0)
    await trx('discrepancies')
      .whereIn('id', [...discrepancyIds])
      .update({ checked_at: now });
}

export interface NewNote {
  discrepancyId: string;
  actor: { id: string; name: string };
  act: string;
  text: string;
  at: number;
}

export interface Note extends NewNote {
  id: string;
}

export async function insertNotes(trx: Db, notes: readonly NewNote[]): Promise<void> {
  if (notes.length === 0) return;
  await trx('discrepancy_notes').insert(
    notes.map(({ discrepancyId, actor, act, text, at }) => ({
      id: newId('not'),
      discrepancy_id: discrepancyId,
      actor: actor.id,
      actor_name: actor.name,
      act,
      text: text.slice(0, 500),
      at,
    })),
  );
}

export async function listNotes(db: Db, discrepancyId: string): Promise<Note[]> {
  const rows = await db('discrepancy_notes').where({ discrepancy_id: discrepancyId }).orderBy('id').limit(500);
  return rows.map((row) => ({
    id: row.id,
    discrepancyId: row.discrepancy_id,
    actor: { id: row.actor, name: row.actor_name },
    act: row.act,
    text: row.text,
    at: Number(row.at),
  }));
}
