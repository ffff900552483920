// Needs attention: each kind of row comes when its cause does and goes with it; what is counted is the same on the page,
// on Home and in the navigation; several are given to somebody, or asked about, after a look at exactly which.

import { expect } from 'chai';
import { countTransitions } from '../../../src/payments/hourly-stats-relay.ts';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { type Answer, buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { flashOf, leadsTo, signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move, rest, type Story, sendCallback } from '../../support/payment-story.ts';
import { insertSeeded, seededRows } from '../../support/seeded-payments.ts';
import { answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;

interface Row {
  severity: string;
  title: string;
  detail: string;
  kes: string;
  age: string;
  with: string;
  href: string;
  key: string;
}

const plain = (html: string): string =>
  html
    .replace(/<[^>]+>/g, '')
    .replaceAll('&#x3D;', '=')
    .replaceAll('&amp;', '&')
    .replaceAll('\u00a0', ' ')
    .trim();

function rowsOf({ html }: Visit): Row[] {
  const groups = html.split('<tbody role="rowgroup">').slice(1);
  return groups.flatMap((group) => {
    const [head, ...rows] = group.split('<tr role="row">').filter((part) => part.includes('</t'));
    const severity = plain(/<span class="st[^>]*>(.*?)<\/span>/.exec(head ?? group)?.[1] ?? '');
    return [head ?? '', ...rows]
      .filter((row) => row.includes('<th role="rowheader" scope="row"'))
      .map((row) => {
        const cells = [...row.matchAll(/<t[dh] role="\w+"[^>]*>(.*?)<\/t[dh]>/gs)].map(([, cell = '']) => cell);
        return {
          severity,
          title: plain(/<a [^>]*>(.*?)<\/a>/s.exec(row)?.[1] ?? ''),
          detail: plain(/<span class="sub">(.*?)<\/span>/s.exec(row)?.[1] ?? ''),
          kes: plain(cells[2] ?? ''),
          age: plain(cells[3] ?? ''),
          with: plain(cells[4] ?? ''),
          href: plain(/<a href="([^"]+)"/.exec(row)?.[1] ?? ''),
          key: /name="item" value="([^"]+)"/.exec(row)?.[1] ?? '',
        };
      });
  });
}

