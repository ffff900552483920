// Files of both formats, as they are kept in test/fixtures/statements: every trap of daraja.md section 7, in text and in
// spreadsheets, told as the same lines.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { utils, write } from '@e965/xlsx';
import { expect } from 'chai';
import type { SourceLine } from '../../../src/mpesa/source-line.ts';
import { mostRows } from '../../../src/reconciliation/statement.ts';
import { emptyZip, hugeZip, lockedOldWorkbook, lockedWorkbook, lyingZip } from '../../support/bad-workbooks.ts';
import { type ReadStatement, readStatement, refusalOf } from '../../support/read-statement.ts';
import {
  type CsvOptions,
  classicRows,
  csvFile,
  ledgerOf,
  type Move,
  nairobi,
  newerRows,
  portalTime,
  workbookFile,
} from '../../support/statement-files.ts';

const folder = path.join(import.meta.dirname, '..', '..', 'fixtures', 'statements');
const fixtures = readdirSync(folder).sort();
const isNewer = (name: string): boolean => name.startsWith('Statements');
const at = (time: string): number => nairobi(`2026-10-06 ${time}`);

/** Receipt, kind, cents, balance, account, phone, name, completed. */
type Told = readonly [string, string, number, number | null, string | null, string | null, string | null, number];

const told = ({
  receipt,
  kind,
  amountCents,
  balanceCents,
  account,
  phone,
  payerName,
  completedAt,
}: SourceLine): Told => [
  ...([receipt, kind, amountCents, balanceCents, account, phone, payerName, completedAt] as const),
];

const expected: readonly Told[] = [
  ['UJ60000A01', 'payment', 15_000, 419_000, 'INV-1042', '25471****678', 'JANE **** DOE', at('08:00:05')],
  ['UJ60000A02', 'payment', 250_000, 669_000, 'INV-1043', '25472****108', 'PETER **** O’TIENO', at('08:10:00')],
  ['UJ60000A02', 'charge', -2500, 666_500, null, null, null, at('08:10:00')],
  ['UJ60000A03', 'payment', 9925, 676_425, 'school fee', '079****284', 'JOSÉ **** NJOROGE', at('09:30:41')],
  ['UJ60000A05', 'payment', 110_000, 786_425, null, '2547 ***** 126', 'GRACE NOACC', at('10:00:00')],
  ['UJ60000A06', 'reversal', -15_000, 771_425, 'INV-1042', '25471****678', 'JANE **** DOE', at('11:15:00')],
  ['UJ60000A07', 'payment', 123_456_700, 124_228_125, '=2+3', '254700****99', 'BIG BUYER', at('12:00:00')],
  ['UJ60000A08', 'float', -123_000_000, 1_228_125, null, null, null, at('23:09:07')],
];
/** What only the newer export has: other accounts of the organisation. */
const elsewhere: readonly Told[] = [
  ['UJ60000A08', 'float', 123_000_000, 123_000_000, null, null, null, at('23:09:07')],
  ['UJ60000A09', 'withdrawal', -123_000_000, 0, null, null, null, at('23:09:30')],
];

describe('statements as the portal exports them', function () {
  // Threads begin slowly on a machine that is busy with something else.
  this.timeout(90_000);
  const read = (name: string): Promise<ReadStatement> =>
    readStatement(readFileSync(path.join(folder, name)), { fileName: name });

  it('has a file of every format and type to read', () => {
    expect(fixtures.map((name) => [path.extname(name), isNewer(name)].join(' ')).sort()).to.deep.equal(
      ['.csv false', '.csv false', '.csv true', '.xls false', '.xlsx true'].sort(),
    );
  });

  for (const name of fixtures) {
    it(`reads the same lines: ${name}`, async () => {
      const { lines, format } = await read(name);
      expect(format).to.equal(isNewer(name) ? 'newer' : 'classic');
      const byReceipt = (one: Told, other: Told): number => one[0].localeCompare(other[0]) || one[3]! - other[3]!;
      const wanted = [...expected, ...(isNewer(name) ? elsewhere : [])];
      expect(lines.map(told).sort(byReceipt)).to.deep.equal([...wanted].sort(byReceipt));
      const reversal = lines.find(({ kind }) => kind === 'reversal');
      expect(reversal?.linkedReceipt).to.equal('UJ60000A01');
    });

    it(`says what is in it: ${name}`, async () => {
      const { summary, periodFrom, periodTo } = await read(name);
      const { rows, lines, skipped, errors, balance, kinds } = summary;
      const more = isNewer(name) ? 2 : 0;
      expect({ rows, lines }).to.deep.equal({ rows: 9 + more, lines: 8 + more });
      expect(errors).to.deep.equal({ count: 0, listed: [] });
      expect(skipped.listed.map(({ receipt, status }) => [receipt, status])).to.deep.equal([
        ['UJ60000A04', 'Declined'],
      ]);
      expect(balance.breaks.count).to.equal(0);
      expect(kinds.find(({ kind }) => kind === 'payment')).to.include({ count: 5, cents: 123_841_625 });
      expect([periodFrom, periodTo]).to.deep.equal([at('00:00:00'), at('23:59:59')]);
      expect(summary.coverage).to.deep.equal([{ from: at('00:00:00'), to: at('23:59:59') }]);
      if (isNewer(name)) return;
      expect(summary.preamble).to.deep.equal({
        shortcode: '600997',
        account: 'Utility Account',
        from: at('00:00:00'),
        to: at('23:59:59'),
        reportAt: nairobi('2026-10-07 08:00:00'),
        openingCents: 404_000,
        closingCents: 1_228_125,
      });
    });
  }
});

