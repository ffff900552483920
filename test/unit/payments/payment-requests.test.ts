// What a merchant may send about payments, field by field: what is normalised, what is refused, at which place and with
// which code. A typo must never move money, so an unknown field is as wrong as a wrong amount.

import { expect } from 'chai';
import type { z } from 'zod';
import {
  paymentBody,
  paymentListQuery,
  readPreferWait,
  readQuery,
  retryBody,
} from '../../../src/payments/payment-requests.ts';
import { AppError } from '../../../src/platform/errors.ts';
import { validateBody, validateQuery } from '../../../src/platform/validation.ts';

const good = { amount: 1500, phone: '0712345678', reference: 'INV-2031' };

/** `place code` of each problem. */
function problems(validate: () => unknown): string[] {
  try {
    validate();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    expect(thrown.code).to.equal('invalid_request');
    return thrown.details.errors!.map((error) => {
      expect(error.detail).to.match(/^[A-Z a-z].{5,}\.$/s);
      expect(error.detail).to.not.match(/Invalid input/);
      return `${error.pointer ?? error.parameter} ${error.code}`;
    });
  }
}

const ofBody = (body: unknown, schema: z.ZodType = paymentBody) => problems(() => validateBody(schema, body));
const ofQuery = (query: Record<string, unknown>, schema: z.ZodType = paymentListQuery) =>
  problems(() => validateQuery(schema, query));
const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

describe('the body of POST /v1/payments', () => {
  it('is normalised: the phone to 254…, texts trimmed, what is left out to its usual value', () => {
    expect(validateBody(paymentBody, { ...good, phone: '+254 712-345 678', reference: ' INV-2031 ' })).to.deep.equal({
      amount: 1500,
      phone: '254712345678',
      reference: 'INV-2031',
      description: 'Payment',
      metadata: {},
      expires_in: 300,
      allow_duplicate: false,
    });
  });

  const allowed: readonly Record<string, unknown>[] = [
    { amount: 1 },
    { amount: 250_000 },
    { phone: '0110123456' },
    { reference: 'A.b-9 cdefgh' },
    { description: 'Order no. 203' },
    { expires_in: 60 },
    { expires_in: 86_400 },
    { shortcode: '174379' },
    { metadata: pairs(20) },
    { metadata: { ['k'.repeat(40)]: 'v'.repeat(500) } },
    { metadata: { k: '' } },
    { allow_duplicate: true },
  ];
  for (const change of allowed)
    it(`allows ${JSON.stringify(change).slice(0, 60)}`, () => {
      expect(ofBody({ ...good, ...change })).to.deep.equal([]);
    });

  const refused: readonly [Record<string, unknown>, string][] = [
    [{ amount: undefined }, '/amount required'],
    [{ amount: null }, '/amount wrong_type'],
    [{ amount: '1500' }, '/amount wrong_type'],
    [{ amount: 1.5 }, '/amount wrong_type'],
    [{ amount: 0 }, '/amount out_of_range'],
    [{ amount: -5 }, '/amount out_of_range'],
    [{ amount: 250_001 }, '/amount out_of_range'],
    [{ phone: undefined }, '/phone required'],
    [{ phone: 712345678 }, '/phone wrong_type'],
    [{ phone: '0212345678' }, '/phone wrong_format'],
    [{ phone: '+255712345678' }, '/phone wrong_format'],
    [{ phone: '07123456789' }, '/phone wrong_format'],
    [{ reference: undefined }, '/reference required'],
    [{ reference: '   ' }, '/reference out_of_range'],
    [{ reference: 'ABCDEFGHIJKLM' }, '/reference out_of_range'],
    [{ reference: 'INV#1' }, '/reference wrong_format'],
    [{ reference: 'Größe' }, '/reference wrong_format'],
    [{ description: '' }, '/description out_of_range'],
    [{ description: 'ABCDEFGHIJKLMN' }, '/description out_of_range'],
    [{ description: 'a & b' }, '/description wrong_format'],
    [{ shortcode: 174379 }, '/shortcode wrong_type'],
    [{ shortcode: '1' }, '/shortcode wrong_format'],
    [{ expires_in: 59 }, '/expires_in out_of_range'],
    [{ expires_in: 86_401 }, '/expires_in out_of_range'],
    [{ expires_in: '300' }, '/expires_in wrong_type'],
    [{ allow_duplicate: 'true' }, '/allow_duplicate wrong_type'],
    [{ metadata: [] }, '/metadata wrong_type'],
    [{ metadata: { order: 2031 } }, '/metadata/order wrong_type'],
    [{ metadata: { 'a/b~c': 1 } }, '/metadata/a~1b~0c wrong_type'],
    [{ metadata: { k: 'v'.repeat(501) } }, '/metadata/k out_of_range'],
    // The problem of a name was once told as "metadata is an object of texts".
    [{ metadata: { '': 'v' } }, '/metadata/ out_of_range'],
    [{ metadata: { ['k'.repeat(41)]: 'v' } }, `/metadata/${'k'.repeat(41)} out_of_range`],
    [{ metadata: pairs(21) }, '/metadata out_of_range'],
    [{ ammount: 1500 }, '/ammount unknown_field'],
  ];
  for (const [change, problem] of refused)
    it(`refuses ${JSON.stringify(change, (_key, value) => value ?? 'nothing').slice(0, 60)}: ${problem.slice(0, 60)}`, () => {
      expect(ofBody({ ...good, ...change })).to.deep.equal([problem]);
    });

  it('has all its problems told at once', () => {
    const body = { amount: 0, phone: '12', reference: '', expires_in: 1, extra: true };
    expect(ofBody(body)).to.have.members([
      '/amount out_of_range',
      '/phone wrong_format',
      '/reference out_of_range',
      '/expires_in out_of_range',
      '/extra unknown_field',
    ]);
  });

  it('is an object: anything else is refused as a whole, an empty body as one that lacks all', () => {
    for (const body of [null, [], 'text', 5, true])
      expect(ofBody(body), JSON.stringify(body)).to.deep.equal([' wrong_type']);
    expect(ofBody(undefined)).to.deep.equal(['/amount required', '/phone required', '/reference required']);
  });
});

