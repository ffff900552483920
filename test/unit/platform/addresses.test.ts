// Lists of networks, and who is really calling behind proxies.

import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { clientAddress, createAddressList } from '../../../src/platform/addresses.ts';

describe('an address list', () => {
  const list = createAddressList(['196.201.214.200', '10.0.0.0/8', '2001:db8::/32']);

  it('includes its addresses and networks, IPv4 also in its IPv6 form', () => {
    for (const address of ['196.201.214.200', '10.255.0.1', '::ffff:10.1.2.3', '2001:db8::5'])
      expect(list.includes(address), address).to.equal(true);
  });

  it('includes nothing else, and nothing that is no address', () => {
    for (const address of [
      '196.201.214.201',
      '11.0.0.1',
      '2001:db9::1',
      '::1',
      '',
      'localhost',
      '10.0.0.0/8',
      '10.0.0.1, 10.0.0.2',
    ])
      expect(list.includes(address), address).to.equal(false);
  });

  it('without entries includes nothing', () => {
    expect(createAddressList([]).includes('127.0.0.1')).to.equal(false);
  });
});

describe('clientAddress', () => {
  const proxies = createAddressList(['10.0.0.0/8', '127.0.0.1']);
  const request = (remoteAddress: string, forwarded?: string): IncomingMessage =>
    ({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage;

  it('is the peer when nobody stands between, and when the peer is no trusted proxy', () => {
    expect(clientAddress(request('196.201.214.200'), proxies)).to.equal('196.201.214.200');
    expect(clientAddress(request('203.0.113.9', '196.201.214.200'), proxies)).to.equal('203.0.113.9');
  });

  it('is what a trusted proxy saw', () => {
    expect(clientAddress(request('10.0.0.1', '196.201.214.200'), proxies)).to.equal('196.201.214.200');
    expect(clientAddress(request('::ffff:127.0.0.1', '196.201.214.200'), proxies)).to.equal('196.201.214.200');
  });

  it('is the last address that no trusted proxy vouches for: what stands left of it may be forged', () => {
    expect(clientAddress(request('10.0.0.1', '196.201.214.200, 203.0.113.9'), proxies)).to.equal('203.0.113.9');
    expect(clientAddress(request('10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.7'), proxies)).to.equal('203.0.113.9');
  });

  it('is the leftmost when all are trusted proxies, and the proxy when the header is missing or empty', () => {
    expect(clientAddress(request('10.0.0.1', '10.0.0.3, 10.0.0.2'), proxies)).to.equal('10.0.0.3');
    for (const header of [undefined, '', ' , '] as const)
      expect(clientAddress(request('10.0.0.1', header), proxies)).to.equal('10.0.0.1');
  });

  it('never makes an address of our list out of rubbish', () => {
    const safaricom = createAddressList(['196.201.214.200']);
    for (const rubbish of ['unknown', '"196.201.214.200"', '196.201.214.200:443x', '[::1]'])
      expect(safaricom.includes(clientAddress(request('10.0.0.1', rubbish), proxies)), rubbish).to.equal(false);
  });
});
