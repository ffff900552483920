// Discrepancies in the queue of what needs a person: the worst of them by severity, each with whom it is given to. A
// payment that waits for a review is in the queue itself; what is said of it there is not said twice.

import type { AuditActor } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';
import type { Discrepancy, DiscrepancyType } from '../reconciliation/discrepancy.ts';
import { assignDiscrepancy, insertNotes, lockDiscrepancy } from '../reconciliation/discrepancy-close-store.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import type { AttentionItem } from './attention.ts';
import { counted, sumOf } from './conditions-words.ts';
import { discrepanciesPath } from './discrepancy-view.ts';
import { type CriticalOpen, findInQueue } from './reconciliation-store.ts';
import { typeWords } from './reconciliation-words.ts';
import type { Scope } from './scope.ts';

const listed = ['critical', 'high', 'medium'] as const;

/** The worst first. */
export async function listBookItems(
  db: Db,
  tenantIds: readonly string[],
  { mode, tenants }: Pick<Scope, 'mode' | 'tenants'>,
  most: number,
): Promise<AttentionItem[]> {
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  const items: AttentionItem[] = [];
  for (const severity of listed) {
    const filter = { tenantIds, mode, status: 'open', severities: [severity] } as const;
    const found = await listDiscrepancies(db, filter, { limit: most });
    const about = found.items.flatMap(({ paymentId }) => paymentId ?? []);
    const inQueue = new Set(await findInQueue(db, about));
    const told = found.items.filter(({ paymentId }) => paymentId === null || !inQueue.has(paymentId));
    items.push(...told.map((one) => bookItem(one, severity, names.get(one.tenantId) ?? 'this server')));
  }
  return items;
}

function bookItem(one: Discrepancy, severity: (typeof listed)[number], tenantName: string): AttentionItem {
  const { id, type, detail, atRiskCents, openedAt, assigneeName, tenantId } = one;
  return {
    key: id,
    kind: 'books',
    severity,
    title: typeWords[type].name,
    detail: `${tenantName}: ${detail}`,
    kesAtRisk: atRiskCents === 0 ? null : atRiskCents / 100,
    since: openedAt,
    href: `${discrepanciesPath}/${id}`,
    act: 'Look',
    tenantId,
    mayAsk: false,
    assignee: assigneeName,
  };
}

/** Gives those that are discrepancies to a person, or to nobody; the others' keys. */
export async function assignBooks(
  trx: Db,
  keys: readonly string[],
  actor: AuditActor,
  isTaken: boolean,
  at: number,
): Promise<string[]> {
  const assignee = isTaken ? actor : null;
  for (const discrepancyId of keys.filter(isBookKey).sort()) {
    const known = await lockDiscrepancy(trx, discrepancyId);
    if (known === undefined || !(await assignDiscrepancy(trx, known, assignee))) continue;
    await insertNotes(trx, [{ discrepancyId, actor, act: 'assign', text: `to ${assignee?.name ?? 'nobody'}`, at }]);
  }
  return keys.filter((key) => !isBookKey(key));
}

const isBookKey = (key: string): boolean => key.startsWith('dsc_');

/** Home's line about critical ones. */
export function criticalBooks(
  critical: readonly CriticalOpen[],
  hrefOf: (path: string, query?: Record<string, string>) => string,
) {
  if (critical.length === 0) return [];
  const count = sumOf(critical, (one) => one.count);
  const names = [...new Set(critical.map(({ type }) => typeWords[type as DiscrepancyType]?.name ?? type))];
  return [
    {
      icon: 'f-alert-triangle',
      tone: 'bad' as const,
      words: counted(count, 'critical discrepancy', 'critical discrepancies'),
      sub: names.join('; '),
      kes: sumOf(critical, (one) => one.cents) / 100,
      href: hrefOf(discrepanciesPath, { severity: 'critical' }),
    },
  ];
}
