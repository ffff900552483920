// What the pages of reconciliation share: whose rows they may read, what their shortcodes are called, and where the other
// pages are.

import { listShortcodesAcrossTenants } from '../mpesa/shortcode-store.ts';
import type { Db } from '../platform/database.ts';
import { closesPath } from './close-view.ts';
import type { Scope } from './scope.ts';
import { shortcodeName } from './shortcode-view.ts';

export const reconciliationPath = '/console/reconciliation';

export const tenantsOf = ({ tenantId, tenants }: Scope): string[] =>
  tenantId === null ? tenants.map(({ id }) => id) : [tenantId];

/** More than this nobody chooses from in a list. */
const mostShortcodes = 200;

/** Names of the scope's shortcodes, by id. */
export async function namesOfShortcodes(db: Db, { tenantId, mode }: Scope): Promise<Map<string, string>> {
  const found = await listShortcodesAcrossTenants(db, { tenantId, mode }, mostShortcodes);
  return new Map(found.map((shortcode) => [shortcode.id, shortcodeName(shortcode)]));
}

/** The other pages of reconciliation, in the scope. */
export function hrefsOf({ query }: Scope) {
  return {
    grid: reconciliationPath + query,
    imports: `${reconciliationPath}/imports${query}`,
    lines: `${reconciliationPath}/lines${query}`,
    discrepancies: `${reconciliationPath}/discrepancies${query}`,
    suggested: `${reconciliationPath}/suggested${query}`,
    closes: closesPath + query,
  };
}
