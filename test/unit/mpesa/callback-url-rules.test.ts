// The rules of daraja.md section 4.4, each with a URL that breaks it.

import { expect } from 'chai';
import { checkCallbackUrl } from '../../../src/mpesa/callback-url-rules.ts';

const severities = (url: string, environment: 'sandbox' | 'production' = 'production'): string[] =>
  checkCallbackUrl(url, [environment]).map(({ severity }) => severity);

describe('checkCallbackUrl', () => {
  it('has nothing against a public https address in small letters', () => {
    expect(checkCallbackUrl('https://pay.example.co.ke', ['sandbox', 'production'])).to.deep.equal([]);
    expect(checkCallbackUrl('https://pay.example.co.ke/lango', ['production'])).to.deep.equal([]);
    expect(checkCallbackUrl('https://41.90.4.5:443', ['production'])).to.deep.equal([]);
  });

  it('takes anything for the simulator', () => {
    expect(checkCallbackUrl('http://127.0.0.1:8080', ['simulator'])).to.deep.equal([]);
    expect(checkCallbackUrl('http://127.0.0.1:8080', [])).to.deep.equal([]);
  });

  it('wants https in production, and says so in the sandbox', () => {
    expect(severities('http://pay.example.co.ke')).to.deep.equal(['problem']);
    expect(severities('http://pay.example.co.ke', 'sandbox')).to.deep.equal(['warning']);
  });

  for (const host of [
    'localhost',
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.9',
    '172.20.0.1',
    '100.64.1.1',
    '169.254.1.1',
    '0.0.0.0',
    '[::1]',
    '[fd00::1]',
    'lango',
    'lango.local',
    'lango.internal',
  ]) {
    it(`refuses ${host}, which Safaricom cannot reach`, () => {
      expect(severities(`https://${host}`)).to.deep.equal(['problem']);
    });
  }

  it('refuses capital letters in the host as it was written, not in the path', () => {
    expect(severities('https://Pay.example.co.ke')).to.deep.equal(['problem']);
    expect(severities('https://pay.example.co.ke/Lango')).to.deep.equal([]);
  });

  it('refuses a query and a fragment', () => {
    expect(severities('https://pay.example.co.ke?a=1')).to.deep.equal(['problem']);
    expect(severities('https://pay.example.co.ke#a')).to.deep.equal(['problem']);
  });

  it('warns of forbidden words, blocked hosts and odd ports', () => {
    for (const url of [
      'https://mpesa.example.co.ke',
      'https://pay.example.co.ke/M-PESA',
      'https://x.co.ke/cmd',
      'https://mysql.example.com',
      'https://abc.ngrok.app',
      'https://pay.example.co.ke:8443',
    ]) {
      expect(severities(url), url).to.deep.equal(['warning']);
    }
  });
});
