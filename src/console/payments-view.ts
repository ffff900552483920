// The list of payments as its template takes it: the form with what was chosen, how the search was understood, the quick
// views, the rows, and where older and newer ones are. What a template names is always there, null where there is
// nothing.

import { type FailureCategory, type FailureCode, failureCatalogue } from '../payments/failures.ts';
import type { ConfirmedBy, Payment } from '../payments/payment.ts';
import type { Position } from '../platform/listing.ts';
import { maskCheckoutId, maskPhone } from '../platform/redaction.ts';
import {
  addressOf,
  filterPairs,
  isNarrowed,
  type PaymentFilter,
  quickViews,
  type TimePreset,
  timePresets,
  type View,
  windowOf,
} from './payment-filter.ts';
import { askForReference, type Meant } from './payment-search.ts';
import type { Found, ShortcodeName } from './payment-search-store.ts';
import { at, code, failureWords, kes, type Part, say, shortStory, strong } from './payment-words.ts';
import type { Scope } from './scope.ts';
import { confirmedByWords, flagWords, sideWords, statusWords } from './status-words.ts';

export interface ListAround {
  now: number;
  scope: Scope;
  filter: PaymentFilter;
  meant: Meant;
  /** What looked like a receipt and is nobody's. */
  noReceipt: string | null;
  found: Found;
  payments: readonly Payment[];
  shortcodes: readonly ShortcodeName[];
  urlOf(payment: Payment): string;
}

const listPath = '/console/payments';

/** Short, for a choice. */
const confirmerWords: Readonly<Record<ConfirmedBy, string>> = {
  callback: 'Callback',
  query: 'Query',
  c2b: 'C2B',
  pull: 'Pull',
  statement: 'Statement',
  operator: 'Operator',
};

export function viewPayments(around: ListAround) {
  const { now, scope, filter, found, payments } = around;
  const here = (change: Partial<PaymentFilter>): string => addressOf(listPath, scope.query, filter, change);
  const showsTenant = scope.tenantId === null && scope.tenants.length > 1;
  return {
    title: 'Payments',
    now,
    listPath,
    csvUrl: addressOf('/console/payments.csv', scope.query, filter),
    q: filter.q,
    hidden: hiddenOf(scope, filter),
    times: Object.entries(timePresets).map(([time, { word }]) => ({
      word,
      href: here({ time: time as TimePreset, from: '', to: '' }),
      isCurrent: filter.time === time,
    })),
    other: filter.time === 'other' ? { from: filter.from, to: filter.to } : null,
    shortcodes: shortcodeChoices(around.shortcodes, filter.shortcode),
    reasons: reasonChoices(filter.code),
    confirmers: Object.entries(confirmerWords).map(([value, word]) => ({
      value,
      word,
      isChosen: value === filter.confirmedBy,
    })),
    understood: isNarrowed(filter) ? understood(around) : null,
    asReference: referenceInstead(around.meant, filter, here),
    clearUrl: `${listPath}${scope.query}${filter.view === 'all' ? '' : `&view=${filter.view}`}`,
    views: Object.entries(quickViews).map(([view, { word, icon }]) => ({
      word,
      icon,
      href: here({ view: view as View }),
      isCurrent: filter.view === view,
    })),
    caption: `Payments${timePresets[filter.time].sentence === '' ? '' : ` ${timePresets[filter.time].sentence}`}, newest first, Nairobi time`,
    showsTenant,
    rows: payments.map((payment) => rowOf(payment, around)),
    pager: payments.length === 0 && filter.before === null ? null : pagerOf(around, here),
    lookedTo: lookedTo(found, filter, here),
    empty: payments.length === 0 ? emptyOf(around, here) : null,
  };
}

/** What the form sends along beside its visible fields. */
function hiddenOf({ tenantId, mode }: Scope, filter: PaymentFilter): { name: string; value: string }[] {
  const kept = filterPairs(filter).filter(([name]) => name === 'view' || name === 't');
  const pairs = [...(tenantId === null ? [] : [['tenant', tenantId] as const]), ['mode', mode] as const, ...kept];
  return pairs.map(([name, value]) => ({ name, value }));
}

function shortcodeChoices(shortcodes: readonly ShortcodeName[], chosen: string | null) {
  const byNumber = new Map(shortcodes.map(({ number, kind }) => [number, kind]));
  if (chosen !== null && !byNumber.has(chosen)) byNumber.set(chosen, 'paybill');
  return [...byNumber].map(([number, kind]) => ({
    value: number,
    word: `${kind === 'till' ? 'Till' : 'Paybill'} ${number}`,
    isChosen: number === chosen,
  }));
}

/** By whose side they are on, as the catalogue has them. */
function reasonChoices(chosen: FailureCode | null) {
  const codes = Object.keys(failureCatalogue) as FailureCode[];
  return (Object.keys(sideWords) as FailureCategory[]).map((side) => ({
    side: sideWords[side],
    reasons: codes
      .filter((one) => failureCatalogue[one].category === side)
      .map((value) => ({ value, word: failureWords[value], isChosen: value === chosen })),
  }));
}

