// Where the time of a payment went: the facts its timeline tells, and the bar that shows its statuses one after the
// other. The bar is an SVG made here, with x in per cent and y in pixels, so that it stretches and its letters do not
// (mock/README, rule 1). Its title says in words what it shows.

import type { Verdict } from '../payments/evidence.ts';
import type { Transition } from '../payments/evidence-store.ts';
import { negativeStatuses, type Payment, type Status } from '../payments/payment.ts';
import { readPaidAt } from './payment-exchange.ts';
import type { FullEvidence } from './payment-page-store.ts';
import type { StoryFacts } from './payment-story.ts';
import { clockWords } from './payment-words.ts';
import { statusWords } from './status-words.ts';

export function factsOf(
  payment: Payment,
  transitions: readonly Transition[],
  evidence: readonly FullEvidence[],
): StoryFacts {
  const proofs = evidence.filter(({ strength, verdict }) => strength === 'A' && !isForeign(verdict));
  const paidTimes = proofs.map((proof) => readPaidAt(proof, payment.createdAt)).filter((at) => at !== null);
  return {
    paidAt: paidTimes[0] ?? null,
    unsureAt: transitions.find(({ to }) => to === 'unknown')?.at ?? null,
    deniedAt: transitions.find(({ to }) => negativeStatuses.has(to))?.at ?? null,
    callbacks: evidence.filter(({ source, verdict }) => source === 'callback' && !isForeign(verdict)).length,
    queries: evidence.filter(({ source, strength }) => source === 'query' && strength !== 'B').length,
  };
}

/** What proves nothing about this payment: it has the ids of another push, or cannot be read. */
const isForeign = (verdict: Verdict): boolean => verdict === 'forged_ids' || verdict === 'unreadable';

interface Phase {
  status: Status;
  from: number;
  /** Null: it lasts. */
  to: number | null;
}

export interface Life {
  title: string;
  bars: { fill: string; x: string; width: string }[];
  ticks: { x: string; isPaid: boolean }[];
  top: Label[];
  bottom: Label[];
  swatches: { fill: string; word: string; lasted: string | null }[];
}

interface Label {
  x: string;
  text: string;
  isEnd: boolean;
  dx: number;
}

const fills: Readonly<Record<Status, string>> = {
  queued: 'f-t2',
  submitting: 'f-wait',
  pending: 'f-wait',
  succeeded: 'f-paid',
  failed: 'f-provider',
  cancelled: 'f-customer',
  expired: 'f-customer',
  unknown: 'f-unsure',
  needs_review: 'f-settings',
};

/** Sending is a moment of waiting, too short to be told apart. */
const wordOf = (status: Status): string => statusWords[status === 'submitting' ? 'pending' : status].word;
const finals: ReadonlySet<Status> = new Set(['succeeded', ...negativeStatuses]);
/** What is final lasts: it is shown as the last part of the bar. */
const lastShare = 0.08;

export function lifeOf(
  payment: Payment,
  transitions: readonly Transition[],
  facts: Pick<StoryFacts, 'paidAt'>,
  now: number,
): Life {
  const { createdAt, expiresAt } = payment;
  const phases = phasesOf(payment, transitions);
  const knownAt = phases.at(-1)!.from;
  const isFinal = finals.has(payment.status);
  const whole = Math.max(1, isFinal ? (knownAt - createdAt) / (1 - lastShare) : now - createdAt);
  const share = (at: number): number => Math.min(100, Math.max(0, (100 * (at - createdAt)) / whole));
  const bars = phases.map(({ status, from, to }) => {
    const end = to === null ? 100 : share(to);
    return { fill: fills[status], x: percent(share(from)), width: percent(Math.max(0.4, end - share(from) - 0.2)) };
  });
  const { paidAt } = facts;
  const expiry = share(expiresAt);
  const showsExpiry = expiry > 2 && expiry < 100;
  return {
    title: titleOf(phases, paidAt, now),
    bars,
    ticks: [
      { x: percent(0), isPaid: false },
      ...(showsExpiry ? [{ x: percent(expiry), isPaid: false }] : []),
      ...(paidAt === null ? [] : [{ x: percent(share(paidAt)), isPaid: true }]),
      ...(isFinal ? [{ x: percent(share(knownAt)), isPaid: payment.status === 'succeeded' }] : []),
    ],
    top: topLabels(payment, paidAt, isFinal ? knownAt : null, share, now),
    bottom: [
      { x: percent(0), text: `Asked ${clockWords(createdAt, now)}`, isEnd: false, dx: 0 },
      ...(showsExpiry && expiry > 34 ? [labelAt(expiry, `Expired ${clockWords(expiresAt, now)}`, 62)] : []),
    ],
    swatches: swatchesOf(phases),
  };
}

