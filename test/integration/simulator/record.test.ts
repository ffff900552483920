// M-PESA's record and what can be planted in it: exactly as many faults as a test asked for, each seen by the sources it
// is meant for, and a day of 10,000 payments booked at once.

import { expect } from 'chai';
import type { Entry } from '../../../src/simulator/account-book.ts';
import type { RecordControl } from '../../../src/simulator/record-control.ts';
import type { Received, Stage } from './stage.ts';
import { openStage, to } from './stage.ts';

const shortcode = '174379';

describe('M-PESA’s record in the simulator', () => {
  let stage: Stage;
  let record: RecordControl;
  beforeEach(async () => {
    stage = await openStage();
    record = stage.simulator.control.record;
  });
  afterEach(() => stage.close());

  const kinds = (): string[] => record.entries({ shortcode }).map(({ kind }) => kind);
  const confirmations = (): Received[] => stage.callbacks.filter(({ path }) => path === '/c2b/confirmation');

  async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const init: RequestInit = { method };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(`${stage.url}/control${path}`, init);
    return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
  }

  async function payPush(phone: string, changes: Record<string, unknown> = {}): Promise<string> {
    await stage.push({ ...to(phone), ...changes });
    stage.simulator.control.answer({ phone }, 'pin');
    await stage.simulator.control.callbacksDone();
    return stage.simulator.ledger.pushesOf(phone).at(-1)!.result!.receipt!;
  }

  it('has a paid push with its receipt and its charge, and nothing of one that was cancelled', async () => {
    const receipt = await payPush('254722000001');
    await stage.push(to('254722000002'));
    stage.simulator.control.answer({ phone: '254722000002' }, 'cancel');
    const [payment, charge, ...more] = record.entries({ shortcode });
    expect(payment).to.include({
      kind: 'payment',
      receipt,
      amount: 150,
      account: 'INV-1042',
      reason: 'Pay Bill Online',
    });
    expect(charge).to.include({ kind: 'charge', receipt, amount: -5 });
    expect(more).to.deep.equal([]);
    expect(record.balanceOf(shortcode)).to.equal(100_145);
  });

  it('has no charges where the customer pays them', async () => {
    stage.simulator.control.changeSettings({ businessPaysCharges: false });
    await payPush('254722000001');
    expect(kinds()).to.deep.equal(['payment']);
  });

  it('keeps silent about a payment: everywhere, and then no money moved', async () => {
    await stage.registerUrls();
    await call('POST', '/ledger/faults', { kind: 'missing', next: 2 });
    for (const phone of ['254722000001', '254722000002', '254722000003']) await payPush(phone);
    expect(stage.callbacks.filter(({ path }) => path.startsWith('/callbacks'))).to.have.length(3);
    expect(confirmations()).to.have.length(1);
    for (const source of ['pull', 'statement'] as const) {
      const payments = record.entries({ shortcode }, source).filter(({ kind }) => kind === 'payment');
      expect(payments.map(({ phone }) => phone)).to.deep.equal(['254722000003']);
    }
    expect(record.balanceOf(shortcode)).to.equal(100_145);
  });

  it('or in one source only, and then the balance jumps', async () => {
    await payPush('254722000001');
    const hidden = await payPush('254722000002');
    await payPush('254722000003');
    await call('POST', '/ledger/faults', { kind: 'missing', from: ['statement'], receipt: hidden });
    expect(record.entries({ shortcode }, 'pull')).to.have.length(3);
    const { body } = await record.statement({ shortcode, format: 'newer' });
    const lines = body.toString().trim().split('\r\n').slice(1);
    expect(lines).to.have.length(4);
    expect(body.toString()).not.to.include(hidden);
    expect(lines.map((line) => /"([\d,.]+)"$/.exec(line)?.[1])).to.deep.equal([
      '100,435.00',
      '100,440.00',
      '100,145.00',
      '100,150.00',
    ]);
  });

  it('records another amount than the callback said', async () => {
    await stage.registerUrls();
    await call('POST', '/ledger/faults', { kind: 'wrong_amount', phone: '254722000002' });
    await payPush('254722000001');
    const receipt = await payPush('254722000002');
    expect(confirmations().map(({ text }) => JSON.parse(text).TransAmount)).to.deep.equal(['150.00', '149.00']);
    expect(record.entries({ shortcode }).find((entry) => entry.receipt === receipt)?.amount).to.equal(149);
    await call('POST', '/ledger/faults', { kind: 'wrong_amount', amount: 1_500, receipt });
    expect(record.balanceOf(shortcode)).to.equal(100_000 + 150 - 5 + 1_500 - 5);
    record.plant({ fault: { kind: 'wrong_amount', amount: 150 } });
    await payPush('254722000003');
    expect(record.entries({ shortcode }).at(-2)).to.include({ amount: 149, planted: 'wrong_amount' });
  });

  it('has a customer who pays once more, with a receipt of its own, a minute later', async () => {
    await stage.registerUrls();
    record.plant({ fault: { kind: 'duplicate' } });
    const receipt = await payPush('254722000001');
    expect(confirmations()).to.have.length(1);
    await stage.clock.advance(60_000);
    await stage.simulator.control.callbacksDone();
    const payments = record.entries({ shortcode }).filter(({ kind }) => kind === 'payment');
    expect(payments.map((entry) => [entry.account, entry.amount, entry.phone, entry.planted])).to.deep.equal([
      ['INV-1042', 150, '254722000001', 'duplicate'],
      ['INV-1042', 150, '254722000001', 'second_payment'],
    ]);
    expect(payments[1]!.receipt).not.to.equal(receipt);
    expect(confirmations()).to.have.length(2);
  });

  it('gives a payment back, with a row that names it', async () => {
    const receipt = await payPush('254722000001');
    await call('POST', '/ledger/faults', { kind: 'reversal', receipt, afterMs: 0 });
    const reversal = record.entries({ shortcode }).at(-1)!;
    expect(reversal).to.include({
      kind: 'reversal',
      amount: -150,
      linkedReceipt: receipt,
      reason: 'Pay Bill Reversal',
    });
    const classic = (await record.statement({ shortcode })).body.toString().split('\n')[7];
    expect(classic).to.equal(
      `${reversal.receipt},06-10-2026 14:15:30,06-10-2026 14:15:30,Pay Bill Reversal to 25472****001 - JANE **** OTIENO Acc. INV-1042 Original Transaction ID ${receipt},Completed,,-150.00,99995.00,true,Pay Bill Reversal,25472****001 - JANE **** OTIENO,${receipt}, INV-1042,KES`,
    );
  });

  it('has a customer who pays without being asked, to any account', async () => {
    await stage.registerUrls();
    const payment = { shortcode, amount: 70, phone: '254722000001', account: 'no such account' };
    const { receipt } = await call('POST', '/ledger/payments', payment);
    expect(JSON.parse(confirmations()[0]!.text)).to.include({ TransID: receipt, BillRefNumber: 'no such account' });
    expect(record.entries({ shortcode })[0]).to.include({ receipt, planted: 'orphan', reason: 'Pay Utility' });
  });

  it('says what it cannot do, and does nothing', async () => {
    const row = { shortcode, at: '2026-10-05T08:00:00+03:00', amount: 10, account: 'A', receipt: 'UJ5AAAAAA1' };
    expect((await call('POST', '/ledger', { rows: [row] })).error).to.equal('A payment needs a phone.');
    const good = { ...row, phone: '254722000001' };
    expect((await call('POST', '/ledger', { rows: [good, good] })).error).to.include('UJ5AAAAAA1 is taken');
    expect((await call('POST', '/ledger', { rows: [{ ...good, at: 'once' }] })).status).to.equal(400);
    expect(kinds()).to.deep.equal([]);
    expect((await call('POST', '/ledger/faults', { kind: 'missing', receipt: 'UJ5AAAAAA1' })).status).to.equal(400);
    expect((await call('POST', '/ledger/faults', { kind: 'missing', next: 1, phone: good.phone })).status).to.equal(
      400,
    );
    expect((await call('GET', '/state')).recordFaults).to.deep.equal([]);
  });

  it('books a day of 10,000 payments over HTTP, with exactly the faults that were planted', async () => {
    const dayAt = Date.UTC(2026, 9, 4, 21);
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      shortcode: '600966',
      at: dayAt + index * 8_000,
      amount: 50 + (index % 700),
      phone: `2547${String(10_000_000 + index)}`,
      account: `INV-${index}`,
    }));
    for (const kind of ['missing', 'wrong_amount', 'duplicate', 'reversal']) {
      await call('POST', '/ledger/faults', { kind, next: 3 });
    }
    const booked = await call('POST', '/ledger', { rows });
    expect(booked.booked).to.equal(10_000);
    expect(new Set(booked.receipts as string[]).size).to.equal(10_000);
    for (let left = 3; left > 0; left--) {
      const payment = { shortcode: '600966', amount: 5, phone: '254722000001', account: 'WHO', at: dayAt + left };
      await call('POST', '/ledger/payments', payment);
    }
    const day = { shortcode: '600966', from: '2026-10-05', to: '2026-10-05' };
    const entries = (await (await fetch(`${stage.url}/control/ledger?${new URLSearchParams(day)}`)).json()) as Entry[];
    const planted = (kind: string): number => entries.filter((entry) => entry.planted === kind).length;
    const counts = ['missing', 'wrong_amount', 'duplicate', 'second_payment', 'reversal', 'reversal_row', 'orphan'];
    expect(counts.map(planted)).to.deep.equal([3, 3, 3, 3, 3, 3, 3]);
    const told = record.entries(day, 'pull');
    expect(told).to.have.length(10_000 - 3 + 3 + 3);
    const csv = (await record.statement({ ...day, format: 'newer' })).body.toString();
    const withMoneyIn = csv.split('\r\n').filter((line) => / Acc\. .*,Completed,"?[1-9]/.test(line));
    expect(withMoneyIn).to.have.length(told.length);
  });

  it('leaves nothing behind after a reset', async () => {
    await stage.registerUrls();
    record.plant({ fault: { kind: 'duplicate' }, next: 5 });
    await payPush('254722000001');
    stage.simulator.control.reset();
    await stage.clock.advance(120_000);
    expect(kinds()).to.deep.equal([]);
    const state = await call('GET', '/state');
    expect(state.recordFaults).to.deep.equal([]);
    expect(state.c2bUrls).to.deep.equal([]);
  });
});
