// Pulling a shortcode's transactions: on its schedule, by row offset until there is none, once whoever does it, and
// honest about what it could not see. The simulator tells what it tells; a stub tells what it never should.

import { expect } from 'chai';
import type { Entry } from '../../../src/simulator/account-book.ts';
import { buildGateway, freshPhone, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { feedRow, freshNumber, freshReceipt, linesOf, registerPull } from '../../support/feeds.ts';
import { eventually } from '../../support/gateway-process.ts';
import { rest, sendCallback, tellStory } from '../../support/payment-story.ts';
import { openPullStub, type PullStub, type StubAnswer } from '../../support/pull-stub.ts';

const minute = 60_000;
const hour = 60 * minute;

async function coverageOf(app: TestGateway, { shortcodeId }: TestTenant): Promise<[number, number][]> {
  const rows = await app.gateway.core.db('coverages').where({ shortcode_id: shortcodeId, source: 'pull' });
  return rows.map(({ from_at, to_at }): [number, number] => [Number(from_at), Number(to_at)]).sort();
}

describe('pulling from the simulator', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  let number: string;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    // Those of the tests before come due as the clock moves.
    await app.gateway.core.db('feeds').del();
    number = freshNumber();
    tenant = await app.addTenant({ shortcode: number });
  });
  afterEach(() => {
    app.simulator.control.clearFaults();
    app.simulator.control.changeSettings({ pullEmpty: '1001', pullPageSize: 100, pullTimes: 'nairobi_z' });
  });
  after(() => app.close());

  /** Payments of the past, this long ago each. */
  function book(...agoMs: number[]): Promise<Entry[]> {
    const rows = agoMs.map((ago) => ({
      shortcode: number,
      kind: 'paybill' as const,
      at: app.clock.now() - ago,
      amount: 100,
      phone: freshPhone(),
      account: 'INV-1',
    }));
    return app.simulator.control.record.book(rows);
  }

  const queries = () => app.simulator.ledger.pulls.filter(({ shortcode }) => shortcode === number);
  const receipts = async () => (await linesOf(app, tenant)).map(({ receipt }) => receipt).sort();

  it('begins when it is registered, as far back as Safaricom tells, page by page until there is none', async () => {
    app.simulator.control.changeSettings({ pullPageSize: 3 });
    const entries = await book(47 * hour, 30 * hour, 5 * hour, 30 * minute, 20 * minute, 10 * minute, minute);
    await book(49 * hour);
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal([]);
    expect((await registerPull(app, tenant.shortcodeId)).outcome).to.equal('registered');
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    expect(await receipts()).to.deep.equal(entries.map(({ receipt }) => receipt).sort());
    expect(queries().map(({ offset }) => offset)).to.deep.equal([0, 3, 6, 7]);
    const now = app.clock.now();
    const [[from, to]] = (await coverageOf(app, tenant)) as [[number, number]];
    expect([now - from < 48 * hour, now - from > 47 * hour, to]).to.deep.equal([true, true, now]);
    const row = await feedRow(app, tenant.shortcodeId);
    expect(row).to.include({ pull_problem: null, pull_progress: null, lease_until: null });
    expect(Number(row?.pulled_at)).to.equal(now);
  });

  it('has the times right by whichever clock they are written', async () => {
    for (const pullTimes of ['nairobi_z', 'utc', 'plain'] as const) {
      app.simulator.control.changeSettings({ pullTimes });
      number = freshNumber();
      const other = await app.addTenant({ shortcode: number });
      const at = app.clock.now() - 3 * minute;
      await book(3 * minute, 40 * minute);
      await registerPull(app, other.shortcodeId);
      await app.gateway.feeds.pulls.sweep();
      const lines = await linesOf(app, other);
      expect(lines.map(({ completedAt }) => Math.floor(completedAt / 1000))).to.deep.equal(
        [at - 37 * minute, at].map((ms) => Math.floor(ms / 1000)),
      );
    }
  });

  it('pulls the last hour each quarter, six hours each hour, and 48 each night', async () => {
    await registerPull(app, tenant.shortcodeId);
    await app.gateway.feeds.pulls.sweep();
    const reaches: number[] = [];
    for (let step = 0; step < 15 * 20; step += 1) {
      await app.clock.advance(3 * minute);
      const before = queries().length;
      await app.gateway.feeds.pulls.sweep();
      for (const { from, to } of queries().slice(before)) reaches.push(Math.round((to - from) / hour));
    }
    const count = (hours: number): number => reaches.filter((reach) => reach === hours).length;
    expect(count(48)).to.equal(1);
    expect(count(6)).to.be.within(13, 15);
    expect(count(1)).to.be.within(40, 52);
    expect(await coverageOf(app, tenant)).to.have.length(1);
  }).timeout(60_000);

  it('pays a payment of which nothing else was heard, and one that ended without money', async () => {
    const story = tellStory(app, tenant);
    const made: { id: string; status: string }[] = [];
    for (const status of ['pending', 'cancelled']) {
      const phone = freshPhone();
      app.simulator.control.setFault({ group: 'callback', fault: 'lost', reach: 'next', phone });
      const { id } = await story.pay({ phone, reference: status.toUpperCase() });
      await story.until(id, 'pending');
      if (status === 'cancelled') await sendCallback(app, phone, { resultCode: '1032' });
      expect((await story.read(id)).status).to.equal(status);
      app.simulator.control.answer({ phone }, 'pin');
      made.push({ id, status });
    }
    await rest(app);
    await registerPull(app, tenant.shortcodeId);
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    for (const { id, status } of made) {
      const paid = await story.until(id, 'succeeded');
      expect(paid).to.include({ confirmed_by: 'pull', amount_received: paid.amount });
      expect(paid.mpesa_receipt).to.match(/^[A-Z0-9]{10}$/);
      expect(paid.flags).to.deep.equal(status === 'pending' ? [] : ['late', 'contradicted']);
      expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
    }
    const matched = async () => {
      const lines = await linesOf(app, tenant);
      return lines.every(({ status }) => status === 'matched') ? lines : undefined;
    };
    expect(await eventually('two matched lines', matched)).to.have.length(2);
  });

  it('adds nothing when it tells the same again, and closes the gap of what was told late', async () => {
    const [early] = await book(10 * minute);
    await registerPull(app, tenant.shortcodeId);
    await app.gateway.feeds.pulls.sweep();
    await app.clock.advance(16 * minute);
    const [late] = await book(20 * minute);
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    expect(await receipts()).to.deep.equal([early!.receipt, late!.receipt].sort());
  });

  it('ends as well where Safaricom answers 500 for nothing', async () => {
    app.simulator.control.changeSettings({ pullEmpty: '500' });
    const [entry] = await book(minute);
    await registerPull(app, tenant.shortcodeId);
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    expect(await receipts()).to.deep.equal([entry!.receipt]);
    expect(await coverageOf(app, tenant)).to.have.length(1);
  });

  it('takes a fresh token when its own was refused', async () => {
    await book(minute);
    await registerPull(app, tenant.shortcodeId);
    app.simulator.control.expireTokens();
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    expect(await linesOf(app, tenant)).to.have.length(1);
  });

  it('is pulled once by two workers that begin together', async () => {
    const beside = await buildGateway({ beside: app });
    try {
      app.simulator.control.changeSettings({ pullPageSize: 2 });
      await book(...Array.from({ length: 9 }, (_, index) => (index + 1) * minute));
      await registerPull(app, tenant.shortcodeId);
      const both = await Promise.all([app.gateway.feeds.pulls.sweep(), beside.gateway.feeds.pulls.sweep()]);
      expect(both.flat().filter((result) => result === 'done')).to.have.length(1);
      expect(both.flat().filter((result) => result !== 'done' && result !== 'busy')).to.deep.equal([]);
      expect(queries().map(({ offset }) => offset)).to.deep.equal([0, 2, 4, 6, 8, 9]);
      expect(await linesOf(app, tenant)).to.have.length(9);
    } finally {
      await beside.close();
    }
  });

  it('is not pulled before it is registered, in the sandbox it cannot be, and a second registration does no harm', async () => {
    const { db } = app.gateway.core;
    await db('shortcodes').where({ id: tenant.shortcodeId }).update({ environment: 'sandbox' });
    expect(await registerPull(app, tenant.shortcodeId)).to.include({ outcome: 'refused' });
    expect((await feedRow(app, tenant.shortcodeId)) ?? null).to.equal(null);
    await db('shortcodes').where({ id: tenant.shortcodeId }).update({ environment: 'simulator' });
    expect(await registerPull(app, tenant.shortcodeId)).to.include({ outcome: 'registered' });
    expect(await registerPull(app, tenant.shortcodeId)).to.include({ outcome: 'alreadyRegistered' });
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
  });
});

