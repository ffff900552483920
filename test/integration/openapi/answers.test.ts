// The description held against a running gateway: each answer here must be one that its operation declares, with no
// field undeclared and none missing. At the end every declared answer and every refusal of its own has been seen.

import { expect } from 'chai';
import { emptyBodies } from '../../../src/events/event-store.ts';
import { c2bToken } from '../../../src/mpesa/c2b-token.ts';
import { callbackToken } from '../../../src/mpesa/callback-token.ts';
import { answerSchemas, webhookBodies } from '../../../src/openapi/answer-schemas.ts';
import { problemsOf } from '../../../src/openapi/api-description.ts';
import { operations } from '../../../src/openapi/operations.ts';
import { mostEndpoints } from '../../../src/webhooks/policy.ts';
import {
  type Answer,
  buildGateway,
  type CallOptions,
  freshPhone,
  type TestGateway,
} from '../../support/build-gateway.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const seen = new Set<string>();

/** Calls, and checks the answer against what the operation declares. */
async function ask(app: TestGateway, operationId: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const operation = operations.find(({ id }) => id === operationId)!;
  const method = operation.method.toUpperCase();
  const answer = await app.call(path, { method, ...options });
  expectDeclared(operationId, answer);
  return answer;
}

function expectDeclared(operationId: string, answer: Answer): void {
  const operation = operations.find(({ id }) => id === operationId)!;
  const where = `${operationId} ${answer.status} ${answer.text.slice(0, 300)}`;
  expect(answer.headers.get('Request-Id'), where).to.be.a('string');
  const declared = operation.answers.find(({ status }) => status === answer.status);
  if (declared === undefined) {
    expect(answer.headers.get('Content-Type'), where).to.match(/^application\/problem\+json/);
    expect(answerSchemas.Problem.safeParse(answer.body).error, where).to.equal(undefined);
    expect(problemsOf(operation), where).to.include(answer.body.code);
    seen.add(`${operationId} ${answer.body.code}`);
    return;
  }
  if (operation.scope !== 'public') {
    expect(answer.headers.get('RateLimit'), where).to.match(/^"default";r=\d+;t=\d+$/);
    expect(answer.headers.get('RateLimit-Policy'), where).to.match(/^"default";q=\d+;w=\d+$/);
  }
  // A secret is in the answer that made it and in no other.
  const showsSecret = ['createWebhookEndpoint', 'rotateWebhookSecret'].includes(operationId);
  expect(answer.text.includes('whsec_'), where).to.equal(showsSecret);
  if (declared.schema === null && declared.contentType === undefined) expect(answer.text, where).to.equal('');
  else if (declared.schema === null) expect(answer.headers.get('Content-Type'), where).to.contain(declared.contentType);
  else expect(answerSchemas[declared.schema].safeParse(answer.body).error, where).to.equal(undefined);
  seen.add(`${operationId} ${answer.status}`);
}

