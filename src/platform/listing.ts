// Lists: newest first, paged by keyset on (created_at, id), never by offset and without totals (api.md, lists). The
// cursor is opaque to the caller and says where the page before ended.

import { z } from 'zod';

export interface Position {
  createdAt: number;
  id: string;
}

export interface Page<T> {
  items: T[];
  hasMore: boolean;
}

const instant = z.iso
  .datetime({
    offset: true,
    error: 'Write a time in RFC 3339, for example 2026-10-06T11:15:00Z (in a query the + of an offset is %2B).',
  })
  .transform((text) => Date.parse(text));

const cursorText = z.string('Give cursor once.').transform((text, context): Position => {
  const match = /^(\d{1,15})\.([a-z]+_[0-9a-z]{26})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (match !== null) return { createdAt: Number(match[1]), id: match[2]! };
  context.addIssue({ code: 'custom', message: 'Use the next_cursor of the page before, unchanged.' });
  return z.NEVER;
});

/** The parameters every list takes. */
export const listQuery = {
  limit: z
    .string('Give limit once.')
    .regex(/^\d{1,3}$/, 'limit is a whole number from 1 to 100.')
    .transform(Number)
    .pipe(z.number().min(1, 'limit is from 1 to 100.').max(100, 'limit is from 1 to 100.'))
    .default(20),
  cursor: cursorText.optional(),
  created_after: instant.optional(),
  created_before: instant.optional(),
};

export interface ListWindow {
  limit: number;
  cursor?: Position | undefined;
  created_after?: number | undefined;
  created_before?: number | undefined;
}

/** The list object of the API. `present` makes the public form; the cursor comes from the items' own positions. */
export function listOf<T extends Position>(page: Page<T>, present: (item: T) => unknown): object {
  const last = page.items.at(-1);
  const next =
    page.hasMore && last !== undefined ? Buffer.from(`${last.createdAt}.${last.id}`).toString('base64url') : null;
  return { object: 'list', data: page.items.map(present), has_more: page.hasMore, next_cursor: next };
}
