// The list as a file: RFC 4180, nothing that a spreadsheet runs, no number in full. And the raw exchanges, in which no
// number, key or token may be read, whatever M-PESA or a forger wrote.

import { expect } from 'chai';
import { showExchange } from '../../../src/console/payment-exchange.ts';
import { csvLine, writePaymentsCsv } from '../../../src/console/payments-csv.ts';
import type { Payment } from '../../../src/payments/payment.ts';
import { createdAt, makePayment } from '../../support/payment-evidence.ts';

const names = { tenant: (id: string) => `Tenant ${id}`, shortcode: () => 'Paybill 174379' };

async function* batchesOf(...batches: Payment[][]): AsyncGenerator<Payment[]> {
  yield* batches;
}

async function fileOf(...batches: Payment[][]): Promise<string> {
  let text = '';
  for await (const piece of writePaymentsCsv(batchesOf(...batches), names, createdAt)) text += piece;
  return text;
}

describe('console: payments as CSV', () => {
  it('doubles quotes, ends lines with CR LF, and leaves nothing where there is nothing', () => {
    expect(csvLine(['a', 'b "c"', 'd,e', 'f\ng', null, 5])).to.equal('a,"b ""c""","d,e","f\ng",,5\r\n');
  });

  it('puts an apostrophe before whatever a spreadsheet would run', () => {
    for (const start of ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
      const line = csvLine([`${start}HYPERLINK("http://x")`]);
      expect(line, JSON.stringify(start)).to.match(/^"?'/);
    }
    expect(csvLine(['a=b', 'INV-1', "'x"])).to.equal("a=b,INV-1,'x\r\n");
  });

  it('has a byte order mark, a head, and one line for each payment in order', async () => {
    const file = await fileOf(
      [makePayment('succeeded', { reference: 'A' })],
      [],
      [makePayment('failed', { reference: 'B' })],
    );
    expect(file.startsWith('\ufeffPayment,Tenant,')).to.equal(true);
    const lines = file.split('\r\n');
    expect(lines).to.have.length(4);
    expect(lines[1])
      .to.contain(',A,')
      .and.contain('2026-10-06 14:15:30')
      .and.contain('2547*****678')
      .and.contain('Paid');
    expect(lines[2]).to.contain(',B,').and.contain('insufficient_funds').and.contain('Not enough money');
    expect(lines[3]).to.equal('');
  });

  it('never has a number in full', async () => {
    expect(await fileOf([makePayment('pending')])).not.to.match(/712345678/);
  });
});

describe('console: raw exchanges, redacted', () => {
  const show = (raw: string, source = 'callback') =>
    showExchange({ source, at: createdAt, httpStatus: 200, durationMs: 1112, sourceIp: '196.201.214.200', raw })!;

  it('keeps what matters of a callback and masks the number in all its forms', () => {
    const body = {
      Body: {
        stkCallback: {
          CheckoutRequestID: 'ws_CO_06102026141530412712345678',
          ResultCode: 0,
          CallbackMetadata: {
            Item: [
              { Name: 'Amount', Value: 1500 },
              { Name: 'MpesaReceiptNumber', Value: 'UJ68K3W0QZ' },
              { Name: 'PhoneNumber', Value: 254712345678 },
              { Name: 'Other', Value: '+254712345678' },
              { Name: 'Local', Value: '0712345678' },
              { Name: 'National', Value: 712345678 },
              { Name: 'Escaped', Value: '2547\u0031\u0032345678' },
            ],
          },
        },
      },
    };
    const { body: shown, head } = show(JSON.stringify(body));
    expect(shown).not.to.match(/712345678|12345678/);
    expect(shown).to.contain('ws_CO_06102026141530412712***678').and.contain('UJ68K3W0QZ').and.contain('1500');
    expect(shown).to.contain('\n  "Body"');
    expect(head).to.equal('POST /callbacks/stk/[redacted] · from 196.201.214.200 · 2026-10-06 11:15:30.000 UTC');
  });

  it('opens no hash of a number, no password and no token', () => {
    const hash = 'ab12cd'.padEnd(64, '0');
    const { body } = show(
      JSON.stringify({
        MSISDN: hash,
        Password: 'c2VjcmV0',
        access_token: 'abc',
        SecurityCredential: 'x',
        note: 'Bearer abc.def',
      }),
      'c2b',
    );
    expect(body).not.to.contain(hash).and.not.contain('c2VjcmV0').and.not.contain('"abc"').and.not.contain('abc.def');
  });

  it('shows what is not JSON as it came, masked, and cuts what is endless', () => {
    expect(show('<html>254712345678 https://x/callbacks/stk/pay_1/secret </html>').body).to.equal(
      '<html>2547*****678 https://x/callbacks/stk/pay_1/[redacted] </html>',
    );
    expect(show('{"phone": 254712345678').body).not.to.contain('712345678');
    expect(show('x'.repeat(100_000)).body.length).to.be.below(17_000);
    expect(show(`${'['.repeat(5000)}${']'.repeat(5000)}`).body).to.contain('too deep');
    expect(show('', 'push').body).to.equal('(empty)');
  });

  it('says of a push and a query what was asked, what came and how long it took', () => {
    expect(show('{}', 'push').head).to.match(/^POST \/mpesa\/stkpush\/v1\/processrequest .* HTTP 200 · 1,112 ms · /);
    const lost = showExchange({
      source: 'query',
      at: createdAt,
      httpStatus: null,
      durationMs: 15_000,
      sourceIp: null,
      raw: 'no answer',
    });
    expect(lost?.head).to.contain('no answer');
    expect(
      showExchange({ source: 'operator', at: 1, httpStatus: null, durationMs: null, sourceIp: null, raw: null }),
    ).to.equal(null);
  });
});
