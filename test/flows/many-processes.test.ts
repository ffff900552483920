// Two processes for the API and two workers on one MySQL and one Redis: each payment is pushed once, whoever takes it,
// and whoever waits hears of what came to another process (design.md section 4).

import { expect } from 'chai';
import { buildGateway, freshPhone, isProductionProfile, type TestGateway } from '../support/build-gateway.ts';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/gateway-process.ts';
import { received, type Story, taken, tellStory } from '../support/payment-story.ts';

function onlyWithRedis(): void {
  let proxy: CuttableProxy;
  let apiA: TestGateway;
  let apiB: TestGateway;
  let workers: TestGateway[];
  let story: Story;
  before(async () => {
    apiB = await buildGateway({ env: { ROLES: 'api' } });
    const redisUrl = apiB.config.redisUrl!;
    proxy = await openCuttableProxy(redisUrl);
    apiA = await buildGateway({ beside: apiB, env: { ROLES: 'api', REDIS_URL: proxy.through(redisUrl) } });
    const worker = () => buildGateway({ beside: apiB, env: { ROLES: 'worker', PUBLIC_URL: apiB.url } });
    workers = [await worker(), await worker()];
    story = tellStory(apiA, apiB.tenant);
  });
  after(async () => {
    for (const app of [...workers, apiA]) await app.close();
    await proxy.close();
    await apiB.close();
  });

  const rows = (id: string, table: string): Promise<Record<string, unknown>[]> =>
    apiB.gateway.core.db(table).where(table === 'events' ? { object_id: id } : { payment_id: id });

  /** A little time for all four, and a sweep of both workers. */
  async function turn(ms: number): Promise<void> {
    await apiB.clock.advance(ms);
    await Promise.all(workers.map(({ gateway }) => gateway.worker.dispatch()));
  }

  /** Created at A, and pushed by whichever worker its nudge woke. */
  async function pushed(): Promise<{ id: string; phone: string; version: number }> {
    const phone = freshPhone();
    const { id } = await story.pay({ phone });
    const { version } = await eventually('pending', async () => {
      await turn(20);
      const payment = await story.read(id);
      return payment.status === 'pending' ? payment : undefined;
    });
    return { id, phone, version };
  }

  it('pushes each of 200 payments once, settles all, and records one event for each version', async () => {
    apiB.simulator.control.changeSettings({ autoAnswer: '0' });
    const phones = Array.from({ length: 200 }, () => freshPhone());
    const made = await Promise.all(
      phones.map(async (phone, index) => {
        const answer = await (index % 2 === 0 ? apiA : apiB).pay(
          { phone, reference: 'MANY' },
          { key: apiB.tenant.key },
        );
        expect(answer.status, answer.text).to.equal(201);
        return answer.body.id as string;
      }),
    );
    const isPushed = async (): Promise<true | undefined> => {
      await turn(20);
      return phones.every((phone) => taken(apiB, phone).length > 0) ? true : undefined;
    };
    await eventually('200 pushes', isPushed, 15_000);
    const isPaid = async (): Promise<true | undefined> => {
      await turn(500);
      const paid = await apiB.gateway.core.db('payments').where({ status: 'succeeded', reference: 'MANY' }).pluck('id');
      return paid.length === 200 ? true : undefined;
    };
    await eventually('200 paid', isPaid, 15_000);
    apiB.simulator.control.changeSettings({ autoAnswer: null });
    for (const phone of phones) expect(received(apiB, phone)).to.have.length(1);
    const events = await apiB.gateway.core
      .db('events')
      .whereIn('object_id', made)
      .select('object_id', 'type', 'dedupe_key');
    expect(new Set(events.map(({ dedupe_key }) => dedupe_key)).size).to.equal(events.length);
    for (const id of made) {
      const types = events.filter(({ object_id }) => object_id === id).map(({ type }) => type);
      expect(types.filter((type) => type === 'payment.succeeded')).to.have.length(1);
      expect(types.length).to.be.within(1, 2);
    }
  }).timeout(40_000);

  it('wakes a client that waits at A when the callback comes to B', async () => {
    const { id, phone, version } = await pushed();
    const answer = story.call(`/v1/payments/${id}?wait=30&version=${version}`);
    await eventually('the callback at B', async () => {
      // The clock stands still: only the bus can wake who waits.
      apiB.simulator.control.answer({ phone }, 'pin');
      await apiB.simulator.control.callbacksDone();
      return true;
    });
    expect((await answer).body.status).to.equal('succeeded');
    expect(apiB.simulator.ledger.callbacks.at(-1)?.url.startsWith(apiB.url)).to.equal(true);
  });

  it('answers a client that waits at A within two seconds when the message from B was lost', async () => {
    const { id, phone, version } = await pushed();
    const answer = story.call(`/v1/payments/${id}?wait=30&version=${version}`);
    await proxy.cut();
    apiB.simulator.control.answer({ phone }, 'pin');
    await apiB.simulator.control.callbacksDone();
    const startedAt = apiA.clock.now();
    let isAnswered = false;
    const done = answer.then(() => {
      isAnswered = true;
    });
    await eventually('the answer', async () => {
      if (!isAnswered) await apiA.clock.advance(500);
      return isAnswered ? true : undefined;
    });
    await done;
    await proxy.restore();
    expect((await answer).body.status).to.equal('succeeded');
    expect(apiA.clock.now() - startedAt).to.be.within(500, 30_000);
  });

  it('applies a callback once that is sent to both at once', async () => {
    const { id, phone } = await pushed();
    const [push] = taken(apiB, phone);
    const url = new URL(push!.request.callbackUrl);
    const claim = { receipt: 'UJ6BOTHAB1', resultCode: '0' };
    const targets = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? apiA.url : apiB.url) + url.pathname);
    const sent = await Promise.all(
      targets.map((target) => apiB.simulator.control.sendCallback({ phone }, { ...claim, url: target })),
    );
    expect(new Set(sent.map(({ status }) => status))).to.deep.equal(new Set([200]));
    const evidence = (await rows(id, 'evidence')).filter(({ source }) => source === 'callback');
    expect(evidence.filter(({ verdict }) => verdict === 'applied')).to.have.length(1);
    expect(evidence).to.have.length(20);
    expect((await rows(id, 'events')).map(({ type }) => type).sort()).to.deep.equal([
      'payment.pending',
      'payment.succeeded',
    ]);
  });

  it('fetches one token for a credential pair that both workers need at once', async () => {
    const tenant = await apiB.addTenant();
    const before = apiB.simulator.ledger.counts.tokens;
    const phones = Array.from({ length: 20 }, () => freshPhone());
    await Promise.all(phones.map((phone) => apiB.pay({ phone }, { key: tenant.key })));
    await eventually('20 pushes', async () => {
      await turn(20);
      return phones.every((phone) => taken(apiB, phone).length === 1) ? true : undefined;
    });
    expect(apiB.simulator.ledger.counts.tokens - before).to.equal(1);
    for (const phone of phones) expect(received(apiB, phone)).to.have.length(1);
  });
}

if (isProductionProfile) describe('two APIs and two workers', onlyWithRedis);
