// Reads what needs a person, once for all who show it: the page lists it, Home sums it up, the navigation counts it. What
// is counted and summed is everything that is open; the page lists the oldest of it.

import { type Approval, listWaitingApprovals } from '../platform/approval-store.ts';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { longestReplayMs } from '../webhooks/policy.ts';
import {
  type AttentionItem,
  type AttentionKind,
  approvalItem,
  byUrgency,
  endpointItem,
  paymentItem,
  type RefusedSettings,
  refusedSettings,
  settingsItem,
  unsureAfterMs,
} from './attention.ts';
import { listBookItems } from './attention-books.ts';
import {
  listOpenPayments,
  listTroubledEndpoints,
  mostItems,
  type OpenSum,
  type OpenWindow,
  sumOpenPayments,
  type TroubledEndpoint,
} from './attention-store.ts';
import type { ReadSituation } from './conditions-snapshot.ts';
import type { Condition, Snapshot } from './conditions-words.ts';
import { type Scope, tenantIdsOf } from './scope.ts';
import { circleOf } from './strip.ts';

export interface AttentionDeps {
  db: Db;
  now(): number;
  readSituation: ReadSituation;
}

/** Everything that is open in a scope. */
export interface Attention {
  payments: readonly OpenSum[];
  endpoints: readonly TroubledEndpoint[];
  approvals: readonly Approval[];
  settings: readonly RefusedSettings[];
  /** Discrepancies, but for those of payments that are in the queue themselves; the worst of each severity. */
  books: readonly AttentionItem[];
}

/** @param own the situation of this very scope */
export async function readAttention(db: Db, scope: Scope, own: Snapshot): Promise<Attention> {
  const window = windowOf(scope, own.now);
  const { tenantIds } = window;
  const [payments, endpoints, approvals, books] = await Promise.all([
    sumOpenPayments(db, window),
    // What is too old for a replay is not sent again from here either.
    listTroubledEndpoints(db, window, own.now - longestReplayMs),
    listWaitingApprovals(db, { tenantIds, isWhole: scope.seesAll }, own.now, mostItems),
    listBookItems(db, tenantIds, scope, mostItems),
  ]);
  return {
    payments,
    endpoints,
    books,
    approvals: approvals.filter(({ mode }) => mode === null || mode === scope.mode),
    settings: refusedSettings(own),
  };
}

const windowOf = (scope: Scope, now: number): OpenWindow => ({
  tenantIds: tenantIdsOf(scope),
  mode: scope.mode,
  unknownBefore: now - unsureAfterMs,
});

/** The situation that the strip speaks of, and of it what the scope shows. @throws AppError `unavailable` */
export async function readOwn(
  readSituation: ReadSituation,
  scope: Scope,
): Promise<{ own: Snapshot; conditions: readonly Condition[] }> {
  const { snapshot, conditions } = await readSituation(circleOf(scope));
  if (snapshot === null)
    throw new AppError('unavailable', 'The database is not answering. Try again in a few seconds.', {
      retryAfterSeconds: 5,
    });
  return { own: narrow(snapshot, scope.tenantId), conditions };
}

function narrow(snapshot: Snapshot, tenantId: string | null): Snapshot {
  if (tenantId === null) return snapshot;
  const shortcodes = snapshot.shortcodes.filter((one) => one.tenantId === tenantId);
  const ids = new Set(shortcodes.map(({ id }) => id));
  const isOwn = ({ shortcodeId }: { shortcodeId: string }): boolean => ids.has(shortcodeId);
  return {
    ...snapshot,
    shortcodes,
    waiting: snapshot.waiting.filter(isOwn),
    pushes: snapshot.pushes.filter(isOwn),
    outcomes: snapshot.outcomes.filter(isOwn),
    endpoints: snapshot.endpoints.filter((one) => one.tenantId === tenantId),
    critical: snapshot.critical.filter((one) => one.tenantId === tenantId),
  };
}

const statusOf = { unsure: 'unknown', review: 'needs_review' } as const;

/** How many there are and what is at risk; each payment counts, not only those that are listed. */
export function totalsOf(attention: Attention, kind: AttentionKind | null): { count: number; kes: number } {
  const { payments, endpoints, approvals, settings, books } = attention;
  const sums = payments.filter(
    ({ status }) => kind === null || (kind in statusOf && statusOf[kind as keyof typeof statusOf] === status),
  );
  const others = { delivery: endpoints, approval: approvals, settings, books } as const;
  const rows = Object.entries(others).filter(([name]) => kind === null || name === kind);
  return {
    count: sums.reduce((sum, { count }) => sum + count, 0) + rows.reduce((sum, [, { length }]) => sum + length, 0),
    kes:
      sums.reduce((sum, one) => sum + one.kes, 0) +
      (kind === null || kind === 'books' ? books.reduce((sum, { kesAtRisk }) => sum + (kesAtRisk ?? 0), 0) : 0),
  };
}

/** Worst first. @param operatorId whose own requests are told apart; null: nobody's */
export async function listAttention(
  { db, readSituation }: AttentionDeps,
  scope: Scope,
  operatorId: string | null,
  kind: AttentionKind | null,
): Promise<{ items: AttentionItem[]; count: number; kes: number }> {
  const { own } = await readOwn(readSituation, scope);
  const attention = await readAttention(db, scope, own);
  const names = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  const nameOf = (tenantId: string | null): string => names.get(tenantId ?? '') ?? 'this server';
  const statuses = kind === null ? Object.values(statusOf) : kind in statusOf ? [statusOf[kind as 'unsure']] : [];
  const payments = statuses.length === 0 ? [] : await listOpenPayments(db, windowOf(scope, own.now), statuses);
  const items = [
    ...attention.books,
    ...payments.map((payment) => paymentItem(payment, nameOf(payment.tenantId), own.now)),
    ...attention.endpoints.map((endpoint) => endpointItem(endpoint, nameOf(endpoint.tenantId), own.now)),
    ...attention.approvals.map((one) =>
      approvalItem(one, nameOf(one.tenantId), one.requestedBy === operatorId, own.now),
    ),
    ...attention.settings.map((refused) => settingsItem(refused, nameOf(refused.tenantId), own.now)),
  ];
  const shown = items.filter((item) => kind === null || item.kind === kind).sort(byUrgency);
  return { items: shown, ...totalsOf(attention, kind) };
}
