// One payment as its page's template takes it: everything the page says, in the order in which it says it. What a
// template names is always there, null where there is nothing.

import type { Payment } from '../payments/payment.ts';
import { legalOutcomes } from '../payments/resolve-payment.ts';
import type { AuditRow } from '../platform/audit-store.ts';
import { maskCheckoutId, maskPhone, redactText } from '../platform/redaction.ts';
import { ownFaults } from '../webhooks/attempt.ts';
import { legalActs, maySendAgain } from './payment-actions.ts';
import { type Telling, weighKnowledge } from './payment-knowledge.ts';
import { factsOf, lastedText, lifeOf } from './payment-life.ts';
import type { PaymentRecord, ToldWebhook } from './payment-page-store.ts';
import { tellStory } from './payment-story.ts';
import { trailOf } from './payment-trail.ts';
import { at, type Part, plain, say } from './payment-words.ts';
import { deliveryWords, flagWords, statusWords } from './status-words.ts';

export interface Around {
  now: number;
  tenantName: string;
  /** `?tenant=…&mode=…` for links and forms. */
  query: string;
  mayAct: boolean;
  mayReveal: boolean;
  maySettle: boolean;
  /** What somebody asks to be done with it and a second person has not decided yet. */
  waiting: { name: string; href: string } | null;
  audit: readonly AuditRow[];
  /** The number in full, on the answer to the form that asked for it. */
  shownPhone: string | null;
  /** The form that asks for a reason; null where it is not asked for. */
  reveal: { problem: string | null } | null;
}

export function viewPayment(payment: Payment, record: PaymentRecord, around: Around) {
  const { now, tenantName, query } = around;
  const { transitions, evidence, webhooks, retries } = record;
  const kind = record.shortcodeKind === 'till' ? 'Till' : 'Paybill';
  const facts = factsOf(payment, transitions, evidence);
  const story = tellStory(payment, facts, now);
  const nameOf = (actor: string): string => around.audit.find((row) => row.actor === actor)?.actorName ?? actor;
  const path = `/console/payments/${payment.id}`;
  return {
    title: plain(story.title, now),
    now,
    // For the parts of the page that others add; a template never has a number in full.
    payment: { ...payment, phone: maskPhone(payment.phone), checkoutRequestId: null },
    story,
    backUrl: `${path}${query}`,
    listUrl: `/console/payments${query}`,
    reference: payment.reference,
    description: payment.description,
    status: statusWords[payment.status],
    flags: payment.flags.map((flag) => flagWords[flag]),
    amountKes: payment.amountKes,
    receivedKes: payment.amountReceivedKes === payment.amountKes ? null : payment.amountReceivedKes,
    receipt: payment.mpesaReceipt,
    phone: maskPhone(payment.phone),
    shownPhone: around.shownPhone === null ? null : spacedPhone(around.shownPhone),
    revealUrl: around.mayReveal && around.shownPhone === null ? `${path}/phone${query}` : null,
    reveal: around.reveal,
    waiting: around.waiting,
    resolveUrl: around.maySettle && legalOutcomes(payment).length > 0 ? `${path}/resolve${query}` : null,
    shortcodeKind: kind,
    shortcode: payment.shortcode,
    tenantName,
    life: lifeOf(payment, transitions, facts, now),
    acts: actsOf(payment, record, around),
    trail: trailOf(payment, record, nameOf),
    knowledge: weighKnowledge(
      payment,
      facts,
      { name: `${kind.toLowerCase()} ${payment.shortcode}`, isPaused: record.isShortcodePaused },
      tellingOf(webhooks, tenantName),
      now,
    ),
    ids: {
      payment: payment.id,
      checkout: payment.checkoutRequestId === null ? null : maskCheckoutId(payment.checkoutRequestId),
      merchant: payment.merchantRequestId,
      retryOf:
        payment.retryOf === null ? null : { id: payment.retryOf, url: `/console/payments/${payment.retryOf}${query}` },
      retries: retries.map((id) => ({ id, url: `/console/payments/${id}${query}` })),
    },
    metadata: Object.entries(payment.metadata).map(([name, value]) => ({
      name: redactText(name),
      value: redactText(value),
    })),
    webhooks: webhooks.map((one) => webhookRow(one, path, around)),
    audit: around.audit.map(auditRow),
  };
}

/** `+254 712 345 678` */
function spacedPhone(phone: string): string {
  return `+${[phone.slice(0, 3), phone.slice(3, 6), phone.slice(6, 9), phone.slice(9)].join('\u00a0')}`;
}

interface Act {
  url: string;
  word: string;
  icon: string;
  isPrimary: boolean;
}

