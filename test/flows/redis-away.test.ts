// Redis is wiped, cut off or hangs while money moves (promise 6): that costs time, never a payment or a message. Only
// the production profile has a Redis; the one here is private, because it is wiped.

import { expect } from 'chai';
import { Redis } from 'ioredis';
import { buildGateway, freshPhone, isProductionProfile, type TestGateway } from '../support/build-gateway.ts';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/gateway-process.ts';
import { idle, received, rest, type Story, taken, tellStory } from '../support/payment-story.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import type { Service } from '../support/private-server.ts';

const story = (app: TestGateway): Story => tellStory(app, app.tenant);

function onlyOnRedis(): void {
  let server: Service;
  let proxy: CuttableProxy;
  let admin: Redis;
  let home: TestGateway;
  let app: TestGateway;
  before(async () => {
    server = await startPrivateRedis();
    proxy = await openCuttableProxy(server.url);
    admin = new Redis(server.url);
    home = await buildGateway({ env: { ...idle, REDIS_URL: server.url } });
    app = await buildGateway({ beside: home, env: { REDIS_URL: proxy.through(server.url), ROLES: 'api,worker' } });
    // The worker listens for nudges from here on.
    await story(app).until((await story(app).pay()).id, 'pending');
  });
  after(async () => {
    await app?.close();
    await home?.close();
    admin?.disconnect();
    await proxy?.close();
    await server?.stop();
  });

  /** Accepted, pushed once, and paid by its callback; without the sweep when `isNudged`. */
  async function wholeLife(isNudged: boolean): Promise<void> {
    const phone = freshPhone();
    const { id } = await story(app).pay({ phone });
    if (!isNudged) await rest(app);
    await eventually('the push', () => (taken(app, phone).length > 0 ? true : undefined));
    await eventually('pending', async () => ((await story(app).read(id)).status === 'pending' ? true : undefined));
    app.simulator.control.answer({ phone }, 'pin');
    await app.simulator.control.callbacksDone();
    expect((await story(app).read(id)).status).to.equal('succeeded');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
    expect(await story(app).events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
  }

  /** A long poll that only the bus, or looking again after two seconds, can end before its time. */
  async function waiting(): Promise<{ answer: Promise<string>; pay(): Promise<void> }> {
    const phone = freshPhone();
    const { id } = await story(app).pay({ phone });
    await rest(app);
    const { version } = await story(app).until(id, 'pending');
    const answer = story(app)
      .call(`/v1/payments/${id}?wait=30&version=${version}`)
      .then(({ body }) => body.status as string);
    return {
      answer,
      async pay() {
        app.simulator.control.answer({ phone }, 'pin');
        await app.simulator.control.callbacksDone();
      },
    };
  }

  it('goes on when Redis is wiped: payments, tokens, nudges, waiting and rate limits', async () => {
    for (let round = 0; round < 3; round++) {
      const wait = await waiting();
      await admin.flushall();
      await admin.script('FLUSH');
      await wholeLife(false);
      await wait.pay();
      expect(await wait.answer).to.equal('succeeded');
    }
    await wholeLife(true);
  });

  it('loses no payment whose nudge was wiped before a worker took it: the sweep finds it', async () => {
    const phones = Array.from({ length: 10 }, () => freshPhone());
    const made = await Promise.all(phones.map((phone) => story(app).pay({ phone })));
    await admin.flushall();
    await rest(app);
    for (const { id } of made) await story(app).until(id, 'pending');
    for (const phone of phones) expect(taken(app, phone)).to.have.length(1);
  });

  it('goes on while Redis is away, and heals when it is back', async () => {
    const wait = await waiting();
    await proxy.cut();
    await eventually('not ready', async () =>
      (await app.call('/readyz')).body.checks.redis === 'ok' ? undefined : true,
    );
    await wholeLife(false);
    await wait.pay();
    expect(await wait.answer).to.equal('succeeded');
    await proxy.restore();
    await eventually('ready', async () => ((await app.call('/readyz')).body.checks.redis === 'ok' ? true : undefined));
    await wholeLife(true);
  });

  it('still limits the rate of a key while Redis is away', async () => {
    const strict = await buildGateway({
      beside: home,
      env: { REDIS_URL: proxy.through(server.url), RATE_LIMIT_PER_KEY: '5;w=60' },
    });
    try {
      await proxy.cut();
      const answers = [];
      for (let index = 0; index < 8; index++) answers.push((await strict.call('/v1/account')).status);
      expect(answers).to.deep.equal([200, 200, 200, 200, 200, 429, 429, 429]);
    } finally {
      await proxy.restore();
      await strict.close();
    }
  });

  it('takes payments and callbacks while Redis hangs', async () => {
    await eventually('ready', async () => ((await app.call('/readyz')).body.checks.redis === 'ok' ? true : undefined));
    const phone = freshPhone();
    const { id } = await story(app).pay({ phone });
    await rest(app);
    await story(app).until(id, 'pending');
    proxy.hang();
    const startedAt = Date.now();
    app.simulator.control.answer({ phone }, 'pin');
    await app.simulator.control.callbacksDone();
    expect(Date.now() - startedAt).to.be.below(4500);
    const other = await story(app).pay();
    await proxy.restore();
    expect((await story(app).read(id)).status).to.equal('succeeded');
    await rest(app);
    await story(app).until(other.id, 'pending');
  });
}

if (isProductionProfile) describe('Redis in the middle of everything', onlyOnRedis);
