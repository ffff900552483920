// When a shortcode is pulled and how far back: every quarter of an hour, each hour, each night; what is begun is gone on
// with, and what fails is left alone longer each time.

import { expect } from 'chai';
import { backOffMs, beginPull, type PullProgress, planNext, takesTooLong } from '../../../src/reconciliation/feed.ts';

const minute = 60_000;
const hour = 60 * minute;
/** 14:15:30 in Nairobi. */
const now = Date.UTC(2026, 9, 6, 11, 15, 30);
const later = { pullHourAt: now + minute, pullNightAt: now + hour, progress: null };

const progress = (changes: Partial<PullProgress> = {}): PullProgress => ({
  reach: 'night',
  fromAt: now - 48 * hour,
  toAt: now - minute,
  offset: 100,
  unreadable: 0,
  firstPage: 'a',
  lastPage: 'b',
  failures: 0,
  movedAt: now - minute,
  ...changes,
});

describe('when a feed is pulled', () => {
  it('takes the longest stretch whose time has come', () => {
    expect(beginPull(later, now)).to.include({ reach: 'quarter', fromAt: now - hour, toAt: now, offset: 0 });
    expect(beginPull({ ...later, pullHourAt: now }, now)).to.include({ reach: 'hour', fromAt: now - 6 * hour });
    const night = beginPull({ ...later, pullHourAt: now, pullNightAt: null }, now);
    expect(night.reach).to.equal('night');
    expect(now - night.fromAt).to.be.within(47 * hour, 48 * hour - 1);
  });

  it('goes on with what was begun, but not where nobody came on for long or the page fails again and again', () => {
    expect(beginPull({ ...later, progress: progress() }, now)).to.deep.equal(progress());
    expect(beginPull({ ...later, progress: progress({ failures: 3 }) }, now).offset).to.equal(100);
    expect(beginPull({ ...later, progress: progress({ failures: 4 }) }, now)).to.include({ offset: 0, failures: 4 });
    expect(beginPull({ ...later, progress: progress({ movedAt: now - 31 * minute }) }, now).offset).to.equal(0);
    expect(beginPull({ ...later, progress: progress({ offset: 0 }) }, now).toAt).to.equal(now);
    expect(takesTooLong(progress({ toAt: now - 2 * hour - 1 }), now)).to.equal(true);
    expect(takesTooLong(progress({ toAt: now - hour }), now)).to.equal(false);
  });

  it('plans the next within a quarter of an hour, and the longer ones after their own time', () => {
    const before = { pullHourAt: 1, pullNightAt: 2 };
    for (const random of [0, 0.5, 0.999]) {
      const quarter = planNext('quarter', before, now, random);
      expect(quarter.pullDueAt! - now).to.be.within(13 * minute, 15 * minute);
      expect(quarter).to.include(before);
      expect(planNext('hour', before, now, random)).to.include({ pullHourAt: now + hour, pullNightAt: 2 });
      const night = planNext('night', before, now, random);
      expect(night.pullHourAt).to.equal(now + hour);
      const clock = new Date(night.pullNightAt! + 3 * hour).toISOString();
      expect(clock).to.match(/^2026-10-07T02:(1\d|[234]\d|50)/);
    }
    // At half past one in the night the next one is still the same night's.
    const early = Date.UTC(2026, 9, 6, 22, 30);
    expect(planNext('night', before, early, 0).pullNightAt).to.equal(Date.UTC(2026, 9, 6, 23, 10));
  });

  it('leaves a feed that fails alone for 1, 2, 4 … 60 minutes, and for as long as it is told', () => {
    expect([1, 2, 3, 7, 20].map((failures) => backOffMs(failures, null) / minute)).to.deep.equal([1, 2, 4, 60, 60]);
    expect(backOffMs(1, 5 * minute)).to.equal(5 * minute);
    expect(backOffMs(1, 24 * hour)).to.equal(hour);
  });
});
