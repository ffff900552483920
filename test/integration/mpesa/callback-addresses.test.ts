// Who may call back (design.md section 8): the token first, then the address, which is the connection's own unless a
// proxy that we trust says otherwise.

import { expect } from 'chai';
import type { Logger } from '../../../src/platform/logger.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { callbackUrlOf, idle, type Story, taken, tellStory } from '../../support/payment-story.ts';

const safaricom = '196.201.214.200';

describe('addresses of callbacks', () => {
  let home: TestGateway;
  before(async () => {
    home = await buildGateway({ env: idle });
  });
  after(() => home.close());

  /** A gateway with these settings that takes production's pushes to the simulator as well. */
  async function withGateway(
    env: Record<string, string>,
    use: (app: TestGateway, story: Story, phone: string, id: string) => Promise<void>,
    mode: 'test' | 'live' = 'test',
    logger: Logger = silentLogger,
  ): Promise<void> {
    const app = await buildGateway({
      beside: home,
      logger,
      env: { DARAJA_PRODUCTION_URL: home.config.darajaUrls.simulator, ...env },
    });
    try {
      const shortcode = mode === 'live' ? String(600_000 + Math.floor(Math.random() * 99_999)) : '174379';
      const story = tellStory(app, await app.addTenant({ mode, shortcode }));
      const { id, phone } = await story.pay();
      await story.until(id, 'pending');
      await use(app, story, phone, id);
    } finally {
      await app.close();
    }
  }

  function callBack(app: TestGateway, phone: string, forwardedFor?: string): Promise<number> {
    const { merchantRequestId, checkoutRequestId } = taken(app, phone)[0]!;
    const stkCallback = {
      MerchantRequestID: merchantRequestId,
      CheckoutRequestID: checkoutRequestId,
      ResultCode: 1032,
      ResultDesc: 'Request cancelled by user',
    };
    const headers: Record<string, string> = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor };
    const body = JSON.stringify({ Body: { stkCallback } });
    return fetch(callbackUrlOf(app, phone), { method: 'POST', headers, body }).then(({ status }) => status);
  }

  it('refuses an address that is not on the list with 403, and nothing moves', () =>
    withGateway({ CALLBACK_ALLOWED_IPS: '10.1.2.3,192.0.2.0/24' }, async (app, story, phone, id) => {
      expect(await callBack(app, phone)).to.equal(403);
      expect((await story.read(id)).status).to.equal('pending');
      expect(await story.verdicts(id, 'callback')).to.deep.equal([]);
    }));

  it('takes an address of the list, named or within a CIDR', async () => {
    for (const list of ['127.0.0.1', '127.0.0.0/8', '::1,127.0.0.1'])
      await withGateway({ CALLBACK_ALLOWED_IPS: list }, async (app, story, phone, id) => {
        expect(await callBack(app, phone)).to.equal(200);
        expect((await story.read(id)).status).to.equal('cancelled');
      });
  });

  it('takes any address in mode `log`, and logs the one that is not on the list', () => {
    const logged: string[] = [];
    const logger = { ...silentLogger, warn: (event: string) => void logged.push(event) };
    const env = { CALLBACK_ALLOWED_IPS: '10.1.2.3', CALLBACK_IP_MODE: 'log' };
    return withGateway(
      env,
      async (app, story, phone, id) => {
        expect(await callBack(app, phone)).to.equal(200);
        expect((await story.read(id)).status).to.equal('cancelled');
        expect(logged).to.include('callback.unlisted_address');
      },
      'test',
      logger,
    );
  });

  it('takes any address for a test payment when no list is set', () =>
    withGateway({}, async (app, _story, phone) => {
      expect(await callBack(app, phone)).to.equal(200);
    }));

  it('takes only Safaricom’s addresses for a live payment when no list is set', () =>
    withGateway(
      { TRUSTED_PROXIES: '127.0.0.1' },
      async (app, story, phone, id) => {
        expect(await callBack(app, phone)).to.equal(403);
        expect(await callBack(app, phone, '203.0.113.9')).to.equal(403);
        expect((await story.read(id)).status).to.equal('pending');
        expect(await callBack(app, phone, safaricom)).to.equal(200);
        expect((await story.read(id)).status).to.equal('cancelled');
      },
      'live',
    ));

  it('believes X-Forwarded-For from nobody when no proxy is trusted', () =>
    withGateway(
      {},
      async (app, _story, phone) => {
        expect(await callBack(app, phone, safaricom)).to.equal(403);
      },
      'live',
    ));

  it('believes of X-Forwarded-For only what trusted proxies added, not what the caller wrote before it', () =>
    withGateway(
      { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' },
      async (app, _story, phone) => {
        expect(await callBack(app, phone, `${safaricom}, 203.0.113.9`)).to.equal(403);
        expect(await callBack(app, phone, `${safaricom}, 203.0.113.9, 10.0.0.7`)).to.equal(403);
        expect(await callBack(app, phone, 'nonsense')).to.equal(403);
        expect(await callBack(app, phone, `203.0.113.9, ${safaricom}, 10.0.0.7`)).to.equal(200);
      },
      'live',
    ));
});
