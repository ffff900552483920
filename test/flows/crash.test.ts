// The gateway is killed with SIGKILL at each step between accepting a payment and settling it, and started again with
// its clock past every lease. Promise 1 and 2: what was accepted exists, what may have been sent is not sent again, and
// it comes to the truth.

import { expect } from 'chai';
import {
  buildGateway,
  freshPhone,
  isProductionProfile,
  type TestGateway,
  type TestTenant,
} from '../support/build-gateway.ts';
import { openCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually, freePort, type GatewayProcess, payAt, startGatewayProcess } from '../support/gateway-process.ts';
import { holdRow } from '../support/hold-row.ts';
import { idle, received, type Story, taken, tellStory } from '../support/payment-story.ts';

const pastEveryLease = { CLOCK_AHEAD_MS: '70000' };

describe('killed and started again', () => {
  let home: TestGateway;
  let tenant: TestTenant;
  let story: Story;
  let port: number;
  const running: GatewayProcess[] = [];

  before(async () => {
    home = await buildGateway({ env: idle });
  });
  beforeEach(async () => {
    tenant = await home.addTenant();
    story = tellStory(home, tenant);
    port = await freePort();
  });
  afterEach(async () => {
    for (const gateway of running.splice(0)) await gateway.kill();
    home.simulator.control.clearFaults();
  });
  after(() => home.close());

  async function start(env: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess(home, port, env);
    running.push(gateway);
    return gateway;
  }

  const status = async (id: string): Promise<string> => (await story.statuses(id)).at(-1) ?? '';
  const reach = (id: string, ...wanted: string[]): Promise<string> =>
    eventually(`${wanted.join(' or ')} of ${id}`, async () => {
      const now = await status(id);
      return wanted.includes(now) ? now : undefined;
    });

  /** One payment, as far as its push being accepted. */
  async function pushed(gateway: GatewayProcess): Promise<{ id: string; phone: string }> {
    const phone = freshPhone();
    const { body } = await payAt(gateway, tenant, phone);
    await reach(body.id, 'pending');
    return { id: body.id, phone };
  }

  it('right after a 201: every payment that was answered exists, and each is sent at most once and settled', async () => {
    const first = await start();
    const phones = Array.from({ length: 30 }, () => freshPhone());
    const made: { id: string; phone: string }[] = [];
    const killed: Promise<void>[] = [];
    await Promise.all(
      phones.map(async (phone) => {
        const answer = await payAt(first, tenant, phone).catch(() => undefined);
        if (answer?.status !== 201) return;
        made.push({ id: answer.body.id, phone });
        if (made.length === 5) killed.push(first.kill());
      }),
    );
    await Promise.all(killed);
    expect(made.length).to.be.at.least(5);
    await start(pastEveryLease);
    for (const { id, phone } of made) {
      await reach(id, 'pending', 'unknown');
      if (taken(home, phone).length === 0) continue;
      home.simulator.control.answer({ phone }, 'pin');
      await reach(id, 'succeeded');
      expect(await story.events(id)).to.satisfy((types: string[]) => new Set(types).size === types.length);
    }
    for (const phone of phones) expect(received(home, phone).length).to.be.at.most(1);
  });

  it('between claim and push: nothing was sent, it is unknown and stays unsent, and the next payment is sent', async () => {
    home.simulator.control.setFault({ group: 'oauth', fault: 'slow', reach: 'all' });
    const first = await start();
    const phone = freshPhone();
    const { body } = await payAt(first, tenant, phone);
    await reach(body.id, 'submitting');
    await first.kill();
    home.simulator.control.clearFaults();
    const second = await start(pastEveryLease);
    await reach(body.id, 'unknown');
    await pushed(second);
    expect(received(home, phone)).to.have.length(0);
  });

  it('while the push is at Daraja: it is unknown, never sent again, and its callback settles it', async () => {
    const first = await start();
    const phone = freshPhone();
    home.simulator.control.setFault({ group: 'push', fault: 'slow', reach: 'all', phone });
    const reached = home.simulator.ledger.until(() => taken(home, phone).length === 1);
    const { body } = await payAt(first, tenant, phone);
    await reached;
    await first.kill();
    home.simulator.control.clearFaults();
    await start(pastEveryLease);
    await reach(body.id, 'unknown');
    home.simulator.control.answer({ phone }, 'pin');
    await reach(body.id, 'succeeded');
    expect([received(home, phone).length, taken(home, phone).length]).to.deep.equal([1, 1]);
    expect(await story.events(body.id)).to.deep.equal(['payment.unknown', 'payment.succeeded']);
  });

  it('as Daraja answers the push: it is sent once and settled by its callback', async () => {
    const first = await start();
    const phone = freshPhone();
    const answered = home.simulator.ledger.until(() => received(home, phone).some((push) => push.status === 200));
    const { body } = await payAt(first, tenant, phone);
    await answered;
    await first.kill();
    await start(pastEveryLease);
    await reach(body.id, 'pending', 'unknown');
    home.simulator.control.answer({ phone }, 'pin');
    await reach(body.id, 'succeeded');
    expect([received(home, phone).length, taken(home, phone).length]).to.deep.equal([1, 1]);
  });

  it('after a callback’s bytes came, before it was settled: it is found by asking', async () => {
    const proxy = await openCuttableProxy(`http://127.0.0.1:${port}`);
    try {
      const first = await start({ PUBLIC_URL: `http://127.0.0.1:${proxy.port}` });
      const { id, phone } = await pushed(first);
      const release = await holdRow(home, id);
      const settled = home.simulator.control.settle({ phone }, '0');
      await eventually('the callback', () => (proxy.sent().includes('stkCallback') ? true : undefined));
      await first.kill();
      await settled;
      await release();
      expect(home.simulator.ledger.callbacks.at(-1)?.status, first.output()).to.equal(null);
      expect(await story.verdicts(id, 'callback')).to.deep.equal([]);
      await start(pastEveryLease);
      await reach(id, 'succeeded');
      expect(await story.read(id)).to.include({ confirmed_by: 'query' });
      expect(received(home, phone)).to.have.length(1);
    } finally {
      await proxy.close();
    }
  });

  it('between settling a callback and its 200: it stays settled, and the same callback again changes nothing', async () => {
    const proxy = await openCuttableProxy(`http://127.0.0.1:${port}`);
    try {
      const env = { PUBLIC_URL: `http://127.0.0.1:${proxy.port}` };
      const first = await start(env);
      const { id, phone } = await pushed(first);
      proxy.holdAnswers();
      const settled = home.simulator.control.settle({ phone }, '0');
      await reach(id, 'succeeded');
      await first.kill();
      await proxy.restore();
      await settled;
      expect(home.simulator.ledger.callbacks.at(-1)?.status).not.to.equal(500);
      await start({ ...env, ...pastEveryLease });
      const paid = await story.read(id);
      expect((await home.simulator.control.sendCallback({ phone })).status).to.equal(200);
      expect(await story.read(id)).to.deep.equal(paid);
      expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
      expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied', 'repeated']);
    } finally {
      await proxy.close();
    }
  });

  if (isProductionProfile) {
    it('after a callback was spooled because the database was away: it is settled from the spool', async () => {
      const url = new URL(home.config.databaseUrl);
      const proxy = await openCuttableProxy(`http://${url.host}`);
      url.port = String(proxy.port);
      try {
        const first = await start({ DATABASE_URL: url.href });
        const { id, phone } = await pushed(first);
        await proxy.cut();
        await home.simulator.control.settle({ phone }, '0');
        expect(home.simulator.ledger.callbacks.at(-1)?.status).to.equal(200);
        await first.kill();
        expect(await status(id)).to.equal('pending');
        await proxy.restore();
        await start();
        await reach(id, 'succeeded');
        expect(await story.read(id)).to.include({ confirmed_by: 'callback' });
        expect(await story.verdicts(id, 'callback')).to.deep.equal(['applied']);
      } finally {
        await proxy.close();
      }
    });
  }
});
