// JSON that is the same bytes whoever writes it: keys sorted, no blanks, whole numbers only. What is hashed is written by
// this and read back as it is, so a body that was changed by one byte no longer fits its hash.

import assert from 'node:assert/strict';

export type Canonical =
  | null
  | boolean
  | number
  | string
  | readonly Canonical[]
  | { readonly [name: string]: Canonical };

/** @throws AssertionError for a number with a fraction, or one too large to be exact: money here is whole cents */
export function canonicalJson(value: Canonical): string {
  assert(value !== undefined, 'nothing has no JSON');
  if (typeof value === 'number') assert(Number.isSafeInteger(value), `${value} is not a whole number`);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  // By code unit, as in RFC 8785.
  const pairs = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${pairs.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(',')}}`;
}
