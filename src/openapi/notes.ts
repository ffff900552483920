// The prose of the API's description: what each field, parameter, status, flag and problem means to a merchant's
// engineer. Keyed by the very names the code uses, so that a new status or problem code without a note does not compile,
// and a test finds a field without one.

import type { Verdict } from '../payments/evidence.ts';
import type { ConfirmedBy, Flag, Status } from '../payments/payment.ts';
import type { ProblemCode } from '../platform/errors.ts';
import type { Scope } from '../tenants/scopes.ts';

export const statusNotes: Readonly<Record<Status, string>> = {
  queued: 'Stored, nothing sent yet. Only now can it be cancelled.',
  submitting: 'On its way to M-PESA. From here on it is never sent again.',
  pending: 'M-PESA took the request; the prompt is, or will be, on the customer’s phone.',
  succeeded: 'Paid. Never changes again.',
  failed: 'Not paid; `failure` says why and on whose side.',
  cancelled: 'The customer cancelled the prompt, or you cancelled the payment before it was sent.',
  expired: 'Not paid in time. A late success may still follow, for up to seven days, by webhook.',
  unknown: 'M-PESA has given no clear answer. Money may have moved: do not ask the customer to pay again.',
  needs_review:
    'What arrived does not fit (amount, receipt, shortcode, phone), or M-PESA never answered. An operator decides.',
};

export const flagNotes: Readonly<Record<Flag, string>> = {
  late: 'Succeeded after `expires_at`, or after a negative status.',
  contradicted: 'M-PESA first said no, then money arrived.',
  amount_mismatch: 'Another amount arrived than was asked for.',
  receipt_missing: 'A query said paid; the M-PESA receipt is not known yet.',
  receipt_reused: 'The receipt belongs to another payment.',
  resolved_by_operator: 'An operator settled it after a review.',
};

export const confirmedByNotes: Readonly<Record<ConfirmedBy, string>> = {
  callback: 'M-PESA’s own result',
  query: 'our question to M-PESA',
  c2b: 'M-PESA’s confirmation of money received',
  pull: 'M-PESA’s list of recent payments',
  statement: 'the M-PESA statement',
  operator: 'a person, approved by a second one unless the installation works with one',
};

export const verdictNotes: Readonly<Record<Verdict, string>> = {
  applied: 'it moved the payment, or filled in what was missing',
  repeated: 'known already',
  noted: 'kept; too weak or too early to move anything',
  contradicts: 'it denies what is settled; kept, changes nothing',
  too_late: 'money after the seven days in which a denial may be overturned',
  amount_mismatch: 'another amount than was asked for',
  receipt_reused: 'the receipt belongs to another payment',
  other_shortcode: 'the money went to another shortcode',
  other_phone: 'another phone paid',
  forged_ids: 'wrong ids; kept, moves nothing',
  unreadable: 'could not be read',
  no_answer: 'no clear answer',
  late_answer: 'the push’s answer came late; it only fills in the ids',
};

export const scopeNotes: Readonly<Record<Scope, string>> = {
  'payments:write': 'create, cancel, retry and check payments',
  'payments:read': 'read payments, receipts and shortcodes',
  'events:read': 'read events',
  'webhooks:manage': 'manage webhook endpoints and deliveries',
  'links:write': 'manage payment links',
  'reports:read': 'read reports',
};

/** What to do about each problem; its title and status are in `platform/errors`. */
export const problemNotes: Readonly<Record<ProblemCode, string>> = {
  invalid_request:
    'Something in the body, the query or a header is not as described. `errors` lists every problem at once, each with the place it is at. Correct the request; nothing was stored and the Idempotency-Key is still free.',
  malformed_json: 'The body is not JSON in UTF-8. Look for a missing quote or comma.',
  idempotency_key_missing:
    'Creating and retrying a payment need an `Idempotency-Key` of 1 to 255 printable characters: a new one for each payment you mean, the same one when you repeat a request whose answer you did not get.',
  unauthenticated:
    'The key is missing, mistyped, revoked or has ended. Send `Authorization: Bearer lango_…`; which part is wrong is not told.',
  scope_missing: 'The key is valid but may not do this. `detail` names the scope; use a key that has it.',
  address_refused:
    'The key is bound to addresses, and the request came from another. Call from one on its list, or ask the operator to change the list.',
  tenant_disabled: 'The operator of this gateway has disabled your organisation. What is under way is still settled.',
  not_found:
    'There is no such object for this key. Objects of the other mode and of other tenants do not exist for it; the answer is the same for all of them.',
  method_not_allowed: 'The address exists, with other methods: see the `Allow` header.',
  duplicate_window:
    'The same phone was asked for the same amount on the same shortcode less than 120 seconds ago, and that payment (`existing`) is live or paid. Follow it. Only if the customer really pays twice, send `"allow_duplicate": true`, or wait `retry_after` seconds.',
  not_cancellable:
    'Only a `queued` payment can be cancelled. This one may be on the customer’s phone already; follow it instead.',
  not_retryable:
    'Only a payment that failed, was cancelled or expired can be retried; in `unknown` money may have moved. A webhook delivery cannot be tried again once its endpoint is deleted or its body is older than 90 days.',
  replay_limit_reached:
    'Five replays of this endpoint run already. Wait for one to end, or cancel them with `DELETE /v1/webhook-endpoints/{id}/replay`.',
  endpoint_limit_reached: 'A tenant has at most 20 webhook endpoints, test and live together. Delete one first.',
  nothing_to_check:
    'There is nothing to ask M-PESA: nothing was sent yet, the result is known, or M-PESA’s ids for the push are not.',
  payload_too_large: 'A body may have at most 64 KB. Put less into `metadata`.',
  unsupported_media_type: 'Send `Content-Type: application/json`.',
  idempotency_key_reused:
    'The Idempotency-Key belongs to a request with other values (`existing` is its payment). Use a new key for a new payment, or send the first request unchanged.',
  rate_limited:
    'The key sends more than its rate. Wait as long as `Retry-After` says and send the same request again, with the same Idempotency-Key.',
  internal:
    'Our fault. Send the same request again with the same Idempotency-Key: it cannot make a second payment. If it goes on, give the operator the `request_id`.',
  unavailable:
    'The gateway cannot answer just now. Wait as long as `Retry-After` says and send the same request again, with the same Idempotency-Key.',
};

