// The database goes away while money moves. Safaricom sends each result once, so a callback that was acknowledged must
// be on the disk, and take effect exactly once when the database is back (promise 3).

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isProductionProfile } from '../support/build-gateway.ts';
import { buildFragileGateway, type FragileGateway } from '../support/fragile-database.ts';
import { beginStory, move, received, type Story, sendCallback, silentPhone, taken } from '../support/payment-story.ts';

describe('while the database is away', () => {
  let fragile: FragileGateway;
  let story: Story;
  before(async () => {
    fragile = await buildFragileGateway();
    story = await beginStory(fragile.app);
  });
  after(() => fragile.close());

  const folder = (): string => join(fragile.app.config.dataDir, 'spool');
  const spooled = (): string[] =>
    existsSync(folder()) ? readdirSync(folder()).filter((name) => name.endsWith('.sealed')) : [];

  async function prompted(): Promise<{ id: string; phone: string }> {
    const made = await story.pay({ phone: silentPhone(fragile.app) });
    await story.until(made.id, 'pending');
    return made;
  }

  /** Again until the pool has noticed that the database is back. */
  async function drained(): Promise<void> {
    const deadline = Date.now() + 25_000;
    for (;;) {
      const problem = await fragile.app.gateway.drainSpool().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (problem === null) return;
      if (Date.now() > deadline) throw problem;
    }
  }

  it('acknowledges a callback, keeps it sealed and readable by the owner only, and applies it once when it is back', async () => {
    const { id, phone } = await prompted();
    await fragile.takeAway();
    const sent = await sendCallback(fragile.app, phone, { resultCode: '0', receipt: 'UJ6SPOOL01' });
    expect(sent.status).to.equal(200);
    expect(await fragile.app.gateway.drainSpool().catch(() => 'not now')).to.equal('not now');
    const [name] = spooled();
    expect(spooled()).to.have.length(1);
    expect(statSync(join(folder(), name!)).mode & 0o777).to.equal(0o600);
    expect(statSync(folder()).mode & 0o777).to.equal(0o700);
    const content = readFileSync(join(folder(), name!), 'utf8');
    for (const secret of [phone, phone.slice(3), 'UJ6SPOOL01', id]) expect(content + name).not.to.include(secret);
    await fragile.giveBack();
    await drained();
    expect(await story.read(id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6SPOOL01' });
    expect(spooled()).to.deep.equal([]);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
  });

  it('applies a spooled callback once when the drain was killed between settling it and removing its file', async () => {
    const { id, phone } = await prompted();
    await fragile.takeAway();
    await sendCallback(fragile.app, phone, { resultCode: '0', receipt: 'UJ6SPOOL02' });
    await fragile.giveBack();
    const file = join(folder(), spooled()[0]!);
    const content = readFileSync(file);
    await drained();
    const paid = await story.read(id);
    writeFileSync(file, content, { mode: 0o600 });
    await drained();
    expect(spooled()).to.deep.equal([]);
    expect(await story.read(id)).to.deep.equal(paid);
    expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied']);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
  });

  it('keeps every one of 20 callbacks that come at once, among them yes after no, in the order of their arrival', async () => {
    const made = [];
    for (let index = 0; index < 10; index++) made.push(await prompted());
    await fragile.takeAway();
    const no = await Promise.all(made.map(({ phone }) => sendCallback(fragile.app, phone, { resultCode: '1037' })));
    await fragile.app.clock.advance(10);
    const yes = await Promise.all(
      made.map(({ phone, id }) =>
        sendCallback(fragile.app, phone, { resultCode: '0', receipt: id.slice(-10).toUpperCase() }),
      ),
    );
    expect(new Set([...no, ...yes].map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect(spooled()).to.have.length(20);
    await fragile.giveBack();
    await drained();
    for (const { id } of made) {
      expect((await story.read(id)).flags).to.deep.equal(['late', 'contradicted']);
      expect(await story.statuses(id)).to.deep.equal(['queued', 'submitting', 'pending', 'failed', 'succeeded']);
    }
  });

  it('sets a spool file that cannot be opened aside, and drains the others', async () => {
    const { id, phone } = await prompted();
    await fragile.takeAway();
    await sendCallback(fragile.app, phone, { resultCode: '0', receipt: 'UJ6SPOOL03' });
    await fragile.giveBack();
    const damaged = `${'0'.repeat(15)}-damaged.sealed`;
    writeFileSync(join(folder(), damaged), 'not a box', { mode: 0o600 });
    await drained();
    expect((await story.read(id)).status).to.equal('succeeded');
    expect(readdirSync(folder())).to.deep.equal([`${damaged}.unreadable`]);
  });

  it('refuses a new payment for now, and the same request with the same key makes it once afterwards', async () => {
    const phone = silentPhone(fragile.app);
    const headers = { 'Idempotency-Key': `away-${phone}` };
    await fragile.takeAway();
    const refused = await fragile.app.pay({ phone }, { key: story.tenant.key, headers });
    expect(refused.status).to.equal(503);
    expect(refused.body).to.include({ code: 'unavailable', retryable: true });
    expect(refused.headers.get('Retry-After')).to.equal('5');
    await fragile.giveBack();
    const deadline = Date.now() + 20_000;
    let made = refused;
    while (made.status !== 201 && Date.now() < deadline)
      made = await fragile.app.pay({ phone }, { key: story.tenant.key, headers });
    expect(made.status).to.equal(201);
    await story.until(made.body.id, 'pending');
    expect(taken(fragile.app, phone)).to.have.length(1);
  });

  it('writes a push’s answer down when the database is back, and never sends the push again', async () => {
    const { app } = fragile;
    const phone = silentPhone(app);
    app.simulator.control.changeSettings({ ackMs: 1000 });
    const { id } = await story.pay({ phone });
    await app.gateway.worker.dispatch();
    const deadline = Date.now() + 20_000;
    while (taken(app, phone).length === 0 && Date.now() < deadline) await app.clock.advance(1);
    await fragile.takeAway();
    await app.clock.advance(1000);
    app.simulator.control.changeSettings({ ackMs: 0 });
    await fragile.giveBack();
    await move(app, 2000);
    await story.until(id, 'pending');
    await sendCallback(app, phone, { resultCode: '0', receipt: 'UJ6NOANSW1' });
    await story.until(id, 'succeeded');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
  });

  it('keeps a spooled callback when the connection breaks in the middle of settling it', async () => {
    // A broken connection's own error has no code of a database that is away; it was once taken for a refusal.
    const { id, phone } = await prompted();
    await fragile.takeAway();
    await sendCallback(fragile.app, phone, { resultCode: '0', receipt: 'UJ6BROKEN1' });
    await fragile.giveBack();
    const { db } = fragile.app.gateway.core;
    let cutting: Promise<void> | null = null;
    db.on('query', ({ sql, __knexTxId }: { sql: string; __knexTxId?: string }) => {
      if (cutting === null && __knexTxId !== undefined && /payments/.test(sql)) cutting = fragile.takeAway();
    });
    await fragile.app.gateway.drainSpool().catch(() => undefined);
    await cutting;
    expect(readdirSync(folder()).filter((name) => name.endsWith('.refused'))).to.deep.equal([]);
    await fragile.giveBack();
    await drained();
    await story.until(id, 'succeeded');
    expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied']);
  });

  if (isProductionProfile) {
    it('acknowledges a callback within the time Safaricom waits when the database hangs, and applies it once', async () => {
      const { id, phone } = await prompted();
      await drained();
      fragile.hang();
      const sending = sendCallback(fragile.app, phone, { resultCode: '0', receipt: 'UJ6HUNG001' });
      const deadline = Date.now() + 20_000;
      const hungAt = fragile.app.clock.now();
      // Not past the five seconds after which Safaricom hangs up.
      while (spooled().length === 0 && fragile.app.clock.now() - hungAt < 4900 && Date.now() < deadline)
        await fragile.app.clock.advance(5);
      expect(fragile.app.clock.now() - hungAt).to.be.within(2500, 4900);
      expect((await sending).status).to.equal(200);
      expect(spooled()).to.have.length(1);
      await fragile.giveBack();
      await drained();
      await story.until(id, 'succeeded');
      expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied']);
      expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
    });
  }
});
