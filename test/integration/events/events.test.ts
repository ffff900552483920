// GET /v1/events: one event for each change a merchant is told of, with the payment as it was then, frozen for ever.

import { expect } from 'chai';
import { recordEvents } from '../../../src/events/event-store.ts';
import { isUniqueViolation } from '../../../src/platform/database.ts';
import { type Answer, buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, type Story } from '../../support/payment-story.ts';

type Body = Answer['body'];

describe('events', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  const eventsOf = async (by: Story, paymentId: string): Promise<Body[]> => {
    const { body } = await by.call('/v1/events?limit=100');
    return body.data.filter((event: Body) => event.data.id === paymentId).reverse();
  };

  it('tell the life of a payment: pending, then succeeded, each once, whatever M-PESA repeats', async () => {
    const paid = await endPayment(app, story, '0');
    for (let repeat = 0; repeat < 3; repeat += 1) await app.simulator.control.sendCallback({ phone: paid.phone });
    await app.simulator.control.sendCallback({ phone: paid.phone }, { resultCode: '1032' });
    expect(await story.events(paid.id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
  });

  const ends: readonly [string, string][] = [
    ['1', 'payment.failed'],
    ['1032', 'payment.cancelled'],
  ];
  for (const [code, type] of ends)
    it(`tell ${type} for result ${code}`, async () => {
      const ended = await endPayment(app, story, code);
      expect(await story.events(ended.id)).to.deep.equal(['payment.pending', type]);
    });

  it('tell unknown at expiry, and the late success after it', async () => {
    const pending = await pendingPayment(app, story, { expires_in: 60 });
    await move(app, 60_000);
    await story.until(pending.id, 'unknown');
    await move(app, 1000);
    await app.simulator.control.sendCallback({ phone: pending.phone }, { resultCode: '0' });
    const paid = await story.until(pending.id, 'succeeded');
    expect(paid.flags).to.deep.equal(['late']);
    expect(await story.events(pending.id)).to.deep.equal(['payment.pending', 'payment.unknown', 'payment.succeeded']);
  });

  it('tell payment.updated when a receipt is found after a query’s yes', async () => {
    const phone = freshPhone();
    app.simulator.control.setOutcome({ phone, code: 'silent' });
    app.simulator.control.setFault({ group: 'query', fault: 'says_paid', reach: 'all', phone });
    const { id } = await story.pay({ phone });
    await story.until(id, 'pending');
    await story.call(`/v1/payments/${id}/check`, { method: 'POST' });
    await story.until(id, 'succeeded');
    await app.simulator.control.sendCallback({ phone }, { resultCode: '0' });
    const updated = await story.until(id, ({ flags }) => flags.length === 0);
    expect(await story.events(id)).to.deep.equal(['payment.pending', 'payment.succeeded', 'payment.updated']);
    expect((await eventsOf(story, id)).at(-1).data).to.deep.equal(updated);
  });

  it('are not made for what nobody is told of: a payment that only waits has none', async () => {
    const paused = await beginPausedStory(app);
    const { id } = await paused.pay();
    await move(app, 1000);
    expect(await paused.events(id)).to.deep.equal([]);
  });

  it('freeze the payment as it was: later changes do not show in earlier events', async () => {
    const pending = await pendingPayment(app, story);
    const [before] = await eventsOf(story, pending.id);
    expect(before.data).to.deep.equal(pending);
    await app.simulator.control.sendCallback({ phone: pending.phone }, { resultCode: '0' });
    await story.until(pending.id, 'succeeded');
    const [after] = await eventsOf(story, pending.id);
    expect(after).to.deep.equal(before);
  });

  it('carry the payment’s versions in order, one event for a version', async () => {
    const paid = await endPayment(app, story, '0');
    const versions = (await eventsOf(story, paid.id)).map(({ data }) => data.version);
    expect(versions).to.deep.equal([...new Set(versions)].sort((left, right) => left - right));
    expect(versions.at(-1)).to.equal(paid.version);
  });

  it('a second event for the same version is refused by the database itself', async () => {
    const paid = await endPayment(app, story, '0');
    const { db, sealer } = app.gateway.core;
    const event = {
      tenantId: story.tenant.id,
      mode: 'test',
      type: 'payment.updated' as const,
      objectId: paid.id,
      version: paid.version,
      data: {},
    };
    const thrown = await recordEvents(db, sealer, [event], app.clock.now()).catch((error: unknown) => error);
    expect(isUniqueViolation(thrown)).to.equal(true);
  });

  it('rest sealed: the customer’s number cannot be read in the row', async () => {
    const paid = await endPayment(app, story, '0');
    const rows = await app.gateway.core.db('events').where({ object_id: paid.id });
    expect(rows).to.have.length(2);
    expect(JSON.stringify(rows)).to.not.include(paid.phone.slice(3));
  });

  it('are read one by one, exactly as in the list', async () => {
    const paid = await endPayment(app, story, '0');
    for (const event of await eventsOf(story, paid.id)) {
      expect(event).to.include({ object: 'event', mode: 'test' });
      expect(event.created_at).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      const { status, body } = await story.call(`/v1/events/${event.id}`);
      expect(status).to.equal(200);
      expect(body).to.deep.equal(event);
    }
  });

  it('are filtered by type and time, newest first, and paged', async () => {
    const own = await beginStory(app);
    await endPayment(app, own, '0');
    await app.clock.advance(1000);
    const since = new Date(app.clock.now()).toISOString();
    await endPayment(app, own, '1');
    const types = async (query: string): Promise<string[]> =>
      (await own.call(`/v1/events?${query}`)).body.data.map(({ type }: Body) => type);
    expect(await types('')).to.deep.equal([
      'payment.failed',
      'payment.pending',
      'payment.succeeded',
      'payment.pending',
    ]);
    expect(await types('type=payment.succeeded')).to.deep.equal(['payment.succeeded']);
    expect(await types('type=payment.succeeded&type=payment.failed')).to.deep.equal([
      'payment.failed',
      'payment.succeeded',
    ]);
    expect(await types(`created_after=${since}`)).to.deep.equal(['payment.failed', 'payment.pending']);
    expect(await types(`created_before=${since}`)).to.deep.equal(['payment.succeeded', 'payment.pending']);
    const first = (await own.call('/v1/events?limit=3')).body;
    expect(first.has_more).to.equal(true);
    expect(await types(`limit=3&cursor=${first.next_cursor}`)).to.deep.equal(['payment.pending']);
  });

  it('refuse parameters that are none', async () => {
    for (const [query, problem] of [
      ['type=payment.paid', 'type wrong_format'],
      ['limit=0', 'limit out_of_range'],
      ['cursor=x', 'cursor wrong_format'],
      ['status=queued', 'status unknown_field'],
    ]) {
      const { status, body } = await story.call(`/v1/events?${query}`);
      expect(status, query).to.equal(400);
      expect(`${body.errors[0].parameter} ${body.errors[0].code}`).to.equal(problem);
    }
  });
});
