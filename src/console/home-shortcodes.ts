// How each shortcode fares, in the last quarter of an hour. Customers who decline say nothing about health; one that has
// no traffic is called quiet, because nobody knows whether it works.

import { spanText } from '../platform/render.ts';
import { answerMs } from './conditions-pushes.ts';
import { type Condition, type Snapshot, shortcodeName, sumOf } from './conditions-words.ts';
import { sideOf } from './home-figures.ts';
import type { Word } from './status-words.ts';

export interface ShortcodeRow extends Word {
  name: string;
  href: string;
  owner: string;
  since: number | null;
  /** Behind the time, or alone. */
  sub: string | null;
  paid: string;
  answeredIn: string;
  lastCallback: string;
}

const minuteMs = 60_000;
const mostRows = 10;
const troubledShare = 0.2;
const fewestToJudge = 5;

const words = {
  up: { word: 'Up', icon: 'f-circle-check', tone: 'ok' },
  quiet: { word: 'Quiet', icon: 'minus', tone: 'mute' },
  paused: { word: 'Paused', icon: 'player-pause', tone: 'mute' },
  degraded: { word: 'Degraded', icon: 'alert-triangle', tone: 'warn' },
  down: { word: 'Down', icon: 'f-circle-x', tone: 'bad' },
} as const satisfies Record<string, Word>;
type State = keyof typeof words;

/** The worst first. */
const rank: readonly State[] = ['down', 'degraded', 'paused', 'up', 'quiet'];

export function shortcodeRows(
  snapshot: Snapshot,
  conditions: readonly Condition[],
  hrefOf: (path: string) => string,
): { rows: ShortcodeRow[]; more: number } {
  const all = snapshot.shortcodes.map((shortcode) => {
    const pushes = snapshot.pushes.filter(({ shortcodeId }) => shortcodeId === shortcode.id);
    const ended = snapshot.outcomes.filter(
      ({ shortcodeId, outcome }) => shortcodeId === shortcode.id && outcome !== 'unknown' && outcome !== 'needs_review',
    );
    const count = sumOf(ended, (row) => row.count);
    const troubled = ended.filter((row) => row.failureCode !== '' && sideOf(row.failureCode) !== 'customer');
    const own = conditions.find(({ shortcodeIds }) => shortcodeIds.includes(shortcode.id));
    const taken = pushes.filter(
      ({ outcome, lastAt }) => outcome === 'accepted' && lastAt > snapshot.now - 5 * minuteMs,
    );
    const share = count < fewestToJudge ? 0 : sumOf(troubled, (row) => row.count) / count;
    const state = stateOf(shortcode.status, own, taken.length > 0, share, count + pushes.length);
    return { shortcode, pushes, ended, count, state, own };
  });
  all.sort((a, b) => rank.indexOf(a.state) - rank.indexOf(b.state) || b.count - a.count);
  const rows = all.slice(0, mostRows).map(({ shortcode, pushes, ended, count, state, own }): ShortcodeRow => {
    const name = shortcodeName(shortcode);
    const ms = answerMs(pushes);
    const paid = sumOf(
      ended.filter(({ outcome }) => outcome === 'succeeded'),
      (row) => row.count,
    );
    const { lastCallbackAt } = shortcode;
    const isTroubled = (state === 'down' || state === 'degraded') && own !== undefined;
    return {
      ...words[state],
      name: name[0]!.toUpperCase() + name.slice(1),
      href: hrefOf(`/console/shortcodes/${shortcode.id}`),
      owner: snapshot.tenants.get(shortcode.tenantId) ?? '',
      since: isTroubled ? own.since : null,
      sub: isTroubled ? subOf(own) : null,
      paid: count === 0 ? '–' : `${((paid / count) * 100).toFixed(1)}\u00a0%`,
      answeredIn: state === 'down' ? 'no answer' : ms === null ? '–' : `${(ms / 1000).toFixed(1)}\u00a0s`,
      lastCallback: lastCallbackAt === null ? 'none yet' : `${spanText(snapshot.now - lastCallbackAt)} ago`,
    };
  });
  return { rows, more: Math.max(0, all.length - mostRows) };
}

function stateOf(
  status: 'active' | 'paused',
  condition: Condition | undefined,
  isTaken: boolean,
  troubledNow: number,
  traffic: number,
): State {
  if (status === 'paused') return 'paused';
  if (condition?.kind === 'pushes_failing') return isTaken ? 'degraded' : 'down';
  if (condition?.kind === 'settings_refused') return 'down';
  if (condition?.kind === 'no_callbacks' || troubledNow > troubledShare) return 'degraded';
  return traffic === 0 ? 'quiet' : 'up';
}

function subOf({ kind, tone }: Condition): string | null {
  if (kind === 'pushes_failing') return 'prompts fail';
  if (kind === 'settings_refused') return 'settings refused';
  return kind === 'no_callbacks' && tone === 'bad' ? 'no callbacks' : null;
}
