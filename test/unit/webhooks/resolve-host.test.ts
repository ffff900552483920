// Resolving a host against a real name server on this machine that answers, refuses and keeps silent as it is told.

import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { codeOf, createHostResolver, isNotFound, type ResolveHost } from '../../../src/webhooks/resolve-host.ts';

/** What the server says to a type of question: addresses, a DNS error or nothing at all. */
type Reply = string[] | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED' | 'silence';
type Zone = Record<string, { a: Reply; aaaa: Reply }>;

const errorCodes = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** The answer to one question, whose name is read up to its root label (RFC 1035). */
function replyTo(query: Buffer, zone: Zone, asked: string[]): Buffer | null {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += query[at]! + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  const name = labels.join('.').toLowerCase();
  asked.push(name);
  const isIpv4 = query.readUInt16BE(at + 1) === 1;
  const reply = zone[name]?.[isIpv4 ? 'a' : 'aaaa'] ?? 'NXDOMAIN';
  if (reply === 'silence') return null;
  const addresses = typeof reply === 'string' ? [] : reply;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (typeof reply === 'string' ? errorCodes[reply] : 0), 2);
  for (const [offset, count] of [1, addresses.length, 0, 0].entries()) header.writeUInt16BE(count, 4 + 2 * offset);
  const records = addresses.map((address) => {
    const bytes = isIpv4 ? address.split('.').map(Number) : [...Array(15).fill(0), Number(address.slice(2))];
    return Buffer.from([0xc0, 12, 0, isIpv4 ? 1 : 28, 0, 1, 0, 0, 0, 9, 0, bytes.length, ...bytes]);
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
}

describe('resolving a host', () => {
  let server: dgram.Socket;
  let resolve: ResolveHost;
  let asked: string[];
  const zone: Zone = {
    'both.example.com': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['::7'] },
    'four.example.com': { a: ['192.0.2.3'], aaaa: [] },
    'six.example.com': { a: [], aaaa: ['::8'] },
    'half.example.com': { a: ['192.0.2.4'], aaaa: 'SERVFAIL' },
    'empty.example.com': { a: [], aaaa: [] },
    'broken.example.com': { a: 'SERVFAIL', aaaa: [] },
    'refused.example.com': { a: 'REFUSED', aaaa: 'REFUSED' },
    'silent.example.com': { a: 'silence', aaaa: 'silence' },
  };

  beforeEach(async () => {
    asked = [];
    server = dgram.createSocket('udp4', (query, from) => {
      const reply = replyTo(query, zone, asked);
      if (reply) server.send(reply, from.port, from.address);
    });
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    resolve = createHostResolver({ allowsNetworks: false, servers: [serverAddress()], timeoutMs: 100 });
  });
  afterEach(() => new Promise<void>((done) => server.close(done)));

  const serverAddress = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addressesOf = async (host: string): Promise<string[]> => (await resolve(host)).map(({ address }) => address);
  async function failureOf(host: string): Promise<string> {
    const code = await resolve(host).then(() => 'resolved', codeOf);
    return `${code} ${isNotFound(code) ? 'of the name' : 'of the resolver'}`;
  }

  it('finds the addresses of both families', async () => {
    expect(await addressesOf('both.example.com')).to.have.members(['192.0.2.1', '192.0.2.2', '::7']);
    expect((await resolve('both.example.com')).map(({ family }) => family)).to.have.members([4, 4, 6]);
    expect(await addressesOf('BOTH.example.com.')).to.have.length(3);
  });

  it('is content with one family, also when the other cannot be asked', async () => {
    expect(await addressesOf('four.example.com')).to.deep.equal(['192.0.2.3']);
    expect(await addressesOf('six.example.com')).to.deep.equal(['::8']);
    expect(await addressesOf('half.example.com')).to.deep.equal(['192.0.2.4']);
  });

  it('blames the name when it does not exist or has no address', async () => {
    expect(await failureOf('nowhere.example.com')).to.equal('ENOTFOUND of the name');
    expect(await failureOf('empty.example.com')).to.equal('ENODATA of the name');
  });

  it('blames the name when its servers fail, refuse or are silent while the resolver finds others', async () => {
    for (const host of ['broken.example.com', 'refused.example.com', 'silent.example.com'])
      expect(await failureOf(host), host).to.equal('ENODATA of the name');
  });

  it('blames the resolver when it fails, refuses or is silent for every name', async () => {
    zone['safaricom.co.ke'] = { a: 'SERVFAIL', aaaa: 'SERVFAIL' };
    expect(await failureOf('broken.example.com')).to.equal('ESERVFAIL of the resolver');
    expect(await failureOf('refused.example.com')).to.equal('EREFUSED of the resolver');
    expect(await failureOf('silent.example.com')).to.equal('ETIMEOUT of the resolver');
    delete zone['safaricom.co.ke'];
  });

  it('finds a name again after the resolver had failed', async () => {
    expect(await failureOf('broken.example.com')).to.match(/name/);
    expect(await addressesOf('four.example.com')).to.deep.equal(['192.0.2.3']);
  });

  it('of one tenant is not held up by the silent name servers of others', async () => {
    const silent = Array.from({ length: 20 }, () => failureOf('silent.example.com'));
    const startedAt = performance.now();
    expect(await addressesOf('four.example.com')).to.deep.equal(['192.0.2.3']);
    expect(performance.now() - startedAt).to.be.lessThan(90);
    expect(new Set(await Promise.all(silent))).to.deep.equal(new Set(['ENODATA of the name']));
  });

  it('without a dot asks the system, never a name server of others', async () => {
    expect(await addressesOf('localhost')).to.include('127.0.0.1');
    const many = await Promise.all(Array.from({ length: 20 }, () => addressesOf('localhost')));
    expect(many).to.have.length(20);
    expect(asked).to.deep.equal([]);
  });

  it('looks into the hosts file for what DNS does not know only where networks are allowed', async () => {
    const hosts = createHostResolver({ allowsNetworks: true, servers: [serverAddress()], timeoutMs: 100 });
    // An address is what every system's lookup knows without a name server, and DNS never.
    expect(await hosts('127.0.0.5')).to.deep.equal([{ address: '127.0.0.5', family: 4 }]);
    expect(await failureOf('127.0.0.5')).not.to.match(/resolved/);
  });
});