const moves: readonly Move[] = [
  {
    kind: 'payment',
    receipt: 'UJ60000B01',
    at: at('08:00:00'),
    amountCents: 10_000,
    account: 'A-1',
    party: '2547****111 - ÉVE, K',
  },
  {
    kind: 'payment',
    receipt: 'UJ60000B02',
    at: at('09:00:00'),
    amountCents: 20_000,
    account: 'A; "2"',
    party: '2547****222 - O’NEIL',
  },
];
const ledger = ledgerOf(moves, 0);
const namesOf = async (file: Buffer, pieceBytes = 1000): Promise<(string | null)[]> =>
  (await readStatement(file, { pieceBytes })).lines.map(({ payerName }) => payerName);

describe('texts', function () {
  // Threads begin slowly on a machine that is busy with something else.
  this.timeout(90_000);
  const ways: CsvOptions[] = (['utf8', 'utf8bom', 'utf16le', 'cp1252'] as const).flatMap((encoding) =>
    ([',', ';', '\t'] as const).map((separator) => ({ encoding, separator })),
  );
  for (const { encoding, separator } of ways)
    it(`reads ${encoding} with ${JSON.stringify(separator)}, wherever its pieces end`, async () => {
      const rows = classicRows(ledger);
      for (const lineEnd of ['\r\n', '\n', '\r'] as const) {
        const file = csvFile(rows, { encoding: encoding!, separator: separator!, lineEnd });
        for (const pieceBytes of [1, 7, 4096])
          expect(await namesOf(file, pieceBytes)).to.deep.equal(['O’NEIL', 'ÉVE, K']);
      }
    });

  it('takes quotes, line ends in them and rows that are too short or too long', async () => {
    const file = csvFile([...newerRows(ledger).map((row) => [...row, '']), ['UJ60000B03']]);
    const { lines, summary } = await readStatement(file);
    expect(lines.map(({ account }) => account)).to.deep.equal(['A; "2"', 'A-1']);
    expect(summary.errors.count).to.equal(0);
  });

  it('finds the header wherever it stands, and columns in any order', async () => {
    const turned = classicRows(ledger, { hasPreamble: false }).map((row) => [...row].reverse());
    const file = csvFile([...Array.from({ length: 50 }, (_, index) => [`Note ${index}`]), ...turned]);
    expect(await namesOf(file)).to.deep.equal(['O’NEIL', 'ÉVE, K']);
  });

  it('names the line of what cannot be read, says what to do, and takes the rest', async () => {
    const [head, second, first] = newerRows(ledger);
    const wrong = (column: number, value: string): (string | number)[] =>
      first!.map((cell, at) => (at === column ? value : cell));
    const rows = [
      head!,
      second!,
      wrong(1, '10/13/2026 08:00:00'),
      wrong(4, '1.100,00'),
      wrong(0, ''),
      wrong(5, '-5.00'),
      first!,
    ];
    const { lines, summary } = await readStatement(csvFile(rows));
    expect(lines).to.have.length(2);
    expect(summary.errors.listed.map(({ line }) => line)).to.deep.equal([3, 4, 5, 6]);
    const words = summary.errors.listed.map(({ detail }) => detail);
    expect(words[0]).to.match(/10\/13\/2026 08:00:00.*no time.*export the statement again/i);
    expect(words[1]).to.match(/1\.100,00.*Paid In.*must read like 1,100\.00/);
    expect(words[2]).to.match(/no receipt number/);
    expect(words[3]).to.match(/both Paid In and Withdrawn/);
    // What stands around them is not told completely.
    expect(summary.coverage).to.deep.equal([
      { from: at('08:00:00'), to: at('08:00:00') },
      { from: at('09:00:00'), to: at('09:00:00') },
    ]);
  });

  it('keeps a customer’s number out of what it says is wrong', async () => {
    const [head, second] = newerRows(ledger);
    const { summary } = await readStatement(
      csvFile([head!, ['254712345678', ...second!.slice(1)], ['2547-12345678', ...second!.slice(1)]]),
    );
    expect(JSON.stringify(summary.errors)).not.to.match(/\d{6}/);
  });
});

