// Discrepancies as pages show them: what differs in a word and a sentence, how much and since when; and one of them with
// M-PESA's side and ours beside each other, what may be chosen, and what was done so far.

import type { Payment } from '../payments/payment.ts';
import { maskPhone } from '../platform/redaction.ts';
import { spanText } from '../platform/render.ts';
import type { Discrepancy } from '../reconciliation/discrepancy.ts';
import type { Note } from '../reconciliation/discrepancy-close-store.ts';
import { centsText } from './close-view.ts';
import { dayUrl } from './reconciliation-grid.ts';
import { endWords, nairobiDayText, severityWords, typeWords } from './reconciliation-words.ts';
import type { Asked } from './shell-pages.ts';
import { statusWords, type Word } from './status-words.ts';

export const discrepanciesPath = '/console/reconciliation/discrepancies';

export interface ShownDiscrepancy {
  id: string;
  href: string;
  name: string;
  detail: string;
  severity: Word;
  /** KES; null where nothing is at risk. */
  amount: string | null;
  age: string;
  openedAt: number;
  assignee: string;
  shortcode: string;
  isOpen: boolean;
  end: string | null;
}

export function showDiscrepancies(
  discrepancies: readonly Discrepancy[],
  { scope }: Asked,
  shortcodeNames: ReadonlyMap<string, string>,
  now: number,
): ShownDiscrepancy[] {
  return discrepancies.map((one) => {
    const { id, type, severity, detail, atRiskCents, openedAt, assigneeName, shortcodeId, status, resolution } = one;
    return {
      id,
      href: `${discrepanciesPath}/${id}${scope.query}`,
      name: typeWords[type].name,
      detail,
      severity: severityWords[severity],
      amount: atRiskCents === 0 ? null : centsText(atRiskCents),
      age: spanText(now - openedAt),
      openedAt,
      assignee: assigneeName ?? 'Nobody',
      shortcode: shortcodeId === null ? '–' : (shortcodeNames.get(shortcodeId) ?? ''),
      isOpen: status === 'open',
      end: status === 'open' || resolution === null ? null : endWords[resolution],
    };
  });
}

/** Our side. */
export function showPaymentSide(payment: Payment, query: string) {
  const { id, reference, amountKes, amountReceivedKes, createdAt, completedAt, mpesaReceipt, status } = payment;
  const { word, icon, tone } = statusWords[status];
  return {
    id,
    href: `/console/payments/${id}${query}`,
    reference,
    amountKes,
    receivedKes: amountReceivedKes === amountKes ? null : amountReceivedKes,
    phone: maskPhone(payment.phone),
    createdAt,
    completedAt,
    receipt: mpesaReceipt,
    status: { word, icon, tone },
  };
}

export type PaymentSide = ReturnType<typeof showPaymentSide>;

/** Those an operator may choose, best first. */
export function showCandidates(
  { candidates }: Discrepancy,
  payments: ReadonlyMap<string, Payment>,
  query: string,
  chooseHref: ((paymentId: string) => string) | null,
) {
  return candidates.flatMap(({ paymentId, why }, index) => {
    const payment = payments.get(paymentId);
    if (payment === undefined) return [];
    const choose = chooseHref === null ? null : chooseHref(paymentId);
    return [{ ...showPaymentSide(payment, query), why, rank: index + 1, choose }];
  });
}

/** The sentence at the head of its page, and what it means. */
export function headOf(discrepancy: Discrepancy, now: number) {
  const { type, severity, atRiskCents, openedAt, status, resolution, closedWhy } = discrepancy;
  const risk = atRiskCents === 0 ? '' : `, KES\u00a0${centsText(atRiskCents)} at risk`;
  const isOpen = status === 'open';
  return {
    title: `${typeWords[type].name}${risk}`,
    meaning: typeWords[type].meaning,
    severity: severityWords[severity],
    age: isOpen ? spanText(now - openedAt) : null,
    end: isOpen || resolution === null ? null : { words: endWords[resolution], why: closedWhy ?? '' },
  };
}

export function factsOf(
  discrepancy: Discrepancy,
  { scope }: Asked,
  tenantName: string,
  shortcodeNames: ReadonlyMap<string, string>,
) {
  const { shortcodeId, day, receipt, openedAt, closedAt, assigneeName, id } = discrepancy;
  return {
    id,
    shortcode: shortcodeId === null ? null : (shortcodeNames.get(shortcodeId) ?? shortcodeId),
    dayWords: nairobiDayText(day),
    dayHref: shortcodeId === null ? null : dayUrl(shortcodeId, day, scope),
    receipt,
    openedAt,
    closedAt,
    assignee: assigneeName ?? 'Nobody',
    tenantName,
  };
}

const actWords: Readonly<Record<string, string>> = {
  assign: 'assigned it',
  comment: 'wrote',
  ask_again: 'asked again',
  reopened: 'opened it again',
};

export function showNotes(notes: readonly Note[]) {
  return notes.toReversed().map(({ actor, act, text, at }) => ({
    who: actor.name,
    did:
      actWords[act] ??
      (act in endWords ? endWords[act as keyof typeof endWords].toLowerCase() : act.replaceAll('_', ' ')),
    text,
    at,
  }));
}