describe('console: needs attention', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let story: Story;
  let visitor: Visitor;
  beforeEach(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    visitor = await signedIn(app);
  });
  afterEach(() => app.close());

  async function look(query = '', who = visitor): Promise<Visit> {
    await app.clock.advance(1100);
    await createHeartbeat(app.gateway.core.db, app.gateway.core.now).beat();
    const visit = await who.get(`/console/attention?mode=test${query}`);
    expect(visit.status, visit.html).to.equal(200);
    return visit;
  }
  const rows = async (query = '', who = visitor): Promise<Row[]> => rowsOf(await look(query, who));
  const titles = async (query = ''): Promise<string[]> => (await rows(query)).map(({ title }) => title);
  const counted = ({ html }: Visit): number => Number(/class="rail-count">(\d+)</.exec(html)?.[1] ?? 0);

  async function unsure(body: Record<string, unknown> = {}): Promise<Answer['body']> {
    const pending = await pendingPayment(app, story, body);
    await move(app, 310 * second);
    return story.until(pending.id, 'unknown');
  }

  it('is empty on a good day, and says so', async () => {
    await endPayment(app, story, '0');
    const page = await look();
    expect(page.html).to.contain('Nothing needs you.');
    expect(counted(page)).to.equal(0);
  });

  describe('a payment nobody is sure about', () => {
    it('comes when it is five minutes old, weighs more after half an hour, and goes when M-PESA is heard', async () => {
      const pending = await pendingPayment(app, story, { amount: 700, reference: 'INV-7' });
      expect(await rows()).to.deep.equal([]);
      await move(app, 310 * second);
      await story.until(pending.id, 'unknown');
      const [row, ...others] = await rows();
      expect(others).to.deep.equal([]);
      expect(row).to.include({ severity: 'Medium', title: 'No clear answer from M-PESA', kes: '700', with: 'Nobody' });
      expect(row!.detail).to.equal('Duka la Majaribio, payment INV-7');
      expect(leadsTo(await visitor.get(row!.href)), 'no redirect').to.equal('');
      await move(app, 25 * minute);
      visitor = await signedIn(app);
      expect((await rows())[0]).to.include({ severity: 'High' });
      await sendCallback(app, pending.phone);
      await rest(app);
      expect(await rows()).to.deep.equal([]);
    });
  });

  describe('a payment under review', () => {
    it('says what came, is critical where money did, and goes when it is settled', async () => {
      const pending = await pendingPayment(app, story, { amount: 10_000 });
      await sendCallback(app, pending.phone, { amount: 1000 });
      await rest(app);
      const [row] = await rows();
      expect(row).to.include({ severity: 'Critical', kes: '1,000' });
      expect(row!.title).to.equal('Another amount arrived than asked: KES 1,000 for KES 10,000');
      expect(await titles('&kind=review')).to.have.length(1);
      expect(await titles('&kind=unsure')).to.have.length(0);
      const { version } = await story.read(pending.id);
      const form = { to: 'failed', code: 'reversed', reason: 'The customer has it back.', version: String(version) };
      const asked = await visitor.post(`/console/payments/${pending.id}/resolve?mode=test`, form);
      const other = await signedIn(app);
      expect((await rows('&kind=approval', other))[0]).to.include({
        title: 'An approval waits for you: a payment as not paid',
        kes: '–',
        href: leadsTo(asked),
      });
      expect(await titles('&kind=approval')).to.deep.equal([
        'Your request waits for somebody else: a payment as not paid',
      ]);
      await other.post(leadsTo(asked).replace('?', '/approve?'));
      expect(await rows()).to.deep.equal([]);
    });
  });

  describe('webhooks', () => {
    let receiver: WebhookReceiver;
    beforeEach(async () => {
      receiver = await startReceiver(answers.status(500));
    });
    afterEach(() => receiver.close());

    async function endpointOf(): Promise<string> {
      const made = await story.call('/v1/webhook-endpoints', { body: { url: `${receiver.url}/in`, types: ['*'] } });
      expect(made.status, made.text).to.equal(201);
      return made.body.id;
    }

    it('given up: come, are sent again, and go; older than a replay reaches, they go by themselves', async () => {
      const id = await endpointOf();
      await endPayment(app, story, '0');
      const { db } = app.gateway.core;
      await db('deliveries').where({ endpoint_id: id }).update({ status: 'dead', due_at: null });
      const [row] = await rows();
      expect(row!.title).to.match(/^\d deliveries were given up at 127\.0\.0\.1:\d+$/);
      expect(row).to.include({ severity: 'Medium', kes: '–', key: id });
      receiver.answerWith(answers.status(204));
      const replay = { window: 'day', only: 'failed', from: '', to: '' };
      expect(flashOf(await visitor.post(`/console/webhooks/${id}/replay?mode=test`, replay))).to.match(/sent again/);
      await move(app, 5 * second);
      await move(app, 5 * second);
      expect(await titles()).to.deep.equal([]);
      await db('deliveries').where({ endpoint_id: id }).update({ status: 'dead', due_at: null });
      expect(await titles()).to.have.length(1);
      app.clock.set(app.clock.now() + 31 * day);
      visitor = await signedIn(app);
      expect(await titles()).to.deep.equal([]);
    });

    it('switched off: comes with what is held, and goes when it is enabled', async () => {
      const id = await endpointOf();
      receiver.answerWith(answers.status(410));
      await endPayment(app, story, '0');
      await move(app, 5 * second);
      const [row] = await rows();
      expect(row!.title).to.match(/^Webhooks to 127\.0\.0\.1:\d+ are switched off: \d deliver(y waits|ies wait)$/);
      expect(row!.detail).to.contain('it answered 410 Gone');
      expect(row).to.include({ severity: 'High', href: `/console/webhooks/${id}?mode=test` });
      receiver.answerWith(answers.status(204));
      await visitor.post(`/console/webhooks/${id}/enable?mode=test`);
      await move(app, 5 * second);
      expect(await titles()).to.deep.equal([]);
    });
  });

  it('refused settings come, say when they are repaired, and go after a day', async () => {
    app.simulator.control.setFault({ group: 'push', fault: 'wrong_credentials', reach: 'next' });
    const { id } = await story.pay();
    await story.until(id, 'failed');
    while ((await countTransitions(app.gateway.core)) > 0);
    const [row] = await rows('&kind=settings');
    expect(row).to.include({ severity: 'High', title: 'Settings of paybill 174379 refused 1 time', kes: '–' });
    expect(row!.href).to.equal(`/console/shortcodes/${story.tenant.shortcodeId}?mode=test`);
    await move(app, minute);
    await endPayment(app, story, '0');
    while ((await countTransitions(app.gateway.core)) > 0);
    const repaired = (await rows())[0]!;
    expect(repaired).to.include({ severity: 'Medium' });
    expect(repaired.detail).to.match(/; repaired, none since \d\d:\d\d:\d\d$/);
    app.clock.set(app.clock.now() + day + minute);
    visitor = await signedIn(app);
    expect(await titles()).to.deep.equal([]);
  });

  it('the worst comes first: severity, then money, then age', async () => {
    const at = app.clock.now() - 10 * minute;
    const given = { tenantId: story.tenant.id, shortcodeId: story.tenant.shortcodeId };
    const { db } = app.gateway.core;
    const add = async (createdAt: number, amountKes: number, to: 'unknown' | 'needs_review'): Promise<void> => {
      const rows = seededRows({ ...given, createdAt, amountKes }, [{ to, at: createdAt + minute }]);
      Object.assign(rows.payments[0]!, to === 'needs_review' ? { review_reason: 'no_answer' } : {});
      await insertSeeded(db, rows);
    };
    await add(at, 50, 'unknown');
    await add(at - minute, 50, 'unknown');
    await add(at, 900, 'unknown');
    await add(at, 10, 'needs_review');
    const found = await rows();
    expect(found.map(({ severity, kes, age }) => [severity, kes, age])).to.deep.equal([
      ['High', '10', '10 min'],
      ['Medium', '900', '10 min'],
      ['Medium', '50', '11 min'],
      ['Medium', '50', '10 min'],
    ]);
  });

  it('counts and sums everything that is open, though it lists the oldest only; Home and the navigation agree', async () => {
    const given = { tenantId: story.tenant.id, shortcodeId: story.tenant.shortcodeId, amountKes: 10 };
    const all = Array.from({ length: 205 }, (_, n) => {
      const createdAt = app.clock.now() - 10 * minute - n * second;
      return seededRows({ ...given, createdAt }, [{ to: 'unknown', at: createdAt + minute }]);
    });
    for (const some of all) await insertSeeded(app.gateway.core.db, some);
    const page = await look();
    expect(plain(page.html)).to.contain('205 open, KES 2,050 at risk').and.contain('There are more than fit');
    expect(rowsOf(page)).to.have.length(200);
    expect(counted(page)).to.equal(205);
    const home = plain((await visitor.get('/console?mode=test')).html);
    expect(home).to.contain('205 payments not sure yet').and.contain('KES 2,050 at risk');
  });

  describe('several at once', () => {
    const choose = (act: string, items: readonly string[], more: Record<string, string> = {}): Promise<Visit> =>
      visitor.post('/console/attention/preview?mode=test', { act, item: items, ...more });
    const act = (what: string, items: readonly string[], who = visitor): Promise<Visit> =>
      who.post('/console/attention/act?mode=test', { act: what, item: items });
    const itemsIn = ({ html }: Visit): string[] =>
      [...html.matchAll(/name="item" value="([^"]+)"/g)].map(([, key = '']) => key);
    const withOf = async (key: string): Promise<string> => (await rows()).find((row) => row.key === key)!.with;

    it('are given to who takes them and to nobody, which everybody sees and the audit log keeps', async () => {
      const [one, two] = [await unsure(), await unsure()];
      const preview = await choose('take', [one.id]);
      expect(plain(preview.html)).to.contain('Assign to me: 1').and.contain(one.reference);
      expect(itemsIn(preview)).to.deep.equal([one.id]);
      expect(await withOf(one.id), 'a preview does nothing').to.equal('Nobody');
      expect(flashOf(await act('take', [one.id]))).to.equal('Assign to me: done for 1 of 1.');
      expect([await withOf(one.id), await withOf(two.id)]).to.deep.equal([visitor.operator.email, 'Nobody']);
      const other = await signedIn(app);
      expect((await rows('', other)).find(({ key }) => key === one.id)!.with).to.equal(visitor.operator.email);
      await act('take', [one.id, two.id], other);
      expect([await withOf(one.id), await withOf(two.id)]).to.deep.equal([other.operator.email, other.operator.email]);
      await act('drop', [one.id]);
      expect(await withOf(one.id)).to.equal('Nobody');
      const acts = await listAudit(app.gateway.core.db, { tenantId: null, target: one.id, limit: 10 });
      expect(acts.map(({ action, after }) => [action, after!.with])).to.deep.equal([
        ['attention.assigned', null],
        ['attention.assigned', other.operator.email],
        ['attention.assigned', visitor.operator.email],
      ]);
      expect(acts[0]).to.include({ actor: visitor.operator.id, tenantId: story.tenant.id, ip: '127.0.0.1' });
    });

    it('by filter: a preview of exactly what it will be, and then that', async () => {
      const [one, two] = [await unsure({ amount: 300 }), await unsure({ amount: 400 })];
      const reviewed = await pendingPayment(app, story, { amount: 5000 });
      await sendCallback(app, reviewed.phone, { amount: 50 });
      await rest(app);
      const preview = await choose('check', [], { which: 'all', kind: 'unsure' });
      expect(plain(preview.html)).to.contain('Ask M-PESA again: 2').and.contain('KES 700 at risk in all');
      expect(itemsIn(preview).sort()).to.deep.equal([one.id, two.id].sort());
      const queries = async (): Promise<number[]> =>
        Promise.all([one, two].map(async ({ id }) => (await story.verdicts(id, 'query')).length));
      // What was asked about in the last quarter of a minute is not asked about again.
      await move(app, 20 * second);
      const before = await queries();
      expect(flashOf(await act('check', itemsIn(preview)))).to.equal('Ask M-PESA again: done for 2 of 2.');
      await move(app, second);
      expect(await queries()).to.deep.equal(before.map((count) => count + 1));
      const { db } = app.gateway.core;
      const asked = await listAudit(db, { tenantId: null, action: 'payment.check_asked', limit: 10 });
      expect(asked.map(({ target }) => target).sort()).to.deep.equal([one.id, two.id].sort());
    });

    it('what cannot be asked about is left alone, and the preview says how many', async () => {
      const one = await unsure();
      const reviewed = await pendingPayment(app, story);
      await sendCallback(app, reviewed.phone, { amount: 1 });
      await rest(app);
      const preview = await choose('check', [one.id, reviewed.id]);
      expect(itemsIn(preview)).to.deep.equal([one.id]);
      expect(plain(preview.html)).to.contain('1 of what you chose cannot be asked about');
      expect(flashOf(await act('check', [reviewed.id]))).to.equal('Ask M-PESA again: done for 0 of 1.');
    });

    it('what is settled meanwhile, was never there, or is another tenant’s is not touched', async () => {
      const one = await unsure();
      const limited = await signedIn(app, { tenantId: app.tenant.id });
      expect(flashOf(await act('take', [one.id], limited))).to.match(/Nothing of what was chosen is open/);
      const preview = await choose('take', [one.id]);
      await sendCallback(app, one.phone);
      await rest(app);
      expect(flashOf(await act('take', itemsIn(preview)))).to.match(/Nothing of what was chosen is open/);
      expect(flashOf(await choose('take', ['nonsense']))).to.match(/Nothing of what was chosen/);
      expect(flashOf(await choose('take', []))).to.match(/nothing was chosen/);
      expect((await choose('burn', [one.id])).status).to.equal(400);
      expect((await choose('constructor', [one.id])).status).to.equal(400);
      expect(await app.gateway.core.db('assignments')).to.have.length(0);
      expect(await listAudit(app.gateway.core.db, { tenantId: null, target: one.id, limit: 9 })).to.have.length(0);
    });

    it('a viewer sees the list and no way to act', async () => {
      const one = await unsure();
      const viewer = await signedIn(app, { role: 'viewer' });
      const page = await look('', viewer);
      expect(rowsOf(page)).to.have.length(1);
      expect(page.html).not.to.contain('name="act"').and.not.contain('name="item"');
      expect((await act('take', [one.id], viewer)).status).to.equal(403);
    });
  });

  it('shows an operator of one tenant that tenant, and a chosen tenant alone', async () => {
    const one = await unsure();
    const limited = await signedIn(app, { tenantId: app.tenant.id });
    expect(await rows('', limited)).to.deep.equal([]);
    expect(await rows(`&tenant=${app.tenant.id}`)).to.deep.equal([]);
    expect((await rows(`&tenant=${story.tenant.id}`)).map(({ key }) => key)).to.deep.equal([one.id]);
    const own = await signedIn(app, { tenantId: story.tenant.id });
    expect((await rows('', own)).map(({ key }) => key)).to.deep.equal([one.id]);
    expect((await limited.get(`/console/attention?mode=test&tenant=${story.tenant.id}`)).status).to.equal(404);
  });
});