describe('spreadsheets', function () {
  // Threads begin slowly on a machine that is busy with something else.
  this.timeout(90_000);
  for (const type of ['xls', 'xlsx'] as const) {
    it(`reads date cells and numbers: .${type}`, async () => {
      const [head, ...rows] = classicRows(ledger, { hasPreamble: false, hasNumbers: true });
      const serial = (time: number): number => (time + 3 * 3_600_000) / 86_400_000 + 25_569;
      const dated = rows.map((row, index) => [row[0]!, serial(ledger[1 - index]!.at), ...row.slice(2)]);
      const sheet = utils.aoa_to_sheet([head!, ...dated]);
      for (const cell of ['B2', 'B3']) sheet[cell].z = 'dd/mm/yyyy hh:mm:ss';
      const book = utils.book_new(utils.aoa_to_sheet([['Another sheet']]), 'Notes');
      utils.book_append_sheet(book, sheet, 'transaction');
      const file = write(book, { type: 'buffer', bookType: type === 'xls' ? 'biff8' : 'xlsx' }) as Buffer;
      const { lines } = await readStatement(file);
      expect(lines.map(({ completedAt }) => completedAt)).to.deep.equal([at('09:00:00'), at('08:00:00')]);
      expect(lines.map(({ amountCents }) => amountCents)).to.deep.equal([20_000, 10_000]);
    });

    it(`never calculates a formula: .${type}`, async () => {
      const rows = newerRows(ledger);
      const sheet = utils.aoa_to_sheet(rows);
      sheet.E2 = { t: 'n', v: 200, f: '1/0' };
      const file = write(utils.book_new(sheet, 'Statements'), {
        type: 'buffer',
        bookType: type === 'xls' ? 'biff8' : 'xlsx',
      }) as Buffer;
      expect((await readStatement(file)).lines[0]!.amountCents).to.equal(20_000);
    });
  }

  it('tells a row by the number a spreadsheet program shows', async () => {
    const rows = classicRows(ledger);
    rows[7]![1] = 'soon';
    const { summary } = await readStatement(workbookFile(rows, 'xlsx'));
    expect(summary.errors.listed.map(({ line }) => line)).to.deep.equal([8]);
  });
});

describe('what a statement covers', function () {
  // Threads begin slowly on a machine that is busy with something else.
  this.timeout(90_000);
  const day = { from: at('00:00:00'), to: at('23:59:59') };
  const covered = async (options: Parameters<typeof classicRows>[1], rows = ledger): Promise<unknown> =>
    (await readStatement(csvFile(classicRows(rows, { ...day, reportAt: at('23:59:59') + 60_000, ...options })))).summary
      .coverage;
  const rowsOnly = { from: at('08:00:00'), to: at('09:00:00') };

  it('is its period, where its balances begin and end with those of its rows', async () => {
    expect(await covered({})).to.deep.equal([day]);
  });
  it('is no more than its rows where the heading promises more', async () => {
    expect(await covered({ openingCents: 1, closingCents: 2 })).to.deep.equal([rowsOnly]);
    expect(await covered({ openingCents: 1 })).to.deep.equal([{ from: rowsOnly.from, to: day.to }]);
  });
  it('ends where the report was made', async () => {
    expect(await covered({ reportAt: at('12:00:00') })).to.deep.equal([{ from: day.from, to: at('12:00:00') }]);
  });
  it('has a gap where rows are missing', async () => {
    const rows = ledgerOf([...moves, { ...moves[1]!, receipt: 'UJ60000B03', at: at('10:00:00') }]);
    expect(await covered({}, [rows[0]!, rows[2]!])).to.deep.equal([
      { from: day.from, to: at('08:00:00') },
      { from: at('10:00:00'), to: day.to },
    ]);
  });
  it('is a quiet day, where nothing moved', async () => {
    expect(await covered({ openingCents: 500, closingCents: 500 }, [])).to.deep.equal([day]);
    expect(await covered({ openingCents: 500, closingCents: 600 }, [])).to.deep.equal([]);
  });
  it('is nothing of payments, where the statement is of another account', async () => {
    expect(await covered({ account: 'Organization Settlement Account' })).to.deep.equal([]);
  });
  it('is the days in the portal’s file name, once they are over', async () => {
    const file = csvFile(newerRows(ledger));
    const fileName = 'Statements for 600997 from 2026-10-05 to 2026-10-06.csv';
    const read = async (now: number): Promise<unknown> =>
      (await readStatement(file, { fileName, now })).summary.coverage;
    expect(await read(nairobi('2026-10-07 06:00:00'))).to.deep.equal([
      { from: nairobi('2026-10-05 00:00:00'), to: day.to },
    ]);
    expect(await read(at('20:00:00'))).to.deep.equal([{ from: nairobi('2026-10-05 00:00:00'), to: at('09:00:00') }]);
  });
});

