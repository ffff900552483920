// The port between the heart and Safaricom. The heart knows that somebody can prompt a phone, can be asked later, and
// that each answer is one of a few kinds; everything Daraja-shaped stays behind this interface in `mpesa/`. Outcomes
// of the outside world are values here, never exceptions.

import type { Mode } from '../tenants/api-key.ts';
import type { ReadDenial } from './evidence.ts';
import type { FailureCode } from './failures.ts';

export type { Mode };

/** What the heart needs to know of a shortcode. */
export interface ShortcodeRef {
  id: string;
  tenantId: string;
  mode: Mode;
  environment: 'simulator' | 'sandbox' | 'production';
  /** The paybill, or a till's store number: what the merchant writes in `shortcode`. */
  number: string;
  status: 'active' | 'paused';
  /** Used where a request names none and the tenant has several. */
  isDefault: boolean;
}

/** One request to prompt a phone. Amounts are whole shillings. */
export interface Push {
  paymentId: string;
  shortcodeId: string;
  amountKes: number;
  /** `254XXXXXXXXX`. */
  phone: string;
  reference: string;
  description: string;
}

/** What was exchanged with M-PESA, as text without secrets, to be sealed into the evidence. */
export interface Exchange {
  httpStatus: number | null;
  body: string;
  durationMs: number;
}

export type NotSentReason =
  | 'no_token' // no access token to be had because the network or Safaricom did not answer
  | 'not_connected' // DNS or connect failure before the request was written
  | 'spike_arrest'
  | 'quota'
  | 'busy'
  | 'subscriber_locked';

/** What a push came to (design.md section 6: the four rows that leave `submitting`). */
export type PushAnswer =
  | { outcome: 'accepted'; merchantRequestId: string; checkoutRequestId: string; exchange: Exchange }
  /** Daraja said no in a way that proves nothing was sent to the phone. */
  | {
      outcome: 'rejected';
      failureCode: FailureCode;
      providerCode: string | null;
      providerMessage: string | null;
      exchange: Exchange;
    }
  /** Provably not sent: may be tried again. `retryAfterMs` where M-PESA named a time. */
  | {
      outcome: 'notSent';
      reason: NotSentReason;
      retryAfterMs: number | null;
      providerCode: string | null;
      providerMessage: string | null;
      exchange: Exchange;
    }
  /** May have been sent. Never sent again. */
  | { outcome: 'unknown'; reason: string; exchange: Exchange };

export interface Query {
  shortcodeId: string;
  checkoutRequestId: string;
}

/** What asking came to (daraja.md section 3). Only `paid` and `denied` are answers. */
export type QueryAnswer =
  | { outcome: 'paid'; resultCode: string; resultDesc: string; exchange: Exchange }
  | { outcome: 'denied'; resultCode: string; resultDesc: string; exchange: Exchange }
  | { outcome: 'noAnswer'; reason: string; retryAfterMs: number | null; exchange: Exchange };

/** Why a push may not start right now, or leave to start it. */
export type PushPermission =
  | { allowed: true }
  /** Held back: pacer, breaker or a paused shortcode. Nothing was sent; look again after `waitMs`. */
  | { allowed: false; reason: 'paced' | 'breaker_open' | 'paused'; waitMs: number }
  /** Refused before the wire: no (readable) credentials. */
  | { allowed: false; reason: 'refused'; failureCode: FailureCode; detail: string };

export interface PaymentProvider {
  /** Shortcodes a tenant has in a mode, from a short cache. */
  listShortcodes(tenantId: string, mode: Mode): Promise<ShortcodeRef[]>;
  /** Asked before the claim, so that what is held back stays `queued`. */
  mayPush(shortcodeId: string): Promise<PushPermission>;
  push(push: Push): Promise<PushAnswer>;
  /** Milliseconds until the budget of this shortcode's credentials has a slot for a query; takes the slot when 0. */
  takeQuerySlot(shortcodeId: string): Promise<number>;
  query(query: Query): Promise<QueryAnswer>;
  /** Reads the code of a denial (daraja.md section 5). */
  readDenial: ReadDenial;
}
