// A worker that is slower than its lease, and a database that fails or deadlocks in the middle of a step. Whoever was
// given up changes nothing any more, whatever it brings; what was begun and not committed is begun again; and no fault of
// ours is ever the endpoint's.

import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { fanOutEvents } from '../../src/webhooks/fan-out-events.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../support/build-gateway.ts';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy.ts';
import { buildFragileGateway, type FragileGateway } from '../support/fragile-database.ts';
import { eventually } from '../support/gateway-process.ts';
import { idle } from '../support/payment-story.ts';
import { answers, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { atWebhookStep, type WebhookStep } from '../support/webhook-steps.ts';
import { countByEvent, readCounter, tellWebhooks, type WebhookStory } from '../support/webhook-story.ts';

const leaseMs = 45_000;
const blameless = { status: 'enabled', failure_count: 0, failing_since: null, breaker_level: 0, wait_until: null };

const atRest = (app: TestGateway): Promise<true> =>
  eventually('rest', () => (app.gateway.webhooks.inFlight() === 0 ? true : undefined));

/** Sweeps on, while its clock moves by a minute at most, until all is delivered and nothing is under way. */
async function recover(app: TestGateway, hooks: WebhookStory): Promise<void> {
  const startedAt = app.clock.now();
  await eventually('the deliveries', async () => {
    await app.gateway.webhooks.dispatch().catch(() => undefined);
    if ((await hooks.isAllDelivered()) && app.gateway.webhooks.inFlight() === 0) return true;
    // What is really under way gets real time.
    await app.clock.advance(app.gateway.webhooks.inFlight() === 0 ? 3000 : 100);
    return undefined;
  });
  expect(app.clock.now() - startedAt).to.be.at.most(60_000);
}

describe('a worker that is slower than its lease', () => {
  let slow: TestGateway;
  /** In the embedded profile there is one process: it takes over from itself. */
  let other: TestGateway;
  let hooks: WebhookStory;
  let receiver: WebhookReceiver;
  let endpointId: string;
  let held: ServerResponse[];
  before(async () => {
    slow = await buildGateway();
    other = isProductionProfile ? await buildGateway({ beside: slow }) : slow;
  });
  beforeEach(async () => {
    hooks = tellWebhooks(slow, await slow.addTenant());
    held = [];
    receiver = await startReceiver((_request, response) => void held.push(response));
    endpointId = (await hooks.addEndpoint(receiver.url)).id;
    await hooks.record(1);
    await slow.gateway.webhooks.dispatch();
    await receiver.received(1);
  });
  afterEach(() => receiver.close());
  after(async () => {
    if (other !== slow) await other.close();
    await slow.close();
  });

  const counters = async (): Promise<{ fenced: number; expired: number }> => {
    const apps = [...new Set([slow, other])];
    const sum = async (name: string): Promise<number> =>
      (await Promise.all(apps.map((app) => readCounter(app, name)))).reduce((total, count) => total + count, 0);
    return { fenced: await sum('fenced_writes_total'), expired: await sum('leases_expired_total') };
  };

  it('keeps a late answer in the history and changes nothing by it, not even with 410, once another has delivered', async () => {
    const before = await counters();
    receiver.answerWith(answers.status(204));
    await slow.clock.advance(leaseMs);
    await other.gateway.webhooks.dispatch();
    await receiver.received(2);
    const [{ id }] = await hooks.deliveries();
    await eventually('delivered', async () => ((await hooks.isAllDelivered()) ? true : undefined));
    expect(await hooks.history(id)).to.deep.equal(['lost', null]);
    const settled = [await hooks.deliveries(), await hooks.endpoint(endpointId)];
    held[0]!.writeHead(410).end('too late');
    await atRest(slow);
    expect(await hooks.history(id)).to.deep.equal(['gone', null]);
    expect([await hooks.deliveries(), await hooks.endpoint(endpointId)]).to.deep.equal(settled);
    const after = await counters();
    expect([after.fenced - before.fenced, after.expired - before.expired]).to.deep.equal([1, 1]);
    expect([...countByEvent(receiver).values()]).to.deep.equal([2]);
  });

  it('does not let a late success end what another is still sending: that one decides', async () => {
    const before = await counters();
    await slow.clock.advance(leaseMs);
    await other.gateway.webhooks.dispatch();
    await receiver.received(2);
    const sending = await hooks.deliveries();
    held[0]!.writeHead(204).end();
    await eventually('the late answer', async () => ((await counters()).fenced > before.fenced ? true : undefined));
    expect(await hooks.deliveries()).to.deep.equal(sending);
    receiver.answerWith(answers.status(204));
    held[1]!.writeHead(500).end();
    await atRest(other);
    const [delivery] = await hooks.deliveries();
    expect(delivery).to.include({ status: 'pending', step: 1, last_error: 'server_error', attempt_count: 2 });
    expect(await hooks.history(delivery.id)).to.deep.equal([null, 'server_error']);
    await recover(other, hooks);
    expect((await hooks.endpoint(endpointId)).failure_count).to.equal(0);
  });

  it('takes an answer that comes after the end of the lease, as long as nobody took over: sent once', async () => {
    const before = await counters();
    await slow.clock.advance(leaseMs + 5000);
    held[0]!.writeHead(204).end();
    await atRest(slow);
    await other.gateway.webhooks.sweep();
    const [delivery] = await hooks.deliveries();
    expect(delivery).to.include({ status: 'delivered', attempt_count: 1 });
    expect(await hooks.history(delivery.id)).to.deep.equal([null]);
    expect([...countByEvent(receiver).values()]).to.deep.equal([1]);
    expect(await counters()).to.deep.equal(before);
  });
});

describe('a database that fails in the middle of a webhook', () => {
  let fragile: FragileGateway;
  let receiver: WebhookReceiver;
  let hooks: WebhookStory;
  let endpointId: string;
  before(async () => {
    fragile = await buildFragileGateway();
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    hooks = tellWebhooks(fragile.app, await fragile.app.addTenant());
    endpointId = (await hooks.addEndpoint(receiver.url)).id;
  });
  afterEach(async () => {
    await fragile.giveBack();
    await receiver.close();
  });
  after(() => fragile.close());

  const firstError = (): Promise<void> =>
    new Promise((resolve) => void fragile.app.gateway.core.db.once('query-error', () => resolve()));

  // A file cannot be taken from a transaction that has written.
  const steps: WebhookStep[] = isProductionProfile
    ? ['recorded', 'fanningOut', 'fannedOut', 'claiming', 'committingClaim', 'claimed', 'answered', 'finishing']
    : ['recorded', 'claiming', 'claimed', 'answered'];
  for (const step of steps)
    it(`${step}: each of three events is delivered once, within a minute, and the endpoint is not blamed`, async () => {
      const { app } = fragile;
      await hooks.record(3);
      const failed = firstError();
      atWebhookStep(app.gateway.core.db, step, () => void fragile.takeAway());
      const sweep = app.gateway.webhooks.dispatch().catch(() => undefined);
      await failed;
      await fragile.giveBack();
      await sweep;
      await recover(app, hooks);
      expect([...countByEvent(receiver).values()]).to.deep.equal([1, 1, 1]);
      expect(await hooks.endpoint(endpointId)).to.include(blameless);
    });

  it('away for longer than the lease while answers wait to be written: they are sent again, and the history says so', async () => {
    const { app } = fragile;
    await hooks.record(2);
    const failed = firstError();
    atWebhookStep(app.gateway.core.db, 'answered', () => void fragile.takeAway());
    await app.gateway.webhooks.dispatch();
    await failed;
    app.clock.set(app.clock.now() + leaseMs + 1000);
    await eventually('nothing under way', async () => {
      await app.clock.advance(1000);
      return app.gateway.webhooks.inFlight() === 0 ? true : undefined;
    });
    await fragile.giveBack();
    await recover(app, hooks);
    for (const { id } of await hooks.deliveries()) expect(await hooks.history(id)).to.deep.equal(['lost', null]);
    expect([...countByEvent(receiver).values()]).to.deep.equal([2, 2]);
    expect(await hooks.endpoint(endpointId)).to.include(blameless);
  });
});

function onlyOnMysql(): void {
  let home: TestGateway;
  let proxy: CuttableProxy;
  let app: TestGateway;
  let receiver: WebhookReceiver;
  let hooks: WebhookStory;
  let endpointId: string;
  before(async () => {
    home = await buildGateway({ env: idle });
    const url = new URL(home.config.databaseUrl);
    proxy = await openCuttableProxy(`http://${url.host}`);
    url.port = String(proxy.port);
    app = await buildGateway({ beside: home, env: { DATABASE_URL: url.href } });
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    hooks = tellWebhooks(home, await home.addTenant());
    endpointId = (await hooks.addEndpoint(receiver.url)).id;
    await hooks.record(3);
  });
  afterEach(() => receiver.close());
  after(async () => {
    await app.close();
    await proxy.close();
    await home.close();
  });

  for (const [step, left] of [
    ['committingClaim', 'sending'],
    ['finishing', 'delivered'],
  ] as const)
    it(`${step}: a commit whose answer never came is not taken for one that failed: each is sent once`, async () => {
      atWebhookStep(app.gateway.core.db, step, () => proxy.holdAnswers());
      const sweep = app.gateway.webhooks.dispatch().catch(() => undefined);
      await eventually('the commit', async () =>
        (await hooks.deliveries()).some(({ status }) => status === left) ? true : undefined,
      );
      await proxy.cut();
      await sweep;
      await proxy.restore();
      await recover(app, hooks);
      expect([...countByEvent(receiver).values()]).to.deep.equal([1, 1, 1]);
      for (const { id, attempt_count: count } of await hooks.deliveries())
        expect(await hooks.history(id)).to.have.length(count);
      expect(await hooks.endpoint(endpointId)).to.include(blameless);
    });

  for (const step of ['claiming', 'answered'] as const)
    it(`${step}: chosen as the victim of a deadlock, it is done again: each is sent once`, async () => {
      const { db } = app.gateway.core;
      const deadlocks: string[] = [];
      db.on('query-error', ({ code }: { code: string }) => deadlocks.push(code));
      await fanOutEvents({ db, now: app.clock.now });
      const other = await home.gateway.core.db.transaction();
      const lockDeliveries = () => other('deliveries').where({ endpoint_id: endpointId }).forUpdate();
      // The transaction that changed more rows survives.
      await other('events').update({ created_at: 1 });
      if (step === 'claiming') await lockDeliveries();
      else
        receiver.answerWith(async (_request, response) => {
          await lockDeliveries();
          response.writeHead(204).end();
        });
      let ended: Promise<unknown> = Promise.resolve();
      atWebhookStep(db, step, () => {
        ended = (async () => {
          await other('endpoints').where({ id: endpointId }).forUpdate();
          await other.rollback();
        })();
      });
      await app.gateway.webhooks.sweep();
      await ended;
      await recover(app, hooks);
      expect(deadlocks).to.include('ER_LOCK_DEADLOCK');
      expect([...countByEvent(receiver).values()]).to.deep.equal([1, 1, 1]);
      for (const { id } of await hooks.deliveries()) expect(await hooks.history(id)).to.deep.equal([null]);
      expect(await hooks.endpoint(endpointId)).to.include(blameless);
    });
}

if (isProductionProfile) describe('commits in doubt and deadlocks of webhooks', onlyOnMysql);
