// What needs a person, as one queue: the worst first, by severity, then money, then age. Everything in it is derived
// from the rows themselves, so nothing can be dismissed: an item leaves when its cause is gone.

import type { Approval } from '../platform/approval-store.ts';
import { numberText } from '../platform/render.ts';
import { aboutWords } from './approval-kind.ts';
import type { OpenPayment, TroubledEndpoint } from './attention-store.ts';
import { readSettingsRefusals } from './conditions-pushes.ts';
import { counted, type Snapshot, shortcodeName } from './conditions-words.ts';
import { clockWords } from './payment-words.ts';

export const attentionKinds = {
  unsure: 'Not sure yet',
  review: 'Needs review',
  books: 'Discrepancies',
  approval: 'Approvals',
  delivery: 'Webhooks',
  settings: 'Settings',
} as const;

export type AttentionKind = keyof typeof attentionKinds;
export type Severity = 'critical' | 'high' | 'medium';

export interface AttentionItem {
  /** Names it among all items, for whom it is given to. */
  key: string;
  kind: AttentionKind;
  severity: Severity;
  title: string;
  detail: string;
  /** Null where no money is at risk. */
  kesAtRisk: number | null;
  since: number;
  href: string;
  act: string;
  tenantId: string | null;
  /** M-PESA can be asked about it. */
  mayAsk: boolean;
  /** Whom it is given to, where the row itself says so. */
  assignee?: string | null;
}

/** Younger than this, a payment without an answer is still being asked about often enough. */
export const unsureAfterMs = 5 * 60_000;
const longUnsureMs = 30 * 60_000;

const reviewTitles = {
  amount: ({ amountReceivedKes, amountKes }: OpenPayment) =>
    `Another amount arrived than asked: KES ${numberText(amountReceivedKes ?? 0)} for KES ${numberText(amountKes)}`,
  receipt: () => 'Money arrived under a receipt that belongs to another payment',
  shortcode: () => 'Money arrived at another shortcode',
  phone: () => 'Somebody else paid than was asked',
  no_answer: () => 'M-PESA never answered',
} as const;

export function paymentItem(payment: OpenPayment, tenantName: string, now: number): AttentionItem {
  const { id, tenantId, reference, amountKes, amountReceivedKes, checkoutRequestId } = payment;
  const common = {
    key: id,
    tenantId,
    href: `/console/payments/${id}`,
    since: payment.createdAt,
    detail: `${tenantName}, payment ${reference}`,
  };
  if (payment.status === 'unknown')
    return {
      ...common,
      kind: 'unsure',
      severity: now - payment.createdAt > longUnsureMs ? 'high' : 'medium',
      title: 'No clear answer from M-PESA',
      kesAtRisk: amountKes,
      act: 'Look',
      mayAsk: checkoutRequestId !== null,
    };
  const reason = payment.reviewReason ?? 'no_answer';
  return {
    ...common,
    kind: 'review',
    severity: amountReceivedKes === null ? 'high' : 'critical',
    title: reviewTitles[reason](payment),
    kesAtRisk: amountReceivedKes ?? amountKes,
    act: 'Decide',
    mayAsk: checkoutRequestId !== null && reason === 'no_answer',
  };
}

export function approvalItem(approval: Approval, tenantName: string, isOwn: boolean, now: number): AttentionItem {
  const waits = isOwn ? 'Your request waits for somebody else' : 'An approval waits for you';
  return {
    key: approval.id,
    kind: 'approval',
    severity: 'medium',
    title: `${waits}: ${aboutWords(approval)}`,
    detail: `${tenantName}; asked by ${approval.requestedName}, open until ${clockWords(approval.expiresAt, now)}`,
    // What hangs on a payment is counted with the payment.
    kesAtRisk: null,
    since: approval.createdAt,
    href: `/console/approvals/${approval.id}`,
    act: 'Look',
    tenantId: approval.tenantId,
    mayAsk: false,
  };
}

export function endpointItem(endpoint: TroubledEndpoint, tenantName: string, now: number): AttentionItem {
  const host = URL.canParse(endpoint.url) ? new URL(endpoint.url).host : 'an unreadable address';
  const isDisabled = endpoint.status === 'disabled';
  const dead = `${numberText(endpoint.dead)} ${endpoint.dead === 1 ? 'delivery was' : 'deliveries were'} given up`;
  const held = `${numberText(endpoint.held)} ${endpoint.held === 1 ? 'delivery waits' : 'deliveries wait'}`;
  return {
    key: endpoint.id,
    kind: 'delivery',
    severity: isDisabled ? 'high' : 'medium',
    title: isDisabled ? `Webhooks to ${host} are switched off: ${held}` : `${dead} at ${host}`,
    detail: `${tenantName}${endpoint.disabledReason === 'gone' ? '; it answered 410 Gone' : ''}`,
    kesAtRisk: null,
    since: endpoint.oldestAt ?? endpoint.failingSince ?? now,
    href: `/console/webhooks/${endpoint.id}`,
    act: isDisabled ? 'Look' : 'Send again',
    tenantId: endpoint.tenantId,
    mayAsk: false,
  };
}

/** Of a shortcode: what M-PESA refused in the last day because of its settings. */
export interface RefusedSettings {
  shortcodeId: string;
  tenantId: string;
  /** `till 987654` */
  name: string;
  /** For the list of its payments. */
  storeNumber: string;
  code: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** M-PESA has taken a push since; somebody may want to repeat the payments all the same. */
  isRepaired: boolean;
}

export function refusedSettings({ shortcodes, pushes, lastAccepted }: Snapshot): RefusedSettings[] {
  return shortcodes.flatMap((shortcode): RefusedSettings[] => {
    const { id: shortcodeId, tenantId, storeNumber } = shortcode;
    const refusal = readSettingsRefusals(
      pushes.filter((push) => push.shortcodeId === shortcodeId),
      null,
    );
    if (refusal === null) return [];
    const isRepaired = (lastAccepted.get(shortcodeId) ?? 0) > refusal.lastAt;
    return [{ shortcodeId, tenantId, name: shortcodeName(shortcode), storeNumber, ...refusal, isRepaired }];
  });
}

export function settingsItem(refused: RefusedSettings, tenantName: string, now: number): AttentionItem {
  const { shortcodeId, tenantId, name, count, lastAt, firstAt, isRepaired } = refused;
  const last = clockWords(lastAt, now);
  return {
    key: `${shortcodeId} settings`,
    kind: 'settings',
    severity: isRepaired ? 'medium' : 'high',
    title: `Settings of ${name} refused ${counted(count, 'time')}`,
    detail: `${tenantName}; ${isRepaired ? `repaired, none since ${last}` : `last at ${last}`}`,
    kesAtRisk: null,
    since: firstAt,
    href: `/console/shortcodes/${shortcodeId}`,
    act: 'Look',
    tenantId,
    mayAsk: false,
  };
}

const ranks: Readonly<Record<Severity, number>> = { critical: 0, high: 1, medium: 2 };

export function byUrgency(left: AttentionItem, right: AttentionItem): number {
  return (
    ranks[left.severity] - ranks[right.severity] ||
    (right.kesAtRisk ?? 0) - (left.kesAtRisk ?? 0) ||
    left.since - right.since
  );
}
