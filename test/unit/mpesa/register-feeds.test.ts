// What Safaricom answers when a shortcode is registered for C2B and for Pull: no yes is read into anything else.

import { expect } from 'chai';
import { c2bCodes, classifyRegistration, pullCodes } from '../../../src/mpesa/register-feeds.ts';

function came(codes: typeof c2bCodes, body: unknown, httpStatus = 200): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyRegistration({ kind: 'response', httpStatus, retryAfterMs: null, text, durationMs: 5 }, codes).outcome;
}

describe('registering at Safaricom', () => {
  it('reads the answers for C2B URLs', () => {
    const yes = { OriginatorCoversationID: '1', ResponseCode: '0', ResponseDescription: 'success' };
    expect(came(c2bCodes, yes)).to.equal('registered');
    expect(came(c2bCodes, { ...yes, ResponseCode: 0 })).to.equal('registered');
    expect(came(c2bCodes, { ...yes, ResponseCode: '00000000' })).to.equal('registered');
    const already = { errorCode: '500.003.1001', errorMessage: 'Urls are already registered.' };
    expect(came(c2bCodes, already, 500)).to.equal('alreadyRegistered');
    expect(came(c2bCodes, { ...already, errorMessage: 'Internal Server Error' }, 500)).to.equal('unclear');
    const refused = { errorCode: '400.003.02', errorMessage: 'Bad Request - Invalid ConfirmationURL' };
    expect(came(c2bCodes, refused, 400)).to.equal('refused');
    expect(came(c2bCodes, { errorCode: '401.003.01', errorMessage: 'Invalid Access Token' }, 401)).to.equal(
      'tokenRefused',
    );
  });

  it('reads the answers for Pull, in both forms of their keys', () => {
    expect(came(pullCodes, { ResponseRefID: '1', ResponseStatus: '1000', ShortCode: '600966' })).to.equal('registered');
    expect(came(pullCodes, { 'Response Status': 1000, 'Response Description': 'ok' })).to.equal('registered');
    expect(came(pullCodes, { ResponseStatus: '1001', ResponseDescription: 'ShortCode already Registered' })).to.equal(
      'alreadyRegistered',
    );
    expect(came(pullCodes, { 'Response Status': '1001' })).to.equal('alreadyRegistered');
    expect(came(pullCodes, { errorCode: '400.001', errorMessage: 'Invalid ShortCode' }, 400)).to.equal('refused');
  });

  it('takes nothing that is not clear for a yes', () => {
    for (const [body, status] of [
      ['', 200],
      ['<html></html>', 503],
      [{}, 200],
      [{ ResponseCode: '0' }, 500],
      [{ ResponseStatus: '1000' }, 500],
      [{ ResponseCode: '1' }, 200],
    ] as const)
      for (const codes of [c2bCodes, pullCodes]) expect(came(codes, body, status)).to.equal('unclear');
    expect(classifyRegistration({ kind: 'lost', detail: 'ECONNRESET', durationMs: 1 }, c2bCodes)).to.deep.equal({
      outcome: 'unclear',
      detail: 'ECONNRESET',
    });
  });
});
