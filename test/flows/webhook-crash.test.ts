// The gateway is killed with SIGKILL between any two steps of a webhook (webhooks.md), and started again with its clock
// past every lease: each event still reaches each endpoint, under one id, and the history says what was lost. And it is
// stopped with SIGTERM while an endpoint hangs: that is our doing, so it costs the endpoint nothing and the next process
// sends at once.

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway, type TestTenant } from '../support/build-gateway.ts';
import { eventually, freePort, type GatewayProcess, payAt, startGatewayProcess } from '../support/gateway-process.ts';
import { type LangoRun, startLango } from '../support/lango-command.ts';
import { idle, type Story, tellStory } from '../support/payment-story.ts';
import { answers, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import type { WebhookStep } from '../support/webhook-steps.ts';
import { countByEvent, tellWebhooks, type WebhookStory } from '../support/webhook-story.ts';

/** So far each process is ahead of the one before it: past every lease. */
const lifeMs = 70_000;
const patienceMs = 15_000;
const networks = { WEBHOOK_ALLOW_NETWORKS: '127.0.0.0/8' };

/** What each leaves behind: the status of its deliveries, how many POSTs came before and in all, what the history says. */
const deaths: readonly {
  title: string;
  step: WebhookStep;
  left: 'nothing' | 'pending' | 'sending';
  sentBefore: [least: number, most: number];
  history: (string | null)[];
}[] = [
  {
    title: 'after the change was committed, before the fan-out',
    step: 'recorded',
    left: 'nothing',
    sentBefore: [0, 0],
    history: [null],
  },
  {
    title: 'after the fan-out, before the claim',
    step: 'fannedOut',
    left: 'pending',
    sentBefore: [0, 0],
    history: [null],
  },
  {
    title: 'after the claim was committed, before the POST',
    step: 'claimed',
    left: 'sending',
    sentBefore: [0, 0],
    history: ['lost', null],
  },
  {
    title: 'after the POST was answered, before that is written down',
    step: 'answered',
    left: 'sending',
    sentBefore: [1, 2],
    history: ['lost', null],
  },
  {
    title: 'while the answer is being written down',
    step: 'finishing',
    left: 'sending',
    sentBefore: [1, 2],
    history: ['lost', null],
  },
];

describe('webhooks of a gateway that ends', function () {
  this.timeout(45_000);
  let home: TestGateway;
  let tenant: TestTenant;
  let story: Story;
  let hooks: WebhookStory;
  let port: number;
  const running: GatewayProcess[] = [];
  const serving: LangoRun[] = [];
  const receivers: WebhookReceiver[] = [];

  before(async () => {
    home = await buildGateway({ env: idle });
  });
  beforeEach(async () => {
    tenant = await home.addTenant();
    story = tellStory(home, tenant);
    hooks = tellWebhooks(home, tenant);
    port = await freePort();
  });
  afterEach(async () => {
    for (const gateway of running.splice(0)) await gateway.kill();
    for (const server of serving.splice(0)) await server.end('SIGKILL');
    for (const receiver of receivers.splice(0)) await receiver.close();
  });
  after(() => home.close());

  async function start(env: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess(home, port, { ...networks, ...env });
    running.push(gateway);
    return gateway;
  }

  /** One that ends itself at a step, the `life`-th of its line. */
  async function startToDie(step: WebhookStep, life = 0): Promise<{ gateway: GatewayProcess; died: Promise<void> }> {
    const gateway = await start({ DIE_AT: step, CLOCK_AHEAD_MS: String(life * lifeMs) });
    const isDead = (): true | undefined => (gateway.child.signalCode === 'SIGKILL' ? true : undefined);
    const died = eventually(`the end at ${step}`, isDead, patienceMs);
    // It is awaited when the test has done what leads to it.
    died.catch(() => undefined);
    return { gateway, died: died.then(() => undefined) };
  }

  const status = async (id: string): Promise<string> => (await story.read(id)).status;

  async function receiver(): Promise<WebhookReceiver> {
    const made = await startReceiver();
    receivers.push(made);
    return made;
  }

  const allDelivered = (count: number): Promise<true> =>
    eventually(
      `${count} deliveries`,
      async () => {
        const statuses = (await hooks.deliveries()).map(({ status }) => status);
        return statuses.length === count && statuses.every((status) => status === 'delivered') ? true : undefined;
      },
      patienceMs,
    );

  /** Everything that happened came to it, as it was written down, under one id for each event. */
  async function expectAllHeard(heard: WebhookReceiver, secret: string): Promise<void> {
    const ids = (await hooks.events()).map(({ id }) => id);
    expect([...countByEvent(heard).keys()].sort()).to.deep.equal(ids.sort());
    heard.verified(secret, false);
    for (const id of ids) {
      const bodies = heard.requests.filter(({ headers }) => headers['webhook-id'] === id).map(({ body }) => body);
      expect(new Set(bodies).size).to.equal(1);
    }
  }

  for (const { title, step, left, sentBefore, history } of deaths)
    it(`killed ${title}: two endpoints get every event, and nothing is lost or doubled without need`, async () => {
      const heard = [await receiver(), await receiver()];
      const made = await Promise.all(heard.map(({ url }) => hooks.addEndpoint(url)));
      const sent = (): number => heard.reduce((sum, { requests }) => sum + requests.length, 0);
      const { gateway, died } = await startToDie(step);
      const phone = freshPhone();
      const { body } = await payAt(gateway, tenant, phone);
      await died;
      const deliveries = await hooks.deliveries();
      expect(await story.events(body.id)).to.deep.equal(['payment.pending']);
      expect(deliveries.map(({ status }) => status)).to.deep.equal(left === 'nothing' ? [] : [left, left]);
      expect(sent()).to.be.within(...sentBefore);
      const before = sent();
      await start({ CLOCK_AHEAD_MS: String(lifeMs) });
      await allDelivered(2);
      for (const { id, attempt_count: count } of await hooks.deliveries()) {
        expect(await hooks.history(id)).to.deep.equal(history);
        expect(count).to.equal(history.length);
      }
      expect(sent()).to.be.within(before + 2, 4);
      home.simulator.control.answer({ phone }, 'pin');
      await home.simulator.control.callbacksDone();
      await eventually('paid', async () => ((await status(body.id)) === 'succeeded' ? true : undefined), patienceMs);
      await allDelivered(2 * (await hooks.events()).length);
      for (const [index, { id, secret }] of made.entries()) {
        await expectAllHeard(heard[index]!, secret);
        expect(await hooks.endpoint(id)).to.include({ status: 'enabled', failure_count: 0, failing_since: null });
      }
    });

  it('killed three times on one delivery: it stays where it was on the schedule, and the fourth process delivers it', async () => {
    const heard = await receiver();
    const { id, secret } = await hooks.addEndpoint(heard.url);
    const steps: WebhookStep[] = ['claimed', 'answered', 'finishing'];
    for (const [life, step] of steps.entries()) {
      const { died } = await startToDie(step, life);
      // As the clock of the process has it that died first.
      if (life === 0) await hooks.record(1, Date.now());
      await died;
      const [delivery] = await hooks.deliveries();
      expect(delivery).to.include({ status: 'sending', step: 0, attempt_count: life + 1 });
    }
    await start({ CLOCK_AHEAD_MS: String(steps.length * lifeMs) });
    await allDelivered(1);
    const [delivery] = await hooks.deliveries();
    expect(delivery).to.include({ step: 0, attempt_count: 4, last_error: null });
    expect(await hooks.history(delivery.id)).to.deep.equal(['lost', 'lost', 'lost', null]);
    expect(heard.requests).to.have.length(3);
    await expectAllHeard(heard, secret);
    expect(await hooks.endpoint(id)).to.include({ status: 'enabled', failure_count: 0, failing_since: null });
  });

  it('SIGTERM: what is under way may end, what hangs is cut and due a second later, no endpoint is blamed, and it exits with 0', async () => {
    const [hanging, slow] = [await receiver(), await receiver()];
    let answerSlow = (): void => {};
    hanging.answerWith(answers.silence());
    slow.answerWith((_request, response) => {
      answerSlow = () => void response.writeHead(204).end();
    });
    const { id: hangingId } = await hooks.addEndpoint(hanging.url);
    const { id: slowId } = await hooks.addEndpoint(slow.url);
    const first = await serve();
    await hooks.record(3, Date.now());
    await Promise.all([hanging.received(3), slow.received(3)]);
    const deliveriesOf = async (id: string) =>
      (await hooks.deliveries()).filter(({ endpoint_id: endpointId }) => endpointId === id);
    const startedAt = Date.now();
    const ended = first.end('SIGTERM');
    await eventually('the end of listening', async () =>
      (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => 'closed')) === 'closed' ? true : undefined,
    );
    answerSlow();
    expect(await ended, first.errors()).to.equal(0);
    expect(Date.now() - startedAt).to.be.below(20_000);
    const cut = await deliveriesOf(hangingId);
    for (const delivery of cut) {
      expect(delivery).to.include({ status: 'pending', last_error: 'interrupted', step: 0 });
      expect(delivery.due_at).to.be.at.most(Date.now() + 1000);
      expect(await hooks.history(delivery.id)).to.deep.equal(['interrupted']);
    }
    const slowOnes = (await deliveriesOf(slowId)).map(({ status }) => status).sort();
    expect(slowOnes).to.deep.equal(['delivered', 'pending', 'pending']);
    for (const id of [hangingId, slowId])
      expect(await hooks.endpoint(id)).to.include({ status: 'enabled', failure_count: 0, failing_since: null });
    for (const one of [hanging, slow]) one.answerWith(answers.status(204));
    await serve();
    await allDelivered(6);
    expect([...countByEvent(hanging).values()]).to.deep.equal([2, 2, 2]);
    expect([...countByEvent(slow).values()].sort()).to.deep.equal([1, 2, 2]);
  });

  /** The server as an operator runs it, on the real clock. */
  async function serve(): Promise<LangoRun> {
    const { databaseUrl, redisUrl, redisPrefix, dataDir, darajaUrls } = home.config;
    const server = startLango(['serve', '--port', String(port)], {
      ...networks,
      NODE_ENV: 'test',
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
      REDIS_KEY_PREFIX: redisPrefix,
      MASTER_KEY: home.gateway.core.masterKeys.map((key) => key.toString('base64')).join(','),
      DARAJA_SIMULATOR_URL: darajaUrls.simulator,
    });
    serving.push(server);
    await eventually(
      'an answer of /healthz',
      async () => {
        if (server.exit() !== undefined) throw new Error(server.errors());
        return (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.ok ? true : undefined;
      },
      patienceMs,
    );
    return server;
  }
});