const shortestQueueMs = 1000;

/** One after the other; neighbours that are called the same are one. */
function phasesOf({ status, createdAt }: Payment, transitions: readonly Transition[]): Phase[] {
  const first: Status = transitions[0]?.from ?? status;
  const phases: Phase[] = [{ status: first, from: createdAt, to: null }];
  for (const { to, at } of transitions) {
    const last = phases.at(-1)!;
    if (wordOf(last.status) === wordOf(to)) continue;
    last.to = at;
    phases.push({ status: to, from: at, to: null });
  }
  // What was sent at once was not queued for as long as anybody could see.
  const [queued, next] = phases;
  const wasSentAtOnce = queued?.status === 'queued' && next !== undefined && next.from - queued.from < shortestQueueMs;
  const seen = wasSentAtOnce ? [{ ...next, from: queued.from }, ...phases.slice(2)] : phases;
  return seen.filter(({ from, to }) => to !== from);
}

/** Both labels fit beside each other only while the customer's is far to the left. */
const farLeft = 12;

function topLabels(
  { status }: Payment,
  paidAt: number | null,
  knownAt: number | null,
  share: (at: number) => number,
  now: number,
): Label[] {
  if (knownAt === null)
    return paidAt === null ? [] : [labelAt(share(paidAt), `Customer paid ${clockWords(paidAt, now)}`, 50)];
  const known = (text: string): Label => labelAt(share(knownAt), text, 0);
  if (status !== 'succeeded' || paidAt === null) return [known(`${wordOf(status)} ${clockWords(knownAt, now)}`)];
  const [paid, knew] = [clockWords(paidAt, now), clockWords(knownAt, now)];
  if (share(paidAt) > farLeft) return [known(paid === knew ? `Paid ${paid}` : `Paid ${paid}, we knew ${knew}`)];
  return [labelAt(share(paidAt), `Customer paid ${paid}`, 100), known(`We knew ${knew}`)];
}

/** Beside its place: to the right as far as `startsUntil` per cent, then to the left. */
function labelAt(x: number, text: string, startsUntil: number): Label {
  const isEnd = x > startsUntil;
  return { x: percent(x), text, isEnd, dx: isEnd ? -6 : 6 };
}

function titleOf(phases: readonly Phase[], paidAt: number | null, now: number): string {
  const told = phases.map(({ status, from, to }) => {
    const until = to === null ? `since ${clockWords(from, now)}` : `until ${clockWords(to, now)}`;
    return `${wordOf(status)} ${until}`;
  });
  const paid = paidAt === null ? '' : ` The customer paid at ${clockWords(paidAt, now)}.`;
  return `Asked at ${clockWords(phases[0]!.from, now)}. ${told.join(', ')}.${paid}`;
}

function swatchesOf(phases: readonly Phase[]): Life['swatches'] {
  const words = [...new Set(phases.map(({ status }) => wordOf(status)))];
  return words.map((word) => {
    const own = phases.filter(({ status }) => wordOf(status) === word);
    const lasts = own.some(({ to }) => to === null);
    const ms = own.reduce((sum, { from, to }) => sum + (to === null ? 0 : to - from), 0);
    return { fill: fills[own[0]!.status], word, lasted: lasts ? null : lastedText(ms) };
  });
}

const percent = (value: number): string => `${Math.round(value * 100) / 100}%`;

/** `27 ms`, `9.4 s`, `5 min 0 s`, `2 h 5 min`, `3 d 4 h`. */
export function lastedText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}\u00a0ms`;
  if (ms < 20_000) return `${(ms / 1000).toFixed(1)}\u00a0s`;
  const seconds = Math.floor(ms / 1000);
  const units = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ] as const;
  const found = units.find(([size]) => seconds >= size);
  if (found === undefined) return `${seconds}\u00a0s`;
  const [size, unit, small, smallUnit] = found;
  return `${Math.floor(seconds / size)}\u00a0${unit} ${Math.floor((seconds % size) / small)}\u00a0${smallUnit}`;
}
