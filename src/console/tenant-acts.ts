// What people do to tenants: make one, rename it, enable or disable it. Each is written down with what was before.

import { notFound } from '../platform/errors.ts';
import { changeTenantStatus, createTenant, renameTenant } from '../tenants/manage-tenants.ts';
import { lockTenant, type Tenant } from '../tenants/tenant-store.ts';
import { type ActDeps, auditAct, type By } from './audit-act.ts';

export function createTenantAs(deps: ActDeps, by: By, name: string): Promise<{ id: string }> {
  return auditAct(deps, by, async (trx) => {
    const result = await createTenant({ ...deps, db: trx }, name);
    const after = { name: name.trim() };
    return { result, entry: { action: 'tenant.created', tenantId: result.id, target: result.id, after } };
  });
}

export function renameTenantAs(deps: ActDeps, by: By, tenantId: string, name: string): Promise<{ name: string }> {
  return auditAct(deps, by, async (trx) => {
    const before = (await lockTenant(trx, tenantId)) ?? fail();
    const result = await renameTenant({ db: trx }, tenantId, name);
    if (before.name === result.name) return { result, entry: null };
    const change = { before: { name: before.name }, after: result };
    return { result, entry: { action: 'tenant.renamed', tenantId, target: tenantId, ...change } };
  });
}

/** @param reason null on the command line, where none is asked for */
export function changeTenantStatusAs(
  deps: ActDeps,
  by: By,
  tenantId: string,
  status: Tenant['status'],
  reason: string | null,
): Promise<{ id: string; status: string }> {
  return auditAct(deps, by, async (trx) => {
    const before = await lockTenant(trx, tenantId);
    const result = await changeTenantStatus({ db: trx }, tenantId, status);
    if (before === undefined || before.status === status) return { result, entry: null };
    const action = status === 'active' ? 'tenant.enabled' : 'tenant.disabled';
    const change = { before: { status: before.status }, after: { status } };
    return { result, entry: { action, tenantId, target: tenantId, reason, ...change } };
  });
}

function fail(): never {
  throw notFound();
}