/** How the search was understood, as a sentence. */
function understood({ meant, noReceipt, filter, now }: ListAround): Part[] {
  const { view, time, shortcode, code: reason, confirmedBy } = filter;
  const { since, until } = windowOf(filter, now);
  const between = [
    ...(since === null ? [] : say`${until === null ? 'created since ' : 'created from '}${at(since)}`),
    ...(until === null ? [] : say`${since === null ? 'created before ' : ' to '}${at(until)}`),
  ];
  const created = time === 'other' ? between : say`${timePresets[time].sentence}`;
  const parts = [
    subjectOf(meant),
    view === 'all' ? [] : say`${quickViews[view].word.toLowerCase()}`,
    created,
    shortcode === null ? [] : say`to shortcode ${shortcode}`,
    reason === null ? [] : say`for the reason “${failureWords[reason]}”`,
    confirmedBy === null ? [] : say`confirmed by ${confirmedByWords[confirmedBy]}`,
  ].filter((part) => part.length > 0);
  const sentence = parts.flatMap((part, index) => (index === 0 ? part : [...say`, `, ...part]));
  return [...(noReceipt === null ? [] : say`No payment has the receipt ${code(noReceipt)}. `), ...sentence, ...say`.`];
}

function subjectOf(meant: Meant): Part[] {
  switch (meant.kind) {
    case 'nothing':
      return say`Payments`;
    case 'id':
      return say`The payment ${code(meant.paymentId)}`;
    case 'checkout':
      return say`The payment with the CheckoutRequestID ${code(maskCheckoutId(meant.checkoutRequestId))}`;
    case 'receipt':
      return say`Payments with the receipt ${code(meant.receipt)}`;
    case 'phone':
      return say`Payments asked of the phone ${strong(maskPhone(meant.phone))}`;
    case 'amount':
      return say`Payments of ${strong(kes(meant.amountKes))}, asked for or received`;
    case 'reference':
      return say`References that begin with ${strong(meant.reference)}`;
    default:
      return meant satisfies never;
  }
}

/** A number may be meant as a reference: one click says so. */
function referenceInstead(meant: Meant, { q }: PaymentFilter, here: (change: Partial<PaymentFilter>) => string) {
  if (meant.kind !== 'amount' && meant.kind !== 'phone') return null;
  return here({ q: askForReference(q) });
}

function rowOf(payment: Payment, { now, scope, shortcodes, urlOf }: ListAround) {
  const kind = shortcodes.find(({ id }) => id === payment.shortcodeId)?.kind ?? 'paybill';
  return {
    href: urlOf(payment),
    createdAt: payment.createdAt,
    status: statusWords[payment.status],
    flags: payment.flags.map((flag) => flagWords[flag]),
    happened: shortStory(payment, now),
    amountKes: payment.amountKes,
    phone: maskPhone(payment.phone),
    reference: payment.reference,
    receipt: payment.mpesaReceipt,
    shortcode: `${kind === 'till' ? 'Till' : 'Paybill'} ${payment.shortcode}`,
    tenant: scope.tenants.find(({ id }) => id === payment.tenantId)?.name ?? payment.tenantId,
  };
}

function positionOf({ createdAt, id }: Payment): Position {
  return { createdAt, id };
}

/** No totals: counting a million for each page would be slow, and wrong a second later. */
function pagerOf({ payments, filter, found }: ListAround, here: (change: Partial<PaymentFilter>) => string) {
  const [first, last] = [payments[0], payments.at(-1)];
  const isGoingUp = filter.after !== null;
  const hasNewer = isGoingUp ? found.hasMore : filter.before !== null;
  const hasOlder = isGoingUp || found.hasMore;
  return {
    newer: !hasNewer ? null : first === undefined ? here({}) : here({ after: positionOf(first) }),
    older: hasOlder && last !== undefined ? here({ before: positionOf(last) }) : null,
    words: payments.length === 1 ? '1 payment' : `${payments.length} payments`,
    from: first?.createdAt ?? null,
    to: last?.createdAt ?? null,
  };
}

/** How far the looking came where no index knows the answer, and where it goes on. */
function lookedTo(
  { lookedTo: place }: Found,
  { after }: PaymentFilter,
  here: (change: Partial<PaymentFilter>) => string,
) {
  if (place === null) return null;
  return {
    at: place.createdAt,
    isBack: after === null,
    href: here(after === null ? { before: place } : { after: place }),
  };
}

function emptyOf({ filter, scope, found }: ListAround, here: (change: Partial<PaymentFilter>) => string) {
  const other = { href: otherMode(scope, filter), word: scope.mode === 'live' ? 'Look in Test' : 'Look in Live' };
  if (found.lookedTo !== null)
    return { title: 'Nothing so far', words: 'Look further, or narrow the search by time.', acts: [] };
  if (filter.before !== null) return { title: 'Nothing older', words: 'This is the end of the list.', acts: [] };
  if (isNarrowed(filter)) {
    const words =
      'Search by the whole of it: a receipt, a phone in any form, an id, an amount, or how a reference begins.';
    const acts = [{ href: `${listPath}${scope.query}`, word: 'Show all payments' }, other];
    return { title: 'No payment is like this', words, acts };
  }
  if (filter.view !== 'all')
    return {
      title: `No payment is here now`,
      words: 'That is good news for most of these views.',
      acts: [{ href: here({ view: 'all' }), word: 'Show all payments' }],
    };
  const where = scope.mode === 'live' ? 'live' : 'test';
  return {
    title: `No ${where} payments yet`,
    words: 'The first one is here as soon as an app asks for it with a key.',
    acts: [other],
  };
}

function otherMode(scope: Scope, filter: PaymentFilter): string {
  const query = scope.query.replace(/mode=\w+/, `mode=${scope.mode === 'live' ? 'test' : 'live'}`);
  return addressOf(listPath, query, filter);
}
