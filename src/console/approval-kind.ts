// What needs a second person: for each kind how its page tells of it, how it is done, and where one looks at what came of
// it. The page around it, who may see it and who may decide are the same for all (approval-pages).

import type { Approval } from '../platform/approval-store.ts';
import type { Perform } from '../platform/approvals.ts';
import { discrepancyApprovalKinds, itemsOfApproval } from '../reconciliation/discrepancy-approvals.ts';
import { counted } from './conditions-words.ts';
import type { Asked } from './shell-pages.ts';
import type { Word } from './status-words.ts';

/** What an approval is of, and how its acts in the audit log begin. */
export const kindNames = {
  resolution: 'payment.resolve',
  credentials: 'shortcode.credentials',
  owner: 'operator.owner',
  writeOff: discrepancyApprovalKinds.write_off,
  acceptAmount: discrepancyApprovalKinds.accept_amount,
  close: 'day.close',
} as const;

export interface ApprovalKind {
  /** @throws AppError `not_found` when what it is about is gone */
  show(asked: Asked, approval: Approval): Promise<ShownRequest>;
  perform: Perform;
  whereOf(asked: Asked, approval: Approval): string;
  /** Said when nothing was done because it had changed. */
  outdatedWords: string;
}

export interface ShownRequest {
  title: string;
  /** `asks to …`, behind the name of who asks. */
  asks: string;
  facts: readonly Fact[];
  /** What the reason is of, where one was chosen from a list. */
  reasonWords: string | null;
  /** On the button. */
  approveWords: string;
  /** Why approving would do nothing now; null where all is as it was. */
  moved: string | null;
}

/** What is asked for, in a few words for a list. */
export function aboutWords({ kind, payload }: Pick<Approval, 'kind' | 'payload'>): string {
  switch (kind) {
    case kindNames.resolution:
      return `a payment as ${payload.to === 'succeeded' ? 'paid' : 'not paid'}`;
    case kindNames.credentials:
      return `credentials of ${String(payload.shortcode)}`;
    case kindNames.owner:
      return `owner ${String(payload.email)}`;
    case kindNames.writeOff:
      return `writing off ${counted(itemsOfApproval({ payload }).length, 'discrepancy', 'discrepancies')}`;
    case kindNames.acceptAmount:
      return 'the amount that came for a payment';
    case kindNames.close:
      return `the close of ${String(payload.day)}, ${String(payload.shortcode)}`;
    default:
      return kind;
  }
}

export const approvalUrl = ({ id }: Pick<Approval, 'id'>, { scope }: Asked): string =>
  `/console/approvals/${id}${scope.query}`;

/** What a page says of a request that a second person has not decided yet, as the partial `waiting` takes it. */
export function waitingFor(approval: Approval | undefined, asked: Asked): { name: string; href: string } | null {
  return approval === undefined ? null : { name: approval.requestedName, href: approvalUrl(approval, asked) };
}

/** One line of what is to be done; exactly one of `text` and `status` is set. */
export interface Fact {
  term: string;
  text: string | null;
  href: string | null;
  isCode: boolean;
  status: Word | null;
}

export function fact(term: string, text: string, more: Partial<Pick<Fact, 'href' | 'isCode'>> = {}): Fact {
  return { term, text, href: null, isCode: false, status: null, ...more };
}

export function statusFact(term: string, { word, icon, tone }: Word): Fact {
  return { term, text: null, href: null, isCode: false, status: { word, icon, tone } };
}
