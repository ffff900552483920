// That the rules for targets hold at the moment of connecting, whatever a name server says and however it changes its
// mind, and that TLS is judged. Beside each refusal stands a real server on this machine that would have answered: it
// must not have seen as much as a connection.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Exchange } from '../../../src/webhooks/attempt.ts';
import { createGuardedAgents } from '../../../src/webhooks/guarded-agents.ts';
import type { ResolvedAddress } from '../../../src/webhooks/resolve-host.ts';
import { checkEndpointUrl, createTargetPolicy, type TargetRules } from '../../../src/webhooks/safe-target.ts';
import { createWebhookSender, type WebhookSenderSettings } from '../../../src/webhooks/send-webhook.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const closed: TargetRules = { allowNetworks: [], ownUrl: 'https://pay.example.com' };
const open: TargetRules = { ...closed, allowNetworks: ['127.0.0.0/8'] };

/** A resolver that gives these answers in turn; the last one stays. */
function resolving(...turns: string[][]): (hostname: string) => Promise<ResolvedAddress[]> {
  return async () => {
    const addresses = turns.length > 1 ? turns.shift()! : turns[0]!;
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
}

describe('connecting to a target', () => {
  let receiver: WebhookReceiver;
  const closers: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    receiver = await startReceiver();
    closers.push(receiver.close);
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  function senderWith(changed: Partial<WebhookSenderSettings>) {
    const sender = createWebhookSender({ now: Date.now, timeoutMs: 2000, rules: closed, ...changed });
    closers.push(sender.close);
    return (url: string, mode: 'test' | 'live' = 'test'): Promise<Exchange> =>
      sender.send({ url, mode, eventId: 'evt_1', body: '{}', secrets: [secret] });
  }
  const urlAt = (host: string): string => `http://${host}:${receiver.port}/hook`;

  it('reaches a name that leads to an allowed network', async () => {
    const send = senderWith({ rules: open, resolve: resolving(['127.0.0.1']) });
    expect((await send(urlAt('inner.example.com'))).error).to.equal(null);
    expect(receiver.verified(secret)).to.have.length(1);
  });

  it('refuses a name that led to a public address when it was checked and leads inside now', async () => {
    const resolve = resolving(['8.8.8.8'], ['127.0.0.1']);
    expect(checkEndpointUrl(urlAt('rebind.example.com'), 'test', closed)).to.equal(null);
    expect((await resolve('rebind.example.com'))[0]?.address).to.equal('8.8.8.8');
    const exchange = await senderWith({ resolve })(urlAt('rebind.example.com'));
    expect(exchange).to.include({ error: 'address_refused', detail: '127.0.0.1 is loopback', statusCode: null });
    expect(receiver.connections()).to.equal(0);
  });

  it('judges every new connection, not the first alone', async () => {
    receiver.answerWith(answers.status(204, { connection: 'close' }));
    const rules = { ...closed, allowNetworks: ['127.0.0.1'] };
    const send = senderWith({ rules, resolve: resolving(['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1']) });
    const errors = [];
    for (let i = 0; i < 3; i++) errors.push((await send(urlAt('rebind.example.com'))).error);
    expect(errors).to.deep.equal([null, 'address_refused', null]);
  });

  it('refuses a name of which one address among public ones is refused', async () => {
    for (const mixed of [['8.8.8.8', '10.0.0.1'], ['127.0.0.1', '8.8.8.8'], ['8.8.8.8', '::1'], ['::ffff:8.8.8.8']]) {
      const send = senderWith({ resolve: resolving(mixed) });
      expect((await send(urlAt('mixed.example.com'))).error, mixed.join()).to.equal('address_refused');
    }
    expect(receiver.connections()).to.equal(0);
  });

  it('refuses addresses in the URL, in every spelling', async () => {
    const send = senderWith({});
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', '0.0.0.0', 'localhost']) {
      expect((await send(urlAt(host))).error, host).to.equal('address_refused');
    }
    expect(receiver.connections()).to.equal(0);
  });

  it('asks the rules of the mode again before each attempt', async () => {
    const send = senderWith({ rules: open, resolve: resolving(['127.0.0.1']) });
    expect((await send(urlAt('shop.example.com'), 'live')).error).to.equal('address_refused');
    expect((await send(urlAt('127.0.0.1'), 'live')).error).to.equal('address_refused');
    expect((await send('https://pay.example.com/', 'live')).error).to.equal('address_refused');
    expect((await send('no url')).error).to.equal('address_refused');
    expect(receiver.connections()).to.equal(0);
  });

  it('does not follow a redirect inside', async () => {
    const inner = await startReceiver();
    closers.push(inner.close);
    const send = senderWith({ rules: open, resolve: resolving(['127.0.0.1']) });
    for (const location of [inner.url, `http://localhost:${inner.port}`, 'http://169.254.169.254/latest/meta-data']) {
      receiver.answerWith(answers.status(307, { location }));
      expect((await send(urlAt('shop.example.com'))).error).to.equal('redirect');
    }
    expect(inner.connections()).to.equal(0);
  });

  it('reaches localhost where one of its addresses is allowed, without asking a resolver', async () => {
    const resolve = () => Promise.reject(new Error('asked'));
    expect((await senderWith({ rules: open, resolve })(urlAt('localhost'))).error).to.equal(null);
    expect((await senderWith({ rules: open, resolve })(urlAt('my.localhost.'))).error).to.equal(null);
    expect(receiver.requests).to.have.length(2);
  });

  it('tells the name’s faults from the resolver’s', async () => {
    const expected = {
      ENOTFOUND: 'name_not_found',
      ENODATA: 'name_not_found',
      ETIMEOUT: 'resolver_failed',
      ESERVFAIL: 'resolver_failed',
      EREFUSED: 'resolver_failed',
      ECONNREFUSED: 'resolver_failed',
      EAI_AGAIN: 'resolver_failed',
    };
    for (const [code, error] of Object.entries(expected)) {
      const send = senderWith({ resolve: () => Promise.reject(Object.assign(new Error('no'), { code })) });
      expect(await send(urlAt('shop.example.com'))).to.include({ error, detail: code, statusCode: null });
    }
    expect((await senderWith({ resolve: resolving([]) })(urlAt('shop.example.com'))).error).to.equal('name_not_found');
  });

  it('warns of nothing where networks of both families are allowed', async () => {
    const warn = console.warn;
    const warnings: unknown[] = [];
    console.warn = (...what: unknown[]) => warnings.push(what);
    try {
      const rules = { ...closed, allowNetworks: ['127.0.0.0/8', '::1/128', 'fd00::/8'] };
      const send = senderWith({ rules, resolve: resolving(['127.0.0.1', '::1']) });
      expect((await send(urlAt('both.example.com'))).error).to.equal(null);
      expect((await send(urlAt('127.0.0.1'))).error).to.equal(null);
      expect((await send(urlAt('[fe80::1]'))).error).to.equal('address_refused');
    } finally {
      console.warn = warn;
    }
    expect(warnings).to.deep.equal([]);
  });

  it('has a second wall behind our own rule', async () => {
    const lenient = { ...createTargetPolicy(closed), judgeAddress: () => ({ kind: 'public' }) as const };
    const agents = createGuardedAgents({ policy: lenient, resolve: resolving(['127.0.0.1']) });
    for (const host of ['127.0.0.1', 'shop.example.com', '168.63.129.16']) {
      const error = await new Promise<Error>((resolve) => {
        const { lookup, reusing } = agents;
        http.get({ host, port: receiver.port, lookup, agent: reusing.http }).on('error', resolve);
      });
      expect(error.message, host).to.match(host === 'shop.example.com' ? /127\.0\.0\.1.*not allowed/ : /not allowed/);
    }
    agents.destroy();
    expect(receiver.connections()).to.equal(0);
  });

  describe('over TLS', () => {
    let folder: string;
    let tls: { key: string; cert: string };

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'lango-tls-'));
      const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
      const name = ['-subj', '/CN=shop.example.com', '-addext', 'subjectAltName=DNS:shop.example.com'];
      const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2'];
      await promisify(execFile)('openssl', ['req', '-x509', ...made, ...name]);
      tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
    });
    after(() => rm(folder, { recursive: true }));

    async function startSecure() {
      const secure = await startReceiver(undefined, tls);
      closers.push(secure.close);
      return { secure, url: `https://shop.example.com:${secure.port}/hook` };
    }
    const inside = { rules: open, resolve: resolving(['127.0.0.1']) };

    it('a certificate that nobody vouches for is tls_failed, and nothing is sent', async () => {
      const { secure, url } = await startSecure();
      const exchange = await senderWith(inside)(url, 'live');
      expect(exchange).to.include({ error: 'tls_failed', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT', statusCode: null });
      expect(secure.requests).to.have.length(0);
    });

    it('a certificate that is trusted delivers, also over a kept connection', async () => {
      const { secure, url } = await startSecure();
      const send = senderWith({ ...inside, ca: tls.cert });
      for (let i = 0; i < 3; i++) expect(await send(url, 'live')).to.include({ error: null, statusCode: 204 });
      expect(secure.verified(secret)).to.have.length(3);
      expect(secure.connections()).to.equal(1);
    });

    it('a certificate of another name is tls_failed', async () => {
      const { secure, url } = await startSecure();
      const exchange = await senderWith({ ...inside, ca: tls.cert })(url.replace('shop.', 'other.'), 'live');
      expect(exchange).to.include({ error: 'tls_failed', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' });
      expect(secure.requests).to.have.length(0);
    });

    it('a kept connection that broke before a byte of the answer is replaced within the attempt', async () => {
      const { secure, url } = await startSecure();
      secure.answerWith(answers.inTurn(answers.status(204), answers.breaking(), answers.status(204)));
      const send = senderWith({ ...inside, ca: tls.cert });
      for (let i = 0; i < 2; i++) expect((await send(url, 'live')).error).to.equal(null);
      expect(secure.connections()).to.equal(2);
    });
  });
});
