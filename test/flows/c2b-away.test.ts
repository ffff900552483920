// The database goes away, or the process is killed, while confirmations come. Safaricom sends each once, so one that was
// acknowledged is on the disk or in the database, becomes a line exactly once, and finds its payment (promise 3).

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  buildGateway,
  freshPhone,
  isProductionProfile,
  type TestGateway,
  type TestTenant,
} from '../support/build-gateway.ts';
import { c2bPath, confirm, confirmationBody, freshNumber, freshReceipt, linesOf } from '../support/feeds.ts';
import { buildFragileGateway, type FragileGateway } from '../support/fragile-database.ts';
import { eventually, freePort, type GatewayProcess, payAt, startGatewayProcess } from '../support/gateway-process.ts';
import { idle, silentPhone, tellStory } from '../support/payment-story.ts';

const patienceMs = 20_000;
const masked = (phone: string): string => `2547 ***** ${phone.slice(-3)}`;

describe('confirmations while the database is away', function () {
  this.timeout(120_000);
  let fragile: FragileGateway;
  let tenant: TestTenant;
  let number: string;
  before(async () => {
    fragile = await buildFragileGateway();
  });
  beforeEach(async () => {
    number = freshNumber();
    tenant = await fragile.app.addTenant({ shortcode: number });
  });
  after(() => fragile.close());

  const folder = (): string => join(fragile.app.config.dataDir, 'spool');
  const spooled = (): string[] =>
    existsSync(folder()) ? readdirSync(folder()).filter((name) => name.endsWith('.sealed')) : [];
  const body = (changes: Record<string, unknown> = {}) =>
    confirmationBody(fragile.app, { BusinessShortCode: number, ...changes });

  /** Again until the pool has noticed that the database is back. */
  async function drained(): Promise<void> {
    const drain = (): Promise<true | undefined> =>
      fragile.app.gateway.drainSpool().then(
        () => true,
        () => undefined,
      );
    await eventually('an empty spool', drain, patienceMs);
  }

  it('acknowledges one, keeps it sealed, makes it a line once when it is back, and its payment paid', async () => {
    const phone = silentPhone(fragile.app);
    const story = tellStory(fragile.app, tenant);
    const { id } = await story.pay({ phone });
    await story.until(id, 'pending');
    const sent = body({ MSISDN: masked(phone), TransID: 'UJ6AWAY001' });
    await fragile.takeAway();
    const answer = await confirm(fragile.app, tenant.shortcodeId, sent);
    expect([answer.status, answer.body]).to.deep.equal([200, { ResultCode: '0', ResultDesc: 'Accepted' }]);
    const [name] = spooled();
    expect(spooled()).to.have.length(1);
    const content = readFileSync(join(folder(), name!), 'utf8');
    for (const secret of ['UJ6AWAY001', tenant.shortcodeId, 'JANE']) expect(content + name).not.to.include(secret);
    await fragile.giveBack();
    await drained();
    // As if the drain had been killed before it could remove the file.
    writeFileSync(join(folder(), name!), content, { mode: 0o600 });
    await drained();
    expect(spooled()).to.deep.equal([]);
    const paid = await story.until(id, 'succeeded');
    expect(paid).to.include({ mpesa_receipt: 'UJ6AWAY001', confirmed_by: 'c2b' });
    const line = await eventually('its line', async () =>
      (await linesOf(fragile.app, tenant)).find(({ status }) => status === 'matched'),
    );
    expect([line.paymentId, (await linesOf(fragile.app, tenant)).length]).to.deep.equal([id, 1]);
    expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
  });

  it('keeps each of 20 that come at once, an unreadable one, and one for another shortcode', async () => {
    await fragile.takeAway();
    const bodies = Array.from({ length: 20 }, () => body());
    const others = ['nonsense', JSON.stringify(body({ BusinessShortCode: '999999' }))];
    const answers = await Promise.all(
      [...bodies, ...others].map((one) => confirm(fragile.app, tenant.shortcodeId, one)),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect(spooled()).to.have.length(22);
    await fragile.giveBack();
    await drained();
    expect(spooled()).to.deep.equal([]);
    const receipts = (await linesOf(fragile.app, tenant)).map(({ receipt }) => receipt);
    expect(receipts.sort()).to.deep.equal(bodies.map(({ TransID }) => TransID).sort());
    const strays = await fragile.app.gateway.core.db('stray_confirmations').where({ tenant_id: tenant.id });
    expect(strays.map(({ reason }) => reason).sort()).to.deep.equal(['other_shortcode', 'unreadable']);
  });

  it('accepts validations', async () => {
    await fragile.takeAway();
    const path = `${c2bPath(fragile.app, tenant.shortcodeId)}/validation`;
    const answer = await fragile.app.call(path, { method: 'POST', key: '', body: body() });
    await fragile.giveBack();
    expect([answer.status, answer.body.ResultCode]).to.deep.equal([200, '0']);
  });

  if (isProductionProfile) {
    it('acknowledges within the time Safaricom waits when the database hangs, and makes one line of it', async () => {
      await drained();
      fragile.hang();
      const sending = confirm(fragile.app, tenant.shortcodeId, body());
      const deadline = Date.now() + 8000;
      const hungAt = fragile.app.clock.now();
      while (spooled().length === 0 && fragile.app.clock.now() - hungAt < 4900 && Date.now() < deadline)
        await fragile.app.clock.advance(5);
      expect(fragile.app.clock.now() - hungAt).to.be.within(2500, 4900);
      expect((await sending).status).to.equal(200);
      await fragile.giveBack();
      await drained();
      expect(await linesOf(fragile.app, tenant)).to.have.length(1);
    });
  }
});

describe('killed after a confirmation was acknowledged', function () {
  this.timeout(120_000);
  let home: TestGateway;
  let tenant: TestTenant;
  let number: string;
  const running: GatewayProcess[] = [];
  before(async () => {
    home = await buildGateway({ env: idle });
  });
  beforeEach(async () => {
    number = freshNumber();
    tenant = await home.addTenant({ shortcode: number });
  });
  afterEach(async () => {
    for (const gateway of running.splice(0)) await gateway.kill();
  });
  after(() => home.close());

  async function start(port: number): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess(home, port);
    running.push(gateway);
    return gateway;
  }

  it('finds each line and its payment when it is started again', async () => {
    const port = await freePort();
    const first = await start(port);
    const story = tellStory(home, tenant);
    const made: { id: string; receipt: string; body: Record<string, unknown> }[] = [];
    for (let index = 0; index < 5; index += 1) {
      const phone = freshPhone();
      home.simulator.control.setOutcome({ phone, code: 'silent' });
      const { body } = await payAt(first, tenant, phone);
      const isPending = async () => ((await story.statuses(body.id)).at(-1) === 'pending' ? true : undefined);
      await eventually('its push', isPending, patienceMs);
      const receipt = freshReceipt();
      const confirmation = { BusinessShortCode: number, BillRefNumber: 'CRASH', TransID: receipt };
      const sent = confirmationBody(home, { ...confirmation, MSISDN: `254${phone.slice(3)}`, TransTime: '' });
      made.push({ id: body.id, receipt, body: sent });
    }
    const path = `${c2bPath(home, tenant.shortcodeId)}/confirmation`;
    let killing: Promise<void> | undefined;
    const acknowledged = new Set<string>();
    await Promise.all(
      made.map(async ({ id, body }) => {
        const answer = await first.call(path, { method: 'POST', body }).catch(() => undefined);
        if (answer?.status !== 200) return;
        acknowledged.add(id);
        killing ??= first.kill();
      }),
    );
    await killing;
    expect(acknowledged.size).to.be.at.least(1);
    const receipts = new Set((await linesOf(home, tenant)).map(({ receipt }) => receipt));
    for (const { id, receipt } of made) if (acknowledged.has(id)) expect(receipts.has(receipt)).to.equal(true);
    await start(port);
    for (const { id, receipt } of made) {
      if (!acknowledged.has(id)) continue;
      const isPaid = async () => ((await story.read(id)).mpesa_receipt === receipt ? true : undefined);
      await eventually('its success', isPaid, patienceMs);
      expect((await story.events(id)).filter((type) => type === 'payment.succeeded')).to.have.length(1);
    }
  });
});
