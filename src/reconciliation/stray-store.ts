// SQL for what came to a shortcode's own C2B address and is no line of it: unreadable, or about another shortcode. Kept
// so that money is never told of in vain; the same body counts once, however often it comes.

import { createHash } from 'node:crypto';
import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { SealContext, Sealer } from '../platform/sealing.ts';
import type { Mode } from '../tenants/api-key.ts';

export interface StrayConfirmation {
  tenantId: string;
  mode: Mode;
  /** Whose address it came to. */
  shortcodeId: string;
  reason: 'unreadable' | 'other_shortcode';
  namedShortcode: string | null;
  receipt: string | null;
  amountCents: number | null;
  sourceIp: string;
  raw: string;
  at: number;
}

export interface StoredStray extends StrayConfirmation {
  id: string;
}

const sealedIn = (id: string): SealContext => ['stray_confirmations', 'raw_sealed', id];

export async function addStrays(trx: Db, sealer: Sealer, strays: readonly StrayConfirmation[]): Promise<number> {
  const rows = strays.map((stray) => {
    const id = newId('cst');
    return {
      id,
      tenant_id: stray.tenantId,
      mode: stray.mode,
      shortcode_id: stray.shortcodeId,
      reason: stray.reason,
      named_shortcode: stray.namedShortcode,
      receipt: stray.receipt,
      amount_cents: stray.amountCents,
      source_ip: stray.sourceIp.slice(0, 45),
      body_hash: createHash('sha256').update(stray.raw).digest('hex'),
      raw_sealed: sealer.seal(stray.raw, sealedIn(id)),
      at: stray.at,
    };
  });
  return insertIgnoringDuplicates(trx, 'stray_confirmations', rows);
}

/** Newest first, those before a position where one is given. @param tenantId null: of all tenants */
export async function listStrays(
  db: Db,
  sealer: Sealer,
  {
    tenantId,
    mode,
    shortcodeId,
    before = null,
  }: { tenantId: string | null; mode: Mode; shortcodeId?: string; before?: { at: number; id: string } | null },
  limit: number,
): Promise<StoredStray[]> {
  const query = db('stray_confirmations')
    .where({ mode })
    .orderBy([
      { column: 'at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit);
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  if (shortcodeId !== undefined) query.where({ shortcode_id: shortcodeId });
  if (before !== null)
    query
      .where('at', '<=', before.at)
      .where((either) => either.where('at', '<', before.at).orWhere('id', '<', before.id));
  return (await query).map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    shortcodeId: row.shortcode_id,
    reason: row.reason,
    namedShortcode: row.named_shortcode,
    receipt: row.receipt,
    amountCents: row.amount_cents === null ? null : Number(row.amount_cents),
    sourceIp: row.source_ip,
    raw: sealer.open(row.raw_sealed, sealedIn(row.id)),
    at: Number(row.at),
  }));
}
