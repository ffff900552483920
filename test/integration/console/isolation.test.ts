// Walls between tenants and between roles, beyond the routes themselves: nothing of another tenant is on any page that
// links lead to, no link leads anybody to a page that refuses him, and a form cannot name what is another tenant's.

import { expect } from 'chai';
import { operatorRoles } from '../../../src/console/permissions.ts';
import { renameTenant } from '../../../src/tenants/manage-tenants.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { crawl } from '../../support/console-crawl.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { endPayment, pendingPayment } from '../../support/payment-states.ts';
import { move, type Story, sendCallback, tellStory } from '../../support/payment-story.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

/** Something of a tenant's on each page there is, and the words by which it would be recognised elsewhere. */
interface Estate {
  tenant: TestTenant;
  story: Story;
  receiver: WebhookReceiver;
  marks: string[];
}

describe('console: walls', function () {
  this.timeout(120_000);
  let app: TestGateway;
  let mine: Estate;
  let theirs: Estate;

  before(async () => {
    app = await buildGateway();
    mine = await settle(app.tenant, 'Mboga Wetu');
    theirs = await settle(await app.addTenant({ shortcode: '654321' }), 'Samaki Yao');
  });
  after(async () => {
    await Promise.all([mine.receiver.close(), theirs.receiver.close()]);
    await app.close();
  });

  async function settle(tenant: TestTenant, name: string): Promise<Estate> {
    const { core } = app.gateway;
    await renameTenant(core, tenant.id, name);
    const story = tellStory(app, tenant);
    const receiver = await startReceiver(answers.status(500));
    const word = name.split(' ')[0]!;
    const body = { url: `${receiver.url}/${word}`, types: ['*'], description: `${word} shop` };
    const endpoint = (await story.call('/v1/webhook-endpoints', { body })).body;
    const paid = await endPayment(app, story, '0', { reference: `${word}-1` });
    const unsure = await pendingPayment(app, story, { reference: `${word}-2` });
    const reviewed = await pendingPayment(app, story, { amount: 900, reference: `${word}-3` });
    await sendCallback(app, reviewed.phone, { amount: 9 });
    await move(app, 310_000);
    const operator = await signedIn(app, { tenantId: tenant.id, role: 'owner' });
    const { version } = await story.read(unsure.id);
    const form = { to: 'failed', code: 'other', reason: `${word} says so, and more.`, version: String(version) };
    await operator.post(`/console/payments/${unsure.id}/resolve?mode=test`, form);
    await core
      .db('deliveries')
      .where({ endpoint_id: endpoint.id, status: 'pending' })
      .update({ status: 'dead', due_at: null });
    const { db } = core;
    const deliveries: string[] = await db('deliveries').where({ tenant_id: tenant.id }).pluck('id');
    const evidence: string[] = await db('evidence').where({ tenant_id: tenant.id, source: 'callback' }).pluck('id');
    const approvals: string[] = await db('approvals').where({ tenant_id: tenant.id }).pluck('id');
    const { id, keyId, shortcodeId } = tenant;
    const things = [id, keyId, shortcodeId, endpoint.id, operator.operator.id, paid.id, unsure.id, reviewed.id];
    const marks = [name, `${word} shop`, `${word}-1`, `/${word}`, operator.operator.email, ...things];
    return { tenant, story, receiver, marks: [...marks, ...deliveries, ...evidence, ...approvals] };
  }

  for (const role of operatorRoles) {
    it(`an operator of one tenant (${role}) reaches its pages by links, and nothing of another tenant is on them`, async () => {
      const visitor = await signedIn(app, { role, tenantId: mine.tenant.id });
      const found = new Set<string>();
      const kinds = await crawl(visitor, '/console?mode=test', (path, { status, html }) => {
        expect([200, 302], `a link leads to ${path}`).to.include(status);
        for (const mark of theirs.marks) expect(html, `${path} names ${mark}`).not.to.contain(mark);
        for (const mark of mine.marks) if (html.includes(mark)) found.add(mark);
      });
      const missing = mine.marks.filter((mark) => !found.has(mark) && !/^(whd|opr)_|@/.test(mark));
      expect(missing, 'of its own').to.deep.equal([]);
      expect([...kinds]).to.include.members(['/console/payments.csv', '/console/audit.csv', '/console/approvals/apr_']);
      expect(kinds.has('/console/operators/opr_')).to.equal(role === 'owner');
      expect(kinds.has('/console/system')).to.equal(false);
    });

    it(`an operator of all tenants (${role}) is led to no page that refuses him`, async () => {
      const visitor = await signedIn(app, { role });
      const found = new Set<string>();
      const kinds = await crawl(visitor, '/console?mode=test', (path, { status, html }) => {
        expect([200, 302], `a link leads to ${path}`).to.include(status);
        for (const mark of [...mine.marks, ...theirs.marks]) if (html.includes(mark)) found.add(mark);
      });
      expect(found).to.include(mine.tenant.id).and.include(theirs.tenant.id);
      expect(kinds.has('/console/system')).to.equal(true);
      expect(kinds.has('/console/payments/pay_/resolve')).to.equal(role !== 'viewer');
      expect(kinds.has('/console/shortcodes/sc_/credentials')).to.equal(role !== 'viewer');
      expect(kinds.has('/console/operators')).to.equal(role === 'owner');
    });
  }

  describe('a form that names what is another tenant’s', () => {
    let owner: Visitor;
    beforeEach(async () => {
      owner = await signedIn(app, { role: 'owner', tenantId: mine.tenant.id });
    });

    const counts = async (): Promise<string> => {
      const { db } = app.gateway.core;
      const tables = [
        'api_keys',
        'shortcodes',
        'operators',
        'endpoints',
        'replays',
        'assignments',
        'approvals',
        'deliveries',
      ];
      const rows = await Promise.all(tables.map((table) => db(table).orderByRaw('1')));
      return JSON.stringify(rows);
    };
    const secrets = { consumer_key: 'a', consumer_secret: 'b', passkey: 'c' };

    it('makes, changes and shows nothing there', async () => {
      const { tenant } = theirs;
      const [thing = ''] = theirs.marks.filter((mark) => /^pay_/.test(mark));
      const scope = `?mode=test&tenant=${tenant.id}`;
      const forms: [path: string, fields: Record<string, string>][] = [
        ['/console/keys?mode=test', { tenant: tenant.id, name: 'x', scopes: 'payments:read' }],
        ['/console/shortcodes?mode=test', { tenant: tenant.id, kind: 'paybill', shortcode: '600900', ...secrets }],
        ['/console/operators', { tenant: tenant.id, email: 'x@lango.example', role: 'viewer' }],
        ['/console/operators', { tenant: '', email: 'x@lango.example', role: 'viewer' }],
        [`/console/operators/${owner.operator.id}`, { tenant: tenant.id, role: 'owner', status: 'active' }],
        [`/console/operators/${owner.operator.id}`, { tenant: '', role: 'owner', status: 'active' }],
        [`/console/keys${scope}`, { tenant: mine.tenant.id, name: 'x', scopes: 'payments:read' }],
        [`/console/attention/act${scope}`, { act: 'take', item: thing }],
        [`/console/webhooks/${theirs.marks.find((mark) => /^whe_/.test(mark))}/pause${scope}`, {}],
        [`/console/tenants/${tenant.id}/rename${scope}`, { name: 'Mine now' }],
      ];
      const before = await counts();
      for (const [path, fields] of forms) {
        const answer = await owner.post(path, fields);
        expect(answer.status, `${path} ${JSON.stringify(fields)}`).to.equal(404);
        expectNothing(answer);
      }
      const act = await owner.post('/console/attention/act?mode=test', { act: 'take', item: thing });
      expect(act.status).to.equal(302);
      expect(await counts()).to.equal(before);
    });

    function expectNothing({ html }: Visit): void {
      for (const mark of theirs.marks.filter((one) => !html.includes(`value="${one}"`)))
        if (!/^(ten|pay|whe)_/.test(mark)) expect(html).not.to.contain(mark);
    }
  });
});
