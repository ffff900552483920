// What operators can measure of webhooks: how old the oldest due one is, how long the first attempt takes, what attempts
// come to, how many endpoints are left alone, and what no nudge told of. Each number is moved by the one thing that it
// counts, and read where Prometheus reads it.

import { expect } from 'chai';
import { answers } from '../../support/webhook-receiver.ts';
import { hour, minute, type Stage, second, setStage } from '../../support/webhook-stage.ts';

describe('the metrics of webhooks', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.close());

  const works = answers.status(204);
  /** A sample by its name without `lango_webhook_` and with its labels, 0 where there is none. */
  const metric = async (sample: string): Promise<number> => {
    const { status, text } = await stage.call('/metrics');
    expect(status).to.equal(200);
    const line = text.split('\n').find((one) => one.startsWith(`lango_webhook_${sample} `));
    return line === undefined ? 0 : Number(line.split(' ').at(-1));
  };

  it('count attempts by what they came to', async () => {
    const outcomes = {
      delivered: works,
      client_error: answers.status(404),
      server_error: answers.status(500),
      redirect: answers.status(302),
      rate_limited: answers.status(429),
      gone: answers.status(410),
      connection_lost: answers.breaking(),
    };
    for (const answer of Object.values(outcomes)) await stage.target(answer, { types: ['payment.succeeded'] });
    const closed = await stage.target(works, { types: ['payment.succeeded'] });
    await closed.close();
    await stage.happen();
    await stage.sweep();
    for (const result of [...Object.keys(outcomes), 'connect_failed'])
      expect(await metric(`attempts_total{result="${result}"}`), result).to.equal(1);
    await stage.pass(5 * second);
    expect(await metric('attempts_total{result="server_error"}')).to.equal(2);
    expect(await metric('attempts_total{result="delivered"}')).to.equal(1);
  });

  it('measure the time from an event to its first attempt, and of no other attempt', async () => {
    const target = await stage.target(answers.inTurn(answers.status(500), works));
    const start = stage.app.clock.now();
    await stage.happen();
    await stage.app.clock.advance(3 * second);
    await stage.sweep();
    expect(await metric('first_attempt_seconds_count')).to.equal(1);
    expect(await metric('first_attempt_seconds_sum')).to.equal(3);
    expect(await metric('first_attempt_seconds_bucket{le="2.5"}')).to.equal(0);
    expect(await metric('first_attempt_seconds_bucket{le="5"}')).to.equal(1);
    await stage.pass(5 * second);
    await target.act('test');
    const until = new Date(stage.app.clock.now()).toISOString();
    await target.act('replay', { since: new Date(start).toISOString(), until, only: 'all' });
    await stage.pass(second);
    expect(target.requests).to.have.length(4);
    expect(await metric('first_attempt_seconds_count')).to.equal(1);
  });

  it('say how old the oldest due delivery is, those of an endpoint that is left alone too', async () => {
    const throttled = await stage.target(answers.status(503, { 'retry-after': '7200' }));
    await stage.happen();
    await stage.sweep();
    expect(await metric('oldest_due_seconds{status="pending"}'), 'only a retry that is not due').to.equal(0);
    await stage.happen();
    await stage.pass(10 * minute);
    expect(throttled.requests).to.have.length(1);
    expect(await metric('oldest_due_seconds{status="pending"}')).to.equal(600);
    expect(await metric('backlog{status="pending"}')).to.equal(2);
    throttled.answerWith(works);
    await stage.pass(2 * hour);
    expect(await metric('oldest_due_seconds{status="pending"}')).to.equal(0);
    expect(await metric('backlog{status="pending"}')).to.equal(0);
  });

  it('say how old the oldest held delivery is', async () => {
    const target = await stage.target();
    await target.change({ status: 'paused' });
    await stage.happen(3);
    await stage.pass(20 * minute);
    expect(await metric('oldest_due_seconds{status="held"}')).to.equal(1200);
    expect(await metric('oldest_due_seconds{status="pending"}')).to.equal(0);
    expect(await metric('backlog{status="held"}')).to.equal(3);
    await target.act('enable');
    await stage.sweep();
    expect(await metric('oldest_due_seconds{status="held"}')).to.equal(0);
  });

  it('count the breakers that are open', async () => {
    const [one, other] = [await stage.target(answers.status(500)), await stage.target(answers.status(500))];
    await stage.happen(9);
    await stage.sweep();
    expect(await metric('breakers_open')).to.equal(0);
    await stage.happen();
    await stage.sweep();
    expect(await metric('breakers_open')).to.equal(2);
    one.answerWith(works);
    await stage.pass(30 * second);
    expect(await metric('breakers_open')).to.equal(1);
    await other.change({ status: 'paused' });
    expect(await metric('breakers_open'), 'of a paused endpoint').to.equal(0);
  });

  it('count what the sweep had to find, and not what a nudge told of', async () => {
    const target = await stage.target();
    await stage.happen(3);
    await stage.sweep();
    expect(await metric('sweep_finds_total{what="events"}')).to.equal(3);
    expect(await metric('sweep_finds_total{what="deliveries"}')).to.equal(3);
    await stage.happen(2);
    stage.app.gateway.webhooks.wake();
    await target.received(5);
    await stage.sweep();
    expect(await metric('sweep_finds_total{what="events"}')).to.equal(3);
    expect(await metric('sweep_finds_total{what="deliveries"}')).to.equal(3);
  });

  it('count leases that ran out and answers that came too late', async () => {
    const waiting: (() => void)[] = [];
    const target = await stage.target(async (_request, response) => {
      await new Promise<void>((answer) => waiting.push(answer));
      response.writeHead(204).end();
    });
    await stage.happen();
    await stage.app.gateway.webhooks.dispatch();
    await target.received(1);
    await stage.app.clock.advance(46 * second);
    target.answerWith(works);
    await stage.app.gateway.webhooks.dispatch();
    await target.received(2);
    expect(await metric('leases_expired_total')).to.equal(1);
    expect(await metric('fenced_writes_total')).to.equal(0);
    for (const answer of waiting) answer();
    await stage.sweep();
    expect(await metric('fenced_writes_total')).to.equal(1);
  });
});
