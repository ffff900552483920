// What a page is about: one tenant or all of them, live or test. It lives in the address, so that a page can be sent to
// a colleague and means the same there; what the operator may not see is never in it.

import { AppError } from '../platform/errors.ts';
import type { Operator } from './operator-store.ts';

export interface Scope {
  /** Null: all tenants. */
  tenantId: string | null;
  tenantName: string | null;
  mode: 'test' | 'live';
  /** Whether the operator may see all tenants, whichever is chosen. */
  seesAll: boolean;
  /** Those the operator may choose from. */
  tenants: readonly { id: string; name: string }[];
  /** `?tenant=…&mode=…` for links that stay in the scope. */
  query: string;
}

/** Those whose things a page shows. */
export function tenantIdsOf({ tenantId, tenants }: Pick<Scope, 'tenantId' | 'tenants'>): string[] {
  return tenantId === null ? tenants.map(({ id }) => id) : [tenantId];
}

/** @throws AppError `not_found` for a tenant that does not exist or is not the operator's */
export function readScope(
  operator: Pick<Operator, 'tenantId'>,
  tenants: readonly { id: string; name: string }[],
  query: Record<string, unknown>,
): Scope {
  const own = operator.tenantId === null ? tenants : tenants.filter(({ id }) => id === operator.tenantId);
  const asked = typeof query.tenant === 'string' && query.tenant !== '' ? query.tenant : operator.tenantId;
  const found = asked === null ? undefined : own.find(({ id }) => id === asked);
  if (asked !== null && found === undefined)
    throw new AppError('not_found', 'There is no such tenant, or it is not yours to see.');
  const mode = query.mode === 'test' ? 'test' : 'live';
  const parts = [...(found === undefined ? [] : [`tenant=${found.id}`]), `mode=${mode}`];
  return {
    tenantId: found?.id ?? null,
    tenantName: found?.name ?? null,
    mode,
    seesAll: operator.tenantId === null,
    tenants: own,
    query: `?${parts.join('&')}`,
  };
}
