// What the console calls things: one word, one icon, one tone for each status of the API (mock/README, Statuses), and
// the sides a failure can be on.

import type { FailureCategory } from '../payments/failures.ts';
import type { ConfirmedBy, Flag, Status } from '../payments/payment.ts';
import type { DeliveryStatus } from '../webhooks/delivery.ts';
import type { EndpointStatus } from '../webhooks/endpoint.ts';

export interface Word {
  word: string;
  icon: string;
  /** The class behind `st-`. */
  tone: 'ok' | 'bad' | 'warn' | 'wait' | 'mute';
}

export const statusWords: Readonly<Record<Status, Word>> = {
  queued: { word: 'Queued', icon: 'circle-dashed', tone: 'wait' },
  submitting: { word: 'Sending', icon: 'send', tone: 'wait' },
  pending: { word: 'Waiting', icon: 'clock', tone: 'wait' },
  succeeded: { word: 'Paid', icon: 'f-circle-check', tone: 'ok' },
  failed: { word: 'Failed', icon: 'f-circle-x', tone: 'bad' },
  cancelled: { word: 'Cancelled', icon: 'circle-minus', tone: 'mute' },
  expired: { word: 'Expired', icon: 'hourglass-empty', tone: 'mute' },
  unknown: { word: 'Not sure yet', icon: 'help-circle', tone: 'warn' },
  needs_review: { word: 'Needs review', icon: 'f-flag', tone: 'warn' },
};

export const flagWords: Readonly<Record<Flag, string>> = {
  late: 'late',
  contradicted: 'contradicted',
  amount_mismatch: 'other amount',
  receipt_missing: 'no receipt yet',
  receipt_reused: 'receipt used twice',
  resolved_by_operator: 'by an operator',
};

export const confirmedByWords: Readonly<Record<ConfirmedBy, string>> = {
  callback: 'M-PESA’s callback',
  query: 'a question to M-PESA',
  c2b: 'M-PESA’s confirmation of money received',
  pull: 'M-PESA’s list of transactions',
  statement: 'the M-PESA statement',
  operator: 'an operator',
};

export const sideWords: Readonly<Record<FailureCategory, string>> = {
  customer: 'Customer',
  network: 'Network',
  provider: 'Safaricom',
  configuration: 'Settings',
};

export const deliveryWords: Readonly<Record<DeliveryStatus, Word>> = {
  pending: { word: 'Waiting', icon: 'clock', tone: 'wait' },
  sending: { word: 'Sending', icon: 'send', tone: 'wait' },
  delivered: { word: 'Delivered', icon: 'f-circle-check', tone: 'ok' },
  held: { word: 'Held', icon: 'player-pause', tone: 'warn' },
  dead: { word: 'Given up', icon: 'f-circle-x', tone: 'bad' },
  cancelled: { word: 'Cancelled', icon: 'circle-minus', tone: 'mute' },
};

export const endpointWords: Readonly<Record<Exclude<EndpointStatus, 'deleted'>, Word>> = {
  enabled: { word: 'Enabled', icon: 'f-circle-check', tone: 'ok' },
  paused: { word: 'Paused', icon: 'player-pause', tone: 'mute' },
  disabled: { word: 'Disabled', icon: 'f-circle-x', tone: 'bad' },
};
