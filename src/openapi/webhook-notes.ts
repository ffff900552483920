// The prose of webhooks: what each type, status and field means, and how to receive what is sent. Every number in it is
// read from the policy that the worker follows and every class of failure from the table it writes, so that the page
// cannot say anything else than the gateway does. The example is signed by the very package that signs webhooks.

import { Webhook } from 'standardwebhooks';
import type { EventType, pingType } from '../events/event-store.ts';
import { attemptErrors } from '../webhooks/attempt.ts';
import type { DeliveryStatus, Trigger } from '../webhooks/delivery.ts';
import type { EndpointStatus } from '../webhooks/endpoint.ts';
import { pauseMs } from '../webhooks/endpoint-health.ts';
import * as policy from '../webhooks/policy.ts';
import { exampleId, type FieldNote, paymentExample } from './notes.ts';

const units: readonly [ms: number, one: string, many: string][] = [
  [86_400_000, 'day', 'days'],
  [3_600_000, 'hour', 'hours'],
  [60_000, 'minute', 'minutes'],
  [1000, 'second', 'seconds'],
];

/** A span in the largest unit in which it is whole: `5 seconds`, `1 minute`, `30 days`. */
export function wordsOf(ms: number): string {
  const [unit, one, many] = units.find(([size]) => ms >= size && ms % size === 0) ?? units.at(-1)!;
  return `${ms / unit} ${ms === unit ? one : many}`;
}

export const eventTypeNotes: Readonly<Record<EventType | typeof pingType, string>> = {
  'payment.pending': 'M-PESA took the request; the customer is being asked.',
  'payment.succeeded': 'Paid.',
  'payment.failed': 'Not paid; `failure` says why and on whose side.',
  'payment.cancelled': 'The customer cancelled the prompt, or you cancelled the payment before it was sent.',
  'payment.expired': 'Not paid in time. `payment.succeeded` may still follow, for up to seven days.',
  'payment.needs_review': 'What arrived does not fit, or M-PESA never answered. An operator decides.',
  'payment.unknown': 'M-PESA has given no clear answer. Do not ask the customer to pay again.',
  'payment.updated': 'The same status, but a receipt was found later or a flag changed.',
  'webhook_endpoint.failing': 'Another endpoint of yours fails. Told to your other endpoints, never to itself.',
  'webhook_endpoint.disabled':
    'Another endpoint of yours was disabled; `disabled_reason` says why. What waits for it is held.',
  ping: 'You asked for a test. Nothing has happened.',
};

export const endpointStatusNotes: Readonly<Record<Exclude<EndpointStatus, 'deleted'>, string>> = {
  enabled: 'is sent webhooks',
  paused: 'was paused by you, and its deliveries are held',
  disabled: 'was given up because it is broken, and its deliveries are held',
};

export const deliveryStatusNotes: Readonly<Record<DeliveryStatus, string>> = {
  pending: 'waits for its next attempt',
  sending: 'is on its way',
  delivered: 'your server answered 2xx',
  held: 'waits until its endpoint is enabled',
  dead: 'was given up after the last attempt: retry it, or replay',
  cancelled: 'its endpoint was deleted',
};

export const triggerNotes: Readonly<Record<Trigger, string>> = {
  first: 'the event was new',
  retry: 'the attempt before had failed',
  manual: 'somebody asked for it',
  replay: 'it was part of a replay',
  test: 'somebody tried the endpoint',
};

const typesNote = 'A list of event types, or `["*"]` for all of them, which a new endpoint has without it.';
const urlNote =
  'Where webhooks are sent: https (in test mode http too), a host on the public internet, no user name, no fragment. In live mode the host is a name.';

/** Fields of the bodies that make and change endpoints. */
export const endpointBodyNotes: Readonly<Record<string, FieldNote>> = {
  url: { description: urlNote, example: 'https://shop.example.co.ke/lango' },
  types: { description: typesNote, example: ['payment.succeeded', 'payment.failed'] },
  description: { description: 'For yourself.', example: 'The shop' },
  status: { description: '`paused` holds its deliveries; `enabled` lets them go.', example: 'paused' },
};

