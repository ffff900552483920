// The four tiles of Home: the last hour against the same time last week, and what waits now. Each is a link to the
// payments behind it; a note turns bad only where the difference is more than chance.

import { numberText, spanText } from '../platform/render.ts';
import type { Waiting } from './conditions-store.ts';
import { type Sum, sumWaiting, type WaitingSums } from './conditions-words.ts';
import type { WindowFigures } from './home-figures.ts';

export interface Tile {
  label: string;
  /** Before the value, small; null for none. */
  unitBefore: string | null;
  value: string;
  unitAfter: string | null;
  note: string;
  icon: 'arrow-up-right' | 'arrow-down-right' | 'minus' | 'clock';
  isBad: boolean;
  href: string;
}

/** What waits now; of those nobody is sure about, their age says nothing about how it goes now. */
export interface WaitingNow extends WaitingSums {
  unsure: Sum;
}

export function waitingNow(waiting: readonly Waiting[]): WaitingNow {
  const unsure = waiting.filter(({ status }) => status === 'unknown');
  const others = waiting.filter(({ status }) => status !== 'unknown');
  return { ...sumWaiting(others, null), unsure: sumWaiting(unsure, null).sent };
}

/** Below so many payments a difference says nothing. */
const fewest = 20;
const dropShare = 0.15;
const dropPoints = 2;
const slowerSeconds = 5;
const waitsLongMs = 5 * 60_000;

type Note = Pick<Tile, 'note' | 'icon' | 'isBad'>;

/** @param hrefOf the payments list with these values in its address */
export function tilesOf(
  now: WindowFigures,
  before: WindowFigures,
  waiting: WaitingNow,
  at: number,
  hrefOf: (query: Record<string, string>) => string,
): Tile[] {
  const seconds = now.medianSeconds;
  const all = waiting.held.count + waiting.sent.count + waiting.unsure.count;
  return [
    {
      label: 'Paid',
      unitBefore: 'KES',
      value: numberText(now.paidKes),
      unitAfter: null,
      href: hrefOf({ view: 'paid', t: '1h' }),
      ...paidNote(now, before),
    },
    {
      label: 'Success rate',
      unitBefore: null,
      value: now.rate === null ? '–' : (now.rate * 100).toFixed(1),
      unitAfter: now.rate === null ? null : '\u00a0%',
      href: hrefOf({ t: '1h' }),
      ...rateNote(now, before),
    },
    {
      label: 'Prompt to paid, median',
      unitBefore: null,
      value: seconds === null ? '–' : seconds.toFixed(1),
      unitAfter: seconds === null ? null : '\u00a0s',
      href: hrefOf({ view: 'paid', t: '1h' }),
      ...speedNote(now, before),
    },
    {
      label: 'Waiting now',
      unitBefore: null,
      value: numberText(all),
      unitAfter: null,
      href: hrefOf({ view: 'waiting' }),
      ...waitingNote(waiting, at),
    },
  ];
}

const same = (words: string): Note => ({ note: words, icon: 'minus', isBad: false });

function paidNote(now: WindowFigures, before: WindowFigures): Note {
  if (before.paidKes === 0) return same('nothing in this hour a week ago');
  const change = now.paidKes / before.paidKes - 1;
  if (Math.abs(change) < 0.005) return same(`same as ${numberText(before.paidKes)}`);
  const much = `${Math.abs(change * 100).toFixed(1)}\u00a0% ${change > 0 ? 'more' : 'less'} than ${numberText(before.paidKes)}`;
  const isBad = change < -dropShare && before.paid >= fewest;
  return { note: much, icon: change > 0 ? 'arrow-up-right' : 'arrow-down-right', isBad };
}

function rateNote(now: WindowFigures, before: WindowFigures): Note {
  if (now.rate === null) return same('no payment ended');
  if (before.rate === null) return same('nothing in this hour a week ago');
  const points = (now.rate - before.rate) * 100;
  const then = `${(before.rate * 100).toFixed(1)}\u00a0%`;
  if (Math.abs(points) < 0.15) return same(`same as ${then}`);
  const note = `${Math.abs(points).toFixed(1)} points ${points > 0 ? 'above' : 'below'} ${then}`;
  const isBad = points <= -dropPoints && now.ended >= fewest;
  return { note, icon: points > 0 ? 'arrow-up-right' : 'arrow-down-right', isBad };
}

function speedNote({ medianSeconds: now, paid }: WindowFigures, { medianSeconds: before }: WindowFigures): Note {
  if (now === null) return same('nothing was paid');
  if (before === null) return same('nothing in this hour a week ago');
  const slower = now - before;
  const then = `${before.toFixed(1)}\u00a0s`;
  if (Math.abs(slower) < 0.25) return same(`same as ${then}`);
  const note = `${Math.abs(slower).toFixed(1)}\u00a0s ${slower > 0 ? 'slower' : 'faster'} than ${then}`;
  const isBad = slower >= slowerSeconds && paid >= fewest;
  return { note, icon: slower > 0 ? 'arrow-up-right' : 'arrow-down-right', isBad };
}

function waitingNote({ held, sent, unsure, oldestCreatedAt }: WaitingNow, at: number): Note {
  const age = oldestCreatedAt === null ? 0 : at - oldestCreatedAt;
  const parts = [
    ...(held.count === 0 ? [] : [`${numberText(held.count)} held back`]),
    ...(sent.count === 0 ? [] : [`${numberText(sent.count)} sent, no answer yet`]),
    ...(unsure.count === 0 ? [] : [`${numberText(unsure.count)} not sure yet`]),
    ...(oldestCreatedAt === null ? [] : [`oldest ${spanText(age)}`]),
  ];
  if (parts.length === 0) return same('no payment is under way');
  return { note: parts.join(' · '), icon: 'clock', isBad: age > waitsLongMs };
}
