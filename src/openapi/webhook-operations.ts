// The operations on webhook endpoints and their deliveries, as data. Bodies and queries are the very schemas that
// validate; operations.ts joins them with the others.

import { mostEndpoints } from '../webhooks/policy.ts';
import {
  deliveryListQuery,
  endpointBody,
  endpointChangeBody,
  endpointListQuery,
  replayBody,
  rotateBody,
} from '../webhooks/webhook-requests.ts';
import { bodyProblems, type Operation } from './operation.ts';
import { endpointBodyNotes, replayBodyNotes, rotateBodyNotes } from './webhook-notes.ts';

const scope = 'webhooks:manage';
const base = '/v1/webhook-endpoints';

const endpoints: readonly Operation[] = [
  {
    id: 'createWebhookEndpoint',
    method: 'post',
    path: base,
    tag: 'Webhooks',
    summary: 'Make a webhook endpoint',
    description: `From now on it is sent the events of its types in the mode of the key. The answer has its \`secret\`, which is never shown again. At most ${mostEndpoints} for a tenant, test and live together.`,
    scope,
    body: {
      schema: endpointBody,
      isRequired: true,
      example: { url: 'https://shop.example.co.ke/lango', types: ['payment.succeeded', 'payment.failed'] },
      notes: endpointBodyNotes,
    },
    answers: [
      {
        status: 201,
        description: 'The endpoint with its `secret`.',
        schema: 'WebhookEndpoint',
        headers: ['Location'],
      },
    ],
    problems: [...bodyProblems, 'endpoint_limit_reached'],
  },
  {
    id: 'listWebhookEndpoints',
    method: 'get',
    path: base,
    tag: 'Webhooks',
    summary: 'List webhook endpoints',
    description: 'Newest first, without their secrets.',
    scope,
    query: endpointListQuery,
    answers: [{ status: 200, description: 'A page of endpoints.', schema: 'WebhookEndpointList' }],
    problems: ['invalid_request'],
  },
  {
    id: 'getWebhookEndpoint',
    method: 'get',
    path: `${base}/{id}`,
    tag: 'Webhooks',
    summary: 'Read a webhook endpoint',
    description: 'Without its secret. `failing_since` says whether it is well.',
    scope,
    answers: [{ status: 200, description: 'The endpoint.', schema: 'WebhookEndpoint' }],
    problems: ['not_found'],
  },
  {
    id: 'changeWebhookEndpoint',
    method: 'patch',
    path: `${base}/{id}`,
    tag: 'Webhooks',
    summary: 'Change a webhook endpoint, pause or enable it',
    description:
      'Changes the fields that are given and no other. Another `url` starts with a clean record, and what waits goes there. While it is `paused` its deliveries are held; `enabled` lets them go out, and `released` says how many there are.',
    scope,
    body: { schema: endpointChangeBody, isRequired: true, example: { status: 'paused' }, notes: endpointBodyNotes },
    answers: [{ status: 200, description: 'The endpoint as it is now.', schema: 'WebhookEndpoint' }],
    problems: [...bodyProblems, 'not_found'],
  },
  {
    id: 'deleteWebhookEndpoint',
    method: 'delete',
    path: `${base}/{id}`,
    tag: 'Webhooks',
    summary: 'Delete a webhook endpoint',
    description:
      'What waits for it is cancelled and its secrets are forgotten. Deliveries stay readable by their ids. To stop for a while, pause it instead.',
    scope,
    answers: [{ status: 204, description: 'It is gone.', schema: null }],
    problems: ['not_found'],
  },
];

