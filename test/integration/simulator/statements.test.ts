// Statement exports in both formats (daraja.md section 7), read back with the libraries that Lango's importer uses: what
// the portal's files look like, the traps in them, and a running balance that holds.

import { read, utils } from '@e965/xlsx';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import type { Stage } from './stage.ts';
import { openStage } from './stage.ts';

const shortcode = '600966';
const dayAt = Date.UTC(2026, 9, 4, 21);
const minuteMs = 60_000;
type Rows = (string | number)[][];

describe('the simulator’s statements', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
    const { control } = stage.simulator;
    control.registerShortcode({ shortcode, passkey: 'x', kind: 'paybill', name: 'EXAMPLE TRADERS' });
    await control.record.book([
      {
        shortcode,
        at: dayAt + minuteMs,
        amount: 150,
        phone: '254712345678',
        account: 'INV-1042',
        receipt: 'UJ5AAAAAA1',
      },
      {
        shortcode,
        at: dayAt + 2 * minuteMs,
        amount: 1_100,
        phone: '254722000126',
        account: 'A,B "C"',
        receipt: 'UJ5AAAAAA2',
      },
      {
        shortcode,
        at: dayAt + 3 * minuteMs,
        kind: 'paybill',
        amount: 90,
        phone: '254110000999',
        account: 'X',
        receipt: 'UJ5AAAAAA3',
      },
      { shortcode, at: dayAt + 4 * minuteMs, kind: 'withdrawal', amount: 50_000, receipt: 'UJ5AAAAAA4' },
      { shortcode, at: dayAt + 5 * minuteMs, kind: 'sweep', amount: 700, receipt: 'UJ5AAAAAA5' },
      {
        shortcode,
        at: dayAt + 24 * 60 * minuteMs,
        amount: 60,
        phone: '254712345678',
        account: 'NEXT',
        receipt: 'UJ6AAAAAA1',
      },
    ]);
  });
  afterEach(() => stage.close());

  async function download(query: string): Promise<{ name: string; type: string; body: Buffer }> {
    const response = await fetch(`${stage.url}/control/statements?shortcode=${shortcode}&${query}`);
    expect(response.status).to.equal(200);
    const name = /filename="(.*)"$/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? '';
    const type = response.headers.get('content-type') ?? '';
    return { name, type, body: Buffer.from(await response.arrayBuffer()) };
  }

  const day = 'from=2026-10-05&to=2026-10-05';
  const sheetRows = (body: Buffer, sheet: string): Rows =>
    utils.sheet_to_json(read(body).Sheets[sheet]!, { header: 1 });
  const csvRows = (body: Buffer): Rows => parse(body, { relaxColumnCount: true });
  const column = (rows: Rows, index: number): unknown[] => rows.map((row) => row[index]);

  it('the classic one has a preamble, 14 columns and the newest row first', async () => {
    const { name, type, body } = await download(`${day}&format=classic&type=csv`);
    expect(name).to.equal('ORG_600966_UtilityAccount_All_20261006141530.csv');
    expect(type).to.include('text/csv');
    const lines = body.toString().split('\n');
    expect(lines.slice(0, 8)).to.deep.equal([
      'Account Holder:,EXAMPLE TRADERS',
      'Short Code:,600966',
      'Account:,Utility Account',
      'Time Period:,From,05-10-2026 00:00:00,To,05-10-2026 23:59:59',
      'Operator:,WEBUSER,Organization:,EXAMPLE TRADERS,Date of Report:,06-10-2026 14:15:30',
      'Opening Balance:,100000.00,Closing Balance:,51315.00,Available Balance:,,Total Paid In:,2040.00,Total Withdrawn:,-50725.00',
      'Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency',
      'UJ5AAAAAA5,05-10-2026 00:05:00,05-10-2026 00:05:00,Organization Settlement Account to Organization MMF Account,Completed,700.00,,51315.00,true,Organization Settlement Account to Organization MMF Account,,,,KES',
    ]);
    expect(lines.find((line) => line.startsWith('UJ5AAAAAA1') && line.includes('Acc.'))).to.equal(
      'UJ5AAAAAA1,05-10-2026 00:01:00,05-10-2026 00:00:53,Pay Bill Online from 25471****678 - MERCY **** MUTUA Acc. INV-1042,Completed,150.00,,100150.00,true,Pay Bill Online,25471****678 - MERCY **** MUTUA,, INV-1042,KES',
    );
  });

  it('has a charge under the receipt of its payment, sweeps in pairs, and a space before the account', async () => {
    const rows = csvRows((await download(`${day}&format=classic&type=csv`)).body).slice(7);
    expect(column(rows, 0).map((receipt) => String(receipt).slice(-1))).to.deep.equal(
      [...('5543221' + '1')].map(String),
    );
    const charge = rows.find((row) => row[9] === 'Pay Bill Charge')!;
    expect(charge.slice(5)).to.deep.equal(['', '-20.00', '101225.00', 'true', 'Pay Bill Charge', 'SP', '', '', 'KES']);
    expect(column(rows, 12)).to.include.members([' INV-1042', ' A,B "C"', ' X']);
    const byHand = rows.find((row) => row[12] === ' X')!;
    expect(byHand[3]).to.match(/^Pay Bill from 25411\*{4}999 - /);
    expect(byHand[9]).to.equal('Pay Utility');
  });

  it('the running balance holds over every row, in each file of each format', async () => {
    for (const [format, type, sheet] of [
      ['classic', 'csv', ''],
      ['classic', 'xls', 'transaction'],
      ['newer', 'csv', ''],
      ['newer', 'xlsx', 'Statements'],
    ] as const) {
      const { body } = await download(`from=2026-10-05&to=2026-10-06&format=${format}&type=${type}`);
      const all = type === 'csv' ? csvRows(body) : sheetRows(body, sheet);
      const rows = all.slice(format === 'classic' ? 7 : 1).reverse();
      const [paidIn, balance] = format === 'classic' ? [5, 7] : [4, 6];
      const amount = (cell: unknown): number => Number(String(cell ?? '').replaceAll(',', '') || 0);
      let running = 100_000;
      for (const row of rows) {
        running += amount(row[paidIn]) + amount(row[paidIn + 1]);
        expect(amount(row[balance]), `${format} ${type} ${row[0]}`).to.equal(running);
      }
      expect(rows).to.have.length(9);
    }
  });

  it('an .xls is BIFF with numbers where money is, and text where times are', async () => {
    const { name, type, body } = await download(`${day}&format=classic&type=xls`);
    expect(name).to.match(/^ORG_600966_UtilityAccount_All_\d{14}\.xls$/);
    expect(type).to.equal('application/vnd.ms-excel');
    expect(body.subarray(0, 4).toString('hex')).to.equal('d0cf11e0');
    const rows = sheetRows(body, 'transaction');
    expect(rows[5]!.slice(0, 4)).to.deep.equal(['Opening Balance:', 100_000, 'Closing Balance:', 51_315]);
    const payment = rows.find((row) => row[12] === ' INV-1042')!;
    expect(payment.slice(5, 9)).to.deep.equal([150, '', 100_150, 'true']);
    expect(payment[1]).to.equal('05-10-2026 00:01:00');
    expect(payment).to.have.length(14);
  });

  it('older classic files lack the Currency', async () => {
    const rows = csvRows((await download(`${day}&columns=13`)).body).slice(6);
    expect(new Set(rows.map(({ length }) => length))).to.deep.equal(new Set([13]));
  });

  it('the newer one has seven columns of text and no preamble', async () => {
    const { name, body } = await download(`${day}&format=newer&type=csv`);
    expect(name).to.equal('Statements for 600966 from 2026-10-05 to 2026-10-05.csv');
    const lines = body.toString().split('\r\n');
    expect(lines[0]).to.equal(
      'Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)',
    );
    expect(lines).to.include(
      'UJ5AAAAAA2,05/10/2026 00:02:00,"Pay Bill Online from 25472****126 - JOHN **** WANJIKU Acc. A,B ""C""",Completed,"1,100.00",0.00,"101,245.00"',
    );
    expect(lines).to.include(
      'UJ5AAAAAA4,05/10/2026 00:04:00,Agency Withdrawal of funds to Bank,Completed,0.00,"-50,000.00","51,315.00"',
    );
    const sheet = read((await download(`${day}&format=newer&type=xlsx`)).body).Sheets.Statements!;
    expect(sheet.E2).to.include({ t: 's', v: '700.00' });
  });

  it('is today’s without a period, and refuses one that makes no sense', async () => {
    await stage.simulator.control.record.payByHand({ shortcode, amount: 5, phone: '254712345678', account: 'NOW' });
    expect((await download('format=newer')).body.toString()).to.include('Acc. NOW');
    for (const query of ['from=yesterday', 'from=2026-10-06&to=2026-10-05', 'format=newest', 'type=pdf']) {
      expect((await fetch(`${stage.url}/control/statements?shortcode=${shortcode}&${query}`)).status, query).to.equal(
        400,
      );
    }
  });
});
