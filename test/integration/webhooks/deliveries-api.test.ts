// Deliveries as a merchant sees them: found by what became of them, read with every attempt, and sent again by hand.
// Whatever is clicked, and however often at once, each wish is one POST. The receiver is a real server; a sweep is what
// moves anything, so what is expected to be sent has been sent when it ends.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { keepBodiesMs, keepBytes, scheduleMs } from '../../../src/webhooks/policy.ts';
import type { Answer } from '../../support/build-gateway.ts';
import { answers, type Answer as ReceiverAnswer } from '../../support/webhook-receiver.ts';
import { hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

type Body = Answer['body'];

describe('deliveries', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const now = (): string => new Date(stage.app.clock.now()).toISOString();
  const inMs = (time: string): number => Date.parse(time) - stage.app.clock.now();
  const list = (target: Target, query = ''): Promise<Answer> =>
    stage.call(`/v1/webhook-endpoints/${target.id}/deliveries?${query}`);
  const retry = (id: string): Promise<Answer> => stage.call(`/v1/deliveries/${id}/retry`, { method: 'POST' });

  /** One event and the delivery that its first attempt left. */
  async function attempted(target: Target): Promise<{ event: string; id: string }> {
    const [event = ''] = await stage.happen();
    await stage.sweep();
    const [{ id }] = (await list(target, `event=${event}`)).body.data;
    return { event, id };
  }

  /** An answer that is held back until the test lets it go. */
  function gate(): { answer: ReceiverAnswer; open(): void } {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { answer: (_request, response) => opened.then(() => response.writeHead(204).end()), open: () => open() };
  }

  describe('in the list of an endpoint', () => {
    it('show where each stands, without its attempts', async () => {
      const target = await stage.target(answers.status(204), { types: ['payment.succeeded'] });
      const { event, id } = await attempted(target);
      const { status, body } = await list(target);
      expect(status).to.equal(200);
      expect(body).to.deep.equal({
        object: 'list',
        data: [
          {
            id,
            object: 'delivery',
            event,
            endpoint: target.id,
            type: 'payment.succeeded',
            status: 'delivered',
            attempt_count: 1,
            next_attempt_at: null,
            last_status_code: 204,
            last_error: null,
            created_at: now(),
            delivered_at: now(),
          },
        ],
        has_more: false,
        next_cursor: null,
      });
    });

    it('are found by one status, and by several', async () => {
      const target = await stage.target(answers.inTurn(answers.status(204), answers.status(500)));
      const delivered = await attempted(target);
      const pending = await attempted(target);
      const dead = await attempted(target);
      const { db } = stage.app.gateway.core;
      await db('deliveries').where({ id: dead.id }).update({ status: 'dead', due_at: null });
      const found = async (query: string): Promise<string[]> =>
        (await list(target, query)).body.data.map(({ id }: Body) => id);
      expect(await found('status=delivered')).to.deep.equal([delivered.id]);
      expect(await found('status=pending')).to.deep.equal([pending.id]);
      expect(await found('status=dead&status=delivered')).to.deep.equal([dead.id, delivered.id]);
      expect(await found('status=cancelled&status=sending&status=held')).to.deep.equal([]);
      expect(await found('')).to.deep.equal([dead.id, pending.id, delivered.id]);
    });

    it('are found by their event: one for each endpoint; an event of nobody has none', async () => {
      const [one, other] = [await stage.target(), await stage.target()];
      const [event, another] = await stage.happen(2);
      await stage.sweep();
      for (const target of [one, other]) {
        const { body } = await list(target, `event=${event}`);
        expect(body.data.map(({ event: of, endpoint }: Body) => [of, endpoint])).to.deep.equal([[event, target.id]]);
      }
      expect((await list(one, `event=${another}&status=dead`)).body.data).to.deep.equal([]);
      expect((await list(one, 'event=evt_01kahq8z2pf0rs6w5v2r7r3d4e')).body.data).to.deep.equal([]);
    });

    it('are found by time, from the first moment on and before the last', async () => {
      const target = await stage.target();
      const times: string[] = [];
      for (let index = 0; index < 3; index += 1) {
        times.push(now());
        await stage.happen();
        await stage.pass(minute);
      }
      const found = async (query: string): Promise<string[]> =>
        (await list(target, query)).body.data.map(({ created_at: at }: Body) => at);
      expect(await found(`created_after=${times[1]}`)).to.deep.equal([times[2], times[1]]);
      expect(await found(`created_before=${times[1]}`)).to.deep.equal([times[0]]);
      expect(await found(`created_after=${times[1]}&created_before=${times[2]}`)).to.deep.equal([times[1]]);
    });

    it('are paged by keyset, newest first: each once, although new ones come and statuses change', async () => {
      const target = await stage.target();
      const events = (await stage.happen(7)).reverse();
      await stage.sweep();
      const pages: Body[] = [(await list(target, 'limit=3&status=delivered')).body];
      await stage.happen(2);
      await stage.sweep();
      for (let last = pages[0]; last.has_more; last = pages.at(-1))
        pages.push((await list(target, `limit=3&status=delivered&cursor=${last.next_cursor}`)).body);
      expect(pages.map(({ data }) => data.length)).to.deep.equal([3, 3, 1]);
      expect(pages.flatMap(({ data }) => data.map(({ event }: Body) => event))).to.deep.equal(events);
      expect(pages.at(-1).next_cursor).to.equal(null);
    });

    const wrong: readonly [query: string, error: string][] = [
      ['status=lost', 'status wrong_format'],
      ['status=dead&status=', 'status wrong_format'],
      ['event=evt_1', 'event wrong_format'],
      ['event=', 'event wrong_format'],
      ['event=evt_01kahq8z2pf0rs6w5v2r7r3d4e&event=evt_01kahq8z2pf0rs6w5v2r7r3d4e', 'event wrong_type'],
      ['limit=0', 'limit out_of_range'],
      ['limit=101', 'limit out_of_range'],
      ['cursor=abc', 'cursor wrong_format'],
      ['created_before=now', 'created_before wrong_format'],
      ['type=payment.failed', 'type unknown_field'],
      ['expand=attempts', 'expand unknown_field'],
    ];
    for (const [query, error] of wrong)
      it(`are not listed for ?${query}`, async () => {
        const target = await stage.target();
        const { status, body, text } = await list(target, query);
        expect(status, text).to.equal(400);
        expect(body.errors.map((one: Body) => `${one.parameter} ${one.code}`)).to.deep.equal([error]);
      });

    it('say when they are sent next: not before the endpoint is to be asked again', async () => {
      const target = await stage.target(answers.status(503, { 'Retry-After': '7200' }));
      const first = await attempted(target);
      const nextOne = await attempted(target);
      const { body } = await list(target);
      expect(body.data.map(({ next_attempt_at: next }: Body) => inMs(next))).to.deep.equal([2 * hour, 2 * hour]);
      expect(inMs((await stage.delivery(first.id)).next_attempt_at)).to.equal(2 * hour);
      const waiting = await stage.delivery(nextOne.id);
      expect(waiting).to.include({ status: 'pending', attempt_count: 0, last_error: null });
      expect(inMs(waiting.next_attempt_at)).to.equal(2 * hour);
      expect(waiting.attempts).to.deep.equal([]);
    });
  });

  describe('read one by one', () => {
    it('show every attempt: why, when, what was sent and what came back, but never the signature', async () => {
      const target = await stage.target(
        answers.inTurn(
          answers.status(500, { 'Content-Type': 'text/plain', 'X-Trace': 'abc' }, 'Out of order: €'),
          answers.status(200, {}, 'ok'),
        ),
      );
      const startedAt = now();
      const { event, id } = await attempted(target);
      await stage.pass(5 * second);
      const delivery = await stage.delivery(id);
      expect(delivery).to.include({ status: 'delivered', attempt_count: 2, last_status_code: 200, last_error: null });
      expect(delivery.delivered_at).to.equal(now());
      const [first, last] = delivery.attempts;
      expect(delivery.attempts).to.have.length(2);
      expect(first).to.include({
        number: 1,
        trigger: 'first',
        started_at: startedAt,
        status_code: 500,
        error: 'server_error',
        response_body: 'Out of order: €',
      });
      expect(first.duration_ms).to.be.a('number').within(0, 10_000);
      expect(first.response_headers).to.include({ 'content-type': 'text/plain', 'x-trace': 'abc' });
      const sent = target.requests[0]!;
      expect(first.request_headers).to.deep.equal({
        'content-type': 'application/json',
        'user-agent': sent.headers['user-agent'],
        'accept-encoding': 'identity',
        'content-length': String(Buffer.byteLength(sent.body)),
        'webhook-id': event,
        'webhook-timestamp': String(Math.floor(Date.parse(startedAt) / 1000)),
      });
      expect(JSON.stringify(delivery)).to.not.contain('v1,').and.not.contain('signature');
      expect(last).to.include({ number: 2, trigger: 'retry', status_code: 200, error: null, response_body: 'ok' });
      expect(last.started_at).to.equal(now());
    });

    it(`show of a long answer its first ${keepBytes / 1024} KiB, and null for an empty one`, async () => {
      const long = 'é'.repeat(keepBytes);
      const target = await stage.target(answers.inTurn(answers.status(500, {}, long), answers.status(500)));
      const { id } = await attempted(target);
      await stage.pass(5 * second);
      const [cut, empty] = (await stage.delivery(id)).attempts;
      expect(cut.response_body).to.equal(long.slice(0, keepBytes / 2));
      expect(empty.response_body).to.equal(null);
    });

    const failures: readonly [what: string, answer: ReceiverAnswer, error: string, status: number | null][] = [
      ['302', answers.status(302, { Location: 'https://other.example' }), 'redirect', 302],
      ['400', answers.status(400), 'client_error', 400],
      ['410', answers.status(410), 'gone', 410],
      ['429', answers.status(429), 'rate_limited', 429],
      ['500', answers.status(500), 'server_error', 500],
      ['a connection that breaks', answers.breaking(), 'connection_lost', null],
    ];
    for (const [what, answer, error, status] of failures)
      it(`name the failure after ${what}: ${error}`, async () => {
        const target = await stage.target(answer);
        const { id } = await attempted(target);
        const delivery = await stage.delivery(id);
        expect(delivery).to.include({ last_error: error, last_status_code: status, delivered_at: null });
        expect(delivery.attempts[0]).to.include({ error, status_code: status });
        if (status === null) expect(delivery.attempts[0]).to.include({ response_headers: null, response_body: null });
      });

    it('name the failure where nobody listens: connect_failed', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      const target = await stage.target(undefined, { url: () => `http://127.0.0.1:${port}/` });
      const { id } = await attempted(target);
      const delivery = await stage.delivery(id);
      expect(delivery.attempts[0]).to.include({ error: 'connect_failed', status_code: null, response_body: null });
    });

    it('say when they are sent next as long as they wait, and null at their end', async () => {
      const target = await stage.target(answers.status(500));
      const { id } = await attempted(target);
      for (const wait of scheduleMs.slice(1)) {
        const waiting = await stage.delivery(id);
        expect(waiting.status).to.equal('pending');
        expect(inMs(waiting.next_attempt_at)).to.equal(wait);
        await stage.pass(wait);
      }
      const dead = await stage.delivery(id);
      expect(dead).to.include({ status: 'dead', next_attempt_at: null, attempt_count: scheduleMs.length });
      expect(dead.attempts.map(({ number }: Body) => number)).to.deep.equal(scheduleMs.map((_, index) => index + 1));
      await stage.pass(30 * 24 * hour);
      expect(target.requests).to.have.length(scheduleMs.length);
    });

    it('take no query', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      const { status, body } = await stage.call(`/v1/deliveries/${id}?expand=event`);
      expect(status).to.equal(400);
      expect(body.errors).to.have.length(1);
      expect(body.errors[0]).to.include({ parameter: 'expand', code: 'unknown_field' });
    });
  });

  describe('sent again by hand', () => {
    it('although delivered: the same bytes under the same webhook-id, freshly signed', async () => {
      const target = await stage.target();
      const { event, id } = await attempted(target);
      await stage.pass(minute);
      const { status, body } = await retry(id);
      expect(status).to.equal(202);
      expect(body).to.include({ id, event, status: 'pending', attempt_count: 1, next_attempt_at: now() });
      expect(body).to.not.have.property('attempts');
      await stage.sweep();
      expect(target.ids()).to.deep.equal([event, event]);
      const [first, again] = target.requests;
      expect(again!.body).to.equal(first!.body);
      expect(again!.headers['webhook-timestamp']).to.not.equal(first!.headers['webhook-timestamp']);
      target.verified(target.secret, false);
      const delivery = await stage.delivery(id);
      expect(delivery).to.include({ status: 'delivered', attempt_count: 2, delivered_at: now() });
      expect(delivery.attempts.map(({ trigger }: Body) => trigger)).to.deep.equal(['first', 'manual']);
    });

    it('by ten clicks at once: one POST', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      const clicks = await Promise.all(Array.from({ length: 10 }, () => retry(id)));
      expect(clicks.map(({ status }) => status)).to.deep.equal(clicks.map(() => 202));
      await stage.sweep();
      expect(target.requests).to.have.length(2);
    });

    it('by ten clicks at once beside a worker that is nudged by each of them: one POST', async () => {
      const busy = await setStage({ env: { ROLES: 'api,worker' } });
      try {
        const target = await busy.target();
        await busy.happen();
        await busy.sweep();
        const [{ id }] = await target.deliveries();
        const path = `/v1/deliveries/${id}/retry`;
        await Promise.all(Array.from({ length: 10 }, () => busy.call(path, { method: 'POST' })));
        await target.received(2);
        await busy.sweep();
        expect(target.requests).to.have.length(2);
      } finally {
        await busy.close();
      }
    });

    it('by a second click within a moment, although the first has done its work: still one POST', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      await retry(id);
      await stage.pass(2 * second - 1);
      expect((await retry(id)).body.status).to.equal('delivered');
      await stage.sweep();
      expect(target.requests).to.have.length(2);
      await stage.app.clock.advance(1);
      expect((await retry(id)).body.status).to.equal('pending');
      await stage.sweep();
      expect(target.requests).to.have.length(3);
    });

    it('while it is being sent: left alone, however often it is clicked', async () => {
      const { answer, open } = gate();
      const target = await stage.target(answer);
      const [event] = await stage.happen();
      await stage.app.gateway.webhooks.dispatch();
      await target.received(1);
      const [{ id, status }] = (await list(target, `event=${event}`)).body.data;
      expect(status).to.equal('sending');
      const clicks = await Promise.all(Array.from({ length: 10 }, () => retry(id)));
      for (const { body } of clicks)
        expect(body).to.include({ status: 'sending', attempt_count: 1, next_attempt_at: null });
      await stage.app.gateway.webhooks.dispatch();
      open();
      await stage.sweep();
      expect(target.requests).to.have.length(1);
      expect(await stage.delivery(id)).to.include({ status: 'delivered', attempt_count: 1 });
    });

    it('in the very moment its automatic retry is due: one POST for both', async () => {
      const { answer, open } = gate();
      const target = await stage.target(answers.inTurn(answers.status(500), answer));
      const { id } = await attempted(target);
      await stage.app.clock.advance(5 * second);
      const wishes = Array.from({ length: 10 }, () => retry(id));
      await Promise.all([...wishes, stage.app.gateway.webhooks.dispatch(), stage.app.gateway.webhooks.dispatch()]);
      await stage.app.gateway.webhooks.dispatch();
      await target.received(2);
      open();
      await stage.sweep();
      expect(target.requests).to.have.length(2);
      expect(await stage.delivery(id)).to.include({ status: 'delivered', attempt_count: 2 });
    });

    it('while its next attempt lies ahead: that is brought forward, and nothing is sent when it would have been', async () => {
      const target = await stage.target(answers.inTurn(answers.status(500), answers.status(500), answers.status(204)));
      const { event, id } = await attempted(target);
      await stage.pass(5 * second);
      expect(inMs((await stage.delivery(id)).next_attempt_at)).to.equal(30 * second);
      expect((await retry(id)).body).to.include({ status: 'pending', next_attempt_at: now() });
      await stage.sweep();
      expect(target.ids()).to.deep.equal([event, event, event]);
      await stage.pass(24 * hour);
      expect(target.requests).to.have.length(3);
      expect((await stage.delivery(id)).attempts.at(-1)).to.include({ trigger: 'manual', error: null });
    });

    it('and failed again while it waited: the schedule goes on where it was', async () => {
      const target = await stage.target(answers.status(500));
      const { id } = await attempted(target);
      await retry(id);
      await stage.sweep();
      const delivery = await stage.delivery(id);
      expect(delivery).to.include({ status: 'pending', attempt_count: 2 });
      expect(inMs(delivery.next_attempt_at)).to.equal(scheduleMs[2]!);
    });

    it('although dead: sent, and the schedule begins anew if it fails', async () => {
      const target = await stage.target(answers.status(500));
      const { event, id } = await attempted(target);
      for (const wait of scheduleMs.slice(1)) await stage.pass(wait);
      expect((await stage.delivery(id)).status).to.equal('dead');
      expect((await retry(id)).body).to.include({ status: 'pending', next_attempt_at: now() });
      await stage.sweep();
      const waiting = await stage.delivery(id);
      expect(waiting).to.include({ status: 'pending', attempt_count: scheduleMs.length + 1 });
      expect(inMs(waiting.next_attempt_at)).to.equal(scheduleMs[1]!);
      target.answerWith(answers.status(204));
      await stage.pass(scheduleMs[1]!);
      expect((await stage.delivery(id)).status).to.equal('delivered');
      expect(new Set(target.ids())).to.deep.equal(new Set([event]));
    });

    it('at once, although the endpoint asked to be left alone', async () => {
      const target = await stage.target(
        answers.inTurn(answers.status(429, { 'Retry-After': '3600' }), answers.status(204)),
      );
      const { id } = await attempted(target);
      await retry(id);
      await stage.sweep();
      expect((await stage.delivery(id)).status).to.equal('delivered');
    });

    it('while the endpoint is paused: held, and sent when it is enabled', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      await target.change({ status: 'paused' });
      expect((await retry(id)).body).to.include({ status: 'held', next_attempt_at: null });
      await stage.pass(hour);
      expect(target.requests).to.have.length(1);
      expect((await target.act('enable')).released).to.equal(1);
      await stage.sweep();
      expect(target.requests).to.have.length(2);
      expect((await stage.delivery(id)).attempts.at(-1)).to.include({ trigger: 'manual', error: null });
    });

    it('a ping too, under its own webhook-id', async () => {
      const target = await stage.target(answers.inTurn(answers.status(500), answers.status(204)));
      const { id, event } = await target.act('test');
      await stage.sweep();
      expect((await retry(id)).status).to.equal(202);
      await stage.sweep();
      expect(target.ids()).to.deep.equal([event, event]);
      expect((await stage.delivery(id)).status).to.equal('delivered');
    });

    it('not once its endpoint is deleted: 409, and nothing is sent', async () => {
      const target = await stage.target(answers.inTurn(answers.status(204), answers.status(500)));
      const [delivered, waiting] = [await attempted(target), await attempted(target)];
      await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
      for (const { id } of [delivered, waiting]) {
        for (let round = 0; round < 2; round += 1) {
          const { status, body } = await retry(id);
          expect(status).to.equal(409);
          expect(body).to.include({ code: 'not_retryable' });
          await stage.sweep();
        }
      }
      expect((await stage.delivery(delivered.id)).status).to.equal('delivered');
      expect((await stage.delivery(waiting.id)).status).to.equal('cancelled');
      expect(target.requests).to.have.length(2);
    });

    it('not with a body that says something, nor with a query', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      const path = `/v1/deliveries/${id}/retry`;
      const refusals: readonly [Promise<Answer>, number, string][] = [
        [stage.call(path, { body: { force: true } }), 400, 'invalid_request'],
        [stage.call(path, { body: [] }), 400, 'invalid_request'],
        [stage.call(path, { body: 'null' }), 400, 'invalid_request'],
        [stage.call(path, { body: '{' }), 400, 'malformed_json'],
        [stage.call(path, { body: '{}', headers: { 'Content-Type': 'text/plain' } }), 415, 'unsupported_media_type'],
        [stage.call(path, { body: `"${'x'.repeat(66_000)}"` }), 413, 'payload_too_large'],
        [stage.call(`${path}?force=1`, { method: 'POST' }), 400, 'invalid_request'],
      ];
      for (const [answer, status, code] of refusals) {
        const { status: seen, body } = await answer;
        expect([seen, body.code]).to.deep.equal([status, code]);
      }
      await stage.sweep();
      expect(target.requests).to.have.length(1);
      expect((await stage.call(path, { body: {} })).status).to.equal(202);
    });

    it('not when its body is no longer kept: 409', async () => {
      const target = await stage.target();
      const { id } = await attempted(target);
      await stage.app.clock.advance(keepBodiesMs);
      expect((await retry(id)).status).to.equal(202);
      await stage.app.clock.advance(2 * second);
      const { status, body } = await retry(id);
      expect([status, body.code]).to.deep.equal([409, 'not_retryable']);
    });
  });
});
