// One act with many discrepancies: chosen one by one or by a filter, shown with their count and sum, and done with exactly
// those that were shown, each at the version it had then. Where one has changed meanwhile, nothing is done.

import { createHash } from 'node:crypto';
import type { Db } from '../platform/database.ts';
import {
  type ActChoice,
  type Acted,
  actOnDiscrepancy,
  type DiscrepancyActDeps,
  type Person,
} from './act-on-discrepancies.ts';
import type { Discrepancy } from './discrepancy.ts';
import { type BulkAct, legalDiscrepancyActs } from './discrepancy-acts.ts';
import { type DiscrepancyFilter, listDiscrepancies } from './discrepancy-store.ts';

/** As many as one transaction takes. */
export const bulkAtMost = 200;

export interface BulkPreview {
  /** Those the act suits, newest first. */
  items: readonly Discrepancy[];
  atRiskCents: number;
  /** Chosen, but of a kind the act does not suit. */
  left: number;
  /** There are more than one act takes. */
  hasMore: boolean;
  /** Says which, at which versions, and what for: an act is done with exactly these or not at all. */
  digest: string;
}

/** @param filter with `ids` for a choice one by one; always with the tenants the operator may see */
export async function previewBulk(db: Db, filter: DiscrepancyFilter, act: BulkAct): Promise<BulkPreview> {
  const chosen = await listDiscrepancies(db, { ...filter, status: 'open' }, { limit: bulkAtMost });
  const items = chosen.items.filter((one) => legalDiscrepancyActs(one).includes(act));
  return {
    items,
    atRiskCents: items.reduce((sum, { atRiskCents }) => sum + atRiskCents, 0),
    left: chosen.items.length - items.length,
    hasMore: chosen.hasMore,
    digest: digestOf(act, items),
  };
}

function digestOf(act: BulkAct, items: readonly Pick<Discrepancy, 'id' | 'version'>[]): string {
  const named = items.map(({ id, version }) => `${id} ${version}`).sort();
  return createHash('sha256')
    .update([act, ...named].join('\n'))
    .digest('hex');
}

export type BulkChoice = ActChoice & { act: BulkAct };

export type BulkActed =
  | { outcome: 'done'; done: readonly Discrepancy[]; refused: readonly { discrepancy: Discrepancy; why: string }[] }
  /** Others are chosen by now, or one of them has changed. */
  | { outcome: 'changed' };

/** In the caller's transaction. @param digest of the preview that was shown */
export async function actInBulk(
  deps: DiscrepancyActDeps,
  by: { actor: Person; reason: string },
  filter: DiscrepancyFilter,
  digest: string,
  choice: BulkChoice,
): Promise<BulkActed> {
  const preview = await previewBulk(deps.db, filter, choice.act);
  if (preview.digest !== digest) return { outcome: 'changed' };
  const acted: { discrepancy: Discrepancy; result: Acted }[] = [];
  for (const discrepancy of preview.items) {
    const at = { ...by, discrepancyId: discrepancy.id, version: discrepancy.version };
    acted.push({ discrepancy, result: await actOnDiscrepancy(deps, at, choice) });
  }
  return {
    outcome: 'done',
    done: acted.filter(({ result }) => result.outcome === 'done').map(({ discrepancy }) => discrepancy),
    refused: acted.flatMap(({ discrepancy, result }) =>
      result.outcome === 'done'
        ? []
        : [{ discrepancy, why: result.outcome === 'refused' ? result.why : 'It has changed.' }],
    ),
  };
}
