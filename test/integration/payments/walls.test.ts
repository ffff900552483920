// Promise 7 on the API: what belongs to another tenant, or to the other mode of the same one, does not exist. The
// refusals are compared byte for byte, with the request's own id as the only thing that differs.

import { expect } from 'chai';
import { newId } from '../../../src/platform/ids.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { addKey, beginPausedStory, endPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

interface Owned {
  payment: string;
  receipt: string;
  event: string;
}

/** Every route that names an object, and how it is called. */
const routes: readonly { what: string; method: string; path(owned: Owned): string }[] = [
  { what: 'GET a payment', method: 'GET', path: ({ payment }) => `/v1/payments/${payment}` },
  { what: 'GET a payment and wait', method: 'GET', path: ({ payment }) => `/v1/payments/${payment}?wait=5` },
  { what: 'GET a timeline', method: 'GET', path: ({ payment }) => `/v1/payments/${payment}/timeline` },
  { what: 'GET a stream', method: 'GET', path: ({ payment }) => `/v1/payments/${payment}/stream` },
  { what: 'POST cancel', method: 'POST', path: ({ payment }) => `/v1/payments/${payment}/cancel` },
  { what: 'POST retry', method: 'POST', path: ({ payment }) => `/v1/payments/${payment}/retry` },
  { what: 'POST check', method: 'POST', path: ({ payment }) => `/v1/payments/${payment}/check` },
  { what: 'GET a receipt', method: 'GET', path: ({ receipt }) => `/v1/receipts/${receipt}` },
  { what: 'GET an event', method: 'GET', path: ({ event }) => `/v1/events/${event}` },
];

const listRoutes = ['/v1/payments', '/v1/events', '/v1/shortcodes', '/v1/account'];

describe('the walls between tenants and modes', () => {
  let app: TestGateway;
  let owner: Story;
  let stranger: Story;
  let owned: Owned;
  let otherModeKey: string;
  before(async () => {
    app = await buildGateway();
    owner = await beginStory(app);
    stranger = await beginStory(app);
    const paid = await endPayment(app, owner, '0');
    const { body: events } = await owner.call('/v1/events');
    owned = { payment: paid.id, receipt: paid.mpesa_receipt, event: events.data[0].id };
    otherModeKey = (await addKey(app, owner.tenant, { mode: 'live' })).key;
  });
  after(() => app.close());

  for (const { what, method, path } of routes) {
    it(`${what}: another tenant's, the other mode's, a missing and an impossible id are the very same 404`, async () => {
      const headers = { 'Request-Id': 'same-for-all', 'Idempotency-Key': 'walls' };
      const missing: Owned = { payment: newId('pay'), receipt: 'UJ6MISSING', event: newId('evt') };
      const impossible: Owned = { payment: 'x', receipt: 'x'.repeat(300), event: '%00' };
      const answers = await Promise.all([
        stranger.call(path(owned), { method, headers }),
        app.call(path(owned), { method, headers, key: otherModeKey }),
        stranger.call(path(missing), { method, headers }),
        stranger.call(path(impossible), { method, headers }),
      ]);
      expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404, 404]);
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      expect(answers[0]!.body).to.include({ code: 'not_found', request_id: 'same-for-all' });
      for (const id of Object.values(owned)) expect(answers[0]!.text).to.not.include(id);
    });
  }

  it('a stranger’s lists are empty, and so are the other mode’s', async () => {
    for (const path of ['/v1/payments', '/v1/events', `/v1/payments?receipt=${owned.receipt}`]) {
      expect((await stranger.call(path)).body, path).to.deep.equal({
        object: 'list',
        data: [],
        has_more: false,
        next_cursor: null,
      });
      expect((await app.call(path, { key: otherModeKey })).body.data, path).to.deep.equal([]);
      expect((await owner.call(path)).body.data, path).to.not.have.length(0);
    }
  });

  it('an Idempotency-Key is a tenant’s and a mode’s own: the same name elsewhere is another key', async () => {
    const headers = { 'Idempotency-Key': 'shared-name' };
    const live = await beginPausedStory(app, 'live');
    const made = await Promise.all([owner, stranger, live].map((story) => story.pay({ amount: 41 }, { headers })));
    expect(new Set(made.map(({ id }) => id)).size).to.equal(3);
  });

  it('the duplicate window is a tenant’s own', async () => {
    const body = { phone: '254712999001', amount: 42 };
    await owner.pay(body);
    await stranger.pay(body);
    expect((await app.pay(body, { key: owner.tenant.key })).status).to.equal(409);
  });

  it('a shortcode of another tenant is refused like one that does not exist', async () => {
    const live = await beginPausedStory(app, 'live');
    const foreign = (await live.call('/v1/shortcodes')).body.data[0].shortcode;
    const headers = { 'Request-Id': 'same' };
    const [theirs, nobodys] = await Promise.all(
      [foreign, '999999'].map((shortcode) => app.pay({ shortcode }, { key: stranger.tenant.key, headers })),
    );
    expect(theirs!.status).to.equal(400);
    expect(theirs!.body.errors[0]).to.include({ pointer: '/shortcode' });
    expect(theirs!.text).to.equal(nobodys!.text);
  });

  it('every route refuses a missing, false, or foreign credential with the very same 401', async () => {
    const { key } = owner.tenant;
    const credentials = [
      undefined,
      'Bearer',
      `Basic ${Buffer.from(key).toString('base64')}`,
      `Bearer ${key.slice(0, -1)}`,
      `Bearer ${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`,
      `Bearer ${key.replace('lango_test', 'lango_live')}`,
      `Bearer ${key}x`,
      key,
    ];
    const paths = [
      ...routes.map(({ method, path }) => ({ method, path: path(owned) })),
      ...listRoutes.map((path) => ({ method: 'GET', path })),
      { method: 'POST', path: '/v1/payments' },
    ];
    for (const { method, path } of paths) {
      const answers = await Promise.all(
        credentials.map((authorization) =>
          app.call(path, {
            method,
            key: '',
            headers: { 'Request-Id': 'same', ...(authorization === undefined ? {} : { Authorization: authorization }) },
          }),
        ),
      );
      expect(new Set(answers.map(({ status }) => status)), path).to.deep.equal(new Set([401]));
      expect(new Set(answers.map(({ text }) => text)).size, path).to.equal(1);
      expect(answers[0]!.body, path).to.include({ code: 'unauthenticated' });
      expect(answers[0]!.headers.get('WWW-Authenticate'), path).to.equal('Bearer');
    }
  });
});
