// SQL for what the sources have told completely (reconciliation/coverage). Stretches of one source that meet are kept as
// one, so that a source that is pulled every few minutes stays a handful of rows.

import type { LineSource } from '../mpesa/source-line.ts';
import { type Db, forUpdate, insertIgnoringDuplicates, inTransaction } from '../platform/database.ts';
import { covers, mergeSpans, type Span } from './coverage.ts';

export interface Coverage {
  shortcodeId: string;
  source: LineSource;
  fromAt: number;
  /** What lies after `now` is not told yet, whatever a file's heading says. */
  toAt: number;
  now: number;
}

/** Notes that a source has told everything of a shortcode between two moments. */
export async function addCoverage(db: Db, { shortcodeId, source, fromAt, toAt, now }: Coverage): Promise<void> {
  const told: Span = { from: fromAt, to: Math.min(toAt, now) };
  if (told.to <= told.from) return;
  const of = { shortcode_id: shortcodeId, source };
  await inTransaction(db, async (trx) => {
    const known: { from_at: number; to_at: number }[] = await forUpdate(trx('coverages').where(of), trx);
    const before = known.map(({ from_at, to_at }): Span => ({ from: Number(from_at), to: Number(to_at) }));
    const after = mergeSpans([...before, told]);
    for (const { from, to } of before)
      if (!after.some((span) => span.from === from && span.to === to))
        await trx('coverages')
          .where({ ...of, from_at: from, to_at: to })
          .delete();
    const fresh = after.filter(({ from, to }) => !before.some((span) => span.from === from && span.to === to));
    const rows = fresh.map(({ from, to }) => ({ ...of, from_at: from, to_at: to, created_at: now }));
    await insertIgnoringDuplicates(trx, 'coverages', rows);
  });
}

/** What each source of a shortcode has told completely, in order. */
export async function readCoverage(db: Db, shortcodeId: string): Promise<Map<LineSource, Span[]>> {
  const rows: { source: LineSource; from_at: number; to_at: number }[] = await db('coverages').where({
    shortcode_id: shortcodeId,
  });
  const bySource = new Map<LineSource, Span[]>();
  for (const { source, from_at, to_at } of rows)
    bySource.set(source, [...(bySource.get(source) ?? []), { from: Number(from_at), to: Number(to_at) }]);
  return new Map([...bySource].map(([source, spans]) => [source, mergeSpans(spans)]));
}

/** Whether a source has told everything from `at` until two hours later: what is not in it then is missing. */
export async function isCovered(db: Db, shortcodeId: string, at: number): Promise<boolean> {
  return covers([...(await readCoverage(db, shortcodeId)).values()], at, at);
}
