// A statement for the bench: the classic export as CSV, mostly payments, every tenth with a charge under its receipt,
// newest first, with a balance that runs. Written as a stream: the bench's own memory is not what is measured.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const head =
  'Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency\n';
const dayMs = 86_400_000;
const chargeEvery = 10;

/** @param name three letters that its receipts begin with: files of different names have no line in common */
export async function writeStatement(file: string, rows: number, name: string): Promise<void> {
  const stream = createWriteStream(file);
  stream.write(head);
  const end = Date.UTC(2026, 9, 31);
  let balance = rows * 150;
  for (let index = 0; index < rows; index += 1) {
    const isCharge = index % chargeEvery === 0 && index > 0;
    const serial = isCharge ? index - 1 : index;
    const line = lineOf({ receipt: `${name}${serial.toString(36).toUpperCase().padStart(7, '0')}`, isCharge, balance });
    balance -= isCharge ? -5 : 150;
    const at = clock(end - Math.floor((serial / rows) * 30 * dayMs));
    if (!stream.write(line.replaceAll('@', at))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

function lineOf({ receipt, isCharge, balance }: { receipt: string; isCharge: boolean; balance: number }): string {
  if (isCharge) return `${receipt},@,@,Pay Bill Charge,Completed,,-5.00,${balance}.00,true,Pay Bill Online,SP,,,KES\n`;
  const payer = '25471****678 - ANN **** KIM';
  const account = receipt.slice(-6);
  return `${receipt},@,@,Pay Bill Online from ${payer} Acc. ${account},Completed,150.00,,${balance}.00,true,Pay Bill Online,${payer},, ${account},KES\n`;
}

function clock(at: number): string {
  const text = new Date(at).toISOString();
  return `${text.slice(8, 10)}-${text.slice(5, 7)}-${text.slice(0, 4)} ${text.slice(11, 19)}`;
}
