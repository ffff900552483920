// What a merchant may send about payments, as the schemas that check it; the API's description is made from the same.

import { z } from 'zod';
import { listQuery } from '../platform/listing.ts';
import { statuses } from './payment.ts';
import { normalisePhone } from './phone.ts';

const visibleText = /^[A-Za-z0-9 .-]*$/;

const phone = z.string('phone is a text such as "0712345678".').transform((text, context) => {
  const normalised = normalisePhone(text);
  if (normalised !== undefined) return normalised;
  context.addIssue({
    code: 'custom',
    message: 'Write a Kenyan mobile number such as 0712345678, 0110123456 or +254712345678.',
  });
  return z.NEVER;
});

const amount = z
  .int('amount is whole Kenya shillings, without decimals or quotes.')
  .min(1, 'amount is at least 1.')
  .max(250_000, 'amount is at most 250000 (M-PESA’s limit for one payment).');

const expiresIn = z
  .int('expires_in is whole seconds.')
  .min(60, 'expires_in is at least 60 seconds.')
  .max(86_400, 'expires_in is at most 86400 seconds.');

const metadata = z
  .record(
    z
      .string()
      .min(1, 'A key of metadata has 1 to 40 characters.')
      .max(40, 'A key of metadata has at most 40 characters.'),
    z.string('A value of metadata is a text.').max(500, 'A value of metadata has at most 500 characters.'),
    'metadata is an object of texts.',
  )
  .refine((pairs) => Object.keys(pairs).length <= 20, {
    error: 'metadata has at most 20 pairs.',
    params: { code: 'out_of_range' },
  });

export const paymentBody = z.strictObject(
  {
    amount,
    phone,
    reference: z
      .string('reference is a text of 1 to 12 characters; the customer sees it.')
      .trim()
      .min(1, 'reference has at least 1 character.')
      .max(12, 'reference has at most 12 characters; the customer sees it.')
      .regex(visibleText, 'reference may have letters, digits, blanks, dots and dashes.'),
    description: z
      .string('description is a text.')
      .trim()
      .min(1, 'description has at least 1 character.')
      .max(13, 'description has at most 13 characters.')
      .regex(visibleText, 'description may have letters, digits, blanks, dots and dashes.')
      .default('Payment'),
    shortcode: z
      .string('shortcode is a text of digits.')
      .regex(/^\d{5,7}$/, 'shortcode has 5 to 7 digits.')
      .optional(),
    metadata: metadata.default({}),
    expires_in: expiresIn.default(300),
    allow_duplicate: z.boolean('allow_duplicate is true or false.').default(false),
  },
  'The body is a JSON object.',
);

export const emptyBody = z.strictObject({}, 'This action takes no body.');

export const retryBody = z.strictObject({ expires_in: expiresIn.optional() }, 'The body is empty or a JSON object.');

const statusFilter = z.enum(statuses, `status is one of ${statuses.join(', ')}.`);

export const paymentListQuery = z.strictObject({
  ...listQuery,
  status: z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(statusFilter).optional()),
  reference: z
    .string('Give reference once.')
    .trim()
    .min(1, 'reference must not be empty.')
    .max(12, 'reference has at most 12 characters.')
    .optional(),
  phone: phone.optional(),
  receipt: z
    .string('Give receipt once.')
    .trim()
    .regex(/^[A-Za-z0-9]{4,20}$/, 'receipt is an M-PESA receipt such as UJ68K3W0QZ.')
    .toUpperCase()
    .optional(),
  shortcode: z
    .string('Give shortcode once.')
    .regex(/^\d{5,7}$/, 'shortcode has 5 to 7 digits.')
    .optional(),
});

const waitError = 'wait is a whole number of seconds from 1 to 55.';
const waitSeconds = z
  .string(waitError)
  .regex(/^\d{1,2}$/, waitError)
  .transform(Number)
  .pipe(z.number().min(1, waitError).max(55, waitError));

export const readQuery = z.strictObject({
  wait: waitSeconds.optional(),
  version: z
    .string('Give version once.')
    .regex(/^\d{1,9}$/, 'version is the version you have.')
    .transform(Number)
    .optional(),
});

/** Seconds of `Prefer: wait=N`, or undefined without one. Other preferences are ignored. @returns null when N is bad */
export function readPreferWait(header: string): number | undefined | null {
  const preference = header
    .split(',')
    .map((part) => part.trim())
    .find((part) => /^wait\s*(=|$)/i.test(part)); // prettier-ignore
  if (preference === undefined) return undefined;
  const parsed = waitSeconds.safeParse(/=\s*"?([^";]*)"?/.exec(preference)?.[1]?.trim() ?? '');
  return parsed.success ? parsed.data : null;
}
