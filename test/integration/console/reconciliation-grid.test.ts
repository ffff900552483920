// The grid of days and shortcodes and the page of one day, read from a real gateway's books; what a cell says is tried in
// every state there is.

import { expect } from 'chai';
import { cellOf } from '../../../src/console/reconciliation-grid.ts';
import type { DayFacts } from '../../../src/console/reconciliation-store.ts';
import { addCoverage } from '../../../src/reconciliation/coverage-store.ts';
import { startOfDay } from '../../../src/reconciliation/line.ts';
import { endOfDay } from '../../../src/reconciliation/nairobi-days.ts';
import { keepBooks } from '../../support/books-stage.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';
import { beginTrouble } from '../../support/trouble-stage.ts';

const text = (html: string): string =>
  html
    .replace(/^.*<main/s, '')
    .replace(/<\/?b\b[^>]*>/g, '')
    .replace(/<[^>]+>|&nbsp;/g, ' ')
    .replace(/[\s\u00a0]+/g, ' ');

/** What the cell of a day says, with where it leads. */
function cellIn(html: string, shortcodeId: string, day: string): string {
  const cell = new RegExp(
    `<a class="day day-(\\w+)" href="/console/reconciliation/days/${shortcodeId}/${day}[^>]*>(.*?)</a>`,
  );
  const [, tone = '', inside = ''] = cell.exec(html.replaceAll('&#x3D;', '=')) ?? [];
  return `${tone}: ${inside
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()}`;
}

