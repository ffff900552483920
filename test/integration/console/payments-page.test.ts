// One payment's page: whose it may be, what it says, what may be done with it and by whom, that nothing is done without
// a form of ours, and that what strangers wrote is only ever text.

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type AuditRow, listAudit, verifyAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest, type Story, sendCallback } from '../../support/payment-story.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const absent = 'pay_01kahq8z2pf0rs6w5v2r7r3d4e';

const textOf = (html: string): string =>
  html
    .slice(html.indexOf('<main'))
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#x27;/g, "'")
    .replace(/\s+/g, ' ');

/** Where the forms of the page's own part go to, without their query. */
function formsIn(html: string): string[] {
  const main = html.slice(html.indexOf('<main'));
  return [...main.matchAll(/<form[^>]* method="post" action="([^"?]+)/g)].map(([, action]) => action!);
}

describe('console: one payment', () => {
  let app: TestGateway;
  let story: Story;
  let visitor: Visitor;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    visitor = await signedIn(app);
  });
  after(() => app.close());

  const pathOf = (id: string, rest = ''): string => `/console/payments/${id}${rest}?mode=test`;
  const auditOf = (target: string): Promise<AuditRow[]> =>
    listAudit(app.gateway.core.db, { tenantId: null, target, limit: 50 });

  async function page(id: string, by: Visitor = visitor): Promise<string> {
    const visit = await by.get(pathOf(id));
    expect(visit.status, visit.html).to.equal(200);
    return visit.html;
  }

  /** The flash of an answer that leads back to the page. */
  function saidBy({ status, headers }: Visit): string {
    expect(status).to.equal(302);
    const cookie = /lango-flash=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1] ?? '';
    return JSON.parse(Buffer.from(cookie, 'base64url').toString('utf8')).text;
  }

  describe('whose it is', () => {
    it('another tenant’s is as absent as one that never was, for every address and act', async () => {
      const other = await beginStory(app);
      const theirs = await endPayment(app, other, '1');
      const mine = await signedIn(app, { tenantId: story.tenant.id });
      const [a, b] = [await mine.get(pathOf(theirs.id)), await mine.get(pathOf(absent))];
      expect([a.status, b.status]).to.deep.equal([404, 404]);
      const bare = ({ html }: Visit): string => textOf(html).replace(/req_\w+/, '');
      expect(bare(a)).to.equal(bare(b)).and.contain('There is no such payment, or it is not yours to see.');
      expect((await mine.get(pathOf(theirs.id, '/phone'))).status).to.equal(404);
      for (const act of ['check', 'retry', 'cancel', 'webhooks', `webhooks/whd_${'0'.repeat(26)}`, 'phone'])
        expect((await mine.post(pathOf(theirs.id, `/${act}`), { reason: 'because' })).status, act).to.equal(404);
      expect(await auditOf(theirs.id)).to.deep.equal([]);
      expect((await page(theirs.id)).length).to.be.greaterThan(0);
    });

    it('an address without a mode leads to the one with it; another tenant or mode leads to the list there', async () => {
      const paid = await endPayment(app, story, '0');
      const bare = await visitor.get(`/console/payments/${paid.id}`);
      expect([bare.status, bare.headers.get('location')]).to.deep.equal([302, pathOf(paid.id)]);
      const live = await visitor.get(`/console/payments/${paid.id}?mode=live`);
      expect([live.status, live.headers.get('location')]).to.deep.equal([302, '/console/payments?mode=live']);
      const elsewhere = await visitor.get(`/console/payments/${paid.id}?tenant=${app.tenant.id}&mode=test`);
      expect(elsewhere.headers.get('location')).to.equal(`/console/payments?tenant=${app.tenant.id}&mode=test`);
    });

    it('what is no id is absent', async () => {
      for (const id of ['x', 'pay_', encodeURIComponent("pay_' or 1=1"), `${absent}0`])
        expect((await visitor.get(pathOf(id))).status, id).to.equal(404);
    });
  });

  describe('what it says', () => {
    it('of a paid one: outcome and cause, receipt, timeline with the raw callback, and no number in full', async () => {
      const phone = freshPhone();
      const paid = await endPayment(app, story, '0', { phone, reference: 'SAY-1', amount: 4500 });
      const html = await page(paid.id);
      const text = textOf(html);
      expect(text).to.match(/Paid: confirmed in \d+ s by M-PESA’s callback/);
      expect(text).to.contain(paid.mpesa_receipt).and.contain('KES 4,500').and.contain('SAY-1');
      expect(text).to.contain('Sending').and.contain('M-PESA accepted the push').and.contain('proof of strength A');
      expect(text).to.contain('MpesaReceiptNumber').and.contain('Paid is final');
      expect(html).to.contain(`${phone.slice(0, 4)}*****${phone.slice(-3)}`);
      expect(html).not.to.contain(phone).and.not.contain(phone.slice(3)).and.not.contain(paid.checkout_request_id);
      expect(text).to.match(/ws_CO_\w+\*\*\*\d{3}/);
      expect(text).to.contain('a paid payment never changes');
    });

    it('of one that is not sure yet: what is not known, and when M-PESA is asked again', async () => {
      const pending = await pendingPayment(app, story);
      await move(app, 310_000);
      const text = textOf(await page(pending.id));
      expect(text).to.match(/Not sure yet: no clear answer from M-PESA for \d+ s/);
      expect(text)
        .to.contain('Whether the customer paid')
        .and.match(/M-PESA is asked at \d\d:\d\d:\d\d/);
      expect(text).to.contain('Asked M-PESA, 1st time').and.not.contain('Failed');
    });

    it('of one that came wrong: what came and what was asked for', async () => {
      const pending = await pendingPayment(app, story, { amount: 10_000 });
      await sendCallback(app, pending.phone, { amount: 1000 });
      await rest(app);
      const text = textOf(await page(pending.id));
      expect(text).to.contain('Needs review: KES 1,000 came, 10,000 was asked for').and.contain('other amount');
    });

    it('shows what strangers wrote as text and nothing else', async () => {
      const evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>';
      const pending = await pendingPayment(app, story, { metadata: { [evil.slice(0, 40)]: evil } });
      const { db } = app.gateway.core;
      await db('payments').where({ id: pending.id }).update({ reference: '<b>x</b>', description: '<i>d</i>' });
      await sendCallback(app, pending.phone, { body: JSON.stringify({ note: evil, [evil]: 1 }) });
      await sendCallback(app, pending.phone, { body: `${evil} is not JSON` });
      await rest(app);
      for (const html of [await page(pending.id), (await visitor.get('/console/payments?mode=test')).html]) {
        expect(html).not.to.match(/<script>alert|<img src=x|<b>x<\/b>|<i>d<\/i>/);
        expect(html).to.contain('&lt;b&gt;x&lt;/b&gt;');
      }
      expect(await page(pending.id))
        .to.contain('&lt;script&gt;alert(1)')
        .and.contain('cannot be read');
    });

    it('has nothing inline and nothing from elsewhere', async () => {
      const html = await page((await endPayment(app, story, '0')).id);
      expect(html).not.to.match(/ style=| on\w+="|<script(?! src="\/console\/assets)|href="http|src="http/);
    });
  });

  describe('what may be done', () => {
    it('is what is legal in its state, and one line says why the rest is not', async () => {
      const paused = await beginPausedStory(app);
      const cases: [what: string, id: string, acts: string[], why: RegExp][] = [
        ['queued', (await paused.pay()).id, ['cancel'], /nothing was sent yet/],
        ['pending', (await pendingPayment(app, story)).id, ['check'], /the prompt may be on the phone/],
        ['failed', (await endPayment(app, story, '1')).id, ['retry'], /it has its end/],
        ['cancelled', (await endPayment(app, story, '1032')).id, ['retry'], /it has its end/],
        ['succeeded', (await endPayment(app, story, '0')).id, [], /never changes/],
      ];
      for (const [what, id, acts, why] of cases) {
        const html = await page(id);
        expect(formsIn(html), what).to.deep.equal(acts.map((act) => `/console/payments/${id}/${act}`));
        expect(textOf(html), what).to.match(why);
        expect(html.match(/btn-primary/g)?.length ?? 0, what).to.be.at.most(1);
      }
    });

    it('cancel ends a queued payment, tells its tenant, and is audited with it', async () => {
      const paused = await beginPausedStory(app);
      const { id } = await paused.pay();
      const answer = await visitor.post(pathOf(id, '/cancel'));
      expect(answer.headers.get('location')).to.equal(pathOf(id));
      expect(saidBy(answer)).to.match(/Cancelled/);
      expect(await paused.read(id)).to.include({ status: 'cancelled' });
      expect(await paused.events(id)).to.deep.equal(['payment.cancelled']);
      const { db } = app.gateway.core;
      const transition = await db('payment_transitions').where({ payment_id: id }).first('actor');
      expect(transition.actor).to.equal(visitor.operator.id);
      const acts = await auditOf(id);
      expect(acts.map(({ action, actor, tenantId }) => ({ action, actor, tenantId }))).to.deep.equal([
        { action: 'payment.cancelled', actor: visitor.operator.id, tenantId: paused.tenant.id },
      ]);
      expect(textOf(await page(id))).to.contain(`${visitor.operator.email} cancelled it`);
    });

    it('cancel of what has moved on changes nothing, writes nothing down, and says so', async () => {
      const pending = await pendingPayment(app, story);
      expect(saidBy(await visitor.post(pathOf(pending.id, '/cancel')))).to.match(/still queued/);
      expect((await story.read(pending.id)).status).to.equal('pending');
      expect(await auditOf(pending.id)).to.deep.equal([]);
    });

    it('check has M-PESA asked at once, and is refused where nothing can be asked', async () => {
      const pending = await pendingPayment(app, story);
      const asked = async (): Promise<number> => (await story.verdicts(pending.id, 'query')).length;
      expect(await asked()).to.equal(0);
      expect(saidBy(await visitor.post(pathOf(pending.id, '/check')))).to.match(/is asked/);
      await rest(app);
      expect(await asked()).to.equal(1);
      expect((await auditOf(pending.id)).map(({ action }) => action)).to.deep.equal(['payment.check_asked']);
      const paid = await endPayment(app, story, '0');
      expect(saidBy(await visitor.post(pathOf(paid.id, '/check')))).to.match(/has its result already/);
      expect(await auditOf(paid.id)).to.deep.equal([]);
    });

    it('retry asks the customer again as a new payment, once however often it is clicked', async () => {
      const failed = await endPayment(app, story, '1', { reference: 'AGAIN-1' });
      await move(app, 130_000);
      const [one, two] = await Promise.all([
        visitor.post(pathOf(failed.id, '/retry')),
        visitor.post(pathOf(failed.id, '/retry')),
      ]);
      expect(one.headers.get('location')).to.equal(two.headers.get('location'));
      const retryId = /pay_\w{26}/.exec(one.headers.get('location') ?? '')?.[0] ?? '';
      expect(retryId).not.to.equal(failed.id);
      expect(await story.read(retryId)).to.include({ retry_of: failed.id, reference: 'AGAIN-1', phone: failed.phone });
      expect((await auditOf(failed.id)).map(({ action }) => action)).to.include('payment.retry_asked');
      const later = await visitor.post(pathOf(failed.id, '/retry'));
      expect(saidBy(later)).to.match(/retried already/);
      expect(later.headers.get('location')).to.contain(retryId);
      const { db } = app.gateway.core;
      expect(await db('payments').where({ retry_of: failed.id }).pluck('id')).to.deep.equal([retryId]);
      const html = await page(failed.id);
      expect(formsIn(html)).to.deep.equal([]);
      expect(textOf(html)).to.contain('it was retried as');
      expect(textOf(await page(retryId))).to.contain(failed.id);
    });

    it('retry of what is not ended is refused', async () => {
      const pending = await pendingPayment(app, story);
      expect(saidBy(await visitor.post(pathOf(pending.id, '/retry')))).to.match(/can be retried/);
      expect(await auditOf(pending.id)).to.deep.equal([]);
    });
  });

  describe('its webhooks', () => {
    let receiver: WebhookReceiver;
    let told: Story;
    before(async () => {
      receiver = await startReceiver();
      told = await beginStory(app);
      const body = { url: `${receiver.url}/in`, types: ['*'], description: 'Booking app' };
      expect((await told.call('/v1/webhook-endpoints', { body })).status).to.equal(201);
    });
    after(() => receiver.close());

    it('are listed with state and answer, and are sent again one by one or all of the last change', async () => {
      const paid = await endPayment(app, told, '0');
      await move(app, 1000);
      const before = receiver.requests.length;
      expect(before).to.be.greaterThan(1);
      const html = await page(paid.id);
      expect(textOf(html))
        .to.contain('payment.succeeded')
        .and.contain('Booking app')
        .and.match(/204 in /);
      expect(textOf(html)).to.contain('Delivered').and.contain('was told of this at');
      const again = formsIn(html).find((action) => /webhooks\/whd_/.test(action))!;
      expect(saidBy(await visitor.post(`${again}?mode=test`))).to.match(/sent again/);
      await move(app, 3000);
      expect(receiver.requests.length).to.equal(before + 1);
      expect(saidBy(await visitor.post(pathOf(paid.id, '/webhooks')))).to.match(/sent again/);
      await move(app, 3000);
      expect(receiver.requests.length).to.equal(before + 2);
      const sent = receiver.requests.slice(-2).map(({ body }) => JSON.parse(body).type);
      expect(sent).to.deep.equal(['payment.succeeded', 'payment.succeeded']);
      expect((await auditOf(paid.id)).map(({ action }) => action)).to.deep.equal([
        'payment.webhooks_resent',
        'payment.webhooks_resent',
      ]);
    });

    it('of another payment are not sent from here', async () => {
      const [one, two] = [await endPayment(app, told, '0'), await endPayment(app, told, '1')];
      await move(app, 1000);
      const theirs = formsIn(await page(two.id)).find((action) => /webhooks\/whd_/.test(action))!;
      const crossed = theirs.replace(two.id, one.id);
      expect((await visitor.post(`${crossed}?mode=test`)).status).to.equal(404);
      expect(await auditOf(one.id)).to.deep.equal([]);
    });

    it('that fail say what came and when they are tried again', async () => {
      receiver.answerWith(answers.status(503));
      const paid = await endPayment(app, told, '0');
      await move(app, 1000);
      expect(textOf(await page(paid.id))).to.match(/Trying again .* 503 in [^,]+, next \d\d:\d\d:\d\d/);
      receiver.answerWith(answers.status(204));
    });
  });

  describe('who may', () => {
    it('a viewer sees no form and may do nothing', async () => {
      const viewer = await signedIn(app, { role: 'viewer' });
      const failed = await endPayment(app, story, '1');
      const html = await page(failed.id, viewer);
      expect(formsIn(html)).to.deep.equal([]);
      expect(html).not.to.contain('/phone?');
      expect(textOf(html)).to.contain('Your role may look and not act.');
      for (const act of ['check', 'retry', 'cancel', 'webhooks', 'phone'])
        expect((await viewer.post(pathOf(failed.id, `/${act}`), { reason: 'because' })).status, act).to.equal(403);
      expect((await viewer.get(pathOf(failed.id, '/phone'))).status).to.equal(403);
      expect(await auditOf(failed.id)).to.deep.equal([]);
    });

    it('nothing is done without a token of the session, from elsewhere, or without a session', async () => {
      const paused = await beginPausedStory(app);
      const { id } = await paused.pay();
      const own = /name="_token" value="([^"]+)"/.exec(await page(id))![1]!;
      const foreign = /name="_token" value="([^"]+)"/.exec(await page(id, await signedIn(app)))![1]!;
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const tries: [what: string, headers: Record<string, string>, body: string][] = [
        ['no token', { ...form, origin: app.url }, ''],
        ['a wrong token', { ...form, origin: app.url }, `_token=${randomBytes(24).toString('base64url')}`],
        ['another session’s token', { ...form, origin: app.url }, `_token=${foreign}`],
        ['another origin', { ...form, origin: 'https://evil.example' }, `_token=${own}`],
        ['no origin', form, `_token=${own}`],
        ['no session', { ...form, origin: app.url, cookie: '' }, `_token=${own}`],
      ];
      for (const act of ['cancel', 'retry', 'check', 'webhooks', 'phone'])
        for (const [what, headers, body] of tries) {
          const answer = await fetch(app.url + pathOf(id, `/${act}`), {
            method: 'POST',
            redirect: 'manual',
            headers: { cookie: visitor.cookie, ...headers },
            body,
          });
          expect(answer.status, `${act}: ${what}`).to.be.oneOf([401, 403]);
        }
      expect((await paused.read(id)).status).to.equal('queued');
      expect(await auditOf(id)).to.deep.equal([]);
      expect((await visitor.get(pathOf(id, '/cancel'))).status, 'GET').to.equal(404);
    });
  });

  describe('the customer’s number', () => {
    it('is shown once to who says why, and never written into the audit', async () => {
      const phone = freshPhone();
      const paid = await endPayment(app, story, '0', { phone });
      expect(await page(paid.id)).to.contain(`/console/payments/${paid.id}/phone`);
      const form = await visitor.get(pathOf(paid.id, '/phone'));
      expect(form.html)
        .to.contain('name="reason"')
        .and.not.contain(phone.slice(3, 6) + '\u00a0');
      const without = await visitor.post(pathOf(paid.id, '/phone'), { reason: ' ' });
      expect(without.status).to.equal(400);
      expect(textOf(without.html)).to.contain('Write why');
      expect(await auditOf(paid.id)).to.deep.equal([]);
      const reason = `The customer 0${phone.slice(3)} rang`;
      const shown = await visitor.post(pathOf(paid.id, '/phone'), { reason });
      const spaced = `+254\u00a0${phone.slice(3, 6)}\u00a0${phone.slice(6, 9)}\u00a0${phone.slice(9)}`;
      expect(shown.html).to.contain(spaced);
      expect(shown.headers.get('cache-control')).to.equal('no-store');
      expect(await page(paid.id)).not.to.contain(spaced);
      const [act, ...others] = await auditOf(paid.id);
      expect(others).to.deep.equal([]);
      expect(act).to.include({ action: 'payment.phone_shown', actor: visitor.operator.id });
      expect(act?.reason).to.contain('The customer').and.contain('rang');
      const rows = await app.gateway.core.db('audit_log').where({ target: paid.id });
      expect(JSON.stringify(rows)).not.to.contain(phone.slice(3));
      expect(textOf(await page(paid.id))).to.contain('looked at the phone number: The customer');
    });

    it('asks for the code again when it was given long ago', async () => {
      const paid = await endPayment(app, story, '0');
      const idle = await signedIn(app, { steppedUpAgo: 11 * 60_000 });
      const form = await idle.get(pathOf(paid.id, '/phone'));
      expect(form.status).to.equal(302);
      expect(form.headers.get('location')).to.match(/^\/console\/step-up\?next=/);
      expect((await idle.post(pathOf(paid.id, '/phone'), { reason: 'because' })).status).to.equal(401);
      expect(await auditOf(paid.id)).to.deep.equal([]);
    });
  });

  describe('after all of it', () => {
    it('leaves the audit chain whole', async () => {
      const { db, dataKeys } = app.gateway.core;
      expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: true });
    });
  });
});
