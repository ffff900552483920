// SQL for shortcodes: a tenant's paybills and tills with their sealed Daraja credentials.

import { type Db, forUpdate, isUniqueViolation } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';

export type Environment = 'simulator' | 'sandbox' | 'production';

export interface Shortcode {
  id: string;
  tenantId: string;
  mode: Mode;
  environment: Environment;
  kind: 'paybill' | 'till';
  /** The paybill, or the till's store number. */
  shortcode: string;
  till: string | null;
  status: 'active' | 'paused';
  isDefault: boolean;
  credentialsSealed: string;
  /** Keyed fingerprint of the consumer key pair. */
  credentialId: string;
  lastCallbackAt: number | null;
  createdAt: number;
}

/** @returns false when the tenant has this number already, or in production another tenant has it */
export async function insertShortcode(db: Db, shortcode: Shortcode): Promise<boolean> {
  try {
    await db('shortcodes').insert({
      id: shortcode.id,
      tenant_id: shortcode.tenantId,
      mode: shortcode.mode,
      environment: shortcode.environment,
      kind: shortcode.kind,
      shortcode: shortcode.shortcode,
      till: shortcode.till,
      status: shortcode.status,
      is_default: shortcode.isDefault,
      credentials_sealed: shortcode.credentialsSealed,
      credential_id: shortcode.credentialId,
      production_number: shortcode.environment === 'production' ? shortcode.shortcode : null,
      last_callback_at: shortcode.lastCallbackAt,
      created_at: shortcode.createdAt,
      updated_at: shortcode.createdAt,
    });
    return true;
  } catch (thrown) {
    if (isUniqueViolation(thrown)) return false;
    throw thrown;
  }
}

export async function listShortcodes(db: Db, tenantId: string, mode: Mode): Promise<Shortcode[]> {
  return (await db('shortcodes').where({ tenant_id: tenantId, mode }).orderBy('id')).map(toShortcode);
}

export async function findShortcodeAcrossTenants(db: Db, shortcodeId: string): Promise<Shortcode | undefined> {
  const row = await db('shortcodes').where({ id: shortcodeId }).first();
  return row === undefined ? undefined : toShortcode(row);
}

/** Held until the transaction ends, so that what was before is what is changed. */
export async function lockShortcodeAcrossTenants(trx: Db, shortcodeId: string): Promise<Shortcode | undefined> {
  const row = await forUpdate(trx('shortcodes').where({ id: shortcodeId }), trx).first();
  return row === undefined ? undefined : toShortcode(row);
}

/** Newest first, those before an id where one is given. @param tenantId null: of all tenants */
export async function listShortcodesAcrossTenants(
  db: Db,
  { tenantId, mode, beforeId }: { tenantId: string | null; mode: Mode; beforeId?: string | undefined },
  limit: number,
): Promise<Shortcode[]> {
  const query = db('shortcodes').where({ mode }).orderBy('id', 'desc').limit(limit);
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  if (beforeId !== undefined) query.where('id', '<', beforeId);
  return (await query).map(toShortcode);
}

export async function setShortcodeCredentials(
  db: Db,
  shortcodeId: string,
  sealed: Pick<Shortcode, 'credentialsSealed' | 'credentialId'>,
  at: number,
): Promise<boolean> {
  const change = { credentials_sealed: sealed.credentialsSealed, credential_id: sealed.credentialId, updated_at: at };
  return (await db('shortcodes').where({ id: shortcodeId }).update(change)) === 1;
}

export async function setShortcodeStatus(
  db: Db,
  shortcodeId: string,
  status: Shortcode['status'],
  at: number,
): Promise<boolean> {
  return (await db('shortcodes').where({ id: shortcodeId }).update({ status, updated_at: at })) === 1;
}

/** Notes when each shortcode was last called back; never moves a time back. */
export async function saveLastCallbacks(db: Db, lastCallbackAt: ReadonlyMap<string, number>): Promise<void> {
  for (const [shortcodeId, at] of lastCallbackAt) {
    await db('shortcodes')
      .where({ id: shortcodeId })
      .where((earlier) => earlier.whereNull('last_callback_at').orWhere('last_callback_at', '<', at))
      .update({ last_callback_at: at });
  }
}

/** How payments of a tenant's shortcodes that were made since `since` ended: counts by shortcode, status and failure code. */
export async function countOutcomes(
  db: Db,
  tenantId: string,
  mode: Mode,
  since: number,
): Promise<{ shortcodeId: string; status: string; failureCode: string | null; count: number }[]> {
  const rows: Record<string, unknown>[] = await db('payments')
    .select('shortcode_id', 'status', 'failure_code')
    .count({ count: '*' })
    .where({ tenant_id: tenantId, mode })
    .where('created_at', '>=', since)
    .groupBy('shortcode_id', 'status', 'failure_code');
  return rows.map((row) => ({
    shortcodeId: String(row.shortcode_id),
    status: String(row.status),
    failureCode: row.failure_code === null ? null : String(row.failure_code),
    count: Number(row.count),
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: a row as knex gives it; this function is what types it
function toShortcode(row: any): Shortcode {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    environment: row.environment,
    kind: row.kind,
    shortcode: row.shortcode,
    till: row.till,
    status: row.status,
    isDefault: Boolean(row.is_default),
    credentialsSealed: row.credentials_sealed,
    credentialId: row.credential_id,
    lastCallbackAt: row.last_callback_at,
    createdAt: row.created_at,
  };
}
