// SQL for the pages about tenants: what belongs to each, and when it was last paid. Each figure is one look into an
// index for each tenant on the page, never a walk over payments.

import type { Db } from '../platform/database.ts';
import type { Mode } from '../tenants/api-key.ts';
import type { Tenant } from '../tenants/tenant-store.ts';

export interface ListedTenant extends Tenant {
  createdAt: number;
  /** Keys that neither ended nor were revoked, and shortcodes, in both modes. */
  keys: number;
  shortcodes: number;
  endpoints: number;
  lastPaymentAt: number | null;
}

export interface TenantFilter {
  /** Null: all tenants. */
  tenantId: string | null;
  /** For the time of the last payment. */
  mode: Mode;
  /** A part of the name, whatever its case. */
  name: string | null;
  /** Those after this one, by name and id. */
  after: { name: string; id: string } | null;
}

/** By name. */
export async function listTenants(db: Db, filter: TenantFilter, now: number, limit: number): Promise<ListedTenant[]> {
  const { tenantId, mode, name, after } = filter;
  const countOf = (table: string) =>
    db(table)
      .count('*')
      .whereRaw('?? = tenants.id', [`${table}.tenant_id`]);
  const keys = countOf('api_keys')
    .whereNull('revoked_at')
    .where((lasting) => lasting.whereNull('expires_at').orWhere('expires_at', '>', now));
  const lastPayment = db('payments')
    .select('created_at')
    .whereRaw('payments.tenant_id = tenants.id')
    .where({ mode })
    .orderBy('payments.created_at', 'desc')
    .limit(1);
  const query = db('tenants')
    .select('id', 'name', 'status', 'created_at')
    .select({
      key_count: keys,
      shortcode_count: countOf('shortcodes'),
      endpoint_count: countOf('endpoints').whereNot({ status: 'deleted' }),
      last_payment_at: lastPayment,
    })
    .orderBy(['name', 'id'])
    .limit(limit);
  if (tenantId !== null) query.where({ id: tenantId });
  if (name !== null) query.whereRaw('lower(name) like ? escape ?', [`%${likeText(name.toLowerCase())}%`, '!']);
  if (after !== null)
    query.where((later) =>
      later
        .where('name', '>', after.name)
        .orWhere((same) => same.where({ name: after.name }).where('id', '>', after.id)),
    );
  return ((await query) as Row[]).map((row) => ({
    id: row.id,
    name: row.name,
    status: row.status,
    createdAt: row.created_at,
    keys: Number(row.key_count),
    shortcodes: Number(row.shortcode_count),
    endpoints: Number(row.endpoint_count),
    lastPaymentAt: row.last_payment_at,
  }));
}

interface Row {
  id: string;
  name: string;
  status: Tenant['status'];
  created_at: number;
  key_count: number;
  shortcode_count: number;
  endpoint_count: number;
  last_payment_at: number | null;
}

const likeText = (text: string): string => text.replace(/[!%_]/g, '!$&');