export const rotateBodyNotes: Readonly<Record<string, FieldNote>> = {
  overlap_seconds: {
    description: `How long the secrets before it go on signing, beside the new one: at most ${wordsOf(policy.overlap.mostSeconds * 1000)}. 0 ends them at once.`,
    example: policy.overlap.defaultSeconds,
  },
};

export const replayBodyNotes: Readonly<Record<string, FieldNote>> = {
  since: {
    description: `Events from this time on (RFC 3339), less than ${wordsOf(policy.keepBodiesMs)} ago.`,
    example: '2026-10-06T00:00:00Z',
  },
  until: {
    description: `Events before this time; at most ${wordsOf(policy.longestReplayMs)} after \`since\`.`,
    example: '2026-10-07T00:00:00Z',
  },
  types: {
    description: 'Only these types. Without it all that the endpoint subscribes to.',
    example: ['payment.succeeded'],
  },
  only: {
    description:
      '`failed`: what is dead, or held. `all`: every event of the time, also what arrived already and what was recorded before the endpoint was made.',
    example: 'failed',
  },
};

/** The three headers of a webhook. */
export const webhookHeaderNotes = {
  'webhook-id':
    'The event’s id, the same at every attempt and at every replay. One you have seen before is the same webhook again.',
  'webhook-timestamp': 'When this attempt was sent: seconds since 1970. Refuse what is more than five minutes away.',
  'webhook-signature':
    'One or more signatures with a space between them, each `v1,` and the base64 of the HMAC-SHA256. Several while a rotation overlaps: one that fits is enough.',
} as const;

/** 32 bytes that say what they are. */
const exampleSecret = `whsec_${Buffer.from('an example and no secret of ours').toString('base64')}`;

/** A webhook as it goes over the wire; the signature is a true one. */
export const webhookExample = signedExample();

function signedExample(): { secret: string; headers: Record<keyof typeof webhookHeaderNotes, string>; body: string } {
  const id = exampleId.replace('pay', 'evt');
  const at = new Date('2026-10-06T11:15:51.100Z');
  const body = JSON.stringify({
    type: 'payment.succeeded',
    timestamp: paymentExample.completed_at,
    data: paymentExample,
  });
  return {
    secret: exampleSecret,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(exampleSecret).sign(id, at, body),
    },
    body,
  };
}

export interface GuidePart {
  title: string;
  paragraphs: readonly string[];
  words?: readonly { name: string; note: string }[];
}

const entriesOf = (notes: Readonly<Record<string, string>>) =>
  Object.entries(notes).map(([name, note]) => ({ name, note }));

/** Statuses after which the whole endpoint is left alone for a while. */
const pausing = Array.from({ length: 200 }, (_, index) => 400 + index).filter(
  (statusCode) => pauseMs({ statusCode, error: 'server_error', retryAfterMs: null }) > 0,
);

const waits = policy.scheduleMs.map((ms) => (ms === 0 ? 'at once' : wordsOf(ms)));
const hoursInAll = (policy.scheduleMs.reduce((sum, ms) => sum + ms, 0) / 3_600_000).toFixed(1);
const [longTell, ...longerTells] = policy.notices.whenFailingForMs.map(wordsOf);

