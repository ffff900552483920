// What a merchant may send about webhooks, as the schemas that check it; the API's description is made from the same.

import { z } from 'zod';
import { eventTypes, pingType } from '../events/event-store.ts';
import { listQuery } from '../platform/listing.ts';
import { deliveryStatuses } from './delivery.ts';
import { longestReplayMs, overlap } from './policy.ts';

const subscribable = ['*', ...eventTypes, pingType] as const;
const typesError = `A type is * or one of ${eventTypes.join(', ')}.`;

const url = z
  .string('url is a text such as "https://shop.example.co.ke/lango".')
  .trim()
  .min(1, 'url is the address that webhooks are sent to.')
  .max(2048, 'url has at most 2048 characters.');

/** `*` stands for all: beside others it makes them superfluous. */
const types = z
  .array(z.enum(subscribable, typesError), 'types is a list such as ["payment.succeeded"], or ["*"] for all.')
  .min(1, 'types names at least one type; ["*"] is all of them.')
  .transform((list): string[] => (list.includes('*') ? ['*'] : [...new Set(list)]));

const description = z
  .string('description is a text.')
  .trim()
  .max(255, 'description has at most 255 characters.')
  // SQLite would end the text at a NUL, and half of a surrogate pair would come back as something else.
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'description is one line, without control characters.')
  .nullable();

export const endpointBody = z.strictObject(
  { url, types: types.default(['*']), description: description.default(null) },
  'The body is a JSON object.',
);

export const endpointChangeBody = z.strictObject(
  {
    url: url.optional(),
    types: types.optional(),
    description: description.optional(),
    status: z.enum(['enabled', 'paused'], 'status is enabled or paused.').optional(),
  },
  'The body is a JSON object.',
);

/** One sentence about what is wrong with a URL, null when nothing is. */
export type FindUrlProblem = (url: string) => string | null;

/** With the rule for URLs, which depends on the mode and the operator's settings, so that all problems are told at once. */
export const endpointBodyFor = (findProblem: FindUrlProblem) => endpointBody.extend({ url: judged(findProblem) });
export const endpointChangeBodyFor = (findProblem: FindUrlProblem) =>
  endpointChangeBody.extend({ url: judged(findProblem).optional() });

/** What is no text of the right length is not judged as well. */
const judged = (findProblem: FindUrlProblem) =>
  url.pipe(
    z.string().superRefine((text, context) => {
      const problem = findProblem(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    }),
  );

export const rotateBody = z.strictObject(
  {
    overlap_seconds: z
      .int('overlap_seconds is whole seconds.')
      .min(0, 'overlap_seconds is at least 0.')
      .max(overlap.mostSeconds, `overlap_seconds is at most ${overlap.mostSeconds} (7 days).`)
      .default(overlap.defaultSeconds),
  },
  'The body is a JSON object.',
);

const instant = (name: string) =>
  z.iso
    .datetime({ offset: true, error: `${name} is a time in RFC 3339, for example 2026-10-06T11:15:00Z.` })
    .transform((text) => Date.parse(text));

export const replayBody = z
  .strictObject(
    {
      since: instant('since'),
      until: instant('until'),
      types: z.array(z.enum(eventTypes, typesError), 'types is a list of types.').min(1, typesError).optional(),
      only: z.enum(['failed', 'all'], 'only is failed (dead or held) or all.'),
    },
    'The body is a JSON object.',
  )
  // A time that cannot be read is NaN here, was refused already, and must not be found too early or too far away as well.
  .refine(({ since, until }) => !(until <= since), { error: 'until is later than since.', path: ['until'] })
  .refine(({ since, until }) => !(until - since > longestReplayMs), {
    error: 'A replay covers at most 30 days. Ask for several.',
    path: ['since'],
    params: { code: 'out_of_range' },
  });

export const emptyBody = z.strictObject({}, 'This takes no body, or {}.');

export const deliveryListQuery = z.strictObject({
  ...listQuery,
  status: z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(z.enum(deliveryStatuses, `status is one of ${deliveryStatuses.join(', ')}.`)).optional(),
  ),
  event: z
    .string('Give event once.')
    .regex(/^evt_[0-9a-z]{26}$/, 'event is the id of an event: evt_ and 26 characters.')
    .optional(),
});

export const endpointListQuery = z.strictObject(listQuery);
