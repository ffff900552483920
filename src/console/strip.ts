// The one line on top of every page: all clear with a few numbers that prove it, or the worst of what is wrong, with its
// cause, scope and start, what it means and one link. To whoever sees all tenants it speaks for the whole server, to
// others for their tenant.

import { categoryOf } from '../payments/hourly-stats.ts';
import { spanText } from '../platform/render.ts';
import type { Circle, ReadSituation, Situation } from './conditions-snapshot.ts';
import { type Condition, type Snapshot, sumOf } from './conditions-words.ts';
import { waitingNow } from './home-tiles.ts';
import { kes } from './payment-words.ts';
import type { Scope } from './scope.ts';
import type { Strip } from './shell-pages.ts';

/** The strip as its template takes it. */
export interface LiveStrip extends Strip {
  since: number | null;
  /** What ends the sentence. */
  stop: string;
  /** What makes it another strip than the one before: only then it is read out. */
  about: string;
}

/** Whoever may see all tenants is told of all of them, whichever is chosen. */
export function circleOf({ seesAll, tenants, tenantId, mode }: Scope): Circle {
  return { tenantId: seesAll ? null : tenantId, mode, tenants };
}

export function createStrips(readSituation: ReadSituation, now: () => number): (scope: Scope) => Promise<LiveStrip> {
  return async (scope) => {
    const circle = circleOf(scope);
    const [situation, live] = await Promise.all([
      readSituation(circle),
      // Who tries something out in test mode must not miss what happens in the real world.
      scope.mode === 'test' ? readSituation({ ...circle, mode: 'live' }) : null,
    ]);
    const worst = live?.conditions.find(({ tone, shortcodeIds }) => tone === 'bad' && shortcodeIds.length > 0);
    if (worst === undefined) return toStrip(situation, scope.mode, now());
    const conditions = [{ ...worst, title: `Live: ${worst.title}` }];
    return toStrip({ snapshot: situation.snapshot, conditions }, 'live', now());
  };
}

export function toStrip({ snapshot, conditions }: Situation, mode: string, now: number): LiveStrip {
  const [worst, ...others] = conditions;
  if (worst === undefined)
    return {
      tone: 'ok',
      icon: 'f-circle-check',
      title: 'All clear',
      since: null,
      stop: '',
      about: 'ok',
      facts: snapshot === null ? [] : calmFacts(snapshot),
      link: null,
      now,
    };
  const more = others.length === 0 ? [] : [`And ${others.length} more.`];
  return {
    tone: worst.tone,
    icon: 'f-alert-triangle',
    title: worst.title,
    since: worst.since,
    stop: '.',
    about: `${worst.kind} ${worst.shortcodeIds.join(' ')} ${worst.since ?? ''}`,
    facts: [worst.meaning, ...more],
    link: linkOf(worst, mode),
    now,
  };
}

/** Without a tenant: the strip speaks of all that its reader may see. */
export function linkOf({ link }: Pick<Condition, 'link'>, mode: string): { href: string; words: string } | null {
  if (link === null) return null;
  const query = new URLSearchParams({ mode, ...link.query });
  return { href: `${link.path}?${query}`, words: link.words };
}

const heldLongMs = 15_000;

/** Refusals of customers would drown a failure of ours: that share stands by itself. */
function calmFacts({ outcomes, waiting, shortcodes, now }: Snapshot): string[] {
  const ended = outcomes.filter(({ outcome }) => outcome !== 'unknown' && outcome !== 'needs_review');
  const count = sumOf(ended, (row) => row.count);
  const paid = sumOf(
    ended.filter(({ outcome }) => outcome === 'succeeded'),
    (row) => row.count,
  );
  const ours = ended.filter(({ failureCode }) => !['customer', null].includes(categoryOf(failureCode)));
  const shares =
    count === 0
      ? ['no payment ended in 15 min']
      : [
          `${percent(paid / count)} paid (15 min)`,
          `${percent(sumOf(ours, (row) => row.count) / count)} failed on our side or Safaricom’s`,
        ];
  const { held, sent, unsure, oldestCreatedAt } = waitingNow(waiting);
  const inFlight = held.count + sent.count;
  const heldSince = waiting.filter(({ status }) => status === 'queued').map((row) => row.oldestCreatedAt);
  const isHeld = held.count > 0 && Math.min(...heldSince) < now - heldLongMs;
  const calls = shortcodes.flatMap(({ lastCallbackAt }) => lastCallbackAt ?? []);
  return [
    ...shares,
    `${inFlight} in flight`,
    ...(isHeld ? [`${held.count} of them held back, never sent (${kes(held.kes)})`] : []),
    ...(oldestCreatedAt === null ? [] : [`oldest ${spanText(now - oldestCreatedAt)}`]),
    ...(unsure.count === 0 ? [] : [`${unsure.count} not sure yet`]),
    ...(calls.length === 0 ? [] : [`last callback ${spanText(now - Math.max(...calls))} ago`]),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}\u00a0%`;
}
