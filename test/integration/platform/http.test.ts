// What holds for every address: how bodies are read and refused, the request's id, methods and paths that do not exist,
// and one shape for all errors (api.md, Conventions).

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';

describe('HTTP', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  const key = { 'Idempotency-Key': 'k' };
  const request = () => ({ amount: 10, phone: freshPhone(), reference: 'INV-1' });
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    app.call('/v1/payments', { method: 'POST', body, headers: { ...key, ...headers } });

  it('every error is application/problem+json with type, title, status, detail, code and the request’s id', async () => {
    const answers = await Promise.all([
      app.call('/nothing'),
      app.call('/v1/payments?limit=0'),
      app.call('/v1/account', { key: '' }),
      app.call('/v1/account', { method: 'PUT' }),
    ]);
    expect(answers.map(({ status }) => status)).to.deep.equal([404, 400, 401, 405]);
    for (const { status, headers, body } of answers) {
      expect(headers.get('Content-Type')).to.equal('application/problem+json; charset=utf-8');
      expect(body).to.include({ status, request_id: headers.get('Request-Id') });
      expect(body.type).to.equal(`/docs#${body.code}`);
      for (const text of [body.title, body.detail, body.code]) expect(text).to.be.a('string').and.not.equal('');
    }
  });

  it('a harmless Request-Id of the client is echoed on success and failure; any other is replaced', async () => {
    for (const path of ['/v1/account', '/nothing', '/healthz']) {
      expect((await app.call(path, { headers: { 'Request-Id': 'my_id-1' } })).headers.get('Request-Id'), path).to.equal(
        'my_id-1',
      );
      for (const bad of ['a b', 'x'.repeat(65), '<script>', 'a;b'])
        expect((await app.call(path, { headers: { 'Request-Id': bad } })).headers.get('Request-Id'), bad).to.match(
          /^req_[0-9a-f]{32}$/,
        );
    }
    const [one, two] = await Promise.all([app.call('/healthz'), app.call('/healthz')]);
    expect(one.headers.get('Request-Id')).to.not.equal(two.headers.get('Request-Id'));
  });

  it('a body over 64 KB is 413, one just under it is read', async () => {
    const padded = (bytes: number) => JSON.stringify({ ...request(), metadata: { k: 'v' } }).padEnd(bytes, ' ');
    expect((await post(padded(64 * 1024 + 1))).body).to.include({ status: 413, code: 'payload_too_large' });
    expect((await post(padded(64 * 1024), { 'Idempotency-Key': 'just-under' })).status).to.equal(201);
  });

  it('a body over 64 KB that does not say its length is 413, too', async () => {
    const chunk = new TextEncoder().encode(' '.repeat(16 * 1024));
    let chunks = 0;
    const stream = new ReadableStream({
      pull(controller) {
        chunks += 1;
        if (chunks > 8) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const headers = { Authorization: `Bearer ${app.tenant.key}`, 'Content-Type': 'application/json', ...key };
    const answer = await fetch(`${app.url}/v1/payments`, {
      method: 'POST',
      body: stream,
      headers,
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).to.equal(413);
    await answer.body?.cancel();
  });

  it('another content type is 415, with a charset JSON is still JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])
      expect((await post(JSON.stringify(request()), { 'Content-Type': type })).body, type).to.include({
        status: 415,
        code: 'unsupported_media_type',
      });
    expect(
      (
        await post(JSON.stringify(request()), {
          'Content-Type': 'Application/JSON; charset=utf-8',
          'Idempotency-Key': 'typed',
        })
      ).status,
    ).to.equal(201);
  });

  it('what is not JSON is 400 malformed_json', async () => {
    for (const body of ['{', '{"amount":1,}', "{'amount':1}", 'amount=1', '{"amount":1}{}'])
      expect((await post(body)).body, body).to.include({ status: 400, code: 'malformed_json' });
    const notUtf8 = await fetch(`${app.url}/v1/payments`, {
      method: 'POST',
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      headers: { Authorization: `Bearer ${app.tenant.key}`, 'Content-Type': 'application/json', ...key },
    });
    expect(await notUtf8.json()).to.include({ status: 400, code: 'malformed_json' });
  });

  it('all problems of a body are told at once, each with its pointer', async () => {
    const { status, body } = await post({ amount: 0, phone: '12', extra: 1, metadata: { 'a/b': 5 } });
    expect(status).to.equal(400);
    expect(body.code).to.equal('invalid_request');
    const told = body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`);
    expect(told).to.have.members([
      '/amount out_of_range',
      '/phone wrong_format',
      '/reference required',
      '/metadata/a~1b wrong_type',
      '/extra unknown_field',
    ]);
  });

  it('all problems of a query are told at once, each with its parameter', async () => {
    const { status, body } = await app.call('/v1/payments?limit=0&status=paid&status=x&page=2&created_after=yesterday');
    expect(status).to.equal(400);
    const told = body.errors.map(({ parameter, code }: { parameter: string; code: string }) => `${parameter} ${code}`);
    expect(told).to.have.members([
      'limit out_of_range',
      'status wrong_format',
      'status wrong_format',
      'page unknown_field',
      'created_after wrong_format',
    ]);
  });

  const methods: readonly [string, string, string[]][] = [
    ['/v1/payments', 'PUT', ['GET', 'POST']],
    ['/v1/payments/pay_x', 'DELETE', ['GET']],
    ['/v1/payments/pay_x/timeline', 'POST', ['GET']],
    ['/v1/payments/pay_x/stream', 'POST', ['GET']],
    ['/v1/payments/pay_x/cancel', 'GET', ['POST']],
    ['/v1/payments/pay_x/retry', 'GET', ['POST']],
    ['/v1/payments/pay_x/check', 'GET', ['POST']],
    ['/v1/receipts/x', 'POST', ['GET']],
    ['/v1/events', 'POST', ['GET']],
    ['/v1/events/evt_x', 'DELETE', ['GET']],
    ['/v1/account', 'PATCH', ['GET']],
    ['/v1/shortcodes', 'POST', ['GET']],
    ['/healthz', 'POST', ['GET']],
  ];
  for (const [path, method, allowed] of methods)
    it(`${method} ${path} is 405 and names ${allowed.join(' and ')} in Allow`, async () => {
      const { status, headers, body } = await app.call(path, { method });
      expect(status).to.equal(405);
      expect(body.code).to.equal('method_not_allowed');
      const named = headers
        .get('Allow')!
        .split(', ')
        .filter((one) => one !== 'HEAD');
      expect(named).to.have.members(allowed);
    });

  it('an address that does not exist is 404 in whatever method', async () => {
    for (const method of ['GET', 'POST', 'DELETE'])
      expect((await app.call('/v2/payments', { method })).body, method).to.include({ status: 404, code: 'not_found' });
  });

  it('HEAD answers as GET without a body', async () => {
    const { status, text, headers } = await app.call('/v1/account', { method: 'HEAD' });
    expect({ status, text }).to.deep.equal({ status: 200, text: '' });
    expect(headers.get('Content-Type')).to.match(/^application\/json/);
  });

  it('nothing may be framed, sniffed or told where it came from', async () => {
    const { headers } = await app.call('/v1/account');
    expect(headers.get('Content-Security-Policy')).to.include("default-src 'none'");
    expect(headers.get('X-Content-Type-Options')).to.equal('nosniff');
    expect(headers.get('Referrer-Policy')).to.equal('no-referrer');
    expect(headers.get('X-Powered-By')).to.equal(null);
  });
});
