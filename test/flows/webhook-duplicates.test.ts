// Whatever comes twice is told once: fifty copies of one callback are one event, one delivery for each endpoint and one
// POST. And two workers that sweep the same rows at the same moment never take the same delivery, nor more together than
// one alone may.

import { expect } from 'chai';
import type { LogFields, Logger } from '../../src/platform/logger.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../support/build-gateway.ts';
import { eventually } from '../support/gateway-process.ts';
import { beginStory, rest, sendCallback, silentPhone } from '../support/payment-story.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { countByEvent, tellWebhooks } from '../support/webhook-story.ts';

const paths = ['/a', '/b', '/c'];

/** Keeps what a gateway complains of. */
function listen(complaints: string[]): Logger {
  const keep = (event: string, { error, ...fields }: LogFields = {}): void =>
    void complaints.push(`${event} ${JSON.stringify(fields)} ${error ?? ''}`);
  return { debug() {}, info() {}, warn: keep, error: keep };
}

/** Answers after a moment, and counts how many requests are open at once. */
function watchCrowd(receiver: WebhookReceiver): { most(group: RegExp): number } {
  const moments: string[][] = [];
  const open = new Map<unknown, string>();
  receiver.answerWith((request, response) => {
    open.set(request, request.path);
    moments.push([...open.values()]);
    setTimeout(() => {
      open.delete(request);
      response.writeHead(204).end();
    }, 5);
  });
  return {
    most(group) {
      const most = (paths: string[]): number => {
        const counts = new Map<string, number>();
        for (const path of paths) {
          const name = group.exec(path)?.[0] ?? '';
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        return Math.max(...counts.values());
      };
      return Math.max(...moments.map(most));
    },
  };
}

describe('the same thing told at once', () => {
  let app: TestGateway;
  let receiver: WebhookReceiver;
  const complaints: string[] = [];
  before(async () => {
    app = await buildGateway({ logger: listen(complaints) });
  });
  beforeEach(async () => {
    complaints.length = 0;
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());
  after(() => app.close());

  it('records one event, makes one delivery for each of three endpoints, and sends each once when a callback comes 50 times', async () => {
    const story = await beginStory(app);
    const hooks = tellWebhooks(app, story.tenant);
    for (const path of paths) await hooks.addEndpoint(receiver.url + path, ['payment.succeeded', 'payment.updated']);
    const phone = silentPhone(app);
    const { id } = await story.pay({ phone });
    await story.until(id, 'pending');
    const sent = await Promise.all(
      Array.from({ length: 50 }, () => sendCallback(app, phone, { resultCode: '0', receipt: 'UJ6FIFTY01' })),
    );
    expect(new Set(sent.map(({ status }) => status))).to.deep.equal(new Set([200]));
    await rest(app);
    // Past every lease and every retry: nothing is left that would send it again.
    for (const ms of [60_000, 600_000]) await app.advance(ms);
    expect(await story.verdicts(id, 'callback')).to.have.length(50);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
    const [event] = (await hooks.events()).filter(({ type }) => type === 'payment.succeeded');
    const deliveries = await hooks.deliveries();
    expect(deliveries.map(({ status, attempt_count }) => [status, attempt_count])).to.deep.equal(
      paths.map(() => ['delivered', 1]),
    );
    for (const path of paths) expect([...countByEvent(receiver, path)]).to.deep.equal([[event.id, 1]]);
  });

  if (isProductionProfile) {
    it('sends each of 600 deliveries once when two workers sweep the same rows at once; together they keep to five for an endpoint and ten for a tenant, and neither complains', async () => {
      const other = await buildGateway({ beside: app, logger: listen(complaints) });
      try {
        const crowd = watchCrowd(receiver);
        const tenants = await Promise.all([0, 1].map(async () => tellWebhooks(app, await app.addTenant())));
        for (const [index, hooks] of tenants.entries())
          for (const path of paths) await hooks.addEndpoint(`${receiver.url}/${index}${path}`);
        const events = await Promise.all(tenants.map((hooks) => hooks.record(100)));
        const workers = [app.gateway.webhooks, other.gateway.webhooks];
        await eventually(
          '600 deliveries',
          async () => {
            await Promise.all(workers.map((worker) => worker.dispatch()));
            const isDone = await Promise.all(tenants.map((hooks) => hooks.isAllDelivered()));
            return isDone.every(Boolean) ? true : undefined;
          },
          30_000,
        );
        await eventually('rest', () => (workers.every((worker) => worker.inFlight() === 0) ? true : undefined));
        const deliveries = (await Promise.all(tenants.map((hooks) => hooks.deliveries()))).flat();
        expect(deliveries).to.have.length(600);
        expect(new Set(deliveries.map(({ attempt_count: count }) => count))).to.deep.equal(new Set([1]));
        for (const [index, ids] of events.entries())
          for (const path of paths) {
            const counts = countByEvent(receiver, `/${index}${path}`);
            expect([...counts.keys()].sort()).to.deep.equal([...ids].sort());
            expect(new Set(counts.values())).to.deep.equal(new Set([1]));
          }
        expect(crowd.most(/^\/\d\/\w$/)).to.be.at.most(5);
        expect(crowd.most(/^\/\d/)).to.be.at.most(10);
        expect(complaints).to.deep.equal([]);
      } finally {
        await other.close();
      }
    }).timeout(40_000);
  }
});
