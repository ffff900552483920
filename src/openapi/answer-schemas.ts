// What the API answers, as schemas: the description shows them, and a test holds every answer of a running gateway
// against them. They are strict, so a field that is answered but not described here, or described but not answered,
// fails that test.

import { z } from 'zod';
import type { Verdict } from '../payments/evidence.ts';
import { type FailureCode, failureCatalogue } from '../payments/failures.ts';
import { type ConfirmedBy, flags, statuses } from '../payments/payment.ts';
import { type ProblemCode, problems } from '../platform/errors.ts';
import { scopes } from '../tenants/scopes.ts';
import { idOf, keysOf, listOf, mode, time, whole } from './answer-parts.ts';
import { confirmedByNotes, verdictNotes } from './notes.ts';
import { dailyReport } from './report-answers.ts';
import {
  attempt,
  delivery,
  eventOf,
  ping,
  replay,
  replaysCancelled,
  webhookBodiesOf,
  webhookEndpoint,
} from './webhook-answers.ts';

export const failure = z
  .strictObject({
    code: z
      .enum(keysOf<FailureCode>(failureCatalogue))
      .describe('Why, in one word; the codes are listed under Failure codes.'),
    category: z.enum(['customer', 'network', 'provider', 'configuration']).describe('On whose side.'),
    message: z.string().describe('For you.'),
    customer_message: z.string().describe('For the payer, in English. Swahili is listed under Failure codes.'),
    provider_code: z.string().nullable().describe('M-PESA’s own code.'),
    provider_message: z.string().nullable().describe('M-PESA’s own text.'),
    retryable: z
      .boolean()
      .describe('Whether a new payment with the same details may succeed without anybody changing a setting.'),
    retry_after: whole.nullable().describe('Seconds to wait before that; null: no particular time.'),
  })
  .describe('Why a payment has not succeeded.');

export const payment = z
  .strictObject({
    id: idOf('pay'),
    object: z.literal('payment'),
    mode,
    version: whole.min(1).describe('Grows with each change.'),
    status: z.enum(statuses).describe('Where it stands; see Statuses.'),
    flags: z.array(z.enum(flags)).describe('What else is to be known; see Statuses.'),
    amount: whole.min(1).describe('Whole Kenya shillings asked for.'),
    amount_received: whole
      .nullable()
      .describe('What arrived, as M-PESA said; null until then, and when only a query has confirmed.'),
    currency: z.literal('KES'),
    phone: z
      .string()
      .regex(/^254[\d*]{9}$/)
      .describe('Who was asked. Has `*` where a payment was made from M-PESA’s own record, which hides digits.'),
    shortcode: z.string().describe('The paybill, or the till’s store number.'),
    reference: z.string().describe('The account reference the customer sees.'),
    description: z.string(),
    merchant_request_id: z.string().nullable().describe('M-PESA’s id of the request.'),
    checkout_request_id: z.string().nullable().describe('M-PESA’s id of the prompt.'),
    mpesa_receipt: z.string().nullable().describe('The receipt, as in the customer’s SMS.'),
    confirmed_by: z.enum(keysOf<ConfirmedBy>(confirmedByNotes)).nullable().describe('What said that money arrived.'),
    failure: failure.nullable().describe('Null once succeeded.'),
    metadata: z.record(z.string(), z.string()).describe('Your own pairs, as given.'),
    retry_of: idOf('pay').nullable().describe('The payment this one repeats.'),
    payment_link: idOf('lnk').nullable().describe('The payment link it came from.'),
    created_at: time,
    submitted_at: time.nullable().describe('When it was first handed to M-PESA.'),
    completed_at: time.nullable().describe('When its status became final.'),
    expires_at: time,
    updated_at: time,
  })
  .describe('One request for money: one M-PESA prompt.');

export const event = eventOf(payment);

const health = z
  .enum(['up', 'degraded', 'down'])
  .describe('From the last 15 minutes; customers who decline do not count against it.');

export const shortcode = z
  .strictObject({
    id: idOf('sc'),
    object: z.literal('shortcode'),
    mode,
    kind: z.enum(['paybill', 'till']),
    shortcode: z.string().describe('The paybill, or the till’s store number.'),
    till: z.string().nullable().describe('The till number.'),
    environment: z.enum(['simulator', 'sandbox', 'production']),
    status: z.enum(['active', 'paused']).describe('While paused, payments wait as `queued`.'),
    health,
    success_rate_15m: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .describe('Share of the ended payments that were paid; null when none ended.'),
    last_callback_at: time.nullable(),
  })
  .describe('A paybill or till of yours, and how it fares.');

export const account = z
  .strictObject({
    object: z.literal('account'),
    tenant: z.strictObject({ id: idOf('ten'), name: z.string() }),
    mode,
    key: z.strictObject({
      id: idOf('key'),
      name: z.string(),
      scopes: z.array(z.enum(scopes)),
      expires_at: time.nullable(),
    }),
  })
  .describe('Who this key is.');

