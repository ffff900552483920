// Who may confirm and ask for validations: the token first, then the address list, which depends on the shortcode's
// environment, as for the results of pushes.

import { expect } from 'chai';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { c2bPath, confirmationBody, freshNumber, linesOf } from '../../support/feeds.ts';
import { idle } from '../../support/payment-story.ts';

const safaricom = '196.201.214.200';

describe('addresses of C2B confirmations', () => {
  let home: TestGateway;
  before(async () => {
    home = await buildGateway({ env: idle });
  });
  after(() => home.close());

  type Use = (
    call: (what: 'confirmation' | 'validation', forwardedFor?: string) => Promise<number>,
    app: TestGateway,
    tenant: TestTenant,
  ) => Promise<void>;

  async function withGateway(env: Record<string, string>, mode: 'test' | 'live', use: Use): Promise<void> {
    const app = await buildGateway({ beside: home, env });
    try {
      const number = freshNumber();
      const tenant = await app.addTenant({ mode, shortcode: number });
      const call = async (what: string, forwardedFor?: string): Promise<number> => {
        const headers: Record<string, string> = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor };
        const body = confirmationBody(app, { BusinessShortCode: number });
        const path = `${c2bPath(app, tenant.shortcodeId)}/${what}`;
        return (await app.call(path, { method: 'POST', key: '', body, headers })).status;
      };
      await use(call, app, tenant);
    } finally {
      await app.close();
    }
  }

  it('refuses an address that is not on the list with 403, and keeps nothing', () =>
    withGateway({ CALLBACK_ALLOWED_IPS: '10.1.2.3' }, 'test', async (call, app, tenant) => {
      expect([await call('confirmation'), await call('validation')]).to.deep.equal([403, 403]);
      expect(await linesOf(app, tenant)).to.deep.equal([]);
    }));

  it('takes an address of the list, and with none any address in test mode', async () => {
    for (const env of [{ CALLBACK_ALLOWED_IPS: '127.0.0.0/8' }, {}])
      await withGateway(env as Record<string, string>, 'test', async (call, app, tenant) => {
        expect([await call('confirmation'), await call('validation')]).to.deep.equal([200, 200]);
        expect(await linesOf(app, tenant)).to.have.length(1);
      });
  });

  it('takes only Safaricom’s addresses for a live shortcode when no list is set', () =>
    withGateway({ TRUSTED_PROXIES: '127.0.0.1' }, 'live', async (call, app, tenant) => {
      for (const what of ['confirmation', 'validation'] as const) {
        expect([await call(what), await call(what, '203.0.113.9')]).to.deep.equal([403, 403]);
        expect(await call(what, safaricom)).to.equal(200);
      }
      const lines = await linesOf(app, tenant);
      expect(lines.map(({ mode, environment }) => [mode, environment])).to.deep.equal([['live', 'production']]);
    }));
});
