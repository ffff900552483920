// How often a key may call: the headers on every authenticated answer, and the 429 with its Retry-After.

import { expect } from 'chai';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { addKey } from '../../support/payment-states.ts';

const env = { RATE_LIMIT_PER_KEY: '5;w=60' };

describe('the rate limit of a key', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway({ env });
  });
  after(() => app.close());

  const freshKey = async (): Promise<string> => (await addKey(app, app.tenant)).key;

  it('is told on every authenticated answer, a refusal included', async () => {
    const key = await freshKey();
    const answers = [
      await app.call('/v1/account', { key }),
      await app.call('/v1/payments?limit=0', { key }),
      await app.call('/v1/payments/pay_x', { key }),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 400, 404]);
    for (const [index, { headers }] of answers.entries()) {
      expect(headers.get('RateLimit-Policy')).to.equal('"default";q=5;w=60');
      expect(headers.get('RateLimit')).to.match(new RegExp(`^"default";r=${4 - index};t=([1-9]|[1-5]\\d|60)$`));
    }
  });

  it('answers 429 with Retry-After once it is used up, and does nothing', async () => {
    const key = await freshKey();
    for (let request = 0; request < 5; request += 1)
      expect((await app.call('/v1/account', { key })).status).to.equal(200);
    const refused = await app.pay({ phone: '254721777001' }, { key });
    expect(refused.status).to.equal(429);
    expect(refused.body).to.include({ code: 'rate_limited', retryable: true });
    const seconds = Number(refused.headers.get('Retry-After'));
    expect(seconds).to.be.within(1, 60);
    expect(refused.body.retry_after).to.equal(seconds);
    expect(refused.headers.get('RateLimit')).to.match(/^"default";r=0;t=\d+$/);
    const { body } = await app.call('/v1/payments?phone=254721777001', { key: await freshKey() });
    expect(body.data).to.deep.equal([]);
  });

  it('of a key used up is not another key’s, and no unauthenticated request uses it', async () => {
    const key = await freshKey();
    for (let request = 0; request < 20; request += 1) await app.call('/v1/account', { key: `${key.slice(0, -1)}!` });
    expect((await app.call('/v1/account', { key })).headers.get('RateLimit')).to.match(/r=4;/);
    for (let request = 0; request < 6; request += 1) await app.call('/v1/account', { key });
    expect((await app.call('/v1/account', { key })).status).to.equal(429);
    expect((await app.call('/v1/account', { key: await freshKey() })).status).to.equal(200);
  });

  it('does not hold for callbacks and health', async () => {
    for (let request = 0; request < 8; request += 1) expect((await app.call('/healthz')).status).to.equal(200);
    expect((await app.call('/healthz')).headers.get('RateLimit')).to.equal(null);
  });

  // One Redis counts for all; SQLite serves one process.
  if (isProductionProfile) {
    it('is one limit for all servers together', async () => {
      const other = await buildGateway({ beside: app, env });
      try {
        const key = await freshKey();
        const statuses: number[] = [];
        for (let request = 0; request < 8; request += 1)
          statuses.push((await (request % 2 === 0 ? app : other).call('/v1/account', { key })).status);
        expect(statuses.filter((status) => status === 200)).to.have.length(5);
      } finally {
        await other.close();
      }
    });
  }
});
