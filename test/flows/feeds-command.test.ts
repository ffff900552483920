// `lango shortcodes show`, `register-c2b` and `register-pull` against the simulator: where confirmations arrive, what
// Safaricom said, what to do when it said no, and a line in the audit log for each.

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway, type TestTenant } from '../support/build-gateway.ts';
import { c2bPath, confirmationBody, freshNumber, linesOf } from '../support/feeds.ts';
import { type Ended, lango } from '../support/lango-command.ts';
import { idle } from '../support/payment-story.ts';

describe('the commands of a shortcode’s sources', function () {
  // Each command is a process of its own.
  this.timeout(180_000);
  let app: TestGateway;
  let tenant: TestTenant;
  let number: string;
  before(async () => {
    app = await buildGateway({ env: idle });
  });
  beforeEach(async () => {
    number = freshNumber();
    tenant = await app.addTenant({ shortcode: number });
  });
  afterEach(() => app.simulator.control.changeSettings({ reregisterUrls: true, pullKeys: 'joined' }));
  after(() => app.close());

  function run(...args: string[]): Promise<Ended> {
    const { databaseUrl, dataDir, darajaUrls, redisUrl, redisPrefix, publicUrl } = app.config;
    return lango(['shortcodes', ...args], {
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      MASTER_KEY: app.gateway.core.masterKeys.map((key) => key.toString('base64')).join(','),
      DARAJA_SIMULATOR_URL: darajaUrls.simulator,
      PUBLIC_URL: publicUrl,
      REDIS_KEY_PREFIX: redisPrefix,
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    });
  }

  async function answered(...args: string[]) {
    const ended = await run(...args, '--id', tenant.shortcodeId, '--json');
    expect(ended.status, ended.errors).to.equal(0);
    expect(ended.output.trim().split('\n')).to.have.length(1);
    return JSON.parse(ended.output);
  }

  const audited = async () => {
    const rows = await app.gateway.core.db('audit_log').where({ target: tenant.shortcodeId }).orderBy('seq');
    return rows.map(({ action, details }): [string, string] => [action, String(details)]);
  };

  it('show where confirmations arrive, and never the credentials; what is posted there is heard', async () => {
    const shown = await answered('show');
    const base = app.url + c2bPath(app, tenant.shortcodeId);
    expect(shown).to.include({
      id: tenant.shortcodeId,
      shortcode: number,
      confirmation_url: `${base}/confirmation`,
      validation_url: `${base}/validation`,
      c2b_registered_at: null,
      pull_registered_at: null,
    });
    const { credentials_fingerprint, ...rest } = shown;
    expect(credentials_fingerprint).to.be.a('string');
    expect(JSON.stringify(rest)).not.to.match(/secret|passkey/);
    const body = JSON.stringify(confirmationBody(app, { BusinessShortCode: number }));
    expect((await fetch(shown.confirmation_url, { method: 'POST', body })).status).to.equal(200);
    expect(await linesOf(app, tenant)).to.have.length(1);
    expect((await run('show', '--id', tenant.shortcodeId)).output).to.include(`${base}/validation`);
  });

  it('register C2B URLs once, and say what to do when Safaricom has some already', async () => {
    app.simulator.control.changeSettings({ reregisterUrls: false });
    const done = await answered('register-c2b');
    expect(done).to.include({ id: tenant.shortcodeId, outcome: 'registered' });
    const { record } = app.simulator.control;
    await record.payByHand({ shortcode: number, amount: 50, phone: freshPhone(), account: 'X' });
    const sent = app.simulator.ledger.confirmations.filter(({ shortcode }) => shortcode === number);
    expect(sent.map(({ url, status }) => [url, status])).to.deep.equal([[done.confirmation_url, 200]]);
    expect((await answered('show')).c2b_registered_at).to.be.a('string');

    const again = await run('register-c2b', '--id', tenant.shortcodeId, '--json');
    expect([again.status, again.output]).to.deep.equal([1, '']);
    expect(again.errors).to.match(/Self Service > URL Management/);
    expect(again.errors).to.match(/500\.003\.1001 Urls are already registered/);
    record.deleteUrls(number);
    expect((await answered('register-c2b', '--reason', 'moved to another host')).outcome).to.equal('registered');
    const entries = await audited();
    expect(entries.map(([action]) => action)).to.deep.equal([
      'shortcode.c2b_registered',
      'shortcode.c2b_refused',
      'shortcode.c2b_registered',
    ]);
    expect(entries.join('\n')).not.to.include(c2bPath(app, tenant.shortcodeId));
  });

  it('register for Pull, a second time too, and keep the number out of what is written down', async () => {
    const first = await answered('register-pull', '--phone', '0712 345 678');
    expect(first).to.deep.equal({ id: tenant.shortcodeId, outcome: 'registered' });
    app.simulator.control.changeSettings({ pullKeys: 'spaced' });
    const second = await answered('register-pull', '--phone', '254712345678');
    expect(second).to.deep.equal({ id: tenant.shortcodeId, outcome: 'already_registered' });
    expect((await answered('show')).pull_registered_at).to.be.a('string');
    expect(JSON.stringify(await audited())).not.to.include('712345678');
    const wrong = await run('register-pull', '--id', tenant.shortcodeId, '--phone', '12345');
    expect([wrong.status, wrong.output]).to.deep.equal([1, '']);
    expect(wrong.errors).to.match(/Kenyan number/);
  });
});