export interface FieldNote {
  description: string;
  example?: unknown;
}

/** Fields of request bodies. */
export const bodyNotes: Readonly<Record<string, FieldNote>> = {
  amount: { description: 'Whole Kenya shillings. M-PESA takes at most 250,000 in one payment.', example: 1500 },
  phone: {
    description:
      'Who is asked to pay: any Kenyan form (`07…`, `01…`, `7…`, `254…`, `+254…`; spaces and dashes do no harm). Stored and shown as `254XXXXXXXXX`.',
    example: '0712345678',
  },
  reference: {
    description: 'M-PESA’s account reference. The customer sees it in the prompt and in the SMS.',
    example: 'INV-2031',
  },
  description: { description: 'A few words about the payment.', example: 'Order 2031' },
  shortcode: {
    description:
      'The paybill, or a till’s store number. Needed only when you have several in this mode and none is the default.',
    example: '174379',
  },
  metadata: {
    description:
      'Up to 20 pairs of texts of your own (keys to 40 characters, values to 500), given back with the payment.',
    example: { order_id: '2031' },
  },
  expires_in: {
    description:
      'Seconds until the payment expires. Not sent by then: `expired`. Sent by then: a clear no from M-PESA is believed, and without a clear answer it is `unknown`. A retry without it takes as long as the first payment had.',
    example: 300,
  },
  allow_duplicate: {
    description:
      'True skips the duplicate window: the same phone, amount and shortcode again within 120 seconds. M-PESA itself may still refuse.',
    example: false,
  },
};

/** Query parameters. */
export const queryNotes: Readonly<Record<string, FieldNote>> = {
  limit: { description: 'How many to give at most.' },
  cursor: { description: '`next_cursor` of the page before, unchanged.' },
  created_after: {
    description: 'Created at this time or later (RFC 3339; the `+` of an offset is `%2B`).',
    example: '2026-10-06T00:00:00Z',
  },
  created_before: { description: 'Created before this time.', example: '2026-10-07T00:00:00Z' },
  status: { description: 'One status, or several by repeating the parameter.' },
  reference: { description: 'Exactly this reference.' },
  phone: { description: 'This phone, in any Kenyan form.' },
  receipt: { description: 'This M-PESA receipt, in upper or lower case.' },
  shortcode: { description: 'This shortcode.' },
  event: { description: 'Deliveries of this event.' },
  type: { description: 'One event type, or several by repeating the parameter.' },
  wait: {
    description:
      'Seconds to hold the answer until the payment’s `version` changes. Answers at once when the status is final.',
  },
  version: { description: 'The version you have; with `wait`, another one is answered at once.' },
  date: { description: 'A day of Nairobi, today at the latest.', example: '2026-10-06' },
};

export const introduction = `Ask a customer’s phone for money over M-PESA and learn honestly what happened to it. Make a payment; follow it by webhook, by waiting or by reading; and never ask twice for money whose fate is not known.

Amounts are whole Kenya shillings, times are RFC 3339 in UTC, bodies are JSON in UTF-8 of at most 64 KB. A field or parameter that is not described here is refused, so that a typo never moves money. Answers may gain fields; ignore those you do not know. A customer’s decline is never an HTTP error: it is a payment with a \`failure\`.`;

export const exampleId = 'pay_01kahq8z2pf0rs6w5v2r7r3d4e';

/** As in the contract; a test holds it against the schema. */
export const paymentExample = {
  id: exampleId,
  object: 'payment',
  mode: 'test',
  version: 4,
  status: 'succeeded',
  flags: [],
  amount: 1500,
  amount_received: 1500,
  currency: 'KES',
  phone: '254712345678',
  shortcode: '174379',
  reference: 'INV-2031',
  description: 'Order 2031',
  merchant_request_id: '7c1e-4f0a-9b52-3d8f6a1c20e4118207',
  checkout_request_id: 'ws_CO_06102026141530412712345678',
  mpesa_receipt: 'UJ68K3W0QZ',
  confirmed_by: 'callback',
  failure: null,
  metadata: { order_id: '2031' },
  retry_of: null,
  payment_link: null,
  created_at: '2026-10-06T11:15:30.104Z',
  submitted_at: '2026-10-06T11:15:30.131Z',
  completed_at: '2026-10-06T11:15:51.020Z',
  expires_at: '2026-10-06T11:20:30.104Z',
  updated_at: '2026-10-06T11:15:51.020Z',
};

export const problemExample = {
  type: '/docs#invalid_request',
  title: 'The request is not valid',
  status: 400,
  detail: 'amount is at least 1.',
  code: 'invalid_request',
  request_id: 'req_5f0c1e2d3b4a59687766aabb',
  errors: [{ pointer: '/amount', code: 'out_of_range', detail: 'amount is at least 1.' }],
};
