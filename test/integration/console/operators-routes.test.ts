// Every route of the console times every role. The routes come from the router itself and each must be classified here:
// a new one that nobody thought about fails this test.

import { Readable } from 'node:stream';
import { expect } from 'chai';
import { may, operatorRoles, type Permission, stepUpPermissions } from '../../../src/console/permissions.ts';
import { findShortcodeAcrossTenants } from '../../../src/mpesa/shortcode-store.ts';
import { requestApproval } from '../../../src/platform/approvals.ts';
import { previewStatement } from '../../../src/reconciliation/preview-statement.ts';
import { keepBooks } from '../../support/books-stage.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { type ConsoleRoute, consoleRoutes, openSession, type TestSession } from '../../support/console-routes.ts';
import { sendCallback, silentPhone, tellStory } from '../../support/payment-story.ts';

/** `door`: for who is not signed in yet. `asset`: for everybody. Otherwise what a session must be allowed to do. */
type Kind = 'asset' | 'door' | Permission;

const kinds: Readonly<Record<string, Kind>> = {
  'GET /console/assets/:name': 'asset',
  'GET /console/sign-in': 'door',
  'POST /console/sign-in': 'door',
  'GET /console/sign-in/code': 'door',
  'POST /console/sign-in/code': 'door',
  'GET /console/enrol': 'door',
  'GET /console/enrol/qr.svg': 'door',
  'POST /console/enrol': 'door',
  'GET /console/welcome/:token': 'door',
  'POST /console/welcome/:token': 'door',
  'POST /console/sign-out': 'door',
  'GET /console/*path': 'door',
  'POST /console/*path': 'door',
  'GET /console/step-up': 'view',
  'POST /console/step-up': 'view',
  'POST /console/theme': 'view',
  'GET /console': 'view',
  'GET /console/live': 'view',
  'GET /console/attention': 'view',
  'POST /console/attention/preview': 'act',
  'POST /console/attention/act': 'act',
  'GET /console/payments': 'view',
  'GET /console/payments.csv': 'view',
  'GET /console/payments/:id': 'view',
  'POST /console/payments/:id/check': 'act',
  'POST /console/payments/:id/cancel': 'act',
  'POST /console/payments/:id/retry': 'act',
  'POST /console/payments/:id/webhooks': 'act',
  'POST /console/payments/:id/webhooks/:delivery': 'act',
  'GET /console/payments/:id/phone': 'revealPhone',
  'POST /console/payments/:id/phone': 'revealPhone',
  'GET /console/payments/:id/resolve': 'settle',
  'POST /console/payments/:id/resolve': 'settle',
  'GET /console/approvals/:id': 'view',
  'POST /console/approvals/:id/approve': 'settle',
  'POST /console/approvals/:id/reject': 'settle',
  'GET /console/reconciliation': 'view',
  'GET /console/reconciliation/days/:id/:day': 'view',
  'POST /console/reconciliation/days/:id/:day/run': 'act',
  'GET /console/reconciliation/lines': 'view',
  'GET /console/reconciliation/lines.csv': 'view',
  'GET /console/reconciliation/lines/:id': 'view',
  'GET /console/reconciliation/lines/:id/link': 'settle',
  'POST /console/reconciliation/lines/:id/link': 'settle',
  'GET /console/reconciliation/discrepancies': 'view',
  'GET /console/reconciliation/discrepancies/bulk': 'act',
  'POST /console/reconciliation/discrepancies/bulk': 'act',
  'GET /console/reconciliation/discrepancies/bulk-settle': 'settle',
  'POST /console/reconciliation/discrepancies/bulk-settle': 'settle',
  'GET /console/reconciliation/discrepancies/:id': 'view',
  'POST /console/reconciliation/discrepancies/:id/act': 'act',
  'GET /console/reconciliation/discrepancies/:id/settle': 'settle',
  'POST /console/reconciliation/discrepancies/:id/settle': 'settle',
  'GET /console/reconciliation/suggested': 'view',
  'GET /console/reconciliation/suggested/confirm': 'settle',
  'POST /console/reconciliation/suggested/confirm': 'settle',
  'GET /console/reconciliation/closes': 'view',
  'GET /console/reconciliation/closes/new': 'settle',
  'POST /console/reconciliation/closes': 'settle',
  'POST /console/reconciliation/closes/approvals/:id/approve': 'settle',
  'POST /console/reconciliation/closes/approvals/:id/reject': 'settle',
  'GET /console/reconciliation/closes/:id': 'view',
  'GET /console/reconciliation/closes/:id/csv': 'view',
  'GET /console/webhooks': 'view',
  'GET /console/webhooks/:id': 'view',
  'POST /console/webhooks/:id/test': 'act',
  'POST /console/webhooks/:id/enable': 'act',
  'POST /console/webhooks/:id/pause': 'act',
  'POST /console/webhooks/:id/replay': 'act',
  'POST /console/webhooks/:id/rotate': 'secrets',
  'GET /console/deliveries/:id': 'view',
  'POST /console/deliveries/:id/retry': 'act',
  'GET /console/reconciliation/imports': 'view',
  'POST /console/reconciliation/imports': 'act',
  'GET /console/reconciliation/imports/:id': 'view',
  'POST /console/reconciliation/imports/:id/commit': 'act',
  'POST /console/reconciliation/imports/:id/discard': 'act',
  'GET /console/callbacks': 'view',
  'GET /console/callbacks/:id': 'view',
  'GET /console/tenants': 'view',
  'GET /console/tenants/new': 'setUp',
  'POST /console/tenants': 'setUp',
  'GET /console/tenants/:id': 'view',
  'POST /console/tenants/:id/rename': 'setUp',
  'POST /console/tenants/:id/status': 'setUp',
  'GET /console/shortcodes': 'view',
  'GET /console/shortcodes/new': 'secrets',
  'POST /console/shortcodes': 'secrets',
  'GET /console/shortcodes/:id': 'view',
  'POST /console/shortcodes/:id/status': 'act',
  'POST /console/shortcodes/:id/test': 'act',
  'GET /console/shortcodes/:id/sources': 'view',
  'POST /console/shortcodes/:id/sources/c2b': 'setUp',
  'POST /console/shortcodes/:id/sources/pull': 'setUp',
  'GET /console/shortcodes/:id/credentials': 'secrets',
  'POST /console/shortcodes/:id/credentials': 'secrets',
  'GET /console/keys': 'view',
  'GET /console/keys/new': 'secrets',
  'POST /console/keys': 'secrets',
  'GET /console/keys/:id': 'view',
  'GET /console/keys/:id/roll': 'secrets',
  'POST /console/keys/:id/roll': 'secrets',
  'GET /console/keys/:id/revoke': 'secrets',
  'POST /console/keys/:id/revoke': 'secrets',
  'GET /console/operators': 'people',
  'GET /console/operators/new': 'people',
  'POST /console/operators': 'people',
  'GET /console/operators/:id': 'people',
  'POST /console/operators/:id': 'people',
  'POST /console/operators/:id/sessions': 'people',
  'GET /console/operators/:id/link': 'people',
  'POST /console/operators/:id/link': 'people',
  'GET /console/me': 'view',
  'POST /console/me/sessions': 'view',
  'POST /console/me/password': 'view',
  'POST /console/me/recovery-codes': 'view',
  'GET /console/audit': 'view',
  'GET /console/audit.csv': 'view',
  'GET /console/system': 'view',
};

