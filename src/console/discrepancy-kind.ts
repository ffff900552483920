// A request about discrepancies as the approval's page tells of it: one person asked to write them off, or to accept an
// amount that settles a payment; another one looks and decides. It is done against the versions that the first one saw, or
// not at all.

import type { Approval } from '../platform/approval-store.ts';
import type { Discrepancy } from '../reconciliation/discrepancy.ts';
import {
  type ApprovedAct,
  actOfApproval,
  itemsOfApproval,
  performDiscrepancyAct,
} from '../reconciliation/discrepancy-approvals.ts';
import { listDiscrepancies } from '../reconciliation/discrepancy-store.ts';
import { type ApprovalKind, type Fact, fact } from './approval-kind.ts';
import { centsText } from './close-view.ts';
import { counted } from './conditions-words.ts';
import type { BookActDeps } from './discrepancy-acts.ts';
import { discrepanciesPath } from './discrepancy-view.ts';
import { notHere } from './form-pages.ts';
import { typeWords } from './reconciliation-words.ts';
import type { Asked } from './shell-pages.ts';

const asks: Readonly<Record<ApprovedAct, string>> = {
  write_off: 'to write off',
  accept_amount: 'to accept the amount that came for',
};
const onButton: Readonly<Record<ApprovedAct, string>> = {
  write_off: 'Approve: write off',
  accept_amount: 'Approve: accept the amount',
};
/** So many are named one by one. */
const mostNamed = 50;

export function discrepancyKind(deps: BookActDeps): ApprovalKind {
  return {
    outdatedWords:
      'One of them changed while this waited, or the receipt belongs to another payment. Nothing was done.',
    whereOf(asked, approval) {
      const items = itemsOfApproval(approval);
      const one = items.length === 1 ? `/${items[0]!.id}` : '';
      return discrepanciesPath + one + asked.scope.query;
    },
    async show(asked, approval) {
      const items = itemsOfApproval(approval);
      const found = await readItems(deps, approval);
      if (found.length === 0) throw notHere('discrepancy');
      const versions = new Map(items.map(({ id, version }) => [id, version]));
      const moved = found.filter(({ id, version, status }) => status !== 'open' || versions.get(id) !== version);
      const act = actOfApproval(approval)!;
      const cents = found.reduce((sum, { atRiskCents }) => sum + atRiskCents, 0);
      const count = counted(found.length, 'discrepancy', 'discrepancies');
      const rest = found.length - mostNamed;
      return {
        title: `Approve: ${count}`,
        asks: `${asks[act]} ${count}, KES\u00a0${centsText(cents)}`,
        facts: [
          ...found.slice(0, mostNamed).map((one) => factOf(one, asked)),
          ...(rest > 0 ? [fact('And', `${rest} more`)] : []),
        ],
        reasonWords: null,
        approveWords: onButton[act],
        moved: moved.length === 0 ? null : `${moved.length} of them changed since this was asked for.`,
      };
    },
    perform: performDiscrepancyAct(deps.acting),
  };
}

function factOf({ id, type, detail, atRiskCents }: Discrepancy, { scope }: Asked): Fact {
  const href = `${discrepanciesPath}/${id}${scope.query}`;
  return fact(typeWords[type].name, `KES\u00a0${centsText(atRiskCents)}: ${detail}`, { href });
}

async function readItems({ db }: BookActDeps, approval: Approval): Promise<Discrepancy[]> {
  const ids = itemsOfApproval(approval).map(({ id }) => id);
  const filter = { tenantIds: approval.tenantId === null ? [] : [approval.tenantId], mode: null, ids };
  return (await listDiscrepancies(db, filter, { limit: ids.length })).items;
}
