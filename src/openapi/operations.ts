// Every operation of the API as data (those of webhooks have a file of their own). Bodies and queries are the very
// schemas that validate. A test holds this list against the routes in the code, both ways, so a new route is
// described in the same change.

import { eventListQuery } from '../events/event-routes.ts';
import { paymentBody, paymentListQuery, readQuery, retryBody } from '../payments/payment-requests.ts';
import { dailyReportQuery } from '../reconciliation/report-routes.ts';
import { bodyProblems, type Operation } from './operation.ts';
import { webhookOperations } from './webhook-operations.ts';

const creationProblems = [
  ...bodyProblems,
  'idempotency_key_missing',
  'duplicate_window',
  'idempotency_key_reused',
] as const;
const creationHeaders = ['Location', 'Idempotency-Replayed', 'Preference-Applied'] as const;

const payments: readonly Operation[] = [
  {
    id: 'createPayment',
    method: 'post',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'Ask a customer for money',
    description:
      'Answers as soon as the payment is durable; the prompt follows. With `Prefer: wait=N` the answer is held until M-PESA has taken the prompt or N seconds passed. Sent again with the same Idempotency-Key and the same values, it answers the same payment as it stands now: there is one prompt, however often you ask. The same phone, amount and shortcode within 120 seconds under another key is refused.',
    scope: 'payments:write',
    headers: ['Idempotency-Key', 'Prefer'],
    body: {
      schema: paymentBody,
      isRequired: true,
      example: {
        amount: 1500,
        phone: '0712345678',
        reference: 'INV-2031',
        description: 'Order 2031',
        metadata: { order_id: '2031' },
      },
    },
    answers: [
      {
        status: 201,
        description: 'The payment, made now or before under the same Idempotency-Key.',
        schema: 'Payment',
        headers: creationHeaders,
      },
    ],
    problems: creationProblems,
  },
  {
    id: 'listPayments',
    method: 'get',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'List payments',
    description: 'Newest first. Parameters narrow it down together.',
    scope: 'payments:read',
    query: paymentListQuery,
    answers: [{ status: 200, description: 'A page of payments.', schema: 'PaymentList' }],
    problems: ['invalid_request'],
  },
  {
    id: 'getPayment',
    method: 'get',
    path: '/v1/payments/{id}',
    tag: 'Payments',
    summary: 'Read a payment, or wait for it',
    description:
      'With `wait=N` the answer is held until the payment’s `version` changes, at most N seconds. It comes at once when the status is final (`succeeded`, `failed`, `cancelled`, `expired`) or when `version` is not the current one. Reading an open payment also asks M-PESA, when that was not done for 15 seconds.',
    scope: 'payments:read',
    query: readQuery,
    answers: [{ status: 200, description: 'The payment.', schema: 'Payment' }],
    problems: ['invalid_request', 'not_found'],
  },
  {
    id: 'getTimeline',
    method: 'get',
    path: '/v1/payments/{id}/timeline',
    tag: 'Payments',
    summary: 'See all that happened to a payment',
    description: 'Every change of status and every piece of evidence, oldest first.',
    scope: 'payments:read',
    answers: [{ status: 200, description: 'The whole timeline.', schema: 'Timeline' }],
    problems: ['not_found'],
  },
  {
    id: 'streamPayment',
    method: 'get',
    path: '/v1/payments/{id}/stream',
    tag: 'Payments',
    summary: 'Follow a payment as server-sent events',
    description:
      'Sends the present state at once, then each change, as `event: payment` with the payment as `data` and its version as `id`; a comment every 15 seconds keeps the connection open. Ends after a final status. A client that reconnects with `Last-Event-ID` is not told again what it has.',
    scope: 'payments:read',
    headers: ['Last-Event-ID'],
    answers: [{ status: 200, description: 'The stream.', schema: null, contentType: 'text/event-stream' }],
    problems: ['not_found'],
  },
  {
    id: 'cancelPayment',
    method: 'post',
    path: '/v1/payments/{id}/cancel',
    tag: 'Payments',
    summary: 'Cancel a payment that was not sent yet',
    description: 'Possible only while it is `queued`. Takes no body.',
    scope: 'payments:write',
    answers: [{ status: 200, description: 'The payment, `cancelled`.', schema: 'Payment' }],
    problems: [...bodyProblems, 'not_found', 'not_cancellable'],
  },
  {
    id: 'retryPayment',
    method: 'post',
    path: '/v1/payments/{id}/retry',
    tag: 'Payments',
    summary: 'Ask again after a payment that came to nothing',
    description:
      'Makes a new payment with the same details and `retry_of`. Only for one that failed, was cancelled or expired. Idempotent as creating one is; the keys share one space.',
    scope: 'payments:write',
    headers: ['Idempotency-Key', 'Prefer'],
    body: { schema: retryBody, isRequired: false, example: { expires_in: 600 } },
    answers: [{ status: 201, description: 'The new payment.', schema: 'Payment', headers: creationHeaders }],
    problems: [...creationProblems, 'not_found', 'not_retryable'],
  },
  {
    id: 'checkPayment',
    method: 'post',
    path: '/v1/payments/{id}/check',
    tag: 'Payments',
    summary: 'Ask M-PESA now',
    description:
      'For a payment without a result. Within 15 seconds of the last question nothing new is asked; M-PESA’s limits hold, so the question may go out at the next free moment. Takes no body.',
    scope: 'payments:write',
    answers: [{ status: 202, description: 'The payment as it stands; follow it for the result.', schema: 'Payment' }],
    problems: [...bodyProblems, 'not_found', 'nothing_to_check'],
  },
  {
    id: 'getReceipt',
    method: 'get',
    path: '/v1/receipts/{receipt}',
    tag: 'Payments',
    summary: 'Find the payment behind an M-PESA receipt',
    description: 'The receipt is in the customer’s SMS; upper or lower case.',
    scope: 'payments:read',
    answers: [{ status: 200, description: 'The payment.', schema: 'Payment' }],
    problems: ['not_found'],
  },
];

