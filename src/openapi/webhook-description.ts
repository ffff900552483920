// The `webhooks` object of the OpenAPI 3.1 document: one entry for each type of event, with the body it carries, its
// three headers and what the receiver's answer means. It is the other direction of the API: here the gateway asks.

import { totalTimeoutMs } from '../webhooks/policy.ts';
import { type WebhookType, webhookBodyName, webhookTypes } from './webhook-answers.ts';
import { eventTypeNotes, webhookExample, webhookHeaderNotes, wordsOf } from './webhook-notes.ts';

/** By the type of the event. */
export function describeWebhooks(): Record<string, object> {
  return Object.fromEntries(webhookTypes.map((type) => [type, { post: describeWebhook(type) }]));
}

function describeWebhook(type: WebhookType): object {
  const name = webhookBodyName(type);
  return {
    operationId: `on${name}`,
    tags: ['Webhooks'],
    summary: type,
    description: `${eventTypeNotes[type]}\n\nSent at least once, in no promised order; verify its signature before anything else.`,
    security: [],
    parameters: Object.entries(webhookHeaderNotes).map(([header, description]) => ({
      name: header,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
      example: webhookExample.headers[header as keyof typeof webhookHeaderNotes],
    })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: { $ref: `#/components/schemas/${name}` },
          ...(type === 'payment.succeeded' ? { example: JSON.parse(webhookExample.body) as object } : {}),
        },
      },
    },
    responses: {
      '2XX': { description: `It is yours now, when the answer is whole within ${wordsOf(totalTimeoutMs)} at most.` },
      410: { description: 'The endpoint is disabled, and what waits for it is held.' },
      default: { description: 'It is sent again, on the schedule.' },
    },
  };
}
