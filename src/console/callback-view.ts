// Callbacks as pages show them: what came of each in a word and a sentence, and what it said, without the customer's
// number.

import type { Verdict } from '../payments/evidence.ts';
import { redactText } from '../platform/redaction.ts';
import { numberText } from '../platform/render.ts';
import type { ListedCallback } from './callback-list-store.ts';
import type { Word } from './status-words.ts';

/** Every verdict a callback can have. */
export const callbackVerdicts = [
  'applied',
  'repeated',
  'noted',
  'contradicts',
  'too_late',
  'amount_mismatch',
  'receipt_reused',
  'other_shortcode',
  'other_phone',
  'forged_ids',
  'unreadable',
  'no_answer',
] as const satisfies readonly Verdict[];

export type CallbackVerdict = (typeof callbackVerdicts)[number];

interface VerdictWord extends Word {
  meaning: string;
}

const strange = { icon: 'f-flag', tone: 'warn' } as const;
const quiet = { icon: 'circle-minus', tone: 'mute' } as const;

export const verdictWords: Readonly<Record<CallbackVerdict, VerdictWord>> = {
  applied: {
    word: 'Applied',
    icon: 'f-circle-check',
    tone: 'ok',
    meaning: 'It moved the payment, or filled in what was missing.',
  },
  repeated: { word: 'Known already', ...quiet, meaning: 'It says what was settled before, and changes nothing.' },
  noted: { word: 'Noted', ...quiet, meaning: 'It is too weak or too early to move anything.' },
  contradicts: {
    word: 'Contradicts',
    ...strange,
    meaning: 'It denies what is settled. Money that arrived wins: nothing was changed.',
  },
  too_late: {
    word: 'Too late',
    ...strange,
    meaning: 'Money, more than seven days after the payment had ended. Somebody must look.',
  },
  amount_mismatch: {
    word: 'Other amount',
    ...strange,
    meaning: 'It is about another amount than was asked. Nothing is released until somebody has looked.',
  },
  receipt_reused: {
    word: 'Receipt used twice',
    ...strange,
    meaning: 'Its receipt belongs to another payment already.',
  },
  other_shortcode: { word: 'Other shortcode', ...strange, meaning: 'It is about another shortcode.' },
  other_phone: { word: 'Other phone', ...strange, meaning: 'Certainly another phone paid.' },
  forged_ids: {
    word: 'Forged ids',
    icon: 'f-circle-x',
    tone: 'bad',
    meaning: 'Right address, but not the ids of this push: forged or mixed up. It is kept and moves nothing.',
  },
  unreadable: {
    word: 'Unreadable',
    icon: 'f-circle-x',
    tone: 'bad',
    meaning: 'It cannot be read as a callback. It is kept and moves nothing; M-PESA is asked instead.',
  },
  no_answer: { word: 'Says nothing', ...quiet, meaning: 'It says nothing about money yet.' },
};

export function wordOf(verdict: Verdict): VerdictWord {
  return verdictWords[verdict as CallbackVerdict] ?? { word: verdict, ...quiet, meaning: '' };
}

export interface ShownCallback {
  id: string;
  href: string;
  at: number;
  verdict: VerdictWord;
  said: string;
  /** KES, with cents only where there are some. */
  amount: string | null;
  receipt: string | null;
  sourceIp: string | null;
  paymentId: string;
  paymentHref: string;
  tenantName: string;
}

export function showCallback(
  callback: ListedCallback,
  names: ReadonlyMap<string, string>,
  query: string,
): ShownCallback {
  const { id, at, verdict, resultCode, detail, amountCents, receipt, sourceIp, paymentId, tenantId } = callback;
  const said = [resultCode, detail === null ? null : redactText(detail)].filter((part) => part !== null).join(' · ');
  return {
    id,
    href: `/console/callbacks/${id}${query}`,
    at,
    verdict: wordOf(verdict),
    said: said === '' ? '–' : said,
    amount: amountCents === null ? null : amountText(amountCents),
    receipt,
    sourceIp,
    paymentId,
    paymentHref: `/console/payments/${paymentId}${query}`,
    tenantName: names.get(tenantId) ?? tenantId,
  };
}

function amountText(cents: number): string {
  return cents % 100 === 0
    ? numberText(cents / 100)
    : (cents / 100).toLocaleString('en-KE', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
