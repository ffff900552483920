// Charts as numbers for the templates: bars of an SVG that stretches, x in per cent and y in pixels, so that the letters
// keep their size and neither script nor style is needed. Two panels with a scale each: on one scale the failures of a
// good day would be a hairline.

import { numberText } from '../platform/render.ts';

export interface Gridline {
  y: number;
  label: string;
  /** Where its letters sit. */
  textY: number;
  className: 'axis' | 'gridline';
}

export interface Bar {
  className: string;
  x: string;
  width: string;
  y: string;
  height: string;
}

export interface Column {
  /** What the reader's pointer is told. */
  title: string;
  bars: Bar[];
  /** Last week's dash. */
  last: { x1: string; x2: string; y: string } | null;
  tick: { x: string; label: string; className: string | null; anchor: 'middle' | 'end' } | null;
}

/** Where a panel stands: the pixel of zero, and how tall it is. */
export interface Panel {
  zeroY: number;
  heightPx: number;
}

const wholeSteps = [1, 2, 3, 4, 5, 6, 8, 10];
const fineSteps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The top of a scale with one line in the middle: the least round number that has room for the most. */
export function scaleTop(most: number): number {
  const half = Math.max(1, most / 2);
  const power = 10 ** Math.floor(Math.log10(half));
  // Both lines are whole numbers.
  const step = (power === 1 ? wholeSteps : fineSteps).find((one) => one * power >= half) ?? 10;
  return 2 * step * power;
}

export function gridlines({ zeroY, heightPx }: Panel, top: number): Gridline[] {
  return [0, 0.5, 1].map((share) => {
    const y = Math.round(zeroY - share * heightPx);
    return { y, label: numberText(share * top), textY: y + 4, className: share === 0 ? 'axis' : 'gridline' };
  });
}

/** Parts of a column of one hundred, as the mock has them: the bar, its gap, and the dash a little wider than it. */
const barAt = 0.132;
const barWidth = 0.737;
const dashAt = 0.048;
const dashWidth = 0.905;
/** A part that is there is seen, however small its share. */
const leastPx = 1;
const gapPx = 0.7;

export interface Segment {
  className: string;
  value: number;
}

const percent = (value: number): string => `${value.toFixed(2)}%`;

/** The bars of one column, one on top of the other. @param gap whether they are kept apart */
export function stack(
  panel: Panel,
  top: number,
  { index, count }: { index: number; count: number },
  segments: readonly Segment[],
  gap: boolean,
): Bar[] {
  const slot = 100 / count;
  let y = panel.zeroY;
  return segments
    .filter(({ value }) => value > 0)
    .map(({ className, value }) => {
      const height = Math.max(gap ? leastPx : 0.5, (value / top) * panel.heightPx);
      y -= height;
      return {
        className,
        x: percent((index + barAt) * slot),
        width: percent(barWidth * slot),
        y: y.toFixed(1),
        height: (gap ? Math.max(0.8, height - gapPx) : height).toFixed(1),
      };
    });
}

export function dash(panel: Panel, top: number, index: number, count: number, value: number): Column['last'] {
  const slot = 100 / count;
  const y = (panel.zeroY - (value / top) * panel.heightPx).toFixed(1);
  return { x1: percent((index + dashAt) * slot), x2: percent((index + dashAt + dashWidth) * slot), y };
}

export function middle(index: number, count: number): string {
  return percent(((index + 0.5) * 100) / count);
}

/** Where a moment stands between the first column and the end of the last. */
export function momentAt(at: number, since: number, until: number): string {
  return percent(((at - since) / (until - since)) * 100);
}
