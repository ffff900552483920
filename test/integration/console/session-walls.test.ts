// A session is one browser's and one operator's: what somebody planted beforehand is worth nothing afterwards, and what one
// session proved, or was given for its forms, is nothing to another one.

import { expect } from 'chai';
import { generateSync } from 'otplib';
import { createOperator } from '../../../src/console/manage-operators.ts';
import type { OperatorRole } from '../../../src/console/permissions.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { type Browser, openBrowser } from '../../support/console-browser.ts';
import { openSession } from '../../support/console-routes.ts';

const password = 'correct horse battery staple';
const minute = 60_000;

describe('sessions of the console', function () {
  this.timeout(60_000);
  let app: TestGateway;
  beforeEach(async () => {
    app = await buildGateway();
  });
  afterEach(() => app.close());

  async function person(name: string, role: OperatorRole = 'operator', hasPassword = true) {
    const { core } = app.gateway;
    const deps = { ...core, consoleKey: core.dataKeys.console, auditKey: core.dataKeys.audit };
    const email = `${name}@lango.example`;
    const by = { actor: { id: 'cli', name: 'test' }, ip: null };
    return createOperator(deps, by, { email, role, tenantId: null, password: hasPassword ? password : null });
  }

  async function signIn(browser: Browser, name: string): Promise<string> {
    await browser.get('/console/sign-in');
    const answer = await browser.submit('/console/sign-in', { email: `${name}@lango.example`, password });
    expect(answer.status, answer.html).to.equal(302);
    return browser.cookie('lango')!;
  }
  /** Whose pages a cookie opens; null where it opens none. */
  async function whose(token: string): Promise<string | null> {
    const browser = openBrowser(app);
    browser.setCookie('lango', token);
    const { status, html } = await browser.get('/console/me');
    return status === 200 ? (/([\w.]+)@lango\.example/.exec(html)?.[1] ?? '') : null;
  }

  it('who signs in over somebody else’s live session gets another one; the planted one stays whose it was', async () => {
    await person('mallory');
    await person('asha');
    const planted = await signIn(openBrowser(app), 'mallory');
    const victim = openBrowser(app);
    await victim.get('/console/sign-in');
    victim.setCookie('lango', planted);
    await victim.submit('/console/sign-in', { email: 'asha@lango.example', password });
    const own = victim.cookie('lango')!;
    expect(own).not.to.equal(planted);
    expect(await whose(own)).to.equal('asha');
    expect(await whose(planted)).to.equal('mallory');
  });

  it('a one-time link and an enrolment hand out a session of their own, and end what was there before', async () => {
    const { linkToken, operator } = await person('asha', 'operator', false);
    const browser = openBrowser(app);
    const planted = 'p'.repeat(43);
    browser.setCookie('lango', planted);
    const link = `/console/welcome/${linkToken}`;
    await browser.get(link);
    await browser.submit(link, { password });
    const first = browser.cookie('lango')!;
    expect([await whose(planted), await whose(first)]).to.deep.equal([null, 'asha']);
    const { html } = await browser.get('/console/enrol');
    const secret = /<code[^>]*>([A-Z2-7 ]{20,})<\/code>/.exec(html)![1]!.replaceAll(' ', '');
    const code = generateSync({ secret, epoch: Math.floor(app.clock.now() / 1000) });
    expect((await browser.submit('/console/enrol', { code })).status).to.equal(200);
    const second = browser.cookie('lango')!;
    expect([await whose(first), await whose(second)]).to.deep.equal([null, 'asha']);
    const { db } = app.gateway.core;
    expect(await db('sessions').where({ operator_id: operator.id })).to.have.length(1);
  });

  it('a session never becomes another operator’s, whatever is signed into beside it', async () => {
    await person('asha');
    await person('brian', 'viewer');
    const browser = openBrowser(app);
    const asha = await signIn(browser, 'asha');
    await browser.get('/console/me');
    await browser.submit('/console/sign-out');
    expect(browser.cookie('lango')).to.equal(undefined);
    expect(await whose(asha), 'signed out').to.equal(null);
    const brian = await signIn(browser, 'brian');
    expect(await whose(brian)).to.equal('brian');
    expect(await whose(asha)).to.equal(null);
  });

  it('a fresh code of one session opens nothing in another one of the same operator', async () => {
    const { operator } = await openSession(app, { role: 'owner', steppedUpAgoMs: 11 * minute });
    const { db } = app.gateway.core;
    const stale = await openSession(app, { role: 'owner', steppedUpAgoMs: 11 * minute });
    await db('sessions').where({ operator_id: stale.operator.id }).update({ operator_id: operator.id });
    const fresh = await openSession(app, { role: 'owner' });
    await db('sessions').where({ operator_id: fresh.operator.id }).update({ operator_id: operator.id });
    expect((await fresh.ask({ method: 'GET' }, '/console/operators')).status).to.equal(200);
    expect((await stale.ask({ method: 'GET' }, '/console/operators')).location).to.match(/^\/console\/step-up/);
  });

  it('the token of a form is one session’s: the door’s and another’s are refused, in the address and as JSON too', async () => {
    const [mine, theirs] = [await openSession(app, { role: 'owner' }), await openSession(app, { role: 'owner' })];
    const door = await openBrowser(app).get('/console/sign-in');
    const doorToken = /name="_token" value="([^"]+)"/.exec(door.html)![1]!;
    const post = (token: string, path = '/console/theme'): Promise<number> =>
      mine
        .ask({ method: 'POST' }, path, { token, fields: { theme: 'dark', back: '/console/me' } })
        .then(({ status }) => status);
    expect(await post(mine.formToken)).to.equal(302);
    for (const token of [theirs.formToken, doorToken, '', mine.formToken.slice(0, -1), `${mine.formToken}x`])
      expect(await post(token), token).to.equal(403);
    expect(await post('', `/console/theme?_token=${mine.formToken}`)).to.equal(403);
    const headers = { origin: app.url, 'content-type': 'application/json' };
    const sent = await mine.ask({ method: 'POST' }, '/console/theme', { headers, token: '' });
    expect(sent.status).to.equal(403);
  });

  it('cookies are out of reach of scripts and of other sites’ forms', async () => {
    await person('asha');
    const browser = openBrowser(app);
    const door = await browser.get('/console/sign-in');
    const signed = await browser.submit('/console/sign-in', { email: 'asha@lango.example', password });
    for (const { headers } of [door, signed])
      for (const line of headers.getSetCookie()) {
        expect(line).to.match(/; httponly/i);
        expect(line).to.match(/; samesite=(lax|strict)/i);
      }
  });
});