const endpointActions: readonly Operation[] = [
  {
    id: 'enableWebhookEndpoint',
    method: 'post',
    path: `${base}/{id}/enable`,
    tag: 'Webhooks',
    summary: 'Enable a webhook endpoint',
    description:
      'The same as `PATCH` with `{"status":"enabled"}`: for one that was paused, or disabled because it was broken. What was held goes out, oldest first, beside what is new. Takes no body.',
    scope,
    answers: [
      {
        status: 200,
        description: 'The endpoint, with `released` unless it was enabled before.',
        schema: 'WebhookEndpoint',
      },
    ],
    problems: [...bodyProblems, 'not_found'],
  },
  {
    id: 'rotateWebhookSecret',
    method: 'post',
    path: `${base}/{id}/rotate-secret`,
    tag: 'Webhooks',
    summary: 'Change the secret of a webhook endpoint',
    description:
      'The answer has the new `secret`, which is never shown again. Until the overlap ends each webhook has a signature by every secret, the newest first.',
    scope,
    body: { schema: rotateBody, isRequired: false, example: { overlap_seconds: 3600 }, notes: rotateBodyNotes },
    answers: [{ status: 200, description: 'The endpoint with its new `secret`.', schema: 'WebhookEndpoint' }],
    problems: [...bodyProblems, 'not_found'],
  },
  {
    id: 'testWebhookEndpoint',
    method: 'post',
    path: `${base}/{id}/test`,
    tag: 'Webhooks',
    summary: 'Try a webhook endpoint',
    description:
      'Sends a `ping` at once, whatever types the endpoint has; read the delivery to see what came back. Held, like all else, while the endpoint is paused or disabled. Takes no body.',
    scope,
    answers: [{ status: 202, description: 'The delivery of the ping.', schema: 'Delivery' }],
    problems: [...bodyProblems, 'not_found'],
  },
  {
    id: 'replayWebhooks',
    method: 'post',
    path: `${base}/{id}/replay`,
    tag: 'Webhooks',
    summary: 'Send a time in the past again',
    description:
      'Plans it and answers; the webhooks go out under their old `webhook-id`, beside what is new and more slowly. What is on its way already is left alone. Held deliveries are counted and go out when the endpoint is enabled.',
    scope,
    body: {
      schema: replayBody,
      isRequired: true,
      example: { since: '2026-10-06T00:00:00Z', until: '2026-10-07T00:00:00Z', only: 'failed' },
      notes: replayBodyNotes,
    },
    answers: [{ status: 202, description: 'Planned.', schema: 'Replay' }],
    problems: [...bodyProblems, 'not_found', 'replay_limit_reached'],
  },
  {
    id: 'cancelReplays',
    method: 'delete',
    path: `${base}/{id}/replay`,
    tag: 'Webhooks',
    summary: 'Cancel the replays of a webhook endpoint',
    description: 'Those that run take up nothing more; what they had taken up is still sent.',
    scope,
    answers: [{ status: 200, description: 'How many were running.', schema: 'ReplaysCancelled' }],
    problems: ['not_found'],
  },
];

const deliveries: readonly Operation[] = [
  {
    id: 'listDeliveries',
    method: 'get',
    path: `${base}/{id}/deliveries`,
    tag: 'Deliveries',
    summary: 'List the deliveries of a webhook endpoint',
    description: 'Newest first, without their attempts. Parameters narrow it down together.',
    scope,
    query: deliveryListQuery,
    answers: [{ status: 200, description: 'A page of deliveries.', schema: 'DeliveryList' }],
    problems: ['invalid_request', 'not_found'],
  },
  {
    id: 'getDelivery',
    method: 'get',
    path: '/v1/deliveries/{id}',
    tag: 'Deliveries',
    summary: 'Read a delivery with its attempts',
    description: 'What was sent, what your server answered, why it failed and when it is tried again.',
    scope,
    answers: [{ status: 200, description: 'The delivery with its `attempts`.', schema: 'Delivery' }],
    problems: ['not_found'],
  },
  {
    id: 'retryDelivery',
    method: 'post',
    path: '/v1/deliveries/{id}/retry',
    tag: 'Deliveries',
    summary: 'Send a delivery now',
    description:
      'Under the same `webhook-id`. One that waits is sent at once, a dead one starts anew, a delivered one is sent again; one that is being sent is left alone, and a second click within a moment is the first one. Takes no body.',
    scope,
    answers: [{ status: 202, description: 'The delivery as it stands; read it for the result.', schema: 'Delivery' }],
    problems: [...bodyProblems, 'not_found', 'not_retryable'],
  },
];

export const webhookOperations: readonly Operation[] = [...endpoints, ...endpointActions, ...deliveries];
