// Why payments fail, for people: the reason in plain words, whose side it is on and what to do about it, ranked, with its
// share and how that moved in a week.

import type { FailureCode } from '../payments/failures.ts';
import { numberText } from '../platform/render.ts';
import { type ReasonFigures, sideOf } from './home-figures.ts';
import { failureWords } from './payment-words.ts';
import { sideWords } from './status-words.ts';

/** What to do, in one line; a test holds it complete with the failure catalogue. */
const advice: Readonly<Record<FailureCode, string>> = {
  insufficient_funds: 'nothing to repair; offer a smaller amount or a later day',
  cancelled_by_customer: 'nothing to repair; say the amount before you send the prompt',
  customer_unreachable: 'try again when the customer says the phone is on',
  prompt_expired: 'ask customers to keep the phone unlocked',
  wrong_pin: 'nothing to repair; M-PESA locks the PIN after three tries',
  pin_locked: 'only Safaricom can unlock it: 100 or 200',
  subscriber_busy: 'wait a minute before you ask the same customer again',
  limit_exceeded: 'ask for less at a time, or on another day',
  not_mpesa_customer: 'check numbers where they are typed in',
  customer_account_blocked: 'the customer asks Safaricom: 100 or 200',
  duplicate_at_provider: 'check the earlier payment; wait two minutes before the next',
  provider_busy: 'sent again inside the expiry, by itself',
  provider_error: 'if it grows, tell Safaricom the codes of these payments',
  prompt_not_delivered: 'shorten reference and description if it stays',
  unknown_result: 'look these up in the M-PESA statement',
  not_sent_in_time: 'nothing was sent; see why prompts were held back',
  misconfigured_shortcode: 'check number, kind and Go-Live of the shortcode',
  merchant_limit_reached: 'move money out of the shortcode’s account',
  invalid_credentials: 'check consumer key, secret and passkey of the shortcode',
  invalid_request: 'the app sends a field that M-PESA refuses; see the message',
  callback_url_refused: 'PUBLIC_URL must be a public https address',
  cancelled_by_merchant: 'the merchant’s own doing, before it was sent',
  closed_by_operator: 'closed after a review',
};

/** The class that colours a share, where it has one of its own. */
const shareClass = {
  customer: 'is-customer',
  network: 'is-network',
  provider: 'is-provider',
  configuration: 'is-settings',
};

/** A share that moved by so much is worth a second look. */
const notablePoints = 0.8;

export interface ReasonRow {
  words: string;
  advice: string;
  href: string;
  count: number;
  share: number;
  /** Of the longest bar. */
  width: string;
  className: string;
  trend: string;
  isNotable: boolean;
}

/** @param hrefOf the list of the payments with a code */
export function reasonRows(reasons: readonly ReasonFigures[], hrefOf: (code: string) => string): ReasonRow[] {
  const most = Math.max(...reasons.map(({ share }) => share));
  return reasons.map(({ code, count, share, shareLastWeek }) => {
    const side = sideOf(code);
    const points = shareLastWeek === null ? null : (share - shareLastWeek) * 100;
    return {
      words: failureWords[code as FailureCode] ?? code,
      advice: `${sideWords[side]}: ${advice[code as FailureCode] ?? 'see the payments'}`,
      href: hrefOf(code),
      count,
      share,
      width: `${((share / most) * 100).toFixed(1)}%`,
      className: shareClass[side],
      trend: points === null ? 'new' : pointsText(points),
      isNotable: points === null || points >= notablePoints,
    };
  });
}

/** `+1.2 pt`, `−0.3 pt`, `same` */
function pointsText(points: number): string {
  const text = Math.abs(points).toFixed(1);
  return text === '0.0' ? 'same' : `${points > 0 ? '+' : '−'}${text}\u00a0pt`;
}

export function restWords(rest: readonly ReasonFigures[]): string | null {
  if (rest.length === 0) return null;
  const count = rest.reduce((sum, one) => sum + one.count, 0);
  return `${rest.length === 1 ? 'One more reason' : `${rest.length} more reasons`}: ${numberText(count)} payments.`;
}
