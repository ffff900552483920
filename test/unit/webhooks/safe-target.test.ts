// The rules for an endpoint's URL and for the address behind it, as tables: every spelling of an inner address that
// WHATWG's parser understands, every range that is not the public internet, and what test and live mode differ in.

import { expect } from 'chai';
import {
  checkEndpointUrl,
  createTargetPolicy,
  refusedRange,
  type TargetRules,
} from '../../../src/webhooks/safe-target.ts';

const rules: TargetRules = { allowNetworks: [], ownUrl: 'https://pay.example.com' };
const check = (url: string, mode: 'test' | 'live', changed: Partial<TargetRules> = {}): string | null =>
  checkEndpointUrl(url, mode, { ...rules, ...changed });

/** For titles: nothing that a terminal would act upon. */
const inAscii = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Hosts that WHATWG's parser turns into an address, or that are none. */
const innerHosts = {
  '127.0.0.1': 'dotted',
  '2130706433': 'decimal',
  '0177.0.0.1': 'octal',
  '017700000001': 'octal in one number',
  '0x7f.1': 'hexadecimal',
  '0x7f000001': 'hexadecimal in one number',
  '127.1': 'short',
  '127.0.1': 'shorter by one',
  '127.0.0.1.': 'with a last dot',
  '１２７.0.0.1': 'full-width digits',
  '127。0。0。1': 'ideographic dots',
  '①②⑦.0.0.1': 'circled digits',
  '%31%32%37.0.0.1': 'percent-encoded',
  '0': 'zero',
  '0x': 'empty hexadecimal',
  '0.0.0.0': 'unspecified',
  '255.255.255.255': 'broadcast',
  '10.0.0.1': 'private',
  '172.16.0.1': 'private',
  '172.31.255.254': 'private',
  '192.168.1.1': 'private',
  '169.254.169.254': 'metadata',
  '100.64.0.1': 'carrier-grade NAT',
  '100.100.100.200': 'metadata of Alibaba',
  '168.63.129.16': 'platform address of Azure',
  '192.0.0.192': 'metadata of Oracle',
  '192.0.2.1': 'documentation',
  '198.18.0.1': 'benchmarking',
  '192.88.99.1': '6to4 relay',
  '224.0.0.1': 'multicast',
  '240.0.0.1': 'reserved',
  '[::1]': 'IPv6 loopback',
  '[0:0:0:0:0:0:0:1]': 'IPv6 loopback in full',
  '[::]': 'IPv6 unspecified',
  '[::127.0.0.1]': 'IPv4-compatible',
  '[::ffff:127.0.0.1]': 'IPv4-mapped',
  '[::ffff:7f00:1]': 'IPv4-mapped in hexadecimal',
  '[::ffff:8.8.8.8]': 'IPv4-mapped around a public address',
  '[::ffff:0:8.8.8.8]': 'IPv4-translated',
  '[64:ff9b::7f00:1]': 'NAT64',
  '[64:ff9b::8.8.8.8]': 'NAT64 around a public address',
  '[64:ff9b:1::8.8.8.8]': 'local NAT64',
  '[2002:7f00:1::]': '6to4',
  '[2002:808:808::1]': '6to4 around a public address',
  '[2001:0:4136:e378::1]': 'Teredo',
  '[fd00:ec2::254]': 'metadata of AWS',
  '[fc00::1]': 'unique local',
  '[fe80::1]': 'link-local',
  '[fec0::1]': 'site-local',
  '[ff02::1]': 'multicast',
  '[100::1]': 'discard',
  '[2001:db8::1]': 'documentation',
  '[3fff::1]': 'documentation, newer',
  '[4000::1]': 'not given out',
  '[5f00::1]': 'segment routing',
};

const publicHosts = ['8.8.8.8', '134744072', '100.63.255.255', '100.128.0.1', '172.32.0.1', '[2606:4700::1111]'];

