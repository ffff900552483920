// What happened to a payment, oldest first: each change of status with the evidence that caused it, the evidence that
// changed nothing, and the webhooks that arrived. Times are kept to the millisecond, with how long after the payment was
// asked for; the raw exchange lies folded under what it proved.

import type { Verdict } from '../payments/evidence.ts';
import type { Transition } from '../payments/evidence-store.ts';
import type { Payment } from '../payments/payment.ts';
import { redactText } from '../platform/redaction.ts';
import { type ShownExchange, showExchange } from './payment-exchange.ts';
import { lastedText } from './payment-life.ts';
import type { FullEvidence, PaymentRecord, ToldWebhook } from './payment-page-store.ts';
import { code, kes, type Part, say, strong } from './payment-words.ts';
import { statusWords } from './status-words.ts';

export interface TrailEntry {
  at: number;
  /** `.104` of the first one, then how long after it: `+1,117 ms`. */
  sub: string;
  icon: string;
  /** Classes of the row: a change of status is a turn, in its tone. */
  turn: string;
  what: Part[];
  note: Part[];
  exchange: ShownExchange | null;
}

type Draft = Omit<TrailEntry, 'sub'> & { order: number };

/** @param nameOf an operator's name, where it is known */
export function trailOf(payment: Payment, record: PaymentRecord, nameOf: (actor: string) => string): TrailEntry[] {
  const { transitions, evidence, webhooks } = record;
  const causes = new Map(evidence.map((one) => [one.id, one]));
  const used = new Set(transitions.map(({ evidenceId }) => evidenceId));
  const drafts: Draft[] = [
    createdEntry(payment, record),
    ...transitions.map((one) => turnEntry(payment, one, causes.get(one.evidenceId ?? ''), nameOf)),
    ...evidence.filter(({ id }) => !used.has(id)).map((one) => evidenceEntry(one, evidence, transitions)),
    ...webhooks.filter(({ delivery }) => delivery.deliveredAt !== null).map(webhookEntry),
  ];
  return drafts
    .sort((left, right) => left.at - right.at || left.order - right.order)
    .map(({ order: _order, ...entry }, index) => ({
      ...entry,
      sub: index === 0 ? moment(entry.at) : later(payment, entry.at),
    }));
}

const moment = (at: number): string => `.${String(at % 1000).padStart(3, '0')}`;

function later({ createdAt }: Payment, at: number): string {
  const ms = at - createdAt;
  if (ms < 10_000) return `+${ms.toLocaleString('en-KE')}\u00a0ms`;
  return `+${ms < 120_000 ? `${Math.floor(ms / 1000)}\u00a0s` : lastedText(ms).split(' ')[0]}`;
}

function createdEntry({ createdAt, expiresAt, retryOf }: Payment, { idempotencyKey }: PaymentRecord): Draft {
  const retried = retryOf === null ? say`` : say`, a retry of ${code(retryOf)}`;
  return {
    at: createdAt,
    order: 0,
    icon: 'circle-dotted',
    turn: 'turn',
    what: say`Created`,
    note: say`Idempotency key ${code(idempotencyKey)}, expires in ${Math.round((expiresAt - createdAt) / 1000)}\u00a0s${retried}`,
    exchange: null,
  };
}

function turnEntry(
  { expiresAt }: Payment,
  change: Transition,
  evidence: FullEvidence | undefined,
  nameOf: (actor: string) => string,
): Draft {
  const { icon, tone, word } = statusWords[change.to];
  const isLate = change.to === 'succeeded' && change.at > expiresAt;
  return {
    at: change.at,
    order: 2 * change.version,
    icon,
    turn: tone === 'mute' ? 'turn' : `turn t-${tone}`,
    what: say`${word}${change.to === 'queued' ? ' again' : ''}${isLate ? ', late' : ''}`,
    note: turnNote(change, evidence, nameOf),
    exchange: evidence === undefined ? null : showExchange(evidence),
  };
}

function turnNote(
  { to, cause, actor }: Transition,
  evidence: FullEvidence | undefined,
  nameOf: (actor: string) => string,
): Part[] {
  const said = wordsOf(`${cause[0]?.toUpperCase() ?? ''}${cause.slice(1)}`);
  const by = actor === 'system' ? say`` : say`, by ${nameOf(actor)}`;
  if (to === 'submitting') return say`Written down before the call to M-PESA`;
  if (evidence === undefined) return say`${said}${by}`;
  const took = evidence.durationMs === null ? '' : ` in ${lastedText(evidence.durationMs)}`;
  if (to === 'pending') return say`M-PESA accepted the push${took}`;
  return say`${said}${by}${took}${proof(evidence, said)}`;
}