describe('pulling when Safaricom answers otherwise', () => {
  let app: TestGateway;
  let stub: PullStub;
  let tenant: TestTenant;
  before(async () => {
    stub = await openPullStub();
    app = await buildGateway({ env: { DARAJA_SIMULATOR_URL: stub.url } });
  });
  beforeEach(async () => {
    tenant = await app.addTenant({ shortcode: freshNumber() });
    await app.gateway.core.db('feeds').del();
    await makeDue(tenant);
    stub.asked.length = 0;
  });
  after(async () => {
    await app.close();
    await stub.close();
  });

  async function makeDue({ shortcodeId }: TestTenant): Promise<void> {
    const at = app.clock.now();
    await app.gateway.core.db('feeds').insert({ shortcode_id: shortcodeId, pull_registered_at: at, pull_due_at: at });
  }

  const rowOf = (receipt = freshReceipt()) => ({
    transactionId: receipt,
    trxDate: '2026-10-06T14:10:00Z',
    msisdn: 712345678,
    sender: 'MPESA',
    transactiontype: 'c2b-pay-bill-debit',
    billreference: 'INV-1',
    amount: '150.00',
  });
  const page = (...rows: object[]): StubAnswer => ({ body: { ResponseCode: '1000', Response: [rows] } });
  const nothing: StubAnswer = { body: { ResponseCode: '1001', Response: [[]] } };
  const sweep = () => app.gateway.feeds.pulls.sweep();
  const problem = async () => (await feedRow(app, tenant.shortcodeId))?.pull_problem;

  it('ends with a page that comes again, and does not call the stretch told', async () => {
    stub.answers(page(rowOf(), rowOf()));
    expect(await sweep()).to.deep.equal(['incomplete']);
    expect(stub.asked.map(({ OffSetValue }) => OffSetValue)).to.deep.equal(['0', '2']);
    expect(await linesOf(app, tenant)).to.have.length(2);
    expect(await coverageOf(app, tenant)).to.deep.equal([]);
    expect(await problem()).to.match(/same page/);
  });

  it('ends when the pages begin anew', async () => {
    const [first, second, third] = [page(rowOf()), page(rowOf()), page(rowOf())];
    stub.answers(first, second, third, first);
    expect(await sweep()).to.deep.equal(['incomplete']);
    expect(stub.asked).to.have.length(4);
    expect(await linesOf(app, tenant)).to.have.length(3);
  });

  it('keeps what it can read of a page, says what it could not, and does not call the stretch told', async () => {
    stub.answers(page(rowOf(), { transactionId: 'nonsense!' }, { amount: '1.00' }), nothing);
    expect(await sweep()).to.deep.equal(['incomplete']);
    expect(await linesOf(app, tenant)).to.have.length(1);
    expect(await problem()).to.match(/^2 of 3 rows could not be read/);
    expect(await coverageOf(app, tenant)).to.deep.equal([]);
  });

  const failures: [string, StubAnswer][] = [
    ['a firewall', { status: 503, body: '<html>Incapsula</html>' }],
    ['an internal error', { status: 500, body: { errorCode: '500.003.1001', errorMessage: 'Internal Server Error' } }],
    ['an invalid shortcode', { status: 400, body: { errorCode: '400.001', errorMessage: 'Invalid ShortCode' } }],
    ['a refused token', { status: 401, body: { errorCode: '401.001', errorMessage: 'Invalid Access Token' } }],
    ['half a body', { body: '{"Response": [[{"transa' }],
  ];
  for (const [what, answer] of failures)
    it(`notes ${what} in words, leaves the feed alone for longer each time, and is well again afterwards`, async () => {
      stub.answers(answer);
      for (const waitMs of [minute, 2 * minute, 4 * minute]) {
        expect(await sweep()).to.deep.equal(['failed']);
        expect(await problem()).to.match(/^M-PESA did not tell: /);
        expect(await sweep()).to.deep.equal([]);
        await app.clock.advance(waitMs - 1000);
        expect(await sweep()).to.deep.equal([]);
        await app.clock.advance(1000);
      }
      expect(await coverageOf(app, tenant)).to.deep.equal([]);
      stub.answers(page(rowOf()), nothing);
      expect(await sweep()).to.deep.equal(['done']);
      expect(await problem()).to.equal(null);
      expect(await linesOf(app, tenant)).to.have.length(1);
      const [[, to]] = (await coverageOf(app, tenant)) as [[number, number]];
      expect(to).to.equal(app.clock.now());
    });

  it('waits as long as it is told to', async () => {
    stub.answers({ status: 429, headers: { 'Retry-After': '600' }, body: { fault: { faultstring: 'Spike arrest' } } });
    expect(await sweep()).to.deep.equal(['failed']);
    await app.clock.advance(9 * minute);
    expect(await sweep()).to.deep.equal([]);
    await app.clock.advance(minute);
    expect(await sweep()).to.deep.equal(['failed']);
  });

  it('goes on after a failure with the page that failed, in the same stretch', async () => {
    const busy: StubAnswer = { status: 503, body: '' };
    stub.answers(page(rowOf(), rowOf()), busy, page(rowOf()), nothing);
    expect(await sweep()).to.deep.equal(['failed']);
    await app.clock.advance(minute);
    expect(await sweep()).to.deep.equal(['done']);
    expect(stub.asked.map(({ OffSetValue }) => OffSetValue)).to.deep.equal(['0', '2', '2', '3']);
    expect(new Set(stub.asked.map(({ StartDate, EndDate }) => `${StartDate} ${EndDate}`)).size).to.equal(1);
    expect(await linesOf(app, tenant)).to.have.length(3);
  });

  it('pulls the others while one fails', async () => {
    const others = [
      await app.addTenant({ shortcode: freshNumber() }),
      await app.addTenant({ shortcode: freshNumber() }),
    ];
    const number = (await app.gateway.core.db('shortcodes').where({ id: tenant.shortcodeId }).first()).shortcode;
    for (const other of others) await makeDue(other);
    stub.answers(({ ShortCode, OffSetValue }) => {
      if (ShortCode === number) return { status: 503, body: '' };
      return OffSetValue === '0' ? page(rowOf()) : nothing;
    });
    expect([...(await sweep())].sort()).to.deep.equal(['done', 'done', 'failed']);
    for (const other of others) expect(await linesOf(app, other)).to.have.length(1);
  });

  it('adds nothing after its lease was lost, and whoever took over finishes it', async () => {
    const { db } = app.gateway.core;
    stub.answers(async () => {
      await db('feeds').where({ shortcode_id: tenant.shortcodeId }).update({ lease_token: 'another' });
      return page(rowOf());
    });
    expect(await sweep()).to.deep.equal(['lost']);
    expect(await linesOf(app, tenant)).to.deep.equal([]);
    const row = await feedRow(app, tenant.shortcodeId);
    expect(row).to.include({ lease_token: 'another', pull_progress: null });
    stub.answers(page(rowOf()), nothing);
    expect(await sweep()).to.deep.equal([]);
    app.clock.set(Number(row?.lease_until));
    expect(await sweep()).to.deep.equal(['done']);
    expect(await linesOf(app, tenant)).to.have.length(1);
  });

  it('stops after the page under way when the process does, and another goes on there', async () => {
    const pages = [page(rowOf()), page(rowOf()), nothing];
    const beside = await buildGateway({ beside: app, env: { DARAJA_SIMULATOR_URL: stub.url } });
    let stopping: Promise<void> | undefined;
    stub.answers(
      () => {
        stopping = beside.gateway.feeds.pulls.stop();
        return pages[0]!;
      },
      ...pages.slice(1),
    );
    expect(await beside.gateway.feeds.pulls.sweep()).to.deep.equal(['stopped']);
    await stopping;
    await beside.close();
    expect(await sweep()).to.deep.equal(['done']);
    expect(stub.asked.map(({ OffSetValue }) => OffSetValue)).to.deep.equal(['0', '1', '2']);
    expect(await linesOf(app, tenant)).to.have.length(2);
  });

  it('asks within its budget, and goes on when there is room', async () => {
    const slow = await buildGateway({
      beside: app,
      env: { DARAJA_SIMULATOR_URL: stub.url, QUERY_RATE_PER_CREDENTIAL: '10;w=60' },
    });
    try {
      stub.answers(page(rowOf()), page(rowOf()), page(rowOf()), nothing);
      expect(await slow.gateway.feeds.pulls.sweep()).to.deep.equal(['paced']);
      expect(stub.asked).to.have.length(2);
      expect(await slow.gateway.feeds.pulls.sweep()).to.deep.equal([]);
      const row = await feedRow(app, tenant.shortcodeId);
      expect(Number(row?.pull_due_at)).to.be.greaterThan(app.clock.now());
      app.clock.set(Number(row?.pull_due_at));
      expect(await sweep()).to.deep.equal(['done']);
      expect(stub.asked.map(({ OffSetValue }) => OffSetValue)).to.deep.equal(['0', '1', '2', '3']);
      expect(await linesOf(app, tenant)).to.have.length(3);
    } finally {
      await slow.close();
    }
  });

  it('has no problem of another’s when its credentials cannot be read', async () => {
    await app.gateway.core.db('shortcodes').where({ id: tenant.shortcodeId }).update({ credentials_sealed: 'x.y' });
    stub.answers(nothing);
    expect(await sweep()).to.deep.equal(['failed']);
    expect(await problem()).to.match(/credentials cannot be read/);
    expect(stub.asked).to.deep.equal([]);
  });
});
