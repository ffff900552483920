// The whole way of a payment's webhooks against the words of Standard Webhooks 1.0.0: every request of a real payment's
// story verifies with both official packages, its body is the same bytes at every attempt and in the API, its id is the
// event's, its timestamp is of the attempt.

import { expect } from 'chai';
import { endPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest } from '../../support/payment-story.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { hour, type Stage, second, setStage } from '../../support/webhook-stage.ts';

describe('webhooks as the standard has them', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  it('every request of a payment’s story verifies with both packages and says what the API says', async () => {
    const story = await beginStory(stage.app, stage.tenant);
    const target = await stage.target();
    const paid = await endPayment(stage.app, story, '0');
    const cancelled = await endPayment(stage.app, story, '1032');
    await rest(stage.app);
    const bodies = target.verified(target.secret, false) as { type: string; timestamp: string; data: { id: string } }[];
    const typesOf = ({ id }: { id: string }): string[] =>
      bodies.filter(({ data }) => data.id === id).map(({ type }) => type);
    expect(typesOf(paid)).to.deep.equal(['payment.pending', 'payment.succeeded']);
    expect(typesOf(cancelled)).to.deep.equal(['payment.pending', 'payment.cancelled']);
    for (const [index, request] of target.requests.entries()) {
      const { status, body: event } = await story.call(`/v1/events/${target.ids()[index]}`);
      expect(status).to.equal(200);
      expect(JSON.parse(request.body)).to.deep.equal({
        type: event.type,
        timestamp: event.created_at,
        data: event.data,
      });
      expect(Object.keys(JSON.parse(request.body))).to.deep.equal(['type', 'timestamp', 'data']);
      expect(request).to.include({ method: 'POST', path: '/hook' });
      expect(request.headers['content-type']).to.equal('application/json');
    }
    const last = bodies.findLast(({ data }) => data.id === paid.id);
    expect(last?.data).to.deep.equal(await story.read(paid.id));
  });

  it('every attempt sends the same bytes and the same id with a timestamp and signature of its own', async () => {
    const story = await beginStory(stage.app, stage.tenant);
    const works = answers.status(204);
    const target = await stage.target(
      answers.inTurn(answers.status(500), answers.status(302), answers.status(404), answers.status(429), works),
      { types: ['payment.succeeded'] },
    );
    await endPayment(stage.app, story, '0');
    await stage.live(hour);
    expect(target.requests).to.have.length(5);
    const [delivery] = await target.deliveries();
    await stage.call(`/v1/deliveries/${delivery.id}/retry`, { method: 'POST' });
    await stage.pass(second);
    const window = { since: delivery.created_at, until: new Date(stage.app.clock.now()).toISOString(), only: 'all' };
    await target.act('replay', window);
    await stage.pass(second);

    expect(target.requests).to.have.length(7);
    expect(target.verified(target.secret, false)).to.have.length(7);
    expect(new Set(target.requests.map(({ body }) => body)).size, 'bodies').to.equal(1);
    expect(new Set(target.ids()), 'ids').to.deep.equal(new Set([delivery.event]));
    const { attempts } = await stage.delivery(delivery.id);
    expect(attempts.map(({ trigger }: { trigger: string }) => trigger)).to.deep.equal([
      ...['first', 'retry', 'retry', 'retry', 'retry'],
      'manual',
      'replay',
    ]);
    for (const [index, request] of target.requests.entries()) {
      const at = Math.floor(Date.parse(attempts[index].started_at) / 1000);
      expect(Number(request.headers['webhook-timestamp']), `attempt ${index + 1}`).to.equal(at);
      expect(attempts[index].request_headers).not.to.have.property('webhook-signature');
    }
    const timestamps = target.requests.map(({ headers }) => headers['webhook-timestamp']);
    expect(new Set(timestamps).size, 'timestamps').to.equal(7);
  });

  it('a ping verifies too', async () => {
    const target = await stage.target(undefined, { types: ['payment.succeeded'] });
    await target.act('test');
    await move(stage.app, 0);
    const [ping] = target.verified(target.secret, false) as { type: string; data: { endpoint: string } }[];
    expect(ping?.type).to.equal('ping');
    expect(ping?.data.endpoint).to.equal(target.id);
  });

  it('a secret of another endpoint verifies none of it', async () => {
    const [one, other] = [await stage.target(), await stage.target()];
    await stage.happen();
    await stage.sweep();
    expect(() => one.verified(other.secret, false)).to.throw();
    expect(one.verified(one.secret, false)).to.have.length(1);
  });
});
