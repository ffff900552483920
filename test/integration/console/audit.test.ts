// The audit log in the console and beneath it: what the page shows and the file holds, that the database refuses to
// change a row, and that a change behind its back shows.

import { expect } from 'chai';
import { appendAudit, listAudit, verifyAudit } from '../../../src/platform/audit-store.ts';
import { inTransaction } from '../../../src/platform/database.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';

const by = { id: 'opr_00000000000000000000000001', name: 'somebody@lango.example' };

describe('the audit log', () => {
  let app: TestGateway;
  let owner: Visitor;
  beforeEach(async () => {
    app = await buildGateway();
    owner = await signedIn(app, { role: 'owner' });
  });
  afterEach(() => app.close());

  async function append(action: string, more: Partial<Parameters<typeof appendAudit>[2]> = {}): Promise<number> {
    const { db, dataKeys, now } = app.gateway.core;
    const entry = { actor: by, action, tenantId: app.tenant.id, target: app.tenant.id, ...more };
    return inTransaction(db, (trx) => appendAudit(trx, dataKeys.audit, entry, now()));
  }

  const page = async (query = ''): Promise<string> => (await owner.get(`/console/audit?mode=test${query}`)).html;
  const actionsIn = (html: string): string[] =>
    [...(/<tbody[\s\S]*<\/tbody>/.exec(html)?.[0] ?? '').matchAll(/scope="row" class="o1">([^<]+)</g)].map(
      (match) => match[1]!,
    );

  it('refuses to change or to remove a row', async () => {
    await append('key.created');
    const { db } = app.gateway.core;
    const refusal = async (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'done',
        (thrown: Error) => thrown.message,
      );
    expect(await refusal(db('audit_log').where({ seq: 1 }).update({ reason: 'x' }))).to.contain('append-only');
    expect(await refusal(db('audit_log').where({ seq: 1 }).delete())).to.contain('append-only');
    expect(await refusal(db('audit_log').delete())).to.contain('append-only');
    expect(await verifyAudit(db, app.gateway.core.dataKeys.audit)).to.include({ isIntact: true, lastSeq: 1 });
  });

  it('shows what was before beside what came after, who, from where and why', async () => {
    const change = { before: { role: 'viewer', status: 'active' }, after: { role: 'operator', status: 'active' } };
    await append('operator.changed', { ...change, reason: 'New <b>shift</b>', ip: '41.90.1.2' });
    const html = await page();
    expect(html).to.contain('<del>viewer</del>').and.contain('<ins>operator</ins>');
    expect(html).not.to.contain('<del>active</del>');
    expect(html).to.contain('somebody@lango.example').and.contain('41.90.1.2').and.contain('New &lt;b&gt;shift');
  });

  it('filters by who, what, target and day, in the address', async () => {
    const { now } = app.gateway.core;
    await append('key.created', { target: 'key_00000000000000000000000001' });
    await append('key.revoked');
    await append('tenant.renamed', { actor: { id: 'cli', name: 'root on the command line' } });
    expect(actionsIn(await page())).to.deep.equal(['Tenant renamed', 'Key revoked', 'Key created']);
    expect(actionsIn(await page('&actor=cli'))).to.deep.equal(['Tenant renamed']);
    expect(actionsIn(await page('&action=key.revoked'))).to.deep.equal(['Key revoked']);
    expect(actionsIn(await page('&target=key_00000000000000000000000001'))).to.deep.equal(['Key created']);
    const day = (ms: number): string => new Date(now() + 3 * 3_600_000 + ms).toISOString().slice(0, 10);
    const [today, yesterday] = [day(0), day(-86_400_000)];
    expect(actionsIn(await page(`&from=${today}&to=${today}`))).to.have.length(3);
    expect(actionsIn(await page(`&to=${yesterday}`))).to.have.length(0);
    expect(actionsIn(await page('&from=nonsense&before=nonsense'))).to.have.length(3);
  });

  it('pages by key: each row once, however long the log', async () => {
    for (let count = 0; count < 120; count += 1) await append('key.created', { after: { count } });
    const seen: number[] = [];
    let query: string | undefined = '';
    while (query !== undefined) {
      const html = await page(query);
      seen.push(...[...html.matchAll(/>row (\d+)</g)].map((match) => Number(match[1])));
      const before: string | undefined = /before(?:=|&#x3D;)(\d+)">Older/.exec(html)?.[1];
      query = before === undefined ? undefined : `&before=${before}`;
    }
    expect(seen).to.deep.equal(Array.from({ length: 120 }, (_, index) => 120 - index));
  });

  it('is a file of exactly the filter, that no spreadsheet runs', async () => {
    for (let count = 0; count < 3; count += 1) await append('key.created', { after: { count } });
    await append('key.revoked', { reason: '=HYPERLINK("http://evil.example")' });
    const file = await owner.get('/console/audit.csv?mode=test&action=key.revoked');
    expect(file.headers.get('content-type')).to.contain('text/csv');
    expect(file.headers.get('content-disposition')).to.match(/^attachment; filename="lango-audit-2026-10-06\.csv"$/);
    const lines = file.html.trim().split('\r\n');
    expect(lines).to.have.length(2);
    expect(lines[1]).to.contain(`"'=HYPERLINK(""http://evil.example"")"`);
    const whole = await owner.get('/console/audit.csv?mode=test');
    expect(whole.html.trim().split('\r\n')).to.have.length(5);
  });

  it('shows a tenant’s operators what was done for their tenant, and nothing else', async () => {
    const other = await app.addTenant({ shortcode: '654321' });
    await append('key.created');
    await append('key.revoked', { tenantId: other.id, target: other.keyId });
    await append('operator.created', { tenantId: null });
    const own = await signedIn(app, { role: 'viewer', tenantId: app.tenant.id });
    const { html } = await own.get('/console/audit?mode=test');
    expect(actionsIn(html)).to.deep.equal(['Key created']);
    expect(html).to.contain('Chain intact').and.not.contain('to row');
    expect((await own.get('/console/audit.csv?mode=test')).html).not.to.contain(other.keyId);
    expect(actionsIn((await own.get(`/console/audit?mode=test&target=${other.keyId}`)).html)).to.deep.equal([]);
  });

  it('says how far the chain is intact, and where it breaks when a row was changed behind the triggers', async () => {
    for (const action of ['key.created', 'key.rolled', 'key.revoked']) await append(action);
    expect(await page()).to.contain('Chain intact to row 3');
    await append('tenant.renamed');
    app.clock.set(app.clock.now() + 6000);
    expect(await page(), 'what was added').to.contain('Chain intact to row 4');
    const { db, dataKeys } = app.gateway.core;
    await db.raw('DROP TRIGGER audit_log_no_update');
    await db('audit_log').where({ seq: 2 }).update({ actor_name: 'somebody.else@lango.example' });
    expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: false, brokenSeq: 2 });
    app.clock.set(app.clock.now() + 31 * 60_000);
    owner = await signedIn(app, { role: 'owner' });
    expect(await page()).to.contain('Chain broken at row 2: the row was changed');
  });

  it('notices a row that was taken out, the last ones too, and one that was put in by who lacks the key', async () => {
    for (const action of ['key.created', 'key.rolled', 'key.revoked']) await append(action);
    const { db, dataKeys } = app.gateway.core;
    await db.raw('DROP TRIGGER audit_log_no_delete');
    const last = await db('audit_log').where({ seq: 3 }).first();
    await db('audit_log').where({ seq: 3 }).delete();
    expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: false, brokenSeq: 3 });
    await db('audit_log').insert({ ...last, reason: 'another reason' });
    expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: false, brokenSeq: 3 });
    await db('audit_log').where({ seq: 3 }).delete();
    await db('audit_log').insert(last);
    expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: true, lastSeq: 3 });
    await db('audit_log').where({ seq: 1 }).delete();
    expect(await verifyAudit(db, dataKeys.audit)).to.include({ isIntact: false, brokenSeq: 1 });
    expect((await listAudit(db, { tenantId: null, limit: 10 })).map(({ seq }) => seq)).to.deep.equal([3, 2]);
  });

  it('keeps its numbers without gaps when many act at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, count) => append('key.created', { after: { count } })));
    expect(await verifyAudit(app.gateway.core.db, app.gateway.core.dataKeys.audit)).to.include({ lastSeq: 20 });
  });
});