describe('the URL of an endpoint', () => {
  for (const [host, what] of Object.entries(innerHosts)) {
    it(`may not be ${host} (${what})`, () => {
      for (const url of [`http://${host}/hook`, `http://${host}:8443`, `https://${host}`]) {
        expect(check(url, 'test'), url).to.match(/WEBHOOK_ALLOW_NETWORKS/);
        expect(check(url, 'live'), url).to.match(/https|name/);
      }
    });
  }

  it('may be a public address in test mode only', () => {
    for (const host of publicHosts) {
      expect(check(`http://${host}:8080/hook`, 'test'), host).to.equal(null);
      expect(check(`https://${host}/hook`, 'live'), host).to.match(/must be a name/);
    }
  });

  it('may be localhost only where its network is allowed', () => {
    for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'my.localhost', 'ⓛocalhost']) {
      expect(check(`http://${host}:3000/`, 'test'), host).to.match(/WEBHOOK_ALLOW_NETWORKS/);
      expect(check(`https://${host}:3000/`, 'live'), host).to.match(/WEBHOOK_ALLOW_NETWORKS/);
      expect(check(`http://${host}:3000/`, 'test', { allowNetworks: ['127.0.0.1'] }), host).to.equal(null);
    }
  });

  it('takes names, ports, paths and queries', () => {
    const urls = ['https://example.com', 'https://a-b.example.co.ke:8443/x?y=%20z&é=1', 'https://xn--uhg.com./'];
    for (const url of urls) for (const mode of ['test', 'live'] as const) expect(check(url, mode), url).to.equal(null);
    expect(check('http://receiver:3000/hook', 'test')).to.equal(null);
  });

  it('is https in live mode', () => {
    expect(check('http://example.com/', 'test')).to.equal(null);
    expect(check('http://example.com/', 'live')).to.match(/https/);
  });

  const broken: Record<string, RegExp> = {
    '': /absolute/,
    'example.com/hook': /absolute/,
    '//example.com/hook': /absolute/,
    'http:example.com': /absolute/,
    'http:///example.com': /absolute/,
    'http:\\\\example.com': /absolute/,
    'http://example.com\\@inner/': /absolute/,
    'ftp://example.com': /absolute/,
    'file:///etc/passwd': /absolute/,
    'javascript:alert(1)': /absolute/,
    'http://example.com:99999': /absolute/,
    'http://1.2.3.4.5/': /absolute/,
    'http://[fe80::1%25eth0]/': /absolute/,
    ' http://example.com': /whitespace/,
    'http://example.com/a b': /whitespace/,
    'http://exa\tmple.com/': /whitespace/,
    'http://example.com/\r\nX: y': /whitespace/,
    'http://example.com/\0': /whitespace/,
    'http://exa\u00admple.com/': /whitespace or control/,
    'http://example.com/\u202e': /whitespace or control/,
    'https://user@example.com/': /user name/,
    'https://user:secret@example.com/': /user name/,
    'https://@example.com/': /user name/,
    'https://:@example.com/': /user name/,
    'https://example.com@169.254.169.254/': /user name/,
    'https://example.com/#part': /fragment/,
    'https://example.com/#': /fragment/,
    'http://127.0.0.1../': /host name/,
    'http://*.example.com/': /host name/,
    'http://example..com/': /host name/,
    [`http://${'a'.repeat(64)}.com/`]: /host name/,
    [`http://${'a.'.repeat(130)}com/`]: /host name/,
  };
  for (const [url, expected] of Object.entries(broken)) {
    it(`may not be ${inAscii(url).slice(0, 60)}`, () => {
      for (const mode of ['test', 'live'] as const) expect(check(url, mode)).to.match(expected);
    });
  }

  it('has at most 2048 characters', () => {
    const url = (length: number): string => 'https://example.com/'.padEnd(length, 'a');
    expect(check(url(2048), 'live')).to.equal(null);
    expect(check(url(2049), 'live')).to.match(/2048/);
  });

  it('is refused in one sentence', () => {
    for (const url of [...Object.keys(broken), 'http://10.0.0.1', 'https://pay.example.com']) {
      expect(check(url, 'test'), url).to.match(/^\S[^\n]*\.$/);
    }
  });
});

describe('the URL of an endpoint that is our own', () => {
  it('is refused at every port when we have a name', () => {
    for (const host of ['pay.example.com', 'PAY.Example.com', 'pay.example.com.', 'pay.example.com:8443']) {
      expect(check(`https://${host}/callbacks`, 'live'), host).to.match(/this gateway itself/);
    }
    expect(check('https://shop.pay.example.com', 'live')).to.equal(null);
    expect(check('https://example.com', 'live')).to.equal(null);
  });

  it('is refused at our own port only when we are on this machine, however it is spelled', () => {
    const local = { ownUrl: 'http://127.0.0.1:8080', allowNetworks: ['127.0.0.0/8', '::1'] };
    for (const host of ['127.0.0.1', 'localhost', 'localhost.', '127.0.0.2', '[::1]', '0x7f.1', '0.0.0.0']) {
      expect(check(`http://${host}:8080/`, 'test', local), host).to.match(/this gateway itself/);
    }
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(check(`http://${host}:3000/`, 'test', local), host).to.equal(null);
    }
  });

  it('counts the port that goes without saying', () => {
    const local = { ownUrl: 'http://192.168.0.5', allowNetworks: ['192.168.0.0/16'] };
    expect(check('http://192.168.0.5:80/', 'test', local)).to.match(/this gateway itself/);
    expect(check('https://192.168.0.5/', 'test', local)).to.equal(null);
  });
});

describe('WEBHOOK_ALLOW_NETWORKS', () => {
  const allowNetworks = ['10.1.0.0/16', '192.168.7.7', 'fd12::/16'];

  it('lets addresses in test mode reach what it names and nothing beside it', () => {
    for (const host of ['10.1.2.3', '192.168.7.7', '[fd12::5]', '[::ffff:10.1.2.3]']) {
      expect(check(`http://${host}/`, 'test', { allowNetworks }), host).to.equal(null);
      expect(check(`https://${host}/`, 'live', { allowNetworks }), host).to.match(/must be a name/);
    }
    for (const host of ['10.2.0.1', '192.168.7.8', '[fd13::1]', '127.0.0.1', '[64:ff9b::10.1.2.3]']) {
      expect(check(`http://${host}/`, 'test', { allowNetworks }), host).to.match(/WEBHOOK_ALLOW_NETWORKS/);
    }
  });

  it('is told apart from the public internet', () => {
    const policy = createTargetPolicy({ ...rules, allowNetworks });
    expect(policy.judgeAddress('10.1.2.3')).to.deep.equal({ kind: 'allowed' });
    expect(policy.judgeAddress('8.8.8.8')).to.deep.equal({ kind: 'public' });
    expect(policy.judgeAddress('10.2.2.3')).to.deep.equal({ kind: 'refused', range: 'private' });
  });
});

describe('an address', () => {
  it('is refused as a resolver spells it, too', () => {
    const spelled = [
      '::127.0.0.1',
      '::ffff:10.0.0.1',
      '::FFFF:8.8.8.8',
      'fe80::1%eth0',
      '64:FF9B::808:808',
      'nonsense',
    ];
    for (const address of [...spelled, '']) expect(refusedRange(address), address).not.to.equal(null);
  });

  it('passes when it is on the public internet', () => {
    for (const address of ['8.8.8.8', '168.63.129.17', '2606:4700::1111', '2a00:1450:4001::1', '197.248.1.1']) {
      expect(refusedRange(address), address).to.equal(null);
    }
  });
});
