// What one operator asks for and a second one approves: writing money off, and accepting an amount where that settles a
// payment by hand. The request keeps the versions it was made against; it is done against those or not at all.

import assert from 'node:assert/strict';
import type { Settled } from '../payments/settle-payments.ts';
import type { Approval } from '../platform/approval-store.ts';
import {
  type ApprovalDeps,
  type ApprovalRequest,
  type Perform,
  type Requested,
  requestApproval,
} from '../platform/approvals.ts';
import type { By } from '../platform/audit-store.ts';
import { inTransaction } from '../platform/database.ts';
import { actOnDiscrepancy, type DiscrepancyActDeps } from './act-on-discrepancies.ts';
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
 * Asks for an approval, or does it where one person is enough. @param discrepancies of one tenant and mode, one or several
 * @param digest of the preview, for several
 */
export function requestDiscrepancyAct(
  deps: ApprovalDeps & DiscrepancyActDeps,
  by: By,
  act: ApprovedAct,
  discrepancies: readonly Discrepancy[],
  reason: string,
  digest: string | null = null,
): Promise<Requested> {
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
  return requestApproval(deps, by, request, performDiscrepancyAct(deps));
}

class Outdated extends Error {}

/** Does what was asked for; nothing, when one of them is not as it was. */
export function performDiscrepancyAct(deps: DiscrepancyActDeps): Perform {
  return async (trx, { approval, by, isOnePerson }) => {
    const act = actOfApproval(approval);
    if (act === null) return null;
    const whose = isOnePerson ? 'one-person installation' : `asked for by ${approval.requestedName}`;
    const reason = `${approval.reason} (${whose})`.slice(0, 500);
    const changes: Settled[] = [];
    const nudged: string[] = [];
    const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
    const nudge = (ids: readonly string[]): void => void nudged.push(...ids);
    try {
      // Inside the approval's own transaction, so that what was done before the one that had changed is undone.
      await inTransaction(trx, async (inside) => {
        for (const { id, version } of itemsOfApproval(approval)) {
          const at = { discrepancyId: id, version, actor: by.actor, reason, isOnePerson };
          const acted = await actOnDiscrepancy({ ...deps, db: inside, announce, nudge }, at, { act });
          if (acted.outcome !== 'done') throw new Outdated();
        }
      });
    } catch (thrown) {
      if (thrown instanceof Outdated) return null;
      throw thrown;
    }
    return () => {
      if (changes.length > 0) deps.announce(changes);
      if (nudged.length > 0) deps.nudge(nudged);
    };
  };
}
