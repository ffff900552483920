// The schema of the daily report. Strict, as those of answer-schemas.ts are.

import { z } from 'zod';
import { type FailureCode, failureCatalogue } from '../payments/failures.ts';
import { type Status, statuses } from '../payments/payment.ts';
import { idOf, keysOf, mode, time, whole } from './answer-parts.ts';

const count = whole.min(0);
const kes = whole.min(0).describe('Whole Kenya shillings.');
const sums = z.strictObject({ count, amount: kes });

const counted = {
  totals: z
    .strictObject({ count, amount: kes, amount_received: kes })
    .describe(
      'All payments made that day: what was asked for, and in `amount_received` what those that succeeded brought in, before M-PESA’s charges.',
    ),
  by_status: z
    .strictObject(Object.fromEntries(statuses.map((status) => [status, sums])) as Record<Status, typeof sums>)
    .describe('How they stand now; every status is there, with zeros where there is none.'),
  failures: z
    .array(
      z.strictObject({
        code: z.enum(keysOf<FailureCode>(failureCatalogue)),
        category: z.enum(['customer', 'network', 'provider', 'configuration']),
        count: whole.min(1),
        amount: kes,
      }),
    )
    .describe('Why payments failed, were cancelled or expired, most frequent first.'),
};

export const dailyReport = z
  .strictObject({
    object: z.literal('daily_report'),
    mode,
    date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
    timezone: z.literal('Africa/Nairobi'),
    from: time.describe('When the day began.'),
    to: time.describe('When it ended or will end; not in it any more.'),
    complete: z.boolean().describe('False for a day that is not over.'),
    currency: z.literal('KES'),
    ...counted,
    shortcodes: z
      .array(z.strictObject({ id: idOf('sc'), shortcode: z.string(), ...counted }))
      .describe('The same by shortcode, for those that had payments.'),
  })
  .describe('What became of the payments of one Nairobi day.');
