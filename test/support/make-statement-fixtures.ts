// Writes test/fixtures/statements: `node --import tsx test/support/make-statement-fixtures.ts`. One day of one invented
// paybill, in both formats of daraja.md section 7 and every type of file, with the traps listed there. The files are kept,
// so that what the importer reads does not change when this script or its libraries do.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { classicRows, csvFile, ledgerOf, nairobi, newerRows, workbookFile } from './statement-files.ts';

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'statements');
const day = '2026-10-06';
const at = (time: string): number => nairobi(`${day} ${time}`);

const rows = ledgerOf(
  [
    {
      kind: 'payment',
      receipt: 'UJ60000A01',
      at: at('08:00:05'),
      amountCents: 15_000,
      account: 'INV-1042',
      party: '25471****678 - JANE **** DOE',
    },
    // The business pays the charge: the same receipt once more, in the same second.
    {
      kind: 'payment',
      receipt: 'UJ60000A02',
      at: at('08:10:00'),
      amountCents: 250_000,
      account: 'INV-1043',
      party: '25472****108 - PETER **** O’TIENO',
    },
    { kind: 'charge', receipt: 'UJ60000A02', at: at('08:10:00'), amountCents: -2500 },
    {
      kind: 'payment',
      receipt: 'UJ60000A03',
      at: at('09:30:41'),
      amountCents: 9925,
      account: 'school fee',
      party: '079****284 - JOSÉ **** NJOROGE',
    },
    // Not paid: it moves nothing.
    {
      kind: 'payment',
      receipt: 'UJ60000A04',
      at: at('09:31:00'),
      amountCents: 50_000,
      account: 'INV-1044',
      party: '25471****111 - ANN **** KIM',
      status: 'Declined',
    },
    {
      kind: 'payment',
      receipt: 'UJ60000A05',
      at: at('10:00:00'),
      amountCents: 110_000,
      party: '2547 ***** 126 - GRACE NOACC',
    },
    {
      kind: 'reversal',
      receipt: 'UJ60000A06',
      at: at('11:15:00'),
      amountCents: -15_000,
      account: 'INV-1042',
      party: '25471****678 - JANE **** DOE',
      linkedReceipt: 'UJ60000A01',
    },
    {
      kind: 'payment',
      receipt: 'UJ60000A07',
      at: at('12:00:00'),
      amountCents: 123_456_700,
      account: '=2+3',
      party: '254700****99 - BIG BUYER',
    },
    { kind: 'sweepOut', receipt: 'UJ60000A08', at: at('23:09:07'), amountCents: -123_000_000 },
  ],
  404_000,
);
/** The newer export shows the other half of the sweep, and where it went from there. */
const others = [
  { kind: 'sweepIn', receipt: 'UJ60000A08', at: at('23:09:07'), amountCents: 123_000_000, balanceCents: 123_000_000 },
  { kind: 'withdrawal', receipt: 'UJ60000A09', at: at('23:09:30'), amountCents: -123_000_000, balanceCents: 0 },
] as const;

const whole = { from: at('00:00:00'), to: at('23:59:59'), reportAt: nairobi('2026-10-07 08:00:00') };
const classic = classicRows(rows, { ...whole, hasNumbers: true });
const older = classicRows(rows, { ...whole, columns: 13, hasTotals: true, isOldestFirst: true });
const newer = newerRows([...rows, ...others]);
const named = (name: string): string => path.join(folder, name);

mkdirSync(folder, { recursive: true });
writeFileSync(named('ORG_600997_UtilityAccount_All_20261007080000.xls'), workbookFile(classic, 'xls'));
writeFileSync(named('classic-cp1252-semicolons.csv'), csvFile(older, { encoding: 'cp1252', separator: ';' }));
writeFileSync(named('classic.csv'), csvFile(classicRows(rows, whole), { encoding: 'utf8', lineEnd: '\n' }));
writeFileSync(named(`Statements for 600997 from ${day} to ${day}.csv`), csvFile(newer, { encoding: 'utf8bom' }));
writeFileSync(named(`Statements for 600997 from ${day} to ${day}.xlsx`), workbookFile(newer, 'xlsx', 'Statements'));