const events: readonly Operation[] = [
  {
    id: 'listEvents',
    method: 'get',
    path: '/v1/events',
    tag: 'Events',
    summary: 'List events',
    description: 'What happened, newest first, each with the payment or endpoint as it was then. Pings are not listed.',
    scope: 'events:read',
    query: eventListQuery,
    answers: [{ status: 200, description: 'A page of events.', schema: 'EventList' }],
    problems: ['invalid_request'],
  },
  {
    id: 'getEvent',
    method: 'get',
    path: '/v1/events/{id}',
    tag: 'Events',
    summary: 'Read an event',
    description:
      'The `webhook-id` of a webhook and the `event` of a delivery are such an id. Events never change, but their data is not kept for ever.',
    scope: 'events:read',
    answers: [{ status: 200, description: 'The event.', schema: 'Event' }],
    problems: ['not_found'],
  },
];

const others: readonly Operation[] = [
  {
    id: 'getDailyReport',
    method: 'get',
    path: '/v1/reports/daily',
    tag: 'Reports',
    summary: 'Read what became of the payments of a day',
    description:
      'Counts and sums of the payments made on one day of Nairobi (UTC+3), by status, by failure code and by shortcode. They are counted as they stand now, so a late success still changes a day that is over; while the day goes on, `complete` is false. Sums are what customers were asked for and paid: M-PESA’s charges are not in them.',
    scope: 'reports:read',
    query: dailyReportQuery,
    answers: [{ status: 200, description: 'The day in numbers.', schema: 'DailyReport' }],
    problems: ['invalid_request'],
  },
  {
    id: 'getAccount',
    method: 'get',
    path: '/v1/account',
    tag: 'Account',
    summary: 'See who a key is',
    description: 'A good first call.',
    scope: null,
    answers: [{ status: 200, description: 'Tenant, mode and scopes of the key.', schema: 'Account' }],
    problems: [],
  },
  {
    id: 'listShortcodes',
    method: 'get',
    path: '/v1/shortcodes',
    tag: 'Account',
    summary: 'See your shortcodes and how they fare',
    description: 'Tell your customers that M-PESA has trouble before they find out.',
    scope: 'payments:read',
    answers: [{ status: 200, description: 'All your shortcodes in this mode.', schema: 'ShortcodeList' }],
    problems: [],
  },
  {
    id: 'getLiveness',
    method: 'get',
    path: '/healthz',
    tag: 'Server',
    summary: 'Whether the process lives',
    description: 'Touches nothing else.',
    scope: 'public',
    answers: [{ status: 200, description: 'It lives.', schema: 'Liveness' }],
    problems: [],
  },
  {
    id: 'getReadiness',
    method: 'get',
    path: '/readyz',
    tag: 'Server',
    summary: 'Whether the process can serve',
    description: 'Checks database, migrations, workers and Redis. Safaricom’s health never counts.',
    scope: 'public',
    answers: [
      { status: 200, description: 'It can.', schema: 'Readiness' },
      { status: 503, description: 'It cannot; `checks` says why.', schema: 'Readiness' },
    ],
    problems: [],
  },
  {
    id: 'getMetrics',
    method: 'get',
    path: '/metrics',
    tag: 'Server',
    summary: 'Metrics for Prometheus',
    description: 'For the operator’s network only: keep it from the public at the proxy.',
    scope: 'public',
    answers: [{ status: 200, description: 'Prometheus text format.', schema: null, contentType: 'text/plain' }],
    problems: [],
  },
  {
    id: 'takeStkCallback',
    method: 'post',
    path: '/callbacks/stk/{payment_id}/{token}',
    tag: 'Callbacks',
    summary: 'Safaricom’s result of a prompt',
    description:
      'For Safaricom, not for you: the address goes out with each prompt and proves by its token that the result answers it. Takes Daraja’s `stkCallback` whatever its content type; what cannot be read is kept as evidence and acknowledged.',
    scope: 'public',
    answers: [{ status: 200, description: 'Kept durably.', schema: 'CallbackAccepted' }],
    problems: ['address_refused', 'not_found', 'payload_too_large'],
  },
  {
    id: 'takeC2bConfirmation',
    method: 'post',
    path: '/callbacks/c2b/{token}/confirmation',
    tag: 'Callbacks',
    summary: 'Safaricom’s word that money came',
    description:
      'For Safaricom, not for you: the address is registered for a shortcode (`lango shortcodes register-c2b`), and its token says which. Becomes a line of M-PESA’s record, and evidence for the payment it belongs to.',
    scope: 'public',
    answers: [{ status: 200, description: 'Kept durably.', schema: 'C2bAccepted' }],
    problems: ['address_refused', 'not_found', 'payload_too_large'],
  },
  {
    id: 'takeC2bValidation',
    method: 'post',
    path: '/callbacks/c2b/{token}/validation',
    tag: 'Callbacks',
    summary: 'Safaricom asks whether money may come',
    description: 'For Safaricom, not for you. It always may: nothing is turned away here.',
    scope: 'public',
    answers: [{ status: 200, description: 'It may come.', schema: 'C2bAccepted' }],
    problems: ['address_refused', 'not_found', 'payload_too_large'],
  },
];

export const operations: readonly Operation[] = [...payments, ...events, ...webhookOperations, ...others];
