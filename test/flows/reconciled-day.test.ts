// A day with ten thousand payments from the first push to the close: told by C2B, Pull and a statement, with five kinds of
// fault planted in M-PESA's record, a different number of each. The discrepancies, the console's grid and day, and the close
// show exactly those; people deal with them, two of them where it takes two; the day closes; and nothing that is told or
// done again changes anything.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CloseDraft } from '../../src/reconciliation/close.ts';
import { previewClose } from '../../src/reconciliation/close-day.ts';
import { verifyCloses } from '../../src/reconciliation/verify-closes.ts';
import { nairobi } from '../support/books-stage.ts';
import { buildGateway, isProductionProfile, type TestGateway, type TestTenant } from '../support/build-gateway.ts';
import {
  bookAllDay,
  busyDay,
  confirmed,
  downloadStatement,
  orphanCount,
  type Sale,
  saleCount,
  sellAllDay,
} from '../support/busy-day.ts';
import {
  base,
  expectedOf,
  type Found,
  fieldOf,
  findOpen,
  importInConsole,
  readGrid,
  readState,
  textOf,
} from '../support/busy-day-view.ts';
import { signedIn, type Visit, type Visitor } from '../support/console-visitor.ts';
import { freshNumber, registerC2b, registerPull } from '../support/feeds.ts';
import { eventually } from '../support/gateway-process.ts';
import { lango } from '../support/lango-command.ts';

const classic = { format: 'classic', type: 'xls' } as const;
const newer = { format: 'newer', type: 'csv' } as const;
/** Each profile reads one format first; the other one tells it all again. */
const [first, second] = isProductionProfile ? [newer, classic] : [classic, newer];
const reason = 'Looked up in the portal of M-PESA.';
const hour = 3_600_000;
/** A wait ends as soon as what it waits for is so. */
const patienceMs = 60_000;

const kes = (amount: number): string => amount.toLocaleString('en-KE');

