// The page of a shortcode's own sources: what is registered, the forms that ask Safaricom, and what came to its address
// without being a line.

import { expect } from 'chai';
import { c2bToken } from '../../../src/mpesa/c2b-token.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { flashOf, signedIn, type Visitor } from '../../support/console-visitor.ts';
import { feedRow, freshNumber } from '../../support/feeds.ts';

describe('the sources of a shortcode in the console', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  let operator: Visitor;
  let path: string;
  before(async () => {
    app = await buildGateway();
    tenant = await app.addTenant({ shortcode: freshNumber() });
    operator = await signedIn(app);
    path = `/console/shortcodes/${tenant.shortcodeId}/sources`;
  });
  after(() => app.close());

  const said = async (at: string, fields: Record<string, string>): Promise<string> => {
    const answer = await operator.post(`${path}${at}?mode=test`, fields);
    expect(answer.status, answer.html).to.equal(302);
    return flashOf(answer);
  };
  const actions = async (): Promise<string[]> =>
    app.gateway.core.db('audit_log').where({ target: tenant.shortcodeId }).orderBy('seq').pluck('action');

  it('registers the URLs with a reason, which Safaricom takes once', async () => {
    app.simulator.control.changeSettings({ reregisterUrls: false });
    const unsaid = await operator.post(`${path}/c2b?mode=test`, { reason: '' });
    expect([unsaid.status, unsaid.html]).to.satisfy(
      ([status, html]: [number, string]) => status === 400 && /Write why/.test(html),
    );
    expect(await feedRow(app, tenant.shortcodeId)).to.equal(undefined);
    expect(await said('/c2b', { reason: 'Money comes without prompts' })).to.match(/sends the confirmations/);
    expect(Number((await feedRow(app, tenant.shortcodeId))?.c2b_registered_at)).to.equal(app.clock.now());
    expect(await said('/c2b', { reason: 'Once more' })).to.match(/URL Management/);
    expect(await actions()).to.deep.equal(['shortcode.c2b_registered', 'shortcode.c2b_refused']);
  });

  it('registers for Pull with the nominated number, and says what is wrong with one', async () => {
    const wrong = await operator.post(`${path}/pull?mode=test`, { phone: '12', reason: 'The net' });
    expect(wrong.status).to.equal(400);
    expect(wrong.html).to.contain('Give a Kenyan number');
    expect(await said('/pull', { phone: '0712345678', reason: 'The net' })).to.match(/is pulled from now on/);
    const { html } = await operator.get(`${path}?mode=test`);
    expect(html).not.to.contain('712345678').and.not.to.contain('/callbacks/c2b/');
  });

  it('shows what came and is no line, as text and without the customer’s number', async () => {
    const token = c2bToken(app.gateway.core.dataKeys.callbacks, tenant.shortcodeId);
    const body = { TransID: 'UJ68K3W0QZ', TransAmount: '150.00', TransTime: '20261006141552', MSISDN: '254712345678' };
    const named = { ...body, BusinessShortCode: '999999', BillRefNumber: '<xss-try>' };
    await app.call(`/callbacks/c2b/${token}/confirmation`, { key: '', body: named });
    await app.call(`/callbacks/c2b/${token}/confirmation`, { key: '', body: 'no JSON <xss-try>' });
    const { html } = await operator.get(`${path}?mode=test`);
    expect(html).to.contain('About another shortcode: 999999').and.contain('Could not be read');
    expect(html).to.contain('&lt;xss-try&gt;').and.not.contain('<xss-try>').and.not.contain('254712345678');
  });
});
