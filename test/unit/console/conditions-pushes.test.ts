// When pushes count as failing: by their share, or by their silence while the breaker holds the others back; and since
// when.

import { expect } from 'chai';
import { readPushTrouble, readSettingsRefusals } from '../../../src/console/conditions-pushes.ts';
import type { PushMinute } from '../../../src/console/stats-store.ts';

const minute = 60_000;
const now = Date.UTC(2026, 9, 6, 11, 15);

/** `count` pushes, `ago` minutes before now. */
function pushes(ago: number, outcome: PushMinute['outcome'], count: number, code = ''): PushMinute {
  const startsAt = now - ago * minute;
  return { shortcodeId: 'sc', startsAt, outcome, code, count, durationMs: 0, firstAt: startsAt, lastAt: startsAt + 50 };
}

const trouble = (...minutes: PushMinute[]) => readPushTrouble(minutes, null, now);

describe('conditions: failing pushes', () => {
  it('need ten tries and more than a fifth of them', () => {
    expect(trouble(pushes(1, 'accepted', 8), pushes(2, 'unanswered', 2))).to.equal(null);
    expect(trouble(pushes(1, 'accepted', 6), pushes(2, 'unanswered', 3))).to.equal(null);
    expect(trouble(pushes(1, 'accepted', 7), pushes(2, 'unanswered', 3))).to.include({ tries: 10, errors: 3 });
  });

  it('are over when the errors are older than five minutes', () => {
    expect(trouble(pushes(1, 'accepted', 7), pushes(7, 'unanswered', 4))).to.equal(null);
  });

  it('five in a row without an answer are enough, as long as somebody tries', () => {
    expect(trouble(pushes(9, 'accepted', 3), pushes(8, 'unanswered', 5))).to.include({
      isSilent: true,
      since: now - 8 * minute,
      way: 'silent',
    });
    expect(trouble(pushes(30, 'accepted', 3), pushes(20, 'unanswered', 5)), 'nobody has tried lately').to.equal(null);
    expect(trouble(pushes(8, 'unanswered', 5), pushes(7, 'accepted', 1)), 'answered since').to.equal(null);
  });

  it('remember the last answer where the minutes do not go back so far', () => {
    const found = readPushTrouble([pushes(40, 'unanswered', 2), pushes(3, 'unanswered', 5)], now - 20 * minute, now);
    expect(found).to.include({ errors: 5, since: now - 3 * minute, lastAnsweredAt: now - 20 * minute });
  });

  it('begin with the first error of the minutes that were bad all the way to now', () => {
    const minutes = [
      pushes(20, 'unanswered', 1),
      pushes(19, 'accepted', 9),
      pushes(12, 'unanswered', 4),
      pushes(12, 'accepted', 4),
      pushes(4, 'unanswered', 4),
      pushes(4, 'accepted', 5),
      pushes(1, 'unanswered', 3),
      pushes(1, 'accepted', 1),
    ];
    expect(trouble(...minutes)).to.include({ since: now - 12 * minute });
  });

  it('are no fault of a busy customer, of our own lost worker, or of a wrong field', () => {
    expect(trouble(pushes(1, 'not_sent', 20, 'subscriber_locked'))).to.equal(null);
    expect(trouble(pushes(1, 'unanswered', 20, 'worker_lost'))).to.equal(null);
    expect(trouble(pushes(1, 'refused', 20, 'invalid_request'))).to.equal(null);
  });

  const ways = [
    ['unreachable', pushes(1, 'not_sent', 6, 'no_token')],
    ['slowed', pushes(1, 'not_sent', 6, 'spike_arrest')],
    ['refusing', pushes(1, 'refused', 6, 'provider_error')],
  ] as const;
  for (const [way, minutes] of ways)
    it(`says in what way: ${way}`, () => {
      expect(trouble(minutes)).to.include({ way });
    });
});

describe('conditions: refused settings', () => {
  it('count what was refused since M-PESA last took a push', () => {
    const refused = [pushes(30, 'refused', 4, 'invalid_credentials'), pushes(5, 'refused', 2, 'invalid_credentials')];
    expect(readSettingsRefusals(refused, null)).to.include({ count: 6, firstAt: now - 30 * minute });
    expect(readSettingsRefusals(refused, now - 10 * minute)).to.include({ count: 2 });
    expect(readSettingsRefusals(refused, now)).to.equal(null);
  });
});
