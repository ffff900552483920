// What `decide` answers, and what it is told beside the payment and the news.

import type { Verdict } from './evidence.ts';
import type { PaymentPatch, Status } from './payment.ts';

/** What a piece of news changes. Only what is in `patch` is written; `to` is absent when the status stays. */
export interface Decision {
  verdict: Verdict;
  to?: Status;
  /** Why, in a sentence for the timeline. */
  cause: string;
  patch: PaymentPatch;
}

/** What only the database knows, read under the payment's lock. */
export interface Surroundings {
  now: number;
  /** A number in [0, 1) for jitter. */
  random: number;
  /** Whether the receipt that is named belongs to another payment already. */
  receiptTaken: boolean;
  /** Whether the CheckoutRequestID that is named belongs to another payment already. */
  idsTaken: boolean;
}

/** Nothing changes; what was heard is kept. */
export function keep(verdict: Verdict, cause: string): Decision {
  return { verdict, cause, patch: {} };
}