/** How to receive webhooks, part by part; paragraphs are Markdown without links. */
export const webhookGuide: readonly GuidePart[] = [
  {
    title: 'What is sent',
    paragraphs: [
      'Each event is sent as a `POST` to every enabled endpoint of the same mode that subscribes to its type. The body is `{"type","timestamp","data"}`, with `data` as the payment was at that moment: it is frozen, and every attempt sends the same bytes. The form is that of Standard Webhooks 1.0.0.',
    ],
    words: entriesOf(eventTypeNotes),
  },
  {
    title: 'Verify every webhook',
    paragraphs: [
      'Anybody may POST to your URL, so believe nothing before the signature is verified. Use a library of standardwebhooks.com, or do what it does: join `webhook-id`, `webhook-timestamp` and the body as it came, byte for byte, with a dot between them; make the HMAC-SHA256 of that, with the bytes of which the secret behind `whsec_` is the base64; and compare its base64, in constant time, with each signature in `webhook-signature`. A body that was parsed and written again does not verify.',
    ],
    words: entriesOf(webhookHeaderNotes),
  },
  {
    title: 'Twice, and out of order',
    paragraphs: [
      'A webhook arrives at least once: when your answer is lost on its way, it comes again. Store the `webhook-id` of what you have handled, and answer 2xx to one that you know without doing anything.',
      'The order is not promised: a retry may come after a newer event. `data.version` grows with each change of a payment; keep the highest you have seen of each payment and drop what is not higher. Or take the webhook as a hint and read the payment.',
    ],
  },
  {
    title: 'Answer soon',
    paragraphs: [
      `Any 2xx means that it is yours now. Store it, answer, and work afterwards: the whole answer must be there within the operator’s limit (\`WEBHOOK_TIMEOUT_MS\`), at most ${wordsOf(policy.totalTimeoutMs)}, and the connection within ${wordsOf(policy.connectTimeoutMs)}.`,
      `Everything else has failed and is tried again, 3xx too: redirects are not followed. After ${pausing.join(', ')} or a timeout the whole endpoint is left alone for at least ${wordsOf(policy.pauseAtLeastMs)}, or as long as your \`Retry-After\` says, up to ${wordsOf(policy.retryAfterAtMostMs)}. 410 disables the endpoint.`,
    ],
  },
  {
    title: 'When it is tried again',
    paragraphs: [
      `At most ${waits.length} attempts: ${waits[0]}, then ${waits.slice(1).join(', ')} after the one before, each wait up to ${policy.jitter * 100} % shorter or longer; ${hoursInAll} hours in all. Then the delivery is \`dead\`. It is not lost: retry it, or replay a time of up to ${wordsOf(policy.longestReplayMs)}, and it goes out again under the same \`webhook-id\`. Replays and released deliveries go out beside what is new, more slowly.`,
      `An endpoint of which ${policy.breaker.failedShare * 100} % of at least ${policy.breaker.leastAttempts} attempts in ${policy.breaker.windowMinutes} minutes failed, or ${policy.breaker.timeoutsInRow} in a row timed out, is left alone for ${wordsOf(policy.breaker.firstOpenMs)}, then longer and longer, up to ${wordsOf(policy.breaker.longestOpenMs)}. That uses no attempts up.`,
    ],
  },
  {
    title: 'When an endpoint fails for long',
    paragraphs: [
      `Your other endpoints (\`webhook_endpoint.failing\`) and the operator are told at the ${policy.notices.atFailure}th failure of a delivery, and when there was no success for ${[longTell, ...longerTells].join(' and for ')}; at most once in ${wordsOf(policy.notices.atMostEveryMs)}. After ${wordsOf(policy.autoDisable.failingForMs)} without a success and ${policy.autoDisable.failures} failures it is disabled.`,
      'While an endpoint is paused or disabled, its deliveries are held and none is lost. Enable it, and they go out, oldest first.',
    ],
  },
  {
    title: 'Secrets',
    paragraphs: [
      `A secret is shown once, in the answer that made it. Rotating makes a new one; the old one goes on signing beside it for ${wordsOf(policy.overlap.defaultSeconds * 1000)}, or as long as you say, up to ${wordsOf(policy.overlap.mostSeconds * 1000)}, so that you can change over without missing a webhook.`,
    ],
  },
  {
    title: 'Why an attempt failed',
    paragraphs: ['`error` of an attempt, and `last_error` of a delivery:'],
    words: entriesOf(attemptErrors),
  },
  {
    title: 'What is kept',
    paragraphs: [
      `Bodies of events and of your answers are removed after ${wordsOf(policy.keepBodiesMs)}; from then on \`data\` of the event is null and its webhook cannot be sent again. What still waits to be delivered keeps its body.`,
    ],
  },
];

/** The guide as one text, for the description. */
export const webhookGuideText = webhookGuide
  .map(({ title, paragraphs, words = [] }) =>
    [`### ${title}`, ...paragraphs, words.map(({ name, note }) => `- \`${name}\`: ${note}`).join('\n')]
      .filter((text) => text !== '')
      .join('\n\n'),
  )
  .join('\n\n');
