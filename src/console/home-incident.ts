// An incident as Home tells it: the five questions of the night in their order, and, where prompts fail, the last minutes
// of them as a picture: answered, sent without an answer, held back.

import { numberText, spanText } from '../platform/render.ts';
import { type Bar, type Gridline, gridlines, momentAt, scaleTop, stack } from './chart.ts';
import { answeringOf } from './conditions-pushes.ts';
import { type Condition, sumOf } from './conditions-words.ts';
import { hourText } from './home-chart.ts';
import { at, type Part, say } from './payment-words.ts';
import type { PushMinute } from './stats-store.ts';
import { linkOf } from './strip.ts';

export interface Incident {
  title: string;
  tone: 'bad' | 'warn';
  answers: { term: string; parts: Part[]; isDo: boolean }[];
  chart: MinuteChart | null;
  link: ReturnType<typeof linkOf>;
  /** For M-PESA's support. */
  tell: string | null;
  others: { title: string; since: number | null; meaning: string; link: ReturnType<typeof linkOf> }[];
}

export interface MinuteChart {
  title: string;
  lines: Gridline[];
  columns: { title: string; bars: Bar[] }[];
  flag: { x: string; label: string } | null;
  from: string;
  to: string;
  legend: { className: string; words: string; count: number | null }[];
}

/** The worst of what is bad, with the rest below it; null on a calm day. */
export function incidentOf(
  conditions: readonly Condition[],
  chart: MinuteChart | null,
  mode: string,
  now: number,
): Incident | null {
  const [worst, ...others] = conditions;
  if (worst === undefined || worst.tone !== 'bad') return null;
  const since =
    worst.since === null
      ? say`Not known. It holds now.`
      : say`${at(worst.since)}, ${spanText(Math.max(1000, now - worst.since))} ago`;
  return {
    title: worst.title,
    tone: worst.tone,
    answers: [
      { term: 'Since when', parts: since, isDo: false },
      { term: 'Whose fault', parts: worst.diagnosis, isDo: false },
      { term: 'Who is affected', parts: worst.affected, isDo: false },
      { term: 'Is money at risk', parts: worst.risk, isDo: false },
      { term: 'What you do', parts: worst.advice, isDo: true },
    ],
    chart,
    link: linkOf(worst, mode),
    tell: worst.tell === null ? null : worst.tell.join('\n'),
    others: others.map((one) => ({
      title: one.title,
      since: one.since,
      meaning: one.meaning,
      link: linkOf(one, mode),
    })),
  };
}

const minuteMs = 60_000;
const fewestMinutes = 20;
const mostMinutes = 60;
/** What is shown of the time before it began. */
const leadMinutes = 8;
const panel = { zeroY: 92, heightPx: 64 };

/** The first minute of the picture. */
export function chartSince(since: number | null, now: number): number {
  const wanted = since === null ? 0 : Math.ceil((now - since) / minuteMs) + leadMinutes;
  const minutes = Math.min(mostMinutes, Math.max(fewestMinutes, wanted));
  return (Math.floor(now / minuteMs) - minutes + 1) * minuteMs;
}

const kinds = [
  { name: 'answered', className: 'f-paid', words: 'Answered' },
  { name: 'unanswered', className: 'f-unsure', words: 'Sent, no answer' },
  { name: 'failed', className: 'f-provider', words: 'Not taken' },
  { name: 'held', className: 'f-customer', words: 'Held back, not sent' },
] as const;
type Kind = (typeof kinds)[number]['name'];

/** @param held payments that still wait to be sent, by the minute in which they came */
export function minuteChart(
  pushes: readonly PushMinute[],
  held: ReadonlyMap<number, number>,
  since: number | null,
  now: number,
): MinuteChart {
  const first = chartSince(since, now);
  const count = Math.floor((now - first) / minuteMs) + 1;
  const minutes = Array.from({ length: count }, (_, index) => countMinute(pushes, held, first + index * minuteMs));
  const top = scaleTop(Math.max(...minutes.map((minute) => sumOf(kinds, ({ name }) => minute[name]))));
  const totals = kinds.map((kind) => ({ ...kind, count: sumOf(minutes, (minute) => minute[kind.name]) }));
  const shown = totals.filter((kind) => kind.count > 0 || kind.name === 'answered');
  return {
    title: `Prompts by minute from ${hourText(first)} to ${hourText(now)}: ${shown.map(({ words, count: n }) => `${numberText(n)} ${words.toLowerCase()}`).join(', ')}.`,
    lines: gridlines(panel, top),
    columns: minutes.map((minute, index) => ({
      title: `${hourText(first + index * minuteMs)}: ${shown.map(({ name, words }) => `${minute[name]} ${words.toLowerCase()}`).join(', ')}`,
      bars: stack(
        panel,
        top,
        { index, count },
        kinds.map(({ name, className }) => ({ className, value: minute[name] })),
        true,
      ),
    })),
    flag:
      since === null || since < first
        ? null
        : {
            x: momentAt(Math.floor(since / minuteMs) * minuteMs, first, first + count * minuteMs),
            label: hourText(since),
          },
    from: hourText(first),
    to: hourText(now),
    legend: shown.map(({ name, className, words, count: n }) => ({
      className,
      words,
      count: name === 'answered' ? null : n,
    })),
  };
}

function countMinute(
  pushes: readonly PushMinute[],
  held: ReadonlyMap<number, number>,
  startsAt: number,
): Record<Kind, number> {
  const counts = { answered: 0, unanswered: 0, failed: 0, held: held.get(startsAt) ?? 0 };
  for (const push of pushes.filter((one) => one.startsAt === startsAt)) {
    if (answeringOf(push) === 'answered') counts.answered += push.count;
    else if (push.outcome === 'unanswered') counts.unanswered += push.count;
    else counts.failed += push.count;
  }
  return counts;
}
