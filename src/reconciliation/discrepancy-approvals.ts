// What one operator asks for and a second one approves: writing money off, and accepting an amount where that settles a
// payment by hand. The request keeps the versions it was made against; it is done against those or not at all.

import assert from 'node:assert/strict';
import type { Settled } from '../payments/settle-payments.ts';
import type { Approval } from '../platform/approval-store.ts';
import {
  type ApprovalDeps,
  type ApprovalRequest,
  approve,
  type Decided,
  requestApproval,
} from '../platform/approvals.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { actOnDiscrepancy, type DiscrepancyActDeps, type Person } from './act-on-discrepancies.ts';
import type { Discrepancy } from './discrepancy.ts';

/** Kinds of approval that are performed here. */
export const discrepancyApprovalKinds = {
  write_off: 'discrepancy.write_off',
  accept_amount: 'discrepancy.accept_amount',
} as const;
export type ApprovedAct = keyof typeof discrepancyApprovalKinds;

/** What is asked for: one discrepancy, or several at once. */
interface Payload extends Record<string, unknown> {
  items: readonly { id: string; version: number }[];
  at_risk_cents: number;
}

/** The act a request asks for; null for one that is another slice's. */
export function actOfApproval({ kind }: Pick<Approval, 'kind'>): ApprovedAct | null {
  const acts = Object.entries(discrepancyApprovalKinds) as [ApprovedAct, string][];
  return acts.find(([, name]) => name === kind)?.[0] ?? null;
}

/** The discrepancies a request is about, at the versions it was made against. */
export function itemsOfApproval({ payload }: Pick<Approval, 'payload'>): Payload['items'] {
  return (payload as Payload).items;
}

/**
 * Asks for an approval. @param discrepancies of one tenant and mode, one or several @param digest of the preview, for
 * several @returns null when the same waits for an approval already
 */
export function requestDiscrepancyAct(
  deps: ApprovalDeps,
  actor: Person,
  act: ApprovedAct,
  discrepancies: readonly Discrepancy[],
  reason: string,
  digest: string | null = null,
): Promise<Approval | null> {
  const [first] = discrepancies;
  assert(first !== undefined, 'an approval is about something');
  assert(
    discrepancies.every(({ tenantId, mode }) => tenantId === first.tenantId && mode === first.mode),
    'an approval is about one tenant’s',
  );
  const payload: Payload = {
    items: discrepancies.map(({ id, version }) => ({ id, version })),
    at_risk_cents: discrepancies.reduce((sum, { atRiskCents }) => sum + atRiskCents, 0),
  };
  const request: ApprovalRequest = {
    kind: discrepancyApprovalKinds[act],
    tenantId: first.tenantId,
    mode: first.mode,
    subject: digest ?? first.id,
    stateKey: digest ?? String(first.version),
    payload,
    reasonCode: act,
    reason,
  };
  return requestApproval(deps, actor, request);
}

/** Approves a request and does what was asked for, in one transaction; tells of it after the commit. */
export async function approveDiscrepancyAct(
  deps: ApprovalDeps & DiscrepancyActDeps,
  actor: Person,
  approvalId: string,
): Promise<Decided> {
  let changes: Settled[] = [];
  const decided = await approve(deps, actor, approvalId, (trx, approval) => {
    changes = [];
    const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
    return performDiscrepancyAct({ ...deps, announce }, trx, actor, approval);
  });
  if (changes.length > 0) deps.announce(changes);
  return decided;
}

class Outdated extends Error {}

/** False when one of them is not as it was: then none is done. */
export async function performDiscrepancyAct(
  deps: DiscrepancyActDeps,
  trx: Db,
  actor: Person,
  approval: Approval,
): Promise<boolean> {
  const act = actOfApproval(approval);
  if (act === null) return false;
  const reason = `${approval.reason} (asked for by ${approval.requestedName})`.slice(0, 500);
  const changes: Settled[] = [];
  const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
  try {
    // Inside the approval's own transaction, so that what was done before the one that had changed is undone.
    await inTransaction(trx, async (inside) => {
      for (const { id, version } of itemsOfApproval(approval)) {
        const at = { discrepancyId: id, version, actor, reason };
        const acted = await actOnDiscrepancy({ ...deps, db: inside, announce }, at, { act });
        if (acted.outcome !== 'done') throw new Outdated();
      }
    });
  } catch (thrown) {
    if (thrown instanceof Outdated) return false;
    throw thrown;
  }
  deps.announce(changes);
  return true;
}
