// Which stretches of time a source has told completely, as plain spans: what is not in it by then is missing there.

/** From and to, both included, in milliseconds. */
export interface Span {
  from: number;
  to: number;
}

/** M-PESA's sources may tell a payment this long after it was made (reconciliation.md, inverse pass). */
export const tellsWithinMs = 2 * 3_600_000;

/** One file ends at 23:59:59 and the next begins at 00:00:00. */
const gapMs = 1000;

/** The same stretches, in order, with those that meet joined. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((left, right) => left.from - right.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to + gapMs) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

/** Whether one source tells everything from `from` until two hours after `to`. @param bySource merged spans of each source */
export function covers(bySource: readonly (readonly Span[])[], from: number, to: number): boolean {
  return bySource.some((spans) => spans.some((span) => span.from <= from && to + tellsWithinMs <= span.to));
}
