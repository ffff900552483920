// The dials: which push or callback is spoiled. Choosing must be countable, or a test that sets a fault proves nothing.
// What each fault then does is tested beside this file and in the integration tests.

import { expect } from 'chai';
import { FaultDials, faultGroups, faults } from '../../../src/simulator/faults.ts';

function takeMany(dials: FaultDials, count: number, phone = ''): string[] {
  return Array.from({ length: count }, () => dials.take('push', phone));
}

describe('the dials', () => {
  it('spoil nothing unless set', () => {
    expect(takeMany(new FaultDials(), 3)).to.deep.equal(['normal', 'normal', 'normal']);
  });

  it('spoil the next one only', () => {
    const dials = new FaultDials();
    dials.set({ group: 'push', fault: 'lost', reach: 'next' });
    expect(takeMany(dials, 3)).to.deep.equal(['lost', 'normal', 'normal']);
    expect(dials.list()).to.deep.equal([]);
  });

  it('spoil the next ones in the order of a sequence', () => {
    const dials = new FaultDials();
    dials.set({ group: 'push', fault: 'busy', reach: 'next', sequence: ['busy', 'normal', 'lost'] });
    expect(takeMany(dials, 4)).to.deep.equal(['busy', 'normal', 'lost', 'normal']);
  });

  it('spoil every fifth, and all, until taken away', () => {
    const dials = new FaultDials();
    dials.set({ group: 'push', fault: 'lost', reach: 'one_in_five' });
    expect(takeMany(dials, 10).map((name) => name === 'lost')).to.deep.equal(
      [...'0000100001'].map((digit) => digit === '1'),
    );
    dials.set({ group: 'push', fault: 'lost', reach: 'all' });
    expect(takeMany(dials, 2)).to.deep.equal(['lost', 'lost']);
    dials.set({ group: 'push', fault: 'normal', reach: 'all' });
    expect(takeMany(dials, 1)).to.deep.equal(['normal']);
  });

  it('prefer the rule of a phone to the rule for everybody', () => {
    const dials = new FaultDials();
    dials.set({ group: 'push', fault: 'busy', reach: 'all' });
    dials.set({ group: 'push', fault: 'lost', reach: 'next', phone: '254712345678' });
    expect(takeMany(dials, 1, '254700000001')).to.deep.equal(['busy']);
    expect(takeMany(dials, 2, '254712345678')).to.deep.equal(['lost', 'busy']);
  });

  it('keep the groups apart and refuse names they do not know', () => {
    const dials = new FaultDials();
    dials.set({ group: 'callback', fault: 'twice', reach: 'all' });
    expect(dials.take('push')).to.equal('normal');
    expect(dials.take('callback')).to.equal('twice');
    expect(() => dials.set({ group: 'push', fault: 'twice', reach: 'all' })).to.throw(RangeError, 'twice');
  });

  it('have each name once in each group', () => {
    for (const group of faultGroups) {
      const names = faults[group].map(({ name }) => name);
      expect(names).to.have.length(new Set(names).size);
    }
  });
});
