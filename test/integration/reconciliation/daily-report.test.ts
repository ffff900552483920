// GET /v1/reports/daily: what became of a tenant's payments of one Nairobi day, counted by status, failure and shortcode,
// within the tenant's walls and the key's mode.

import { expect } from 'chai';
import type { FailureCode } from '../../../src/payments/failures.ts';
import { type Status, statuses } from '../../../src/payments/payment.ts';
import { endOfDay } from '../../../src/reconciliation/nairobi-days.ts';
import { nairobi } from '../../support/books-stage.ts';
import { type Answer, buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { insertSeeded, seededRows } from '../../support/seeded-payments.ts';

const monday = '2026-10-05';

describe('the daily report', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    tenant = await app.addTenant();
  });
  after(() => app.close());

  interface Made {
    at: string;
    kes: number;
    to?: Status;
    failureCode?: FailureCode | null;
    whose?: TestTenant;
    mode?: 'test' | 'live';
  }

  async function made({
    at,
    kes,
    to = 'succeeded',
    failureCode = null,
    whose = tenant,
    mode = 'test',
  }: Made): Promise<string> {
    const createdAt = nairobi(at);
    const given = { tenantId: whose.id, shortcodeId: whose.shortcodeId, createdAt, amountKes: kes, mode };
    const steps = to === 'queued' ? [] : [{ to, at: createdAt + 20_000, failureCode }];
    const { payment, ...rows } = seededRows(given, steps);
    await insertSeeded(app.gateway.core.db, rows);
    return payment.id;
  }

  const read = (query: string, key = tenant.key): Promise<Answer> => app.call(`/v1/reports/daily${query}`, { key });
  const report = async (date = monday, key = tenant.key): Promise<Answer['body']> => {
    const { status, body, text } = await read(`?date=${date}`, key);
    expect(status, text).to.equal(200);
    return body;
  };

  it('counts and sums by status, with every status there', async () => {
    for (const [index, to] of statuses.entries())
      for (let count = 0; count <= index; count += 1)
        await made({ at: `${monday} 10:00:00`, kes: 10 * (index + 1), to });
    const { by_status, totals, ...about } = await report();
    expect(Object.keys(by_status)).to.have.members([...statuses]);
    for (const [index, status] of statuses.entries())
      expect(by_status[status], status).to.deep.equal({ count: index + 1, amount: 10 * (index + 1) ** 2 });
    expect(totals).to.deep.equal({ count: 45, amount: 2850, amount_received: by_status.succeeded.amount });
    expect(about).to.include({
      object: 'daily_report',
      mode: 'test',
      date: monday,
      timezone: 'Africa/Nairobi',
      currency: 'KES',
    });
  });

  it('takes what arrived for received, and what was asked for where M-PESA told no amount', async () => {
    const more = await made({ at: `${monday} 10:00:00`, kes: 100 });
    await app.gateway.core.db('payments').where({ id: more }).update({ amount_received_kes: 130 });
    await made({ at: `${monday} 10:00:00`, kes: 50 });
    const held = await made({ at: `${monday} 10:00:00`, kes: 70, to: 'needs_review' });
    await app.gateway.core.db('payments').where({ id: held }).update({ amount_received_kes: 60 });
    expect((await report()).totals).to.deep.equal({ count: 3, amount: 220, amount_received: 180 });
  });

  it('begins and ends at midnight in Nairobi', async () => {
    await made({ at: '2026-10-04 23:59:59', kes: 1 });
    await made({ at: `${monday} 00:00:00`, kes: 10 });
    await made({ at: `${monday} 23:59:59`, kes: 100 });
    await made({ at: '2026-10-06 00:00:00', kes: 1000 });
    const day = await report();
    expect(day.totals.amount).to.equal(110);
    expect(day).to.include({ from: '2026-10-04T21:00:00.000Z', to: '2026-10-05T21:00:00.000Z', complete: true });
  });

  it('ranks failures, and leaves out what is not decided', async () => {
    const fail = (failureCode: FailureCode | null, to: Status, kes: number) =>
      made({ at: `${monday} 10:00:00`, kes, to, failureCode });
    await fail('insufficient_funds', 'failed', 10);
    await fail('cancelled_by_customer', 'cancelled', 20);
    await fail('cancelled_by_customer', 'cancelled', 30);
    await fail(null, 'expired', 40);
    await fail(null, 'unknown', 50);
    const { failures } = await report();
    expect(failures).to.deep.equal([
      { code: 'cancelled_by_customer', category: 'customer', count: 2, amount: 50 },
      { code: 'insufficient_funds', category: 'customer', count: 1, amount: 10 },
      { code: 'unknown_result', category: 'provider', count: 1, amount: 40 },
    ]);
  });

  it('tells the shortcodes apart', async () => {
    const { db } = app.gateway.core;
    const second = { ...tenant, shortcodeId: 'sc_00000000000000000000000002' };
    await made({ at: `${monday} 10:00:00`, kes: 100 });
    const other = await made({
      at: `${monday} 10:00:00`,
      kes: 70,
      to: 'failed',
      failureCode: 'wrong_pin',
      whose: second,
    });
    await db('payments').where({ id: other }).update({ shortcode: '123456' });
    const { shortcodes, totals } = await report();
    expect(
      shortcodes.map(({ id, shortcode, totals: its }: Answer['body']) => [id, shortcode, its.amount]),
    ).to.deep.equal([
      [second.shortcodeId, '123456', 70],
      [tenant.shortcodeId, '174379', 100],
    ]);
    expect(shortcodes[0].failures).to.have.length(1);
    expect(shortcodes[1].by_status.succeeded).to.deep.equal({ count: 1, amount: 100 });
    expect(totals.count).to.equal(2);
  });

  it('has nothing of another tenant and of the other mode', async () => {
    const stranger = await app.addTenant();
    await made({ at: `${monday} 10:00:00`, kes: 100 });
    await made({ at: `${monday} 10:00:00`, kes: 1000, mode: 'live' });
    const theirs = await report(monday, stranger.key);
    expect(theirs.totals).to.deep.equal({ count: 0, amount: 0, amount_received: 0 });
    expect([theirs.shortcodes, theirs.failures]).to.deep.equal([[], []]);
    expect((await report()).totals.amount).to.equal(100);
  });

  it('says of a day that is not over that it is not complete, until it is over', async () => {
    const today = '2026-10-06';
    const now = app.clock.now();
    await made({ at: `${today} 08:00:00`, kes: 40, to: 'queued' });
    const going = await report(today);
    expect(going).to.include({ complete: false });
    expect(going.totals).to.deep.equal({ count: 1, amount: 40, amount_received: 0 });
    app.clock.set(endOfDay(today) - 1);
    expect(await report(today)).to.include({ complete: false });
    app.clock.set(endOfDay(today));
    expect(await report(today)).to.include({ complete: true });
    app.clock.set(now);
  });

  it('needs a day, of the calendar and not of the future, and names the parameter that is wrong', async () => {
    const wrong: readonly [query: string, code: string, parameter?: string][] = [
      ['', 'required'],
      ['?date=', 'wrong_format'],
      ['?date=2026-02-30', 'wrong_format'],
      ['?date=06.10.2026', 'wrong_format'],
      ['?date=2026-10-06T00:00:00Z', 'wrong_format'],
      [`?date=${monday}&date=2026-10-06`, 'wrong_type'],
      ['?date=2026-10-07', 'out_of_range'],
      ['?date=1999-12-31', 'out_of_range'],
      [`?date=${monday}&shortcode=174379`, 'unknown_field', 'shortcode'],
    ];
    for (const [query, code, parameter = 'date'] of wrong) {
      const { status, body } = await read(query);
      expect(status, query).to.equal(400);
      expect(body.code, query).to.equal('invalid_request');
      expect(body.errors[0], query).to.include({ parameter, code });
    }
  });
});
