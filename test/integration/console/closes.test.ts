// Closing days in the console: looked at first, closed by one person where all adds up and by two where it does not, and
// what is closed as a page and as a file.

import { expect } from 'chai';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { verifyCloses } from '../../../src/reconciliation/verify-closes.ts';
import { type Books, keepBooks } from '../../support/books-stage.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';

const monday = '2026-10-05';
const path = '/console/reconciliation/closes';

describe('closes in the console', () => {
  let app: TestGateway;
  let books: Books;
  let clerk: Visitor;
  let boss: Visitor;
  let viewer: Visitor;
  before(async () => {
    app = await buildGateway();
    [clerk, boss, viewer] = await Promise.all([
      signedIn(app, { role: 'operator' }),
      signedIn(app, { role: 'owner' }),
      signedIn(app, { role: 'viewer' }),
    ]);
  });
  beforeEach(async () => {
    books = await keepBooks(app);
  });
  after(() => app.close());

  const newPath = (): string => `${path}/new?mode=test&shortcode=${books.tenant.shortcodeId}&day=${monday}`;
  const stateOf = ({ html }: Visit): string => /name="state" value="(\w{64})"/.exec(html)?.[1] ?? '';
  const locationOf = ({ headers }: Visit): string => (headers.get('location') ?? '').replace(app.url, '');
  const submit = async (who: Visitor, reason: string, state?: string): Promise<Visit> => {
    const form = { shortcode: books.tenant.shortcodeId, day: monday, reason };
    return who.post(`${path}?mode=test`, { ...form, state: state ?? stateOf(await who.get(newPath())) });
  };
  /** Where the form that agrees, or turns down, leads; empty where there is none. */
  const actionOf = ({ html }: Visit, act: 'approve' | 'reject' = 'approve'): string =>
    (new RegExp(`action="([^"]+/${act}[^"]*)"`).exec(html)?.[1] ?? '').replace('&#x3D;', '=');

  it('names the day that comes next, and shows it before it is closed', async () => {
    await books.sold(`${monday} 09:00:00`, 1500, 'UJ1', 1_500_00);
    const list = await clerk.get(`${path}?mode=test&tenant=${books.tenant.id}`);
    expect(list.html).to.contain('Next to close').and.contain('Mon 5 Oct 2026').and.contain('No day is closed');
    const page = await clerk.get(newPath());
    expect(page.status).to.equal(200);
    expect(page.html).to.contain('What M-PESA says moved').and.contain('1,500').and.contain('Clean');
    expect(page.html).to.contain('Close Mon 5 Oct 2026</button>');
    expect((await viewer.get(`${path}?mode=test`)).html)
      .to.contain('Mon 5 Oct 2026')
      .and.not.contain('/closes/new');
    expect((await viewer.get(newPath())).status).to.equal(403);
  });

  it('closes a day that adds up at once, writes down who did, and shows it for ever', async () => {
    await books.sold(`${monday} 09:00:00`, 1500, 'UJ1', 1_500_00);
    const done = await submit(clerk, '');
    const where = locationOf(done);
    expect(where).to.match(/\/closes\/cls_\w{26}\?mode=test$/);
    const page = await viewer.get(where);
    expect(page.html).to.contain('Mon 5 Oct 2026').and.contain('Hash (SHA-256)').and.contain(clerk.operator.email);
    const [act] = await listAudit(app.gateway.core.db, { tenantId: books.tenant.id, limit: 1 });
    expect(act).to.include({ action: 'day.closed', actor: clerk.operator.id, ip: '127.0.0.1' });
    expect(page.html).to.contain(String(act!.after!.hash));
    expect(await verifyCloses(app.gateway.core.db, books.tenant.shortcodeId)).to.deep.equal({
      isIntact: true,
      days: 1,
    });
    const list = await viewer.get(`${path}?mode=test&tenant=${books.tenant.id}`);
    expect(list.html).to.contain(where.split('?')[0]!);
    expect(locationOf(await clerk.get(newPath()))).to.equal(where);
    expect((await submit(clerk, '', 'x')).html).to.contain('is closed already');
  });

  it('asks a second person where a day does not add up, who agrees to the very figures', async () => {
    await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1', amountCents: 720_50 });
    const page = await clerk.get(newPath());
    expect(page.html).to.contain('Does not add up').and.contain('720.50').and.contain('Ask to close');
    const silent = await submit(clerk, ' ');
    expect(silent.status).to.equal(400);
    expect(silent.html).to.contain('Write why');
    await submit(clerk, 'Paid at the till, no prompt.');
    const asked = await clerk.get(newPath());
    expect(asked.html).to.contain('Paid at the till, no prompt.').and.contain('You asked for this yourself');
    expect(actionOf(asked)).to.equal('');
    const approve = actionOf(await boss.get(newPath()));
    expect((await viewer.post(approve)).status).to.equal(403);
    await clerk.post(approve);
    expect((await clerk.get(newPath())).status, 'still open').to.equal(200);
    await boss.post(approve);
    const closed = await viewer.get(locationOf(await clerk.get(newPath())));
    expect(closed.html).to.contain('Agreed to by').and.contain('Paid at the till, no prompt.');
  });

  it('does nothing once the day has changed, and says so', async () => {
    await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1' });
    const stale = stateOf(await clerk.get(newPath()));
    await submit(clerk, 'We know of it.');
    const approve = actionOf(await boss.get(newPath()));
    await books.line({ at: `${monday} 09:01:00`, receipt: 'UJ2' });
    expect((await boss.get(newPath())).html).to.contain('The day has changed since this was asked for');
    expect((await submit(boss, 'We know of it.', stale)).html).to.contain('has changed since you opened this page');
    await boss.post(approve);
    const page = await boss.get(newPath());
    expect(page.html).not.to.contain('asks to close this day');
    expect(page.html).to.contain('Ask to close');
  });

  it('is turned down by the second person, and withdrawn by the first', async () => {
    await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1' });
    for (const [who, word] of [
      [boss, 'Turn down'],
      [clerk, 'Withdraw'],
    ] as const) {
      await submit(clerk, 'We know of it.');
      const page = await who.get(newPath());
      expect(page.html).to.contain(`>${word}</button>`);
      await who.post(actionOf(page, 'reject'));
      expect((await clerk.get(newPath())).html).not.to.contain('asks to close this day');
    }
  });

  it('says why a day cannot be closed, and offers no form', async () => {
    await books.line({ at: `${monday} 09:00:00`, receipt: 'UJ1', status: 'new' });
    const page = await clerk.get(newPath());
    expect(page.html).to.contain('1 line waits to be matched').and.not.contain('name="state"');
    expect(
      (await clerk.get(`${path}/new?mode=test&shortcode=${books.tenant.shortcodeId}&day=2026-02-30`)).status,
    ).to.equal(400);
    expect((await clerk.get(`${path}/new?mode=test`)).status).to.equal(400);
  });

  it('makes a file that a spreadsheet runs nothing of', async () => {
    await books.sold(`${monday} 09:00:00`, 1500, 'UJ1', 1_500_00);
    const out = { kind: 'charge', receipt: 'UJ1', amountCents: -5_50, balanceCents: 1_494_50 } as const;
    await books.line({ at: `${monday} 09:00:01`, ...out });
    const where = locationOf(await submit(clerk, '=HYPERLINK("https://evil.example", "note")'));
    const file = await viewer.get(where.replace('?', '/csv?'));
    expect(file.headers.get('content-type')).to.equal('text/csv; charset=utf-8');
    expect(file.headers.get('content-disposition')).to.contain(`close-174379-${monday}.csv`);
    // A reader of text takes the byte order mark away.
    const rows = file.html.replace(/^\ufeff/, '').split('\r\n');
    expect(rows[0]).to.equal('Section,Item,Lines,KES,Note');
    expect(rows).to.include('What M-PESA says moved,Money in,1,1500,');
    expect(rows).to.include('What M-PESA says moved,Charges,1,-5.5,');
    expect(rows).to.include(`Close,Reason,,,"'=HYPERLINK(""https://evil.example"", ""note"")"`);
    for (const row of rows) expect(row).not.to.match(/(^|,)"?[=+@]/);
  });
});
