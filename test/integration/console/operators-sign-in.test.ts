// Who gets in, how far, and for how long: the two steps of signing in, what a session is worth and when it ends, codes
// and links that work once, and the fresh code that secrets need.

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { generateSync } from 'otplib';
import {
  changeOperator,
  createOperator,
  createOwnerLink,
  createPasswordLink,
} from '../../../src/console/manage-operators.ts';
import { countOwners } from '../../../src/console/operator-store.ts';
import { enrolAuthenticator } from '../../../src/console/sign-in.ts';
import { newTotpSecret } from '../../../src/console/totp.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { type Browser, openBrowser, type Seen } from '../../support/console-browser.ts';

const password = 'correct horse battery staple';
const by = { actor: { id: 'cli', name: 'test' }, ip: null };
const minuteMs = 60_000;

function tellPeople(app: TestGateway) {
  const { core } = app.gateway;
  const { console: consoleKey, audit: auditKey } = core.dataKeys;
  const deps = { ...core, consoleKey, auditKey };
  const limiter = { limit: { points: 1, windowSeconds: 1 }, take: () => Promise.reject(new Error('not asked')) };
  const signInDeps = { ...deps, addressLimiter: limiter, accountLimiter: limiter, requiresTotp: false };
  return {
    deps,
    code: (secret: string): string => generateSync({ secret, epoch: Math.floor(app.clock.now() / 1000) }),
    wait: (ms: number): void => app.clock.set(app.clock.now() + ms),
    async person(role: string, { hasTotp = true } = {}) {
      const email = `${role}.${randomBytes(4).toString('hex')}@lango.example`;
      const { operator } = await createOperator(deps, by, { email, role, tenantId: null, password });
      if (!hasTotp) return { email, operator, secret: '', recoveryCodes: [] as string[] };
      const secret = newTotpSecret();
      const code = generateSync({ secret, epoch: Math.floor(app.clock.now() / 1000) });
      const enrolled = await enrolAuthenticator(signInDeps, operator.id, secret, code, { ip: '', userAgent: '' });
      app.clock.set(app.clock.now() + minuteMs);
      return { email, operator, secret, recoveryCodes: enrolled!.recoveryCodes };
    },
  };
}

async function typePassword(browser: Browser, email: string, given = password): Promise<Seen> {
  await browser.get('/console/sign-in');
  return browser.submit('/console/sign-in', { email, password: given, next: '/console/keys?mode=test' });
}