export const transitionEntry = z
  .strictObject({
    at: time,
    kind: z.literal('transition'),
    from: z.enum(statuses).nullable().describe('Null for the beginning.'),
    to: z.enum(statuses),
    cause: z.string().describe('Why, in words.'),
    actor: z.string().describe('Who: `merchant`, `system`, or the id of a key or an operator.'),
  })
  .describe('A change of status.');

export const evidenceEntry = z
  .strictObject({
    at: time,
    kind: z.literal('evidence'),
    source: z.enum(['push', 'callback', 'query', 'c2b', 'pull', 'statement']).describe('Where it was heard.'),
    strength: z
      .enum(['A', 'B', 'C', 'D'])
      .nullable()
      .describe(
        'A: money arrived. B: a yes without a receipt. C: M-PESA’s own no. D: a query’s no. Null: says nothing about money.',
      ),
    verdict: z.enum(keysOf<Verdict>(verdictNotes)).describe(
      `What came of it: ${Object.entries(verdictNotes)
        .map(([name, note]) => `\`${name}\` ${note}`)
        .join('; ')}.`,
    ), // prettier-ignore
    result_code: z.string().nullable(),
    detail: z.string().nullable().describe('M-PESA’s own text, or what could not be read.'),
    receipt: z.string().nullable(),
    amount: z.number().nullable().describe('Kenya shillings; M-PESA’s own records may have cents.'),
  })
  .describe('Something that says what happened.');

export const fieldError = z
  .strictObject({
    pointer: z.string().optional().describe('JSON Pointer into the body, such as `/amount`.'),
    parameter: z.string().optional().describe('Name of the query parameter or header.'),
    code: z.enum(['required', 'unknown_field', 'out_of_range', 'wrong_type', 'wrong_format']),
    detail: z.string().describe('What to write there.'),
  })
  .describe('One thing that is wrong with a request.');

export const problem = z
  .strictObject({
    type: z.string().describe('The place on the documentation page that explains the code.'),
    title: z.string(),
    status: whole.min(400).max(599),
    detail: z.string().describe('What is wrong this time, and what to do.'),
    code: z.enum(keysOf<ProblemCode>(problems)).describe('Stable; decide by this.'),
    request_id: z.string().describe('The same as the `Request-Id` header.'),
    errors: z.array(fieldError).optional().describe('All that is wrong with the request, at once.'),
    retryable: z.boolean().optional(),
    retry_after: whole.optional().describe('Seconds.'),
    existing: z.string().optional().describe('Id of the payment that is in the way.'),
  })
  .describe('Why a request was refused (RFC 9457).');

const checkResult = z.string().describe('`ok`, or what is wrong.');

/** Every schema of an answer by its name in the description. */
export const answerSchemas = {
  Payment: payment,
  Failure: failure,
  PaymentList: listOf(payment).describe('Payments, newest first.'),
  Timeline: listOf(z.discriminatedUnion('kind', [transitionEntry, evidenceEntry])).describe(
    'What happened to a payment, oldest first; always whole.',
  ),
  TransitionEntry: transitionEntry,
  EvidenceEntry: evidenceEntry,
  Event: event,
  EventList: listOf(event).describe('Events, newest first.'),
  WebhookEndpoint: webhookEndpoint,
  WebhookEndpointList: listOf(webhookEndpoint).describe('Webhook endpoints, newest first.'),
  Delivery: delivery,
  DeliveryList: listOf(delivery).describe('Deliveries of one endpoint, newest first.'),
  Attempt: attempt,
  Ping: ping,
  Replay: replay,
  ReplaysCancelled: replaysCancelled,
  Shortcode: shortcode,
  ShortcodeList: listOf(shortcode).describe('Your shortcodes; always whole.'),
  DailyReport: dailyReport,
  Account: account,
  Problem: problem,
  FieldError: fieldError,
  Liveness: z.strictObject({ status: z.literal('ok') }).describe('The process lives.'),
  Readiness: z
    .strictObject({ status: z.enum(['ok', 'not_ready']), checks: z.record(z.string(), checkResult) })
    .describe('Whether the process can serve, check by check.'),
  CallbackAccepted: z
    .strictObject({ ResultCode: z.literal(0), ResultDesc: z.literal('Accepted') })
    .describe('What Safaricom is told.'),
  C2bAccepted: z
    .strictObject({ ResultCode: z.literal('0'), ResultDesc: z.literal('Accepted') })
    .describe('What Safaricom is told of C2B: its code is a text there.'),
} as const;

export type AnswerName = keyof typeof answerSchemas;

/** The body of a webhook by the type of its event. */
export const webhookBodies = webhookBodiesOf(payment);
