// What the search box makes of what is typed into it, and the filter in the address: read, written and read again.

import { expect } from 'chai';
import fc from 'fast-check';
import {
  addressOf,
  filterPairs,
  type PaymentFilter,
  quickViews,
  readFilter,
  readNairobi,
  timePresets,
  windowOf,
} from '../../../src/console/payment-filter.ts';
import { askForReference, recogniseSearch } from '../../../src/console/payment-search.ts';
import { failureCatalogue } from '../../../src/payments/failures.ts';
import { statuses } from '../../../src/payments/payment.ts';
import { newId } from '../../../src/platform/ids.ts';

const id = newId('pay');

describe('console: what a search means', () => {
  const cases: [typed: string, meant: object][] = [
    ['', { kind: 'nothing' }],
    ['   ', { kind: 'nothing' }],
    ['ref:', { kind: 'nothing' }],
    [id, { kind: 'id', paymentId: id }],
    [`  ${id.toUpperCase()}\n`, { kind: 'id', paymentId: id }],
    ['UJ68K3W0QZ', { kind: 'receipt', receipt: 'UJ68K3W0QZ' }],
    ['uj68k3w0qz', { kind: 'receipt', receipt: 'UJ68K3W0QZ' }],
    ['0712345678', { kind: 'phone', phone: '254712345678' }],
    ['712345678', { kind: 'phone', phone: '254712345678' }],
    ['+254 712-345 678', { kind: 'phone', phone: '254712345678' }],
    ['\u202a+254 712 345 678\u202c', { kind: 'phone', phone: '254712345678' }],
    ['0110 123 456', { kind: 'phone', phone: '254110123456' }],
    ['2400', { kind: 'amount', amountKes: 2400 }],
    ['2,400', { kind: 'amount', amountKes: 2400 }],
    ['KES 2,400.00', { kind: 'amount', amountKes: 2400 }],
    ['250000', { kind: 'amount', amountKes: 250_000 }],
    ['250001', { kind: 'reference', reference: '250001' }],
    ['0500', { kind: 'reference', reference: '0500' }],
    ['0', { kind: 'reference', reference: '0' }],
    ['24.50', { kind: 'reference', reference: '24.50' }],
    ['INV-20', { kind: 'reference', reference: 'INV-20' }],
    ['inv-20', { kind: 'reference', reference: 'inv-20' }],
    ['INVOICE201', { kind: 'reference', reference: 'INVOICE201' }],
    ['ref:0712345678', { kind: 'reference', reference: '0712345678' }],
    ['REF: 2400', { kind: 'reference', reference: '2400' }],
    [`${id.slice(0, 20)}`, { kind: 'reference', reference: id.slice(0, 20) }],
    ['07123', { kind: 'reference', reference: '07123' }],
    ['ws_CO_06102026141530412712345678', { kind: 'checkout', checkoutRequestId: 'ws_CO_06102026141530412712345678' }],
  ];
  for (const [typed, meant] of cases)
    it(`${JSON.stringify(typed)} is ${JSON.stringify(meant)}`, () => {
      expect(recogniseSearch(typed)).to.deep.equal(meant);
    });

  it('anything may be taken for a reference instead', () => {
    for (const typed of ['2400', '0712345678', 'UJ68K3W0QZ'])
      expect(recogniseSearch(askForReference(typed))).to.deep.equal({ kind: 'reference', reference: typed });
  });

  it('nothing that can be typed breaks it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (typed) => void recogniseSearch(typed)));
  });
});

const none: PaymentFilter = {
  q: '',
  view: 'all',
  time: 'any',
  from: '',
  to: '',
  shortcode: null,
  code: null,
  confirmedBy: null,
  before: null,
  after: null,
};

function queryOf(address: string): Record<string, string> {
  return Object.fromEntries(new URL(address, 'http://x').searchParams);
}

