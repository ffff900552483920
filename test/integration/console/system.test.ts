// The System page: workers, queues, the spool, versions, migrations and the checks of the configuration; for operators of
// all tenants. And the page for what does not exist.

import { expect } from 'chai';
import { version } from '../../../src/platform/version.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';

describe('the System page', () => {
  let app: TestGateway;
  let operator: Visitor;
  before(async () => {
    app = await buildGateway();
    operator = await signedIn(app, { role: 'viewer' });
  });
  after(() => app.close());

  const page = async (): Promise<string> => (await operator.get('/console/system')).html;

  const railOf = (html: string): string => /<nav class="rail"[\s\S]*?<\/nav>/.exec(html)![0];

  it('says that nobody works, and who does', async () => {
    expect(await page()).to.contain('No worker is alive');
    const heartbeat = createHeartbeat(app.gateway.core.db, app.gateway.core.now);
    await heartbeat.beat();
    expect(await page())
      .to.contain('Working')
      .and.not.contain('No worker is alive');
    app.clock.set(app.clock.now() + 60_000);
    expect(await page())
      .to.contain('Silent')
      .and.contain('60\u00a0s ago');
    await heartbeat.end();
  });

  it('names the versions of everything it stands on', async () => {
    const html = await page();
    expect(html).to.contain(version).and.contain(process.versions.node);
    expect(html).to.match(isProductionProfile ? /(MariaDB|MySQL) \d+\.\d+/ : /SQLite 3\./);
    expect(html).to.match(isProductionProfile ? /<dt>Redis<\/dt><dd>\d+\.\d+/ : /none: one process/);
  });

  it('says what is due and since when', async () => {
    const due = async (what: string): Promise<string> =>
      new RegExp(`${what}</th><td class="num">([^<]*)</td><td class="num">([^<]*)<`)
        .exec(await page())!
        .slice(1)
        .join(' ');
    expect(await due('Payments to look at')).to.equal('0 –');
    const { body } = await app.pay();
    await app.until(body.id, 'pending');
    const dueAt = app.clock.now() - 300_000;
    await app.gateway.core.db('payments').where({ id: body.id }).update({ due_at: dueAt });
    expect(await due('Payments to look at')).to.equal('1 5\u00a0min');
  });

  it('checks the configuration without asking Safaricom, and what is migrated', async () => {
    const html = await page();
    for (const what of ['Configuration', 'Data folder', 'Database', 'Migrations', 'Master key', 'Callback URL'])
      expect(html, what).to.contain(what);
    expect(html).to.contain('001_tenants').and.contain('009_callback_list');
    const { databaseUrl } = app.config;
    const secret = isProductionProfile ? databaseUrl : app.gateway.core.masterKeys[0]!.toString('base64');
    expect(html).not.to.contain(secret);
  });

  it('is not for operators of one tenant, and not in their navigation', async () => {
    const own = await signedIn(app, { role: 'owner', tenantId: app.tenant.id });
    const { status, html } = await own.get('/console/system');
    expect(status).to.equal(403);
    expect(html).to.contain('operators of all tenants');
    expect(railOf(html)).not.to.contain('href="/console/system');
    const rail = railOf((await operator.get('/console')).html);
    expect(rail).to.contain('href="/console/system').and.not.contain('href="/console/operators');
  });

  it('answers what does not exist with a page, behind the door as in front of it', async () => {
    for (const path of ['/console/nothing', '/console/keys/x/y/z']) {
      const inside = await operator.get(path);
      expect(inside.status, path).to.equal(404);
      expect(inside.headers.get('content-type')).to.contain('text/html');
      expect(inside.html).to.contain('There is nothing here').and.contain('id="rail"');
      const outside = await fetch(app.url + path);
      expect(outside.status, path).to.equal(404);
      expect(await outside.text())
        .to.contain('There is nothing here')
        .and.not.contain('id="rail"');
    }
    const posted = await operator.post('/console/nothing');
    expect(posted.status).to.equal(404);
  });
});
