// The numbers of charts: scales that have room and are round, bars that stand on each other and stay inside their panel,
// parts that are seen however small they are.

import { expect } from 'chai';
import fc from 'fast-check';
import { gridlines, scaleTop, stack } from '../../../src/console/chart.ts';
import { dayChart } from '../../../src/console/home-chart.ts';
import type { HourFigures } from '../../../src/console/home-figures.ts';
import { chartSince, minuteChart } from '../../../src/console/home-incident.ts';

const panel = { zeroY: 256, heightPx: 64 };

describe('chart: scales', () => {
  it('have room for the most, two whole lines, and no more than twice the room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (most) => {
        const top = scaleTop(most);
        expect(top).to.be.at.least(most);
        expect(Number.isInteger(top / 2), `${top}`).to.equal(true);
        if (most > 2) expect(top).to.be.at.most(most * 2);
      }),
    );
  });

  it('are the round numbers one would draw', () => {
    expect([0, 1, 3, 130, 2239, 3806].map(scaleTop)).to.deep.equal([2, 2, 4, 160, 2400, 4000]);
    expect(gridlines(panel, 160).map(({ y, label }) => `${y} ${label}`)).to.deep.equal(['256 0', '224 80', '192 160']);
  });
});

describe('chart: bars', () => {
  it('stand on each other inside their column and their panel', () => {
    const values = fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(values, fc.nat(23), (counts, index) => {
        const top = scaleTop(counts.reduce((sum, count) => sum + count, 0));
        const segments = counts.map((value, n) => ({ className: `f-${n}`, value }));
        const bars = stack(panel, top, { index, count: 24 }, segments, true);
        expect(bars).to.have.length(counts.filter((count) => count > 0).length);
        let below = panel.zeroY;
        for (const bar of bars) {
          const [x, width, y, height] = [bar.x, bar.width, bar.y, bar.height].map(Number.parseFloat) as number[];
          expect(height).to.be.at.least(0.8);
          expect(y! + height!).to.be.at.most(below + 0.1);
          expect(x).to.be.at.least((index * 100) / 24);
          expect(x! + width!).to.be.at.most(((index + 1) * 100) / 24);
          below = y!;
        }
        // Parts of less than a pixel are drawn as one: that much it may grow.
        expect(below).to.be.at.least(panel.zeroY - panel.heightPx - counts.length);
      }),
    );
  });
});

const hourMs = 3_600_000;
const midnight = Date.UTC(2026, 9, 5, 21);

function hour(index: number, paid: number, notPaid: Partial<HourFigures['notPaid']> = {}): HourFigures {
  const none = { customer: 0, network: 0, provider: 0, configuration: 0, unsure: 0 };
  return { startsAt: midnight + index * hourMs, paid, paidLastWeek: 10, notPaid: { ...none, ...notPaid } };
}

describe('chart: the day', () => {
  const chart = dayChart([
    ...Array.from({ length: 23 }, (_, index) => hour(index, 100)),
    hour(23, 7, { provider: 2, unsure: 1 }),
  ]);

  it('says the same in the picture, the legend and the table', () => {
    expect([chart.paid, chart.notPaid]).to.deep.equal([2307, 3]);
    expect(chart.legend.map(({ words, count }) => `${words} ${count}`)).to.deep.equal([
      'Paid 2307',
      'Customer 0',
      'Network 0',
      'Safaricom 2',
      'Settings 0',
      'Not sure yet 1',
    ]);
    expect(chart.rows.at(-1)).to.deep.equal({ hour: '23:00', counts: [7, 0, 0, 2, 0, 1, 10] });
    expect(chart.columns.at(-1)!.title).to.equal('23:00: 7 paid, 2 Safaricom, 1 not sure yet; last week 10 paid');
  });

  it('names every third hour, every sixth on a phone, and now', () => {
    const ticks = chart.columns.flatMap(({ tick }) => (tick === null ? [] : [`${tick.label} ${tick.className ?? ''}`]));
    expect(ticks.map((tick) => tick.trim())).to.deep.equal([
      '00:00',
      '03:00 tick-minor',
      '06:00',
      '09:00 tick-minor',
      '12:00',
      '15:00 tick-minor',
      '18:00',
      '21:00 tick-minor',
      'now',
    ]);
  });
});

describe('chart: the minutes of an incident', () => {
  const now = midnight + 2 * hourMs + 14 * 60_000 + 12_000;
  const since = midnight + 2 * hourMs + 7 * 60_000 + 5_000;
  const push = (startsAt: number, outcome: 'accepted' | 'unanswered', count: number) => ({
    shortcodeId: 'sc',
    startsAt,
    outcome,
    code: '',
    count,
    durationMs: 0,
    firstAt: startsAt,
    lastAt: startsAt,
  });

  it('shows twenty minutes, or as many as it takes to see the beginning', () => {
    expect(now - chartSince(since, now)).to.be.within(19 * 60_000, 20 * 60_000);
    expect(now - chartSince(now - 40 * 60_000, now)).to.be.within(47 * 60_000, 48 * 60_000);
    expect(now - chartSince(now - 5 * hourMs, now)).to.be.within(59 * 60_000, 60 * 60_000);
  });

  it('counts what was answered, what was not, and what is held back; and flags the beginning', () => {
    const minute = midnight + 2 * hourMs;
    const pushes = [push(minute, 'accepted', 5), push(minute + 7 * 60_000, 'unanswered', 9)];
    const chart = minuteChart(pushes, new Map([[minute + 9 * 60_000, 29]]), since, now);
    expect(chart.legend.map(({ words, count }) => `${words} ${count}`)).to.deep.equal([
      'Answered null',
      'Sent, no answer 9',
      'Held back, not sent 29',
    ]);
    expect(chart.flag).to.deep.equal({ x: '60.00%', label: '02:07' });
    expect([chart.from, chart.to, chart.columns.length]).to.deep.equal(['01:55', '02:14', 20]);
    expect(chart.columns[12]!.title).to.equal('02:07: 0 answered, 9 sent, no answer, 0 held back, not sent');
  });
});
