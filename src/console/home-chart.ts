// The day on Home: two panels, paid above and not paid by whose side below, with last week's dash over each bar, the
// legend with its numbers, and the same as a table for those who do not see it.

import { numberText } from '../platform/render.ts';
import { type Column, dash, type Gridline, gridlines, middle, type Panel, scaleTop, stack } from './chart.ts';
import { sumOf } from './conditions-words.ts';
import { type HourFigures, type Side, sides } from './home-figures.ts';
import { sideWords } from './status-words.ts';

export interface DayChart {
  title: string;
  paid: number;
  notPaid: number;
  lines: Gridline[];
  columns: Column[];
  legend: { className: string; words: string; count: number }[];
  heads: string[];
  rows: { hour: string; counts: number[] }[];
}

const paidPanel: Panel = { zeroY: 160, heightPx: 144 };
const notPaidPanel: Panel = { zeroY: 256, heightPx: 64 };

const classOf: Readonly<Record<Side, string>> = {
  customer: 'f-customer',
  network: 'f-network',
  provider: 'f-provider',
  configuration: 'f-settings',
  unsure: 'f-unsure',
};

export const wordOf: Readonly<Record<Side, string>> = { ...sideWords, unsure: 'Not sure yet' };

const inSentence = (side: Side): string => (side === 'provider' ? wordOf[side] : wordOf[side].toLowerCase());

const nairobiOffsetMs = 3 * 3_600_000;

/** 15:00 */
export function hourText(at: number): string {
  return new Date(at + nairobiOffsetMs).toISOString().slice(11, 16);
}

export function dayChart(hours: readonly HourFigures[]): DayChart {
  const notPaidIn = ({ notPaid }: HourFigures): number => sumOf(sides, (side) => notPaid[side]);
  const paidTop = scaleTop(Math.max(...hours.flatMap(({ paid, paidLastWeek }) => [paid, paidLastWeek])));
  const notPaidTop = scaleTop(Math.max(...hours.map(notPaidIn)));
  const [paid, notPaid] = [sumOf(hours, (hour) => hour.paid), sumOf(hours, notPaidIn)];
  return {
    title: `Paid and not paid payments in the last 24 hours: ${numberText(paid)} paid, ${numberText(notPaid)} not paid. The table below has the same.`,
    paid,
    notPaid,
    lines: [...gridlines(paidPanel, paidTop), ...gridlines(notPaidPanel, notPaidTop)],
    columns: hours.map((hour, index) => columnOf(hour, { index, count: hours.length }, paidTop, notPaidTop)),
    legend: [
      { className: 'f-paid', words: 'Paid', count: paid },
      ...sides.map((side) => ({
        className: classOf[side],
        words: wordOf[side],
        count: sumOf(hours, (hour) => hour.notPaid[side]),
      })),
    ],
    heads: ['Paid', ...sides.map((side) => wordOf[side]), 'Paid, last week'],
    rows: hours.map(({ startsAt, paid: ours, paidLastWeek, notPaid: theirs }) => ({
      hour: hourText(startsAt),
      counts: [ours, ...sides.map((side) => theirs[side]), paidLastWeek],
    })),
  };
}

function columnOf(
  hour: HourFigures,
  place: { index: number; count: number },
  paidTop: number,
  notPaidTop: number,
): Column {
  const isNow = place.index === place.count - 1;
  const parts = sides.filter((side) => hour.notPaid[side] > 0);
  const words = parts.map((side) => `${numberText(hour.notPaid[side])} ${inSentence(side)}`);
  const paid = { className: isNow ? 'f-paid now' : 'f-paid', value: hour.paid };
  const segments = parts.map((side) => ({ className: classOf[side], value: hour.notPaid[side] }));
  return {
    title: `${hourText(hour.startsAt)}: ${[`${numberText(hour.paid)} paid`, ...words].join(', ')}; last week ${numberText(hour.paidLastWeek)} paid`,
    bars: [
      ...stack(paidPanel, paidTop, place, [paid], false),
      ...stack(notPaidPanel, notPaidTop, place, segments, true),
    ],
    last: hour.paidLastWeek === 0 ? null : dash(paidPanel, paidTop, place.index, place.count, hour.paidLastWeek),
    tick: tickOf(hour.startsAt, place),
  };
}

/** Every third hour, on a phone every sixth; the last is called now. */
function tickOf(startsAt: number, { index, count }: { index: number; count: number }): Column['tick'] {
  if (index === count - 1) return { x: '100%', label: 'now', className: null, anchor: 'end' };
  const hour = new Date(startsAt + nairobiOffsetMs).getUTCHours();
  if (hour % 3 !== 0 || index === count - 2) return null;
  const className = hour % 6 === 0 ? null : 'tick-minor';
  return { x: middle(index, count), label: hourText(startsAt), className, anchor: 'middle' };
}