describe('console: the filter of payments in the address', () => {
  const keys = <T extends object>(table: T) => fc.constantFrom(...(Object.keys(table) as (keyof T & string)[]));
  const position = fc.record({ createdAt: fc.integer({ min: 0, max: 2_000_000_000_000 }), id: fc.constant(id) });
  const anyFilter = fc
    .record({
      q: fc.string({ maxLength: 30 }).map((text) => text.trim()),
      view: keys(quickViews),
      time: keys(timePresets),
      shortcode: fc.option(fc.constantFrom('174379', '654321')),
      code: fc.option(keys(failureCatalogue)),
      confirmedBy: fc.option(fc.constantFrom('callback', 'query', 'statement', 'operator')),
      place: fc.option(fc.tuple(fc.boolean(), position)),
    })
    .map(({ place, ...filter }): PaymentFilter => {
      const isOther = filter.time === 'other';
      return {
        ...filter,
        from: isOther ? '2026-10-06T14:15' : '',
        to: isOther ? '2026-10-07' : '',
        before: place?.[0] === true ? place[1] : null,
        after: place?.[0] === false ? place[1] : null,
      };
    });

  it('is read as it was written, whatever is combined', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const address = addressOf('/console/payments', '?tenant=ten_x&mode=test', filter, filter);
        expect(queryOf(address)).to.include({ tenant: 'ten_x', mode: 'test' });
        expect(readFilter(queryOf(address))).to.deep.equal(filter);
      }),
    );
  });

  it('leaves out what says nothing, and what makes no sense', () => {
    expect(filterPairs(none)).to.deep.equal([]);
    const odd = { view: 'toString', t: '1y', from: 'now', shortcode: "' or 1", code: '__proto__', confirmed_by: 'me' };
    expect(readFilter({ ...odd, before: '5.pay_x', after: 'x' })).to.deep.equal(none);
    expect(readFilter({ view: ['paid', 'late'] })).to.deep.equal({ ...none, view: 'late' });
  });

  it('another filter begins at the first page', () => {
    const deep = { ...none, q: 'INV', before: { createdAt: 5, id } };
    expect(queryOf(addressOf('/p', '?mode=live', deep, { view: 'paid' }))).to.deep.equal({
      mode: 'live',
      q: 'INV',
      view: 'paid',
    });
  });

  it('every status is in some quick view', () => {
    const shown = Object.values(quickViews).flatMap((view) => view.statuses ?? []);
    expect([...new Set(shown)]).to.have.members([...statuses]);
  });
});

describe('console: times of the filter, in Nairobi', () => {
  const now = Date.UTC(2026, 9, 6, 11, 15, 30);
  const at = (time: PaymentFilter['time'], from = '', to = '') => windowOf({ ...none, time, from, to }, now);

  it('presets end now and begin where they say', () => {
    expect(at('any')).to.deep.equal({ since: null, until: null });
    expect(at('15m')).to.deep.equal({ since: now - 900_000, until: null });
    expect(at('1h')).to.deep.equal({ since: now - 3_600_000, until: null });
    expect(at('7d')).to.deep.equal({ since: now - 7 * 86_400_000, until: null });
  });

  it('today begins at midnight in Nairobi, also before three in the morning', () => {
    expect(at('today').since).to.equal(Date.UTC(2026, 9, 5, 21));
    expect(windowOf({ ...none, time: 'today' }, Date.UTC(2026, 9, 5, 21, 0, 1)).since).to.equal(
      Date.UTC(2026, 9, 5, 21),
    );
    expect(windowOf({ ...none, time: 'today' }, Date.UTC(2026, 9, 5, 20, 59)).since).to.equal(Date.UTC(2026, 9, 4, 21));
  });

  it('other times are read as Nairobi’s; a day that ends it counts as a whole', () => {
    expect(at('other', '2026-10-06T14:15', '2026-10-06T14:30')).to.deep.equal({
      since: Date.UTC(2026, 9, 6, 11, 15),
      until: Date.UTC(2026, 9, 6, 11, 30),
    });
    expect(at('other', '2026-10-06', '2026-10-06')).to.deep.equal({
      since: Date.UTC(2026, 9, 5, 21),
      until: Date.UTC(2026, 9, 6, 21),
    });
    expect(at('other')).to.deep.equal({ since: null, until: null });
    expect(readNairobi('2026-13-41T99:99')).to.equal(null);
  });
});
