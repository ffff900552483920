// What an endpoint that is paused or switched off misses waits for it, in sight: held, never dropped. Enabling lets it go
// out in its order and in the low lane, so that what is new overtakes it; pausing again in the middle holds the rest;
// deleting the endpoint is the only thing that cancels.

import { expect } from 'chai';
import { answers } from '../../support/webhook-receiver.ts';
import { hour, type Stage, setStage, type Target } from '../../support/webhook-stage.ts';

describe('deliveries of an endpoint that is off', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const works = answers.status(204);
  const statuses = async (target: Target): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const { status } of await target.deliveries()) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };
  const paused = async (): Promise<Target> => {
    const target = await stage.target();
    await target.change({ status: 'paused' });
    return target;
  };
  /** Does something once, when the request with this number (from 1) has come, before it is answered. */
  const atRequest = (target: Target, number: number, act: () => Promise<unknown>): void => {
    let isDone = false;
    target.answerWith(async (_request, response) => {
      if (!isDone && target.requests.length >= number) {
        isDone = true;
        await act();
      }
      response.writeHead(204).end();
    });
  };

  it('are held while it is paused, those that are new and those that wait for a retry', async () => {
    const target = await stage.target(answers.status(500));
    await stage.happen(2);
    await stage.sweep();
    expect(await target.change({ status: 'paused' })).to.include({ status: 'paused', disabled_reason: null });
    await stage.happen(3);
    await stage.live(100 * hour);
    expect(target.requests).to.have.length(2);
    const deliveries = await target.deliveries();
    expect(deliveries.map(({ status }) => status)).to.deep.equal(new Array(5).fill('held'));
    expect(deliveries.map(({ next_attempt_at }) => next_attempt_at)).to.deep.equal(new Array(5).fill(null));
  });

  it('go out when it is enabled, oldest first, and the answer says how many', async () => {
    const target = await paused();
    const ids = await stage.happen(30);
    await stage.sweep();
    const enabled = await target.act('enable');
    expect(enabled).to.include({ status: 'enabled', released: 30 });
    await stage.sweep();
    expect(target.ids()).to.deep.equal(ids);
    expect(await statuses(target)).to.deep.equal({ delivered: 30 });
    expect(await target.act('enable')).not.to.have.property('released');
  });

  it('go out at once though their next retry was hours away', async () => {
    const target = await stage.target(answers.inTurn(answers.status(500), works));
    await stage.happen();
    await stage.live(0);
    await target.change({ status: 'paused' });
    await stage.sweep();
    expect(await target.change({ status: 'enabled' })).to.include({ released: 1 });
    await stage.sweep();
    expect(target.requests).to.have.length(2);
  });

  it('2,000 of them go out in order while what is new overtakes them', async function () {
    this.timeout(90_000);
    // Four endpoints with a batch and a bit each: one at a time is their share of the slots.
    const targets = [await paused(), await paused(), await paused(), await paused()];
    const held = await stage.happen(510);
    await stage.sweep();
    let fresh: string[] = [];
    const overtookAt: number[] = [];
    atRequest(targets[0]!, 100, async () => {
      fresh = await stage.happen(10);
      for (const { requests } of targets) overtookAt.push(requests.length);
    });
    for (const target of targets) expect(await target.act('enable')).to.include({ released: 510 });
    await stage.sweep();
    for (const [index, target] of targets.entries()) {
      const ids = target.ids();
      expect(ids).to.have.length(520);
      expect(ids.filter((id) => !fresh.includes(id))).to.deep.equal(held);
      const places = fresh.map((id) => ids.indexOf(id) - overtookAt[index]!);
      expect(Math.max(...places), 'how many went before the last of the ten new ones').to.be.lessThan(60);
    }
  });

  it('are held again when it is paused in the middle of a release, and none is sent twice or lost', async () => {
    const target = await paused();
    const held = await stage.happen(60);
    await stage.sweep();
    await target.act('enable');
    atRequest(target, 20, () => target.change({ status: 'paused' }));
    await stage.sweep();
    const sent = target.requests.length;
    expect(sent).to.be.within(20, 25);
    expect(await statuses(target)).to.deep.equal({ delivered: sent, held: 60 - sent });
    await stage.live(5 * hour);
    expect(target.requests).to.have.length(sent);
    target.answerWith(works);
    expect(await target.act('enable')).to.include({ released: 60 - sent });
    await stage.sweep();
    expect(target.ids()).to.deep.equal(held);
  });

  it('are cancelled when it is deleted, the waiting and the held, and what was delivered stays readable', async () => {
    const target = await stage.target(answers.inTurn(works, answers.status(500)));
    await stage.happen();
    await stage.sweep();
    await stage.happen(3);
    await stage.sweep();
    await target.change({ status: 'paused' });
    await stage.happen(600);
    await stage.sweep();
    const all = await target.deliveries();
    const deleted = await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
    expect(deleted.status).to.equal(204);
    await stage.live(100 * hour);
    expect(target.requests).to.have.length(4);
    const { db } = stage.app.gateway.core;
    const rows: { status: string; due_at: number | null }[] = await db('deliveries').where({ endpoint_id: target.id });
    expect(rows.filter(({ status }) => status === 'cancelled')).to.have.length(603);
    expect(rows.filter(({ due_at }) => due_at !== null)).to.deep.equal([]);
    expect(await stage.delivery(all[0].id)).to.include({ status: 'delivered' });
    expect(await stage.delivery(all.at(-1).id)).to.include({ status: 'cancelled', attempt_count: 0 });
  });

  it('are cancelled even when the endpoint is deleted while one of them is being sent', async () => {
    const target = await stage.target();
    await stage.happen(3);
    target.answerWith(async (_request, response) => {
      await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
      response.writeHead(500).end();
    });
    await stage.sweep();
    await stage.live(hour);
    expect(target.requests).to.have.length(3);
    const { db } = stage.app.gateway.core;
    const found = await db('deliveries').where({ endpoint_id: target.id }).pluck('status');
    expect(found).to.deep.equal(['cancelled', 'cancelled', 'cancelled']);
  });
});