describe('console: the grid of reconciliation', () => {
  let app: TestGateway;
  let visitor: Visitor;
  before(async () => {
    app = await buildGateway();
    visitor = await signedIn(app);
  });
  after(() => app.close());

  const facts = (values: Partial<DayFacts> = {}): DayFacts => ({
    close: null,
    open: {},
    toConfirm: 0,
    hasLines: false,
    paidKes: 0,
    ...values,
  });

  it('says the worst that is known of a day, and nothing of one that was not told', () => {
    const closed = { id: 'cls_1', isClean: true };
    const critical = { critical: { count: 1, cents: 1_700_000 } };
    const words = (values: Partial<DayFacts>, isTold = false, isToday = false): string => {
      const { tone, word, figure } = cellOf(facts(values), isTold, isToday);
      return `${tone}: ${word}${figure === null ? '' : ` ${figure}`}`;
    };
    expect(words({})).to.equal('none: Nothing');
    expect(words({ paidKes: 900 })).to.equal('wait: Expected 900');
    expect(words({ hasLines: true })).to.equal('wait: Expected');
    expect(words({}, true)).to.equal('wait: Ready to close');
    expect(words({ paidKes: 34_200_000 }, true)).to.equal('wait: Ready to close 34.2\u00a0M');
    expect(words({ paidKes: 872_000 }, false, true)).to.equal('wait: Open day 872\u00a0k');
    expect(words({ close: closed, paidKes: 10 }, true)).to.equal('ok: Closed 10');
    expect(words({ close: { ...closed, isClean: false } }, true)).to.equal('ok: Closed, variance');
    expect(words({ toConfirm: 2, hasLines: true }, true)).to.equal('warn: 2 suggested');
    expect(
      words({ close: closed, open: { high: { count: 1, cents: 450_000 }, medium: { count: 2, cents: 0 } } }),
    ).to.equal('warn: 3 to look at 4,500');
    expect(words({ close: closed, open: { ...critical, high: { count: 3, cents: 5 } } })).to.equal(
      'bad: 1 critical 17,000',
    );
    expect(words({ open: { info: { count: 4, cents: 0 } } }, true)).to.equal('wait: Ready to close');
  });

  it('shows each day of each shortcode, and nothing of another tenant’s', async () => {
    const books = await keepBooks(app);
    const { shortcodeId, id } = books.tenant;
    await books.sold('2026-10-03 10:00:00', 500, 'UJ3AAAAAAA');
    await books.close('2026-10-03');
    await books.sold('2026-10-04 10:00:00', 700, 'UJ4AAAAAAA');
    await books.discrepancy('orphan_receipt', '2026-10-05', 120_000);
    const { db } = app.gateway.core;
    const [fromAt, toAt] = [startOfDay('2026-10-04'), endOfDay('2026-10-04') + 3 * 3_600_000];
    await addCoverage(db, { shortcodeId, source: 'statement', fromAt, toAt, now: app.clock.now() });
    const { status, html } = await visitor.get(`/console/reconciliation?tenant=${id}&mode=test`);
    expect(status).to.equal(200);
    expect(cellIn(html, shortcodeId, '2026-10-06')).to.equal('wait: Open day');
    expect(cellIn(html, shortcodeId, '2026-10-05')).to.equal('warn: 1 to look at 1,200');
    expect(cellIn(html, shortcodeId, '2026-10-04')).to.equal('wait: Ready to close');
    expect(cellIn(html, shortcodeId, '2026-10-03')).to.equal('ok: Closed');
    expect(cellIn(html, shortcodeId, '2026-10-02')).to.equal('none: Nothing');
    expect(text(html)).to.contain('1 high discrepancy').and.to.contain('No confirmations for 174379');
    const stranger = await signedIn(app, { tenantId: app.tenant.id });
    const theirs = await stranger.get('/console/reconciliation?mode=test');
    expect(theirs.html).not.to.contain(shortcodeId);
    expect(text(theirs.html)).not.to.contain('discrepancy');
    expect((await stranger.get(`/console/reconciliation/days/${shortcodeId}/2026-10-04?mode=test`)).status).to.equal(
      404,
    );
  });

  it('shows a day: what M-PESA moved beside what was paid, who told of it, and what can be done', async () => {
    const books = await keepBooks(app);
    const { shortcodeId, id } = books.tenant;
    await books.sold('2026-10-04 10:00:00', 700, 'UJ4BBBBBBB');
    await books.line({ at: '2026-10-04 11:00:00', receipt: 'UJ4CCCCCCC', amountCents: 30_000 });
    await books.paid('2026-10-04 12:00:00', 50, null);
    const path = `/console/reconciliation/days/${shortcodeId}/2026-10-04`;
    const page = text((await visitor.get(`${path}?tenant=${id}&mode=test`)).html);
    expect(page).to.contain('Money in by M-PESA KES 1,000 2 receipts');
    expect(page).to.contain('Paid here KES 750 2 payments');
    expect(page).to.contain('With their payment 50.0 % 1 of 2 receipts');
    expect(page).to.contain('Without a payment 1').and.to.contain('Paid here, no line known (KES 50) 1');
    expect(page).to.contain('No source has told all of this day yet');
    expect(page).to.contain('Run matching again').and.to.contain('Close the day').and.to.contain('Import a statement');
    expect((await visitor.get(`${path.replace('2026-10-04', 'yesterday')}?mode=test`)).status).to.equal(404);
    const viewer = await signedIn(app, { role: 'viewer' });
    expect(text((await viewer.get(`${path}?mode=test`)).html)).not.to.match(/Run matching|Close the day/);
  });

  it('matches a day again when asked to, and writes down who asked', async () => {
    const trouble = await beginTrouble(app);
    const { db } = app.gateway.core;
    const { shortcodeId } = trouble.stage.owner;
    const push = await trouble.stage.push();
    const [line] = await trouble.stage.add(trouble.stage.lineOf(push));
    const answer = await visitor.post(`/console/reconciliation/days/${shortcodeId}/${line!.day}/run${trouble.query}`);
    expect(answer.status).to.equal(302);
    expect((await trouble.stage.readLine(line!.id)).status).to.equal('matched');
    expect((await trouble.stage.read(push.id)).status).to.equal('succeeded');
    const row = await db('audit_log').where({ action: 'day.reconciled', target: shortcodeId }).first();
    expect(row.actor).to.equal(visitor.operator.id);
    expect(JSON.parse(row.details).after).to.include({ day: line!.day, matched: 1, open: 0 });
  });
});
