// Every code of daraja.md section 5, and what the codes that are not there mean.

import { expect } from 'chai';
import { interpretResultCode, readDenial, readResultCode, resultMeanings } from '../../../src/mpesa/result-codes.ts';
import { failureCatalogue } from '../../../src/payments/failures.ts';

describe('interpretResultCode', () => {
  const rows: [string, string][] = [
    ['1', 'insufficient_funds'],
    ['2', 'limit_exceeded'],
    ['3', 'limit_exceeded'],
    ['4', 'limit_exceeded'],
    ['8', 'merchant_limit_reached'],
    ['11', 'customer_account_blocked'],
    ['12', 'misconfigured_shortcode'],
    ['15', 'duplicate_at_provider'],
    ['17', 'duplicate_at_provider'],
    ['20', 'misconfigured_shortcode'],
    ['21', 'misconfigured_shortcode'],
    ['26', 'provider_busy'],
    ['1001', 'subscriber_busy'],
    ['1019', 'prompt_expired'],
    ['1025', 'prompt_not_delivered'],
    ['1031', 'cancelled_by_customer'],
    ['1032', 'cancelled_by_customer'],
    ['1036', 'prompt_expired'],
    ['1037', 'customer_unreachable'],
    ['1050', 'invalid_request'],
    ['1051', 'invalid_request'],
    ['1101', 'invalid_request'],
    ['1102', 'invalid_request'],
    ['2001', 'wrong_pin'],
    ['2006', 'customer_account_blocked'],
    ['2007', 'misconfigured_shortcode'],
    ['2008', 'invalid_credentials'],
    ['2026', 'prompt_expired'],
    ['2028', 'misconfigured_shortcode'],
    ['2029', 'provider_error'],
    ['2033', 'provider_error'],
    ['2040', 'not_mpesa_customer'],
    ['2043', 'misconfigured_shortcode'],
    ['2202', 'misconfigured_shortcode'],
    ['8006', 'pin_locked'],
    ['9999', 'provider_error'],
    ['SFC_IC0003', 'misconfigured_shortcode'],
    ['E3008', 'customer_account_blocked'],
    ['TP40153', 'invalid_credentials'],
  ];
  for (const [code, failureCode] of rows) {
    it(`reads ${code} as ${failureCode}`, () => {
      const reading = interpretResultCode(code);
      expect(reading).to.include({ kind: 'denied', known: true, failureCode });
      expect(reading).to.include({ cancelled: code === '1031' || code === '1032' });
      expect(failureCatalogue).to.have.property(failureCode);
    });
  }

  it('lists no code that the rows above do not prove', () => {
    expect([...resultMeanings.keys()]).to.have.members(rows.map(([code]) => code));
  });

  it('reads 0, and nothing else, as success', () => {
    expect(interpretResultCode('0')).to.deep.equal({ kind: 'success' });
    for (const code of ['00', '0.0', '', ' 0', '-0', 'false'])
      expect(interpretResultCode(code).kind).to.equal('denied');
  });

  it('reads 4999 and 500.001.1001 as no answer yet', () => {
    expect(interpretResultCode('4999')).to.deep.equal({ kind: 'pending' });
    expect(interpretResultCode('500.001.1001')).to.deep.equal({ kind: 'pending' });
  });

  it('watches for a late success after the codes of class U', () => {
    for (const code of ['17', '1019', '1036', '1037', '9999'])
      expect(interpretResultCode(code)).to.include({ watch: true });
    for (const code of ['1', '1032', '2001']) expect(interpretResultCode(code)).to.include({ watch: false });
  });

  it('leaves to its caller what an unlisted code is worth, and keeps it as unknown_result', () => {
    for (const code of ['7777', 'E9999', 'constructor', '__proto__']) {
      expect(interpretResultCode(code)).to.deep.equal({
        kind: 'denied',
        known: false,
        failureCode: 'unknown_result',
        cancelled: false,
        watch: true,
      });
    }
  });
});

describe('readDenial', () => {
  it('cancels for 1031 and 1032, fails for the rest, and expires only for a query’s 1019', () => {
    for (const code of ['1031', '1032']) {
      expect(readDenial(code, 'callback')).to.deep.equal({ failureCode: 'cancelled_by_customer', to: 'cancelled' });
      expect(readDenial(code, 'query')).to.deep.equal({ failureCode: 'cancelled_by_customer', to: 'cancelled' });
    }
    expect(readDenial('1019', 'callback')).to.deep.equal({ failureCode: 'prompt_expired', to: 'failed' });
    expect(readDenial('1019', 'query')).to.deep.equal({ failureCode: 'prompt_expired', to: 'expired' });
    expect(readDenial('1037', 'query')).to.deep.equal({ failureCode: 'customer_unreachable', to: 'failed' });
    expect(readDenial('7777', 'callback')).to.deep.equal({ failureCode: 'unknown_result', to: 'failed' });
  });
});

describe('readResultCode', () => {
  it('gives numbers and texts the same form and keeps names verbatim', () => {
    expect(readResultCode(0)).to.equal('0');
    expect(readResultCode(1032)).to.equal('1032');
    expect(readResultCode(' 1032 ')).to.equal('1032');
    expect(readResultCode('SFC_IC0003')).to.equal('SFC_IC0003');
  });

  it('takes nothing else for a code', () => {
    for (const value of [undefined, null, '', '  ', true, false, {}, [], Number.NaN, 'x'.repeat(65)]) {
      expect(readResultCode(value)).to.equal(undefined);
    }
  });
});
