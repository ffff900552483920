// People in the console: let in by a link that is shown once, changed, shut out, their sessions ended; and what everybody
// may do for themselves.

import { expect } from 'chai';
import { generateSync } from 'otplib';
import { forgetOldSessions } from '../../../src/console/manage-operators.ts';
import { findOperatorByEmail, listSessionsOf, updateOperator } from '../../../src/console/operator-store.ts';
import { hashPassword } from '../../../src/console/passwords.ts';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { openBrowser } from '../../support/console-browser.ts';
import { leadsTo, signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';

describe('operators in the console', () => {
  let app: TestGateway;
  let owner: Visitor;
  beforeEach(async () => {
    app = await buildGateway();
    owner = await signedIn(app, { role: 'owner' });
  });
  afterEach(() => app.close());

  const lastAct = async () => (await listAudit(app.gateway.core.db, { tenantId: null, limit: 1 }))[0]!;
  const find = async (email: string) =>
    (await findOperatorByEmail(app.gateway.core.db, app.gateway.core.sealer, email))!;
  const linkIn = ({ html }: Visit): string => /\/console\/welcome\/[\w-]+/.exec(html)?.[0] ?? '';
  const isIn = async (visitor: Visitor): Promise<boolean> => (await visitor.get('/console/me')).status === 200;

  it('lets somebody in by a link that is shown once, and is no secret of the audit log', async () => {
    const made = await owner.post('/console/operators', { email: 'Asha@Lango.example', role: 'viewer', tenant: '' });
    const link = linkIn(made);
    expect(link).to.match(/welcome\/[\w-]{32}$/);
    expect(made.headers.get('cache-control')).to.equal('no-store');
    const { id } = await find('asha@lango.example');
    for (const path of ['/console/operators', `/console/operators/${id}`, '/console/audit'])
      expect((await owner.get(path)).html).not.to.contain(link.slice(-32));
    const { db } = app.gateway.core;
    for (const table of ['audit_log', 'one_time_links', 'operators'])
      expect(JSON.stringify(await db(table))).not.to.contain(link.slice(-32));
    expect(await lastAct()).to.include({ action: 'operator.created', target: id, actor: owner.operator.id });
    const browser = openBrowser(app);
    await browser.get(link);
    expect((await browser.submit(link, { password: 'correct horse battery staple' })).status).to.equal(302);
    expect((await browser.get('/console/me')).html).to.contain('asha@lango.example');
    expect((await browser.get('/console/operators')).status, 'a viewer').to.equal(403);
  });

  it('refuses an address that is taken or is none, a role and a tenant that are none', async () => {
    const fields = { email: 'asha@lango.example', role: 'viewer', tenant: '' };
    await owner.post('/console/operators', fields);
    expect((await owner.post('/console/operators', fields)).html).to.contain('with this e-mail address already');
    expect((await owner.post('/console/operators', { ...fields, email: 'asha' })).status).to.equal(400);
    expect((await owner.post('/console/operators', { ...fields, email: 'b@x.example', role: 'root' })).status).to.equal(
      400,
    );
    expect((await owner.post('/console/operators', { ...fields, tenant: 'ten_none' })).status).to.equal(404);
  });

  it('changes what somebody may do, which ends what they have open', async () => {
    const person = await signedIn(app, { role: 'operator' });
    const path = `/console/operators/${person.operator.id}`;
    await owner.post(path, { role: 'viewer', tenant: app.tenant.id, status: 'active' });
    const act = await lastAct();
    expect(act).to.include({ action: 'operator.changed', target: person.operator.id });
    expect(act.before).to.deep.equal({ role: 'operator', tenant: null, status: 'active' });
    expect(act.after).to.deep.equal({ role: 'viewer', tenant: app.tenant.id, status: 'active' });
    expect(await isIn(person)).to.equal(false);
    await owner.post(path, { role: 'viewer', tenant: app.tenant.id, status: 'disabled' });
    expect((await find(person.operator.email)).status).to.equal('disabled');
  });

  it('keeps the last owner of all tenants, also from two who shut each other out at once', async () => {
    const alone = await owner.post(`/console/operators/${owner.operator.id}`, {
      role: 'viewer',
      tenant: '',
      status: 'active',
    });
    expect(alone.status).to.equal(400);
    expect(alone.html).to.contain('the last owner');
    const second = await signedIn(app, { role: 'owner' });
    const shutOut = (from: Visitor, whom: Visitor): Promise<Visit> =>
      from.post(`/console/operators/${whom.operator.id}`, { role: 'owner', tenant: '', status: 'disabled' });
    await Promise.all([shutOut(owner, second), shutOut(second, owner)]);
    const left = [await find(owner.operator.email), await find(second.operator.email)];
    expect(left.some(({ status }) => status === 'active')).to.equal(true);
  });

  it('ends one session, or all', async () => {
    const person = await signedIn(app, { role: 'operator' });
    const path = `/console/operators/${person.operator.id}`;
    expect((await owner.get(path)).html).to.contain(person.sessionId);
    await owner.post(`${path}/sessions`, { session: owner.sessionId });
    expect(await isIn(owner), 'another’s session by this path').to.equal(true);
    expect(await isIn(person)).to.equal(true);
    await owner.post(`${path}/sessions`, { session: person.sessionId });
    expect(await isIn(person)).to.equal(false);
    expect(await lastAct()).to.include({ action: 'operator.sessions_ended', target: person.operator.id });
  });

  it('makes a link for who lost password or phone, once, on the answer', async () => {
    const person = await signedIn(app, { role: 'operator' });
    const path = `/console/operators/${person.operator.id}/link`;
    expect(linkIn(await owner.get(path))).to.equal('');
    const link = linkIn(await owner.post(path));
    expect((await openBrowser(app).get(link)).status).to.equal(200);
    expect(await lastAct()).to.include({ action: 'operator.link_made', target: person.operator.id });
  });

  it('lets an owner of one tenant see and make only operators of that tenant', async () => {
    const local = await signedIn(app, { role: 'owner', tenantId: app.tenant.id });
    const other = await app.addTenant({ shortcode: '654321' });
    const { html } = await local.get('/console/operators');
    expect(html).to.contain(local.operator.email).and.not.contain(owner.operator.email);
    const make = (tenant: string): Promise<Visit> =>
      local.post('/console/operators', { email: `x${tenant.slice(-4)}@lango.example`, role: 'operator', tenant });
    expect((await make('')).status, 'all tenants').to.equal(404);
    expect((await make(other.id)).status).to.equal(404);
    expect((await make(app.tenant.id)).status).to.equal(200);
    const path = `/console/operators/${local.operator.id}`;
    expect((await local.post(path, { role: 'owner', tenant: '', status: 'active' })).status, 'himself').to.equal(404);
    expect((await local.post(`/console/operators/${owner.operator.id}/link`)).status).to.equal(404);
  });

  it('lets everybody end their own sessions, and only these', async () => {
    const viewer = await signedIn(app, { role: 'viewer' });
    await viewer.post('/console/me/sessions', { session: owner.sessionId });
    expect(await isIn(owner)).to.equal(true);
    const { core } = app.gateway;
    await core
      .db('sessions')
      .insert({ ...(await core.db('sessions').where({ id: viewer.sessionId }).first()), id: 'second' });
    expect((await viewer.get('/console/me')).html).to.contain('End all but this one');
    await viewer.post('/console/me/sessions', { session: '' });
    expect((await listSessionsOf(core.db, viewer.operator.id)).map(({ id }) => id)).to.deep.equal([viewer.sessionId]);
    expect(await lastAct()).to.include({ action: 'operator.sessions_ended', actor: viewer.operator.id });
  });

  it('lets everybody set up an authenticator, move it, and make new recovery codes, shown once', async () => {
    const made = await owner.post('/console/operators', { email: 'asha@lango.example', role: 'operator', tenant: '' });
    const browser = openBrowser(app);
    await browser.get(linkIn(made));
    await browser.submit(linkIn(made), { password: 'correct horse battery staple' });
    const enrol = async (): Promise<string[]> => {
      const { html } = await browser.get('/console/enrol');
      const secret = /<code[^>]*>([A-Z2-7 ]{20,})<\/code>/.exec(html)![1]!.replaceAll(' ', '');
      const code = generateSync({ secret, epoch: Math.floor(app.clock.now() / 1000) });
      const done = await browser.submit('/console/enrol', { code, next: '/console/me' });
      return [...done.html.matchAll(/<code>([a-z0-9]{5}-[a-z0-9]{5})<\/code>/g)].map((match) => match[1]!);
    };
    const first = await enrol();
    expect(first).to.have.length(10);
    app.clock.set(app.clock.now() + 60_000);
    const moved = await enrol();
    expect(moved).to.have.length(10).and.not.include(first[0]);
    await browser.get('/console/me');
    const { html } = await browser.submit('/console/me/recovery-codes');
    const renewed = [...html.matchAll(/<code>([a-z0-9]{5}-[a-z0-9]{5})<\/code>/g)].map((match) => match[1]!);
    expect(renewed).to.have.length(10).and.not.include(moved[0]);
    const log = JSON.stringify(await app.gateway.core.db('audit_log'));
    for (const code of [...first, ...moved, ...renewed]) expect(log).not.to.contain(code);
    expect(log).to.contain('operator.recovery_codes_renewed').and.contain('operator.authenticator_enrolled');
    app.clock.set(app.clock.now() + 11 * 60_000);
    await browser.get('/console/me');
    expect((await browser.submit('/console/me/recovery-codes')).location).to.match(/^\/console\/step-up/);
    expect((await browser.get('/console/enrol')).location).to.match(/^\/console\/step-up/);
  });

  it('lets everybody change their password, who knows the present one; other sessions and links end', async () => {
    const [old, next] = ['correct horse battery staple', 'a bright lamp above four doors'];
    const made = await owner.post('/console/operators', { email: 'asha@lango.example', role: 'viewer', tenant: '' });
    const here = openBrowser(app);
    await here.get(linkIn(made));
    await here.submit(linkIn(made), { password: old });
    const signIn = async (password: string) => {
      const browser = openBrowser(app);
      await browser.get('/console/sign-in');
      return {
        browser,
        status: (await browser.submit('/console/sign-in', { email: 'asha@lango.example', password })).status,
      };
    };
    const elsewhere = await signIn(old);
    expect(elsewhere.status).to.equal(302);
    const { id } = await find('asha@lango.example');
    const unused = linkIn(await owner.post(`/console/operators/${id}/link`));
    await here.get('/console/me');
    const change = (present: string, password: string) => here.submit('/console/me/password', { present, password });
    const wrong: [present: string, next: string, words: RegExp][] = [
      ['not this one', next, /This is not your present password/],
      [old, 'short', /at least 12 characters/],
      [old, 'asha and the lamp', /must not contain your e-mail/],
      [old, old, /Choose another one than the present/],
    ];
    for (const [present, password, words] of wrong) {
      const { status, html } = await change(present, password);
      expect(status).to.equal(400);
      expect(html).to.match(words).and.not.contain(`value="${present}"`);
    }
    expect((await elsewhere.browser.get('/console/me')).status, 'nothing has changed').to.equal(200);
    expect((await change(old, next)).location).to.equal('/console/me');
    expect((await here.get('/console/me')).html).to.contain('Your password is changed');
    expect((await elsewhere.browser.get('/console/me')).status).to.equal(302);
    expect((await openBrowser(app).get(unused)).status).to.equal(404);
    expect([(await signIn(old)).status, (await signIn(next)).status]).to.deep.equal([401, 302]);
    const [act] = await listAudit(app.gateway.core.db, {
      tenantId: null,
      action: 'operator.password_changed',
      limit: 1,
    });
    expect(act).to.include({ actor: id, target: id });
    const log = JSON.stringify(await app.gateway.core.db('audit_log'));
    for (const password of [old, next]) expect(log).not.to.contain(password);
  });

  it('asks for a fresh code before a password is changed, and bears few guesses of the present one', async () => {
    const stale = await signedIn(app, { role: 'viewer', steppedUpAgo: 11 * 60_000 });
    const fields = { present: 'x', password: 'a bright lamp above four doors' };
    expect(leadsTo(await stale.post('/console/me/password', fields))).to.match(/^\/console\/step-up\?next=/);
    const person = await find(owner.operator.email);
    const { db, sealer } = app.gateway.core;
    await updateOperator(db, sealer, { ...person, passwordHash: await hashPassword('correct horse battery staple') });
    const statuses: number[] = [];
    for (let n = 0; n < 11; n += 1) statuses.push((await owner.post('/console/me/password', fields)).status);
    expect(statuses).to.deep.equal([...Array(10).fill(400), 429]);
    const right = { ...fields, present: 'correct horse battery staple' };
    expect((await owner.post('/console/me/password', right)).status, 'even with the right one').to.equal(429);
  });

  it('forgets sessions that let nobody in any more, and no other', async () => {
    const { core } = app.gateway;
    const old = await signedIn(app, { role: 'viewer' });
    app.clock.set(app.clock.now() + 31 * 60_000);
    const fresh = await signedIn(app, { role: 'viewer' });
    expect(await forgetOldSessions(core)).to.equal(2);
    expect(await listSessionsOf(core.db, old.operator.id)).to.have.length(0);
    expect(await listSessionsOf(core.db, fresh.operator.id)).to.have.length(1);
  });
});
