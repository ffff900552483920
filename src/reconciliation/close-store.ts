// SQL for closed days. They are added and read; the database refuses everything else.

import { type Db, isUniqueViolation } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { DailyClose } from './close.ts';

interface Row {
  id: string;
  tenant_id: string;
  mode: Mode;
  shortcode_id: string;
  day: string;
  is_clean: boolean | number;
  variance_cents: number;
  body: string;
  previous_hash: string;
  hash: string;
  closed_by: string;
  closed_name: string;
  closed_at: number;
}

const toClose = (row: Row): DailyClose => ({
  id: row.id,
  tenantId: row.tenant_id,
  mode: row.mode,
  shortcodeId: row.shortcode_id,
  day: row.day,
  isClean: Boolean(row.is_clean),
  varianceCents: Number(row.variance_cents),
  body: row.body,
  previousHash: row.previous_hash,
  hash: row.hash,
  closedBy: row.closed_by,
  closedName: row.closed_name,
  closedAt: Number(row.closed_at),
});

/** @returns false when the day was closed meanwhile */
export async function insertClose(trx: Db, close: DailyClose): Promise<boolean> {
  try {
    await trx('daily_closes').insert({
      id: close.id,
      tenant_id: close.tenantId,
      mode: close.mode,
      shortcode_id: close.shortcodeId,
      day: close.day,
      is_clean: close.isClean,
      variance_cents: close.varianceCents,
      body: close.body,
      previous_hash: close.previousHash,
      hash: close.hash,
      closed_by: close.closedBy,
      closed_name: close.closedName.slice(0, 255),
      closed_at: close.closedAt,
    });
    return true;
  } catch (thrown) {
    if (isUniqueViolation(thrown)) return false;
    throw thrown;
  }
}

export async function findClose(db: Db, closeId: string): Promise<DailyClose | undefined> {
  const row: Row | undefined = await db('daily_closes').where({ id: closeId }).first();
  return row === undefined ? undefined : toClose(row);
}

export async function findCloseOfDay(db: Db, shortcodeId: string, day: string): Promise<DailyClose | undefined> {
  const row: Row | undefined = await db('daily_closes').where({ shortcode_id: shortcodeId, day }).first();
  return row === undefined ? undefined : toClose(row);
}

/** The newest and the oldest day that is closed; null where none is. */
export async function findEndsOfBooks(
  db: Db,
  shortcodeId: string,
): Promise<{ last: DailyClose | null; firstDay: string | null }> {
  const its = () => db('daily_closes').where({ shortcode_id: shortcodeId });
  const last: Row | undefined = await its().orderBy('day', 'desc').first();
  const first = (await its().min({ day: 'day' }).first()) as { day: string | null } | undefined;
  return { last: last === undefined ? null : toClose(last), firstDay: first?.day ?? null };
}

/** Oldest first, from a day on. */
export async function listClosesOf(
  db: Db,
  shortcodeId: string,
  afterDay: string | null,
  limit: number,
): Promise<DailyClose[]> {
  const query = db('daily_closes').where({ shortcode_id: shortcodeId }).orderBy('day').limit(limit);
  if (afterDay !== null) query.where('day', '>', afterDay);
  return ((await query) as Row[]).map(toClose);
}

export async function listClosedShortcodeIds(db: Db): Promise<string[]> {
  return db('daily_closes').distinct('shortcode_id').orderBy('shortcode_id').pluck('shortcode_id');
}

export interface CloseFilter {
  /** Those the reader may see. */
  tenantIds: readonly string[];
  mode: Mode;
  shortcodeId?: string | undefined;
  /** Only days before it, and of that day those with a smaller id. */
  before?: { day: string; id: string } | undefined;
}

/** Newest day first; without their bodies, which are long. */
export async function listCloses(
  db: Db,
  { tenantIds, mode, shortcodeId, before }: CloseFilter,
  limit: number,
): Promise<Omit<DailyClose, 'body'>[]> {
  const query = db('daily_closes')
    .select('id', 'tenant_id', 'mode', 'shortcode_id', 'day', 'is_clean', 'variance_cents', 'previous_hash', 'hash')
    .select('closed_by', 'closed_name', 'closed_at')
    .whereIn('tenant_id', [...tenantIds])
    .where({ mode })
    .orderBy([
      { column: 'day', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit);
  if (shortcodeId !== undefined) query.where({ shortcode_id: shortcodeId });
  if (before !== undefined)
    query.where((either) =>
      either
        .where('day', '<', before.day)
        .orWhere((same) => same.where({ day: before.day }).where('id', '<', before.id)),
    );
  return ((await query) as Omit<Row, 'body'>[]).map((row) => {
    const { body, ...close } = toClose({ ...row, body: '' });
    return close;
  });
}
