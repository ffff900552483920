// What Pull Transactions answers, in every shape of daraja.md section 6.4 and of the firewall in front of it. Only what
// says that there is nothing is the end.

import { expect } from 'chai';
import { classifyPullAnswer } from '../../../src/mpesa/pull-transactions.ts';

const row = { transactionId: 'UJ68K3W0QZ', trxDate: '2026-10-06T14:15:52Z', amount: '150.00' };
const other = { ...row, transactionId: 'UJ68K3W0QA' };

function came(body: unknown, httpStatus = 200, retryAfterMs: number | null = null) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyPullAnswer({ kind: 'response', httpStatus, retryAfterMs, text, durationMs: 5 });
}

describe('an answer of Pull Transactions', () => {
  const answered = { ResponseRefID: '26178-42530161-2', ResponseCode: '1000', ResponseMessage: 'Success' };
  const shapes: [string, unknown, unknown[]][] = [
    ['an array of arrays', { ...answered, Response: [[row, other]] }, [row, other]],
    ['several arrays', { ...answered, Response: [[row], [other]] }, [row, other]],
    ['a flat array', { ...answered, Response: [row, other] }, [row, other]],
    ['one row alone', { ...answered, Response: row }, [row]],
    ['a list in a text', { ...answered, Response: JSON.stringify([[row]]) }, [row]],
    ['a code that is a number', { ...answered, ResponseCode: 1000, Response: [[row]] }, [row]],
    ['keys with blanks', { 'Response Code': '1000', Response: [[row]] }, [row]],
    ['keys in small letters', { responsecode: '1000', response: [[row]] }, [row]],
    ['no code at all', { Response: [[row]] }, [row]],
    ['nothing between rows', { ...answered, Response: [[row, null, {}, []], null] }, [row]],
  ];
  for (const [shape, body, rows] of shapes)
    it(`has rows in ${shape}`, () => {
      expect(came(body)).to.deep.equal({ outcome: 'rows', rows });
    });

  const ends: [string, unknown, number?][] = [
    ['code 1001 and [[]]', { ResponseCode: '1001', ResponseMessage: 'Failed', Response: [[]] }],
    ['code 1001 as a number and nothing else', { ResponseCode: 1001 }],
    ['code 1000 and [[]]', { ...answered, Response: [[]] }],
    ['code 1000 and []', { ...answered, Response: [] }],
    ['code 1000 and no list', answered],
    ['[[]] and no code', { Response: [[]] }],
    ['a 500 without transactions', { ResponseCode: '500', ResponseMessage: 'No transactions found' }, 500],
    ['an error without transactions', { errorCode: '500', errorMessage: 'No transactions' }, 500],
    ['a 404 without records', { errorCode: '404.001', errorMessage: 'No records were found' }, 404],
  ];
  for (const [shape, body, status] of ends)
    it(`is the end by ${shape}`, () => {
      expect(came(body, status)).to.deep.equal({ outcome: 'end' });
    });

  const failures: [string, unknown, number, 'refused' | 'unclear'][] = [
    ['an invalid shortcode', { errorCode: '400.001', errorMessage: 'Invalid ShortCode' }, 400, 'refused'],
    ['an invalid shortcode on 200', { ResponseCode: '400.001', ResponseMessage: 'Invalid ShortCode' }, 200, 'refused'],
    ['a field', { errorCode: '400.002.02', errorMessage: 'Bad Request - Invalid StartDate' }, 400, 'refused'],
    ['an internal error', { errorCode: '500.003.1001', errorMessage: 'Internal Server Error' }, 500, 'unclear'],
    ['a code that is not listed', { ResponseCode: '1002', Response: [[]] }, 200, 'unclear'],
    ['a code 1000 with a 500', { ...answered, Response: [[]] }, 500, 'unclear'],
    ['an empty object', {}, 200, 'unclear'],
    ['an empty body', '', 200, 'unclear'],
    ['the firewall', '<html>Incapsula incident ID: 1</html>', 503, 'unclear'],
    ['half a body', '{"ResponseRefID": "2617', 200, 'unclear'],
    ['a spike arrest', { fault: { faultstring: 'Spike arrest violation', detail: {} } }, 429, 'unclear'],
  ];
  for (const [shape, body, status, outcome] of failures)
    it(`is ${outcome}, and no end, by ${shape}`, () => {
      expect(came(body, status)).to.include({ outcome });
    });

  it('carries how long to wait', () => {
    expect(came({ fault: { faultstring: 'Quota' } }, 429, 30_000)).to.include({ retryAfterMs: 30_000 });
  });

  it('is the token’s refusal by 401 in all its forms', () => {
    for (const [body, status] of [
      [{ errorCode: '401.001', errorMessage: 'Invalid Access Token' }, 401],
      [{ ResponseCode: '401.001', ResponseMessage: 'Invalid Access Token' }, 200],
      [{ errorCode: '404.001.03', errorMessage: 'Invalid Access Token' }, 404],
      ['', 401],
    ] as const)
      expect(came(body, status).outcome).to.equal('tokenRefused');
  });

  it('is unclear when nothing came', () => {
    for (const kind of ['notConnected', 'lost'] as const)
      expect(classifyPullAnswer({ kind, detail: 'ECONNRESET', durationMs: 1 })).to.include({ outcome: 'unclear' });
  });
});
