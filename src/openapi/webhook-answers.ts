// Schemas of what the API answers about events and webhooks, and of the bodies that webhooks carry. Strict, as those of
// answer-schemas.ts are: a test holds a running gateway's answers and the webhooks it sends against them.

import { z } from 'zod';
import { eventTypes, pingType } from '../events/event-store.ts';
import { type AttemptError, attemptErrors } from '../webhooks/attempt.ts';
import { deliveryStatuses, triggers } from '../webhooks/delivery.ts';
import { keepBodiesMs, keepBytes } from '../webhooks/policy.ts';
import { idOf, keysOf, mode, time, whole } from './answer-parts.ts';
import { deliveryStatusNotes, endpointStatusNotes, triggerNotes, wordsOf } from './webhook-notes.ts';

const listed = (notes: Readonly<Record<string, string>>): string =>
  Object.entries(notes)
    .map(([name, note]) => `\`${name}\` ${note}`)
    .join('; ');
const kept = `Removed after ${wordsOf(keepBodiesMs)}.`;

export const webhookEndpoint = z
  .strictObject({
    id: idOf('whe'),
    object: z.literal('webhook_endpoint'),
    mode,
    url: z.string().describe('Where webhooks are sent.'),
    types: z
      .array(z.enum(['*', ...eventTypes, pingType]))
      .min(1)
      .describe('What it is sent; `*` is every type but `ping`, which only a test sends.'),
    description: z.string().nullable(),
    status: z.enum(keysOf(endpointStatusNotes)).describe(`${listed(endpointStatusNotes)}.`),
    disabled_reason: z
      .enum(['gone', 'failing'])
      .nullable()
      .describe('`gone`: it answered 410. `failing`: it had no success for too long. Null unless `disabled`.'),
    failing_since: time.nullable().describe('The first failure since the last success; null while all is well.'),
    last_success_at: time.nullable(),
    created_at: time,
    secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{43}=$/)
      .optional()
      .describe('What its webhooks are signed with. Only in the answer that made it, never again: store it now.'),
    released: whole
      .min(0)
      .optional()
      .describe('How many held deliveries now go out. Only in the answer that enabled an endpoint.'),
  })
  .describe('A URL of yours that is told of events.');

export const attempt = z
  .strictObject({
    number: whole.min(1),
    trigger: z.enum(triggers).describe(`Why it was made: ${listed(triggerNotes)}.`),
    started_at: time,
    duration_ms: whole.min(0),
    status_code: whole.nullable().describe('Null when no answer came.'),
    error: z
      .enum(keysOf<AttemptError>(attemptErrors))
      .nullable()
      .describe('Why it failed; the codes are listed under Receiving webhooks. Null: it arrived.'),
    request_headers: z.record(z.string(), z.string()).describe('As sent, without the signature.'),
    response_headers: z.record(z.string(), z.string()).nullable().describe('Null when no answer came.'),
    response_body: z
      .string()
      .nullable()
      .describe(`The first ${keepBytes / 1024} KiB of what your server answered; null when it was empty. ${kept}`),
  })
  .describe('One POST to an endpoint, and what came back.');

export const delivery = z
  .strictObject({
    id: idOf('whd'),
    object: z.literal('delivery'),
    event: idOf('evt').describe('The event it carries: its `webhook-id`.'),
    endpoint: idOf('whe'),
    type: z.enum([...eventTypes, pingType]).describe('Type of the event.'),
    status: z.enum(deliveryStatuses).describe(`${listed(deliveryStatusNotes)}.`),
    attempt_count: whole.min(0),
    next_attempt_at: time
      .nullable()
      .describe('Of a `pending` one: when it is sent next, at the earliest. Null for every other.'),
    last_status_code: whole.nullable().describe('What your server answered last; null when it did not.'),
    last_error: z
      .enum(keysOf<AttemptError>(attemptErrors))
      .nullable()
      .describe('Why the last attempt failed; null when it did not.'),
    created_at: time.describe('When the event was recorded.'),
    delivered_at: time.nullable().describe('When it last arrived.'),
    attempts: z
      .array(attempt)
      .optional()
      .describe('Oldest first, the last hundred. Only where one delivery is read by its id.'),
  })
  .describe('One event on its way to one endpoint.');

export const ping = z
  .strictObject({ endpoint: idOf('whe'), message: z.string() })
  .describe('What a test of an endpoint carries.');

export const replay = z
  .strictObject({ count: whole.min(0).describe('How many webhooks that is, as far as is known now.') })
  .describe('A replay that was planned.');

export const replaysCancelled = z
  .strictObject({ cancelled: whole.min(0).describe('How many were running.') })
  .describe('Replays that take up nothing more.');

const endpointThen = webhookEndpoint.omit({ secret: true, released: true });

/** The schema of an event around the payment's. */
export function eventOf(payment: z.ZodObject) {
  const emptied = `Null once it was removed, ${wordsOf(keepBodiesMs)} after the event; never while a webhook of it waits.`;
  return z
    .strictObject({
      id: idOf('evt'),
      object: z.literal('event'),
      type: z.enum([...eventTypes, pingType]).describe('What happened; see Receiving webhooks.'),
      mode,
      created_at: time,
      data: z
        .union([payment, webhookEndpoint, ping, z.null()])
        .describe(`The payment or endpoint as it was then. ${emptied}`),
    })
    .refine(({ type, data }) => data === null || dataOf(type, payment).safeParse(data).success, {
      error: 'data is not what an event of this type carries',
      path: ['data'],
    })
    .describe('Something that happened to a payment or to an endpoint.');
}

export type WebhookType = (typeof eventTypes)[number] | typeof pingType;

function dataOf(type: WebhookType, payment: z.ZodObject): z.ZodObject {
  if (type === pingType) return ping;
  return type.startsWith('payment.') ? payment : endpointThen;
}

export const webhookTypes: readonly WebhookType[] = [...eventTypes, pingType];

/** `PaymentNeedsReviewWebhook` for `payment.needs_review`: the name of its body in the description. */
export function webhookBodyName(type: WebhookType): string {
  const words = type.split(/[._]/).map((word) => word[0]!.toUpperCase() + word.slice(1));
  return `${words.join('')}Webhook`;
}

/** What a webhook carries, by the type of its event. */
export function webhookBodiesOf(payment: z.ZodObject): Readonly<Record<WebhookType, z.ZodObject>> {
  const bodyOf = (type: WebhookType): z.ZodObject =>
    z.strictObject({
      type: z.literal(type),
      timestamp: time.describe('When it happened; the same at every attempt.'),
      data: (type.startsWith('webhook_endpoint.') ? webhookEndpoint : dataOf(type, payment)).describe(
        'What it is about, as it was then.',
      ),
    });
  return Object.fromEntries(webhookTypes.map((type) => [type, bodyOf(type)])) as Record<WebhookType, z.ZodObject>;
}
