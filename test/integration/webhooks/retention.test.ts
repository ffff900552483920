// What is forgotten after ninety days and what is not: the answers of endpoints and the data of events, in batches, while
// every row stays and the API goes on answering. What somebody still waits for keeps its body, however old it is.

import { expect } from 'chai';
import { emptyOldBodies } from '../../../src/webhooks/empty-old-bodies.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { day, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

describe('what is kept of webhooks', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await setStage();
    // Ids carry the real time, and retention goes by them.
    stage.app.clock.set(Date.now());
  });
  afterEach(() => stage.close());

  const forget = (): Promise<number> => emptyOldBodies(stage.app.gateway.core);
  const event = async (id: string) => (await stage.call(`/v1/events/${id}`)).body;
  const onlyAttempt = async (target: Target) => {
    const [delivery] = await target.deliveries();
    return (await stage.delivery(delivery.id)).attempts[0];
  };
  const thanks = answers.status(200, { 'x-shop': 'duka' }, 'thank you, 254712345678');

  it('is all of it until ninety days are over', async () => {
    const target = await stage.target(thanks);
    const [id] = await stage.happen();
    await stage.sweep();
    await stage.app.clock.advance(90 * day - minute);
    expect(await forget()).to.equal(0);
    expect((await event(id!)).data).to.include({ phone: '254712345678' });
    expect(await onlyAttempt(target)).to.include({ response_body: 'thank you, 254712345678' });
  });

  it('is everything but the data and the answer after ninety days', async () => {
    const target = await stage.target(thanks);
    const [id] = await stage.happen();
    await stage.sweep();
    const before = {
      event: await event(id!),
      attempt: await onlyAttempt(target),
      deliveries: await target.deliveries(),
    };
    await stage.app.clock.advance(90 * day + minute);
    expect(await forget()).to.equal(2);
    expect(await event(id!)).to.deep.equal({ ...before.event, data: null });
    expect(await onlyAttempt(target)).to.deep.equal({ ...before.attempt, response_headers: null, response_body: null });
    expect(await target.deliveries()).to.deep.equal(before.deliveries);
    const { status, body } = await stage.call('/v1/events');
    expect([status, body.data.length, body.data[0].data]).to.deep.equal([200, 1, null]);
    expect(await forget(), 'a second time').to.equal(0);
  });

  it('leaves no customer’s number in any row', async () => {
    await stage.target(thanks);
    await stage.target(answers.status(410, {}, 'gone, 254712345678'));
    await stage.happen(3);
    await stage.sweep();
    await stage.app.clock.advance(90 * day + minute);
    await stage.clear();
    await forget();
    const { db, sealer } = stage.app.gateway.core;
    const attempts: { id: string; response_sealed: string | null }[] = await db('attempts');
    expect(attempts.length).to.be.at.least(4);
    expect(attempts.filter(({ response_sealed }) => response_sealed !== null)).to.deep.equal([]);
    const events: { id: string; type: string; body_sealed: string }[] = await db('events');
    const bodies = events.map(({ id, body_sealed }) => sealer.open(body_sealed, ['events', 'body_sealed', id]));
    expect(bodies.filter((body) => body.includes('254712345678'))).to.deep.equal([]);
    expect(events).to.have.length(4);
  });

  it('is the body of what was not delivered yet, which arrives whole when it can', async () => {
    const [well, paused] = [await stage.target(), await stage.target()];
    await paused.change({ status: 'paused' });
    const [id] = await stage.happen();
    await stage.sweep();
    const { body } = well.requests[0]!;
    await stage.app.clock.advance(100 * day);
    await forget();
    expect((await event(id!)).data).to.include({ phone: '254712345678' });
    await paused.act('enable');
    await stage.sweep();
    expect(paused.requests.map((request) => request.body)).to.deep.equal([body]);
    expect(await forget()).to.equal(1);
    expect((await event(id!)).data).to.equal(null);
  });

  it('is never replayed without its data, though the replay was asked for in time', async () => {
    const target = await stage.target();
    const since = new Date(stage.app.clock.now()).toISOString();
    await stage.happen();
    await stage.app.clock.advance(2 * day);
    const [young] = await stage.happen();
    await stage.sweep();
    await stage.app.clock.advance(88 * day - minute);
    const window = { since, until: new Date(Date.parse(since) + 3 * day).toISOString(), only: 'all' };
    expect(await target.act('replay', window)).to.deep.equal({ count: 2 });
    // The workers were away for a while, and from here on the first one may be emptied at any moment.
    await stage.app.clock.advance(2 * minute);
    await stage.sweep();
    expect(target.ids().slice(2)).to.deep.equal([young]);
  });

  it('is the answer to a young attempt at an old delivery', async () => {
    const target = await stage.target(answers.inTurn(answers.status(200, {}, 'old'), answers.status(200, {}, 'young')));
    await stage.happen();
    await stage.sweep();
    await stage.app.clock.advance(89 * day);
    const [delivery] = await target.deliveries();
    await stage.call(`/v1/deliveries/${delivery.id}/retry`, { method: 'POST' });
    await stage.pass(2 * second);
    await stage.app.clock.advance(2 * day);
    await forget();
    const bodies = async (): Promise<unknown[]> =>
      (await stage.delivery(delivery.id)).attempts.map(
        ({ response_body }: { response_body: unknown }) => response_body,
      );
    expect(await bodies()).to.deep.equal([null, 'young']);
    await stage.app.clock.advance(89 * day);
    await forget();
    expect(await bodies()).to.deep.equal([null, null]);
  });

  it('is emptied in batches of five hundred, to the last', async () => {
    const { db } = stage.app.gateway.core;
    await stage.happen(1300);
    await db('events').update({ fanned_out_at: stage.app.clock.now() });
    const target = await stage.target(thanks);
    await stage.happen();
    await stage.sweep();
    // 1,100 attempts more, as they would be after as many deliveries.
    const [{ id: _, number: __, delivery_id, ...attempt }] = await db('attempts');
    const more = Array.from({ length: 1100 }, (_one, index) => {
      const of = `${delivery_id.slice(0, -4)}${String(index).padStart(4, '0')}`;
      return { ...attempt, id: `${of}.1`, delivery_id: of, number: 1 };
    });
    for (let from = 0; from < more.length; from += 400) await db('attempts').insert(more.slice(from, from + 400));
    await stage.app.clock.advance(90 * day + minute);
    const sizes: number[] = [];
    db.on('query', ({ sql, bindings }: { sql: string; bindings: unknown[] }) => {
      if (/^update `attempts`/.test(sql)) sizes.push(bindings.length);
    });
    expect(await forget()).to.equal(1301 + 1101);
    expect(sizes.length).to.be.at.least(3);
    expect(Math.max(...sizes)).to.be.at.most(510);
    expect(await db('attempts').whereNotNull('response_sealed')).to.deep.equal([]);
    expect(await target.deliveries()).to.have.length(1);
    expect(await forget()).to.equal(0);
  });
});