describe('signing in to the console', () => {
  let app: TestGateway;
  let people: ReturnType<typeof tellPeople>;
  beforeEach(async () => {
    app = await buildGateway();
    people = tellPeople(app);
  });
  afterEach(() => app.close());

  const isIn = async (browser: Browser): Promise<boolean> => (await browser.get('/console/me')).status === 200;

  async function signIn({ email, secret }: { email: string; secret: string }): Promise<Browser> {
    const browser = openBrowser(app);
    await typePassword(browser, email);
    await browser.get('/console/sign-in/code');
    const done = await browser.submit('/console/sign-in/code', { code: people.code(secret), next: '/console' });
    expect(done.status, done.html).to.equal(302);
    return browser;
  }

  it('takes the password, then the code, and leads to the page that was asked for', async () => {
    const { email, secret } = await people.person('owner');
    const browser = openBrowser(app);
    expect((await browser.get('/console/keys?mode=test')).location).to.match(/^\/console\/sign-in\?next=/);
    const half = await typePassword(browser, email);
    expect(half.location).to.match(/^\/console\/sign-in\/code\?next=/);
    expect((await browser.get('/console/keys')).location, 'half way').to.match(/^\/console\/sign-in\/code/);
    await browser.get(half.location);
    const done = await browser.submit('/console/sign-in/code', {
      code: people.code(secret),
      next: '/console/keys?mode=test',
    });
    expect(done.location).to.equal('/console/keys?mode=test');
    expect((await browser.get(done.location)).status).to.equal(200);
  });

  it('leads nowhere but into the console, whatever the form says', async () => {
    const { email } = await people.person('viewer', { hasTotp: false });
    for (const next of ['https://evil.example', '//evil.example', '/console\\evil', '/consolevil', '/v1/payments']) {
      const browser = openBrowser(app);
      await browser.get('/console/sign-in');
      expect((await browser.submit('/console/sign-in', { email, password, next })).location, next).to.equal('/console');
    }
  });

  it('hands out a new session at each step; one that was planted or is of the step before is worth nothing', async () => {
    const { email, secret } = await people.person('operator');
    const browser = openBrowser(app);
    const planted = randomBytes(32).toString('base64url');
    browser.setCookie('lango', planted);
    await typePassword(browser, email);
    const halfway = browser.cookie('lango')!;
    await browser.get('/console/sign-in/code');
    await browser.submit('/console/sign-in/code', { code: people.code(secret), next: '' });
    const full = browser.cookie('lango')!;
    expect(new Set([planted, halfway, full]).size).to.equal(3);
    expect(await isIn(browser)).to.equal(true);
    for (const old of [planted, halfway]) {
      const other = openBrowser(app);
      other.setCookie('lango', old);
      expect(await isIn(other)).to.equal(false);
    }
  });

  it('ends a session after 30 minutes without use, and after 12 hours in all', async () => {
    const person = await people.person('operator');
    const idle = await signIn(person);
    people.wait(29 * minuteMs);
    expect(await isIn(idle), 'after 29 min').to.equal(true);
    people.wait(31 * minuteMs);
    expect(await isIn(idle), 'idle for 31 min').to.equal(false);
    const busy = await signIn(person);
    for (let used = 0; used < 12 * 60 - 20; used += 20) {
      people.wait(20 * minuteMs);
      expect(await isIn(busy), `after ${used + 20} min of use`).to.equal(true);
    }
    people.wait(21 * minuteMs);
    expect(await isIn(busy), 'after 12 h').to.equal(false);
  });

  it('ends a session with the sign-out, and what is open when the operator is shut out', async () => {
    const person = await people.person('operator');
    const left = await signIn(person);
    await left.get('/console/me');
    const cookie = left.cookie('lango')!;
    expect((await left.submit('/console/sign-out')).location).to.equal('/console/sign-in');
    left.setCookie('lango', cookie);
    expect(await isIn(left)).to.equal(false);
    people.wait(minuteMs);
    const other = await signIn(person);
    await changeOperator(people.deps, by, person.operator.id, { status: 'disabled' });
    expect(await isIn(other)).to.equal(false);
  });

  it('says the same of an unknown address, a wrong password and a disabled account', async () => {
    const known = await people.person('viewer', { hasTotp: false });
    const disabled = await people.person('viewer', { hasTotp: false });
    await changeOperator(people.deps, by, disabled.operator.id, { status: 'disabled' });
    const answers = [];
    for (const [email, given] of [
      ['nobody.at.all@lango.example', password],
      [known.email, 'wrong horse battery staple'],
      [disabled.email, password],
    ] as const) {
      const { status, html } = await typePassword(openBrowser(app), email, given);
      answers.push(`${status} ${html.replaceAll(email, 'EMAIL').replace(/name="_token" value="[^"]+"/g, '')}`);
    }
    expect(new Set(answers).size).to.equal(1);
    expect(answers[0]).to.match(/^401 /).and.contain('The e-mail address or the password is wrong.');
  });

  it('refuses the eleventh try of an account, known or not, in the same words, even with the right password', async () => {
    const { email } = await people.person('viewer', { hasTotp: false });
    const answers = [];
    for (const account of [email, 'nobody.at.all@lango.example']) {
      for (let tries = 0; tries < 10; tries += 1)
        expect((await typePassword(openBrowser(app), account, 'wrong horse battery')).status).to.equal(401);
      const { status, html } = await typePassword(openBrowser(app), account);
      answers.push(`${status} ${/Too many tries[^<]*/.exec(html)?.[0]}`);
    }
    expect(answers[0]).to.match(/^429 Too many tries\. Wait \d+ min/);
    expect(answers[1]).to.equal(answers[0]);
  });

  it('takes a code once, and not a wrong or an old one', async () => {
    const { email, secret } = await people.person('operator');
    const code = people.code(secret);
    const [first, second] = [openBrowser(app), openBrowser(app)];
    for (const browser of [first, second]) {
      await typePassword(browser, email);
      await browser.get('/console/sign-in/code');
    }
    expect((await first.submit('/console/sign-in/code', { code, next: '' })).status).to.equal(302);
    for (const bad of [code, '000000', 'abcdef', '']) {
      const seen = await second.submit('/console/sign-in/code', { code: bad, next: '' });
      expect(seen.status, bad).to.equal(401);
    }
    people.wait(2 * minuteMs);
    const late = people.code(secret);
    people.wait(2 * minuteMs);
    expect((await second.submit('/console/sign-in/code', { code: late, next: '' })).status, 'two minutes old').to.equal(
      401,
    );
  });

  it('takes each recovery code once', async () => {
    const { email, recoveryCodes } = await people.person('operator');
    const use = async (code: string): Promise<number> => {
      const browser = openBrowser(app);
      await typePassword(browser, email);
      await browser.get('/console/sign-in/code');
      return (await browser.submit('/console/sign-in/code', { code, next: '' })).status;
    };
    expect(recoveryCodes).to.have.length(10);
    expect(await use(recoveryCodes[0]!)).to.equal(302);
    expect(await use(recoveryCodes[0]!)).to.equal(401);
    expect(await use(recoveryCodes[1]!.toUpperCase())).to.equal(302);
  });

  it('asks for a fresh code before secrets when the last one is ten minutes old', async () => {
    const person = await people.person('owner');
    const browser = await signIn(person);
    const path = '/console/keys/new?mode=test';
    expect((await browser.get(path)).status).to.equal(200);
    people.wait(11 * minuteMs);
    const asked = await browser.get(path);
    expect(asked.location).to.equal(`/console/step-up?next=${encodeURIComponent(path)}`);
    const blind = await browser.submit('/console/keys?mode=test', { tenant: app.tenant.id, name: 'x' });
    expect(blind.status, 'a form without it').to.equal(401);
    expect(blind.html).to.contain('fresh code');
    await browser.get(asked.location);
    expect((await browser.submit('/console/step-up', { code: '000000', next: path })).status).to.equal(401);
    const given = await browser.submit('/console/step-up', { code: people.code(person.secret), next: path });
    expect(given.location).to.equal(path);
    expect((await browser.get(path)).status).to.equal(200);
  });

  it('makes one owner by the first link, and none once there is one', async () => {
    const [token, spare] = [await createOwnerLink(people.deps, by), await createOwnerLink(people.deps, by)];
    const browser = openBrowser(app);
    expect((await browser.get(`/console/welcome/${token}`)).status).to.equal(200);
    const weak = await browser.submit(`/console/welcome/${token}`, { email: 'me@lango.example', password: 'short' });
    expect(weak.status).to.equal(400);
    const made = await browser.submit(`/console/welcome/${token}`, { email: 'Me@Lango.example', password });
    expect(made.status, made.html).to.equal(302);
    expect(await isIn(browser)).to.equal(true);
    expect((await openBrowser(app).get(`/console/welcome/${token}`)).status, 'used').to.equal(404);
    const late = openBrowser(app);
    await late.get(`/console/welcome/${spare}`);
    expect((await late.submit(`/console/welcome/${spare}`, { email: 'b@lango.example', password })).status).to.equal(
      404,
    );
    expect(await countOwners(app.gateway.core.db)).to.equal(1);
    expect(await createOwnerLink(people.deps, by)).to.equal(null);
  });

  it('sets a password by a link once, ends the older link and the sessions, and asks for a new authenticator', async () => {
    const person = await people.person('operator');
    const open = await signIn(person);
    const older = await createPasswordLink(people.deps, by, { email: person.email });
    const { linkToken } = await createPasswordLink(people.deps, by, { email: person.email });
    expect((await openBrowser(app).get(`/console/welcome/${older.linkToken}`)).status).to.equal(404);
    const browser = openBrowser(app);
    await browser.get(`/console/welcome/${linkToken}`);
    const set = await browser.submit(`/console/welcome/${linkToken}`, { password: 'another horse battery staple' });
    expect(set.status, set.html).to.equal(302);
    expect(await isIn(open)).to.equal(false);
    expect((await browser.submit(`/console/welcome/${linkToken}`, { password })).status).to.equal(404);
    expect((await typePassword(openBrowser(app), person.email)).status, 'the old password').to.equal(401);
    const late = await createPasswordLink(people.deps, by, { email: person.email });
    people.wait(3 * 24 * 60 * minuteMs + 1000);
    expect((await openBrowser(app).get(`/console/welcome/${late.linkToken}`)).status, 'three days later').to.equal(404);
  });

  it('in production, behind TLS, hands out cookies that only TLS carries and no other host can set', async () => {
    const publicUrl = 'https://pay.example.co.ke';
    const masterKey = randomBytes(32).toString('base64');
    const guarded = await buildGateway({
      env: { NODE_ENV: 'production', MASTER_KEY: masterKey, PUBLIC_URL: publicUrl },
    });
    try {
      const there = tellPeople(guarded);
      const { email } = await there.person('operator', { hasTotp: false });
      const viewer = await there.person('viewer', { hasTotp: false });
      const browser = openBrowser(guarded);
      const page = await browser.get('/console/sign-in');
      expect(page.status, page.html).to.equal(200);
      const signIn = (who: string) =>
        browser.submit('/console/sign-in', { email: who, password, next: '/console' }, { origin: publicUrl });
      const done = await signIn(email);
      const cookie = done.headers.getSetCookie().find((line) => line.startsWith('__Host-lango='))!;
      expect(cookie.toLowerCase()).to.contain('; path=/;').and.contain('; secure').and.contain('; httponly');
      expect(cookie.toLowerCase()).to.contain('; samesite=lax').and.not.contain('domain');
      expect(done.location, 'an operator needs an authenticator').to.match(/^\/console\/enrol/);
      expect((await browser.get('/console/keys')).location).to.match(/^\/console\/sign-in\/code/);
      expect((await browser.get('/console/sign-in/code')).location).to.equal('/console/enrol');
      await browser.get('/console/sign-in');
      expect((await signIn(viewer.email)).location, 'a viewer does not').to.equal('/console');
    } finally {
      await guarded.close();
    }
  });
});
