// Redis is wiped or goes away for minutes while payments are settled and webhooks are on their way (promise 6): the sweep
// finds every event and every delivery by itself, and sends each once. Only the production profile has a Redis; the one
// here is private, because it is wiped.

import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { buildGateway, freshPhone, isProductionProfile, type TestGateway } from '../support/build-gateway.ts';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/gateway-process.ts';
import { idle, rest, type Story, taken, tellStory } from '../support/payment-story.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import type { Service } from '../support/private-server.ts';
import { answers, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { countByEvent, readCounter, tellWebhooks, type WebhookStory } from '../support/webhook-story.ts';

function onlyOnRedis(): void {
  let server: Service;
  let proxy: CuttableProxy;
  let admin: Redis;
  let home: TestGateway;
  let app: TestGateway;
  let story: Story;
  let hooks: WebhookStory;
  let receiver: WebhookReceiver;
  let secret: string;
  before(async () => {
    server = await startPrivateRedis();
    proxy = await openCuttableProxy(server.url);
    admin = new Redis(server.url);
    home = await buildGateway({ env: { ...idle, REDIS_URL: server.url } });
    app = await buildGateway({ beside: home, env: { REDIS_URL: proxy.through(server.url), ROLES: 'api,worker' } });
  });
  beforeEach(async () => {
    const tenant = await app.addTenant();
    story = tellStory(app, tenant);
    hooks = tellWebhooks(app, tenant);
    receiver = await startReceiver();
    secret = (await hooks.addEndpoint(receiver.url)).secret;
    await redisIs('ok');
  });
  afterEach(async () => {
    await proxy.restore();
    await receiver.close();
  });
  after(async () => {
    await app?.close();
    await home?.close();
    admin?.disconnect();
    await proxy?.close();
    await server?.stop();
  });

  const redisIs = (wanted: 'ok' | 'away'): Promise<true> =>
    eventually(`Redis ${wanted}`, async () => {
      const { checks } = (await app.call('/readyz')).body;
      return (checks.redis === 'ok') === (wanted === 'ok') ? true : undefined;
    });

  const wipe = async (): Promise<void> => {
    await admin.flushall();
    await admin.script('FLUSH');
  };

  async function payMany(count: number): Promise<string[]> {
    const phones = Array.from({ length: count }, () => freshPhone());
    await Promise.all(phones.map((phone) => story.pay({ phone })));
    await rest(app);
    for (const phone of phones) expect(taken(app, phone)).to.have.length(1);
    return phones;
  }

  async function settle(phones: readonly string[]): Promise<void> {
    for (const phone of phones) app.simulator.control.answer({ phone }, 'pin');
    await app.simulator.control.callbacksDone();
  }

  /** Two events for each payment, each delivered and received once, and nothing more however long one waits. */
  async function expectEachOnce(payments: number): Promise<void> {
    await app.advance(120_000);
    const events = await hooks.events();
    expect(events.map(({ type }) => type).sort()).to.deep.equal([
      ...Array(payments).fill('payment.pending'),
      ...Array(payments).fill('payment.succeeded'),
    ]);
    expect((await hooks.deliveries()).map(({ status }) => status)).to.deep.equal(Array(2 * payments).fill('delivered'));
    const counts = countByEvent(receiver);
    expect([...counts.keys()].sort()).to.deep.equal(events.map(({ id }) => id).sort());
    expect([...counts.values()]).to.deep.equal(Array(2 * payments).fill(1));
    receiver.verified(secret, false);
  }

  it('wiped while webhooks are on their way, and before anybody looks: every event is delivered, once', async () => {
    const held: ServerResponse[] = [];
    receiver.answerWith((_request, response) => void held.push(response));
    const phones = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const phone = freshPhone();
        await story.pay({ phone });
        return phone;
      }),
    );
    await app.gateway.worker.sweep();
    await app.gateway.webhooks.dispatch();
    await receiver.received(5);
    await wipe();
    await settle(phones);
    await wipe();
    receiver.answerWith(answers.status(204));
    for (const response of held) response.writeHead(204).end();
    await rest(app);
    await expectEachOnce(8);
  });

  for (const [how, begin] of [
    ['away', () => proxy.cut()],
    ['silent', async () => proxy.hang()],
  ] as const)
    it(`${how} for minutes while payments are settled: the sweep finds all without a nudge, and when it is back nudges work again`, async () => {
      const found = (): Promise<number> => readCounter(app, 'sweep_finds_total', { what: 'events' });
      const foundBefore = await found();
      await begin();
      await redisIs('away');
      for (let minute = 0; minute < 3; minute++) {
        await settle(await payMany(2));
        await app.advance(60_000);
      }
      expect(await hooks.isAllDelivered()).to.equal(true);
      expect((await found()) - foundBefore).to.be.at.least(6);
      await proxy.restore();
      await redisIs('ok');
      await expectEachOnce(6);

      // Until its connections are up again a nudge may be lost. Nothing sweeps here: what comes was nudged.
      await eventually('a webhook that was nudged', async () => {
        const { id } = await story.pay();
        const isHeard = (): true | undefined =>
          receiver.requests.some(({ body }) => body.includes(id)) ? true : undefined;
        return eventually('this one', isHeard, 1000).catch(() => undefined);
      });
    });
}

if (isProductionProfile) describe('webhooks while Redis forgets or is away', onlyOnRedis);
