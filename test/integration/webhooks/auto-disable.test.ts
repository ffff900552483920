// Five days without a success and twenty failures: then an endpoint is switched off, what is for it is held, and the
// tenant hears of it at its other endpoints, once. The clock goes from one attempt to the next, so five days are a few
// dozen attempts; what enabling gives back is a clean record.

import { expect } from 'chai';
import { addKey } from '../../support/payment-states.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, setStage, type Target } from '../../support/webhook-stage.ts';

const disabledType = 'webhook_endpoint.disabled';

describe('an endpoint that has failed for long', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const fails = answers.status(500);
  const works = answers.status(204);
  /** Where the endpoint stands: its status and how many failures it has had. */
  const standing = async (target: Target): Promise<[string, number]> => {
    const { status, failureCount } = await target.stored();
    return [status, failureCount];
  };
  const eventsOf = async (target: Target, type: string): Promise<{ data: Record<string, unknown>; id: string }[]> => {
    const { body } = await stage.call(`/v1/events?limit=100&type=${type}`, { tenant: target.tenant });
    return body.data.filter(({ data }: { data: { id: string } }) => data.id === target.id);
  };
  /** Failing for so long, 24 times by the end of the fourth day: more than twenty, and too seldom for the breaker. */
  const failingFor = async (span: number, options: Parameters<Stage['target']>[1] = {}): Promise<Target> => {
    const target = await stage.target(fails, options);
    await stage.happen(2, { tenant: target.tenant });
    await stage.live(span);
    return target;
  };

  it('is not disabled at 4 days 23 hours, however often it failed, and is at five days', async () => {
    const target = await failingFor(5 * day - hour);
    expect(await standing(target)).to.deep.equal(['enabled', 24]);
    await stage.happen();
    await stage.live(hour - 1);
    await stage.happen();
    await stage.live(0);
    expect(await standing(target)).to.deep.equal(['enabled', 31]);
    await stage.live(1);
    await stage.happen();
    await stage.live(0);
    expect(await target.shown()).to.include({ status: 'disabled', disabled_reason: 'failing' });
  });

  it('is not disabled by 19 failures in more than five days, and is by the twentieth', async () => {
    const target = await stage.target(fails);
    await stage.happen();
    await stage.live(5 * day - 160 * minute);
    expect(await standing(target)).to.deep.equal(['enabled', 12]);
    // Its seventh attempt is 162.6 minutes after its first, so the nineteenth failure falls after the five days.
    await stage.happen();
    await stage.live(3 * hour);
    expect(await standing(target)).to.deep.equal(['enabled', 19]);
    expect(stage.app.clock.now() - (await target.stored()).failingSince!).to.be.greaterThan(5 * day);
    await stage.live(5 * hour);
    expect(await standing(target)).to.deep.equal(['disabled', 20]);
  });

  it('counts anew after a success', async () => {
    const target = await failingFor(4 * day);
    target.answerWith(works);
    await stage.happen();
    await stage.live(0);
    target.answerWith(fails);
    await stage.happen(2);
    await stage.live(5 * day - 1);
    expect(await standing(target)).to.deep.equal(['enabled', 24]);
    await stage.happen();
    await stage.live(0);
    expect(await standing(target)).to.deep.equal(['enabled', 25]);
    await stage.live(1);
    await stage.happen();
    await stage.live(0);
    expect(await standing(target)).to.deep.equal(['disabled', 26]);
  });

  it('has its deliveries held, those that wait and those that are new, and is sent nothing more', async () => {
    const target = await failingFor(5 * day);
    await stage.happen(4);
    await stage.sweep();
    expect((await target.stored()).status).to.equal('disabled');
    const sent = target.requests.length;
    await stage.happen(2);
    await stage.live(10 * day);
    expect(target.requests).to.have.length(sent);
    const statuses = (await target.deliveries()).map(({ status }) => status);
    expect(statuses).to.deep.equal(['dead', 'dead', ...new Array(6).fill('held')]);
  });

  it('is told of once, at the tenant’s other endpoints, never at itself, another tenant’s or another mode’s', async () => {
    const tenant = await stage.app.addTenant();
    const others = [await stage.target(works, { tenant }), await stage.target(works, { tenant })];
    const paymentsOnly = await stage.target(works, { tenant, types: ['payment.succeeded'] });
    const stranger = await stage.target(works, { tenant: await stage.app.addTenant() });
    const liveKey = await addKey(stage.app, tenant, { mode: 'live' });
    const live = { key: liveKey.key, tenant };
    const body = { url: 'https://shop.example.co.ke/hook' };
    const liveEndpoint = await stage.call('/v1/webhook-endpoints', { ...live, body });
    expect(liveEndpoint.status).to.equal(201);

    const target = await failingFor(5 * day, { tenant });
    await stage.happen(4, { tenant });
    await stage.live(day);
    const [event, ...more] = await eventsOf(target, disabledType);
    expect(more).to.deep.equal([]);
    expect(event?.data).to.include({
      id: target.id,
      status: 'disabled',
      disabled_reason: 'failing',
      url: `${target.url}/hook`,
    });
    expect(event?.data).not.to.have.property('secret');
    for (const other of others) expect(other.ids().filter((id) => id === event?.id)).to.have.length(1);
    for (const deaf of [target, paymentsOnly, stranger]) expect(deaf.ids()).not.to.include(event?.id);
    const own = `/v1/webhook-endpoints/${liveEndpoint.body.id}`;
    expect((await stage.call(`${own}/deliveries`, live)).body.data).to.deep.equal([]);
    expect((await stage.call('/v1/events', live)).body.data).to.deep.equal([]);
    expect((await target.deliveries()).map(({ type }) => type)).not.to.include(disabledType);
    await stage.call(own, { ...live, method: 'DELETE' });
  });

  it('is told of once when five attempts come back with 410 together', async () => {
    const tenant = await stage.app.addTenant();
    const other = await stage.target(works, { tenant });
    const target = await stage.target(answers.status(410), { tenant });
    await stage.happen(12, { tenant });
    await stage.sweep();
    expect(target.requests.length).to.be.within(1, 5);
    expect(await eventsOf(target, disabledType)).to.have.length(1);
    const told = other.requests.filter(({ body }) => JSON.parse(body).type === disabledType);
    expect(told).to.have.length(1);
    expect(JSON.parse(told[0]!.body).data).to.include({ status: 'disabled', disabled_reason: 'gone' });
  });

  it('begins with a clean record when it is enabled, and can be disabled and told of again', async () => {
    const target = await failingFor(5 * day);
    await stage.happen();
    await stage.sweep();
    expect(await target.act('enable')).to.include({ status: 'enabled', disabled_reason: null, failing_since: null });
    expect(await target.stored()).to.include({
      failureCount: 0,
      timeoutsInRow: 0,
      breakerLevel: 0,
      waitUntil: null,
      notice: null,
      toldLevel: 0,
    });
    await stage.live(4 * day);
    expect((await target.stored()).status).to.equal('enabled');
    await stage.happen(2);
    await stage.live(2 * day);
    expect((await target.stored()).status).to.equal('disabled');
    expect(await eventsOf(target, disabledType)).to.have.length(2);
  });

  it('lets what was held go out oldest first beside what is new', async () => {
    const target = await failingFor(5 * day);
    const held = await stage.happen(12);
    await stage.sweep();
    const before = target.requests.length;
    target.answerWith(works);
    expect(await target.act('enable')).to.include({ released: 12 });
    const fresh = await stage.happen(4);
    await stage.sweep();
    const sent = target.ids().slice(before);
    expect(sent).to.have.length(16);
    expect(sent.filter((id) => held.includes(id))).to.deep.equal(held);
    const lastNew = Math.max(...fresh.map((id) => sent.indexOf(id)));
    expect(lastNew, 'the new ones did not wait for all of the held ones').to.be.lessThan(15);
  });
});