describe('files that are refused', function () {
  // Threads begin slowly on a machine that is busy with something else.
  this.timeout(90_000);
  const refuses = (why: string, words: RegExp, file: () => Buffer, options = {}): void => {
    it(`says so: ${why}`, async () => expect(await refusalOf(file(), options)).to.match(words));
  };
  refuses('an empty file', /empty/, () => Buffer.alloc(0));
  refuses('nothing but line ends', /empty/, () => Buffer.from('\r\n\r\n  \r\n'));
  refuses('no header', /No row names the columns.*first 60/, () => Buffer.from('a,b\n1,2\n'));
  refuses('a header too far below', /No row names the columns/, () =>
    csvFile([...Array.from({ length: 61 }, (_, index) => [`Note ${index}`]), ...newerRows(ledger)]),
  );
  refuses('a sheet without a header', /No row names the columns/, () =>
    workbookFile([['Account Holder:', 'Nobody']], 'xls'),
  );
  refuses('columns missing', /lacks the columns Withdrawn, Balance/, () =>
    csvFile(newerRows(ledger).map((row) => row.slice(0, 5))),
  );
  refuses('a PDF', /PDF.*CSV or Excel/, () => Buffer.from('%PDF-1.7\n…'));
  refuses('a web page', /web page.*signed you out/, () => Buffer.from('\n<!DOCTYPE html><html>'));
  refuses('a packed file', /packed/, () => Buffer.from('\u001f\u008b\u0008\u0000', 'latin1'));
  refuses('something binary', /no statement/, () => Buffer.from([1, 2, 0, 3, 0, 9, 9]));
  refuses('a zip that is no workbook', /zip, but no Excel file/, () => emptyZip('notes.txt'));
  refuses('a zip that ends in the middle', /damaged/, () => workbookFile(newerRows(ledger), 'xlsx').subarray(0, 3000));
  refuses('a compound file that is no workbook', /damaged|No row names/, () =>
    Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), Buffer.alloc(600)]),
  );
  refuses('an .xlsx with a password', /password/, () => lockedWorkbook());
  refuses('an .xls with a password', /password/, () => lockedOldWorkbook());
  refuses('a part that unpacks to more than it says', /unpacks to far more/, () => lyingZip());
  refuses('parts that unpack to more than a statement has', /unpacks to far more/, () => hugeZip());
  refuses('more than 20 MB', /at most 20 MB/, () => Buffer.alloc(20 * 1024 * 1024 + 1, 'a\n'), { pieceBytes: 1 << 20 });
  refuses('a quote that is never closed', /Line 2: a quote is opened/, () =>
    Buffer.from(`${csvFile(newerRows([])).toString()}"UJ60000B01,${'x,y\n'.repeat(20_000)}`),
  );
  refuses('the statement of another shortcode', /statement of 654321, not of 600997/, () =>
    csvFile(classicRows(ledger, { shortcode: '654321' })),
  );
  refuses('another shortcode in the file’s name', /statement of 654321/, () => csvFile(newerRows(ledger)), {
    fileName: 'Statements for 654321 from 2026-10-06 to 2026-10-06.csv',
  });
  refuses(
    'another shortcode in the classic name',
    /statement of 654321/,
    () => csvFile(classicRows(ledger, { hasPreamble: false })),
    {
      fileName: 'ORG_654321_UtilityAccount_All_20261007080000.csv',
    },
  );
  refuses(
    `more than ${mostRows} rows`,
    /more than 250000 rows/,
    () => {
      const row = `UJ60000B01,${portalTime(at('08:00:00'))},,Declined,,,\n`;
      return Buffer.from(
        'Receipt No,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance\n' + row.repeat(mostRows + 1),
      );
    },
    { pieceBytes: 1 << 16 },
  );

  it('takes a till by its store number or its own', async () => {
    const file = csvFile(classicRows(ledger, { shortcode: '5123456' }));
    expect((await readStatement(file, { numbers: ['600997', '5123456'] })).lines).to.have.length(2);
  });
});