describe('the API description, held against answers', () => {
  let app: TestGateway;
  let watching: WebhookReceiver;
  let failing: WebhookReceiver;
  const endpoints = '/v1/webhook-endpoints';
  const key = (name: string): CallOptions => ({ headers: { 'Idempotency-Key': name } });
  const request = (more: object = {}): object => ({ amount: 50, phone: freshPhone(), reference: 'INV-1', ...more });

  before(async () => {
    app = await buildGateway();
    watching = await startReceiver();
    failing = await startReceiver(answers.status(500, {}, 'no'));
  });
  after(async () => {
    await app.close();
    await Promise.all([watching.close(), failing.close()]);
  });

  it('payments: made, paid, failed, cancelled, retried, asked about, listed', async () => {
    const body = request({ phone: '0708374149', metadata: { order_id: '7' } });
    const made = await ask(app, 'createPayment', '/v1/payments', { ...key('one'), body });
    expect(made.headers.get('Location')).to.equal(`/v1/payments/${made.body.id}`);
    await app.until(made.body.id, 'pending');
    await ask(app, 'checkPayment', `/v1/payments/${made.body.id}/check`);
    await app.advance(10_000);
    const paid = await app.until(made.body.id, 'succeeded');
    const replay = await ask(app, 'createPayment', '/v1/payments', { ...key('one'), body });
    expect(replay.headers.get('Idempotency-Replayed')).to.equal('true');
    await ask(app, 'createPayment', '/v1/payments', { ...key('one'), body: { ...body, amount: 51 } });
    await ask(app, 'createPayment', '/v1/payments', { ...key('two'), body });
    await ask(app, 'getPayment', `/v1/payments/${paid.id}`);
    await ask(app, 'getReceipt', `/v1/receipts/${paid.mpesa_receipt.toLowerCase()}`);
    await ask(app, 'streamPayment', `/v1/payments/${paid.id}/stream`);
    await ask(app, 'cancelPayment', `/v1/payments/${paid.id}/cancel`);
    await ask(app, 'checkPayment', `/v1/payments/${paid.id}/check`);
    await ask(app, 'retryPayment', `/v1/payments/${paid.id}/retry`, key('three'));

    const timeline = await ask(app, 'getTimeline', `/v1/payments/${paid.id}/timeline`);
    expect(new Set(timeline.body.data.map(({ kind }: { kind: string }) => kind))).to.deep.equal(
      new Set(['transition', 'evidence']),
    );

    // Nobody sweeps here, so a payment of a paused shortcode stays queued until it is cancelled.
    const { core } = app.gateway;
    await core.db('shortcodes').where({ id: app.tenant.shortcodeId }).update({ status: 'paused' });
    await app.advance(2000);
    const held = await ask(app, 'createPayment', '/v1/payments', { ...key('four'), body: request() });
    await ask(app, 'cancelPayment', `/v1/payments/${held.body.id}/cancel`, { body: {} });
    await core.db('shortcodes').where({ id: app.tenant.shortcodeId }).update({ status: 'active' });
    await app.advance(2000);
    const again = await ask(app, 'retryPayment', `/v1/payments/${held.body.id}/retry`, {
      ...key('five'),
      body: { expires_in: 600 },
    });
    expect(again.body.retry_of).to.equal(held.body.id);
    await ask(app, 'retryPayment', `/v1/payments/${held.body.id}/retry`, { ...key('five'), body: { expires_in: 700 } });
    await ask(app, 'retryPayment', `/v1/payments/${held.body.id}/retry`, key('six'));

    const list = await ask(app, 'listPayments', '/v1/payments?limit=1&created_after=2026-01-01T00:00:00Z');
    expect(list.body.has_more).to.equal(true);
    await ask(app, 'listPayments', `/v1/payments?status=succeeded&status=failed&cursor=${list.body.next_cursor}`);
  });

  it('payments whose failure is told', async () => {
    const made = await ask(app, 'createPayment', '/v1/payments', {
      ...key('poor'),
      body: request({ phone: '254708374149', amount: 61, reference: 'POOR' }),
    });
    await app.until(made.body.id, 'pending');
    const { core } = app.gateway;
    const stored = await core.db('payments').where({ id: made.body.id }).first();
    const token = callbackToken(core.dataKeys.callbacks, made.body.id);
    const result = {
      MerchantRequestID: stored.merchant_request_id,
      CheckoutRequestID: stored.checkout_request_id,
      ResultCode: 1,
      ResultDesc: 'The balance is insufficient for the transaction.',
    };
    await ask(app, 'takeStkCallback', `/callbacks/stk/${made.body.id}/${token}`, {
      body: { Body: { stkCallback: result } },
    });
    await ask(app, 'takeStkCallback', `/callbacks/stk/${made.body.id}/wrong`, { body: {} });
    await ask(app, 'takeStkCallback', `/callbacks/stk/${made.body.id}/${token}`, {
      body: JSON.stringify('x'.repeat(70_000)),
    });
    const failed = await ask(app, 'getPayment', `/v1/payments/${made.body.id}`);
    expect(failed.body.failure).to.include({ code: 'insufficient_funds', provider_code: '1' });
  });

  it('C2B: a confirmation, a validation', async () => {
    const token = c2bToken(app.gateway.core.dataKeys.callbacks, app.tenant.shortcodeId);
    for (const [id, name] of [
      ['takeC2bConfirmation', 'confirmation'],
      ['takeC2bValidation', 'validation'],
    ] as const) {
      const path = `/callbacks/c2b/${token}/${name}`;
      await ask(app, id, path, { body: { TransID: 'UJ68K3W0QZ' } });
      await ask(app, id, path.replace(token, 'wrong'), { body: {} });
      await ask(app, id, path, { body: JSON.stringify('x'.repeat(70_000)) });
    }
  });

  it('webhook endpoints: made, listed, changed, paused, enabled, their secrets rotated, tried', async () => {
    const made = await ask(app, 'createWebhookEndpoint', endpoints, { body: { url: watching.url } });
    const path = `${endpoints}/${made.body.id}`;
    expect(made.headers.get('Location')).to.equal(path);
    expect(made.body.secret).to.be.a('string');
    await ask(app, 'createWebhookEndpoint', endpoints, { body: { url: 'ftp://nowhere', types: ['all'] } });
    await ask(app, 'createWebhookEndpoint', endpoints, {
      body: { url: failing.url, types: ['payment.cancelled'], description: 'broken' },
    });
    const list = await ask(app, 'listWebhookEndpoints', `${endpoints}?limit=1`);
    await ask(app, 'listWebhookEndpoints', `${endpoints}?cursor=${list.body.next_cursor}`);
    await ask(app, 'getWebhookEndpoint', path);
    await ask(app, 'changeWebhookEndpoint', path, { body: { status: 'paused', description: null } });
    await ask(app, 'changeWebhookEndpoint', path, { body: { url: 'ftp://nowhere' } });
    await ask(app, 'testWebhookEndpoint', `${path}/test`);
    const enabled = await ask(app, 'enableWebhookEndpoint', `${path}/enable`);
    expect(enabled.body.released).to.equal(1);
    expect((await ask(app, 'enableWebhookEndpoint', `${path}/enable`)).body).to.not.have.property('released');
    const rotated = await ask(app, 'rotateWebhookSecret', `${path}/rotate-secret`, { body: { overlap_seconds: 0 } });
    expect(rotated.body.secret).to.be.a('string').and.not.equal(made.body.secret);
    await app.advance(0);
    const tried = await ask(app, 'listDeliveries', `${path}/deliveries?status=delivered&limit=1`);
    await ask(app, 'getEvent', `/v1/events/${tried.body.data[0].event}`);
  });

  it('deliveries: sent, failed, read with their attempts, sent again, replayed', async () => {
    await app.advance(1000);
    const since = new Date(app.clock.now());
    const phone = freshPhone();
    app.simulator.control.setOutcome({ phone, code: '1032' });
    await app.until((await app.pay({ phone })).body.id, 'pending');
    await app.advance(5000);
    for (const wait of [0, 5000, 30_000, 120_000]) await app.advance(wait);
    await app.advance(0);
    const [broken, healthy] = (await app.call(endpoints)).body.data;
    const list = await ask(app, 'listDeliveries', `${endpoints}/${broken.id}/deliveries?status=pending`);
    const pending = await ask(app, 'getDelivery', `/v1/deliveries/${list.body.data[0].id}`);
    expect(pending.body).to.include({ last_error: 'server_error', last_status_code: 500 });
    expect(pending.body.attempts).to.not.have.length(0);
    await ask(app, 'retryDelivery', `/v1/deliveries/${pending.body.id}/retry`);
    failing.answerWith(answers.status(410));
    await app.advance(0);
    expect((await ask(app, 'getWebhookEndpoint', `${endpoints}/${broken.id}`)).body.disabled_reason).to.equal('gone');
    await app.advance(0);
    const all = await ask(app, 'listDeliveries', `${endpoints}/${healthy.id}/deliveries?limit=2`);
    await ask(app, 'listDeliveries', `${endpoints}/${healthy.id}/deliveries?cursor=${all.body.next_cursor}`);
    const { body } = await ask(app, 'getDelivery', `/v1/deliveries/${all.body.data[0].id}`);
    expect(body.status).to.equal('delivered');
    await ask(app, 'retryDelivery', `/v1/deliveries/${body.id}/retry`, { body: {} });
    const window = { since, until: new Date(app.clock.now()) };
    const replay = { body: { ...window, only: 'all', types: ['payment.cancelled'] } };
    expect((await ask(app, 'replayWebhooks', `${endpoints}/${healthy.id}/replay`, replay)).body.count).to.equal(1);
    for (let minute = 1; minute <= 5; minute += 1) {
      const other = { since: new Date(since.getTime() - minute * 60_000), until: since, only: 'all' };
      await ask(app, 'replayWebhooks', `${endpoints}/${healthy.id}/replay`, { body: other });
    }
    await ask(app, 'cancelReplays', `${endpoints}/${healthy.id}/replay`);
    await ask(app, 'deleteWebhookEndpoint', `${endpoints}/${broken.id}`);
    await ask(app, 'retryDelivery', `/v1/deliveries/${pending.body.id}/retry`);
    await ask(app, 'getDelivery', `/v1/deliveries/${pending.body.id}`);
    await app.advance(0);
  });

  it('webhooks: each body sent is the one described for its type, and no secret is in it', () => {
    const types = watching.requests.map(({ body }) => {
      const { type } = JSON.parse(body) as { type: keyof typeof webhookBodies };
      expect(webhookBodies[type].safeParse(JSON.parse(body)).error, body).to.equal(undefined);
      expect(body).to.not.contain('whsec_');
      return type;
    });
    expect(types).to.include.members([
      'ping',
      'payment.pending',
      'webhook_endpoint.failing',
      'webhook_endpoint.disabled',
    ]);
  });

  it('events about endpoints, and one whose body was removed', async () => {
    const { core } = app.gateway;
    const list = await ask(app, 'listEvents', '/v1/events?type=webhook_endpoint.disabled');
    expect(list.body.data).to.have.length(1);
    expect(await emptyBodies(core.db, core.sealer, [list.body.data[0].id])).to.equal(1);
    const emptied = await ask(app, 'getEvent', `/v1/events/${list.body.data[0].id}`);
    expect(emptied.body.data).to.equal(null);
    await ask(app, 'listEvents', '/v1/events?type=webhook_endpoint.failing&type=webhook_endpoint.disabled');
  });

  it('one webhook endpoint too many', async () => {
    const { key } = await app.addTenant();
    for (let made = 0; made <= mostEndpoints; made += 1)
      await ask(app, 'createWebhookEndpoint', endpoints, { key, body: { url: `${watching.url}/${made}` } });
  });

  it('events, the account, shortcodes, and the health of the server', async () => {
    const events = await ask(app, 'listEvents', '/v1/events?type=payment.succeeded');
    await ask(app, 'getEvent', `/v1/events/${events.body.data[0].id}`);
    await ask(app, 'getAccount', '/v1/account');
    await ask(app, 'listShortcodes', '/v1/shortcodes');
    await ask(app, 'getDailyReport', '/v1/reports/daily?date=2026-10-06');
    await ask(app, 'getLiveness', '/healthz');
    await ask(app, 'getMetrics', '/metrics');
    expect((await ask(app, 'getReadiness', '/readyz')).status).to.equal(503);
    await app.gateway.core
      .db('workers')
      .insert({ id: 'w', host: 'h', version: '0', started_at: app.clock.now(), seen_at: app.clock.now() });
    expect((await ask(app, 'getReadiness', '/readyz')).status).to.equal(200);
  });

  it('refusals that come before any work', async () => {
    const payment = (await app.pay()).body.id;
    const [{ id: endpoint }] = (await app.call(endpoints)).body.data;
    const [{ id: delivery }] = (await app.call(`${endpoints}/${endpoint}/deliveries`)).body.data;
    const idIn = (path: string): string => {
      if (path.startsWith(endpoints)) return endpoint;
      return path.startsWith('/v1/deliveries') ? delivery : payment;
    };
    for (const { id, path, scope, body, query, problems } of operations) {
      if (scope === 'public') continue;
      const address = path.replace('{id}', idIn(path)).replace('{receipt}', 'UJ68K3W0QZ');
      await ask(app, id, address, { key: '' });
      const poor = await app.addTenant({ scopes: scope === 'reports:read' ? ['links:write'] : ['reports:read'] });
      const answer = await ask(app, id, address, { key: poor.key });
      if (scope !== null)
        expect(answer.body).to.include({ code: 'scope_missing' }).and.property('detail').contains(scope);
      if (problems.includes('not_found'))
        await ask(app, id, path.replace(/\{\w+\}/, 'pay_00000000000000000000000000'), {
          ...key('absent'),
          ...(body === undefined ? {} : { body: body.example }),
        });
      if (query !== undefined) await ask(app, id, `${address}?colour=blue`);
      if (problems.includes('malformed_json')) {
        await ask(app, id, address, { ...key('m'), body: '{"amount":' });
        await ask(app, id, address, { ...key('m'), body: `"${'x'.repeat(66_000)}"` });
        await ask(app, id, address, { body: '{}', headers: { 'Idempotency-Key': 'm', 'Content-Type': 'text/plain' } });
        await ask(app, id, address, { ...key('m'), body: { colour: 'blue' } });
      }
      if (body !== undefined) await ask(app, id, address);
    }
  });

  it('has seen every answer and every refusal that an operation declares as its own', () => {
    const declared = operations.flatMap(({ id, answers, problems }) => [
      ...answers.map(({ status }) => `${id} ${status}`),
      ...problems.map((code) => `${id} ${code}`),
    ]);
    // They need a configured list; test/integration/mpesa.
    const elsewhere = ['takeStkCallback', 'takeC2bConfirmation', 'takeC2bValidation'].map(
      (id) => `${id} address_refused`,
    );
    expect(declared.filter((one) => !seen.has(one) && !elsewhere.includes(one))).to.deep.equal([]);
  });
});

describe('GET /openapi.json and /docs', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  it('answers the description as JSON, for scripts of any origin', async () => {
    const answer = await app.call('/openapi.json', { key: '' });
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('Access-Control-Allow-Origin')).to.equal('*');
    expect(answer.body.openapi).to.equal('3.1.1');
  });

  it('answers the page and its style under the strict policy, and 304 to who has them', async () => {
    const page = await app.call('/docs', { key: '' });
    expect(page.headers.get('Content-Type')).to.equal('text/html; charset=utf-8');
    const policy = page.headers.get('Content-Security-Policy') ?? '';
    expect(policy).to.contain("default-src 'none'").and.contain("style-src 'self'").and.not.contain('unsafe');
    const href = /<link rel="stylesheet" href="([^"]+)"/.exec(page.text)![1]!;
    const style = await app.call(href, { key: '' });
    expect(style.headers.get('Content-Type')).to.equal('text/css; charset=utf-8');
    expect(style.headers.get('Cache-Control')).to.contain('immutable');
    const known = await app.call('/docs', {
      key: '',
      headers: { 'If-None-Match': page.headers.get('ETag')!, 'Cache-Control': 'max-age=0' },
    });
    expect(known.status).to.equal(304);
  });
});
