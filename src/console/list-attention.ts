// Reads everything that needs a person, for the page, the count in the navigation and Home.

import { listWaitingApprovals } from '../platform/approval-store.ts';
import type { Db } from '../platform/database.ts';
import { type AttentionItem, approvalItem, byUrgency, endpointItem, paymentItem, unsureAfterMs } from './attention.ts';
import { listBookItems } from './attention-books.ts';
import { listOpenPayments, listTroubledEndpoints, mostItems } from './attention-store.ts';
import type { Scope } from './scope.ts';

/** Worst first. @param operatorId whose own requests are told apart; null: nobody's */
export async function listAttention(
  { db, now }: { db: Db; now(): number },
  scope: Scope,
  operatorId: string | null,
): Promise<AttentionItem[]> {
  const at = now();
  const tenantIds = scope.tenantId === null ? scope.tenants.map(({ id }) => id) : [scope.tenantId];
  const names = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  const nameOf = (tenantId: string | null): string => names.get(tenantId ?? '') ?? 'this server';
  const [payments, endpoints, approvals] = await Promise.all([
    listOpenPayments(db, tenantIds, scope.mode, at - unsureAfterMs),
    listTroubledEndpoints(db, tenantIds, scope.mode),
    listWaitingApprovals(db, tenantIds, at, mostItems),
  ]);
  const inQueue = new Set(payments.map(({ id }) => id));
  const books = await listBookItems(db, tenantIds, scope, inQueue, mostItems);
  return [
    ...books,
    ...payments.map((payment) => paymentItem(payment, nameOf(payment.tenantId), at)),
    ...endpoints.map((endpoint) => endpointItem(endpoint, nameOf(endpoint.tenantId), at)),
    ...approvals
      .filter(({ mode }) => mode === null || mode === scope.mode)
      .map((approval) => approvalItem(approval, nameOf(approval.tenantId), approval.requestedBy === operatorId)),
  ].sort(byUrgency);
}
