// Reads every page that links of the console lead to, as one visitor. Pages of a kind differ by what they show, not by how
// a list is filtered, so that a few addresses of each kind are enough.

import type { Visit, Visitor } from './console-visitor.ts';

const mostOfAKind = 6;

/** `/console/payments/pay_01k…?mode=test` as `/console/payments/pay_` */
const kindOf = (path: string): string => path.replace(/\?.*/, '').replace(/_[0-9a-z]{26}/g, '_');

/** The links of a page that stay in the console. */
export function linksIn(html: string): string[] {
  const hrefs = [...html.matchAll(/href="(\/console[^"]*)"/g)].map(([, href = '']) => href);
  return hrefs.map((href) => href.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=').replace(/#.*/, ''));
}

/** @param onPage given every answer, redirects and files too @returns the kinds of pages that were reached */
export async function crawl(
  visitor: Visitor,
  start: string,
  onPage: (path: string, visit: Visit) => void,
): Promise<Set<string>> {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  const next = [start];
  // The nearest first: what is far away is reached by more and more ways that show the same.
  for (let path = next.shift(); path !== undefined; path = next.shift()) {
    const kind = kindOf(path);
    const count = counts.get(kind) ?? 0;
    if (seen.has(path) || count >= mostOfAKind) continue;
    seen.add(path);
    counts.set(kind, count + 1);
    const visit = await visitor.get(path);
    onPage(path, visit);
    if (/^text\/html/.test(visit.headers.get('content-type') ?? '')) next.push(...linksIn(visit.html));
  }
  return new Set(counts.keys());
}