/** What may be done now, the first of it as the page's one primary button, and why the rest is absent. */
function actsOf(payment: Payment, { webhooks, retries }: PaymentRecord, { now, query, mayAct, reveal }: Around) {
  const legal = legalActs(payment, webhooks, retries, now);
  if (!mayAct) return { buttons: [], why: say`Your role may look and not act.`, retried: null };
  const path = `/console/payments/${payment.id}`;
  const isUndelivered = legal.resend.some(({ delivery }) => delivery.status !== 'delivered');
  const buttons: Act[] = [
    ...(legal.check
      ? [{ url: `${path}/check`, word: 'Check with M-PESA now', icon: 'refresh', isPrimary: isWorthAsking(payment) }]
      : []),
    ...(legal.retry
      ? [{ url: `${path}/retry`, word: 'Ask the customer again', icon: 'repeat', isPrimary: isSafeToRetry(payment) }]
      : []),
    ...(legal.cancel ? [{ url: `${path}/cancel`, word: 'Cancel it', icon: 'ban', isPrimary: false }] : []),
    ...(legal.resend.length > 0
      ? [
          {
            url: `${path}/webhooks`,
            word: legal.resend.length === 1 ? 'Send the webhook again' : 'Send the webhooks again',
            icon: 'webhook',
            isPrimary: isUndelivered && !legal.check && !legal.retry,
          },
        ]
      : []),
  ].map((act) => ({ ...act, url: `${act.url}${query}`, isPrimary: act.isPrimary && reveal === null }));
  const [retry] = retries;
  return { buttons, why: legal.why, retried: retry === undefined ? null : `/console/payments/${retry}${query}` };
}

/** Money that came wrong is not explained by asking. */
function isWorthAsking({ status, reviewReason }: Payment): boolean {
  return status !== 'needs_review' || reviewReason === 'no_answer';
}

/** After some ends money may still come, and the customer must be asked first. */
function isSafeToRetry({ status, failureCode, submittedAt }: Payment): boolean {
  return (status !== 'expired' || submittedAt === null) && failureCode !== 'unknown_result';
}

/** Whether the tenant knows the last change. */
function tellingOf(webhooks: readonly ToldWebhook[], tenantName: string): Telling {
  const newest = webhooks[0]?.delivery.eventId;
  const own = webhooks.filter(({ delivery }) => delivery.eventId === newest && delivery.status !== 'cancelled');
  const times = own.flatMap(({ delivery }) => (delivery.deliveredAt === null ? [] : [delivery.deliveredAt]));
  return {
    tenantName,
    endpoints: own.length,
    told: times.length,
    lastToldAt: times.length === 0 ? null : Math.max(...times),
  };
}

function webhookRow(one: ToldWebhook, path: string, { now, query, mayAct }: Around) {
  const { delivery, endpointName, endpointUrl } = one;
  const isTryingAgain = delivery.status === 'pending' && delivery.attemptCount > 0;
  return {
    type: delivery.type,
    createdAt: delivery.createdAt,
    endpointName: endpointName ?? 'Endpoint',
    endpointUrl,
    state: isTryingAgain ? { ...deliveryWords.pending, word: 'Trying again' } : deliveryWords[delivery.status],
    attempts: delivery.attemptCount,
    answer: answerOf(one),
    resendUrl: mayAct && maySendAgain(one, now) ? `${path}/webhooks/${delivery.id}${query}` : null,
  };
}

function answerOf({ delivery, last, waitUntil }: ToldWebhook): Part[] {
  const { lastStatusCode, lastError, attemptCount, status, dueAt } = delivery;
  const said =
    attemptCount === 0
      ? 'Not sent yet'
      : lastStatusCode !== null
        ? `${lastStatusCode}${last === null ? '' : ` in ${lastedText(last.durationMs)}`}`
        : lastError === null
          ? 'Under way'
          : `${ownFaults.has(lastError) ? 'Our fault: ' : ''}${lastError.replaceAll('_', ' ')}`;
  if (status !== 'pending' || dueAt === null) return say`${said}`;
  return say`${said}, next ${at(Math.max(dueAt, waitUntil ?? 0))}`;
}

const actWords: Readonly<Record<string, string>> = {
  'payment.check_asked': 'had M-PESA asked',
  'payment.cancelled': 'cancelled it',
  'payment.retry_asked': 'asked the customer again, as a new payment',
  'payment.webhooks_resent': 'sent its webhooks again',
  'payment.phone_shown': 'looked at the phone number',
  'payment.resolve_requested': 'asked to settle it by hand',
  'payment.resolve_approved': 'approved settling it by hand',
  'payment.resolve_rejected': 'turned down settling it by hand',
  'payment.resolve_withdrawn': 'withdrew settling it by hand',
  'payment.resolve_outdated': 'found that it had changed before it could be settled by hand',
};

function auditRow({ seq, at, actorName, action, reason }: AuditRow) {
  return {
    seq,
    at,
    actorName,
    words: actWords[action] ?? action.replace(/^payment\./, '').replaceAll('_', ' '),
    reason: reason === null ? null : redactText(reason),
  };
}
