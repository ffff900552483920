// SQL for the list of callbacks: evidence as it arrived, by verdict and time. Which rows are on a page is decided inside
// one index, a verdict at a time; only those are read.

import type { Verdict } from '../payments/evidence.ts';
import { type Db, unionAll } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Mode } from '../tenants/api-key.ts';

export interface ListedCallback {
  id: string;
  paymentId: string;
  tenantId: string;
  shortcodeId: string;
  verdict: Verdict;
  resultCode: string | null;
  detail: string | null;
  receipt: string | null;
  amountCents: number | null;
  sourceIp: string | null;
  at: number;
}

interface Row {
  id: string;
  payment_id: string;
  tenant_id: string;
  shortcode_id: string;
  verdict: Verdict;
  result_code: string | null;
  detail: string | null;
  receipt: string | null;
  amount_cents: number | null;
  source_ip: string | null;
  at: number;
}

const toCallback = (row: Row): ListedCallback => ({
  id: row.id,
  paymentId: row.payment_id,
  tenantId: row.tenant_id,
  shortcodeId: row.shortcode_id,
  verdict: row.verdict,
  resultCode: row.result_code,
  detail: row.detail,
  receipt: row.receipt,
  amountCents: row.amount_cents === null ? null : Number(row.amount_cents),
  sourceIp: row.source_ip,
  at: row.at,
});

const columns = [
  'id',
  'payment_id',
  'tenant_id',
  'shortcode_id',
  'verdict',
  'result_code',
  'detail',
  'receipt',
  'amount_cents',
  'source_ip',
  'at',
] as const;

export interface CallbackFilter {
  /** Null: all tenants. */
  tenantId: string | null;
  mode: Mode;
  verdicts: readonly Verdict[];
  since: number;
  until: number;
  /** Those before this one. */
  before: { at: number; id: string } | null;
}

/** Newest first. A shortcode belongs to one tenant and one mode, which is how evidence is known to belong to them. */
export async function listCallbacks(db: Db, filter: CallbackFilter, limit: number): Promise<ListedCallback[]> {
  const { tenantId, mode, verdicts, since, until, before } = filter;
  const shortcodes = db('shortcodes').where({ mode });
  if (tenantId !== null) shortcodes.where({ tenant_id: tenantId });
  const shortcodeIds: string[] = await shortcodes.pluck('id');
  if (shortcodeIds.length === 0) return [];
  const ofVerdict = (verdict: Verdict) => {
    const query = db('evidence')
      .select('id', 'at')
      .where({ source: 'callback', verdict })
      .where('at', '>=', since)
      .where('at', '<', until)
      .whereIn('shortcode_id', shortcodeIds)
      .orderBy([
        { column: 'at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(limit);
    if (tenantId !== null) query.where({ tenant_id: tenantId });
    // The first condition is implied by the second; it is what lets the index be entered at the position.
    if (before !== null)
      query
        .where('at', '<=', before.at)
        .where((either) => either.where('at', '<', before.at).orWhere('id', '<', before.id));
    return query;
  };
  const found: { id: string; at: number }[] = await unionAll(db, verdicts.map(ofVerdict));
  const ids = found
    .sort((left, right) => right.at - left.at || (left.id < right.id ? 1 : -1))
    .slice(0, limit)
    .map(({ id }) => id);
  const rows: Row[] = await db('evidence')
    .select(...columns)
    .whereIn('id', ids);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => toCallback(byId.get(id)!));
}

/** One callback with its body, opened; a tenant's operators find only their own. */
export async function findCallback(
  db: Db,
  sealer: Sealer,
  callbackId: string,
): Promise<(ListedCallback & { raw: string | null }) | undefined> {
  const row: (Row & { raw_sealed: string | null }) | undefined = await db('evidence')
    .where({ id: callbackId, source: 'callback' })
    .first(...columns, 'raw_sealed');
  if (row === undefined) return undefined;
  const raw = row.raw_sealed === null ? null : sealer.open(row.raw_sealed, ['evidence', 'raw_sealed', row.id]);
  return { ...toCallback(row), raw };
}
