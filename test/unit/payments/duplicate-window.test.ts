// The guards of the duplicate window: two moments less than 120 s apart always share one, so the unique index refuses
// the second; moments 240 s or more apart never do, so an index alone refuses nobody for long.

import { expect } from 'chai';
import fc from 'fast-check';
import { duplicateWindowMs, guardsOf } from '../../../src/payments/duplicate-window.ts';
import { createdAt } from '../../support/payment-evidence.ts';

const key = Buffer.alloc(32, 7);
const details = {
  tenantId: 'ten_a',
  mode: 'test' as const,
  shortcodeId: 'sc_a',
  phone: '254712345678',
  amountKes: 100,
  createdAt,
};
type Details = typeof details;
const guards = (over: Partial<Record<keyof Details, string | number>> = {}): string[] => {
  const { guardEven, guardOdd } = guardsOf({ ...details, ...over } as Details, key);
  return [guardEven, guardOdd];
};
const share = (left: string[], right: string[]): boolean => left.some((guard) => right.includes(guard));
const moments = fc.integer({ min: createdAt, max: createdAt + 365 * 86_400_000 });

describe('the guards of the duplicate window', () => {
  it('are shared by any two moments less than 120 s apart', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: duplicateWindowMs - 1 }), (at, laterMs) => {
        expect(share(guards({ createdAt: at }), guards({ createdAt: at + laterMs }))).to.equal(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('are never shared by moments 240 s or more apart', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 2 * duplicateWindowMs, max: 30 * 86_400_000 }), (at, laterMs) => {
        expect(share(guards({ createdAt: at }), guards({ createdAt: at + laterMs }))).to.equal(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('are never shared by payments that differ in tenant, mode, shortcode, phone or amount', () => {
    const others = [
      { tenantId: 'ten_b' },
      { mode: 'live' },
      { shortcodeId: 'sc_b' },
      { phone: '254712345679' },
      { amountKes: 101 },
    ];
    for (const other of others) expect(share(guards(), guards(other)), JSON.stringify(other)).to.equal(false);
  });

  it('tell nothing about the phone without the key', () => {
    const other = guardsOf(details, Buffer.alloc(32, 8));
    expect(share(guards(), [other.guardEven, other.guardOdd])).to.equal(false);
    expect(guards().join(' ')).to.not.include('712345678');
  });
});