describe('the body of a retry', () => {
  it('may be empty or have expires_in, and nothing else', () => {
    expect(ofBody(undefined, retryBody)).to.deep.equal([]);
    expect(ofBody({ expires_in: 60 }, retryBody)).to.deep.equal([]);
    expect(ofBody({ expires_in: 59, amount: 5 }, retryBody)).to.have.members([
      '/expires_in out_of_range',
      '/amount unknown_field',
    ]);
  });
});

describe('the query of GET /v1/payments', () => {
  it('is normalised: phones to 254…, receipts to upper case, a status given once or more to a list', () => {
    const query = {
      phone: '0712 345 678',
      receipt: ' uj68k3w0qz',
      status: 'queued',
      created_after: '2026-10-06T14:15:00+03:00',
    };
    expect(validateQuery(paymentListQuery, query)).to.deep.equal({
      limit: 20,
      phone: '254712345678',
      receipt: 'UJ68K3W0QZ',
      status: ['queued'],
      created_after: Date.UTC(2026, 9, 6, 11, 15),
    });
  });

  const refused: readonly [Record<string, unknown>, string][] = [
    [{ limit: '0' }, 'limit out_of_range'],
    [{ limit: '101' }, 'limit out_of_range'],
    [{ limit: '' }, 'limit wrong_format'],
    [{ limit: '1e1' }, 'limit wrong_format'],
    [{ limit: ['1', '2'] }, 'limit wrong_type'],
    [{ cursor: 'x' }, 'cursor wrong_format'],
    [{ cursor: Buffer.from('1.pay_x').toString('base64url') }, 'cursor wrong_format'],
    [{ cursor: ['a', 'b'] }, 'cursor wrong_type'],
    // A status given once was once answered with `required`.
    [{ status: 'paid' }, 'status wrong_format'],
    [{ status: ['queued', 'paid'] }, 'status wrong_format'],
    [{ phone: '12' }, 'phone wrong_format'],
    [{ receipt: 'UJ-68' }, 'receipt wrong_format'],
    [{ shortcode: 'abc' }, 'shortcode wrong_format'],
    [{ reference: '' }, 'reference out_of_range'],
    [{ created_after: '2026-10-06' }, 'created_after wrong_format'],
    [{ created_before: '2026-02-30T00:00:00Z' }, 'created_before wrong_format'],
    [{ page: '2' }, 'page unknown_field'],
  ];
  for (const [query, problem] of refused)
    it(`refuses ${JSON.stringify(query)}: ${problem}`, () => {
      expect(ofQuery(query)).to.deep.equal([problem]);
    });
});

describe('the query of GET /v1/payments/{id}', () => {
  it('takes wait from 1 to 55 and a version, and refuses anything else', () => {
    expect(validateQuery(readQuery, { wait: '55', version: '3' })).to.deep.equal({ wait: 55, version: 3 });
    for (const wait of ['0', '56', '-1', '1.5', 'x', '', ['1', '2']])
      expect(ofQuery({ wait }, readQuery), String(wait)).to.have.length(1);
    for (const version of ['x', '-1', '1.5'])
      expect(ofQuery({ version }, readQuery), version).to.deep.equal(['version wrong_format']);
  });
});

describe('Prefer: wait=N', () => {
  const readings: readonly [string, number | null | undefined][] = [
    ['', undefined],
    ['respond-async', undefined],
    ['waiting=5', undefined],
    ['handling=lenient; wait=5', undefined],
    ['wait=1', 1],
    ['wait=55', 55],
    ['WAIT=7', 7],
    ['wait="9"', 9],
    ['wait = 3', 3],
    ['respond-async, wait=5', 5],
    ['wait=5; foo', 5],
    ['wait', null],
    ['wait=', null],
    ['wait=0', null],
    ['wait=56', null],
    ['wait=1.5', null],
    ['wait=-1', null],
    ['wait=soon', null],
  ];
  for (const [header, seconds] of readings) {
    const meaning = seconds === undefined ? 'ignored' : seconds === null ? 'refused' : `${seconds} s`;
    it(`"${header}" is ${meaning}`, () => {
      expect(readPreferWait(header)).to.equal(seconds);
    });
  }
});
