// Who is served next, claim by claim: the endpoint that waited longest, five at a time, ten of a tenant whatever the
// number of workers, replays within their share, and never somebody who has no slot in the place of somebody who has.
// What this comes to beside a tenant that hangs is measured in hanging-tenant.test.ts.

import { expect } from 'chai';
import { type Claim, claimDeliveries, type Room } from '../../../src/webhooks/claim-deliveries.ts';
import { lanes } from '../../../src/webhooks/delivery.ts';
import { fanOutEvents } from '../../../src/webhooks/fan-out-events.ts';
import { mostInFlight } from '../../../src/webhooks/policy.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { idle } from '../../support/payment-story.ts';
import { type Answer, answers } from '../../support/webhook-receiver.ts';
import { minute, type Stage, setStage, type Target } from '../../support/webhook-stage.ts';

describe('the claim', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const works = answers.status(204);
  const all: Room = { slots: 100, lowSlots: 30, suspectSlots: 50 };
  const table = (name: string) => stage.app.gateway.core.db(name);
  const claim = (room: Partial<Room> = {}, app: TestGateway = stage.app): Promise<Claim> =>
    claimDeliveries(app.gateway.core, { ...all, ...room }, null);
  const idsOf = (targets: readonly Target[]): string[] => targets.map(({ id }) => id);
  const countOf = ({ deliveries }: Claim, targets: readonly Target[]): number[] =>
    targets.map(({ id }) => deliveries.filter(({ endpoint }) => endpoint.id === id).length);
  /** Endpoints of as many tenants as they need, each with so many deliveries that are due and that nobody has claimed. */
  const dueEndpoints = async (count: number, perTenant: number, due: number): Promise<Target[]> => {
    const targets: Target[] = [];
    while (targets.length < count) {
      const tenant = await stage.app.addTenant();
      const more = Math.min(perTenant, count - targets.length);
      for (let i = 0; i < more; i += 1) targets.push(await stage.target(works, { tenant }));
      await stage.happen(due, { tenant });
    }
    const own = table('endpoints').whereIn('id', idsOf(targets));
    await own.clone().update({ wait_until: stage.app.clock.now() + minute });
    await fanOutEvents(stage.app.gateway.core);
    await own.clone().update({ wait_until: null });
    return targets;
  };

  it('serves the endpoint first that was served longest ago, each in turn', async () => {
    const targets = await dueEndpoints(12, 4, 5);
    const served: string[] = [];
    for (let i = 0; i < 24; i += 1) {
      await stage.app.clock.advance(1);
      const { deliveries } = await claim({ slots: 1 });
      served.push(...deliveries.map(({ endpoint }) => endpoint.id));
    }
    expect(served).to.have.length(24);
    expect(new Set(served.slice(0, 12))).to.deep.equal(new Set(idsOf(targets)));
    expect(served.slice(12)).to.deep.equal(served.slice(0, 12));
  });

  it('gives an endpoint five and a tenant ten, and no more while they are on their way', async () => {
    const targets = await dueEndpoints(4, 4, 20);
    const counts = countOf(await claim(), targets);
    expect(counts.sort()).to.deep.equal([0, 0, 5, 5]);
    expect((await claim()).deliveries).to.deep.equal([]);
  });

  it('gives a suspect one', async () => {
    const targets = await dueEndpoints(3, 1, 20);
    await table('endpoints')
      .whereIn('id', idsOf(targets.slice(0, 1)))
      .update({ timeouts_in_row: 1 });
    await table('endpoints')
      .whereIn('id', idsOf(targets.slice(1, 2)))
      .update({ breaker_level: 2 });
    expect(countOf(await claim(), targets)).to.deep.equal([1, 1, 5]);
    expect((await claim()).deliveries).to.deep.equal([]);
  });

  it('gives the low lane one slot of an endpoint and thirty of a worker', async () => {
    const targets = await dueEndpoints(36, 9, 4);
    await table('deliveries').whereIn('endpoint_id', idsOf(targets)).update({ lane: lanes.low });
    const { deliveries } = await claim();
    expect(deliveries).to.have.length(30);
    expect(new Set(deliveries.map(({ endpoint }) => endpoint.id)).size).to.equal(30);
  });

  it('keeps a slot for the low lane beside more that is new than there is place for', async () => {
    const [target] = await dueEndpoints(1, 1, 30);
    const rows: string[] = await table('deliveries')
      .where({ endpoint_id: target!.id })
      .orderBy('id')
      .limit(10)
      .pluck('id');
    await table('deliveries').whereIn('id', rows).update({ lane: lanes.low });
    const { deliveries } = await claim();
    const low = deliveries.filter(({ delivery }) => delivery.lane === lanes.low);
    expect([deliveries.length, low.length]).to.deep.equal([5, 1]);
  });

  // They stood in the places of a claim that looks at forty, being served last, and nobody else was seen.
  describe('does not let those it has no slot for crowd out the others', () => {
    const crowdBeside = async (change: object, column: 'endpoints' | 'deliveries'): Promise<Target> => {
      const crowd = await dueEndpoints(45, 9, 2);
      const key = column === 'endpoints' ? 'id' : 'endpoint_id';
      await table(column).whereIn(key, idsOf(crowd)).update(change);
      const [healthy] = await dueEndpoints(1, 1, 1);
      await table('endpoints').where({ id: healthy!.id }).update({ served_at: stage.app.clock.now() });
      return healthy!;
    };

    it('suspects, when all the slots for suspects are taken', async () => {
      const healthy = await crowdBeside({ timeouts_in_row: 1 }, 'endpoints');
      const { deliveries } = await claim({ suspectSlots: 0 });
      expect(deliveries.map(({ endpoint }) => endpoint.id)).to.deep.equal([healthy.id]);
    });

    it('suspects that have their probe on its way', async () => {
      const healthy = await crowdBeside({ breaker_level: 1 }, 'endpoints');
      const first = await table('deliveries').whereNot({ endpoint_id: healthy.id }).where({ status: 'pending' });
      const probes = new Map<string, string>(first.map(({ endpoint_id, id }) => [endpoint_id, id]));
      const sending = { status: 'sending', due_at: stage.app.clock.now() + minute };
      await table('deliveries')
        .whereIn('id', [...probes.values()])
        .update(sending);
      const { deliveries } = await claim();
      expect(deliveries.map(({ endpoint }) => endpoint.id)).to.deep.equal([healthy.id]);
    });

    it('replays, when all the slots of the low lane are taken', async () => {
      const healthy = await crowdBeside({ lane: lanes.low }, 'deliveries');
      const { deliveries } = await claim({ lowSlots: 0 });
      expect(deliveries.map(({ endpoint }) => endpoint.id)).to.deep.equal([healthy.id]);
    });
  });

  // Five slots were kept for each endpoint, so twenty endpoints with one delivery each filled a worker of a hundred.
  it('uses all slots of a worker at once where endpoints have little due', async () => {
    const waiting: (() => void)[] = [];
    const targets = await dueEndpoints(30, 10, 1);
    for (const target of targets)
      target.answerWith(async (_request, response) => {
        await new Promise<void>((answer) => waiting.push(answer));
        response.writeHead(204).end();
      });
    await stage.app.gateway.webhooks.dispatch();
    expect(stage.app.gateway.webhooks.inFlight()).to.equal(30);
    await Promise.all(targets.map((target) => target.received(1)));
    for (const answer of waiting) answer();
    await stage.sweep();
  });

  // A slot that fell free was given to the endpoint it came from; a third one of the tenant waited for both backlogs.
  it('gives a slot of a tenant that falls free to its endpoint that waited longest', async () => {
    const tenant = await stage.app.addTenant();
    const order: string[] = [];
    const waiting: (() => void)[] = [];
    let isHeld = true;
    const noting =
      (name: string): Answer =>
      async (_request, response) => {
        order.push(name);
        if (isHeld) await new Promise<void>((answer) => waiting.push(answer));
        response.writeHead(204).end();
      };
    const busy = [
      await stage.target(noting('one'), { tenant, types: ['payment.succeeded'] }),
      await stage.target(noting('other'), { tenant, types: ['payment.succeeded'] }),
    ];
    const third = await stage.target(noting('third'), { tenant, types: ['payment.failed'] });
    const { webhooks } = stage.app.gateway;
    await stage.happen(60, { tenant, type: 'payment.succeeded' });
    await webhooks.dispatch();
    await Promise.all(busy.map((target) => target.received(5)));
    await stage.happen(1, { tenant, type: 'payment.failed' });
    await webhooks.dispatch();
    expect(webhooks.inFlight(), 'the tenant has all its slots').to.equal(10);
    isHeld = false;
    for (const answer of waiting) answer();
    await third.received(1);
    await Promise.all(busy.map((target) => target.received(60)));
    await stage.sweep();
    expect(order.indexOf('third')).to.be.lessThan(40);
  });

  it('gives a replay one slot of five, and what is new goes before it', async () => {
    const held: (() => void)[] = [];
    const target = await stage.target();
    const since = new Date(stage.app.clock.now()).toISOString();
    const old = await stage.happen(20);
    await stage.sweep();
    target.answerWith(async (_request, response) => {
      await new Promise<void>((answer) => held.push(answer));
      response.writeHead(204).end();
    });
    await stage.app.clock.advance(1);
    const until = new Date(stage.app.clock.now()).toISOString();
    await target.act('replay', { since, until, only: 'all' });
    const { webhooks } = stage.app.gateway;
    for (let i = 0; i < 3; i += 1) await webhooks.dispatch();
    await target.received(21);
    expect(target.requests).to.have.length(21);
    const fresh = await stage.happen(10);
    for (let i = 0; i < 3; i += 1) await webhooks.dispatch();
    await target.received(25);
    expect(target.requests).to.have.length(25);
    expect(target.ids().slice(21)).to.have.members(fresh.slice(0, 4));
    target.answerWith(works);
    for (const answer of held) answer();
    await stage.sweep();
    const rest = target.ids().slice(25);
    expect(rest.filter((id) => old.includes(id))).to.deep.equal(old.slice(1));
    const lastNew = Math.max(...fresh.map((id) => rest.indexOf(id)));
    expect(lastNew, 'the new ones went before most of the old ones').to.be.lessThan(12);
  });

  if (isProductionProfile)
    // Each counted before the others had claimed for their endpoints; together they gave a tenant more than its ten.
    it('gives a tenant ten slots in all, however many workers claim at the same time', async () => {
      const beside = () => buildGateway({ beside: stage.app, env: idle });
      const apps = [stage.app, await beside(), await beside()];
      for (let round = 0; round < 5; round += 1) {
        const targets = await dueEndpoints(6, 6, 30);
        const claims = await Promise.all(
          apps.map(({ gateway }, index) =>
            claimDeliveries(gateway.core, all, idsOf(targets.slice(2 * index, 2 * index + 2))),
          ),
        );
        const total = claims.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
        expect(total).to.be.within(1, mostInFlight.perTenant);
        await stage.clear();
      }
      for (const other of apps.slice(1)) await other.close();
    });
});
