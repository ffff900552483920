// What the schemas of answers are put together from: ids, times, the list around a page. Kept apart so that the schemas
// of payments and those of webhooks may stand in files of their own.

import { z } from 'zod';

export const keysOf = <K extends string>(record: Readonly<Record<K, unknown>>): [K, ...K[]] =>
  Object.keys(record) as [K, ...K[]];

export const idOf = (prefix: string): z.ZodString => z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`));

export const time = z.iso.datetime();

export const whole = z.int();

export const mode = z
  .enum(['test', 'live'])
  .describe('The mode of the key; objects of the other mode do not exist for it.');

export const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    next_cursor: z.string().nullable().describe('For `cursor` of the next page; null on the last.'),
  });
