// A log is read by more people than a database: no phone, key, secret, token, passkey or callback token may be in it,
// whatever happens, at the level that says most (design.md section 11).

import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createLogger } from '../../src/platform/logger.ts';
import { freshPhone, isProductionProfile, sandboxPasskey, type TestGateway } from '../support/build-gateway.ts';
import { openCuttableProxy } from '../support/cuttable-proxy.ts';
import { buildFragileGateway, type FragileGateway } from '../support/fragile-database.ts';
import {
  callbackUrlOf,
  move,
  rest,
  type Story,
  sendCallback,
  silentPhone,
  tellStory,
} from '../support/payment-story.ts';

describe('logs of everything that can happen', () => {
  let log = '';
  let fragile: FragileGateway;
  let story: Story;
  const phones: string[] = [];
  const secrets: string[] = [sandboxPasskey];

  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk);
      done();
    },
  });

  before(async () => {
    fragile = await buildFragileGateway({ logger: createLogger('debug', stream) });
    const { app } = fragile;
    story = tellStory(app, await app.addTenant());
    secrets.push(story.tenant.key, story.tenant.key.split('_').at(-1)!);
    await tellAll(app);
  });
  after(() => fragile.close());

  async function tellAll(app: TestGateway): Promise<void> {
    const { control } = app.simulator;
    const phoneFor = (fault?: string): string => {
      const phone = silentPhone(app);
      phones.push(phone);
      if (fault !== undefined) control.setFault({ group: 'push', fault, reach: 'next', phone });
      return phone;
    };
    const paid = await story.pay({ phone: phoneFor() });
    await story.until(paid.id, 'pending');
    secrets.push(new URL(callbackUrlOf(app, paid.phone)).pathname.split('/').at(-1)!);
    await sendCallback(app, paid.phone, { resultCode: '0' });
    await sendCallback(app, paid.phone, { resultCode: '1032' });
    await sendCallback(app, paid.phone, { checkoutRequestId: `ws_CO_06102026141530412${paid.phone.slice(3)}` });
    await sendCallback(app, paid.phone, { body: `{"PhoneNumber": ${paid.phone}, "broken` });
    await fetch(`${callbackUrlOf(app, paid.phone)}forged`, { method: 'POST', body: '{}' });
    for (const fault of ['lost', 'unreadable', 'wrong_credentials', 'no_product', 'waf_503', 'invalid_token'])
      await story.pay({ phone: phoneFor(fault) });
    await rest(app);
    await app.pay({ phone: paid.phone, amount: 'many' }, { key: story.tenant.key });
    await story.call(`/v1/payments?phone=${paid.phone}`);
    await app.call('/v1/account', { key: `${story.tenant.key}x` });
    const asked = await story.pay({ phone: phoneFor() });
    await story.until(asked.id, (payment) => payment.status !== 'queued' && payment.status !== 'submitting');
    control.setFault({ group: 'query', fault: 'invalid_token', reach: 'next', phone: asked.phone });
    await move(app, 60_000);
    const held = await story.pay({ phone: phoneFor() });
    await rest(app);
    await fragile.takeAway();
    await sendCallback(app, paid.phone, { resultCode: '0' });
    const refused = freshPhone();
    phones.push(refused);
    await app.pay({ phone: refused, metadata: { phone: refused } }, { key: story.tenant.key });
    await app.gateway.drainSpool().catch(() => undefined);
    await fragile.giveBack();
    expect(held.id).to.be.a('string');
  }

  it('tell of payments, pushes, callbacks and failures', () => {
    for (const event of [
      'payment.created',
      'push.answered',
      'callback.settled',
      'query.answered',
      'callback.forged_token',
      'callback.spooled',
      'request.failed',
    ])
      expect(log).to.include(`"event":"${event}"`);
    for (const line of log.trim().split('\n')) expect(() => JSON.parse(line)).not.to.throw();
  });

  it('hold no phone, whole, national or in a CheckoutRequestID', () => {
    for (const phone of phones) expect(log.includes(phone.slice(3)), phone).to.equal(false);
  });

  it('hold no key, passkey or callback token', () => {
    for (const secret of secrets) expect(log.includes(secret), secret).to.equal(false);
  });

  it('hold no access token, consumer key or password that went to Daraja', async () => {
    // The proxy sees what goes to Daraja; a gateway of its own talks through it.
    const { app } = fragile;
    const proxy = await openCuttableProxy(app.config.darajaUrls.simulator);
    let own = '';
    const sink = new Writable({
      write(chunk, _encoding, done) {
        own += String(chunk);
        done();
      },
    });
    const other = await buildFragileGateway({
      env: { DARAJA_SIMULATOR_URL: `http://127.0.0.1:${proxy.port}` },
      logger: createLogger('debug', sink),
    });
    try {
      const phone = freshPhone();
      const theirs = tellStory(other.app, await other.app.addTenant());
      const { id } = await theirs.pay({ phone });
      await theirs.until(id, 'pending');
      await proxy.cut();
      await theirs.pay();
      await rest(other.app);
      const sent = proxy.sent();
      const basic = /Basic (\S+)/i.exec(sent)?.[1] ?? '';
      const found = [
        basic,
        ...Buffer.from(basic, 'base64').toString().split(':').slice(0, 1),
        /Bearer (\S+)/i.exec(sent)?.[1],
        /"Password":"([^"]+)"/.exec(sent)?.[1],
        phone.slice(3),
      ];
      expect(own).to.include('push.answered');
      for (const secret of found) {
        expect(secret).to.have.length.above(8);
        expect(own.includes(secret!), secret).to.equal(false);
      }
    } finally {
      await proxy.close();
      await other.close();
    }
  });

  it('name no database password when the database cannot be reached', () => {
    if (isProductionProfile) expect(log).not.to.match(/mysql:\/\/[^"]*@/);
    expect(log).not.to.match(/MASTER_KEY=/);
  });
});
