// The status strip as a page shows it. The gateway's worker is taken for alive and its statistics are counted up to this
// moment, as they are within a second in a server that runs.

import { countTransitions } from '../../src/payments/hourly-stats-relay.ts';
import { createHeartbeat } from '../../src/platform/worker-store.ts';
import type { TestGateway } from './build-gateway.ts';
import type { Visitor } from './console-visitor.ts';

export interface SeenStrip {
  tone: string;
  /** With its time and its full stop. */
  title: string;
  since: number | null;
  facts: string[];
  link: string | null;
}

export async function lookAtStrip(
  app: TestGateway,
  visitor: Visitor,
  { hasWorker = true, path = '/console?mode=test' } = {},
): Promise<SeenStrip> {
  const { core } = app.gateway;
  while ((await countTransitions(core)) > 0);
  // What was read in the last second is believed; a worker may beat before that second is over.
  await app.clock.advance(1100);
  if (hasWorker) await createHeartbeat(core.db, core.now).beat();
  const { status, html } = await visitor.get(path);
  if (status !== 200) throw new Error(`${path} answered ${status}: ${html.slice(0, 500)}`);
  return readStrip(html);
}

/** From the HTML of a page, or of the stream. */
export function readStrip(html: string): SeenStrip {
  const [, tone = '', body = ''] =
    /<div class="strip strip-(\w+)"[^>]*>(.*?)<span class="strip-clock"/s.exec(html) ?? [];
  const title = /<strong>(.*?)<\/strong>/s.exec(body)?.[1] ?? '';
  const since = /<time datetime="([^"]+)"/.exec(title)?.[1];
  return {
    tone,
    title: plain(title),
    since: since === undefined ? null : Date.parse(since),
    facts: [...body.matchAll(/<span aria-live="off">(.*?)<\/span>/gs)].map(([, text = '']) => plain(text)),
    link: /<a href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=') ?? null,
  };
}

const plain = (html: string): string =>
  html
    .replace(/<[^>]+>/g, '')
    .replaceAll('\u00a0', ' ')
    .trim();