/** Refused to operators of one tenant, whatever their role. */
const forAllTenantsOnly = new Set([
  'GET /console/tenants/new',
  'POST /console/tenants',
  'POST /console/tenants/:id/status',
  'GET /console/system',
]);

describe('every route of the console', function () {
  this.timeout(120_000);
  let app: TestGateway;
  let other: TestTenant;
  let routes: ConsoleRoute[];
  let ids: Record<string, string>;
  before(async () => {
    app = await buildGateway();
    other = await app.addTenant({ shortcode: '654321' });
    routes = consoleRoutes(app);
    ids = await idsOf(other);
  });
  after(() => app.close());

  /** Something of a tenant's for each kind of page, by how its path begins. */
  async function idsOf(tenant: TestTenant): Promise<Record<string, string>> {
    const story = tellStory(app, tenant);
    const payment = await story.pay({ phone: silentPhone(app) });
    await story.until(payment.id, 'pending');
    await sendCallback(app, payment.phone, { resultCode: '1032' });
    const { db } = app.gateway.core;
    const evidence = await db('evidence').where({ tenant_id: tenant.id, source: 'callback' }).first('id');
    const { operator } = await openSession(app, { role: 'viewer', tenantId: tenant.id });
    const endpoint = await story.call('/v1/webhook-endpoints', { body: { url: 'https://shop.example.co.ke/hook' } });
    const ping = await story.call(`/v1/webhook-endpoints/${endpoint.body.id}/test`, { method: 'POST' });
    return {
      '/console/tenants/': tenant.id,
      '/console/shortcodes/': tenant.shortcodeId,
      '/console/keys/': tenant.keyId,
      '/console/operators/': operator.id,
      '/console/callbacks/': evidence.id,
      '/console/payments/': payment.id,
      '/console/approvals/': await anApproval(tenant, payment.id),
      ...(await closesOf(tenant)),
      '/console/webhooks/': endpoint.body.id,
      '/console/deliveries/': ping.body.id,
      '/console/reconciliation/imports/': await aStatement(tenant),
      '/console/welcome/': 'none',
      '/console/assets/': 'console.css',
      '/console/': 'nothing',
    };
  }

  /** A day that is closed, and one that waits for a second person. */
  async function closesOf(tenant: TestTenant): Promise<Record<string, string>> {
    const books = await keepBooks(app, tenant);
    const { close } = await books.close('2026-10-04');
    await books.line({ at: '2026-10-05 09:00:00', receipt: 'UJ1' });
    const asked = await books.ask('2026-10-05', 'An orphan.');
    const waiting = asked.outcome === 'asked' ? asked.approval.id : asked.outcome;
    const line = await app.gateway.core.db('statement_lines').where({ tenant_id: tenant.id }).first('id');
    return {
      '/console/reconciliation/closes/': close.id,
      '/console/reconciliation/closes/approvals/': waiting,
      '/console/reconciliation/days/': tenant.shortcodeId,
      '/console/reconciliation/lines/': line.id,
      '/console/reconciliation/discrepancies/': await books.discrepancy('orphan_receipt', '2026-10-05', 10_000),
    };
  }

  async function aStatement(tenant: TestTenant): Promise<string> {
    const { core } = app.gateway;
    const shortcode = await findShortcodeAcrossTenants(core.db, tenant.shortcodeId);
    const head = 'Receipt No,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance';
    const bytes = Readable.from([Buffer.from(`${head}\n`)]);
    const upload = { shortcode: shortcode!, fileName: 'statement.csv', bytes, createdBy: 'cli' };
    return (await previewStatement(core, upload)).statement.id;
  }

  async function anApproval(tenant: TestTenant, subject: string): Promise<string> {
    const { db, sealer, now, dataKeys } = app.gateway.core;
    const deps = { db, sealer, now, auditKey: dataKeys.audit, needsTwoPersons: true };
    const what = { kind: 'payment.resolve', tenantId: tenant.id, mode: 'test', subject, stateKey: '1' };
    const why = { payload: { to: 'failed' }, reasonCode: 'other', reason: 'Looked at the statement.' };
    const by = { actor: { id: 'opr_somebody', name: 'somebody' }, ip: null };
    const { approval } = await requestApproval(deps, by, { ...what, ...why }, async () => null);
    return approval.id;
  }

  /** The id in the place of the first parameter; whatever comes after it is made up. */
  const withId = (path: string, id: string): string => path.replace(/:[a-z]+|\*path/i, id).replace(/:[a-z]+/gi, 'none');

  function pathOf({ path }: ConsoleRoute): string {
    if (!/[:*]/.test(path)) return path;
    const [begin] = path.split(/[:*]/);
    const id = ids[begin!];
    expect(id, `${path}: add an id to idsOf`).to.be.a('string');
    return withId(path, id!);
  }

  const kindOf = ({ name }: ConsoleRoute): Kind => kinds[name]!;
  const guarded = (): [ConsoleRoute, Permission][] =>
    routes.flatMap((route): [ConsoleRoute, Permission][] => {
      const kind = kindOf(route);
      return kind === 'asset' || kind === 'door' ? [] : [[route, kind]];
    });
  const inTest = (path: string): string => `${path}?mode=test`;

  it('is classified', () => {
    expect(routes.filter(({ name }) => kinds[name] === undefined).map(({ name }) => name)).to.deep.equal([]);
    expect(Object.keys(kinds).filter((name) => !routes.some((route) => route.name === name))).to.deep.equal([]);
  });

  it('leads who is not signed in to the door', async () => {
    for (const [route] of guarded()) {
      const response = await fetch(app.url + pathOf(route), { method: route.method, redirect: 'manual' });
      const where = response.headers.get('location') ?? '';
      await response.body?.cancel();
      if (route.method === 'POST') expect(response.status, route.name).to.equal(401);
      else expect(where, route.name).to.match(/^\/console\/sign-in\?next=/);
    }
  });

  it('leads who has given only the password to the second step', async () => {
    const half = await openSession(app, { role: 'owner', stage: 'password' });
    for (const [route] of guarded()) {
      const { status, location } = await half.ask(route, pathOf(route));
      if (route.method === 'POST') expect(status, route.name).to.equal(401);
      else expect(location, route.name).to.match(/^\/console\/sign-in\/code\?next=/);
    }
  });

  for (const role of operatorRoles)
    for (const scope of ['all tenants', 'one tenant'] as const)
      it(`lets a role do what it may: ${role}, ${scope}`, async () => {
        const tenantId = scope === 'one tenant' ? other.id : null;
        for (const [route, permission] of guarded()) {
          const session = await openSession(app, { role, tenantId });
          const { status, location } = await session.ask(route, inTest(pathOf(route)));
          const isAllowed = may(role, permission) && (tenantId === null || !forAllTenantsOnly.has(route.name));
          const said = `${route.name} answered ${status} ${location}`;
          if (!isAllowed) expect(status, said).to.equal(403);
          else {
            expect([200, 302, 400, 401, 404], said).to.include(status);
            if (status === 401) expect(route.name, said).to.equal('POST /console/step-up');
            expect(location, said).not.to.match(/sign-in|step-up/);
          }
        }
      });

  it('asks for a fresh code where it must, and nowhere else', async () => {
    const stale = await openSession(app, { role: 'owner', steppedUpAgoMs: 11 * 60_000 });
    for (const [route, permission] of guarded().filter(([{ method }]) => method === 'GET')) {
      const { location } = await stale.ask(route, inTest(pathOf(route)));
      const asks = location.startsWith('/console/step-up?next=');
      expect(asks, route.name).to.equal(stepUpPermissions.has(permission));
    }
    for (const [route, permission] of guarded().filter(([{ method }]) => method === 'POST')) {
      if (!stepUpPermissions.has(permission)) continue;
      expect((await stale.ask(route, inTest(pathOf(route)))).status, route.name).to.equal(401);
    }
  });

  it('takes a form only from a page of ours, with the token of the session, and changes nothing otherwise', async () => {
    const { db } = app.gateway.core;
    const seq = async (): Promise<number> => Number((await db('audit_head').first('seq')).seq);
    const before = await seq();
    const forms = routes.filter(({ method, name }) => method === 'POST' && !name.endsWith('*path'));
    const { formToken } = await openSession(app, { role: 'owner' });
    const sent = [
      { why: 'no token', change: { token: '' } },
      { why: 'the token of another session', change: { token: formToken } },
      { why: 'another token', change: { token: 'x'.repeat(32) } },
      { why: 'another site', change: { headers: { origin: 'https://evil.example' } } },
      {
        why: 'a sandboxed frame of another site',
        change: { headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } },
      },
      { why: 'no origin at all', change: { headers: {} as Record<string, string> } },
    ];
    for (const route of forms)
      for (const { why, change } of sent) {
        const stage = /sign-in\/code|enrol/.test(route.path) ? 'password' : 'full';
        const session = await openSession(app, { role: 'owner', stage });
        const { status } = await session.ask(route, inTest(pathOf(route)), change);
        expect(status, `${route.name}, ${why}`).to.equal(403);
      }
    expect(await seq()).to.equal(before);
  });

  it('does nothing for a GET of what is only ever a form', async () => {
    const { db } = app.gateway.core;
    const seq = async (): Promise<number> => Number((await db('audit_head').first('seq')).seq);
    const session = await openSession(app, { role: 'owner' });
    const before = await seq();
    const pages = new Set(routes.filter(({ method }) => method === 'GET').map(({ path }) => path));
    for (const route of routes.filter(({ method, path }) => method === 'POST' && !pages.has(path))) {
      const path = `${inTest(pathOf(route))}&_token=${session.formToken}&act=take`;
      const { status } = await session.ask({ method: 'GET' }, path);
      expect(status, route.name).to.equal(404);
    }
    expect(await seq()).to.equal(before);
  });

  it('takes a form from Chromium, which sends the origin `null` under a strict referrer policy', async () => {
    const session = await openSession(app, { role: 'owner' });
    const headers = { origin: 'null', 'sec-fetch-site': 'same-origin' };
    const fields = { theme: 'dark', back: '/console/me' };
    const { location } = await session.ask({ method: 'POST' }, '/console/theme', { headers, fields });
    expect(location).to.equal('/console/me');
  });

  it('answers 404 for what is another tenant’s, as for what does not exist', async () => {
    const stranger = await openSession(app, { role: 'owner', tenantId: app.tenant.id });
    for (const [route] of guarded().filter(([{ path }]) => path.includes(':'))) {
      if (forAllTenantsOnly.has(route.name)) continue;
      const theirs = await stranger.ask(route, inTest(pathOf(route)));
      const nobodys = await stranger.ask(route, inTest(withId(route.path, 'none_0')));
      expect(theirs.status, route.name).to.equal(404);
      expect(withoutRequest(theirs.html, pathOf(route))).to.equal(
        withoutRequest(nobodys.html, withId(route.path, 'none_0')),
      );
    }
    for (const [route] of guarded().filter(([{ path, method }]) => !path.includes(':') && method === 'GET')) {
      if (forAllTenantsOnly.has(route.name) || route.path.startsWith('/console/step-up')) continue;
      const { status } = await stranger.ask(route, `${route.path}?mode=test&tenant=${other.id}`);
      expect(status, route.name).to.equal(404);
      await expectNothingOf(stranger, route);
    }
  });

  /** The same page but for the request's id and what the address itself says. */
  function withoutRequest(html: string | null, path: string): string {
    return (html ?? '')
      .replaceAll(path, 'PATH')
      .replace(/req_[0-9a-f]+/g, 'REQUEST')
      .replace(/\d\d:\d\d:\d\d/g, 'CLOCK');
  }

  async function expectNothingOf(stranger: TestSession, route: ConsoleRoute): Promise<void> {
    const { html } = await stranger.ask(route, inTest(route.path));
    for (const id of [
      other.id,
      other.keyId,
      other.shortcodeId,
      ids['/console/callbacks/']!,
      ids['/console/operators/']!,
    ])
      expect(html ?? '', route.name).not.to.contain(id);
  }
});
