// Pull Transactions as Safaricom has it (daraja.md section 6.4): the nested array, rows by offset, the reach of 48 hours,
// and the shapes in which it says that there is nothing.

import { expect } from 'chai';
import { pullTime } from '../../../src/simulator/nairobi-time.ts';
import type { Answer, Stage } from './stage.ts';
import { openStage } from './stage.ts';

const hourMs = 3_600_000;
const phone = '254712345678';

describe('the simulator’s Pull', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  const register = (): Promise<Answer> =>
    stage.daraja('/pulltransactions/v1/register', {
      ShortCode: '600966',
      RequestType: 'Pull',
      NominatedNumber: '0722000000',
      CallBackURL: stage.callbackUrl,
    });

  function query(changes: Record<string, unknown> = {}): Promise<Answer> {
    const now = stage.clock.now();
    const period = { StartDate: pullTime(now - 48 * hourMs), EndDate: pullTime(now) };
    return stage.daraja('/pulltransactions/v1/query', { ShortCode: '600966', ...period, OffSetValue: '0', ...changes });
  }

  const rowsOf = ({ json }: Answer): Record<string, unknown>[] => (json.Response as Record<string, unknown>[][])[0]!;

  /** Payments a minute apart, the last one now. */
  function book(count: number): Promise<unknown> {
    const rows = Array.from({ length: count }, (_, index) => ({
      shortcode: '600966',
      at: stage.clock.now() - (count - 1 - index) * 60_000,
      amount: 100 + index,
      phone,
      account: `INV-${index}`,
    }));
    return stage.simulator.control.record.book(rows);
  }

  it('registers once, and says so the second time', async () => {
    expect((await register()).json).to.include({ ResponseStatus: '1000', ShortCode: '600966' });
    expect((await register()).json).to.include({ ResponseStatus: '1001' });
    stage.simulator.control.changeSettings({ pullKeys: 'spaced' });
    expect((await register()).json).to.include({ 'Response Status': '1001' });
  });

  it('tells a payment in the nested array, lower case, the amount as text', async () => {
    await register();
    await book(1);
    const answer = await query();
    const [entry] = stage.simulator.control.record.entries({ shortcode: '600966' });
    expect(answer.json).to.include({ ResponseCode: '1000', ResponseMessage: 'Success' });
    expect(answer.json.Response).to.deep.equal([
      [
        {
          transactionId: entry?.receipt,
          trxDate: '2026-10-06T14:15:30Z',
          msisdn: 712345678,
          sender: 'MPESA',
          transactiontype: 'c2b-pay-bill-debit',
          billreference: 'INV-0',
          amount: '100.00',
          organizationname: 'PAYBILL 600966',
        },
      ],
    ]);
    stage.simulator.control.changeSettings({ pullPhone: 'masked', pullTimes: 'utc' });
    expect(rowsOf(await query())[0]).to.include({ msisdn: '25471****678', trxDate: '2026-10-06T11:15:30Z' });
  });

  it('pages by rows, oldest first, until there is nothing', async () => {
    stage.simulator.control.changeSettings({ pullPageSize: 10 });
    await register();
    await book(25);
    const amounts: unknown[] = [];
    let offset = 0;
    let answer = await query();
    for (; answer.json.ResponseCode === '1000'; answer = await query({ OffSetValue: String(offset) })) {
      amounts.push(...rowsOf(answer).map(({ amount }) => amount));
      offset += rowsOf(answer).length;
    }
    expect(answer.json).to.include({ ResponseCode: '1001' });
    expect(answer.json.Response).to.deep.equal([[]]);
    expect(amounts).to.deep.equal(Array.from({ length: 25 }, (_, index) => `${100 + index}.00`));
    expect(stage.simulator.ledger.pulls.map(({ rows }) => rows)).to.deep.equal([10, 10, 5, 0]);
  });

  it('reaches back 48 hours and no further, and keeps to the period', async () => {
    await register();
    await book(3);
    const atFirst = rowsOf(await query({ StartDate: '2026-10-06 14:15:00', EndDate: '2026-10-06 14:15:30' }));
    expect(atFirst.map(({ amount }) => amount)).to.deep.equal(['102.00']);
    const edge = stage.clock.now() - 48 * hourMs;
    const row = { shortcode: '600966', phone, account: 'OLD' };
    await stage.simulator.control.record.book([
      { ...row, at: edge - 1_000, amount: 1 },
      { ...row, at: edge, amount: 2 },
    ]);
    const all = rowsOf(await query({ StartDate: '2026-10-01 00:00:00' }));
    expect(all.map(({ amount }) => amount)).to.deep.equal(['2.00', '100.00', '101.00', '102.00']);
  });

  it('knows neither charges nor reversals', async () => {
    await register();
    const { record } = stage.simulator.control;
    const at = stage.clock.now() - hourMs;
    const [entry] = await record.book([{ shortcode: '600966', at, amount: 5_000, phone, account: 'A' }]);
    record.spoil(entry!.receipt, { kind: 'reversal' });
    expect(record.entries({ shortcode: '600966' }).map(({ kind }) => kind)).to.deep.equal([
      'payment',
      'charge',
      'reversal',
    ]);
    expect(rowsOf(await query())).to.have.length(1);
  });

  it('refuses what Safaricom refuses', async () => {
    expect((await query()).json).to.include({ errorCode: '400.001', errorMessage: 'Invalid ShortCode' });
    await register();
    expect((await query({ OffSetValue: 'x' })).status).to.equal(400);
    expect((await query({ StartDate: '06-10-2026' })).status).to.equal(400);
    stage.simulator.control.changeSettings({ pullEmpty: '500' });
    expect((await query()).status).to.equal(500);
    stage.simulator.control.setFault({ group: 'pull', fault: 'waf_503', reach: 'next' });
    expect((await query()).text).to.include('Incapsula');
    stage.simulator.control.expireTokens();
    const refused = await query();
    expect(refused.status).to.equal(401);
    expect(refused.json.errorCode).to.equal('401.001');
  });
});
