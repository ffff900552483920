// What a payment counts as: once, under the outcome it has now, and a push under how it was answered.

import { expect } from 'chai';
import {
  type Life,
  type LifeTransition,
  latencyBuckets,
  latencyOf,
  latencyStart,
  medianSeconds,
  weighLife,
} from '../../../src/payments/hourly-stats.ts';
import type { Status } from '../../../src/payments/payment.ts';

const start = Date.UTC(2026, 9, 6, 11, 15, 30);

function life(statuses: readonly Status[], counted: Partial<LifeTransition>[] = [], failureCode = ''): Life {
  const transitions = statuses.slice(1).map(
    (to, index): LifeTransition => ({
      version: index + 2,
      from: statuses[index]!,
      to,
      cause: 'because',
      at: start + index * 10_000,
      countedAt: null,
      countedCode: null,
      evidence: null,
      ...counted[index],
    }),
  );
  const ids = { paymentId: 'pay_1', tenantId: 'ten_1', mode: 'live', shortcodeId: 'sc_1' };
  return { ...ids, amountKes: 500, failureCode: failureCode || null, submittedAt: start, transitions };
}

const seen = { countedAt: start };
const short = (one: { outcome: string; failureCode: string; count: number }) =>
  `${one.count} ${one.outcome} ${one.failureCode}`.trim();

describe('hourly-stats: what a payment counts as', () => {
  it('counts a paid one once, with its money and its time from prompt to paid', () => {
    const { deltas, marks } = weighLife(life(['queued', 'submitting', 'pending', 'succeeded']));
    expect(deltas.map(short)).to.deep.equal(['1 succeeded']);
    expect(deltas[0]).to.include({ kes: 500, at: start + 20_000, latency: latencyOf(20) });
    expect(marks.map(({ version, code }) => [version, code])).to.deep.equal([
      [2, null],
      [3, null],
      [4, ''],
    ]);
  });

  it('takes back the failure that a later success overturns, under the reason it was counted with', () => {
    const walked: Status[] = ['queued', 'submitting', 'pending', 'failed', 'succeeded'];
    const fresh = weighLife(life(walked, [seen, seen, { ...seen, countedCode: 'wrong_pin' }]));
    expect(fresh.deltas.map(short)).to.deep.equal(['-1 failed wrong_pin', '1 succeeded']);
    expect(fresh.marks).to.deep.equal([
      { paymentId: 'pay_1', version: 4, code: null },
      { paymentId: 'pay_1', version: 5, code: '' },
    ]);
  });

  it('adds nothing for an outcome that was overturned before it was counted', () => {
    const { deltas } = weighLife(life(['queued', 'submitting', 'pending', 'failed', 'succeeded']));
    expect(deltas.map(short)).to.deep.equal(['1 succeeded']);
  });

  it('counts nothing twice when it is asked again', () => {
    const counted = [seen, seen, { ...seen, countedCode: '' }];
    const again = weighLife(life(['queued', 'submitting', 'pending', 'succeeded'], counted));
    expect(again).to.deep.equal({ deltas: [], pushes: [], marks: [] });
  });

  it('counts an expired one under how it expired, because its reason may be told later', () => {
    const late = 'insufficient_funds';
    expect(weighLife(life(['queued', 'expired'], [], late)).deltas[0]!.failureCode).to.equal('not_sent_in_time');
    const silent = life(['queued', 'submitting', 'unknown', 'expired'], [], late);
    expect(weighLife(silent).deltas[0]!.failureCode).to.equal('unknown_result');
    const asked = { evidence: { source: 'query', durationMs: 5 } };
    const denied = life(['queued', 'submitting', 'pending', 'expired'], [{}, {}, asked], late);
    expect(weighLife(denied).deltas[0]!.failureCode).to.equal('prompt_expired');
  });

  const answered = { evidence: { source: 'push', durationMs: 900 } };
  const pushes: [string, Status[], Partial<LifeTransition>[], string, string[]][] = [
    ['taken', ['queued', 'submitting', 'pending'], [{}, answered], '', ['accepted ']],
    [
      'not sent, and why',
      ['queued', 'submitting', 'queued'],
      [{}, { ...answered, cause: 'not sent: spike_arrest' }],
      '',
      ['not_sent spike_arrest'],
    ],
    ['without an answer', ['queued', 'submitting', 'unknown'], [{}, answered], '', ['unanswered ']],
    ['lost with its worker', ['queued', 'submitting', 'unknown'], [], '', ['unanswered worker_lost']],
    [
      'refused',
      ['queued', 'submitting', 'failed'],
      [{}, answered],
      'invalid_credentials',
      ['refused invalid_credentials'],
    ],
    ['refused before the wire', ['queued', 'failed'], [], 'invalid_credentials', ['refused invalid_credentials']],
    ['overtaken by its callback', ['queued', 'submitting', 'succeeded'], [], '', []],
  ];
  for (const [name, walked, counted, code, expected] of pushes)
    it(`counts a push ${name}`, () => {
      const found = weighLife(life(walked, counted, code)).pushes;
      expect(found.map((push) => `${push.outcome} ${push.code}`)).to.deep.equal(expected);
    });
});

describe('hourly-stats: latencies', () => {
  it('every time falls between the bounds of its bucket', () => {
    for (let seconds = 0; seconds < 400; seconds += 0.37) {
      const bucket = latencyOf(seconds);
      expect(seconds).to.be.at.least(latencyStart(bucket));
      if (bucket < latencyBuckets) expect(seconds).to.be.below(latencyStart(bucket + 1));
    }
    expect(latencyOf(2)).to.equal(2);
    expect(latencyOf(7 * 86_400)).to.equal(latencyBuckets);
  });

  it('reads a median to within a quarter of it, and none of nothing', () => {
    const counts = new Map<number, number>();
    for (let n = 0; n < 1001; n += 1) {
      const bucket = latencyOf(5 + (n / 1000) * 20);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
    expect(medianSeconds(counts)).to.be.closeTo(15, 15 * 0.25);
    expect(medianSeconds(new Map())).to.equal(null);
  });
});