/** Receipt, amount and strength, and M-PESA's own words where there are any. */
function proof({ receipt, amountCents, strength, detail, resultCode, source }: FullEvidence, said: string): Part[] {
  const parts = [
    resultCode === null || resultCode === '0' || said.includes(resultCode) ? null : say`code ${code(resultCode)}`,
    detail === null || detail === '' || source === 'push' ? null : say`“${wordsOf(detail)}”`,
    receipt === null ? null : say`receipt ${code(receipt)}`,
    amountCents === null ? null : say`${cents(amountCents)}`,
    strength === null ? null : say`proof of strength ${strength}`,
  ].filter((part) => part !== null);
  return parts.flatMap((part) => [...say`; `, ...part]);
}

function cents(amountCents: number): string {
  const rest = amountCents % 100;
  return `${kes(Math.floor(amountCents / 100))}${rest === 0 ? '' : `.${String(rest).padStart(2, '0')}`}`;
}

const verdictWords: Readonly<Record<Verdict, string>> = {
  applied: 'taken over',
  repeated: 'known already',
  noted: 'kept, changes nothing',
  contradicts: 'it denies what is settled, and changes nothing',
  too_late: 'too late to count',
  amount_mismatch: 'another amount than was asked for',
  receipt_reused: 'another payment’s receipt',
  other_shortcode: 'paid to another shortcode',
  other_phone: 'paid by another phone',
  forged_ids: 'not this push’s ids: forged or mixed up, changes nothing',
  unreadable: 'cannot be read',
  no_answer: 'no answer yet',
  late_answer: 'came after its time',
};

const sourceWords: Readonly<Record<string, readonly [words: string, icon: string]>> = {
  push: ['The push’s answer', 'send'],
  callback: ['A callback', 'arrow-down-left'],
  c2b: ['A confirmation of money received', 'arrow-down-left'],
  pull: ['M-PESA’s list of transactions', 'list-details'],
  statement: ['A line of the statement', 'file-text'],
  operator: ['An operator', 'user'],
};

function evidenceEntry(one: FullEvidence, all: readonly FullEvidence[], transitions: readonly Transition[]): Draft {
  const before = transitions.filter(({ at }) => at <= one.at).at(-1);
  const [words, icon] =
    one.source === 'query'
      ? [asking(one, all), 'help-circle']
      : (sourceWords[one.source] ?? [one.source, 'info-circle']);
  const took = one.durationMs === null || one.source === 'callback' ? '' : ` in ${lastedText(one.durationMs)}`;
  const detail = one.detail === null ? null : wordsOf(one.detail).replace(/\.$/, '');
  const said = [one.resultCode, detail].filter((part) => part !== null).join(': ');
  const parts = [
    `${said}${took}`.trim() || 'Nothing was said',
    one.receipt === null ? null : `receipt ${one.receipt}`,
    one.amountCents === null ? null : cents(one.amountCents),
  ];
  const isNo = one.source === 'query' && one.strength === 'D';
  const verdict = isNo ? 'a no, not believed yet' : verdictWords[one.verdict];
  return {
    at: one.at,
    order: 2 * (before?.version ?? 0) + 1,
    icon,
    turn: '',
    what: say`${words}: ${strong(verdict)}`,
    note: say`${parts.filter((part) => part !== null).join(', ')}`,
    exchange: showExchange(one),
  };
}

/** Reasons of our own (`still_processing`) as words; M-PESA's text without a customer's number in it. */
function wordsOf(text: string): string {
  return redactText(text).replace(/(?<![\w.])[a-z]+(?:_[a-z0-9]+)+(?![\w.])/g, (word) => word.replaceAll('_', ' '));
}

function asking(one: FullEvidence, all: readonly FullEvidence[]): string {
  const nth = all.filter(({ source }) => source === 'query').indexOf(one) + 1;
  return nth === 1 ? 'Asked M-PESA, 1st time' : `Asked, ${ordinal(nth)} time`;
}

function ordinal(count: number): string {
  const ends: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
  return `${count}${ends[new Intl.PluralRules('en', { type: 'ordinal' }).select(count)] ?? 'th'}`;
}

function webhookEntry({ delivery, endpointName, endpointUrl, last }: ToldWebhook): Draft {
  const took = last?.statusCode == null ? '' : `HTTP ${last.statusCode} in ${lastedText(last.durationMs)}`;
  return {
    at: delivery.deliveredAt ?? delivery.createdAt,
    order: 1_000_000,
    icon: 'webhook',
    turn: '',
    what: say`${code(delivery.type)} delivered to ${endpointName ?? new URL(endpointUrl).host}`,
    note: say`${took}`,
    exchange: null,
  };
}
