// What strangers write is text wherever it is shown: a merchant's references, descriptions, metadata and names, the
// addresses of endpoints and what they answer, what comes as a callback, what somebody types into a search or a reason.
// Every page that a link of the console leads to is read, and none may hold any of it as markup.

import { expect } from 'chai';
import { insertOperator } from '../../../src/console/operator-store.ts';
import { changeShortcodeStatusAs } from '../../../src/console/shortcode-acts.ts';
import { newOperator } from '../../../src/console/sign-in.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { renameTenant } from '../../../src/tenants/manage-tenants.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { crawl } from '../../support/console-crawl.ts';
import { leadsTo, signedIn, type Visitor } from '../../support/console-visitor.ts';
import { addKey, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest, type Story, sendCallback } from '../../support/payment-story.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const minute = 60_000;

/** Ends a text, an attribute in either kind of quotes and a tag, and begins one that no page of ours has. */
const evil = (name: string): string => `zq"'><zq>${name}`;
/** The same as text; inside of JSON its quote has a backslash. */
const harmless = (name: string): RegExp => new RegExp(`zq\\\\?&quot;&#x27;&gt;&lt;zq&gt;${name}`);

/** What would make it more than text; the address of a page may hold it percent-encoded. */
function expectText(html: string, where: string): void {
  expect(html, `${where}: a tag`).not.to.contain('<zq');
  expect(html, `${where}: an attribute ended`).not.to.match(/zq\\?["']/);
  expect(html, `${where}: a script`).not.to.match(/<script(?! src="\/console\/assets\/[^"<>]+" defer>)/);
  expect(html, `${where}: an address that runs`).not.to.match(/(?:href|action|src)="\s*(?:javascript|data|vbscript):/i);
  expect(html, `${where}: inline`).not.to.match(/<[^>]+ (?:on\w+|style)=/);
}

describe('console: what strangers wrote', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let story: Story;
  let owner: Visitor;
  let receiver: WebhookReceiver;
  const ids = { paid: '', unsure: '', endpoint: '', delivery: '', callback: '', approval: '', key: '' };

  before(async () => {
    app = await buildGateway();
    const { core } = app.gateway;
    const { db, now } = core;
    story = await beginStory(app);
    receiver = await startReceiver(answers.status(500, { 'x-shop': evil('H') }, evil('B')));
    await renameTenant(core, story.tenant.id, evil('T'));
    await renameTenant(core, app.tenant.id, evil('U'));
    owner = await signedIn(app, { role: 'owner' });
    await db('operators')
      .where({ id: owner.operator.id })
      .update({ email: evil('O') });
    const guest = newOperator({
      email: evil('G'),
      role: 'viewer',
      tenantId: null,
      passwordHash: '-',
      createdAt: now(),
    });
    await insertOperator(db, core.sealer, guest);
    ids.key = (await addKey(app, story.tenant, { name: evil('K') })).id;
    const endpoint = { url: `${receiver.url}/hook?${encodeURI(evil('Q'))}`, types: ['*'], description: evil('E') };
    ids.endpoint = (await story.call('/v1/webhook-endpoints', { body: endpoint })).body.id;
    await db('endpoints')
      .where({ id: ids.endpoint })
      .update({ url: `${receiver.url}/hook?${evil('L')}` });
    await tellPayments();
    await breakShortcode();
  });
  after(async () => {
    await receiver.close();
    await app.close();
  });

  /** One that the customer cancelled, with a callback full of it; and one that nobody is sure about and somebody settles. */
  async function tellPayments(): Promise<void> {
    const { db } = app.gateway.core;
    const texts = {
      reference: evil('R'),
      description: evil('D'),
      metadata: JSON.stringify({ [evil('N')]: evil('V') }),
    };
    const unsure = await pendingPayment(app, story);
    ids.unsure = unsure.id;
    await move(app, 310_000);
    await story.until(unsure.id, 'unknown');
    const cancelled = await pendingPayment(app, story);
    ids.paid = cancelled.id;
    await db('payments').whereIn('id', [unsure.id, cancelled.id]).update(texts);
    const row = await db('payments').where({ id: cancelled.id }).first('merchant_request_id', 'checkout_request_id');
    const said = {
      MerchantRequestID: row.merchant_request_id,
      CheckoutRequestID: row.checkout_request_id,
      ResultCode: 1032,
      ResultDesc: evil('C'),
    };
    await sendCallback(app, cancelled.phone, {
      body: JSON.stringify({ Body: { stkCallback: said }, [evil('X')]: evil('Y') }),
    });
    await sendCallback(app, cancelled.phone, { body: `${evil('J')} is not JSON` });
    await rest(app);
    await story.until(cancelled.id, 'cancelled');
    ids.callback = (await db('evidence').where({ payment_id: cancelled.id, source: 'callback' }).first('id')).id;
    const { version } = await story.read(unsure.id);
    const asha = await signedIn(app);
    const form = { to: 'failed', code: 'other', reason: `${evil('W')} and more`, version: String(version) };
    const asked = await asha.post(`/console/payments/${unsure.id}/resolve?mode=test`, form);
    ids.approval = /apr_\w+/.exec(leadsTo(asked))![0];
  }

  /** A failing endpoint, for the strip and the queue; a paused shortcode, with a reason. */
  async function breakShortcode(): Promise<void> {
    const { core } = app.gateway;
    const { db, now } = core;
    await move(app, 2000);
    ids.delivery = (
      await db('deliveries').where({ endpoint_id: ids.endpoint }).whereNot({ attempt_count: 0 }).first('id')
    ).id;
    const dead = await db('deliveries').where({ endpoint_id: ids.endpoint }).whereNot({ id: ids.delivery }).first('id');
    await db('deliveries').where({ id: dead.id }).update({ status: 'dead', due_at: null });
    await db('endpoints')
      .where({ id: ids.endpoint })
      .update({ failing_since: now() - 20 * minute, failure_count: 9 });
    const by = { actor: { id: owner.operator.id, name: evil('O') }, ip: evil('I') };
    const acting = { ...core, auditKey: core.dataKeys.audit };
    await changeShortcodeStatusAs(acting, by, story.tenant.shortcodeId, 'paused', evil('P'));
    await app.clock.advance(1100);
    await createHeartbeat(db, now).beat();
  }

  const read = async (path: string): Promise<string> => {
    const { status, html } = await owner.get(path);
    expect(status, `${path}: ${html.slice(0, 300)}`).to.equal(200);
    return html;
  };

  it('is shown as text on every page that shows it', async () => {
    const pages: [path: string, names: string][] = [
      ['/console?mode=test', 'T'],
      ['/console/payments?mode=test', 'RT'],
      [`/console/payments/${ids.paid}?mode=test`, 'RDNVCXYJTEL'],
      [`/console/payments/${ids.unsure}?mode=test`, 'RDNVTO'],
      [`/console/payments/${ids.unsure}/resolve?mode=test`, 'R'],
      [`/console/approvals/${ids.approval}?mode=test`, 'RW'],
      ['/console/attention?mode=test', 'RT'],
      ['/console/webhooks?mode=test', 'TE'],
      [`/console/webhooks/${ids.endpoint}?mode=test`, 'TEL'],
      [`/console/deliveries/${ids.delivery}?mode=test`, 'HBL'],
      ['/console/callbacks?mode=test', 'CT'],
      [`/console/callbacks/${ids.callback}?mode=test`, 'CXYT'],
      ['/console/tenants?mode=test', 'TU'],
      [`/console/tenants/${story.tenant.id}?mode=test`, 'T'],
      ['/console/shortcodes?mode=test', 'TU'],
      [`/console/shortcodes/${story.tenant.shortcodeId}?mode=test`, 'TPO'],
      ['/console/keys?mode=test', 'TK'],
      [`/console/keys/${ids.key}?mode=test`, 'TK'],
      ['/console/operators?mode=test', 'OG'],
      ['/console/audit?mode=test', 'TOPI'],
      ['/console/me?mode=test', 'O'],
    ];
    for (const [path, names] of pages) {
      const html = await read(path);
      expectText(html, path);
      for (const name of names) expect(html, `${path} shows ${name}`).to.match(harmless(name));
    }
  });

  it('is text on every page that any link leads to', async () => {
    const kinds = await crawl(owner, '/console?mode=test', (path, { status, html, headers }) => {
      expect([200, 302], `a link leads to ${path}`).to.include(status);
      if (/^text\/html/.test(headers.get('content-type') ?? '')) expectText(html, path);
    });
    for (const kind of [
      '/console',
      '/console/payments/pay_',
      '/console/deliveries/whd_',
      '/console/callbacks/evd_',
      '/console/approvals/apr_',
    ])
      expect([...kinds], 'was reached').to.include(kind);
    expect(kinds.size).to.be.greaterThan(30);
  });

  it('is text where it comes back from the address, a form, a cookie or a stream', async () => {
    const typed = encodeURIComponent(evil('Z'));
    for (const path of [
      `/console/payments?mode=test&q=${typed}`,
      `/console/payments?mode=test&t=other&from=${typed}&to=${typed}&shortcode=${typed}`,
      `/console/tenants?mode=test&name=${typed}`,
      `/console/audit?mode=test&target=${typed}&actor=${typed}&from=${typed}`,
      `/console/callbacks?mode=test&verdict=${typed}&from=${typed}`,
      `/console/webhooks/${ids.endpoint}?mode=test&status=${typed}`,
      `/console/attention?mode=test&kind=${typed}`,
      `/console/step-up?next=${typed}`,
      `/console/nothing/${typed}?x=${typed}`,
      `/console/payments/${typed}?mode=test`,
      `/console?mode=${typed}`,
      `/console?tenant=${typed}`,
    ])
      expectText((await owner.get(path)).html, path);
    const door = await fetch(`${app.url}/console/sign-in?next=${typed}`);
    expectText(await door.text(), 'the door');
    const forms: [path: string, fields: Record<string, string>][] = [
      ['/console/tenants', { name: `${evil('Z')}${'z'.repeat(120)}` }],
      ['/console/operators', { email: evil('Z '), role: 'viewer', tenant: '' }],
      [`/console/shortcodes/${story.tenant.shortcodeId}/status?mode=test`, { status: 'active', reason: '' }],
      [`/console/webhooks/${ids.endpoint}/replay?mode=test`, { window: 'day', from: evil('Z'), to: evil('Z') }],
      [`/console/payments/${ids.unsure}/resolve?mode=test`, { to: evil('Z'), receipt: evil('Z'), reason: evil('Z') }],
      ['/console/attention/preview?mode=test', { act: 'take', item: evil('Z'), kind: evil('Z') }],
    ];
    for (const [path, fields] of forms) expectText((await owner.post(path, fields)).html, path);
    const flash = Buffer.from(JSON.stringify({ text: evil('F'), tone: evil('F') })).toString('base64url');
    const flashed = await fetch(`${app.url}/console/me?mode=test`, {
      headers: { cookie: `${owner.cookie}; lango-flash=${flash}; lango-theme=${encodeURIComponent(evil('F'))}` },
    });
    const html = await flashed.text();
    expectText(html, 'a flash');
    expect(html).to.match(harmless('F'));
    const live = await fetch(`${app.url}/console/live?mode=test`, { headers: { cookie: owner.cookie } });
    const reader = live.body!.getReader();
    let heard = '';
    while (!heard.includes('strip-clock')) heard += Buffer.from((await reader.read()).value!).toString();
    await reader.cancel();
    expectText(heard, 'the stream');
    expect(heard).to.match(harmless('T'));
  });
});
