// Sending a window of the past again: what failed or everything, of some types or all, from its first millisecond up to
// its last, under the same webhook ids. A replay is a row with a cursor, so it goes on wherever it was broken off and
// doubles nothing; it takes few slots, waits for others' replays in turn, and can be called off.

import { expect } from 'chai';
import { continueReplays } from '../../../src/webhooks/replay-deliveries.ts';
import { cancelReplays } from '../../../src/webhooks/replay-store.ts';
import { buildGateway, isProductionProfile } from '../../support/build-gateway.ts';
import { idle } from '../../support/payment-story.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

describe('a replay', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const works = answers.status(204);
  const now = (): number => stage.app.clock.now();
  const iso = (epochMs: number): string => new Date(epochMs).toISOString();
  /** Asks for a replay of everything up to now; how many webhooks it is to send. */
  const replay = async (target: Target, since: number, body: object = {}): Promise<number> => {
    await stage.app.clock.advance(1);
    const window = { since: iso(since), until: iso(now()), only: 'all', ...body };
    return (await target.act('replay', window)).count;
  };
  /** Does `act` and answers what the target received because of it. */
  const received = async (target: Target, act: () => Promise<unknown>): Promise<string[]> => {
    const before = target.requests.length;
    await act();
    await stage.sweep();
    return target.ids().slice(before);
  };
  const row = async (target: Target) => {
    const { db } = stage.app.gateway.core;
    return db('replays').where({ endpoint_id: target.id }).orderBy('id', 'desc').first();
  };
  const triggers = async (id: string): Promise<string[]> =>
    (await stage.delivery(id)).attempts.map(({ trigger }: { trigger: string }) => trigger);

  it('of what failed sends what is dead again, under the same ids, and nothing that arrived', async () => {
    const bad = new Set<string>();
    const target = await stage.target((request, response) => {
      response.writeHead(bad.has(String(request.headers['webhook-id'])) ? 500 : 204).end();
    });
    const start = now();
    const ids = await stage.happen(5);
    for (const id of ids.slice(1, 3)) bad.add(id);
    await stage.live(80 * hour);
    const deliveries = await target.deliveries('&status=dead');
    expect(deliveries.map(({ event }) => event)).to.deep.equal(ids.slice(1, 3));
    bad.clear();
    let count = 0;
    const sent = await received(target, async () => {
      count = await replay(target, start, { only: 'failed' });
    });
    expect(count).to.equal(2);
    expect(sent).to.deep.equal(ids.slice(1, 3));
    expect(await stage.delivery(deliveries[0].id)).to.include({ status: 'delivered', attempt_count: 13 });
    expect((await triggers(deliveries[0].id)).slice(-2)).to.deep.equal(['retry', 'replay']);
    const bodies = target.requests.filter(({ headers }) => headers['webhook-id'] === ids[1]).map(({ body }) => body);
    expect(new Set(bodies).size, 'one body in thirteen attempts').to.equal(1);
  });

  it('of what failed begins its schedule anew, and is dead again at its end', async () => {
    const fails = answers.status(500);
    const target = await stage.target(fails);
    const start = now();
    await stage.happen();
    await stage.live(80 * hour);
    const until = iso(now());
    // A success, so that the endpoint is not disabled after five days.
    target.answerWith(works);
    await stage.happen();
    await stage.sweep();
    target.answerWith(fails);
    await replay(target, start, { until, only: 'failed' });
    await stage.live(80 * hour);
    expect((await target.deliveries())[0]).to.include({ status: 'dead', attempt_count: 24 });
    expect(target.requests).to.have.length(25);
  });

  it('of everything sends all again, and each still has one delivery', async () => {
    const target = await stage.target();
    const start = now();
    const ids = await stage.happen(7);
    await stage.sweep();
    const sent = await received(target, () => replay(target, start));
    expect(sent).to.deep.equal(ids);
    const deliveries = await target.deliveries();
    expect(deliveries.map(({ attempt_count }) => attempt_count)).to.deep.equal(new Array(7).fill(2));
    expect(await triggers(deliveries[3].id)).to.deep.equal(['first', 'replay']);
  });

  it('keeps to the types that are asked for and to those the endpoint subscribes to', async () => {
    const target = await stage.target(works, { types: ['payment.succeeded', 'payment.failed'] });
    const start = now();
    const [succeeded] = await stage.happen(1, { type: 'payment.succeeded' });
    const [failed] = await stage.happen(1, { type: 'payment.failed' });
    await stage.happen(1, { type: 'payment.expired' });
    await stage.sweep();
    expect(await received(target, () => replay(target, start))).to.deep.equal([succeeded, failed]);
    const some = async (types: string[]) => {
      // A second later it would be the same click.
      await stage.pass(5 * second);
      return received(target, () => replay(target, start, { types }));
    };
    expect(await some(['payment.failed'])).to.deep.equal([failed]);
    expect(await some(['payment.expired', 'payment.failed'])).to.deep.equal([failed]);
    expect(await some(['payment.expired'])).to.deep.equal([]);
  });

  it('begins with `since` and ends before `until`, to the millisecond', async () => {
    const target = await stage.target();
    const at: number[] = [];
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      at.push(now());
      ids.push(...(await stage.happen(2)));
      await stage.pass(1);
    }
    const between = (since: number, until: number) =>
      received(target, () => replay(target, since, { since: iso(since), until: iso(until) }));
    expect(await between(at[1]!, at[3]!)).to.deep.equal(ids.slice(2, 6));
    expect(await between(at[1]!, at[1]! + 1)).to.deep.equal(ids.slice(2, 4));
    expect(await between(at[4]! + 1, at[4]! + minute)).to.deep.equal([]);
    await stage.app.gateway.core.db('deliveries').where({ endpoint_id: target.id }).update({ status: 'dead' });
    const failed = await received(target, () =>
      replay(target, at[1]!, { since: iso(at[1]!), until: iso(at[3]!), only: 'failed' }),
    );
    expect(failed).to.deep.equal(ids.slice(2, 6));
  });

  it('of everything makes deliveries of what happened before the endpoint was there; of what failed does not', async () => {
    const tenant = await stage.app.addTenant();
    const start = now();
    const ids = await stage.happen(3, { tenant });
    await stage.happen(2, { tenant, mode: 'live' });
    await stage.sweep();
    const target = await stage.target(works, { tenant });
    expect(await received(target, () => replay(target, start, { only: 'failed' }))).to.deep.equal([]);
    expect(await received(target, () => replay(target, start))).to.deep.equal(ids);
    const [delivery] = await target.deliveries();
    expect(delivery).to.include({ status: 'delivered', attempt_count: 1, created_at: iso(start) });
    expect((await stage.delivery(delivery.id, tenant)).attempts[0].trigger).to.equal('replay');
  });

  it('leaves out pings and what is told about the endpoint itself', async () => {
    const target = await stage.target(answers.inTurn(answers.status(410), works));
    const start = now();
    const [id] = await stage.happen();
    await stage.sweep();
    await target.act('enable');
    await target.act('test');
    await stage.sweep();
    expect(await received(target, () => replay(target, start))).to.deep.equal([id]);
  });

  it('of a paused endpoint is held until it is enabled', async () => {
    const target = await stage.target();
    const start = now();
    const ids = await stage.happen(4);
    await stage.sweep();
    await target.change({ status: 'paused' });
    expect(await received(target, () => replay(target, start))).to.deep.equal([]);
    expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(new Array(4).fill('held'));
    expect(await received(target, () => target.act('enable'))).to.deep.equal(ids);
  });

  it('leaves what is being sent alone', async () => {
    const held: (() => void)[] = [];
    const target = await stage.target(async (_request, response) => {
      await new Promise<void>((answer) => held.push(answer));
      response.writeHead(204).end();
    });
    const start = now();
    await stage.happen();
    await stage.app.gateway.webhooks.dispatch();
    await target.received(1);
    await replay(target, start);
    await stage.app.gateway.webhooks.dispatch();
    target.answerWith(works);
    for (const answer of held) answer();
    await stage.sweep();
    expect(target.requests).to.have.length(1);
    expect((await target.deliveries())[0]).to.include({ status: 'delivered', attempt_count: 1 });
  });

  describe('of more than a batch', () => {
    it('goes on from its cursor after it was broken off, in another process too, and doubles nothing', async function () {
      this.timeout(60_000);
      const tenant = await stage.app.addTenant();
      const start = now();
      const ids = await stage.happen(1100, { tenant });
      await stage.sweep();
      const target = await stage.target(works, { tenant });
      await target.change({ status: 'paused' });
      expect(await replay(target, start)).to.equal(1100);
      // Taken up by a worker that died before it sent anything of it.
      await continueReplays(stage.app.gateway.core);
      expect(await row(target)).to.include({ status: 'running', done_count: 500, cursor_id: ids[499] });
      const other = isProductionProfile ? await buildGateway({ beside: stage.app, env: idle }) : null;
      for (let i = 0; i < 3; i += 1) await (other ?? stage.app).gateway.webhooks.sweep();
      await other?.close();
      expect(await row(target)).to.include({ status: 'done', done_count: 1100 });
      const { db } = stage.app.gateway.core;
      const rows: { event_id: string; status: string }[] = await db('deliveries').where({ endpoint_id: target.id });
      expect(rows.map(({ event_id }) => event_id).sort()).to.deep.equal(ids);
      expect(new Set(rows.map(({ status }) => status))).to.deep.equal(new Set(['held']));
    });

    it('of what failed takes up all that is dead, once each', async () => {
      const target = await stage.target();
      await target.change({ status: 'paused' });
      const start = now();
      await stage.happen(600);
      await stage.sweep();
      const { core } = stage.app.gateway;
      await core.db('deliveries').where({ endpoint_id: target.id }).update({ status: 'dead', due_at: null });
      expect(await replay(target, start, { only: 'failed' })).to.equal(600);
      await continueReplays(core);
      expect(await row(target)).to.include({ status: 'running', done_count: 500 });
      await continueReplays(core);
      expect(await row(target)).to.include({ status: 'done', done_count: 600 });
      const left = await core.db('deliveries').where({ endpoint_id: target.id, status: 'dead' });
      expect(left).to.have.length(0);
    });

    it('can be called off: what was not taken up stays as it is', async () => {
      const target = await stage.target();
      await target.change({ status: 'paused' });
      const start = now();
      await stage.happen(1100);
      await stage.sweep();
      const { core } = stage.app.gateway;
      const own = core.db('deliveries').where({ endpoint_id: target.id });
      await own.clone().update({ status: 'delivered', due_at: null });
      await replay(target, start);
      await continueReplays(core);
      expect(await cancelReplays(core.db, stage.tenant.id, target.id, now())).to.equal(1);
      await continueReplays(core);
      expect(await row(target)).to.include({ status: 'cancelled', done_count: 500 });
      expect(await own.clone().where({ status: 'delivered' })).to.have.length(600);
      expect(await cancelReplays(core.db, stage.tenant.id, target.id, now())).to.equal(0);
    });

    it('is called off with its endpoint', async () => {
      const target = await stage.target();
      await stage.happen(3);
      await replay(target, now());
      await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
      await stage.sweep();
      expect(await row(target)).to.include({ status: 'cancelled', done_count: 0 });
      expect(target.requests).to.have.length(0);
    });

    // The oldest one was continued until it was done: a tenant's month of events kept another's hour waiting.
    it('takes turns with the replays of other tenants', async () => {
      const big = await stage.target();
      await big.change({ status: 'paused' });
      const start = now();
      await stage.happen(1600);
      await stage.sweep();
      const stranger = await stage.app.addTenant();
      await stage.happen(3, { tenant: stranger });
      const small = await stage.target(works, { tenant: stranger });
      await replay(big, start);
      await stage.app.clock.advance(second);
      await replay(small, start);
      for (let i = 0; i < 2; i += 1) {
        await stage.app.clock.advance(second);
        await continueReplays(stage.app.gateway.core);
      }
      expect(await row(big)).to.include({ status: 'running', done_count: 500 });
      expect(await row(small)).to.include({ status: 'done', done_count: 3 });
    });
  });
});
