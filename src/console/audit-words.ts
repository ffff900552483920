// Rows of the audit log as pages show them: the action in words, what it was done to as a link, and each value that was
// before beside the one that came after.

import { type AuditRow, listAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';

export interface Change {
  name: string;
  /** What was there before; null where nothing was. */
  before: string | null;
  /** What came in its place. */
  after: string | null;
  /** What did not change, or was only said: null where the two others are set. */
  plain: string | null;
}

export interface ShownAct {
  seq: number;
  at: number;
  actor: string;
  actorName: string;
  action: string;
  words: string;
  tenantId: string | null;
  target: string | null;
  targetHref: string | null;
  reason: string | null;
  ip: string | null;
  changes: Change[];
}

/** `shortcode.credentials_replaced` as `Shortcode credentials replaced`. */
export function actWords(action: string): string {
  const words = action.replace(/[._]/g, ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

export function showAct(row: AuditRow): ShownAct {
  const { seq, at, actor, actorName, action, tenantId, target, reason, ip } = row;
  const words = actWords(action);
  // Somebody who is to become an owner may not be there yet: the request is.
  const request = action.startsWith('operator.owner_') ? row.after?.approval : undefined;
  const targetHref = typeof request === 'string' ? `/console/approvals/${request}` : pathOf(target);
  return {
    seq,
    at,
    actor,
    actorName,
    action,
    words,
    tenantId,
    target,
    targetHref,
    reason,
    ip,
    changes: changesOf(row),
  };
}

/** What was done last to one thing; a tenant's operators see what was done for their tenant. */
export async function listActsOn(db: Db, target: string, tenantId: string | null): Promise<ShownAct[]> {
  return (await listAudit(db, { tenantId, target, limit: 8 })).map(showAct);
}

const pages: Readonly<Record<string, string>> = {
  pay: '/console/payments/',
  ten: '/console/tenants/',
  sc: '/console/shortcodes/',
  key: '/console/keys/',
  opr: '/console/operators/',
  whe: '/console/webhooks/',
  whd: '/console/deliveries/',
  cls: '/console/reconciliation/closes/',
  dsc: '/console/reconciliation/discrepancies/',
  lin: '/console/reconciliation/lines/',
  stm: '/console/reconciliation/imports/',
};

function pathOf(target: string | null): string | null {
  const page = target === null ? undefined : pages[target.split('_')[0]!];
  return page === undefined ? null : page + target;
}

function changesOf({ before, after }: Pick<AuditRow, 'before' | 'after'>): Change[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.map((name) => {
    const [was, is] = [textOf(before?.[name]), textOf(after?.[name])];
    const isChange = before !== null && name in before && was !== is;
    const shown = isChange ? { before: was, after: is, plain: null } : { before: null, after: null, plain: is ?? was };
    return { name: name.replaceAll('_', ' '), ...shown };
  });
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