describe('a day with ten thousand payments and five kinds of fault', function () {
  this.timeout(240_000);
  let app: TestGateway;
  let tenant: TestTenant;
  let shortcode: string;
  let sales: Sale[];
  let query: string;
  let clerk: Visitor;
  let boss: Visitor;

  before(async () => {
    app = await buildGateway();
    // After the night's pull, so that the next one takes six hours and no more.
    app.clock.set(nairobi(`${busyDay} 03:00:00`));
    shortcode = freshNumber();
    tenant = await app.addTenant({ shortcode });
    query = `?tenant=${tenant.id}&mode=test`;
    await registerC2b(app, tenant.shortcodeId);
    await registerPull(app, tenant.shortcodeId);
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    sales = await sellAllDay(app, tenant, shortcode);
    app.clock.set(nairobi('2026-01-06 01:50:00'));
    [clerk, boss] = [await signedIn(app), await signedIn(app)];
  });
  after(() => app.close());

  const db = () => app.gateway.core.db;
  const countLines = async (where: object): Promise<number> => {
    const its = db()('statement_lines').where({ shortcode_id: tenant.shortcodeId }).where(where);
    return Number((await its.count({ count: '*' }).first())?.count);
  };
  const dayPath = (act = ''): string => `${base}/days/${tenant.shortcodeId}/${busyDay}${act}${query}`;
  const runAgain = (): Promise<Visit> => clerk.post(dayPath('/run'));
  const found = (): Promise<Found> => findOpen(app, tenant);
  const expected = (): ReturnType<typeof expectedOf> => expectedOf(app, shortcode, sales);
  const state = (): Promise<Record<string, string>> => readState(app, tenant);
  const give = async (): Promise<string> => {
    const file = await downloadStatement(app, shortcode, first);
    return importInConsole(app, clerk, { file, shortcodeId: tenant.shortcodeId, query });
  };
  const preview = (): Promise<{ draft: CloseDraft; obstacle: string | null }> =>
    previewClose(app.gateway.core, tenant.shortcodeId, busyDay);
  const newClosePath = (): string => `${base}/closes/new${query}&shortcode=${tenant.shortcodeId}&day=${busyDay}`;

  it('is told in part by confirmations: what is wrong in them is found, and nothing else', async () => {
    await bookAllDay(app, shortcode, sales);
    // One of them is missing, one customer paid twice, and money that nobody asked for is confirmed too.
    const count = confirmed.to - confirmed.from - 1 + 1 + orphanCount;
    const look = async () => {
      await app.gateway.feeds.matchDue();
      const isAll = (await countLines({ source: 'c2b' })) === count && (await countLines({ status: 'new' })) === 0;
      return isAll ? true : undefined;
    };
    await eventually('all confirmations, matched', look, patienceMs);
    await runAgain();
    const { open, counts } = await found();
    expect(counts).to.deep.equal({ amount_mismatch: 1, duplicate_payment: 1, orphan_receipt: orphanCount });
    expect(expected().open).to.include.members(open);
  });

  it('is told by its statement; what is missing counts once a source has told two hours more', async () => {
    expect(await give()).to.match(/Known before 0/);
    const { open: all, late } = expected();
    expect((await found()).open).to.deep.equal(all.filter((one) => !one.endsWith(late.paymentId)));
    expect(await app.gateway.feeds.pulls.sweep()).to.deep.equal(['done']);
    const look = async () => {
      const isMatched = (await countLines({ source: 'pull', status: 'new' })) === 0;
      return isMatched && (await found()).open.length === all.length ? true : undefined;
    };
    await eventually('the evening that was pulled, reconciled', look, patienceMs);
    const evening = sales.filter(({ paidAt }) => paidAt >= app.clock.now() - 6 * hour);
    // One of them is missing, and of one the customer paid twice.
    expect(await countLines({ source: 'pull' })).to.equal(evening.length);
    // By whichever clock the rows were written, they are of this evening and not of the night after it.
    expect(await countLines({ source: 'pull', day: busyDay })).to.equal(evening.length);
    expect(evening.length).to.be.within(1000, 2000);
  });

  it('has exactly the discrepancies that were planted: which, of what, and how much is at risk', async () => {
    await runAgain();
    const { late: _, ...all } = expected();
    expect(all.open).to.have.length(25);
    expect(await found()).to.deep.equal(all);
    const rows: Record<string, unknown>[] = await db()('payments')
      .where({ tenant_id: tenant.id })
      .select('status')
      .count({ count: '*' })
      .groupBy('status');
    expect(rows.map(({ status, count }) => [status, Number(count)])).to.deep.equal([['succeeded', saleCount]]);
  });

  /** KES at risk of what is critical, and of what is high. */
  function risks() {
    const { atRiskKes } = expected();
    const of = (...types: (keyof typeof atRiskKes)[]): number =>
      types.reduce((sum, type) => sum + (atRiskKes[type] ?? 0), 0);
    const unproven = of('missing_at_provider', 'amount_mismatch');
    const unexplained = of('duplicate_payment', 'orphan_receipt');
    const reversed = of('reversed_externally');
    return { unproven, unexplained, reversed, critical: unproven, high: unexplained + reversed };
  }

  it('shows exactly those in the grid and on the page of the day', async () => {
    const { critical, high } = risks();
    const { cell, todo } = await readGrid(clerk, query, tenant.shortcodeId);
    expect(cell).to.equal(`7 critical ${kes(critical)}`);
    expect(todo).to.match(new RegExp(`7 critical discrepancies .{0,200}KES ${kes(critical)} `));
    expect(todo).to.match(new RegExp(`18 high discrepancies .{0,200}KES ${kes(high)} `));
    expect(todo).not.to.match(/medium discrepanc|to confirm/);
    const page = textOf((await clerk.get(dayPath())).html);
    expect(page).to.contain(`25 differences open, KES ${kes(critical + high)} at risk; 7 critical.`);
    expect(page).to.contain('10,008 receipts Paid here').and.to.contain('10,000 payments');
    expect(page).to.contain('9,997 of 10,008 receipts').and.to.contain('Reversed, 7 receipts');
    expect(page).to.contain('Matched 9,993 Another amount 4 Without a payment 11 Paid here, no line known');
    expect(page).to.match(/Paid here, no line known \(KES [\d,]+\) 3 /);
  });

  it('shows exactly those in what its close would say', async () => {
    const { counts, atRiskKes } = expected();
    const { unproven, unexplained, reversed } = risks();
    const { draft, obstacle } = await preview();
    expect(obstacle).to.equal(null);
    const told = Object.entries(draft.discrepancies);
    expect(Object.fromEntries(told.map(([type, { count }]) => [type, count]))).to.deep.equal(counts);
    const cents = told.map(([type, { atRiskCents }]) => [type, atRiskCents / 100]);
    expect(Object.fromEntries(cents)).to.deep.equal(atRiskKes);
    expect(draft).to.include({ criticalOpen: 7, isClean: false });
    expect(draft.variance).to.deep.equal({
      balanceCents: 0,
      unexplainedCents: unexplained * 100,
      unprovenCents: unproven * 100,
      totalCents: (unexplained + unproven) * 100,
      writtenOffCents: 0,
      returnedCents: 0,
    });
    expect(draft.movements.payment.count).to.equal(10_008);
    expect(draft.movements.reversal).to.deep.equal({ count: 7, cents: reversed * -100 });
    expect(draft.matching.byStatus).to.deep.equal({ matched: 9_993, mismatch: 4, orphan: 11 });
    expect(draft.balance).to.include({ breaks: 0 });
    const page = textOf((await clerk.get(newClosePath())).html);
    expect(page).to.match(new RegExp(`Does not add up .* Variance .{0,40} ${kes(unexplained + unproven)} `));
    for (const words of [
      'Paid here, no line at M-PESA critical 3',
      'Another amount came than was asked critical 4',
      'The customer paid twice high 5',
      'Money in, no payment high 6',
      'M-PESA took the money back high 7',
    ])
      expect(page).to.contain(`${words} `);
  });

  it('stays as it is when it is told again in the other format, and reconciled again', async () => {
    const before = await state();
    const { name, body } = await downloadStatement(app, shortcode, second);
    const file = join(app.config.dataDir, name);
    writeFileSync(file, body);
    const env = { DATABASE_URL: app.config.databaseUrl, DATA_DIR: app.config.dataDir };
    const args = ['statements', 'import', '--shortcode', tenant.shortcodeId, '--file', file, '--json'];
    const { status, output, errors } = await lango(args, env);
    expect(status, errors).to.equal(0);
    const { rows, ...told } = JSON.parse(output);
    expect(told).to.deep.include({ lines_new: 0, lines_known: rows, errors: [] });
    expect(rows).to.be.above(10_000);
    await runAgain();
    expect(await state()).to.deep.equal(before);
  });

  /** One act with all that are open of a kind, as the console's form sends it; where it led. */
  async function actOnAll(act: string, type: string): Promise<string> {
    const chosen = { do: act, all: '1', type, day: busyDay };
    const shown = await clerk.get(`${base}/discrepancies/bulk-settle${query}&${new URLSearchParams(chosen)}`);
    const fields = { ...chosen, digest: fieldOf(shown, 'digest'), reason };
    const done = await clerk.post(`${base}/discrepancies/bulk-settle${query}`, fields);
    return (done.headers.get('location') ?? '').replace(/\?.*/, '');
  }

  it('is put right by people, by two of them where money is written off', async () => {
    for (const type of ['missing_at_provider', 'duplicate_payment'] as const) {
      const request = await actOnAll('write_off', type);
      await clerk.post(`${request}/approve${query}`);
      expect((await found()).counts[type], 'one person alone').to.equal(expected().counts[type]);
      await boss.post(`${request}/approve${query}`);
    }
    await actOnAll('make_payment', 'orphan_receipt');
    await actOnAll('mark_reversed', 'reversed_externally');
    const its = { tenant_id: tenant.id };
    for (const { id, version } of await db()('discrepancies').where({ ...its, type: 'amount_mismatch' })) {
      const fields = { act: 'accept_amount', version: String(version), reason };
      await clerk.post(`${base}/discrepancies/${id}/settle${query}`, fields);
    }
    const ends = await db()('discrepancies').where(its).select('type', 'status', 'resolution');
    const words = ends.map(({ type, status, resolution }) => `${type} ${status} ${resolution}`);
    expect([...new Set(words)].sort()).to.deep.equal([
      'amount_mismatch closed amount_accepted',
      'duplicate_payment closed written_off',
      'missing_at_provider closed written_off',
      'orphan_receipt closed payment_made',
      'reversed_externally closed marked_reversed',
    ]);
    expect(words, 'each kind in one way').to.have.length(25);
  });

  it('closes with what is left by the word of a second person, and nothing changes it again', async () => {
    // What other sources told of the same receipts is the payments' that were made of them.
    while ((await app.gateway.feeds.matchDue()) > 0);
    const { draft } = await preview();
    // Four customers paid a shilling less than their payments say.
    expect(draft.variance).to.include({ balanceCents: 0, unexplainedCents: 0, unprovenCents: 400, totalCents: 400 });
    expect(draft).to.deep.include({ criticalOpen: 0, discrepancies: {} });
    const seen = fieldOf(await clerk.get(newClosePath()), 'state');
    await clerk.post(`${base}/closes${query}`, { shortcode: tenant.shortcodeId, day: busyDay, state: seen, reason });
    const [, approve = ''] = /action="([^"]+\/approve)/.exec((await boss.get(newClosePath())).html) ?? [];
    await clerk.post(`${approve}${query}`);
    expect(await verifyCloses(db(), tenant.shortcodeId), 'one person alone').to.include({ days: 0 });
    await boss.post(`${approve}${query}`);
    expect(await verifyCloses(db(), tenant.shortcodeId)).to.deep.equal({ isIntact: true, days: 1 });
    expect((await readGrid(clerk, query, tenant.shortcodeId)).cell).to.match(/^Closed, variance/);
    const before = await state();
    await give();
    expect(await db()('statements').where({ tenant_id: tenant.id }), 'files that were given').to.have.length(2);
    await runAgain();
    expect(await state()).to.deep.equal(before);
    expect((await preview()).obstacle).to.contain('is closed already');
  });
});
